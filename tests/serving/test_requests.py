"""What a request becomes: inputs by name, and an error that names what is wrong and where."""

import json
import tracemalloc

import numpy as np
import pyarrow as pa
import pytest
from small_rankers import FEATURES, request

from plackett.data import hash_strings
from plackett.data._signature import Signature
from plackett.serving._arrow import read_arrow
from plackett.serving._errors import RequestError
from plackett.serving._requests import Names, read_json

MOST = 5
PLAIN = Names(Signature(FEATURES, True, False), MOST)
MISSING = Names(Signature(FEATURES, True, True), MOST)
KINDS = {"film": "text", "shop": "int64", "brand": "int32"}
WITH_IDS = Names(Signature(("age",), True, False, KINDS, {"position": "position", "price": "number"}), MOST)
VALUES = {"age": 1.5, "film": "Alien", "shop": 2**40, "brand": 7, "position": 3, "price": 2}


def columns(values, names=FEATURES, query="q"):
    """The request of `request` in columns."""
    features = {name: [row[i] for row in values] for i, name in enumerate(names)}
    return {"query": query, "ids": [f"d{i}" for i in range(len(values))], "features": features}


def stream(table, **options):
    """A table as a stream of Arrow."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write(table)
    return sink.getvalue().to_pybytes()


def arrow(values, names=FEATURES, query="q"):
    """The request of `request` as a stream of Arrow."""
    given = columns(values, names)
    table = pa.table({"document": given["ids"], **given["features"]})
    return stream(table.replace_schema_metadata({"query": query}))


def read(given, names=PLAIN):
    return read_json(json.dumps(given).encode(), names)


def error_of(given, names=PLAIN):
    """The error of a request: of bytes, those of a stream of Arrow."""
    with pytest.raises(RequestError) as found:
        read_arrow(given, names) if isinstance(given, bytes) else read(given, names)
    return found.value


FORMS = {
    "rows": (lambda values, names: read(request(values), names)),
    "columns": (lambda values, names: read(columns(values), names)),
    "arrow": (lambda values, names: read_arrow(arrow(values), names)),
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_gives_the_features_of_documents_by_name(form):
    documents = FORMS[form]([[1, 2.5], [3.25, -4]], PLAIN)
    assert documents.query == "q"
    assert documents.ids == ["d0", "d1"]
    assert documents.inputs["features"].tolist() == [[1, 2.5], [3.25, -4]]
    assert documents.inputs["features"].dtype == "float32"
    assert documents.inputs["features"].flags.c_contiguous


@pytest.mark.parametrize("form", FORMS)
def test_a_request_of_no_documents_is_read(form):
    documents = FORMS[form]([], PLAIN) if form != "arrow" else read_arrow(stream(empty_table()), PLAIN)
    assert documents.ids == []
    assert documents.inputs["features"].shape == (0, 2)


def empty_table():
    return pa.table({"document": pa.array([], "string"), **{name: pa.array([], "float32") for name in FEATURES}})


def test_the_order_of_names_in_a_request_does_not_matter():
    turned = {"documents": [{"features": {"age": 2, "bm25": 1}, "id": "a"}]}
    assert read(turned).inputs["features"].tolist() == [[1, 2]]
    table = pa.table({"age": [2.0], "document": ["a"], "bm25": [1.0]})
    assert read_arrow(stream(table), PLAIN).inputs["features"].tolist() == [[1, 2]]


@pytest.mark.parametrize("form", FORMS)
def test_a_null_is_a_missing_value_where_the_model_allows_it(form):
    features = FORMS[form]([[1, None], [None, 2]], MISSING).inputs["features"]
    np.testing.assert_array_equal(features, [[1, np.nan], [np.nan, 2]])


def test_a_column_of_arrow_without_any_value_is_missing():
    table = pa.table({"document": ["a", "b"], "bm25": [1, 2], "age": pa.nulls(2)})
    np.testing.assert_array_equal(read_arrow(stream(table), MISSING).inputs["features"], [[1, np.nan], [2, np.nan]])


def test_ids_and_columns_are_fed_as_in_training():
    rows = {"documents": [{"id": 1, "features": VALUES}]}
    in_columns = {"ids": [1], "features": {name: [value] for name, value in VALUES.items()}}
    table = pa.table({"document": [1], **{name: [value] for name, value in VALUES.items()}})
    encoded = table.set_column(2, "film", table.column("film").dictionary_encode())
    for documents in (
        read(rows, WITH_IDS),
        read(in_columns, WITH_IDS),
        read_arrow(stream(table), WITH_IDS),
        read_arrow(stream(encoded), WITH_IDS),
    ):
        inputs = documents.inputs
        assert documents.ids == [1]
        assert inputs["film"].tolist() == hash_strings(["Alien"]).view("int32").reshape(-1, 2).tolist()
        assert inputs["shop"].tolist() == [[0, 2**8]]
        assert inputs["brand"].tolist() == [7]
        assert inputs["position"].tolist() == [3]
        assert inputs["price"].tolist() == [2.0]
        assert [inputs[name].dtype for name in VALUES if name in inputs] == ["int32"] * 4 + ["float32"]


def test_a_whole_number_that_the_ranker_cannot_know_is_fed_as_unknown():
    signature = Signature((), True, False, {"brand": "int32"}, unknown={"brand": -1})
    given = {"ids": ["a", "b", "c"], "features": {"brand": [7, 2**31, -(2**40)]}}
    documents = read(given, Names(signature, MOST))
    assert documents.inputs["brand"].tolist() == [7, -1, -1]
    assert documents.inputs["features"].shape == (3, 0)
    given["features"]["brand"][2] = 2**63
    assert "must be a whole number of 64 bits" in str(error_of(given, Names(signature, MOST)))


@pytest.mark.parametrize(
    "name, value, wanted",
    [
        ("film", 3, "'film' of document 'a' must be a string, but is 3"),
        ("film", None, "'film' of document 'a' must be a string, but is None"),
        ("shop", "x", "'shop' of document 'a' must be a whole number of 64 bits, but is 'x'"),
        ("shop", 2**63, "'shop' of document 'a' must be a whole number of 64 bits"),
        ("brand", 2**31, "'brand' of document 'a' must be a whole number of 32 bits, but is 2147483648"),
        ("brand", True, "'brand' of document 'a' must be a whole number of 32 bits, but is True"),
        ("position", 0, "'position' of document 'a' must be a whole number from 1 to 2^24 - 1, but is 0"),
        ("position", 2**24, "'position' of document 'a' must be a whole number from 1 to 2^24 - 1"),
        ("price", 1e39, "'price' of document 'a' must be a number that float32 holds, but is 1e+39"),
        ("price", [], "'price' of document 'a' must be a number that float32 holds, but is an array"),
        ("age", "old", "'age' of document 'a' must be a number, but is 'old'"),
    ],
)
def test_a_value_of_another_kind_is_named_with_its_document(name, value, wanted):
    error = error_of({"documents": [{"id": "a", "features": VALUES | {name: value}}]}, WITH_IDS)
    assert (error.status, error.where) == (422, ["documents", 0, "features", name])
    assert str(error).startswith(wanted)


def rows_with(**changes):
    """Two documents, of which the second one is changed."""
    given = request([[1, 2], [3, 4]])
    given["documents"][1] |= changes
    return given


@pytest.mark.parametrize(
    "given, code, where, wanted",
    [
        ([], "wrong_form", [], "the body must be an object, but is an array"),
        ({"documents": [], "k": 3}, "unknown_part", [], "unknown part 'k' of a request; known are query, documents"),
        ({"ids": [], "documents": []}, "unknown_part", [], "unknown part 'ids'"),
        ({"docs": []}, "unknown_part", [], "known are query, ids, features, or query, documents"),
        ({}, "missing_part", ["ids"], "it must have documents, or ids and features"),
        ({"ids": []}, "missing_part", ["features"], "it must have ids and features"),
        ({"documents": {}}, "wrong_type", ["documents"], "documents must be an array, but is an object"),
        ({"documents": [3]}, "wrong_type", ["documents", 0], "documents[0] must be an object, but is a number"),
        ({"documents": [], "query": []}, "wrong_type", ["query"], "query must be a string or a whole number"),
        ({"documents": [], "query": 2**63}, "wrong_type", ["query"], "a whole number of 64 bits, but is a number"),
        ({"documents": [], "query": True}, "wrong_type", ["query"], "but is true or false"),
        ({"documents": [], "query": "x" * 1001}, "query_too_long", ["query"], "1,000 characters, but has 1,001"),
        (rows_with(id=None), "wrong_type", ["documents", 1, "id"], "but one is null"),
        (rows_with(id=7), "wrong_type", ["documents", 1, "id"], "must all be strings, or all whole numbers"),
        (rows_with(id="d0"), "duplicate_document", ["documents", 1, "id"], "'d0' occurs twice"),
        (rows_with(title="x"), "unknown_part", ["documents", 1], "unknown part 'title' of documents[1]"),
        (rows_with(features=[1]), "wrong_type", ["documents", 1, "features"], "must be an object, but is an array"),
        ({"documents": [{"id": 1}]}, "missing_part", ["documents", 0, "features"], "documents[0] has no 'features'"),
        (
            rows_with(features={"bm52": 1, "age": 2}),
            "unknown_feature",
            ["documents", 1, "features"],
            "unknown feature 'bm52' of documents[1]; did you mean 'bm25'?",
        ),
        (
            rows_with(features={"bm25": 1, "age": 2, "clicks": 3}),
            "unknown_feature",
            ["documents", 1, "features"],
            "unknown feature 'clicks' of documents[1]; known are 'bm25', 'age'",
        ),
        (
            rows_with(features={"bm25": 1}),
            "missing_feature",
            ["documents", 1, "features", "age"],
            "the feature 'age' of documents[1] is missing from the request",
        ),
        (
            request([[1, 2], [3, None]]),
            "missing_value",
            ["documents", 1, "features", "age"],
            "feature 'age' of document 'd1' is missing, which this model does not allow",
        ),
        (
            request([[1, 2], [3, True]]),
            "wrong_type",
            ["documents", 1, "features", "age"],
            "'age' of document 'd1' must be a number, but is True",
        ),
        (
            request([[1, 2], [3, -1e39]]),
            "not_finite",
            ["documents", 1, "features", "age"],
            "feature 'age' of document 'd1' must be finite as a float32, but is -1e+39",
        ),
        (
            columns([[1, 2], [3, "4"]]),
            "wrong_type",
            ["features", "age", 1],
            "'age' of document 'd1' must be a number, but is '4'",
        ),
        (columns([[1, 2], [3, None]]), "missing_value", ["features", "age", 1], "feature 'age' of document 'd1'"),
        (
            {"ids": ["a"], "features": {"bm25": [1], "age": 2}},
            "wrong_type",
            ["features", "age"],
            "feature 'age' must be an array, but is a number",
        ),
        (
            {"ids": ["a"], "features": {"bm25": [1], "age": [1, 2]}},
            "wrong_length",
            ["features", "age"],
            "there are 1 ids, but feature 'age' has 2 values",
        ),
        ({"ids": "a", "features": {}}, "wrong_type", ["ids"], "ids must be an array, but is a string"),
        ({"ids": ["a", "a"], "features": {"bm25": [1, 1], "age": [1, 1]}}, "duplicate_document", ["ids", 1], "'a'"),
        ({"ids": [2**63], "features": {"bm25": [1], "age": [1]}}, "wrong_type", ["ids", 0], "64 bits"),
    ],
)
def test_what_is_wrong_in_json_is_named_with_its_place(given, code, where, wanted):
    error = error_of(given)
    assert (error.status, error.code, error.where) == (422, code, where)
    assert wanted in str(error)


@pytest.mark.parametrize(
    "changes, code, where, wanted",
    [
        ({"document": None}, "missing_part", ["document"], "there is no column 'document'"),
        ({"age": None}, "missing_feature", ["age"], "the feature 'age' is missing from the request"),
        ({"clicks": [1, 2]}, "unknown_feature", [], "unknown feature 'clicks'"),
        ({"age": ["1", "2"]}, "wrong_type", ["age"], "column 'age' must hold numbers, but holds string"),
        ({"age": [True, False]}, "wrong_type", ["age"], "column 'age' must hold numbers, but holds bool"),
        ({"age": [[1], [2]]}, "wrong_type", ["age"], "column 'age' must hold numbers, but holds list"),
        ({"document": [1.5, 2.5]}, "wrong_type", ["document"], "must hold strings or whole numbers"),
        ({"document": ["a", None]}, "wrong_type", ["document", 1], "but one is null"),
        ({"document": ["a", "a"]}, "duplicate_document", ["document", 1], "'a' occurs twice"),
        ({"age": [1, None]}, "missing_value", ["age", 1], "feature 'age' of document 'd1' is missing"),
        ({"age": [1, np.nan]}, "missing_value", ["age", 1], "feature 'age' of document 'd1' is missing"),
        ({"age": [1, np.inf]}, "not_finite", ["age", 1], "must be finite as a float32, but is inf"),
    ],
)
def test_what_is_wrong_in_arrow_is_named_with_its_place(changes, code, where, wanted):
    whole = {"document": ["d0", "d1"], "bm25": [1.0, 2.0], "age": [3.0, 4.0]} | changes
    error = error_of(stream(pa.table({name: column for name, column in whole.items() if column is not None})))
    assert (error.status, error.code, error.where) == (422, code, where)
    assert wanted in str(error)


def test_two_columns_of_one_name_are_refused():
    table = pa.table([["a"], [1], [2], [3]], names=["document", "bm25", "age", "age"])
    assert error_of(stream(table)).code == "duplicate_column"


@pytest.mark.parametrize("form", FORMS)
def test_more_documents_than_allowed_are_refused(form):
    with pytest.raises(RequestError, match="5 documents, but this has 6") as found:
        FORMS[form]([[1, 2]] * (MOST + 1), PLAIN)
    assert (found.value.status, found.value.code) == (413, "too_many_documents")


@pytest.mark.parametrize("body", [b"", b"{", b'{"documents": [NaN]}', b"\xff", b"[" * 100_000, b'"\\ud800"'])
def test_a_body_that_is_no_json_is_malformed(body):
    with pytest.raises(RequestError, match="the body is not JSON") as found:
        read_json(body, PLAIN)
    assert (found.value.status, found.value.code) == (400, "malformed_json")


def test_every_cut_and_every_changed_byte_of_a_stream_is_read_or_refused():
    body = arrow([[1, 2], [3, 4]])
    spoilt = [body[:end] for end in range(len(body))]
    spoilt += [body[:i] + bytes([body[i] ^ 0xFF]) + body[i + 1 :] for i in range(len(body))]
    statuses = []
    for one in spoilt:
        try:
            read_arrow(one, MISSING)
        except RequestError as error:
            statuses.append(error.status)
    assert len(statuses) > len(body)
    assert set(statuses) <= {400, 413, 415, 422}


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_a_compressed_stream_is_refused_before_it_takes_memory(compression):
    table = pa.table({"document": ["a"] * 4, "bm25": [1.0] * 4, "age": [1.0] * 4})
    error = error_of(stream(table, compression=compression))
    assert (error.status, error.code) == (415, "compressed_arrow")
    table = table.set_column(0, "document", table.column("document").dictionary_encode())
    assert error_of(stream(table, compression=compression)).code == "compressed_arrow"


def test_a_stream_may_come_in_several_batches():
    table = pa.table({"document": ["a", "b", "c"], "bm25": [1, 2, 3], "age": [4, 5, 6]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    documents = read_arrow(sink.getvalue().to_pybytes(), PLAIN)
    assert documents.ids == ["a", "b", "c"]
    assert documents.inputs["features"].tolist() == [[1, 4], [2, 5], [3, 6]]


FILM = Names(Signature(("age",), True, False, {"film": "text"}), 1000)


def films(column):
    """A thousand documents, each with an age and a film."""
    return stream(pa.table({"document": pa.array(range(1000)), "age": [1.0] * 1000, "film": column}))


@pytest.mark.parametrize("kind", [pa.string(), pa.string_view()])
def test_a_text_that_a_dictionary_has_once_is_in_memory_once(kind):
    text = "x" * 1_000_000
    body = films(pa.DictionaryArray.from_arrays(pa.array([0] * 1000, pa.int32()), pa.array([text], kind)))
    tracemalloc.start()
    documents = read_arrow(body, FILM)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert documents.inputs["film"].tolist() == [hash_of(text)] * 1000
    assert most < 20_000_000


def test_a_dictionary_of_texts_may_have_none_where_it_is_refused_by_its_document():
    error = error_of(films(pa.array(["a", None] * 500).dictionary_encode()), FILM)
    assert (error.code, error.where) == ("missing_value", ["film", 1])


def test_views_of_texts_are_read_and_those_that_lie_over_each_other_are_refused():
    texts = pa.array(["a", "a text that is longer than twelve bytes"] * 500, pa.string_view())
    assert read_arrow(films(texts), FILM).inputs["film"][:2].tolist() == [hash_of(texts[i].as_py()) for i in (0, 1)]
    views = np.tile(np.array([100_000, 0, 0, 0], "int32"), 1000)
    views[1::4] = int.from_bytes(b"xxxx", "little")
    buffers = [None, pa.py_buffer(views.tobytes()), pa.py_buffer(b"x" * 100_000)]
    error = error_of(films(pa.Array.from_buffers(pa.string_view(), 1000, buffers)), FILM)
    assert (error.status, error.code, error.where) == (400, "malformed_arrow", ["film"])


def hash_of(text):
    """What a text is fed as."""
    return read({"ids": ["a"], "features": {"age": [1], "film": [text]}}, FILM).inputs["film"][0].tolist()


def test_a_query_has_as_many_characters_in_arrow_as_in_json():
    assert read_arrow(arrow([[1, 2]], query="☂" * 1000), PLAIN).query == "☂" * 1000
    assert error_of(arrow([[1, 2]], query="☂" * 1001)).code == "query_too_long"


def test_features_of_a_ranker_of_none_must_be_an_object_too():
    names = Names(Signature((), True, False), MOST)
    assert read({"documents": [{"id": "a", "features": {}}]}, names).inputs["features"].shape == (1, 0)
    error = error_of({"documents": [{"id": "a", "features": 5}]}, names)
    assert (error.code, error.where) == ("wrong_type", ["documents", 0, "features"])


def test_a_feature_called_document_is_sent_as_json():
    names = Names(Signature(("document", "age"), True, False), MOST)
    given = {"ids": ["a"], "features": {"document": [1], "age": [2]}}
    assert read(given, names).inputs["features"].tolist() == [[1, 2]]
    error = error_of(arrow([[1, 2]]), names)
    assert error.code == "wrong_form"
    assert "send JSON" in str(error)


LONG = "x" * 100_000


@pytest.mark.parametrize(
    "given",
    [
        {LONG: 1},
        {"documents": [], "query": LONG},
        rows_with(features={LONG: 1, "age": 2}),
        rows_with(features={"bm25": LONG, "age": 2}),
        {"documents": [{"id": LONG, "features": {"bm25": "\0" * 1000, "age": 2}}]},
        {"ids": [LONG, LONG], "features": {"bm25": [1, 2], "age": [1, 2]}},
        {"documents": [{"id": "a", LONG: 1, "features": {}}]},
        stream(pa.table({LONG: [1]})),
        stream(pa.table({"document": ["a"], LONG: [1]})),
        arrow([[1, 2]], query=LONG),
    ],
)
def test_an_error_shows_no_more_than_200_characters_of_a_request(given):
    shown = error_of(given).body().decode()
    assert max(shown.count("x"), shown.count("u0000")) <= 200
    assert len(shown) < 700
