"""Documents that are alike but for their values, read all at once: as they are read one by one, to the last bit."""

import random
from unittest import mock

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from test_tfrecord import elwc, entry, feature, field, framed, mutated

from plackett.data.formats import _example_layouts, examples
from plackett.data.formats.examples import parser
from plackett.data.formats.tfrecord import tfrecord_tables

NEVER = 1 << 30
DOCUMENT = {"relevance": [2], "x": [0.5], "wide": [1.0, -2.0], "id": ["d7"], "n": [300, -1]}


def read(messages, least, **options):
    """What a parser finds in messages, the same ones twice, or what it says is wrong with them."""
    with mock.patch.object(_example_layouts, "LEAST", least):
        parse = parser("elwc", **options)
        try:
            return [parse(messages) for _ in range(2)]
        except ValueError as error:
            return str(error)


def assert_read_alike(messages, least=1, **options):
    found, slowly = read(messages, least, **options), read(messages, NEVER, **options)
    if isinstance(slowly, str):
        assert found == slowly
        return
    for (contexts, sizes, columns), (slow_contexts, slow_sizes, slow_columns) in zip(found, slowly, strict=True):
        assert (contexts, sizes, columns.keys()) == (slow_contexts, slow_sizes, slow_columns.keys())
        for name, column in columns.items():
            assert type(column) is type(slow_columns[name])
            np.testing.assert_array_equal(column, slow_columns[name])


def alike(count=12, **changed):
    """Documents of other numbers in the same bytes."""
    return [
        DOCUMENT | {"relevance": [i % 5], "x": [i / 4], "wide": [float(i), -1.0], "id": [f"d{i:03}"]} | changed
        for i in range(count)
    ]


@st.composite
def messages(draw):
    """(documents of each message, the features to read, the id): many documents alike, some not."""
    kinds = st.sampled_from(
        [
            st.floats(width=32),
            st.integers(-(2**63), 2**63 - 1),
            st.integers(0, 200),
            st.text(max_size=2),
            st.binary(max_size=2),
        ]
    )
    names = draw(st.lists(st.text(max_size=3), unique=True, min_size=1, max_size=4))
    of = {name: draw(kinds) for name in names}
    widths = {name: draw(st.sampled_from([1, 1, 1, 2, 0])) for name in names}
    documents = []
    for _ in range(draw(st.integers(1, 10))):
        chosen = draw(st.sampled_from([names, names, names[::-1], names[1:]]))
        odd = draw(st.integers(0, 9)) == 0
        documents.append(
            {
                name: draw(st.lists(of[name], min_size=widths[name] + odd, max_size=widths[name] + odd))
                for name in chosen
            }
        )
    wanted = draw(st.sampled_from([None, names, names[:1]]))
    cut = draw(st.integers(0, len(documents)))
    return [documents[:cut], documents[cut:]], wanted, draw(st.sampled_from([None, names[0]]))


@hypothesis.settings(max_examples=300, deadline=None, derandomize=True, database=None)
@hypothesis.given(messages(), st.booleans())
def test_messages_are_read_as_they_are_one_by_one(drawn, packed):
    parts, wanted, document = drawn
    assert_read_alike([elwc({}, part, packed) for part in parts], documents=wanted, document=document)


@pytest.mark.parametrize("options", [{}, {"document": "id"}, {"documents": ["x", "n"]}], ids=str)
def test_each_bit_of_a_document_counts(options):
    """One bit of one document among others is changed: it is then read, or refused, as it is one by one."""
    documents = [entry_of(document) for document in alike()]
    for place in range(len(documents[5]) * 8):
        damaged = bytearray(documents[5])
        damaged[place // 8] ^= 1 << place % 8
        changed = [*documents[:5], bytes(damaged), *documents[6:]]
        assert_read_alike([b"".join(field(1, document) for document in changed)], **options)


def entry_of(document):
    """The bytes of an Example."""
    data = elwc({}, [document])
    return examples.CLASSES["ExampleListWithContext"].FromString(data).examples[0]


def test_damaged_messages_are_read_as_they_are_one_by_one():
    chance, data = random.Random(4), elwc({"qid": ["q7"]}, alike())
    for _ in range(1000):
        assert_read_alike([mutated(data, chance), data])


def test_documents_alike_become_no_messages(monkeypatch):
    """Their values may lie in other places: by the order of the features, or by how many bytes an int64 takes."""
    reverse = [dict(reversed(document.items())) for document in alike()]
    data = elwc({}, [*alike(), *alike(relevance=[1000]), *reverse])
    expected = read([data], NEVER, document="id")
    monkeypatch.setitem(examples.CLASSES, "Example", None)
    found = read([data], 8, document="id")
    for (_, _, columns), (_, _, slowly) in zip(found, expected, strict=True):
        assert columns.keys() == slowly.keys()
        for name, column in columns.items():
            np.testing.assert_array_equal(column, slowly[name])
    assert found[0][2]["wide"].dtype == np.float32


@pytest.mark.parametrize(
    "odd, wrong",
    [
        ({"x": ["text"]}, "feature x of document 1 must be one string to be read, but is 1 "),
        ({"wide": [1.0]}, "feature wide must have as many numbers in every document, but has 1 in document 13, but 2"),
        ({"id": [b"\xff\xfe\xfd\xfc"]}, "feature id of document 13 must be UTF-8 text, but is b'\\xff\\xfe\\xfd\\xfc'"),
        ({"id": ["so", "many"]}, "feature id of document 13 must be one string to be read, but is 2 string"),
    ],
)
def test_one_document_that_does_not_go_with_the_others_is_told(odd, wrong):
    said = read([elwc({}, [*alike(), *alike(1, **odd)])], 8)
    assert isinstance(said, str)
    assert wrong in said


def test_a_feature_that_is_there_twice_in_all_documents_is_told():
    doubled = field(1, field(1, entry("x", feature([0.5])) * 2))
    assert read([doubled * 9], 8) == "feature x of document 1 occurs twice"


def test_documents_of_ever_other_bytes_are_read_all_the_same(monkeypatch):
    """More orders than are remembered, of as many features as make them all unlike each other."""
    chance, values = random.Random(5), {f"f{i}": [float(i)] for i in range(9)}
    documents = [{name: values[name] for name in chance.sample(list(values), 9)} for _ in range(300)]
    assert_read_alike([elwc({}, documents)], least=2)
    monkeypatch.setattr(_example_layouts, "ROOM", 500)
    assert_read_alike([elwc({}, documents)], least=1)


def test_layouts_are_not_made_without_end():
    """Of documents that are unlike each other some; of those that are alike so many for each length."""
    chance, values = random.Random(6), {f"f{i}": [float(i)] for i in range(9)}

    def document(length):
        return {name: values[name] for name in chance.sample(list(values), 9)} | {"x": ["a" * length]}

    unlike, many = _example_layouts.Layouts(None, None), _example_layouts.Layouts(None, None)
    for length in range(400):
        unlike.read([entry_of(document(length)) for _ in range(8)])
        many.read([entry_of(document(3))] * 8)
    assert 0 < sum(length * len(known) for length, known in unlike.known.items()) <= _example_layouts.ROOM
    assert [len(known) for known in many.known.values()] == [_example_layouts.MOST]


def test_tables_of_documents_alike(tmp_path):
    """Padding left out, columns of one's own in float64, ids of int64 in full."""
    documents = [
        {"relevance": [float(i % 4 - 1)], "n": [2**60 + i], "t": [i / 8], "wide": [i / 2, -i / 2]} for i in range(40)
    ]
    path = tmp_path / "a.tfrecord"
    path.write_bytes(framed([elwc({}, documents[:25]), elwc({}, documents[25:])]))
    [table] = tfrecord_tables(path, form="elwc", document="n", columns={"time": "t"})
    real = [i for i in range(40) if i % 4]
    flat = {name: table[name].combine_chunks().flatten() for name in ("document", "time", "wide_1", "wide_2")}
    assert flat["document"].to_pylist() == [str(2**60 + i) for i in real]
    assert flat["time"].to_pylist() == [i / 8 for i in real]
    assert str(flat["time"].type) == "double"
    assert flat["wide_2"].to_pylist() == [-i / 2 for i in real]
    assert table["label"].combine_chunks().value_lengths().to_pylist() == [18, 12]
