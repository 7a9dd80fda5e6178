"""From tables with one row per document to tables with one row per query, as they stream by."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from plackett.data._arrays import positions
from plackett.data._free_memory import check_fits
from plackett.data._schema import array_of, mark_of

LINE = "\x00line"  # the place of a document in its file, from 1; only readers and errors use it
OF_QUERY = "query_columns"  # the mark of a column that describes the query, repeated in each of its rows
LARGE = 2**28  # from this number of bytes of one query on, free memory is checked
COPIES = 2  # the documents of a query that are copied at a time
Place = Callable[[int], str]  # function that names the place of a row in errors, by its `LINE`


def group_by_query(
    tables: Iterable[pa.Table], where: str, *, together: bool = True, place: Place | None = None
) -> Iterator[pa.Table]:
    """The documents of each query in one row, with the queries in the order of their first document.

    Args:
        tables: tables with one row per document: a column `query`, a column `line`, columns marked as `OF_QUERY`, and
            the columns that become columns of lists. A document without an id gets its position in the query, from 1.
        where: the name of the file, for errors.
        together: whether the documents of a query must stand together. False = they need not, and all are held in
            memory.
        place: function that names the place of a row in errors. None = as a line of the file.

    Raises:
        ValueError: the documents of a query do not stand together though they must, or a column of queries differs
            within a query.

    Cost: the memory of one table and its last query.
    """
    place = place or (lambda line: f"{where}, line {line}")
    if not together:
        yield from _group_in_memory(list(tables), where, place)
        return
    seen: set[str] = set()
    rest = None
    for table in tables:
        rest = table if rest is None else pa.concat_tables([rest, table])
        del table  # so that rows are freed as soon as they are copied into lists
        starts = _starts(_codes(rest["query"]))
        if len(starts) > 1:
            whole = [rest.slice(0, starts[-1])]
            rest = rest.slice(starts[-1])
            yield _whole(whole.pop(), starts[:-1], seen, place)
        rest = rest if len(rest) else None
        if rest is not None and rest.nbytes > LARGE:
            _check_fits(rest, place)
    if rest is not None:
        yield _whole(rest, np.zeros(1, "int64"), seen, place)


def _check_fits(rest, place):
    """Checks that the documents of a query so far can be copied into one list."""
    query, last = rest["query"][0].as_py(), rest[LINE][len(rest) - 1].as_py()
    what = f"{place(last)}: the {len(rest):,} documents of query {query!r} up to here"
    check_fits(COPIES * rest.nbytes, what, "a query must fit into memory: split it, or leave out features")


def _group_in_memory(tables, where, place):
    """One table of all rows, which are moved only if they do not stand together."""
    if not tables:
        return
    table = pa.concat_tables(tables)
    codes = _codes(table["query"])
    if (codes[1:] < codes[:-1]).any():
        what = f"{where}: {len(table):,} documents, to be copied in the order of their queries,"
        check_fits(table.nbytes, what, "sort them by query beforehand, so that none is moved")
        order = np.argsort(codes, kind="stable")
        table, codes = table.take(pa.array(order)), codes[order]
    yield _whole(table, _starts(codes), set(), place)


def _codes(queries):
    """[rows], equal for equal queries, in ascending order of their first rows; -1 without a query."""
    codes = pc.dictionary_encode(queries.combine_chunks()).indices
    return codes.fill_null(-1).to_numpy(zero_copy_only=False)


def _starts(codes):
    """The first row of each run of equal codes."""
    return np.flatnonzero(np.concatenate([[True], codes[1:] != codes[:-1]])) if len(codes) else np.zeros(0, "int64")


def _whole(table, starts, seen, place):
    """The rows of whole queries, which begin at `starts`, one row per query."""
    table = table.combine_chunks()
    splits = np.append(starts, len(table))
    queries = array_of(table["query"]).take(pa.array(starts))
    _check_new(queries.to_pylist(), seen, table, starts, place)
    offsets = pa.array(splits.astype("int32"))
    columns, fields = [queries], [pa.field("query", pa.string())]
    for field in table.schema:
        if field.name in ("query", LINE):
            continue
        column, metadata = array_of(table[field.name]), field.metadata
        if mark_of(field) == OF_QUERY:
            column, metadata = _one_a_query(column, field.name, table, splits, place), None
        else:
            if field.name == "document":
                column = _name_documents(column, table, splits, place)
            column = pa.ListArray.from_arrays(offsets, column)
        columns.append(column)
        fields.append(pa.field(field.name, column.type, metadata=metadata))
    return pa.table(columns, schema=pa.schema(fields))


def _check_new(queries, seen, table, starts, place):
    for query, start in zip(queries, starts.tolist(), strict=True):
        if query in seen:
            raise ValueError(
                f"{place(table[LINE][start].as_py())}: query {query!r} begins again, after others; sort by "
                "query, or group in memory by together=False (--group on the command line)"
            )
        if query is not None:
            seen.add(query)


def _name_documents(given, table, splits, place):
    """The ids of the documents, or their positions if they have none; an id must be unique in its query."""
    documents = pc.coalesce(given, pa.array(positions(splits).tolist())) if given.null_count else given
    codes = documents.dictionary_encode().indices.to_numpy().astype("int64")
    pairs = np.repeat(np.arange(len(splits) - 1), np.diff(splits)) * (len(codes) + 1) + codes
    order = np.argsort(pairs, kind="stable")
    again = order[1:][pairs[order][1:] == pairs[order][:-1]]
    if len(again):
        row = int(again.min())
        same = given.take(pa.array(np.flatnonzero(pairs == pairs[row])))
        mixed = "; a document without an id gets its position in the query: give an id to all, or to none"
        raise ValueError(
            f"{place(table[LINE][row].as_py())}, query {table['query'][row].as_py()!r}: document "
            f"{documents[row].as_py()!r} occurs twice{mixed if same.null_count else ''}"
        )
    return documents


def _one_a_query(column, name, table, splits, place):
    """The value of each query in a column that repeats it in all rows."""
    codes = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    codes = codes.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    first = np.repeat(splits[:-1], np.diff(splits))
    if (differs := codes != codes[first]).any():
        row = int(differs.argmax())
        values = column[int(first[row])].as_py(), column[row].as_py()
        raise ValueError(
            f"{place(table[LINE][row].as_py())}: {name} must be the same in all rows of query "
            f"{table['query'][row].as_py()!r}, but is {values[0]!r} and {values[1]!r}"
        )
    return column.take(pa.array(splits[:-1]))
