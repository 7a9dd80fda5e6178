"""`train(ensemble=K)`: runs of one seed after another, what is kept of them, and what goes on after a kill."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
import yaml
from backends import BACKEND
from conftest import made_lists

import plackett
from plackett import data
from plackett.training import TrainingDivergedError, _ensemble

LISTS, VALIDATION = made_lists(40, seed=0), made_lists(15, seed=1)
QUICK = {
    "epochs": 2,
    "patience": 9,
    "batch_size": 8,
    "learning_rate": 0.05,
    "checkpoint_steps": 2,
    "scorer_options": {"hidden": (3,), "dropout": 0.3},
}
STEPS = 5
MOMENTS = 2 * (STEPS + 1)  # of a member: its steps and the ends of its epochs


class KilledError(Exception):
    """Stands for a process that ends."""


class Count(keras.callbacks.Callback):
    """Counts steps and ends of epochs over all members, and ends the process at one of them."""

    def __init__(self, last=None):
        super().__init__()
        self.number, self.last = 0, last

    def on_train_batch_end(self, batch, logs=None):
        self.count()

    def on_epoch_end(self, epoch, logs=None):
        self.count()

    def count(self):
        self.number += 1
        if self.number == self.last:
            raise KilledError


def train(validation=VALIDATION, **arguments):
    return plackett.train(LISTS, validation, **QUICK | {"ensemble": 3, "seed": 7} | arguments)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return train(output=tmp_path_factory.mktemp("undisturbed") / "run")


def assert_same(first, second):
    assert (first.history, first.best) == (second.history, second.best)
    for a, b in zip(first.model.get_weights(), second.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def standardised(model, lists):
    parts = np.split(plackett.score(model, lists).astype("float64"), lists.row_splits[1:-1])
    return np.concatenate([(x - x.mean()) / (x.std() or 1) for x in parts])


def test_the_members_are_the_runs_of_their_seeds_and_the_model_is_their_mean(undisturbed):
    for number, member in enumerate(undisturbed.members):
        alone = train(ensemble=1, seed=7 + number)
        assert member.history == alone.history
        for a, b in zip(member.model.get_weights(), alone.model.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    wanted = np.mean([standardised(member.model, VALIDATION) for member in undisturbed.members], axis=0)
    np.testing.assert_allclose(plackett.score(undisturbed.model, VALIDATION), wanted, atol=1e-5)


def test_what_is_told_of_it(undisturbed):
    """Its own metric beside those of its members, and the epochs of all of them."""
    measured = plackett.evaluate(undisturbed.model, VALIDATION, ["ndcg@10"])["ndcg@10"]
    assert undisturbed.best["ndcg@10"] == pytest.approx(measured, abs=1e-6)
    assert undisturbed.best["members"] == [
        {"seed": 7 + k} | member.best for k, member in enumerate(undisturbed.members)
    ]
    assert [(entry["member"], entry["epoch"]) for entry in undisturbed.history] == [
        (1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2)
    ]  # fmt: skip
    assert undisturbed.still_improving == any(member.still_improving for member in undisturbed.members)
    assert undisturbed.ranker is undisturbed.model


def test_what_is_in_its_folder(undisturbed):
    folder = undisturbed.output
    assert {path.name for path in folder.iterdir()} == {
        ".lock", "config.yaml", "environment.yaml", "model.keras", "metrics.json", "members"
    }  # fmt: skip
    assert json.loads((folder / "metrics.json").read_text()) == undisturbed.best
    wanted = plackett.score(undisturbed.model, VALIDATION)
    np.testing.assert_array_equal(plackett.score(plackett.load(folder), VALIDATION), wanted)
    np.testing.assert_array_equal(plackett.score(keras.models.load_model(folder / "model.keras"), VALIDATION), wanted)
    for number, member in enumerate(undisturbed.members, 1):
        own = yaml.safe_load((folder / f"members/{number}/config.yaml").read_text())
        assert (own["seed"], own["ensemble"]) == (6 + number, 1)
        np.testing.assert_array_equal(
            plackett.score(plackett.load(folder / f"members/{number}"), VALIDATION),
            plackett.score(member.model, VALIDATION),
        )
    again = plackett.train(LISTS, VALIDATION, output=folder / "members/2", resume=True, **QUICK | {"seed": 8})
    assert again.history == undisturbed.members[1].history


def test_all_members_have_the_validation_lists_of_its_seed():
    both, alone = train(None, ensemble=2), train(None, ensemble=1)
    assert {x.validation.fingerprint() for x in (both, *both.members)} == {alone.validation.fingerprint()}


@pytest.mark.parametrize("moment", [3, MOMENTS + 4, 2 * MOMENTS])
def test_one_that_is_killed_ends_as_an_undisturbed_one(undisturbed, tmp_path, moment):
    with pytest.raises(KilledError):
        train(output=tmp_path / "run", callbacks=[Count(moment)])
    assert not (tmp_path / "run/model.keras").exists()
    count = Count()
    assert_same(train(output=tmp_path / "run", resume=True, callbacks=[count]), undisturbed)
    # From the last checkpoint on, which is at most two steps old, in the member that was under way.
    assert 3 * MOMENTS - moment <= count.number <= 3 * MOMENTS - moment + 3


def test_one_that_is_killed_between_two_members_trains_none_of_them_twice(undisturbed, tmp_path, monkeypatch):
    trained = []

    @contextlib.contextmanager
    def end_behind(number, seed):
        yield
        trained.append(number)
        if number == 2:
            raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(_ensemble, "_telling_of", end_behind)
        with pytest.raises(KilledError):
            train(output=tmp_path / "run")
    assert trained == [1, 2]
    count = Count()
    assert_same(train(output=tmp_path / "run", resume=True, callbacks=[count]), undisturbed)
    assert count.number == MOMENTS


def test_one_that_is_killed_before_its_metrics_are_written(undisturbed, tmp_path, monkeypatch):
    def killed(path, text):
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(_ensemble, "write_whole", killed)
        with pytest.raises(KilledError):
            train(output=tmp_path / "run")
    (tmp_path / "run/plackett-partial-model-0123456789abcdef.keras").write_bytes(b"PK half")
    assert_same(train(output=tmp_path / "run", resume=True, callbacks=[Count(1)]), undisturbed)
    assert json.loads((tmp_path / "run/metrics.json").read_text()) == undisturbed.best
    assert not list((tmp_path / "run").glob("plackett-partial-*"))


def test_killed_for_good_in_its_second_member(undisturbed, tmp_path):
    """A process of its own, which SIGKILL ends in the middle of a step."""
    code = """
        import os, signal, sys
        import test_ensemble_training as tests

        class Kill(tests.Count):
            def count(self):
                self.number += 1
                if self.number == tests.MOMENTS + 4:
                    os.kill(os.getpid(), signal.SIGKILL)

        tests.train(output=sys.argv[1], callbacks=[Kill()])
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code), tmp_path / "run"],
        cwd=pathlib.Path(__file__).parent,
        env=os.environ | {"KERAS_BACKEND": BACKEND},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    count = Count()
    resumed = train(output=tmp_path / "run", resume=True, callbacks=[count])
    assert count.number < 2 * MOMENTS
    assert_same(resumed, undisturbed)


def test_a_finished_one_is_given_back_as_it_is(undisturbed):
    before = (undisturbed.output / "model.keras").stat().st_mtime_ns
    assert_same(train(output=undisturbed.output, resume=True, callbacks=[Count(1)]), undisturbed)
    assert (undisturbed.output / "model.keras").stat().st_mtime_ns == before


def test_more_epochs_go_on_in_each_member(tmp_path):
    train(output=tmp_path / "run", ensemble=2, epochs=1)
    count = Count()
    longer = train(output=tmp_path / "run", ensemble=2, resume=True, callbacks=[count])
    assert count.number == MOMENTS
    assert_same(longer, train(ensemble=2))
    assert yaml.safe_load((tmp_path / "run/config.yaml").read_text())["epochs"] == 2
    assert json.loads((tmp_path / "run/metrics.json").read_text()) == longer.best


def test_another_one_takes_its_place_with_overwrite_alone(tmp_path):
    folder = tmp_path / "run"
    train(output=folder, epochs=1)
    with pytest.raises(FileExistsError, match="it holds a run"):
        train(output=folder, epochs=1)
    with pytest.raises(ValueError, match="ensemble was 3 and is 2"):
        train(output=folder, epochs=1, ensemble=2, resume=True)
    train(output=folder, epochs=1, ensemble=2, overwrite=True)
    assert sorted(path.name for path in (folder / "members").iterdir()) == ["1", "2"]
    train(output=folder, epochs=1, ensemble=1, overwrite=True)
    assert not (folder / "members").exists()
    assert (folder / "history.csv").exists()


@pytest.mark.parametrize("ensemble", [1, 2])
def test_overwriting_leaves_what_users_put_beside_the_members(tmp_path, ensemble):
    folder = tmp_path / "run"
    train(output=folder, epochs=1, ensemble=ensemble)
    (folder / "members/2_kept").mkdir(parents=True)
    for name in ("notes.txt", "2_kept/notes.txt", "partial-notes.txt"):
        (folder / "members" / name).write_text("mine")
    train(output=folder, epochs=1, ensemble=1, overwrite=True)
    assert sorted(path.name for path in (folder / "members").iterdir()) == ["2_kept", "notes.txt", "partial-notes.txt"]
    assert (folder / "members/2_kept/notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"epochs": 1}, "epochs=1: 8 are done"), ({"patience": 1}, "patience=1: with it the run would have ended")],
)
def test_what_a_member_cannot_go_on_with_is_not_written(tmp_path, settings, words):
    long = {"ensemble": 2, "epochs": 8}
    train(**long, output=tmp_path / "run")
    before = (tmp_path / "run/config.yaml").read_text()
    with pytest.raises(ValueError, match=words):
        train(**long | settings, output=tmp_path / "run", resume=True)
    assert (tmp_path / "run/config.yaml").read_text() == before


def test_members_that_were_being_taken_away_are_gone_and_trained_anew(undisturbed, tmp_path):
    with pytest.raises(KilledError):
        train(output=tmp_path / "run", callbacks=[Count(MOMENTS + 4)])
    (tmp_path / "run/members/1").rename(tmp_path / "run/members/partial-1")
    assert_same(train(output=tmp_path / "run", resume=True), undisturbed)
    assert sorted(path.name for path in (tmp_path / "run/members").iterdir()) == ["1", "2", "3"]


def test_a_run_that_began_before_there_were_ensembles_goes_on(tmp_path):
    train(output=tmp_path / "run", ensemble=1, epochs=1)
    config = yaml.safe_load((tmp_path / "run/config.yaml").read_text())
    del config["ensemble"]
    (tmp_path / "run/config.yaml").write_text(yaml.safe_dump(config))
    assert len(train(output=tmp_path / "run", ensemble=1, resume=True).history) == 2


def test_a_member_that_diverges_is_named(tmp_path):
    with pytest.raises(TrainingDivergedError, match="in member 1 of the ensemble, of seed 7") as error:
        train(output=tmp_path / "run", learning_rate=1e38, optimizer="sgd")
    assert error.value.path == tmp_path / "run/members/1/divergence.json"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"scorer": keras.Sequential([keras.layers.Dense(1)]), "scorer_options": {}}, "each member .* its own scorer"),
        ({"scorer_options": {"hiden": 3}}, "hiden"),
        ({"ensemble": 0}, "ensemble must be a whole number of at least 1"),
        ({"seed": 2**32 - 1}, "seed must be a whole number"),
        ({"tasks": {"member_2": {}}}, "the task member_2 has the name of a layer of the ensemble"),
    ],
)
def test_what_can_be_wrong_is_told_before_anything_is_written(tmp_path, settings, words):
    with pytest.raises(ValueError, match=words):
        train(output=tmp_path / "run", **settings)
    assert not (tmp_path / "run").exists()


def test_where_a_loss_chooses_the_epoch_it_has_no_metric_of_its_own(tmp_path):
    """Its scores are standardised, and so on no scale that a loss knows."""
    trained = train(output=tmp_path / "run", ensemble=2, epochs=1, metric="validation_loss")
    assert list(trained.best) == ["members"]
    assert [list(entry) for entry in trained.best["members"]] == 2 * [["seed", "epoch", "loss", "validation_loss"]]


def test_several_tasks_and_a_shared_head(tmp_path):
    tasks = {"grade": {"loss": "softmax"}, "again": {"loss": "list_mle", "weight": 0.5}}
    two = train(ensemble=2, epochs=1, tasks=tasks)
    assert list(two.model.output) == ["grade", "again"]
    one = train(ensemble=2, epochs=1, tasks=tasks, shared_head=True, output=tmp_path / "run")
    assert not isinstance(one.model.output, dict)
    wanted = np.mean([standardised(member.ranker, VALIDATION) for member in one.members], axis=0)
    np.testing.assert_allclose(plackett.score(one.model, VALIDATION), wanted, atol=1e-5)


def test_it_leaves_the_generators_as_they_were():
    np.random.seed(3)
    wanted = np.random.random()
    np.random.seed(3)
    train(ensemble=2, epochs=1)
    assert np.random.random() == wanted


def test_callbacks_hear_of_each_member():
    seeds = []
    hear = keras.callbacks.LambdaCallback(on_train_begin=lambda logs: seeds.append(hear.params["seed"]))
    train(ensemble=2, epochs=1, callbacks=[hear])
    assert seeds == [7, 8]


def test_data_of_other_lists_is_refused(tmp_path):
    train(output=tmp_path / "run", epochs=1, ensemble=2)
    with pytest.raises(ValueError, match="training_lists was"):
        plackett.train(
            data.concatenate([LISTS, VALIDATION]), VALIDATION, output=tmp_path / "run", resume=True,
            **QUICK | {"ensemble": 2, "seed": 7, "epochs": 1},
        )  # fmt: skip
