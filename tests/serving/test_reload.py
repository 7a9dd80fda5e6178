"""A served model is replaced under load, and a broken file replaces nothing."""

import datetime
import signal

import pytest
from server_process import Load, documents, server
from small_rankers import write_ranker

SUM = (1.0, 1.0)  # weights of features
SCORES = [1.0, 3.0, 2.0]  # of what `Load` sends


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reload")
    model = write_ranker(folder / "model.onnx", weights=SUM)
    with server(model, folder, "--watch") as process:
        process.model = model
        yield process


@pytest.fixture(scope="module")
def unwatched(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unwatched")
    model = write_ranker(folder / "model.onnx", weights=SUM)
    with server(model, folder) as process:
        process.model = model
        yield process


def biases(answers):
    """The fingerprint of each model that answered -> the biases by which its scores were off."""
    found = {}
    for status, _, answer in answers:
        assert status == 200, answer
        scores = {row["id"]: row["score"] for row in answer["ranking"]}
        off = {round(scores[f"d{i}"] - score, 3) for i, score in enumerate(SCORES)}
        assert len(off) == 1, f"one answer of two models: {answer}"
        found.setdefault(answer["model"], set()).update(off)
    return found


def replace(path, **options):
    write_ranker(path.with_name("new.onnx"), weights=SUM, **options).replace(path)


def fingerprint(process):
    return process.rank(documents(1.0))[2]["model"]


def reloads(process, result):
    return process.metric("plackett_reloads_total", result=result)


def time_of(line):
    return datetime.datetime.fromisoformat(line["timestamp"])


def check_replaced(process, load, bias, old):
    """That each answer was wholly by one model, and says by which."""
    new = fingerprint(process)
    assert new != old
    assert load.failures == []
    assert biases(load.answers)[new] == {bias}
    assert all(len(found) == 1 for found in biases(load.answers).values())
    assert set(biases(load.answers)) == {old, new}


def test_sighup_replaces_the_model_under_load_without_a_failed_request(unwatched):
    old = fingerprint(unwatched)
    with Load(unwatched, clients=4) as load:
        load.wait_for(50)
        replace(unwatched.model, bias=7.0, hidden=2)
        unwatched.send_signal(signal.SIGHUP)
        unwatched.wait_for_line("reload", result="loaded")
        load.wait_for(50)
    check_replaced(unwatched, load, 7.0, old)


def test_a_watched_file_replaces_the_model_under_load_without_a_failed_request(served):
    old, before = fingerprint(served), reloads(served, "loaded")
    with Load(served, clients=4) as load:
        load.wait_for(50)
        replace(served.model, bias=5.0, hidden=2)
        served.wait_for_line("reload", number=int(before) + 1, result="loaded")
        load.wait_for(50)
    check_replaced(served, load, 5.0, old)


def break_file(path):
    path.write_bytes(b"this is no ONNX file")


def cut_file(path):
    whole = write_ranker(path.with_name("whole.onnx"), weights=SUM, bias=9.0, hidden=1).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def drop_signature(path):
    import onnx

    model = onnx.load(write_ranker(path.with_name("whole.onnx"), weights=SUM, bias=11.0))
    del model.metadata_props[:]
    path.write_bytes(model.SerializeToString())


@pytest.mark.parametrize(
    ("harm", "result", "bias"),
    [(break_file, "failed", 2.0), (cut_file, "failed", 3.0), (drop_signature, "failed", 4.0), (None, "missing", 6.0)],
)
def test_a_file_that_is_no_model_leaves_the_old_one_serving_until_it_is_whole(served, harm, result, bias):
    old, before, loaded = fingerprint(served), reloads(served, result), reloads(served, "loaded")
    with Load(served, clients=2) as load:
        served.model.unlink() if harm is None else harm(served.model)
        line = served.wait_for_line("reload", number=int(before) + 1, result=result)
        load.wait_for(20)
        assert (line["level"], line["model"]) == ("error", old)
        assert str(served.model) in line["error"]
        assert reloads(served, result) == before + 1
        assert served.get("/health/ready")[0] == 200
        assert fingerprint(served) == old
        replace(served.model, bias=bias)
        served.wait_for_line("reload", number=int(loaded) + 1, result="loaded")
    assert load.failures == []
    assert fingerprint(served) != old


def test_requests_are_answered_while_a_large_model_loads(served):
    loaded = int(reloads(served, "loaded"))
    with Load(served, clients=2) as load:
        replace(served.model, bias=8.0, hidden=60)
        line = served.wait_for_line("reload", number=loaded + 1, result="loaded")
    assert load.failures == []
    begin = time_of(line) - datetime.timedelta(seconds=line["seconds"])
    requests = [time_of(each) for each in served.lines() if each["event"] == "request"]
    assert sum(begin < time < time_of(line) for time in requests) >= 10
