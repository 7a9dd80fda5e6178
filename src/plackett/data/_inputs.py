"""Columns of lists in the form that a model takes."""

from collections.abc import Iterable

import numpy as np

from plackett.data._columns import numbers_of_ids
from plackett.data._ranking_lists import RankingLists
from plackett.data._strings import Strings
from plackett.registry.names import check_known

POSITION = "position"
NO_POSITION = (
    "position is missing: these lists have no column `position`, the rank from 1 at which a document was shown, which "
    "an examination tower, click_em, mixture_em and click models need"
)


def columns_as_inputs(lists: RankingLists, names: Iterable[str]) -> dict[str, np.ndarray]:
    """name -> the column in the form that a model takes, by document.

    >>> lists = RankingLists.from_arrays([[1], [2]], group=[2], columns={"position": [2, 1]})
    >>> columns_as_inputs(lists, ["position"])["position"].tolist()
    [2, 1]

    Returns:
        [documents] int32 for `position`; [documents] float32 for other numbers; [documents, 2] int32 for strings, the
        two halves of `hash_strings`. A column of queries is repeated for each of their documents.

    Raises:
        ValueError: the lists have no such column, it holds neither numbers nor strings, or a position is not a whole
            number.
    """
    found = {}
    for name in names:
        if name == POSITION and name not in lists.columns:
            raise ValueError(NO_POSITION)
        check_known("column of these lists", name, (*lists.columns, *lists.query_columns))
        if name == POSITION:
            found[name] = _positions(lists)
        elif name in lists.columns:
            found[name] = lists.columns[name].astype("float32")
        else:
            found[name] = np.repeat(_of_queries(name, lists.query_columns[name]), lists.lengths, axis=0)
    return found


def _of_queries(name, column):
    if isinstance(column, Strings):
        return numbers_of_ids(column)
    if column.dtype.kind not in "biuf":
        raise ValueError(f"a column that a model takes must hold numbers or strings, but {name} holds {column.dtype}")
    return column.astype("float32")


def _positions(lists):
    column = lists.columns[POSITION]
    wrong = np.flatnonzero(~((column >= 1) & (column == np.floor(column)) & (column < 2**24)))
    if len(wrong):
        query = int(np.searchsorted(lists.row_splits, wrong[0], side="right")) - 1
        raise ValueError(
            f"position must be a whole number of at least 1, but it is {column[wrong[0]]:g} in query "
            f"{lists.queries[query]!r}, document {lists.documents[int(wrong[0])]!r}"
        )
    return column.astype("int32")
