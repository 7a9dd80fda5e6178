"""From tables with one row a document to tables with one row a query, as they stream by."""

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from plackett.data._arrays import positions
from plackett.data._roles import Role
from plackett.data._schema import array_of, is_string, mark, mark_of, type_of_column

LINE = "\x00line"  # where a document stands in its file, from 1; known to readers and to errors alone
OF_QUERY = "query_columns"  # the mark of a column that says something of the query, in each of its rows
TEXTS = ("query", "document", "categorical")  # roles of columns that are read as text
NUMBERS = ("label", "features", "ids", "columns")
MARKED = ("features", "ids", "columns", OF_QUERY)


def of_documents(table: pa.Table, roles: dict[str, Role], first_line: int, where: str) -> pa.Table:
    """A table with one row a document as `group_by_query` takes it.

    Args:
        table: the rows.
        roles: those of its columns, by their names; other columns are left out.
        first_line: where its first row stands.
        where: what errors call the table.

    Raises:
        ValueError: an id is no whole number, or too large.
    """
    columns, fields = [], []
    for name, role in roles.items():
        kind = type_of(role) or (pa.string() if is_string(table[name].type) else table[name].type)
        try:
            columns.append(pc.cast(table[name], kind, safe=role.kind == "ids"))
        except pa.ArrowInvalid as error:
            raise ValueError(f"{where}: column {name!r}: {error}") from None
        fields.append(pa.field(role.name, kind, metadata=mark(role.kind) if role.kind in MARKED else None))
    columns.append(pa.array(range(first_line, first_line + len(table))))
    fields.append(pa.field(LINE, pa.int64()))
    return pa.table(columns, schema=pa.schema(fields))


def type_of(role: Role) -> pa.DataType | None:
    """The type that a column of this role is read as; None = any."""
    if role.kind in TEXTS:
        return pa.string()
    if role.kind == "ids":
        return pa.int64()
    return None if role.kind == "query_columns" else type_of_column(role.name if role.kind == "columns" else "")


def group_by_query(tables: Iterable[pa.Table], where: str, *, together: bool = True) -> Iterator[pa.Table]:
    """The documents of each query in one row, queries in the order of their first document.

    Args:
        tables: one row a document: a column `query`, a column `line`, columns marked as `OF_QUERY`, and what becomes
            columns of lists. A document without an id gets its position in the query, from 1.
        where: the name of the file, for errors.
        together: the documents of a query stand together. False = they need not, and all are held in memory at once.

    Raises:
        ValueError: the documents of a query do not stand together though they should, or a column of queries differs
            within one.

    Cost: the memory of one table and its last query.
    """
    if not together:
        yield from _group_in_memory(list(tables), where)
        return
    seen: set[str] = set()
    rest = None
    for table in tables:
        table = table if rest is None else pa.concat_tables([rest, table])
        starts = _starts(_codes(table["query"]))
        if len(starts) > 1:
            yield _whole(table.slice(0, starts[-1]), starts[:-1], seen, where)
        rest = table.slice(starts[-1]) if len(starts) else None
    if rest is not None:
        yield _whole(rest, np.zeros(1, "int64"), seen, where)


def _group_in_memory(tables, where):
    """One table of all; its rows are moved only where they do not stand together."""
    if not tables:
        return
    table = pa.concat_tables(tables)
    codes = _codes(table["query"])
    if (codes[1:] < codes[:-1]).any():
        order = np.argsort(codes, kind="stable")
        table, codes = table.take(pa.array(order)), codes[order]
    yield _whole(table, _starts(codes), set(), where)


def _codes(queries):
    """[rows], equal where the queries are, rising with the first row of each; -1 where there is none."""
    codes = pc.dictionary_encode(queries.combine_chunks()).indices
    return codes.fill_null(-1).to_numpy(zero_copy_only=False)


def _starts(codes):
    """The first row of each run of equal codes."""
    return np.flatnonzero(np.concatenate([[True], codes[1:] != codes[:-1]])) if len(codes) else np.zeros(0, "int64")


def _whole(table, starts, seen, where):
    """The rows of whole queries, which begin at `starts`, one row a query."""
    table = table.combine_chunks()
    splits = np.append(starts, len(table))
    queries = array_of(table["query"]).take(pa.array(starts))
    _check_new(queries.to_pylist(), seen, table, starts, where)
    offsets = pa.array(splits.astype("int32"))
    columns, fields = [queries], [pa.field("query", pa.string())]
    for field in table.schema:
        if field.name in ("query", LINE):
            continue
        column, metadata = array_of(table[field.name]), field.metadata
        if mark_of(field) == OF_QUERY:
            column, metadata = _one_a_query(column, field.name, table, splits, where), None
        else:
            if field.name == "document" and column.null_count:
                column = pc.coalesce(column, pa.array(positions(splits).tolist()))
            column = pa.ListArray.from_arrays(offsets, column)
        columns.append(column)
        fields.append(pa.field(field.name, column.type, metadata=metadata))
    return pa.table(columns, schema=pa.schema(fields))


def _check_new(queries, seen, table, starts, where):
    for query, start in zip(queries, starts.tolist(), strict=True):
        if query in seen:
            raise ValueError(
                f"{where}, line {table[LINE][start].as_py()}: query {query!r} begins again, after others; sort by "
                "query, or group in memory by together=False (--group of plackett convert)"
            )
        if query is not None:
            seen.add(query)


def _one_a_query(column, name, table, splits, where):
    """The value of each query in a column that has it in all rows."""
    codes = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    codes = codes.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    first = np.repeat(splits[:-1], np.diff(splits))
    if (differs := codes != codes[first]).any():
        row = int(differs.argmax())
        values = column[int(first[row])].as_py(), column[row].as_py()
        raise ValueError(
            f"{where}, line {table[LINE][row].as_py()}: {name} must be the same in all rows of query "
            f"{table['query'][row].as_py()!r}, but is {values[0]!r} and {values[1]!r}"
        )
    return column.take(pa.array(splits[:-1]))
