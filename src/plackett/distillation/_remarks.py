"""What must be known of how a student learns, in whole sentences."""

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


def of_options(options: Options, teacher: Teacher, losses: Mapping[str | None, RankingLoss], cache: Cache) -> list[str]:
    """What is learnt, from whom, and where the scores are kept."""
    weight, loss = options.label_weight, loss_in_words(losses[COLUMN] if COLUMN in losses else losses[None])
    learnt = f"{loss} of the teacher's scores; labels teach it nothing"
    if weight:
        of_labels = loss_in_words(losses["label"])
        learnt = f"{weight:g} x {of_labels} of the labels + {1 - weight:g} x {loss} of the teacher's scores"
    several = ", whose scores count by their mean, standardised in each list" if teacher.is_several else ""
    scale = "standardised in each list" if options.standardize else "taken as they are"
    return [
        f"the teacher is {teacher.name}{several}. Its scores are {scale}, and divided by the temperature "
        f"{options.temperature:g}.",
        f"the student learns {learnt}.",
        *_of_cache(teacher, cache),
    ]


def of_cut(max_list_size: int | None) -> list[str]:
    """Which documents of long lists are learnt from."""
    if max_list_size is None:
        return []
    return [
        f"lists of more than {max_list_size:,} documents are cut to those of a label above 0 and a sample of the "
        "others, whatever their scores."
    ]


def of_scores(taught: Iterable[ScoredLists]) -> list[str]:
    """What the teacher said of its scores, and where it prefers nothing."""
    taught = list(taught)
    equal, queries = sum(one.equal for one in taught), sum(len(one.lists) for one in taught)
    facts = [f"{note}." for note in dict.fromkeys(note for one in taught for note in one.notes)]
    if equal:
        facts.append(f"in {equal:,} of {queries:,} lists all documents have one score of the teacher: it prefers none.")
    return facts


def of_extra(lists: RankingLists, extra: RankingLists, given: RankingLists) -> list[str]:
    """What is learnt from extra lists, and what is left out.

    Args:
        lists: the training lists.
        extra: the extra lists, as they are joined to them.
        given: the extra lists as they were given.
    """
    facts = [
        f"the student learns from {count(len(extra), 'extra list')} of {len(extra.labels):,} documents too, beside "
        f"{len(lists):,} of {len(lists.labels):,}: from the teacher alone."
    ]
    if (given.labels != 0).any():
        facts.append("the extra lists have labels, which are not looked at.")
    if names := left_out(lists, given):
        facts.append(f"left out, as not both of the training lists and the extra ones have it: {', '.join(names)}.")
    if unjudged := int((~judged_lists(lists)).sum()):
        facts.append(f"nobody judged {unjudged:,} of the {len(lists):,} training lists: likewise.")
    return facts


def loss_in_words(loss: RankingLoss) -> str:
    """Its name, and those of its options that say how it reads a teacher's scores."""
    words = [f"temperature {loss.temperature:g}"]
    if loss.sample_size is not None:
        words.insert(0, f"sample_size {loss.sample_size}")
    if "topk" in loss.options:
        words.insert(0, f"topk {loss.options['topk'] or 'all'}")
    return f"{loss_name(loss)} ({', '.join(words)})"


def _of_cache(teacher, cache):
    """Where scores are kept, and which are not."""
    if cache is False:
        return ["the teacher's scores are not kept."]
    kept = [member.name for member in teacher.members if member.fingerprint is not None]
    others = [member.name for member in teacher.members if member.fingerprint is None]
    facts = []
    if kept:
        facts.append(f"the scores of {', '.join(kept)} are kept in {default_folder() if cache is None else cache}.")
    if others:
        facts.append(f"the scores of {', '.join(others)} are not kept, but asked for at each run.")
    return facts
