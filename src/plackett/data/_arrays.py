"""From the arrays of other libraries to those of `RankingLists`, for `RankingLists.from_arrays`."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from plackett.data._columns import dtype_of_column, find_wrong, narrow
from plackett.data._ids import INT64, check_given, ids_as_text, read_ids, strings_or_numbers
from plackett.data._numbers import first_inexact
from plackett.data._roles import is_index
from plackett.data._strings import Strings, numbers_from_1


def check_indexes(given: Mapping[str, Any], **by_name: Mapping[str, Any] | None) -> None:
    """Checks that pandas objects, which are paired by position here, have no differing indexes to pair them by.

    Args:
        given: argument -> its value.
        by_name: argument -> its columns.

    Raises:
        ValueError: two of them have the same length but different indexes.
    """
    named = {f"{what}[{name!r}]": x for what, columns in by_name.items() for name, x in _by_name(what, columns)}
    of_pandas = [(name, one) for name, one in {**given, **named}.items() if hasattr(one, "reset_index")]
    for (name, one), (other_name, other) in itertools.pairwise(of_pandas):
        if len(one) == len(other) and not one.index.equals(other.index):
            raise ValueError(
                f"{name} and {other_name} have different indexes, but their rows are paired by position: give them "
                "the same index, or use .reset_index(drop=True) or .to_numpy() to pair them by position"
            )


def feature_matrix(x: npt.ArrayLike, feature_names: Sequence[str] | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """(the features, [documents, features] float32, and their names; None = the names of the frame)."""
    matrix = numbers_of("X", x)
    if matrix.ndim != 2:
        raise ValueError(f"X must be [documents, features], but has the shape {matrix.shape}")
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and raises an error below
        features = np.ascontiguousarray(matrix, "float32")
    if np.isinf(features).any():
        row, column = (int(at) for at in np.argwhere(np.isinf(features))[0])
        raise ValueError(f"X must be finite, or NaN where a feature is missing, but X[{row}, {column}] is not")
    if feature_names is None:
        feature_names = getattr(x, "columns", ())
        feature_names = feature_names if all(isinstance(name, str) for name in feature_names) else ()
        if found := [name for name in feature_names if name.strip() and is_index(name)]:
            raise ValueError(
                f"X has a column {found[0]!r}, which looks like the index of a data frame and not like a feature: "
                "leave it out, as by X.drop(columns=...), or name all features by feature_names=[...]"
            )
    elif isinstance(feature_names, str):
        raise ValueError(f"feature_names must be a sequence of names, but got {feature_names!r}")
    elif len(feature_names) not in (0, features.shape[1]):
        raise ValueError(f"feature_names must name {features.shape[1]} features, but got {len(feature_names)}")
    return features, tuple(feature_names)


def row_groups(query: npt.ArrayLike | None, group: npt.ArrayLike | None, documents: int) -> tuple[Strings, np.ndarray]:
    """(the ids of the queries, and their row_splits)."""
    if (query is None) == (group is None):
        raise ValueError(
            "give either query, one id per row, or group, how many rows each query has, but "
            f"{'neither is' if query is None else 'both are'} there"
        )
    return _by_size(group, documents) if query is None else _by_id(query, documents)


def _by_size(group, documents):
    sizes = numbers_of("group", group)
    if sizes.ndim != 1 or (len(sizes) and sizes.dtype.kind not in "iu") or (sizes < 0).any():
        raise ValueError("group must be whole numbers, the number of rows of each query, in their order")
    if sizes.sum() != documents:
        hint = "; one id per row is given as query" if len(sizes) == documents else ""
        raise ValueError(f"group adds up to {sizes.sum()} rows, but X has {documents}{hint}")
    ids = Strings(np.arange(len(sizes), dtype="int32"), numbers_from_1(len(sizes)))
    return ids, np.concatenate([[0], np.cumsum(sizes)]).astype("int64")


def _by_id(query, documents):
    rows = read_ids("query", query, documents)
    keys = rows.codes if isinstance(rows, Strings) else rows
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])) if documents else np.zeros(0, "int64")
    ids = ids_as_text("query", rows[starts], starts)
    first = np.unique(ids.codes, return_index=True)[1]
    if len(first) < len(ids):
        again = np.setdiff1d(np.arange(len(ids)), first)[0]
        raise ValueError(
            f"the rows of a query must stand together, but query {str(ids[again])!r} begins again at row "
            f"{starts[again]}: sort all arrays by np.argsort(query, kind='stable')"
        )
    return ids, np.append(starts, documents).astype("int64")


def document_ids(given: npt.ArrayLike | None, row_splits: np.ndarray) -> Strings:
    """[documents]; the positions in the query, from 1, if no ids are given."""
    if given is None:
        return positions(row_splits)
    count = int(row_splits[-1])
    ids = ids_as_text("documents", read_ids("documents", given, count), range(count))
    if twice := find_twice(ids, row_splits):
        raise ValueError(f"documents: {twice[1]!r} occurs twice in query number {twice[0] + 1}")
    return ids


def find_twice(documents: Strings, row_splits: np.ndarray) -> tuple[int, str] | None:
    """(the place of a query, the id of a document that it has twice); None = no query has one.

    Args:
        documents: the ids of the documents; equal ids have equal codes.
        row_splits: where each query begins and ends.
    """
    query_of = np.repeat(np.arange(len(row_splits) - 1), np.diff(row_splits))
    texts = max(len(documents.dictionary), 1)
    pairs = np.sort(query_of * texts + documents.codes)
    if not (twice := pairs[1:] == pairs[:-1]).any():
        return None
    query, code = divmod(int(pairs[1:][twice.argmax()]), texts)
    return query, Strings(np.array([code]), documents.dictionary)[0]


def positions(row_splits: np.ndarray) -> Strings:
    """[documents], the position of each document in its query, from 1."""
    lengths = np.diff(row_splits)
    places = np.arange(row_splits[-1]) - np.repeat(row_splits[:-1], lengths)
    return Strings(places.astype("int32"), numbers_from_1(int(lengths.max(initial=1))))


def id_features(given: Mapping[str, npt.ArrayLike] | None, documents: int) -> dict[str, np.ndarray | Strings]:
    """name -> [documents]: strings, or whole numbers, as int32 if they fit, else as int64."""
    found: dict[str, np.ndarray | Strings] = {}
    for name, values in _by_name("ids", given):
        what = f"ids[{name!r}]"
        ids = read_ids(what, values, documents)
        if isinstance(ids, Strings):
            found[name] = ids_as_text(what, ids, range(documents))
            continue
        if ids.max() > INT64.max or ids.min() < INT64.min:
            reach = f"up to {ids.max()}" if ids.max() > INT64.max else f"down to {ids.min()}"
            raise ValueError(f"{what} must fit in int64, but reaches {reach}")
        found[name] = narrow(ids.astype("int64"))
    return found


def columns_of_documents(
    given: Mapping[str, npt.ArrayLike] | None, documents: int, *, what: str = "columns[{!r}]"
) -> dict[str, np.ndarray]:
    """name -> [documents], checked by the rules for the name.

    Raises:
        ValueError: there is not one number per document, or a number is not allowed.
    """
    found = {}
    for name, values in _by_name("columns", given):
        column = numbers_of(what.format(name), values)
        if column.shape != (documents,):
            raise ValueError(f"{what.format(name)} must have {documents} entries, but has the shape {column.shape}")
        column = column.astype("float64") if column.dtype.kind == "b" else column
        if wrong := find_wrong(name, column):
            raise ValueError(f"{what.format(name)}[{wrong[0]}]: {wrong[1]}")
        if (place := first_inexact(column)) is not None:
            raise ValueError(
                f"{what.format(name)}[{place}] is {column[place]}, a whole number that float64 rounds: subtract the "
                "same number from all of them"
            )
        found[name] = column.astype(dtype_of_column(name))
    return found


def columns_of_queries(given: Mapping[str, npt.ArrayLike] | None, queries: int) -> dict[str, np.ndarray | Strings]:
    """name -> [queries].

    Raises:
        ValueError: there is not one entry per query, or strings and numbers are mixed.
    """
    found: dict[str, np.ndarray | Strings] = {}
    for name, values in _by_name("query_columns", given):
        what = f"query_columns[{name!r}]"
        found[name] = strings_or_numbers(what, values)
        if found[name].shape != (queries,):
            raise ValueError(f"{what} must have {queries} entries, but has the shape {found[name].shape}")
    return found


def _by_name(what, given):
    """(name, values) of each column in an argument."""
    if given is None:
        return ()
    if not hasattr(given, "items"):
        raise ValueError(f"{what} must be a dict, {{name: values}}, but got {given!r:.100}")
    return given.items()


def numbers_of(what: str, given: Any) -> np.ndarray:
    """An array of numbers; NaN where a frame has a missing value, and where a feature is masked."""
    if what == "X" and isinstance(given, np.ma.MaskedArray) and np.ma.is_masked(given) and given.dtype.kind in "biuf":
        given = np.ma.filled(given.astype(np.result_type(given.dtype, "float32")), np.nan)
    check_given(what, given)
    try:
        array = given.toarray() if hasattr(given, "toarray") else np.asarray(given)
    except ValueError as error:
        raise ValueError(f"{what} must be an array of numbers: {error}") from None
    if array.dtype.kind == "O" and hasattr(given, "to_numpy") and not any(isinstance(x, str) for x in array.flat):
        array = given.to_numpy(dtype="float64", na_value=np.nan)  # pandas, with several types or missing values
    if array.dtype.kind not in "biuf" and array.size:
        names = [name for name in getattr(given, "columns", ()) if np.asarray(given[name]).dtype.kind not in "biuf"]
        found = f"column {names[0]!r} does not" if names else f"holds {array.dtype}"
        raise ValueError(
            f"{what} must hold numbers, but {found}" + "; strings may be id features, see ids" * (what == "X")
        )
    return array
