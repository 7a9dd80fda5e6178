"""What a reader needs to know about how a student learns, in whole sentences."""

from collections.abc import Iterable, Mapping

from plackett.data import RankingLists
from plackett.data._batches import judged_lists
from plackett.distillation._lists import left_out
from plackett.distillation._options import Options
from plackett.distillation._score_cache import default_folder
from plackett.distillation._teachers import COLUMN, Cache, ScoredLists, Teacher
from plackett.evaluation.systems.base import count
from plackett.losses._base import RankingLoss
from plackett.training._objective import loss_name

PARTS = {"lists": "the training lists", "extra_lists": "the extra lists", "validation": "the validation lists"}


def of_options(options: Options, teacher: Teacher, losses: Mapping[str | None, RankingLoss], cache: Cache) -> list[str]:
    """Says what is learnt, from which teacher, and where the scores are kept."""
    weight, loss = options.label_weight, loss_in_words(losses[COLUMN] if COLUMN in losses else losses[None])
    learnt = f"{loss} of the teacher's scores, and nothing from labels"
    if weight:
        of_labels = loss_in_words(losses["label"])
        learnt = f"{weight:g} x {of_labels} of the labels + {1 - weight:g} x {loss} of the teacher's scores"
    several = ", whose scores are averaged after they are standardised in each list" if teacher.is_several else ""
    scale = "standardised in each list" if options.standardize else "used unchanged"
    return [
        f"the teacher is {teacher.name}{several}. Its scores are {scale}, and divided by the temperature "
        f"{options.temperature:g}.",
        f"the student learns {learnt}.",
        *_of_cache(teacher, cache),
    ]


def of_cut(max_list_size: int | None) -> list[str]:
    """Says which documents of long lists are used."""
    if max_list_size is None:
        return []
    return [
        f"lists of more than {max_list_size:,} documents are cut to their documents with a label above 0 and a sample "
        "of the others, whatever their scores."
    ]


def of_unjudged(lists: RankingLists, options: Options) -> list[str]:
    """Says for which training lists there are no labels."""
    unjudged = int((~judged_lists(lists)).sum()) if options.label_weight else 0
    if not unjudged:
        return []
    return [f"nobody judged {unjudged:,} of the {len(lists):,} training lists: only the teacher teaches them."]


def of_ties(taught: Iterable[ScoredLists]) -> list[str]:
    """Says in which lists the teacher prefers no document."""
    taught = list(taught)
    equal, queries = sum(one.equal for one in taught), sum(len(one.lists) for one in taught)
    if not equal:
        return []
    return [f"in {equal:,} of {queries:,} lists the teacher gives all documents the same score: it prefers none."]


def notes_of(taught: Mapping[str, ScoredLists]) -> list[str]:
    """The notes of the teacher on its scores, with the lists that a note is about unless it is about all."""
    notes = dict.fromkeys(note for one in taught.values() for note in one.notes)
    found = []
    for note in notes:
        parts = [PARTS[name] for name, one in taught.items() if note in one.notes]
        found.append(f"{note}." if len(parts) == len(taught) else f"of {' and '.join(parts)}: {note}.")
    return found


def of_extra(lists: RankingLists, extra: RankingLists, given: RankingLists) -> list[str]:
    """Says what is learnt from extra lists.

    Args:
        lists: the training lists.
        extra: the extra lists, as they are joined to the training lists.
        given: the extra lists, as they were given.
    """
    facts = [
        f"the student also learns from {count(len(extra), 'extra list')} with {len(extra.labels):,} documents, beside "
        f"{len(lists):,} lists with {len(lists.labels):,}: from the teacher alone."
    ]
    if (given.labels != 0).any():
        facts.append("the labels of the extra lists are not used.")
    return facts


def of_columns(lists: RankingLists, given: RankingLists) -> list[str]:
    """Says which columns of the training lists, or of the given extra lists, are left out."""
    if not (names := left_out(lists, given)):
        return []
    return [f"left out, since only the training lists or only the extra lists have it: {', '.join(names)}."]


def loss_in_words(loss: RankingLoss) -> str:
    """The name of a loss, with its options that say how it reads a teacher's scores."""
    words = [f"temperature {loss.temperature:g}"]
    if loss.sample_size is not None:
        words.insert(0, f"sample_size {loss.sample_size}")
    if "topk" in loss.options:
        words.insert(0, f"topk {loss.options['topk'] or 'all'}")
    return f"{loss_name(loss)} ({', '.join(words)})"


def _of_cache(teacher, cache):
    """Says where scores are kept, and which are not."""
    if cache is False:
        return ["the teacher's scores are not kept."]
    kept = [member.name for member in teacher.members if member.fingerprint is not None]
    others = [member.name for member in teacher.members if member.fingerprint is None]
    facts = []
    if kept:
        facts.append(f"the scores of {', '.join(kept)} are kept in {default_folder() if cache is None else cache}.")
    if others:
        facts.append(f"the scores of {', '.join(others)} are not kept, but computed in each run.")
    return facts
