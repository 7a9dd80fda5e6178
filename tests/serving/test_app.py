"""The service over HTTP: answers, their forms, and errors in one form."""

import asyncio
import gzip
import json
import threading

import pyarrow as pa
import pytest
from small_rankers import request, write_ranker
from starlette.testclient import TestClient

import plackett.serving._service as service_module
from plackett.serving import ServeSettings, make_app
from plackett.serving._model import ServedModel
from plackett.serving._service import ARROW, JSON

VALUES = [[1, 2], [3, 4], [1, 2], [9, 0]]  # whose scores are 1, 4, 1 and 18


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    path = write_ranker(tmp_path_factory.mktemp("model") / "ranker.onnx")
    return make_app(path, ServeSettings(max_documents=10))


@pytest.fixture(scope="module")
def client(app):
    with TestClient(app) as client:
        yield client


def post(client, content, form=JSON, **headers):
    content = content if isinstance(content, bytes) else json.dumps(content).encode()
    return client.post("/rank", content=content, headers={"content-type": form, **headers})


def test_documents_are_ranked_by_their_scores_and_equal_ones_keep_their_order(app, client):
    answer = post(client, request(VALUES)).json()
    assert answer == {
        "query": "q",
        "model": app.state.service.model.fingerprint,
        "ranking": [
            {"id": "d3", "rank": 1, "score": 18.0},
            {"id": "d1", "rank": 2, "score": 4.0},
            {"id": "d0", "rank": 3, "score": 1.0},
            {"id": "d2", "rank": 4, "score": 1.0},
        ],
    }


def test_an_answer_has_the_ids_and_the_query_as_they_were_given(client):
    given = request(VALUES[:1], query=17)
    given["documents"][0]["id"] = 2**40
    answer = post(client, given).json()
    assert (answer["query"], answer["ranking"][0]["id"]) == (17, 2**40)
    del given["query"]
    assert post(client, given).json()["query"] is None


def test_an_answer_comes_as_a_stream_of_arrow_to_those_who_accept_it(app, client):
    answer = post(client, request(VALUES), accept=ARROW)
    assert answer.headers["content-type"] == ARROW
    table = pa.ipc.open_stream(answer.content).read_all()
    assert table.to_pydict() == {
        "document": ["d3", "d1", "d0", "d2"],
        "rank": [1, 2, 3, 4],
        "score": [18.0, 4.0, 1.0, 1.0],
    }
    assert table.schema.metadata == {b"query": b"q", b"model": app.state.service.model.fingerprint.encode()}
    assert table.schema.field("score").type == "float"


def test_a_list_of_no_documents_has_an_empty_ranking(client):
    assert post(client, {"documents": []}).json()["ranking"] == []
    empty = post(client, {"documents": []}, accept=ARROW)
    assert pa.ipc.open_stream(empty.content).read_all().num_rows == 0


def test_a_stream_of_arrow_is_ranked(client):
    sink = pa.BufferOutputStream()
    table = pa.table({"document": [5, 6], "age": [0.0, 0.0], "bm25": [1.0, 2.0]})
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write(table)
    answer = post(client, sink.getvalue().to_pybytes(), ARROW).json()
    assert [one["id"] for one in answer["ranking"]] == [6, 5]


@pytest.mark.parametrize("form", [JSON, "application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"; v=1'])
def test_json_may_say_that_it_is_utf_8(client, form):
    assert post(client, request(VALUES), form).status_code == 200


@pytest.mark.parametrize(
    "headers, status, code",
    [
        ({"content-type": "text/csv"}, 415, "unknown_content_type"),
        ({"content-type": ""}, 415, "unknown_content_type"),
        ({"content-type": "application/json; charset=latin-1"}, 415, "unknown_content_type"),
        ({"content-encoding": "gzip"}, 415, "encoded_body"),
        ({"accept": "text/html"}, 406, "unknown_accept"),
    ],
)
def test_other_forms_are_refused(client, headers, status, code):
    body = gzip.compress(b"{}") if "content-encoding" in headers else b"{}"
    answer = client.post("/rank", content=body, headers={"content-type": JSON, **headers})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize("accept", ["*/*", "application/*;q=0.8", "text/html, application/json", JSON])
def test_whoever_accepts_json_gets_it(client, accept):
    assert post(client, request(VALUES), accept=accept).headers["content-type"] == JSON


@pytest.mark.parametrize(
    "accept, form",
    [
        (f"{JSON}, {ARROW};q=0.1", JSON),
        (f"{JSON};q=0.1, {ARROW};Q=0.2", ARROW),
        (f"{ARROW};q=0, */*", JSON),
        (f"{JSON};q=0, */*;q=0.1", ARROW),
        (f"{JSON}, {ARROW}", ARROW),
        (f"*/*, {ARROW}", ARROW),
        (f"{ARROW};q=nan, {JSON};q=0.9", ARROW),
        (f"{JSON};q=0", None),
        ("application/jsonp", None),
    ],
)
def test_the_answer_has_the_form_that_is_accepted_most(client, accept, form):
    answer = post(client, request(VALUES), accept=accept)
    assert answer.status_code == (200 if form else 406)
    assert answer.headers["content-type"] == (form or JSON)


def test_an_error_says_its_code_its_reason_and_its_place(client):
    given = request(VALUES)
    given["documents"][1]["features"]["bm52"] = given["documents"][1]["features"].pop("bm25")
    answer = post(client, given)
    assert answer.status_code == 422
    assert answer.json() == {
        "error": {
            "code": "unknown_feature",
            "message": "unknown feature 'bm52' of documents[1]; did you mean 'bm25'?",
            "where": ["documents", 1, "features"],
        }
    }


@pytest.mark.parametrize(
    "method, way, status, code",
    [
        ("GET", "/rank", 405, "method_not_allowed"),
        ("POST", "/schema", 405, "method_not_allowed"),
        ("GET", "/nothing", 404, "not_found"),
        ("POST", "/rank/", 404, "not_found"),
    ],
)
def test_what_is_not_there_is_refused_in_the_same_form(client, method, way, status, code):
    answer = client.request(method, way)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert ("allow" in answer.headers) == (status == 405)


def test_the_schema_is_the_signature_of_the_model(app, client):
    assert client.get("/schema").json() == json.loads(app.state.service.model.signature.to_json())


def test_the_description_of_the_service_names_the_features(tmp_path):
    path = write_ranker(tmp_path / "ranker.onnx", missing=True, ids={"film": "text", "shop": "int64"})
    with TestClient(make_app(path, ServeSettings(max_documents=7))) as client:
        schemas = client.get("/openapi.json").json()["components"]["schemas"]
    documents = schemas["Rows"]["properties"]["documents"]
    features = documents["items"]["properties"]["features"]
    assert documents["maxItems"] == 7
    assert features["required"] == ["bm25", "age", "film", "shop"]
    assert features["properties"]["age"]["type"] == ["number", "null"]
    assert features["properties"]["film"] == {"type": "string"}
    assert features["properties"]["shop"] == {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}
    assert features["additionalProperties"] is False
    assert schemas["Columns"]["properties"]["features"]["properties"]["film"]["items"] == {"type": "string"}


def test_a_feature_that_could_be_missing_in_the_old_model_alone_is_described_by_the_new_one(tmp_path):
    app = make_app(write_ranker(tmp_path / "old.onnx"))
    app.state.service.swap(ServedModel(write_ranker(tmp_path / "new.onnx", features=("price",), weights=(1,))))
    with TestClient(app) as client:
        schemas = client.get("/openapi.json").json()["components"]["schemas"]
        assert list(schemas["Columns"]["properties"]["features"]["properties"]) == ["price"]
        assert client.get("/schema").json()["features"] == ["price"]
        assert post(client, {"ids": ["a"], "features": {"price": [3]}}).json()["ranking"][0]["score"] == 3


def test_a_request_that_waits_is_scored_by_the_model_that_read_it(tmp_path):
    service = make_app(write_ranker(tmp_path / "old.onnx")).state.service
    old = service.model
    new = ServedModel(write_ranker(tmp_path / "new.onnx", features=("price",), weights=(1,)))
    body = json.dumps(request(VALUES)).encode()

    async def run():
        waits = asyncio.ensure_future(service.rank(body, JSON))
        await asyncio.sleep(0)
        service.swap(new)
        later = await service.rank(b'{"ids": ["a"], "features": {"price": [3]}}', JSON)
        return await waits, later

    before, after = asyncio.run(run())
    service.stop()
    assert (before.model, before.scores.tolist()) == (old.fingerprint, [18, 4, 1, 1])
    assert (after.model, after.scores.tolist()) == (new.fingerprint, [3])


def test_a_large_body_is_read_aside_so_that_others_go_on(client, monkeypatch):
    threads = []

    def read(body, names):
        threads.append(threading.current_thread().name)
        return service_module.read_json(body, names)

    monkeypatch.setitem(service_module.FORMS, JSON, read)
    post(client, request(VALUES))
    body = json.dumps(request(VALUES)).encode()
    answer = post(client, body + b" " * service_module.LARGE)
    assert answer.json()["ranking"][0]["id"] == "d3"
    assert threads[1].startswith("plackett-reads")
    assert threads[0] != threads[1]


def test_a_fault_has_the_form_of_all_errors(tmp_path, monkeypatch):
    app = make_app(write_ranker(tmp_path / "ranker.onnx"))
    monkeypatch.setitem(service_module.FORMS, JSON, lambda body, names: 1 / 0)
    with TestClient(app, raise_server_exceptions=False) as client:
        answer = post(client, request(VALUES))
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal")
    assert "ZeroDivisionError" in answer.json()["error"]["message"]


def test_a_service_that_stops_is_not_ready_and_takes_nothing(tmp_path):
    app = make_app(write_ranker(tmp_path / "ranker.onnx"))
    with TestClient(app) as client:
        assert client.get("/health/ready").status_code == 200
        app.state.service.stop()
        assert client.get("/health/ready").status_code == 503
        assert client.get("/health/live").status_code == 200
        answer = post(client, request(VALUES))
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "stopping")
    assert answer.headers["retry-after"] == "1"
