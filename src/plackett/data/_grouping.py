"""From tables with one row a document to tables with one row a query, as they stream by."""

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

LINE = "line"  # where a document stands in its file, from 1; known to readers and to errors alone


def grouped(tables: Iterable[pa.Table], where: str, *, together: bool = True) -> Iterator[pa.Table]:
    """The documents of each query in one row, queries in the order of their first document.

    Args:
        tables: one row a document: a column `query`, a column `line` and what becomes columns of lists. A document
            without an id gets its position in the query, from 1.
        where: the name of the file, for errors.
        together: the documents of a query stand together. False = they need not, and all are held in memory at once.

    Raises:
        ValueError: the documents of a query do not stand together though they should.

    Cost: the memory of one table and its last query.
    """
    if not together:
        tables = list(tables)
        yield from grouped(iter([_sorted(pa.concat_tables(tables))] if tables else []), where)
        return
    seen, rest = set(), None
    for table in tables:
        table = table if rest is None else pa.concat_tables([rest, table])
        starts = _starts(table["query"])
        if len(starts) > 1:
            yield from _whole(table.slice(0, starts[-1]), starts, seen, where)
        rest = table.slice(starts[-1]) if len(starts) else None
    if rest is not None:
        yield from _whole(rest, np.zeros(1, "int64"), seen, where)


def _sorted(table):
    """The rows of each query side by side, queries and rows in the order of the table."""
    codes = pc.dictionary_encode(table["query"].combine_chunks()).indices.to_numpy()
    return table.take(pa.array(np.argsort(codes, kind="stable")))


def _starts(queries):
    """The first row of each run of equal queries."""
    codes = pc.dictionary_encode(queries.combine_chunks()).indices.to_numpy(zero_copy_only=False)
    return np.flatnonzero(np.concatenate([[True], codes[1:] != codes[:-1]])) if len(codes) else np.zeros(0, "int64")


def _whole(table, starts, seen, where):
    """The rows of whole queries, one row a query."""
    table = table.combine_chunks()
    splits = np.append(starts[starts < len(table)], len(table))
    queries = table["query"].take(pa.array(splits[:-1])).combine_chunks()
    for query, start in zip(queries.to_pylist(), splits, strict=False):
        if query in seen:
            line = table[LINE][int(start)].as_py()
            raise ValueError(
                f"{where}, line {line}: query {query!r} begins again, after others; sort the file by query, or have "
                "it grouped in memory"
            )
        seen.add(query)
    offsets = pa.array(splits.astype("int32"))
    columns, fields = {"query": queries}, [pa.field("query", pa.string())]
    for field in table.schema:
        if field.name not in ("query", LINE):
            column = table[field.name].combine_chunks()
            if field.name == "document" and column.null_count:
                place = np.arange(len(table)) - np.repeat(splits[:-1], np.diff(splits)) + 1
                column = pc.coalesce(column, pa.array(place.astype(str).tolist()))
            columns[field.name] = pa.ListArray.from_arrays(offsets, column)
            fields.append(pa.field(field.name, columns[field.name].type, metadata=field.metadata))
    yield pa.table(list(columns.values()), schema=pa.schema(fields))
