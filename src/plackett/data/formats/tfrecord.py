"""TF-Ranking's TFRecord files, with ExampleListWithContext or SequenceExample, read without TensorFlow."""

import contextlib
import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from plackett._files import list_paths
from plackett.data._columns import check_names, dtype_of_column
from plackett.data._ranking_lists import RankingLists
from plackett.data._schema import mark, without_labels
from plackett.data._tables import from_tables
from plackett.data.formats._tfrecord_columns import Kinds, in_words, kind_of, layout_of, listed
from plackett.data.formats.examples import FORMS, parser
from plackett.data.formats.records import read_records
from plackett.registry.names import check_known

TABLE_BYTES = 1 << 25
BATCH_BYTES = 1 << 20
PADDING = -1
QUERY_TYPES = {"float": pa.float32(), "int64": pa.int64(), "string": pa.string()}


def read_tfrecord(
    paths: str | os.PathLike | Sequence[str | os.PathLike],
    *,
    form: str,
    label: str | None = "relevance",
    query: str | None = None,
    document: str | None = None,
    features: Sequence[str] | None = None,
    context: Sequence[str] | None = None,
    columns: Mapping[str, str] | None = None,
) -> RankingLists:
    """Reads lists from TF-Ranking's TFRecord files, one list per record, without TensorFlow.

    Documents with label -1 are TF-Ranking's padding and are left out. A record with no other documents is a query with
    an empty list.

    Numbers, float or int64, become float32; in columns of your own, float64. A feature of w > 1 numbers becomes the
    columns `name_1` to `name_w`, and must have w numbers in every document. A feature of strings must have one string
    per document and becomes an id feature. A feature without a value is missing: NaN for numbers, an error for strings.
    Features of the context become columns of queries; a missing one is NaN or an empty string.

    The first records determine the features. A feature that appears later is an error and is not lost silently.

    Args:
        paths: one file or several, read in this order.
        form: what the records are: "elwc", ExampleListWithContext, or "sequence_example", SequenceExample, in which
            feature i of a feature list is that of document i.
        label: the feature of documents that is the label, one number. None = the documents are to be ranked: their
            labels are 0, and nobody judged them. Padding cannot be recognised then, and stays.
        query: the feature of the context that is the id of the query, one string or int64. None = the number of the
            record, from 1, across all files.
        document: the feature of documents that is their id, one string or int64. None = the place in the record, from
            1, padding included.
        features: the features of documents to read, in this order. None = all without a role, sorted.
        context: the features of the context to read, in addition to `query`. None = all, sorted.
        columns: other columns of documents, {new name: feature}, such as `{"click": "clicked"}`.

    Raises:
        FileNotFoundError: a file does not exist.
        ValueError: an argument is invalid, a file is damaged or has no records, a record has another form, or its
            features are invalid; the error gives the file and the number of the record in it, from 1.

    Cost: about a second for 100,000 documents of 136 floats, all with the same features in the same order; else 30,000.

    Reference: Pasumarthi et al., "TF-Ranking: Scalable TensorFlow Library for Learning-to-Rank", KDD 2019,
    https://arxiv.org/abs/1812.00073
    """
    tables = tfrecord_tables(
        paths,
        form=form,
        label=label,
        query=query,
        document=document,
        features=features,
        context=context,
        columns=columns,
    )
    return from_tables(tables, ", ".join(map(str, list_paths(paths))))


def tfrecord_tables(
    paths: str | os.PathLike | Sequence[str | os.PathLike],
    *,
    form: str,
    label: str | None = "relevance",
    query: str | None = None,
    document: str | None = None,
    features: Sequence[str] | None = None,
    context: Sequence[str] | None = None,
    columns: Mapping[str, str] | None = None,
    chunk: int = 1024,
    to_rank: bool = False,
) -> Iterator[pa.Table]:
    """The records in tables in the form of `plackett.data._schema`, one row per record; see `read_tfrecord`.

    Args:
        paths, form, label, query, document, features, context, columns: as in `read_tfrecord`.
        chunk: the number of records per table; fewer if they have 32 MB.
        to_rank: whether the documents are to be ranked. If none of the first records (1 MB) has the label, the file is
            read as with `label=None`, and `columns` that are missing are left out.

    Cost: about 150 MB of memory, whatever the size of the files.
    """
    check_known("form", form, FORMS)
    if chunk < 1:
        raise ValueError(f"chunk must be at least 1, but got {chunk}")
    check_names("a column", columns or {}, {})
    paths = list_paths(paths)
    if not paths:
        raise ValueError("there must be at least one file to read, but paths is empty")
    choice = _Choice(label, query, document, _names(features), _names(context), dict(columns or {}))
    of_context = (*(() if query is None else (query,)), *(choice.context or ()))
    for names in ((*choice.roles(), *(choice.features or ())), of_context):
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"a feature must be read as one thing, but these are named twice: {', '.join(twice)}")
    return _tables(paths, form, choice, chunk, to_rank)


def _names(names):
    if isinstance(names, str):
        raise ValueError(f"features and context must be sequences of names, but got the string {names!r}")
    return names if names is None else tuple(names)


@dataclasses.dataclass(frozen=True)
class _Choice:
    """Which features become which columns; see `tfrecord_tables`."""

    label: str | None
    query: str | None
    document: str | None
    features: tuple[str, ...] | None
    context: tuple[str, ...] | None
    columns: dict[str, str]
    absent: frozenset[str] = frozenset()  # what need not be there, and is not there

    def roles(self):
        """The features of documents that the table has under other names."""
        return tuple(name for name in (self.label, *self.columns.values(), self.document) if name is not None)

    def of_these(self, names):
        """What is there to be read of documents to be ranked that have these features."""
        columns = {column: name for column, name in self.columns.items() if name in names}
        absent = {self.label, *self.columns.values()} - {None, *names}
        label = None if self.label in absent else self.label
        return dataclasses.replace(self, label=label, columns=columns, absent=frozenset(absent))


class _Record(NamedTuple):
    """The bytes of a record, and where they stand."""

    path: str | os.PathLike
    number: int
    number_of_all: int
    data: bytes


@dataclasses.dataclass
class _Batch:
    """Some records, and what `plackett.data.formats.examples.parser` found in them."""

    queries: list[str]
    contexts: list[dict[str, tuple[str, tuple]]]
    sizes: list[int]
    documents: dict[str, np.ndarray | list]


def _tables(paths, form, choice, chunk, to_rank):
    """The records in tables whose columns are those of the first one."""
    parse = parser(
        form,
        documents=None if choice.features is None else {*choice.features, *choice.roles()},
        context=None if choice.context is None else {*choice.context, choice.query},
        document=choice.document,
    )
    kinds, layout = Kinds(), None
    for part in _parts(paths, chunk):
        if layout is None and to_rank:
            choice = choice.of_these(_names_of_documents(next(_cut(part)), parse))
        batches = [batch for records in _cut(part) for batch in _read(records, parse, choice, kinds)]
        if layout is None:
            kinds.are_settled, layout = True, layout_of(kinds, choice, _where([part[0]]), len(part))
        table = _table(batches, layout, choice)
        yield without_labels(table, ", ".join(map(str, paths))) if choice.label is None else table


def _names_of_documents(records, parse):
    """The features of the documents of some records; of a record that is damaged, which is told later, none."""
    found: set[str] = set()
    for record in records:
        with contextlib.suppress(ValueError):
            found |= set(parse([record.data])[2])
    return found


def _parts(paths, chunk):
    """Lists of `chunk` records, or of fewer once they are large."""
    part, length, total = [], 0, 0
    for path in paths:
        for number, data in enumerate(read_records(path), start=1):
            total += 1
            part.append(_Record(path, number, total, data))
            length += len(data)
            if len(part) == chunk or length >= TABLE_BYTES:
                yield part
                part, length = [], 0
    if part:
        yield part


def _cut(part):
    """The records in lists of about 1 MB, each of one file."""
    batch: list[_Record] = []
    length = 0
    for record in part:
        if batch and (length >= BATCH_BYTES or record.number == 1):
            yield batch
            batch, length = [], 0
        batch.append(record)
        length += len(record.data)
    yield batch


def _read(records, parse, choice, kinds):
    """The records as one batch; where something is wrong with it, one by one, so that the error says with which."""
    try:
        return [_batch(records, parse, choice, kinds)]
    except ValueError as error:
        if len(records) == 1:
            raise ValueError(f"{_where(records)}: {error}") from None
        return [batch for record in records for batch in _read([record], parse, choice, kinds)]


def _where(records):
    first, last = records[0], records[-1]
    if len(records) == 1:
        return f"{first.path}, record {first.number}"
    return f"{first.path}, records {first.number} to {last.number}"


def _batch(records, parse, choice, kinds):
    contexts, sizes, documents = parse([record.data for record in records])
    if late := sorted(choice.absent & set(documents)):
        raise ValueError(f"feature {late[0]} comes up here, but no document of the first records has it")
    if choice.label is not None:
        _check_labels(documents, sum(sizes), choice.label)
    found = {name: kind_of(column) for name, column in documents.items()}
    kinds.add(kinds.documents, found, "feature {}", _where(records))
    queries = []
    for record, context in zip(records, contexts, strict=True):
        queries.append(str(record.number_of_all) if choice.query is None else _query(context, choice.query))
        found = {name: (kind, len(values)) for name, (kind, values) in context.items()}
        kinds.add(kinds.context, found, "feature {} of the context", _where([record]))
    return _Batch(queries, contexts, sizes, documents)


def _check_labels(documents, size, name):
    labels = documents.get(name)
    if size and labels is None:
        raise ValueError(f"no document has a feature {name}, the label; documents have {listed(documents)}")
    if labels is not None:
        if kind_of(labels) != ("number", 1):
            raise ValueError(f"feature {name} must be one number to be the label, but is {in_words(kind_of(labels))}")
        if np.isnan(labels).any():
            raise ValueError(f"document {np.isnan(labels).argmax() + 1} has no feature {name}, the label")


def _query(context, name):
    """The id of the query, which is taken out of the context."""
    if name not in context:
        raise ValueError(f"the context has no feature {name}, the id of the query; it has {listed(context)}")
    kind, values = context.pop(name)
    if kind == "float" or len(values) > 1:
        raise ValueError(f"feature {name} of the context must be one string or int64, but is {len(values)} {kind}")
    return str(values[0])


def _table(batches, layout, choice):
    """The table of some batches."""
    sizes = np.array([size for batch in batches for size in batch.sizes])
    contexts = [context for batch in batches for context in batch.contexts]
    real = np.ones(sizes.sum(), bool)
    if choice.label is not None:
        real = _numbers(batches, choice.label, 1, "float64")[0] != PADDING
    lengths = np.bincount(np.repeat(np.arange(len(sizes)), sizes)[real], minlength=len(sizes))
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())

    def numbers(name, columns, dtype="float32"):
        values = _numbers(batches, name, len(columns), dtype)
        values = values if real.all() else values[:, real]
        return {column: pa.ListArray.from_arrays(offsets, pa.array(values[i])) for i, column in enumerate(columns)}

    def strings(name, column):
        parts = [batch.documents.get(name) or [None] * sum(batch.sizes) for batch in batches]
        values = pa.array([value for part in parts for value in part], pa.string())
        return {column: pa.ListArray.from_arrays(offsets, values.filter(pa.array(real)))}

    table = {"query": pa.array([query for batch in batches for query in batch.queries], pa.string())}
    if choice.document is None:
        places = np.concatenate([np.arange(1, size + 1) for size in sizes])[real]
        table["document"] = pa.ListArray.from_arrays(offsets, pa.array(places).cast(pa.string()))
    else:
        table |= strings(choice.document, "document")
    table |= {} if choice.label is None else numbers(choice.label, ["label"])
    for name, (kind, columns) in layout.documents.items():
        table |= strings(name, columns[0]) if kind[0] == "string" else numbers(name, columns)
    for column, name in choice.columns.items():
        table |= numbers(name, [column], dtype_of_column(column))
    for name, (kind, columns) in layout.context.items():
        rows = [context[name][1] if name in context else [None] * len(columns) for context in contexts]
        table |= {column: pa.array([row[i] for row in rows], QUERY_TYPES[kind[0]]) for i, column in enumerate(columns)}
    marks = dict.fromkeys(choice.columns, mark("columns"))
    return pa.table(table, pa.schema([pa.field(name, x.type, metadata=marks.get(name)) for name, x in table.items()]))


def _numbers(batches, name, width, dtype):
    """[width, documents of all batches], NaN where there is none."""
    sizes = [sum(batch.sizes) for batch in batches]
    values, start = np.empty((width, sum(sizes)), dtype), 0
    for batch, size in zip(batches, sizes, strict=True):
        with np.errstate(invalid="ignore"):  # a signalling NaN in another type is a NaN
            values[:, start : start + size] = batch.documents[name].T if name in batch.documents else np.nan
        start += size
    return values
