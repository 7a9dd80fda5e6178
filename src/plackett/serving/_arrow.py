"""Requests and answers as Arrow streams."""

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from plackett.serving._errors import RequestError
from plackett.serving._requests import Documents, Names, check_ids, check_query, to_inputs

DOCUMENT = "document"
QUERY = b"query"  # a key in the metadata of the schema
LARGEST_TEXTS = 2**24  # the bytes of a column whose texts may overlap
COMPRESSION = {"record batch": 3, "dictionary": 1}  # the field of a message's header for compression, or the way to it


def _is_number(kind):
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)


def _is_text(kind):
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


# (whether a column may have an Arrow type, what it must hold).
IDS = (lambda kind: _is_text(kind) or pa.types.is_integer(kind), "strings or whole numbers")
FEATURES = (lambda kind: _is_number(kind) or pa.types.is_null(kind), "numbers")
TEXT, NUMBER, WHOLE = (_is_text, "strings"), (_is_number, "numbers"), (pa.types.is_integer, "whole numbers")
OTHERS = {"text": TEXT, "number": NUMBER, "int32": WHOLE, "int64": WHOLE, "position": WHOLE}


def read_arrow(body: bytes, names: Names) -> Documents:
    """Reads the documents of a request from an Arrow stream: one row per document, columns by name.

    Raises:
        RequestError: the stream is malformed or compressed, or its documents are not what the ranker takes.
    """
    try:
        _check_plain(body)
        with pa.ipc.open_stream(body) as reader:
            kinds = _check_columns(reader.schema, names)
            batch = _read(reader, names)
            query = _query(reader.schema)
        return _to_documents(query, batch, names, kinds)
    except RequestError:
        raise
    except (pa.ArrowException, OSError, ValueError, MemoryError, struct.error) as error:
        raise RequestError(400, "malformed_arrow", f"the body is not an Arrow stream: {error!s:.150}") from None


def _check_plain(body):
    """Refuses compressed data, since it could claim any amount of memory."""
    messages = pa.ipc.MessageReader.open_stream(body)
    while True:
        try:
            message = messages.read_next_message()
        except StopIteration:
            return
        if message.type in COMPRESSION and _is_compressed(message.type, message.metadata.to_pybytes()):
            words = "an Arrow stream must not be compressed: write it with IpcWriteOptions(compression=None)"
            raise RequestError(415, "compressed_arrow", words)


def _is_compressed(kind, metadata):
    """Whether a message has a field `compression`, by the layout of FlatBuffers in Message.fbs."""
    (root,) = struct.unpack_from("<I", metadata)
    batch = _table_of(metadata, root, 2)
    if kind == "dictionary":
        batch = _table_of(metadata, batch, 1)
    return _field(metadata, batch, 3) != 0


def _field(metadata, table, number):
    """The position of a field of a table, from its beginning; 0 = it is not there."""
    (back,) = struct.unpack_from("<i", metadata, table)
    (size,) = struct.unpack_from("<H", metadata, table - back)
    if 4 + 2 * number >= size:
        return 0
    return struct.unpack_from("<H", metadata, table - back + 4 + 2 * number)[0]


def _table_of(metadata, table, number):
    """The position of the table in a field."""
    place = table + _field(metadata, table, number)
    return place + struct.unpack_from("<I", metadata, place)[0]


def _check_columns(schema, names):
    """Returns the types of the features, after checking that all inputs of the ranker are there."""
    given = schema.names
    if DOCUMENT in names.all:
        words = f"this model has a feature {DOCUMENT!r}, but in Arrow this column holds the ids: send JSON"
        raise RequestError(422, "wrong_form", words, [DOCUMENT])
    if DOCUMENT not in given:
        raise RequestError(422, "missing_part", f"there is no column {DOCUMENT!r}, the ids of documents", [DOCUMENT])
    if len(set(given)) < len(given):
        raise RequestError(422, "duplicate_column", "two columns have the same name")
    if wrong := names.find_wrong([name for name in given if name != DOCUMENT], "", []):
        raise wrong
    kinds = dict(zip(given, schema.types, strict=True))
    for name, (fits, words) in {DOCUMENT: IDS, **{name: OTHERS[kind] for name, kind in names.others.items()}}.items():
        _check_kind(name, kinds.pop(name), fits, words)
    fits, words = FEATURES
    for kind in set(kinds.values()):
        if not fits(kind):
            _check_kind(next(name for name in given if kinds.get(name) == kind), kind, fits, words)
    return set(kinds.values())


def _check_kind(name, kind, fits, words):
    if not fits(kind):
        raise RequestError(422, "wrong_type", f"column {name!r} must hold {words}, but holds {kind!s:.40}", [name])


def _read(reader, names):
    batches, documents = [], 0
    for batch in reader:
        documents += batch.num_rows
        names.check_number(documents, [DOCUMENT])
        batch.validate(full=True)  # otherwise it may point outside of its memory
        batches.append(batch)
    if len(batches) != 1:
        batches = pa.Table.from_batches(batches, reader.schema).combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], reader.schema)


def _query(schema):
    query = (schema.metadata or {}).get(QUERY)
    return None if query is None else check_query(query.decode())


def _to_documents(query, batch, names, kinds):
    def where(document: int, name: str) -> list[str | int]:
        return [name, document]

    ids = _values(DOCUMENT, batch.column(DOCUMENT))
    check_ids(ids, lambda document: [DOCUMENT, document])
    others = {name: _values(name, batch.column(name)) for name in names.others}
    return to_inputs(query, ids, _matrix(batch.select(names.features), kinds), others, names, where)


def _values(name, column):
    """Returns the values of a column. A text that is in it once and used often is one text in memory too."""
    if pa.types.is_dictionary(column.type):
        texts = _values(name, column.dictionary)
        return [None if place is None else texts[place] for place in column.indices.to_pylist()]
    if pa.types.is_string_view(column.type):
        views = np.frombuffer(column.buffers()[1], "int32")[4 * column.offset :]  # each begins with its length
        lengths = views[: 4 * len(column) : 4][column.is_valid().to_numpy(zero_copy_only=False)]
        if lengths.sum(dtype="int64") > LARGEST_TEXTS:
            words = f"the texts of column {name!r} have more than {LARGEST_TEXTS:,} bytes"
            raise RequestError(400, "malformed_arrow", words, [name])
    return column.to_pylist()


def _matrix(batch, kinds):
    """Returns the features, [documents, features], NaN if a value is missing."""
    if not batch.num_columns or not batch.num_rows:
        return np.zeros((batch.num_rows, batch.num_columns))
    if pa.null() in kinds:  # a column without any value; Arrow cannot make a tensor of it
        plain = [pa.float32() if kind == pa.null() else kind for kind in batch.schema.types]
        batch = batch.cast(pa.schema(zip(batch.schema.names, plain, strict=True)))
    return batch.to_tensor(null_to_nan=True, row_major=True).to_numpy()


def write_ranking(query: Any, model: str, ids: Sequence[Any], scores: np.ndarray) -> bytes:
    """Writes a ranking as an Arrow stream: `document`, `rank` and `score`, the best first.

    Args:
        query: the client's name for the query. None = it gave none.
        model: the fingerprint of the model.
        ids: the ids of the documents, in order.
        scores: the scores of the documents.
    """
    metadata = {"model": model} | ({} if query is None else {"query": str(query)})
    columns = {
        DOCUMENT: pa.array(ids, pa.string() if not ids or isinstance(ids[0], str) else pa.int64()),
        "rank": pa.array(np.arange(1, len(ids) + 1, dtype="int32")),
        "score": pa.array(np.asarray(scores, "float32")),
    }
    batch = pa.RecordBatch.from_pydict(columns, metadata=metadata)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes()
