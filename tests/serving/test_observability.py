"""What a server says of itself: metrics, logs and its version."""

import contextlib
import json

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families
from server_process import documents, server
from small_rankers import FACTS, write_ranker

import plackett


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("observability")
    with server(write_ranker(folder / "model.onnx"), folder) as process:
        yield process


def request_line(served, name):
    return served.wait_for_line("request", id=name)


def test_a_request_is_one_line_that_says_who_what_and_how_long_but_no_feature(served):
    status, headers, answer = served.rank(documents(123.25, 2.0), "the query", {"x-request-id": "mine-1"})
    assert (status, headers["x-request-id"]) == (200, "mine-1")
    line = request_line(served, "mine-1")
    assert {name: line[name] for name in ("query", "documents", "status", "model", "route", "method", "level")} == {
        "query": "the query",
        "documents": 2,
        "status": 200,
        "model": answer["model"],
        "route": "/rank",
        "method": "POST",
        "level": "info",
    }
    assert 0 <= line["queue_seconds"] <= line["seconds"]
    assert "123.25" not in served.log_path.read_text()


def test_a_refused_request_says_why_in_its_line(served):
    wrong = [{"id": "a", "features": {"bm52": 1.0, "age": 1.0}}]
    assert served.rank(wrong, headers={"x-request-id": "wrong-1"})[0] == 422
    assert request_line(served, "wrong-1")["code"] == "unknown_feature"


def test_an_id_that_is_no_plain_word_is_replaced(served):
    given = "x" * 500
    _, headers, _ = served.rank(documents(1.0), headers={"x-request-id": given})
    assert len(headers["x-request-id"]) == 16


def test_no_query_breaks_a_line_or_fills_the_log(served):
    query = 'a\n{"event": "start"}\r\x1b[2J\u2028' + "q" * 900
    assert served.rank(documents(1.0), query, {"x-request-id": "odd-1"})[0] == 200
    line = request_line(served, "odd-1")
    assert line["query"].startswith('a\n{"event"')
    assert len(line["query"]) <= 200


def test_what_no_http_server_can_read_is_logged_as_json_too(served):
    with contextlib.closing(served.socket()) as connection:
        connection.sendall(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")
    served.wait_for_line("Invalid HTTP request received.", level="warning")


def test_metrics_are_what_prometheus_reads_in_both_its_forms(served):
    served.rank(documents(1.0))
    page = served.get("/metrics")[2].decode()
    names = {family.name for family in text_string_to_metric_families(page)}
    assert names >= {
        "plackett_requests",
        "plackett_rank_seconds",
        "plackett_queue_seconds",
        "plackett_batch_lists",
        "plackett_model_info",
        "plackett_reloads",
        "plackett_queued_lists",
    }
    _, headers, page = served.get("/metrics", {"accept": "application/openmetrics-text; version=1.0.0"})
    assert headers["content-type"].startswith("application/openmetrics-text")
    assert {family.name for family in read_openmetrics(page.decode())} >= {"plackett_requests"}


@pytest.mark.parametrize(("size", "label"), [(0, "0"), (1, "1-10"), (10, "1-10"), (11, "11-100"), (1001, "over 1000")])
def test_latency_is_counted_by_the_length_of_the_list(served, size, label):
    before = served.metric("plackett_rank_seconds_count", documents=label)
    assert served.rank(documents(*range(size)))[0] == 200
    assert served.metric("plackett_rank_seconds_count", documents=label) == before + 1


def test_a_run_of_the_model_counts_its_lists_and_their_wait(served):
    names = ("plackett_batch_lists_sum", "plackett_batch_documents_sum", "plackett_queue_seconds_count")
    before = [served.metric(name) for name in names]
    served.rank(documents(1.0, 2.0, 3.0))
    after = [served.metric(name) for name in names]
    assert (after[0], after[2]) == (before[0] + 1, before[2] + 1)
    assert after[1] >= before[1] + 3


def test_paths_that_clients_make_up_make_no_series(served):
    for number in range(5):
        assert served.get(f"/made/up/{number}")[0] == 404
    assert "made" not in served.get("/metrics")[2].decode()
    assert served.metric("plackett_requests_total", route="none", status="404") >= 5


def test_the_version_says_which_model_and_which_training_data(served):
    version = json.loads(served.get("/version")[2])
    assert version["plackett"] == plackett.__version__
    model = served.rank(documents(1.0))[2]["model"]
    assert (version["model"], version["weights"], version["training_data"]) == (
        model,
        FACTS["model"],
        FACTS["training_data"],
    )
    labels = {"file": model, "weights": FACTS["model"], "training_data": FACTS["training_data"]}
    assert served.metric("plackett_model_info", **labels) == 1


def test_every_line_of_the_log_is_one_json_object(served):
    served.rank(documents(1.0))
    assert all(isinstance(line, dict) and {"event", "level", "timestamp"} <= set(line) for line in served.lines())
