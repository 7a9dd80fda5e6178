"""TensorFlow's ExampleListWithContext and SequenceExample: from message bytes to columns."""

import functools
from collections.abc import Callable, Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from plackett.data.formats._example_layouts import Layouts, Part
from plackett.data.formats._wire import of_varints

FORMS = {"elwc": "ExampleListWithContext", "sequence_example": "SequenceExample"}

# Fields are numbered from 1 in this order. On the wire a map is its entries; those of features, and the documents of
# a list, are declared as mere bytes, since most of them are read without becoming messages.
MESSAGES = {
    "BytesList": {"value": "repeated bytes"},
    "FloatList": {"value": "repeated float"},
    "Int64List": {"value": "repeated int64"},
    "Feature": {"bytes_list": "BytesList", "float_list": "FloatList", "int64_list": "Int64List"},
    "Entry": {"key": "string", "value": "Feature"},
    "Features": {"feature": "repeated bytes"},
    "Example": {"features": "Features"},
    "ExampleListWithContext": {"examples": "repeated bytes", "context": "Example"},
    "FeatureList": {"feature": "repeated bytes"},
    "FeatureListEntry": {"key": "string", "value": "FeatureList"},
    "FeatureLists": {"feature_list": "repeated FeatureListEntry"},
    "SequenceExample": {"context": "Features", "feature_lists": "FeatureLists"},
}
# How a feature of one packed number begins, by its kind and the bytes of the number, which follow.
HEADS_OF_FEATURES = {("float", 4): {b"\x12\x06\n\x04": 0}} | {
    ("int64", size): {bytes([0x1A, size + 2, 0x0A, size]): 0} for size in range(1, 11)
}
NO_HEAD, NOT_WANTED = -1, -2
FEW = 256  # the entries that are read one by one before the others are matched against them


def parser(
    form: str,
    *,
    documents: Collection[str] | None = None,
    context: Collection[str] | None = None,
    document: str | None = None,
) -> Callable:
    """Makes a function from a list of messages, as bytes, to their columns.

    It returns (contexts, sizes, columns). `contexts` has, for each message, name -> (kind, values), where the kind is
    "float", "int64" or "string". `sizes` has the number of documents of each message. `columns` has each feature for
    the documents of all messages, concatenated: [documents, width] numbers, float64, or float32 if they fit, with NaN
    where a document has none; or a list of strings, with None where a document has none. Features without any value are
    left out.

    Args:
        form: "elwc", ExampleListWithContext, or "sequence_example", SequenceExample, in which feature i of a feature
            list is that of document i.
        documents: the features of documents to read. None = all.
        context: the features of the context to read. None = all.
        document: the feature of documents that is their id: its int64 are read as strings.

    Raises:
        ValueError: raised by the function if a message is malformed, a feature occurs twice, a feature of documents has
            different types or different numbers of values, there are several strings or invalid UTF-8 text in a
            feature, or feature lists differ in length; the error gives the feature and the document, from 1, across all
            messages.
    """
    layouts = Layouts(documents, document)
    of_examples = functools.partial(_of_examples, layouts=layouts, heads={}, places={})
    read = of_examples if form == "elwc" else _of_feature_lists
    message = CLASSES[FORMS[form]]

    def parse(data):
        try:
            with np.errstate(invalid="ignore"):  # a signalling NaN in another type is a NaN
                contexts, sizes, columns = read([message.FromString(one) for one in data], documents, document)
            return [_context(entries, context) for entries in contexts], sizes, columns
        except DecodeError as error:
            raise ValueError(f"this is no {FORMS[form]}: {error}") from None

    return parse


def _message_classes():
    """The classes of MESSAGES, in a pool of their own, where TensorFlow's cannot collide with them."""
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="plackett/examples.proto", package="plackett", syntax="proto3")
    for message, fields in MESSAGES.items():
        described = file.message_type.add(name=message)
        for number, (name, kind) in enumerate(fields.items(), start=1):
            repeated, _, kind = kind.rpartition(" ")
            field = described.field.add(name=name, number=number)
            field.label = kinds.LABEL_REPEATED if repeated else kinds.LABEL_OPTIONAL
            if kind in MESSAGES:
                field.type, field.type_name = kinds.TYPE_MESSAGE, f".plackett.{kind}"
            else:
                field.type = getattr(kinds, f"TYPE_{kind.upper()}")
        if message == "Feature":
            described.oneof_decl.add(name="kind")
            for field in described.field:
                field.oneof_index = 0
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"plackett.{name}")) for name in MESSAGES}


CLASSES = _message_classes()


def _of_examples(messages, wanted, document, layouts, heads, places):
    """(the entries of each context, how many documents each has, their columns) of ExampleListWithContexts.

    Documents that are alike but for their values are read by `layouts`, the others entry by entry.
    """
    documents = [example for message in messages for example in message.examples]
    parts, left = layouts.read(documents) if documents else ([], np.arange(0))
    entries = functools.partial(_of_entries, documents, wanted, document, heads, places)
    try:
        columns = _join(parts, left, entries(left) if len(left) else {}, len(documents))
    except ValueError:
        columns = None
    if columns is None:
        columns = entries(np.arange(len(documents)))  # which says what is wrong, or does not go together
    contexts = [message.context.features.feature for message in messages]
    return contexts, [len(message.examples) for message in messages], columns


def _of_entries(documents, wanted, document, heads, places, chosen):
    """name -> column, of the features of the chosen ones of some documents, bytes each.

    Most entries are one packed number: its last bytes. The bytes before, the head, follow from the name. `heads` and
    `places`, name -> place, hold those met so far, so that such entries are found and read all at once.
    """
    examples = [list(CLASSES["Example"].FromString(documents[row]).features.feature) for row in chosen.tolist()]
    rows = np.repeat(chosen, np.array([len(example) for example in examples], "int64"))
    entries = [entry for example in examples for entry in example]
    found, numbers = _numbers(entries, heads)
    cells: dict[str, list] = {}
    left, count = np.flatnonzero(found == NO_HEAD), FEW
    while len(left):
        new: dict[tuple[str, int], dict[bytes, int]] = {}
        for i in left[:count].tolist():
            name, kind, values = _entry(entries[i])
            is_wanted = wanted is None or name in wanted
            if kind in ("float", "int64") and len(values) == 1 and name != document:
                tail, head = _tail_and_head(name, kind, values[0])
                found[i] = places.setdefault(name, len(places)) if is_wanted else NOT_WANTED
                numbers[i] = values[0]
                new.setdefault((kind, tail), {})[head] = int(found[i])
            elif kind and is_wanted:
                cells.setdefault(name, []).append((int(rows[i]), kind, values))
        left, count = left[count:], 2 * count
        found[left], numbers[left] = _numbers([entries[i] for i in left.tolist()], new)
        left = left[found[left] == NO_HEAD]
        for kind, known in new.items():
            heads.setdefault(kind, {}).update(known)
    return _columns(rows, found, numbers, list(places), cells, len(documents), document)


def _join(parts, left, others, size):
    """The columns of all documents, from those of parts and of the others that are left; None if they do not fit."""
    if len(parts) == 1 and not len(left):
        [(_, columns)] = parts  # in the order of the documents
        return columns
    parts = [*parts, Part(left, {name: _chosen(column, left) for name, column in others.items()})]
    columns = {}
    for name in dict.fromkeys(name for part in parts for name in part.columns):
        pieces = [(part.rows, part.columns[name]) for part in parts if name in part.columns]
        kinds = {None if isinstance(piece, list) else piece.shape[1] for _, piece in pieces}
        if len(kinds) > 1:
            return None
        [width] = kinds
        dtype = object if width is None else np.result_type(*(piece for _, piece in pieces))
        column = np.full(size if width is None else (size, width), None if width is None else np.nan, dtype)
        for rows, piece in pieces:
            column[rows] = piece
        columns[name] = column.tolist() if width is None else column
    return columns


def _chosen(column, rows):
    return [column[row] for row in rows.tolist()] if isinstance(column, list) else column[rows]


def _of_feature_lists(messages, wanted, document):
    """The same of SequenceExamples."""
    lists = [_lists(message, wanted) for message in messages]
    sizes = [max(map(len, of.values()), default=0) for of in lists]
    places = {name: place for place, name in enumerate(dict.fromkeys(name for of in lists for name in of))}
    features = [feature for of in lists for these in of.values() for feature in these]
    starts, counts = np.cumsum([0, *sizes]), np.array([len(of) for of in lists])
    rows = np.concatenate([np.tile(np.arange(*starts[i : i + 2]), count) for i, count in enumerate(counts)])
    of_lists = np.array([places[name] for of in lists for name in of], "int64").repeat(np.repeat(sizes, counts))
    found, numbers = _numbers(features, HEADS_OF_FEATURES)
    found = np.where((found == NO_HEAD) | (of_lists == places.get(document)), NO_HEAD, of_lists)
    names = list(places)
    cells: dict[str, list] = {}
    for i in np.flatnonzero(found == NO_HEAD):
        kind, values = _kind_and_values(CLASSES["Feature"].FromString(features[i]))
        if kind:
            cells.setdefault(names[of_lists[i]], []).append((int(rows[i]), kind, values))
    columns = _columns(rows, found, numbers, names, cells, sum(sizes), document)
    return [message.context.feature for message in messages], sizes, columns


def _lists(message, wanted):
    """name -> the bytes of the features of a SequenceExample, all of one length."""
    lists = {}
    for entry in message.feature_lists.feature_list:
        if wanted is None or entry.key in wanted:
            if entry.key in lists:
                raise ValueError(f"feature list {entry.key} occurs twice")
            lists[entry.key] = list(entry.value.feature)
    sizes = sorted((len(features), name) for name, features in lists.items())
    if sizes and sizes[0][0] != sizes[-1][0]:
        (fewest, short), (most, long) = sizes[0], sizes[-1]
        raise ValueError(
            f"feature lists must have one feature per document, but {short} has {fewest} and {long} has {most}"
        )
    return lists


def _entry(data):
    """(name, kind, values) of an entry of a map of features; the kind is None where there are no values."""
    message = CLASSES["Entry"].FromString(data)
    return message.key, *_kind_and_values(message.value)


def _kind_and_values(feature):
    field = feature.WhichOneof("kind")
    values = tuple(getattr(feature, field).value) if field else ()
    return {"bytes_list": "string", "float_list": "float", "int64_list": "int64"}[field] if values else None, values


def _tail_and_head(name, kind, value):
    """(how many bytes a packed number takes, those before it in its entry)."""
    tail = 4 if kind == "float" else max(1, -(-(value % 2**64).bit_length() // 7))
    feature = CLASSES["Feature"]()
    getattr(feature, f"{kind}_list").value.append(value)
    return tail, CLASSES["Entry"](key=name, value=feature).SerializeToString()[:-tail]


def _numbers(pieces, heads):
    """(the place of its head or NO_HEAD, its number) of each of some bytes, [n] each.

    Args:
        pieces: bytes, which may be a head and a number.
        heads: (kind, bytes that the number takes) -> head -> place.
    """
    packed = pa.array(pieces, pa.binary())
    found, numbers, rest = np.full(len(pieces), NO_HEAD), np.zeros(len(pieces)), np.arange(len(pieces))
    for (kind, tail), known in heads.items():
        places = pc.index_in(pc.binary_slice(packed, 0, -tail), value_set=pa.array(list(known), pa.binary()))
        places = places.fill_null(-1).to_numpy()
        hit = np.flatnonzero(places >= 0)
        if len(hit):
            tails = pc.binary_slice(packed.take(pa.array(hit)), -tail).buffers()[2]
            tails = np.frombuffer(tails, "uint8", len(hit) * tail).reshape(-1, tail)
            if kind == "float":
                numbers[rest[hit]] = tails.view("<f4")[:, 0]
            else:
                hit, tails = _of_one_varint(hit, tails)
                numbers[rest[hit]] = of_varints(tails)
            found[rest[hit]] = np.array(list(known.values()))[places[hit]]
            left = np.delete(np.arange(len(rest)), hit)
            packed, rest = packed.take(pa.array(left)), rest[left]
    return found, numbers


def _of_one_varint(hit, tails):
    """Those where all bytes are one varint: only in its last one is the highest bit 0."""
    whole = (tails[:, :-1] > 127).all(axis=1) & (tails[:, -1] < 128)
    return hit[whole], tails[whole]


def _columns(rows, found, numbers, names, cells, size, document):
    """name -> column: of `numbers` with a place among `names`, and of `cells`, (document, kind, values) by name."""
    quick = found >= 0
    spots = rows[quick] * len(names) + found[quick]
    there = np.bincount(spots, minlength=size * len(names)).reshape(size, len(names))
    if (there > 1).any():
        row, place = np.argwhere(there > 1)[0]
        raise ValueError(f"feature {names[place]} of document {row + 1} occurs twice")
    values = np.full(there.shape, np.nan)
    values.reshape(-1)[spots] = numbers[quick]
    columns = {}
    for place in np.flatnonzero(there.any(axis=0)):
        name = names[place]
        if name in cells:
            cells[name] += [(int(row), "number", (values[row, place],)) for row in np.flatnonzero(there[:, place])]
        else:
            columns[name] = values[:, place : place + 1]
    return columns | {name: _column(name, cells[name], size, name == document) for name in cells}


def _column(name, cells, size, is_id):
    """[size, width] float64, or a list of strings, from the (document, kind, values) of one feature."""
    rows, kinds, values = zip(*cells, strict=True)
    if len(set(rows)) < len(rows):
        row = next(row for row in rows if rows.count(row) > 1)
        raise ValueError(f"feature {name} of document {row + 1} occurs twice")
    if is_id or "string" in kinds:
        texts: list[str | None] = [None] * size
        for row, kind, these in cells:
            texts[row] = _string(f"feature {name} of document {row + 1}", kind, these, is_id)
        return texts
    width = len(values[0])
    for row, these in zip(rows, values, strict=True):
        if len(these) != width:
            counts = f"{len(these)} in document {row + 1}, but {width} in document {rows[0] + 1}"
            raise ValueError(f"feature {name} must have as many numbers in every document, but has {counts}")
    column = np.full((size, width), np.nan)
    column[list(rows)] = np.array(values, "float64")
    return column


def _string(what, kind, values, is_id=False):
    """The one string of a feature; that of an id may be an int64."""
    if len(values) > 1 or kind not in ("string", "int64" if is_id else "string"):
        raise ValueError(f"{what} must be one string{' or int64' * is_id} to be read, but is {len(values)} {kind}")
    if kind == "int64":
        return str(values[0])
    try:
        return values[0].decode()
    except UnicodeDecodeError:
        raise ValueError(f"{what} must be UTF-8 text, but is {values[0][:40]!r}") from None


def _context(entries, wanted):
    """name -> (kind, values) of the context."""
    found = {}
    for name, kind, values in map(_entry, entries):
        if kind and (wanted is None or name in wanted):
            if name in found:
                raise ValueError(f"feature {name} of the context occurs twice")
            if kind == "string":
                values = (_string(f"feature {name} of the context", kind, values),)
            found[name] = kind, values
    return found
