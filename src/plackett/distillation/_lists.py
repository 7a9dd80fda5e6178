"""The lists that a student learns from: those that are judged, what is held out of them, and those that are not."""

import dataclasses

import numpy as np

from plackett.data import RankingLists, Strings
from plackett.data._batches import judged_lists
from plackett.data._features import match_features
from plackett.data._parts import concatenate
from plackett.data._words import some
from plackett.distillation._teachers import COLUMN

JUDGED = "judged"
WEIGHTS = ("weight", "propensity")  # columns that say how much a document counts, for which nothing can stand in


def choose_judged(lists: RankingLists, share: float, seed: int) -> np.ndarray:
    """The positions of a share of the judged lists, drawn by the seed, on which the epoch is chosen.

    Where all are judged, these are the lists that `plackett.train` holds out.

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
    """(training lists, validation lists), of which the second stand at these positions."""
    return lists.select(np.setdiff1d(np.arange(len(lists)), positions)), lists.select(positions)


def check_no_shared(extra: RankingLists, others: RankingLists, whose: str) -> None:
    """Raises a ValueError where a query of the extra lists is also one of these."""
    known = set(others.queries.tolist())
    if shared := [query for query in extra.queries.tolist() if query in known]:
        words = (
            f"query {shared[0]!r} is" if len(shared) == 1 else f"{len(shared):,} queries, such as {shared[0]!r}, are"
        )
        raise ValueError(
            f"{words} both in the extra lists and in {whose}: leave them out of the extra lists, or give "
            "shared_queries=True (--shared-queries) where equal ids are of different queries, such as numbers that "
            "each file begins anew"
        )


def as_extra(extra: RankingLists, lists: RankingLists) -> RankingLists:
    """Extra lists with the features and id features of the training lists, of which nobody judged any document.

    Raises:
        ValueError: they lack a feature or an id feature, it is of another kind, or one has weights and the other none.
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
                f"the {has} lists have the column {name}, by which documents count, and the {lack} lists lack it: give "
                "both of them that column, or neither"
            )
    nothing = np.zeros(len(extra.labels), "float32")
    return dataclasses.replace(
        extra.with_ids(lists.ids), labels=nothing, columns=extra.columns | {JUDGED: nothing}, missed=None
    )


def join(lists: RankingLists, extra: RankingLists) -> RankingLists:
    """The training lists and, behind them, the extra ones, with the columns that both have.

    Args:
        lists: the training lists.
        extra: what `as_extra` gives of the others.
    """
    columns = {JUDGED: np.ones(len(lists.labels), "float32")} | lists.columns
    lists = dataclasses.replace(lists, columns=columns, missed=None)
    return concatenate([_with_common(lists, extra), _with_common(extra, lists)])


def left_out(lists: RankingLists, extra: RankingLists) -> list[str]:
    """The columns that the training lists or the extra ones have alone, which `join` leaves out."""
    of_documents, of_queries = (
        set(lists.columns) ^ set(extra.columns),
        set(lists.query_columns) ^ set(extra.query_columns),
    )
    return sorted((of_documents | of_queries | (set(extra.ids) - set(lists.ids))) - {JUDGED, COLUMN})


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
