"""Lists in the form that a ranker in a file takes, by its signature."""

import dataclasses

import numpy as np

from plackett.data._columns import kind_of_ids
from plackett.data._features import match_features
from plackett.data._ranking_lists import RankingLists
from plackett.data._signature import Signature
from plackett.data._strings import Strings
from plackett.data._words import some
from plackett.registry.names import check_known

INT32 = np.iinfo("int32")


def lists_for(signature: Signature, lists: RankingLists, whose: str) -> RankingLists:
    """The lists with only the features and ids that a ranker takes, in its order; `Batches` then makes its inputs.

    >>> lists = RankingLists.from_arrays([[1, 2]], group=[1], feature_names=["age", "bm25"])
    >>> signature = Signature(features=("bm25", "age"), named=True, missing=False)
    >>> lists_for(signature, lists, "ranker.onnx").features.tolist()
    [[2.0, 1.0]]

    Args:
        signature: the signature of the ranker.
        lists: the lists.
        whose: the name of the ranker in errors.

    Raises:
        ValueError: a feature, an id feature or a column does not exist or is of another kind, or a value is missing
            where the ranker does not allow it; the error says which and where.
    """
    if signature.features:
        names = signature.features if signature.named else ()
        lists = match_features(lists, names, len(signature.features), whose)
    else:
        lists = dataclasses.replace(lists, features=lists.features[:, :0], feature_names=())
    if not signature.missing:
        _check_none_missing(lists, whose)
    for name, kind in signature.columns.items():
        _check_column(lists, name, kind, whose)
    return dataclasses.replace(lists, ids={name: _ids(signature, lists, name, whose) for name in signature.ids})


def _check_none_missing(lists, whose):
    missing = np.isnan(lists.features)
    if not missing.any():
        return
    document, feature = (int(x) for x in np.unravel_index(missing.argmax(), missing.shape))
    query = int(np.searchsorted(lists.row_splits, document, side="right")) - 1
    raise ValueError(
        f"{whose} allows no missing features (NaN), but {int(missing.sum())} are missing, such as "
        f"{lists.feature_names[feature]} of document {lists.documents[document]!r} of query {lists.queries[query]!r}: "
        "train it with the scorer option missing=True (--scorer-option missing=true)"
    )


def _check_column(lists, name, kind, whose):
    check_known(f"column of these lists, which {whose} takes:", name, (*lists.columns, *lists.query_columns))
    if (kind == "text") != isinstance(lists.query_columns.get(name), Strings):
        holds = "numbers" if kind == "text" else "text"
        raise ValueError(f"{whose} takes {kind} as {name}, which in these lists holds {holds}")


def _ids(signature, lists, name, whose):
    """An id feature in the kind that the ranker takes."""
    kind = signature.ids[name]
    if name not in lists.ids:
        dense = f"; {name} is a dense feature there" if name in lists.feature_names else ""
        flag = "--categorical" if kind == "text" else "--ids"
        raise ValueError(
            f"{whose} takes the id feature {name}, but these lists have {some([*lists.ids]) or 'none'}{dense}: read it "
            f"with {flag} {name}, or give it to from_arrays as ids[{name!r}]"
        )
    ids = lists.ids[name]
    if (kind == "text") != isinstance(ids, Strings):
        takes, holds, flag = ("text", "numbers", "categorical") if kind == "text" else ("numbers", "text", "ids")
        raise ValueError(
            f"{whose} knows {name} as {takes}, but these lists hold {holds}: read it by {flag}=[{name!r}] "
            f"(--{flag} {name}), or give from_arrays such ids"
        )
    if kind == "int64":
        return ids.astype("int64")
    if kind == "int32" and kind_of_ids(ids) == "int64":
        fits = (ids >= INT32.min) & (ids <= INT32.max)
        if not fits.all() and name not in signature.unknown:
            raise ValueError(f"{whose} takes {name} as int32, but these lists hold {ids[~fits][0]}")
        return np.where(fits, ids, signature.unknown.get(name, 0)).astype("int32")
    return ids
