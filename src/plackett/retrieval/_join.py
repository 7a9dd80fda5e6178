"""The features of a candidate for a ranker: columns of its query, of the document, and of the first stage."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from plackett.data import Strings
from plackett.registry.names import check_known
from plackett.retrieval._columns import Column, of_numbers
from plackett.retrieval._tables import Table

FIRST_STAGE = ("similarity", "rank")
KINDS = ("numbers", "vectors", "strings")
Features = Sequence[str] | Callable[[Table, Table, np.ndarray, np.ndarray], Mapping[str, Any]] | None


def names_of_join(queries: Table, documents: Table) -> list[str]:
    """The names of all columns of a candidate."""
    return [
        *(f"query.{name}" for name in queries.names if name != queries.id),
        *(f"document.{name}" for name in documents.names if name != documents.id),
        *FIRST_STAGE,
    ]


def join(
    queries: Table, documents: Table, similarity: np.ndarray, rank: np.ndarray, features: Features, every: Sequence[str]
) -> dict[str, Column]:
    """Returns name -> column of the candidates, one row each.

    Args:
        queries: one row a candidate.
        documents: one row a candidate.
        similarity: [candidates], the similarity to the query.
        rank: [candidates], the rank in the first stage.
        features: the names of columns, a function of the four arguments above, or None = all.
        every: all names that exist, from `names_of_join`.

    Raises:
        ValueError: there is no such column, or a ranker cannot take its values.
    """
    if callable(features):
        given = features(queries, documents, similarity.copy(), rank.copy())  # it must not change these
        if not isinstance(given, Mapping):
            raise ValueError(f"features must return a dict, name -> column, but returned a {type(given).__name__}")
        table = Table.of(given, id=None)
        if len(table) != len(rank):
            raise ValueError(f"features must return {len(rank)} rows, one a candidate, but returned {len(table)}")
        return {name: _check(name, table.column(name), table.names) for name in table.names}
    known = {"similarity": similarity, "rank": rank.astype("float32")}
    found = {}
    for name in every if features is None else features:
        check_known("feature", name, every)
        side, _, column = name.partition(".")
        table = queries if side == "query" else documents
        found[name] = of_numbers(known[name]) if name in known else _check(name, table.column(column), every)
    return found


def split_features(
    columns: Mapping[str, Column], ids: Sequence[str]
) -> tuple[np.ndarray, tuple[str, ...], dict[str, np.ndarray | Strings]]:
    """Returns (dense features, their names, id features). Strings are ids, and so are whole numbers that `ids` names.

    Raises:
        ValueError: `ids` names a column that does not exist, holds neither strings nor whole numbers, or lacks a value.
    """
    for name in ids:
        check_known("feature", name, columns)
        if columns[name].kind != "strings" and not columns[name].is_whole:
            raise ValueError(
                f"the id feature {name} must hold strings or whole numbers, but holds {columns[name].kind}"
            )
    dense, names = [], []
    known = {}
    for name, column in columns.items():
        if column.kind != "strings" and name in ids and column.missing.any():
            raise ValueError(
                f"the id feature {name} is missing for {column.missing.sum()} of {len(column.missing)} candidates, and "
                "no whole number means missing: give strings, where '' is missing, or leave it out of ids"
            )
        if name in ids or column.kind == "strings":
            values = column.values
            known[name] = values if isinstance(values, Strings) else values.astype("int64")
            continue
        block = np.where(_along(column.missing, column.values), np.nan, column.values).astype("float32")
        block = block.reshape(len(block), math.prod(block.shape[1:]))
        dense.append(block)
        names += [name] if column.kind == "numbers" else [f"{name}.{i}" for i in range(1, block.shape[1] + 1)]
    rows = len(next(iter(columns.values())).missing) if columns else 0
    return np.concatenate([np.zeros((rows, 0), "float32"), *dense], axis=1), tuple(names), known


def _along(missing, values):
    return missing.reshape(-1, *[1] * (values.ndim - 1))


def _check(name, column, names):
    if column.kind not in KINDS:
        others = [other for other in names if other != name]
        raise ValueError(
            f"a ranker takes numbers, vectors and strings, but {name} holds {column.kind}: name the features without "
            f"it, such as features={others[:5]}, or turn it into numbers by a function"
        )
    return column
