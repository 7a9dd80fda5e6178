"""A run of the model that does not end keeps no client waiting in the queue, and no server from its end."""

import contextlib
import signal
import threading
import time

import onnx
import pytest
from onnx import TensorProto, helper
from server_process import body_of, documents, header, server

from plackett.data._signature import KEY, Signature
from plackett.serving import _model

ENDLESS = documents(1e6)  # to a ranker of `write_endless`


def write_endless(path, most=1000.0):
    """A ranker of the sum of features that does not end where a sum is above `most`."""
    axes, floats = ["batch", "list"], TensorProto.FLOAT
    value = helper.make_tensor_value_info
    turn = helper.make_graph(
        [helper.make_node("Identity", ["goes"], ["on"]), helper.make_node("Identity", ["before"], ["after"])],
        "turn",
        [value("number", TensorProto.INT64, []), value("goes", TensorProto.BOOL, []), value("before", floats, axes)],
        [value("on", TensorProto.BOOL, []), value("after", floats, axes)],
    )
    nodes = [
        helper.make_node("ReduceSum", ["features", "axes"], ["sum"], keepdims=0),
        helper.make_node("ReduceMax", ["sum"], ["largest"], keepdims=0),
        helper.make_node("Greater", ["largest", "most"], ["goes"]),
        helper.make_node("Loop", ["", "goes", "sum"], ["scores"], body=turn),
    ]
    inputs = [value("features", floats, [*axes, 2]), value("mask", TensorProto.BOOL, axes)]
    constants = [
        helper.make_tensor("axes", TensorProto.INT64, [1], [2]),
        helper.make_tensor("most", floats, [], [most]),
    ]
    graph = helper.make_graph(nodes, "ranker", inputs, [value("scores", floats, axes)], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(model, {KEY: Signature(("bm25", "age"), True, False).to_json()})
    onnx.save(model, path)
    return path


@pytest.fixture(scope="module")
def busy(tmp_path_factory):
    """A server whose model runs on without an end, and the answers to whoever waits for that."""
    folder = tmp_path_factory.mktemp("endless")
    with server(write_endless(folder / "model.onnx"), folder, "--shutdown-seconds", "1") as process:
        assert process.rank(documents(1.0))[0] == 200
        answers = []
        thread = threading.Thread(target=lambda: answers.append(process.rank(ENDLESS)))
        thread.start()
        while process.metric("plackett_batch_lists_count") < 2:
            time.sleep(0.05)
        yield process, answers
        process.end()
        thread.join()


def test_a_request_whose_client_leaves_is_scored_no_more(busy):
    process, _ = busy
    body = body_of(documents(1.0))
    with contextlib.closing(process.socket()) as connection:
        connection.sendall(header("x-request-id: left", f"content-length: {len(body)}") + body)
        while process.metric("plackett_queued_lists") < 1:
            time.sleep(0.05)
    line = process.wait_for_line("request", id="left")
    assert (line["status"], line["code"]) == (499, "client_left")
    assert "model" not in line


def test_a_run_that_does_not_end_is_broken_off_when_the_time_of_the_end_is_over(busy):
    process, answers = busy
    process.send_signal(signal.SIGTERM)
    assert process.process.wait(30) == 0
    assert process.lines()[-1]["event"] == "end"
    assert [(status, answer["error"]["code"]) for status, _, answer in answers] == [(503, "stopping")]


def test_a_model_whose_first_run_does_not_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(_model, "FIRST_SECONDS", 0.1)
    with pytest.raises(ValueError, match=r"could not be run: two lists .* take it more than 0\.1 seconds"):
        _model.ServedModel(write_endless(tmp_path / "model.onnx", most=-1.0))
