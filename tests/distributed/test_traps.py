"""What has once made workers hang, disagree or train each by itself, without an error, is refused or tested.

- On CPUs Ray starts no group for JAX, so that each worker would train by itself: here.
- Unequal numbers of batches hang, and unequal parts disagree: `tests/data/test_batches.py`, and
  `test_the_example_of_train_gives_what_one_process_does`, with a last batch of which one has nothing.
- Keras divides again what is divided (`auto_shard_dataset`), does not share numpy arrays, and neither predicts nor
  saves in one process of several: the same on JAX, `test_train_on_jax.py`.
- TensorFlow trains in one process: here and in `tests/cli/test_workers.py`.
- A killed first worker takes the group with it: `test_lost_workers.py`. A lost machine: `test_lost_node.py`.
- Ray gives no metrics without a checkpoint of its own: the history is that of the run folder,
  `test_the_example_of_train_gives_what_one_process_does`.
- Ray reads several local files with aiohttp alone: `test_a_network_scores_as_in_one_process`.
- Ray listens to all, and tells of itself: `test_ends_of_a_command.py`.
"""

import os
import pathlib

import keras
import pytest

from plackett import distributed
from plackett.distributed import _cluster, _environment, _group_member, _train
from plackett.distributed._group_member import check_place


def test_a_worker_that_would_train_by_itself_ends():
    with pytest.raises(NotImplementedError, match="knows 1 processes, but there are 2: each would train by itself"):
        check_place(2, keras.backend.backend())


def test_a_worker_of_another_backend_ends():
    with pytest.raises(NotImplementedError, match=r"runs on .*, but the backend is numpy"):
        check_place(1, "numpy")


def test_tensorflow_is_refused_with_a_way_out(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "tensorflow")
    with pytest.raises(ValueError, match=r"train on jax or torch, but the backend is tensorflow.*leave out workers"):
        distributed.run(print, 2)


def test_other_versions_than_those_of_the_asker_are_named(monkeypatch):
    monkeypatch.setattr(_environment.platform, "node", lambda: "far")
    with pytest.raises(ValueError, match=r"the machine far has plackett .*, not 0\.0\.1 as the process that asked"):
        _environment.check_versions(_environment.versions() | {"plackett": "0.0.1"})


def test_what_stands_for_a_process_outside_of_the_cluster_finds_its_modules_and_backend(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    variables = _cluster._options_of_client("ray://far:10001")["runtime_env"]["env_vars"]
    assert variables["KERAS_BACKEND"] == "torch"
    assert str(pathlib.Path(__file__).parent) in variables["PYTHONPATH"].split(os.pathsep)
    assert _cluster._options_of_client("far:6379") == {}


def test_what_cannot_be_sent_is_refused(monkeypatch):
    from plackett.distributed import _run_in_group

    def put(x):
        raise TypeError("cannot pickle a lock")

    monkeypatch.setattr(_run_in_group.ray, "put", put)
    with pytest.raises(ValueError, match="function cannot be sent to workers, since pickle cannot write it"):
        _run_in_group._send("function", None)


def test_each_epoch_is_shown_by_ray_too(monkeypatch, tmp_path):
    shown, told = {}, []

    class Gauge:
        def __init__(self, name, description, tag_keys):
            self.name = name

        def set(self, value, tags):
            shown[self.name, tags["metric"], tags["output"]] = value

    class Place:
        def tell(self, kind, what):
            told.append((kind, what))

    monkeypatch.setattr(_train, "Gauge", Gauge)
    _train.Teller(Place(), tmp_path).on_epoch_end(0, {"loss": 2.0, "ndcg@10": 0.5})
    output = str(tmp_path)
    assert shown == {("plackett_epoch", n, output): x for n, x in {"epoch": 1, "loss": 2.0, "ndcg@10": 0.5}.items()}
    assert told == [("epoch", {"epoch": 1, "loss": 2.0, "ndcg@10": 0.5})]


def test_an_epoch_of_which_a_lost_worker_had_not_told_is_heard_of_once(tmp_path):
    first, second, third = ({"epoch": number, "loss": 1 / number} for number in (1, 2, 3))
    (tmp_path / "history.csv").write_text("epoch,loss\n1,1.0\n2,0.5\n")
    heard = []
    hear = _train._Hearer(heard.append, tmp_path)
    hear("epoch", first)
    with pytest.warns(UserWarning, match=r"a worker was lost \(worker 0: gone\)"):
        hear("lost", ("worker 0: gone", 1))
    for entry in (second, third):
        hear("epoch", entry)
    assert heard == [first, second, third]


def test_a_run_that_goes_on_is_heard_of_from_its_checkpoint_on(tmp_path):
    (tmp_path / "checkpoints/0001-000003").mkdir(parents=True)
    heard = []
    hear = _train._Hearer(heard.append, tmp_path)
    for number in (1, 2):
        hear("epoch", {"epoch": number})
    assert heard == [{"epoch": 2}]


def test_versions_are_compared_before_anything_is_read(monkeypatch):
    told = []

    class Context:
        def get_world_rank(self):
            return 1

        def get_world_size(self):
            return 2

    class Runner:
        class fail:  # noqa: N801
            remote = told.append

    monkeypatch.setattr(_group_member.ray.train, "get_context", Context)
    monkeypatch.setattr(_group_member.ray, "get", lambda x: x)
    with pytest.raises(ValueError, match="install the same versions on all machines"):
        _group_member.work({"task": b"of another version", "versions": {"plackett": "0.0.1"}, "runner": Runner})
    assert [(failure.where, failure.is_final) for failure in told] == [("worker 1", True)]
