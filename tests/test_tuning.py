"""The search for settings."""

import dataclasses
import json
import re
import warnings

import keras
import pytest
import yaml
from backends import BACKEND
from conftest import made_lists, plackett_warns

import plackett
from plackett.training import _search
from plackett.training._search import tune
from plackett.training._space import check_space, choices_in
from plackett.training.callbacks import best_epoch

LISTS, VALIDATION = made_lists(24, seed=0), made_lists(15, seed=1)
SPACE = {
    "learning_rate": {"low": "1e-4", "high": 1e-1, "log": True},
    "batch_size": [8, 24],
    "scorer_options.hidden": [[], [4]],
}
QUICK = {"epochs": 1, "scorer_options": {"dropout": 0.0}, "checkpoint_steps": 1}


class KilledError(Exception):
    """Stands for a process that ends."""


def search(output, trials, **arguments):
    arguments = {"space": SPACE, "output": output, "trials": trials} | QUICK | arguments
    return tune(LISTS, VALIDATION, **arguments)


def test_a_search_that_is_killed_goes_on(tmp_path):
    heard = []
    whole = search(tmp_path / "whole", 2, after=heard.append, provenance={"data": ["a.txt"]})
    assert [trial.number for trial in heard] == [0, 1]
    assert sorted(whole, key=lambda trial: trial.number) == heard
    values = [trial.value for trial in whole]
    assert values == sorted(values, reverse=True)
    assert len({trial.settings["learning_rate"] for trial in whole}) == 2
    assert all(1e-4 <= trial.settings["learning_rate"] <= 1e-1 for trial in whole)

    def killed_in_the_second(number):
        def end(batch, logs):
            if number == 1:
                raise KilledError

        return [keras.callbacks.LambdaCallback(on_train_batch_end=end)]

    with pytest.raises(KilledError):
        search(tmp_path / "killed", 2, callbacks=killed_in_the_second)
    assert (tmp_path / "killed/trials/0001/config.yaml").exists()
    assert search(tmp_path / "killed", 2) == whole
    assert search(tmp_path / "killed", 2, after=heard.append) == whole
    assert len(heard) == 2

    for number in range(2):
        files = {path.name for path in (tmp_path / f"killed/trials/{number:04d}").iterdir()}
        assert files == {"config.yaml", "environment.yaml", "metrics.json", "history.csv", ".lock"}
    with pytest.raises(ValueError, match="it holds another run: epochs was 1 and is 2"):
        search(tmp_path / "killed", 2, epochs=2)
    best = json.loads((tmp_path / f"whole/trials/{whole[0].number:04d}/metrics.json").read_text())
    assert best["ndcg@10"] == whole[0].value

    config = yaml.safe_load((tmp_path / "whole/config.yaml").read_text())
    assert config.pop("data") == ["a.txt"]
    assert config.pop("backend") == BACKEND
    assert config["scorer_options"] == {"dropout": 0.0, "hidden": whole[0].settings["scorer_options.hidden"]}
    assert plackett.train(LISTS, VALIDATION, **config).best["ndcg@10"] == whole[0].value


def test_another_space_goes_on_with_the_trials_that_lie_in_it(tmp_path):
    def run(trials, **space):
        found = search(tmp_path, trials, space=space)
        assert yaml.safe_load((tmp_path / "search.yaml").read_text())["space"] == check_space(space)
        return sorted(found, key=lambda trial: trial.number)

    narrow = run(2, learning_rate={"low": 1e-3, "high": 1e-2}, batch_size=[8, 16])
    # A wider range, more choices, and a name whose setting was one of the choices.
    wider = {"learning_rate": {"low": 1e-4, "high": 1e-1, "log": True}, "batch_size": [4, 8, 16], "seed": [0, 1]}
    wide = run(3, **wider)
    assert [trial.number for trial in wide] == [0, 1, 2]
    for before, now in zip(narrow, wide, strict=False):
        assert now == dataclasses.replace(before, settings=before.settings | {"seed": 0})
    # One choice alone, as a list where there was a range.
    rate = wide[1].settings["learning_rate"]
    with plackett_warns("2 of 3 earlier trials lie outside the space and do not count: 0, 2"):
        one = run(2, learning_rate=[rate], batch_size=wider["batch_size"], seed=wider["seed"])
    assert [trial.number for trial in one] == [1, 3]
    assert one[0] == wide[1]
    assert {path.name for path in (tmp_path / "trials").iterdir()} == {f"000{i}" for i in range(4)}
    # Back in the wide one all count again, and the best is that of them all.
    assert run(4, **wider) == [*wide, one[1]]
    config = yaml.safe_load((tmp_path / "config.yaml").read_text())
    best = max((*wide, one[1]), key=lambda trial: trial.value)
    assert {name: config[name] for name in wider} == best.settings


@pytest.mark.parametrize(
    "space, chosen, then",
    [
        ({"seed": [0, 1]}, {"batch_size": 32}, {"seed": 0}),
        ({"seed": [0, 1]}, {"batch_size": 8}, None),
        ({"seed": [1]}, {"batch_size": 32}, None),
        ({"learning_rate": [0.5, 0.001]}, {"learning_rate": "1e-3"}, {"learning_rate": 0.001}),
        ({"learning_rate": {"low": 0.1, "high": 1.0}}, {"learning_rate": 0.5}, {"learning_rate": 0.5}),
        ({"learning_rate": {"low": 0.1, "high": 0.4}}, {"learning_rate": 0.5}, None),
        ({"batch_size": {"low": 8, "high": 32}}, {"batch_size": 32}, {"batch_size": 32}),
        ({"scorer_options.hidden": [[4], [8]]}, {}, {"scorer_options.hidden": [4]}),
        ({"scorer_options.dropout": {"low": 0.0, "high": 0.5}}, {}, None),
        ({"scorer_options.width": {"low": 1, "high": 9}}, {"scorer_options.width": 2.5}, None),
    ],
)
def test_what_a_trial_chose_in_another_space(space, chosen, then):
    base = {"batch_size": 32, "seed": 0, "learning_rate": 0.001, "scorer_options": {"hidden": (4,)}}
    assert choices_in(space, base, chosen) == then


def test_a_trial_ran_with_the_defaults_of_what_it_did_not_choose(tmp_path):
    options = {"scorer_options": {"hidden": [4]}, "loss": "softmax"}
    first = search(tmp_path, 2, space={"batch_size": [8, 24]}, **options)
    wider = {"batch_size": [8, 24], "scorer_options.dropout": {"low": 0.0, "high": 0.5}}
    wider |= {"loss_options.temperature": [1.0, 2.0], "scorer_options.transform": ["bins", None]}
    defaults = {"scorer_options.dropout": 0.5, "loss_options.temperature": 1.0, "scorer_options.transform": "bins"}
    now = search(tmp_path, 2, space=wider, **options)
    assert now == [dataclasses.replace(trial, settings=trial.settings | defaults) for trial in first]
    # And back: what it ran with is what the settings say.
    assert search(tmp_path, 2, space={"batch_size": [8, 24]}, **options) == first


def test_a_better_trial_that_does_not_count_is_named(tmp_path):
    (best,) = search(tmp_path, 1, space={"learning_rate": [0.03]})
    with plackett_warns(
        f"trial 0, whose settings lie outside the space, has ndcg@10 {best.value:.4f}, better than 0."
    ) as told:
        search(tmp_path, 1, space={"learning_rate": [1e-9]})
    assert yaml.safe_load((tmp_path / "config.yaml").read_text())["learning_rate"] == 1e-9
    kept = tmp_path / "trials/0000/config.yaml"
    assert f"The settings of the better one are in {kept}" in "".join(str(one.message) for one in told)
    assert yaml.safe_load(kept.read_text())["learning_rate"] == 0.03
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert search(tmp_path, 2, space={"learning_rate": [1e-9, 0.03]})[0] == best
    assert not [one for one in told if "trial" in str(one.message)]


def test_a_killed_trial_of_another_space_is_left_behind(tmp_path):
    def killed(number):
        def end(batch, logs):
            raise KilledError

        return [keras.callbacks.LambdaCallback(on_train_batch_end=end)]

    with pytest.raises(KilledError):
        search(tmp_path, 1, space={"batch_size": [8]}, callbacks=killed)
    (trial,) = search(tmp_path, 1, space={"batch_size": [4]})
    assert (trial.number, trial.settings) == (1, {"batch_size": 4})


def test_less_may_be_better(tmp_path):
    space = {"learning_rate": {"low": 0.05, "high": 0.5}}
    options = {"scorer_options": {"hidden": [4]}, "batch_size": 8}
    values = [trial.value for trial in search(tmp_path / "run", 2, metric="arp", space=space, **options)]
    assert values == sorted(values)
    assert values[0] < values[-1]


def test_a_trial_that_diverges_comes_last(tmp_path):
    space = {"learning_rate": [1e-3, 1e38], "optimizer": ["sgd"]}
    trials = search(tmp_path / "run", 3, space=space, loss="softmax", scorer_options={"hidden": [4]}, epochs=2)
    rates = [trial.settings["learning_rate"] for trial in trials]
    assert {1e-3, 1e38} == set(rates)
    assert [trial.value is None for trial in trials] == [rate == 1e38 for rate in rates]
    assert yaml.safe_load((tmp_path / "run/config.yaml").read_text())["learning_rate"] == 1e-3


def test_a_trial_whose_scores_overflow_has_diverged(tmp_path):
    """Its weights are finite, and so is the loss of its one step."""
    space = {"learning_rate": [1e-3, 1e30]}
    trials = search(tmp_path / "run", 4, space=space, batch_size=24, scorer_options={"hidden": (4,), "linear": False})
    assert {trial.settings["learning_rate"]: trial.value is None for trial in trials} == {1e-3: False, 1e30: True}


def test_a_trial_whose_metric_is_nan_has_diverged(tmp_path, monkeypatch):
    measured = best_epoch.evaluate_scores
    values = iter([True, False, True])

    def evaluate_scores(*arguments):
        return {"ndcg@10": float("nan")} if next(values) else measured(*arguments)

    monkeypatch.setattr(best_epoch, "evaluate_scores", evaluate_scores)
    trials = search(tmp_path / "run", 3)
    assert [trial.number for trial in trials] == [1, 0, 2]
    assert [trial.value is None for trial in trials] == [False, True, True]


def test_the_default_space_is_what_the_scorer_knows(monkeypatch, tmp_path):
    spaces = []

    def open_folder(folder, given):
        spaces.append(given["space"])
        raise KilledError

    monkeypatch.setattr(_search, "_open_folder", open_folder)
    for scorer in ("mlp", "embeddings", "additive"):
        with pytest.raises(KilledError):
            search(tmp_path, 1, space=None, scorer=scorer)
    mlp, embeddings, additive = spaces
    assert set(mlp) == {"learning_rate", "batch_size", "scorer_options.hidden", "scorer_options.dropout"}
    assert set(embeddings) == {*mlp, "scorer_options.dimension"}
    assert set(additive) == {*mlp} - {"scorer_options.dropout"}


def test_ranges_are_of_the_kind_of_their_setting():
    space = check_space(
        {
            "learning_rate": {"low": 1, "high": 2},
            "batch_size": {"low": 8, "high": 64},
            "scorer_options.dropout": {"low": 0, "high": 0.5},
            "loss_options.sample_size": {"low": 1, "high": 16, "log": True},
        }
    )
    kinds = {name: type(given["low"]) for name, given in space.items()}
    assert list(kinds.values()) == [float, int, float, int]
    assert [given["log"] for given in space.values()] == [False, False, False, True]


@pytest.mark.parametrize(
    "arguments, wrong",
    [
        ({"trials": 0}, "trials must be at least 1, but got 0"),
        ({"epochz": 3}, "unknown setting 'epochz'; did you mean 'epochs'?"),
        ({"space": {}}, "a space must be a dict of names to ranges or lists of choices, but got {}"),
        ({"space": {"learning_rat": [1]}}, "unknown setting to search 'learning_rat'; did you mean 'learning_rate'?"),
        ({"space": {"metric": ["ndcg"]}}, "unknown setting to search 'metric'"),
        ({"space": {"scorer.hidden": [1]}}, "unknown setting to search 'scorer.hidden'"),
        ({"space": {"epochs": []}}, "the space of epochs must be {low, high} or a list of choices, but got []"),
        ({"space": {"epochs": {"low": 1}}}, "the space of epochs must be {low, high} or a list"),
        ({"space": {"epochs": {"low": 1, "high": 2, "lo": 1}}}, "unknown part of the space of epochs: 'lo'"),
        (
            {"space": {"epochs": {"low": 1, "high": 2.5}}},
            "high of epochs must be a whole number of at least 1, but got 2.5",
        ),
        ({"space": {"epochs": {"low": 2, "high": 2}}}, "the space of epochs must have low < high, but got low=2, high"),
        (
            {"space": {"learning_rate": {"low": 0, "high": 1, "log": True}}},
            "low of learning_rate must be a number greater than 0, but got 0",
        ),
        (
            {"space": {"scorer_options.l2": {"low": 0, "high": 1, "log": True}}},
            "the space of scorer_options.l2 must have 0 < low < high, but got low=0, high=1",
        ),
    ],
)
def test_errors_say_what_is_allowed(tmp_path, arguments, wrong):
    with pytest.raises(ValueError, match=re.escape(wrong)):
        search(tmp_path / "run", **{"trials": 1} | arguments)
    assert not (tmp_path / "run").exists()


def test_a_scorer_that_is_made_for_each_trial(tmp_path):
    """A function makes it; a model or an optimizer would go from one trial into the next."""
    made = []

    def make(lists, width=2):
        made.append(width)
        x = keras.Input((None, 5))
        return keras.Model(x, keras.layers.Dense(1)(keras.layers.Dense(width)(x)))

    keras.saving.register_keras_serializable("test_tuning")(make)
    space = {"scorer_options.width": {"low": 2, "high": 9}}
    trials = search(tmp_path / "run", 2, space=space, scorer=make, scorer_options={})
    assert sorted(made) == sorted(trial.settings["scorer_options.width"] for trial in trials)
    config = yaml.safe_load((tmp_path / "run/config.yaml").read_text())
    assert config["scorer"]["config"] == "test_tuning>make"
    again = plackett.train(LISTS, VALIDATION, **{name: x for name, x in config.items() if name != "backend"})
    assert again.best["ndcg@10"] == trials[0].value
    x = keras.Input((None, 5))
    for name, given in (("scorer", keras.Model(x, keras.layers.Dense(1)(x))), ("optimizer", keras.optimizers.SGD(0.1))):
        with pytest.raises(ValueError, match=f"each trial of a search makes its own {name}: give its name"):
            search(tmp_path / "other", 1, space=space, **{name: given})
    assert not (tmp_path / "other").exists()


def test_without_validation_a_share_is_held_out(tmp_path):
    space = {"learning_rate": [0.01]}
    trials = tune(LISTS, output=tmp_path / "run", trials=1, space=space, validation_share=0.25, seed=2, **QUICK)
    rest, held_out = plackett.data.split_queries(LISTS, 0.25, 2)
    assert trials[0].value == plackett.train(rest, held_out, learning_rate=0.01, seed=2, **QUICK).best["ndcg@10"]
    config = yaml.safe_load((tmp_path / "run/config.yaml").read_text())
    assert (config["validation"], config["validation_share"]) == ("25% of the queries", 0.25)


def test_a_folder_with_anything_else_in_it(tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other/file").write_text("precious")
    with pytest.raises(
        FileExistsError,
        match="other exists and is not empty: it does not hold a search, but file: choose another output",
    ):
        search(tmp_path / "other", 1)


def test_a_search_makes_no_ensembles(tmp_path):
    with pytest.raises(ValueError, match="each trial of a search is one run, but ensemble is 3: leave it out"):
        plackett.tune(LISTS, VALIDATION, output=tmp_path / "search", trials=1, ensemble=3)
    with pytest.raises(ValueError, match="unknown setting to search 'ensemble'"):
        plackett.tune(LISTS, VALIDATION, output=tmp_path / "search", trials=1, space={"ensemble": [1, 3]})
    assert not (tmp_path / "search").exists()
