"""Training by several workers equals training by one process, whatever happens to them."""

import inspect
import os
import re
import shutil
import textwrap

import keras
import numpy as np
import pytest
from clusters import SETTINGS, cluster, make_lists

import plackett
from plackett import backend, distributed
from plackett.distributed import _train
from plackett.training import TrainingDivergedError

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning")


@pytest.fixture(scope="module", autouse=True)
def ray():
    with cluster(4) as ray:
        yield ray


def losses(trained):
    return [entry["loss"] for entry in trained.history]


def check_equal(group, alone):
    np.testing.assert_allclose(losses(group), losses(alone), rtol=1e-5)
    for ours, theirs in zip(group.model.get_weights(), alone.model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def code_of(function):
    """The example in the docstring of a function."""
    (code, *_) = re.findall(r"(?:^ {4}.*\n|^\n(?= {4}))+", inspect.cleandoc(function.__doc__), re.MULTILINE)
    return textwrap.dedent(code)


def test_the_example_of_train_gives_what_one_process_does(tmp_path, monkeypatch):
    """By four workers: of the last batch of 12 the third has two lists, and the fourth none. One process goes on from
    within.
    """
    monkeypatch.chdir(tmp_path)
    settings = SETTINGS | {"loss": "gumbel_approx_ndcg", "batch_size": 12, "keep_checkpoints": 20}
    lists, run, half, seen = make_lists(weighted=True), tmp_path / "runs" / "first", tmp_path / "half", []

    def hear(entry):
        seen.append(entry)
        if entry["epoch"] == 1:
            shutil.copytree(run / "checkpoints" / "0000-000001", half / "checkpoints" / "0000-000001")

    call = code_of(distributed.train).replace("workers=2", "workers=4")
    call = call.replace('loss="softmax", batch_size=64', "on_epoch=hear, **settings")
    exec(call, names := {"plackett": plackett, "lists": lists, "settings": settings, "hear": hear})
    alone = plackett.train(lists, **settings)
    check_equal(names["trained"], alone)
    assert seen == names["trained"].history
    of_run = {".lock", "config.yaml", "environment.yaml", "model.keras", "metrics.json", "history.csv", "checkpoints"}
    assert set(os.listdir(run)) == of_run
    for name in ("config.yaml", "environment.yaml"):
        shutil.copy(run / name, half)
    check_equal(plackett.train(lists, output=half, resume=True, **settings), alone)


def test_a_batch_that_does_not_divide_names_the_nearest_sizes(tmp_path):
    with pytest.raises(ValueError, match=r"batch_size must be a multiple of the 4 workers.*batch_size=8 or 12"):
        distributed.train(make_lists(), workers=4, output=tmp_path, **SETTINGS | {"batch_size": 10})


def test_an_unknown_loss_is_an_error_before_any_worker_starts(tmp_path, monkeypatch):
    monkeypatch.setattr("plackett.distributed._train.connect", None)
    with pytest.raises(ValueError, match="unknown loss"):
        distributed.train(make_lists(), workers=2, output=tmp_path, **SETTINGS | {"loss": "softmaxx"})


def test_an_output_that_a_machine_does_not_see_is_named(tmp_path):
    from plackett.distributed._train import check_folder

    with pytest.raises(ValueError, match=r"does not see the output folder .*storage that all machines share"):
        check_folder(tmp_path, "who holds it elsewhere")


def test_a_finished_run_is_given_back_without_workers(tmp_path, monkeypatch):
    first = plackett.train(make_lists(), output=tmp_path / "run", **SETTINGS)
    monkeypatch.setattr("plackett.distributed._train.connect", None)
    again = distributed.train(make_lists(), workers=2, output=tmp_path / "run", resume=True, **SETTINGS)
    check_equal(again, first)


def test_the_epochs_of_an_ensemble_are_heard_of_with_the_number_of_the_member(tmp_path, monkeypatch):
    """In one process here; see `test_train_by_workers` for members that workers train."""

    def train_one(lists, validation, settings, choices, group, hear):
        trained = plackett.train(lists, validation, **choices, **settings)
        for entry in trained.history:
            hear(entry)
        return trained

    monkeypatch.setattr(_train, "_train_one", train_one)
    settings, told = SETTINGS | {"ensemble": 2, "epochs": 1}, []
    group = distributed.train(make_lists(), workers=2, output=tmp_path / "run", on_epoch=told.append, **settings)
    check_equal(group, plackett.train(make_lists(), **settings))
    assert told == group.history
    assert [entry["member"] for entry in told] == [1, 2]


def fail_in_second(number, size):
    if number == 1:
        raise TrainingDivergedError("the loss is nan", 2, 7, ["q1"], {"label": (0.0, 4.0, 0)})
    import torch.distributed

    torch.distributed.barrier()


def test_the_error_of_a_worker_arrives_as_it_was():
    with pytest.raises(TrainingDivergedError, match="the loss is nan") as caught:
        distributed.run(fail_in_second, 2)
    assert caught.value.step == 7


def gathered(number, size):
    return keras.ops.convert_to_numpy(backend.gather_rows(keras.ops.ones((2, 1)) * number)).ravel().tolist()


def test_the_example_of_run_trains_as_one_process_does():
    """In the same group another function gathers the rows of all."""
    names = {"plackett": plackett, "lists": make_lists()}
    definition, call = code_of(distributed.run).split("weights, same_weights = ")
    exec(definition, names)

    def both(number, size, lists, fit=names["fit"]):
        keras.utils.set_random_seed(0)
        return fit(number, size, lists), gathered(number, size)

    found = eval(call, names | {"fit": both})
    assert [rows for _, rows in found] == [[0.0, 0.0, 1.0, 1.0]] * 2
    keras.utils.set_random_seed(0)
    alone = names["fit"](0, 1, make_lists())
    for weights, _ in found:
        for ours, theirs in zip(weights, alone, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_what_a_lost_worker_does_to_others_is_no_error_of_what_they_compute():
    from plackett.distributed._errors import is_final

    assert not is_final(RuntimeError("Connection closed by peer"))
    assert not is_final(ConnectionResetError())
    assert not is_final(ValueError("UNKNOWN: Gloo AllGather failed: Connection closed by peer [127.0.0.1]:42650"))
    assert all(map(is_final, [ValueError("labels"), OSError("disk full"), KeyboardInterrupt()]))
