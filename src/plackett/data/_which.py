"""Which queries an index of `RankingLists` selects."""

import operator
from typing import Any

import numpy as np

from plackett.data._strings import Strings

ALLOWED = "lists must be indexed by a position, a slice, a mask, the id of a query, or a list of positions or of ids"


def find_queries(which: Any, queries: Strings) -> int | slice | np.ndarray:
    """The positions that an index selects: one from 0, a slice, or [chosen] int64.

    Args:
        which: the index.
        queries: [queries], the ids of the queries.

    Raises:
        IndexError: a position is out of range, the mask has the wrong length, or the index has several axes.
        KeyError: there is no query with an id.
        TypeError: the index is of another kind.
    """
    if isinstance(which, slice):
        return which
    if isinstance(which, tuple):
        raise TypeError(f"{ALLOWED}, as lists[[0, 2]], but got the tuple {which!r}")
    if isinstance(which, str):
        return _by_id([which], queries)[0]
    if np.iterable(which) and not isinstance(which, bytes | dict | set):
        return _several(_as_array(which), queries)
    if isinstance(which, bool | np.bool_) or not hasattr(which, "__index__"):
        raise TypeError(f"{ALLOWED}, but got {which!r}")
    return int(_in_range(np.array([operator.index(which)]), len(queries))[0])


def _as_array(which):
    """The index as an array; an array of objects if the entries of a list are strings, or of several kinds."""
    if hasattr(which, "dtype") or isinstance(which, range):
        return which.to_numpy() if hasattr(which, "to_numpy") else np.asarray(which)
    entries = list(which)
    kinds = {"str" if isinstance(x, str) else "bool" if isinstance(x, bool | np.bool_) else "other" for x in entries}
    try:
        return np.asarray(entries, dtype=object if "str" in kinds or len(kinds) > 1 else None)
    except ValueError:
        raise IndexError(f"{ALLOWED}, but got lists of several lengths") from None


def _several(chosen, queries):
    if chosen.ndim != 1:
        raise IndexError(f"an index must have one axis, that of the queries, but has the shape {chosen.shape}")
    if chosen.dtype.kind == "b":
        if len(chosen) != len(queries):
            raise IndexError(f"a mask must have {len(queries)} entries, one per query, but has {len(chosen)}")
        return np.flatnonzero(chosen)
    if not len(chosen):
        return np.zeros(0, "int64")
    if chosen.dtype.kind in "iu":
        return _in_range(chosen, len(queries))
    if chosen.dtype.kind in "UTO" and all(isinstance(one, str) for one in chosen.tolist()):
        return np.array(_by_id(chosen.tolist(), queries))
    raise TypeError(f"{ALLOWED}, but got {chosen.tolist()!r:.100}")


def _in_range(places, number):
    """[chosen] int64, from 0; negative places count from the end."""
    wrong = (places < -number) | (places >= number)
    if wrong.any():
        raise IndexError(f"there are {number} queries, numbered from 0, but got {places[wrong.argmax()]}")
    return places.astype("int64") % max(number, 1)


def _by_id(ids, queries):
    """The positions of queries, the first for each id."""
    if len(ids) == 1:
        found = np.flatnonzero(queries == ids[0])
        places = {ids[0]: int(found[0])} if len(found) else {}
    else:
        places = {query: place for place, query in reversed([*enumerate(queries.tolist())])}
    for one in ids:
        if one not in places:
            raise KeyError(f"there is no query {one!r}")
    return [places[one] for one in ids]
