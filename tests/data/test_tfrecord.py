"""TFRecord files of TF-Ranking, read without TensorFlow."""

import gzip
import os
import random
import re
import struct
import tracemalloc
import zlib

import google_crc32c
import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st

import plackett
from plackett.data._tables import from_tables
from plackett.data.formats import tfrecord
from plackett.data.formats.examples import parser
from plackett.data.formats.records import read_records
from plackett.data.formats.tfrecord import tfrecord_tables

FILES = int(os.environ.get("PLACKETT_FUZZ", "300"))

# Two documents, x = .5 and relevance 1, x = 1.5 and relevance 0, of query q7: byte by byte, from the .proto files.
X = [bytes.fromhex("12060a040000003f"), bytes.fromhex("12060a040000c03f")]
RELEVANCE = [bytes.fromhex("1a030a0101"), bytes.fromhex("1a030a0100")]
KEYS = bytes.fromhex("0a0178"), bytes.fromhex("0a0972656c6576616e6365")
QUERY = bytes.fromhex("0a0f0a0d0a0371696412060a040a027137")
BY_HAND = {
    "elwc": b"".join(
        bytes.fromhex("0a250a230a0d") + KEYS[0] + b"\x12\x08" + x + b"\n\x12" + KEYS[1] + b"\x12\x05" + relevance
        for x, relevance in zip(X, RELEVANCE, strict=True)
    )
    + b"\x12\x11"
    + QUERY,
    "sequence_example": QUERY
    + bytes.fromhex("12380a19")
    + (KEYS[0] + b"\x12\x14" + b"".join(b"\n\x08" + x for x in X))
    + (b"\n\x1b" + KEYS[1] + b"\x12\x0e" + b"".join(b"\n\x05" + x for x in RELEVANCE)),
}
FORMS = list(BY_HAND)


# A writer of both forms, and of files.


def varint(number):
    number %= 1 << 64
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def feature(values, packed=True):
    """A Feature of floats, of ints or of strings; () = of nothing."""
    if not values:
        return b""
    if isinstance(values[0], float):
        if packed:
            return field(2, field(1, struct.pack(f"<{len(values)}f", *values)))
        return field(2, b"".join(b"\x0d" + struct.pack("<f", value) for value in values))
    if isinstance(values[0], int):
        if packed:
            return field(3, field(1, b"".join(map(varint, values))))
        return field(3, b"".join(b"\x08" + varint(value) for value in values))
    texts = (value.encode() if isinstance(value, str) else value for value in values)
    return field(1, b"".join(field(1, text) for text in texts))


def entry(name, value):
    return field(1, field(1, name.encode()) + field(2, value))


def features(named, packed=True):
    return b"".join(entry(name, feature(values, packed)) for name, values in named.items())


def elwc(context, documents, packed=True):
    parts = [field(1, field(1, features(document, packed))) for document in documents]
    return b"".join(parts) + field(2, field(1, features(context, packed)))


def sequence_example(context, documents, packed=True):
    lists = {
        name: b"".join(field(1, feature(document.get(name, ()), packed)) for document in documents)
        for name in dict.fromkeys(name for document in documents for name in document)
    }
    return field(1, features(context, packed)) + field(2, b"".join(entry(*named) for named in lists.items()))


WRITERS = {"elwc": elwc, "sequence_example": sequence_example}


def masked(data):
    crc = google_crc32c.value(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) % (1 << 32))


def framed(records):
    heads = [struct.pack("<Q", len(record)) for record in records]
    parts = zip(heads, map(masked, heads), records, map(masked, records), strict=True)
    return b"".join(b"".join(part) for part in parts)


COMPRESSIONS = {"plain": bytes, "gzip": gzip.compress, "zlib": zlib.compress}


@pytest.fixture
def write(tmp_path):
    def write(records, name="a.tfrecord", compress=bytes):
        path = tmp_path / name
        path.write_bytes(compress(framed(records)))
        return path

    return write


def rows(tables):
    return [row for table in tables for row in table.to_pylist()]


# Files


@pytest.mark.parametrize("compress", COMPRESSIONS.values(), ids=COMPRESSIONS)
@pytest.mark.parametrize("piece", [7, 1 << 24])
def test_records(write, monkeypatch, compress, piece):
    monkeypatch.setattr("plackett.data.formats.records.PIECE", piece)
    records = [b"", b"one", random.Random(0).randbytes(3_000_000 if piece > 7 else 3000), b"\0" * 120]
    assert list(read_records(write(records, compress=compress))) == records
    assert list(read_records(str(write(records, compress=compress)))) == records


def test_two_gzip_members_are_one_file(write):
    path = write([b"one"], compress=gzip.compress)
    path.write_bytes(path.read_bytes() * 2)
    assert list(read_records(path)) == [b"one", b"one"]


@pytest.mark.parametrize("length", [0x8B1F, 559_903, 0x0178])
def test_a_length_that_looks_like_a_compressed_file(write, length):
    record = bytes(length)
    assert list(read_records(write([record]))) == [record]


def test_there_must_be_records(write):
    for compress in COMPRESSIONS.values():
        with pytest.raises(ValueError, match=r"a\.tfrecord: there are no records in this file"):
            list(read_records(write([], compress=compress)))
    with pytest.raises(FileNotFoundError):
        list(read_records("nowhere.tfrecord"))


@pytest.mark.parametrize("compress", COMPRESSIONS.values(), ids=COMPRESSIONS)
def test_every_cut_is_noticed(write, compress):
    records = [b"first", b"", b"the third"]
    path = write(records, compress=compress)
    whole = path.read_bytes()
    ends = {len(framed(records[:i])): i for i in (1, 2)} if compress is bytes else {}
    for cut in range(1, len(whole)):
        path.write_bytes(whole[:cut])
        if cut in ends:
            assert list(read_records(path)) == records[: ends[cut]]
            continue
        with pytest.raises(ValueError, match=r"a\.tfrecord, record [1-4]: ") as caught:
            list(read_records(path))
        if compress is bytes:
            number = 1 + sum(cut > end for end in ends)
            assert f"record {number}: the file ends within the record" in str(caught.value)


def test_every_flipped_bit_is_noticed(write):
    records = [b"first", b"the second"]
    path = write(records)
    whole = bytearray(path.read_bytes())
    for i in range(8 * len(whole)):
        whole[i // 8] ^= 1 << i % 8
        path.write_bytes(whole)
        number = 1 + (i // 8 >= len(framed(records[:1])))
        with pytest.raises(ValueError, match=rf"a\.tfrecord, record {number}: "):
            list(read_records(path))
        whole[i // 8] ^= 1 << i % 8


@pytest.mark.parametrize("compress", COMPRESSIONS.values(), ids=COMPRESSIONS)
def test_mutated_files_are_read_alike_or_refused(write, compress):
    """Files with bytes changed, cut out or put in: what is read of them is right as far as it goes."""
    records = [BY_HAND["elwc"], b"", bytes(1000), BY_HAND["sequence_example"]]
    path, chance = write(records, compress=compress), random.Random(1)
    whole, refused = path.read_bytes(), []
    for _ in range(FILES):
        path.write_bytes(mutated(whole, chance))
        found = []
        try:
            found.extend(read_records(path))
        except ValueError as error:
            refused.append(str(error))
        assert all(record in records for record in found)
    assert len(refused) > 0.5 * FILES
    assert all(re.search(r"a\.tfrecord(, record \d+)?: ", message) for message in refused)


def mutated(data, chance):
    data = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        start = chance.randrange(len(data))
        stop = start + chance.choice([0, 1, 1, 1, chance.randrange(20)])
        data[start:stop] = chance.randbytes(chance.choice([stop - start, stop - start, chance.randrange(4)]))
    return bytes(data)


@pytest.mark.parametrize(
    "damage, wrong",
    [
        (
            lambda data: data[:8] + b"abcd" + data[12:],
            "the CRC of the record's length is wrong: the file is damaged, or",
        ),
        (lambda data: data[:-4] + b"abcd", "the CRC of the record's bytes is wrong: the file is damaged"),
        (lambda data: data[:-1], "the file ends within the record: 9 bytes are due, but 8 are there"),
        (lambda data: data[:11], "the file ends within the record's length: 12 bytes are due, but 11 are there"),
        (lambda data: gzip.compress(data)[:20], "Truncated compressed stream"),
        (lambda data: gzip.compress(data)[:-8] + bytes(8), "incorrect data check"),
        (lambda data: b"1 qid:7 1:0.5 2:0.3", "or not a TFRecord file"),
    ],
)
def test_a_damaged_file_says_what_is_wrong(write, damage, wrong):
    path = write([b"first"])
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=r"a\.tfrecord, record 1: ") as caught:
        list(read_records(path))
    assert wrong in str(caught.value)


def test_a_length_beyond_the_file_takes_no_memory(write):
    path = write([b"first"])
    head = struct.pack("<Q", 1 << 62)
    path.write_bytes(head + masked(head) + b"some bytes")
    tracemalloc.start()
    with pytest.raises(ValueError, match="4611686018427387908 bytes are due, but 10 are there"):
        list(read_records(path))
    assert tracemalloc.get_traced_memory()[1] < 1 << 26
    tracemalloc.stop()


# Messages


@pytest.mark.parametrize("form", FORMS)
def test_messages_written_by_hand(write, form):
    tables = list(tfrecord_tables(write([BY_HAND[form]] * 2), form=form, query="qid"))
    row = {"query": "q7", "document": ["1", "2"], "label": [1, 0], "x": [0.5, 1.5]}
    assert rows(tables) == [row, row]
    assert tables[0].schema.names == list(row)


class RefusedError(Exception):
    """These bytes are no such message, or hold a group, which nobody writes any more."""


def fields(data):
    """(number, wire type, content) of each field of a message."""
    at = 0
    while at < len(data):
        tag, at = of_varint(data, at)
        number, kind = tag >> 3, tag & 7
        if not number or kind in (3, 4, 6, 7):
            raise RefusedError
        size = {1: 8, 5: 4}.get(kind)
        if kind == 0:
            content, at = of_varint(data, at)
        else:
            if kind == 2:
                size, at = of_varint(data, at)
            content, at = data[at : at + size], at + size
            if at > len(data):
                raise RefusedError
        yield number, kind, content


def of_varint(data, at):
    number = shift = 0
    while True:
        if at == len(data) or shift > 63:
            raise RefusedError
        number |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return number % (1 << 64), at


def of_feature(contents):
    """("bytes", "float" or "int64", values) of a Feature: its fields in order, the last kind counts."""
    last, values = None, []
    for number, kind, content in (found for part in contents for found in fields(part)):
        if kind != 2 or number > 3:
            continue
        if number != last:
            last, values = number, []
        for inner, wire, value in fields(content):
            if inner != 1:
                continue
            if last == 1 and wire == 2:
                values.append(value)
            if last == 2 and wire in (2, 5):
                if len(value) % 4:
                    raise RefusedError
                values += struct.unpack(f"<{len(value) // 4}f", value)
            if last == 3 and wire == 0:
                values.append(value)
            if last == 3 and wire == 2:
                at = 0
                while at < len(value):
                    one, at = of_varint(value, at)
                    values.append(one)
    if last == 3:
        values = [value - (1 << 64) * (value >> 63) for value in values]
    return {1: "bytes", 2: "float", 3: "int64", None: None}[last], values


def only(data, number):
    """The contents of all fields of this number."""
    return [content for found, kind, content in fields(data) if (found, kind) == (number, 2)]


def entries(data):
    """(name, contents of the value) of the entries of a map."""
    for content in only(data, 1):
        yield (only(content, 1) or [b""])[-1].decode(), only(content, 2)


def read_slowly(data, form):
    """(context, how many documents, their features: name -> a list of (kind, values)), field by field."""

    def of_map(parts):
        return {name: of_feature(value) for part in parts for name, value in entries(part)}

    if form == "elwc":
        documents = [of_map(only(example, 1)) for example in only(data, 1)]
        names = dict.fromkeys(name for document in documents for name in document)
        columns = {name: [document.get(name, (None, [])) for document in documents] for name in names}
        return of_map(part for context in only(data, 2) for part in only(context, 1)), len(documents), columns
    columns = {
        name: [of_feature([value]) for part in values for value in only(part, 1)]
        for lists in only(data, 2)
        for name, values in entries(lists)
    }
    return of_map(only(data, 1)), max(map(len, columns.values()), default=0), columns


def assert_read_alike(found, slowly):
    [context], [size], columns = found
    slow_context, slow_size, slow_columns = slowly
    assert size == slow_size
    assert context.keys() == {name for name, (_, values) in slow_context.items() if values}
    for name, (kind, values) in context.items():
        slow_kind, slow_values = slow_context[name]
        assert kind == {"bytes": "string"}.get(slow_kind, slow_kind)
        expected = [value.decode() for value in slow_values] if kind == "string" else slow_values
        np.testing.assert_array_equal(list(values), expected)
    assert columns.keys() == {name for name, cells in slow_columns.items() if any(values for _, values in cells)}
    for name, column in columns.items():
        cells = slow_columns[name]
        if isinstance(column, list):
            assert column == [values[0].decode() if values else None for _, values in cells]
            assert all(len(values) <= 1 and kind in ("bytes", None) for kind, values in cells if values)
        else:
            assert column.dtype == np.float64
            width = column.shape[1]
            expected = np.array([values or [np.nan] * width for _, values in cells], "float64")
            np.testing.assert_array_equal(column, expected)


@st.composite
def messages(draw):
    """(context, documents): each feature is of one kind and width, and missing here and there."""
    number = st.integers(-(2**63), 2**63 - 1)
    kinds = st.sampled_from([st.floats(width=32), number, st.integers(0, 4), st.text(max_size=9)])
    names = draw(st.lists(st.text(max_size=12), unique=True, max_size=5))
    of = {name: draw(kinds) for name in names}
    width = {name: 1 if isinstance(draw(of[name]), str) else draw(st.sampled_from([1, 1, 1, 3])) for name in names}

    def some():
        chosen = draw(st.permutations(names))[: draw(st.integers(0, len(names)))]
        return {name: draw(st.lists(of[name], min_size=width[name], max_size=width[name])) for name in chosen}

    return some(), [some() for _ in range(draw(st.integers(0, 4)))], draw(st.booleans())


@pytest.mark.parametrize("form", FORMS)
@hypothesis.settings(max_examples=60, deadline=None, derandomize=True, database=None)
@hypothesis.given(st.lists(messages(), min_size=1, max_size=4))
def test_messages_of_any_kind(form, parts):
    """Read as they were written, however a float comes: packed or not, of a name met before or not."""
    parse = parser(form)
    for context, documents, packed in parts:
        data = WRITERS[form](context, documents, packed)
        slowly = read_slowly(data, form)
        if form == "elwc":
            assert slowly[1] == len(documents)
        assert slowly[2].keys() == {name for document in documents for name in document}
        for name, cells in slowly[2].items():
            texts = [document.get(name, []) for document in documents]
            as_bytes = [[value.encode() if isinstance(value, str) else value for value in these] for these in texts]
            np.testing.assert_equal([values for _, values in cells], as_bytes)
        assert_read_alike(parse([data]), slowly)
        assert_read_alike(parse([data]), slowly)


@pytest.mark.parametrize("form", FORMS)
def test_mutated_messages_are_read_alike_or_refused(write, form):
    """1,000 messages damaged before their CRC is taken."""
    chance, read, refused = random.Random(2), 0, []
    document = {"x": [0.5], "relevance": [2], "wide": [1.0, 2.0], "id": ["d"], "y": [-3.0]}
    data = WRITERS[form]({"qid": ["q7"], "user": [3]}, [document | {"id": [f"d{i}"]} for i in range(3)])
    parse = parser(form)
    parse([data])
    for _ in range(1000):
        damaged = mutated(data, chance)
        try:
            found = parse([damaged])
        except ValueError:
            continue
        read += 1
        assert_read_alike(found, read_slowly(damaged, form))
    assert 100 < read < 900
    for _ in range(100):
        damaged = mutated(data, chance)
        try:
            from_tables(tfrecord_tables(write([data, damaged]), form=form, document="id"))
        except ValueError as error:
            refused.append(str(error))
    assert all(re.search(r"a\.tfrecord, record 2: |the table, row 2, ", message) for message in refused)


# Tables


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seed", range(3))
def test_tables(write, form, seed):
    """What was drawn comes back: padding left out, what is missing NaN, from two files and in tables of 7."""
    random = np.random.default_rng(seed)
    names = [f"f{i}" for i in range(5)]
    records, expected = [], []
    for query in range(40):
        size = int(random.integers(0, 6)) if query else 6
        labels = random.integers(-1, 3, size).tolist()
        x = random.normal(size=(size, len(names) + 2)).astype("float32")
        x[:, 4] = random.integers(-9, 10, size)
        x[random.random(x.shape) < (0.2 if query else 0)] = np.nan
        x[:, -2:] = x[:, -1:] * [0.5, 1]
        documents = []
        for i in range(size):
            values = {name: [float(value)] for name, value in zip(names, x[i], strict=False) if not np.isnan(value)}
            values |= {"f4": [int(x[i, 4])]} if "f4" in values else {}
            values |= {} if np.isnan(x[i, -1]) else {"wide": x[i, -2:].tolist()}
            values |= {"relevance": [labels[i]], "url": [f"u{i}"], "genre": ["äb"[i % 2]], "seen": [float(i % 2)]}
            documents.append({name: values[name] for name in random.permutation(list(values)).tolist()})
        context = {"qid": [f"q{query}"], "user": [2**60 + query], "day": [0.5]} | (
            {"place": ["x"]} if query % 2 else {}
        )
        context |= {"place": ["home"]} if query == 0 else {}
        records.append(WRITERS[form](context, documents, packed=bool(query % 3)))
        kept = [i for i in range(size) if labels[i] >= 0]
        row = {"query": f"q{query}", "document": [f"u{i}" for i in kept], "label": [labels[i] for i in kept]}
        row |= {name: x[kept, j].tolist() for j, name in enumerate(names)}
        row |= {"genre": ["äb"[i % 2] for i in kept], "wide_1": x[kept, -2].tolist(), "wide_2": x[kept, -1].tolist()}
        row |= {"click": [i % 2 for i in kept], "day": 0.5, "place": context.get("place", [None])[0]}
        expected.append(row | {"user": 2**60 + query})
    paths = [write(records[:25], "a.tfrecord"), write(records[25:], "b.tfrecord", gzip.compress)]
    tables = list(tfrecord_tables(paths, form=form, query="qid", document="url", columns={"click": "seen"}, chunk=7))
    assert [len(table) for table in tables] == [7, 7, 7, 7, 7, 5]
    assert all(table.schema == tables[0].schema for table in tables)
    assert tables[0].schema.names == list(expected[0])
    np.testing.assert_equal(rows(tables), expected)
    lists = from_tables(tables)
    assert lists.feature_names == (*names, "wide_1", "wide_2")
    assert lists.lengths.tolist() == [len(row["label"]) for row in expected]
    assert 0 in lists.lengths
    assert list(lists.ids) == ["genre"]
    assert list(lists.columns) == ["click"]
    options = {"query": "qid", "document": "url", "columns": {"click": "seen"}}
    assert plackett.data.read_tfrecord(paths, form=form, **options).fingerprint() == lists.fingerprint()
    own = plackett.data.read_tfrecord(paths, form=form, **options | {"columns": {"was seen": "seen"}})
    assert own.columns["was seen"].tolist() == lists.columns["click"].tolist()
    assert own.feature_names == lists.feature_names


DOCUMENTS = [{"a": [1.0], "b": [2], "c": ["x"], "relevance": [1.0]}, {"a": [3.0], "b": [4], "relevance": [0.0]}]


@pytest.mark.parametrize("form", FORMS)
def test_features_and_context_are_chosen(write, form):
    documents = [document | {"tokens": ["so", "many"]} for document in DOCUMENTS]
    context = {"t": [1, 2], "u": [5], "v": ["w"], "words": ["so", "many"]}
    path = write([WRITERS[form](context, documents)] * 3)
    found = rows(tfrecord_tables(path, form=form, features=["b", "a"], context=["u"], chunk=1))
    assert found[0] == {"query": "1", "document": ["1", "2"], "label": [1, 0], "b": [2, 4], "a": [1, 3], "u": 5}
    assert list(found[0])[3:] == ["b", "a", "u"]
    assert found == [found[0] | {"query": query} for query in "123"]
    found = rows(tfrecord_tables(path, form=form, features=["c"], context=["v", "t"], query="u", chunk=1))
    expected = {"query": "5", "document": ["1", "2"], "label": [1, 0], "c": ["x", None], "v": "w", "t_1": 1, "t_2": 2}
    assert found == [expected] * 3
    assert list(found[0]) == list(expected)


@pytest.mark.parametrize("form", FORMS)
def test_ids_without_features_for_them(write, form):
    """The query is the record's number through all files, a document its place in the record, padding included."""
    documents = [{"relevance": [label], "n": [2**62 + i]} for i, label in enumerate([0, -1, 2])]
    paths = [write([WRITERS[form]({}, documents)] * 2, name) for name in ("a", "b")]
    found = rows(tfrecord_tables(paths, form=form, features=[]))
    assert [row["query"] for row in found] == ["1", "2", "3", "4"]
    assert found[0] == {"query": "1", "document": ["1", "3"], "label": [0, 2]}
    found = rows(tfrecord_tables(paths[0], form=form, features=[], document="n"))
    assert found[0]["document"] == [str(2**62), str(2**62 + 2)]


def to_be_ranked(write, form, documents, **options):
    path = write([WRITERS[form]({}, documents), WRITERS[form]({}, documents[:1])])
    return from_tables(tfrecord_tables(path, form=form, **options))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("options", [{"label": None}, {"to_rank": True, "columns": {"click": "clicked"}}], ids=str)
def test_documents_to_be_ranked_need_no_labels(write, form, options):
    lists = to_be_ranked(write, form, [{"x": [0.5]}, {"x": [1.5]}], **options)
    assert lists.labels.tolist() == lists.columns["judged"].tolist() == [0, 0, 0]
    assert lists.features.tolist() == [[0.5], [1.5], [0.5]]
    assert lists.documents.tolist() == ["1", "2", "1"]
    assert list(lists.columns) == ["judged"]


@pytest.mark.parametrize("form", FORMS)
def test_documents_to_be_ranked_may_have_labels(write, form):
    documents = [{"x": [0.5], "relevance": [1], "clicked": [1]}, {"x": [1.5], "relevance": [-1], "clicked": [0]}]
    lists = to_be_ranked(write, form, documents, to_rank=True, columns={"click": "clicked"})
    assert lists.labels.tolist() == lists.columns["click"].tolist() == [1, 1]  # -1 is padding
    assert "judged" not in lists.columns
    with pytest.raises(ValueError, match="no document has a feature grade, the label"):
        to_be_ranked(write, form, documents, label="grade")


@pytest.mark.parametrize("form", FORMS)
def test_labels_that_come_up_later_are_told(write, monkeypatch, form):
    monkeypatch.setattr(tfrecord, "BATCH_BYTES", 1)
    path = write([WRITERS[form]({}, [{"x": [0.5]}]), WRITERS[form]({}, [{"x": [1.5], "relevance": [1]}])])
    for chunk in (1, 2):
        with pytest.raises(ValueError, match="record 2: feature relevance comes up here, but no document of the first"):
            list(tfrecord_tables(path, form=form, to_rank=True, chunk=chunk))


def test_large_records_make_small_tables(write, monkeypatch):
    monkeypatch.setattr(tfrecord, "TABLE_BYTES", 2 * len(BY_HAND["elwc"]))
    path = write([BY_HAND["elwc"]] * 5)
    assert [len(table) for table in tfrecord_tables(path, form="elwc")] == [2, 2, 1]


@pytest.mark.parametrize("form", FORMS)
def test_records_are_read_together_and_errors_say_which(write, monkeypatch, form):
    """However many are read at once, the tables are the same, and what is wrong is said of the one record."""
    records = [WRITERS[form]({"u": [i]}, one("a", i / 2) * (i % 4)) for i in range(30)]
    paths = [write(records[:10], "a.tfrecord"), write(records[10:], "b.tfrecord")]
    [table] = tfrecord_tables(paths, form=form)
    for size in (0, 100):
        monkeypatch.setattr(tfrecord, "BATCH_BYTES", size)
        assert next(tfrecord_tables(paths, form=form)).equals(table)
    monkeypatch.undo()
    for documents, wrong in (
        (one("a", "text"), "feature a is 1 string, but is 1 number in "),
        ([{"a": [1.0]}], "no document has a feature relevance"),
        ([*one("a", 1.0), {"a": [1.0]}], "document 2 has no feature relevance"),
    ):
        write([*records[10:15], WRITERS[form]({"u": [0]}, documents), *records[16:]], "b.tfrecord")
        with pytest.raises(ValueError, match=rf"b\.tfrecord, record 6: {wrong}"):
            list(tfrecord_tables(paths, form=form))


@pytest.mark.parametrize("form", FORMS)
def test_an_empty_record_is_an_empty_list(write, form):
    tables = list(tfrecord_tables(write([BY_HAND[form], b"", BY_HAND[form]]), form=form))
    assert from_tables(tables).lengths.tolist() == [2, 0, 2]
    assert rows(tables)[1]["qid"] is None


def one(name, *values):
    """One document of these values of a feature, among others of one number."""
    return [{"relevance": [1.0], name: list(values)}]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "documents, wrong",
    [
        (one("a", "text"), "feature a is 1 string, but is 1 number in "),
        (one("a", 1.0, 2.0), "feature a is 2 numbers, but is 1 number in "),
        (one("c", 1.0), "feature c is 1 number, but is 1 string in "),
        (one("c", "so", "many"), "feature c of document 1 must be one string to be read, but is 2 string"),
        (one("c", b"\xff\xfe"), "feature c of document 1 must be UTF-8 text, but is b'\\xff\\xfe'"),
        (one("new", 1.0), "feature new comes up here, but the columns were settled before; name the features"),
        (one("relevance", 1.0, 2.0), "feature relevance must be one number to be the label, but is 2 numbers"),
        (one("relevance", "good"), "feature relevance must be one number to be the label, but is 1 string"),
        ([{"a": [1.0]}], "no document has a feature relevance, the label; documents have a"),
        ([*DOCUMENTS, {"a": [1.0]}], "document 3 has no feature relevance, the label"),
        ([*DOCUMENTS, {"a": ["text"], "relevance": [0.0]}], "feature a of document 1 must be one string"),
        (
            [{"wide": [1.0, 2.0], "relevance": [0.0]}, {"wide": [1.0], "relevance": [0.0]}],
            "feature wide must have as many numbers in every document, but has 1 in document 2, but 2 in document 1",
        ),
    ],
)
def test_a_wrong_record_says_what_is_wrong(write, form, documents, wrong):
    path = write([WRITERS[form]({}, DOCUMENTS), WRITERS[form]({}, documents)])
    with pytest.raises(ValueError, match=r"a\.tfrecord, record 2: ") as caught:
        list(tfrecord_tables(path, form=form, chunk=1))
    assert wrong in str(caught.value)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "context, options, wrong",
    [
        ({"u": ["x"]}, {}, "record 2: feature u of the context is 1 string, but is 1 int64 in "),
        ({"u": [1.5]}, {}, "record 2: feature u of the context is 1 float, but is 1 int64 in "),
        ({"u": [1], "v": [1]}, {}, "record 2: feature v of the context comes up here"),
        (
            {"u": ["so", "many"]},
            {},
            "record 2: feature u of the context must be one string to be read, but is 2 string",
        ),
        ({}, {"query": "u"}, "record 2: the context has no feature u, the id of the query; it has none"),
        (
            {"u": [1.5]},
            {"query": "u"},
            "record 2: feature u of the context must be one string or int64, but is 1 float",
        ),
        ({"u": [1, 2]}, {"query": "u"}, "feature u of the context must be one string or int64, but is 2 int64"),
    ],
)
def test_a_wrong_context_says_what_is_wrong(write, form, context, options, wrong):
    path = write([WRITERS[form](context, DOCUMENTS) for context in ({"u": [5]}, context)])
    with pytest.raises(ValueError, match=r"a\.tfrecord, record 2: ") as caught:
        list(tfrecord_tables(path, form=form, chunk=1, **options))
    assert wrong in str(caught.value)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "options, wrong",
    [
        ({"form": "example"}, "unknown form 'example'; known are elwc, sequence_example"),
        ({"chunk": 0}, "chunk must be at least 1, but got 0"),
        (
            {"columns": {"label": "a"}},
            "a column cannot be called 'label', a name with a meaning of its own",
        ),
        ({"paths": []}, "there must be at least one file to read, but paths is empty"),
        ({"features": ["a", "a"]}, "a feature must be read as one thing, but these are named twice: a"),
        ({"features": ["relevance"]}, "named twice: relevance"),
        ({"columns": {"click": "a"}, "features": ["a"]}, "named twice: a"),
        ({"query": "u", "context": ["u"]}, "named twice: u"),
        ({"features": "abc"}, "must be sequences of names, but got the string 'abc'"),
        ({"features": ["z"]}, "record 1 and 0 more: there is no feature z; documents have relevance"),
        ({"context": ["z"]}, "record 1 and 0 more: there is no feature z; the contexts have none"),
        ({"columns": {"click": "z"}}, "there is no feature z; documents have a, b, c, relevance"),
        ({"columns": {"click": "c"}}, "record 1: feature c must be one number to be click, but is 1 string"),
        ({"label": "grade"}, "record 1: no document has a feature grade, the label; documents have a, b, c, relevance"),
        ({"document": "a"}, "record 1: feature a of document 1 must be one string or int64 to be read, but is 1 float"),
        ({"document": "z"}, "there is no feature z"),
    ],
)
def test_wrong_options_say_what_is_wrong(write, form, options, wrong):
    path = write([WRITERS[form]({"u": [5]}, DOCUMENTS)])
    with pytest.raises(ValueError, match=re.escape(wrong)):
        list(tfrecord_tables(**{"paths": path, "form": form} | options))


@pytest.mark.parametrize("form", FORMS)
def test_columns_of_one_name_are_refused(write, form):
    def read(context, **named):
        document = {"relevance": [1.0]} | named
        return rows(tfrecord_tables(write([WRITERS[form](context, [document])]), form=form))

    for context, named, column in (
        ({}, {"position": [1]}, "position"),
        ({}, {"query": ["x"]}, "query"),
        ({"label": [1]}, {}, "label"),
        ({"a": [1]}, {"a": [1]}, "a"),
        ({}, {"a_2": [1], "a": [1, 2]}, "a_2"),
    ):
        with pytest.raises(ValueError, match=f"would become a column {column}, but there is another of this name"):
            read(context, **named)


def test_features_that_are_there_twice_are_refused(write):
    x = entry("x", feature([0.5]))
    doubled = {
        "feature x of document 1 occurs twice": field(1, field(1, x + x + entry("relevance", feature([1.0])))),
        "feature x of the context occurs twice": field(2, field(1, x + x)),
    }
    for wrong, data in doubled.items():
        for first in ([], [BY_HAND["elwc"]]):
            with pytest.raises(ValueError, match=f"record {len(first) + 1}: {wrong}"):
                list(tfrecord_tables(write([*first, data]), form="elwc"))
    lists = entry("x", field(1, feature([0.5])))
    with pytest.raises(ValueError, match="record 1: feature list x occurs twice"):
        list(tfrecord_tables(write([field(2, lists + lists)]), form="sequence_example"))


def test_feature_lists_must_be_of_one_length(write):
    lists = entry("x", field(1, feature([0.5]))) + entry("relevance", field(1, feature([1])) * 2)
    path = write([BY_HAND["sequence_example"], field(2, lists)])
    with pytest.raises(ValueError, match=r"record 2: .* one feature per document, but x has 1 and relevance has 2"):
        list(tfrecord_tables(path, form="sequence_example"))
    assert rows(tfrecord_tables(path, form="sequence_example", features=[], context=[]))[1]["label"] == [1, 1]


def test_the_other_form_is_refused(write):
    for form, other in (FORMS, FORMS[::-1]):
        with pytest.raises(ValueError, match=r"a\.tfrecord, record 1: "):
            list(tfrecord_tables(write([BY_HAND[form]]), form=other))
    with pytest.raises(ValueError, match="record 1: this is no ExampleListWithContext: "):
        list(tfrecord_tables(write([b"\xff" * 9]), form="elwc"))


def of_tensorflow(documents):
    """Each as TensorFlow's own Example."""

    def of(values):
        kind = {int: "int64_list", float: "float_list", str: "bytes_list"}[type(values[0])]
        lists = {
            "int64_list": tf.train.Int64List,
            "float_list": tf.train.FloatList,
            "bytes_list": tf.train.BytesList,
        }
        values = [value.encode() if isinstance(value, str) else value for value in values]
        return tf.train.Feature(**{kind: lists[kind](value=values)})

    return [
        tf.train.Example(features=tf.train.Features(feature={name: of(x) for name, x in document.items()}))
        for document in documents
    ]


def drawn(seed):
    random = np.random.default_rng(seed)
    return [
        {f"f{j}": [float(x)] for j, x in enumerate(random.normal(size=6).astype("float32"))}
        | {"relevance": [int(random.integers(0, 5))], "wide": random.normal(size=3).tolist(), "url": [f"u{i}"]}
        for i in range(8)
    ]


@pytest.mark.parametrize("compression", ["", "GZIP", "ZLIB"])
def test_files_of_tensorflow(tmp_path, compression):
    path, records = tmp_path / "a", [b"", b"one", bytes(100_000), random.Random(3).randbytes(100_000)]
    with tf.io.TFRecordWriter(str(path), options=compression) as writer:
        for record in records:
            writer.write(record)
    assert list(read_records(path)) == records
    if not compression:
        assert path.read_bytes() == framed(records)


def test_elwc_as_tensorflow_reads_it(write):
    for seed in range(3):
        documents = of_tensorflow(drawn(seed))
        data = b"".join(field(1, document.SerializeToString()) for document in documents)
        [row] = rows(tfrecord_tables(write([data]), form="elwc", document="url"))
        again = [tf.train.Example.FromString(document) for document in only(data, 1)]
        values = [document.features.feature for document in again]
        for name in [f"f{j}" for j in range(6)]:
            assert row[name] == [x[name].float_list.value[0] for x in values]
        assert row["label"] == [x["relevance"].int64_list.value[0] for x in values]
        assert row["document"] == [x["url"].bytes_list.value[0].decode() for x in values]
        for j in range(3):
            assert row[f"wide_{j + 1}"] == [x["wide"].float_list.value[j] for x in values]


def test_sequence_examples_as_tensorflow_reads_them(write):
    spec = {f"f{j}": tf.io.FixedLenSequenceFeature([], tf.float32) for j in range(6)}
    spec |= {
        "relevance": tf.io.FixedLenSequenceFeature([], tf.int64),
        "wide": tf.io.FixedLenSequenceFeature([3], tf.float32),
        "url": tf.io.FixedLenSequenceFeature([], tf.string),
    }
    for seed in range(3):
        documents = of_tensorflow(drawn(seed))
        lists = {
            name: tf.train.FeatureList(feature=[document.features.feature[name] for document in documents])
            for name in spec
        }
        [context] = of_tensorflow([{"qid": [f"q{seed}"], "user": [seed]}])
        message = tf.train.SequenceExample(
            context=context.features, feature_lists=tf.train.FeatureLists(feature_list=lists)
        )
        data = message.SerializeToString()
        [row] = rows(tfrecord_tables(write([data]), form="sequence_example", query="qid", document="url"))
        _, parsed = tf.io.parse_single_sequence_example(data, sequence_features=spec)
        for name in [f"f{j}" for j in range(6)]:
            assert row[name] == parsed[name].numpy().tolist()
        assert row["label"] == parsed["relevance"].numpy().tolist()
        assert row["document"] == [text.decode() for text in parsed["url"].numpy()]
        assert np.array_equal([row[f"wide_{j}"] for j in (1, 2, 3)], parsed["wide"].numpy().T)
        assert (row["query"], row["user"]) == (f"q{seed}", seed)
