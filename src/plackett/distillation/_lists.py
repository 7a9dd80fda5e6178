"""The lists that a student learns from: judged lists, the part of them that is held out, and unjudged lists."""

import dataclasses

import numpy as np

from plackett.data import RankingLists, Strings
from plackett.data._batches import judged_lists
from plackett.data._features import match_features
from plackett.data._parts import concatenate
from plackett.data._words import some
from plackett.distillation._teachers import COLUMN, Teacher
from plackett.evaluation.systems.base import OpenSystem

JUDGED = "judged"
WEIGHTS = ("weight", "propensity")  # columns that weight documents, and that nothing can replace


def choose_judged(lists: RankingLists, share: float, seed: int) -> np.ndarray:
    """Draws the positions of a share of the judged lists by the seed. The epoch is chosen on these lists.

    If all lists are judged, these are the lists that `plackett.train` holds out.

    Raises:
        ValueError: fewer than 2 lists are judged.
    """
    judged = np.flatnonzero(judged_lists(lists))
    if len(judged) < 2:
        raise ValueError(
            f"a share of the judged lists is held out to choose the epoch on, but {len(judged)} of {len(lists):,} "
            "are judged: give judged lists as validation (--validation), or choose the epoch by the loss, with "
            "metric='validation_loss' (--metric validation_loss)"
        )
    number = min(max(1, round(share * len(judged))), len(judged) - 1)
    return np.sort(judged[np.random.default_rng(seed).permutation(len(judged))[:number]])


def hold_out(lists: RankingLists, positions: np.ndarray) -> tuple[RankingLists, RankingLists]:
    """Returns (training lists, validation lists). The validation lists are those at these positions."""
    return lists.select(np.setdiff1d(np.arange(len(lists)), positions)), lists.select(positions)


def check_no_shared(extra: RankingLists, others: RankingLists, whose: str) -> None:
    """Raises a ValueError if a query of the extra lists is also one of these lists."""
    known = set(others.queries.tolist())
    if shared := [query for query in extra.queries.tolist() if query in known]:
        words = (
            f"query {shared[0]!r} is" if len(shared) == 1 else f"{len(shared):,} queries, such as {shared[0]!r}, are"
        )
        raise ValueError(
            f"{words} both in the extra lists and in {whose}: leave them out of the extra lists, or give "
            "shared_queries=True (--shared-queries) if equal ids belong to different queries, such as numbers that "
            "start again in each file"
        )


def check_told_apart(extra: RankingLists, lists: RankingLists, teacher: Teacher) -> None:
    """Raises a ValueError if a document has the same ids in both, and the teacher knows documents only by their ids."""
    by_ids = [one.name for one in teacher.members if isinstance(one.system, OpenSystem) and one.system.by_ids]
    if by_ids and (shared := _ids(extra) & _ids(lists)):
        query, document = min(shared)
        raise ValueError(
            f"the teacher {', '.join(by_ids)} knows documents by their ids, but document {document!r} of query "
            f"{query!r} is both in the extra lists and in the training lists: if these are two documents, give them "
            "different ids, or give a teacher that reads the features"
        )


def _ids(lists):
    queries = np.repeat(np.arange(len(lists)), lists.lengths)
    names = lists.queries.tolist()
    return {(names[query], document) for query, document in zip(queries, lists.documents.tolist(), strict=True)}


def as_extra(extra: RankingLists, lists: RankingLists) -> RankingLists:
    """Returns extra lists with the features and id features of the training lists, and without judgements.

    Raises:
        ValueError: they lack a feature or an id feature, it is of another kind, or only one of the two has weights.
    """
    names = lists.feature_names if lists.has_feature_names else ()
    extra = match_features(extra, names, lists.features.shape[1], "the training data")
    for name, column in lists.ids.items():
        if name not in extra.ids:
            raise ValueError(
                f"the extra lists lack the id feature {name} of the training lists: they have "
                f"{some(extra.ids) or 'none'}"
            )
        if isinstance(column, Strings) != isinstance(extra.ids[name], Strings):
            kinds = ("text", "numbers") if isinstance(column, Strings) else ("numbers", "text")
            raise ValueError(
                f"the id feature {name} is {kinds[0]} in the training lists and {kinds[1]} in the extra ones"
            )
    for name in WEIGHTS:
        if (name in extra.columns) != (name in lists.columns):
            has, lack = ("extra", "training") if name in extra.columns else ("training", "extra")
            raise ValueError(
                f"the {has} lists have the column {name}, which weights documents, and the {lack} lists lack it: give "
                "both of them that column, or neither"
            )
    nothing = np.zeros(len(extra.labels), "float32")
    return dataclasses.replace(
        extra.with_ids(lists.ids), labels=nothing, columns=extra.columns | {JUDGED: nothing}, missed=None
    )


def join(lists: RankingLists, extra: RankingLists) -> RankingLists:
    """Joins the training lists and the extra lists, with the columns that both have.

    Args:
        lists: the training lists.
        extra: the extra lists, as `as_extra` returns them.
    """
    columns = {JUDGED: np.ones(len(lists.labels), "float32")} | lists.columns
    lists = dataclasses.replace(lists, columns=columns, missed=None)
    return concatenate([_with_common(lists, extra), _with_common(extra, lists)])


def left_out(lists: RankingLists, extra: RankingLists) -> list[str]:
    """The columns of the training lists and of the extra lists that `join` leaves out, since only one has them."""
    pairs = ((lists, extra), (extra, lists))
    names = {name for part, other in pairs for name in _names(part) - _names(_with_common(part, other))}
    return sorted(names - {JUDGED, COLUMN})


def _names(lists):
    return {*lists.ids, *lists.columns, *lists.query_columns}


def _with_common(lists, others):
    ids = {name: lists.ids[name] for name in others.ids if name in lists.ids}
    columns = {name: column for name, column in lists.columns.items() if name in others.columns}
    of_queries = {
        name: column
        for name, column in lists.query_columns.items()
        if name in others.query_columns
        and isinstance(column, Strings) == isinstance(others.query_columns[name], Strings)
    }
    return dataclasses.replace(lists, ids=ids, columns=columns, query_columns=of_queries)
