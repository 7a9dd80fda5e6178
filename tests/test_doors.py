"""The doors of `train`: objects in the place of names, what is held out, what is learnt from, the settings."""

import dataclasses
import re
import subprocess
import sys
import textwrap
import typing

import keras
import numpy as np
import pytest
import yaml
from backends import BACKEND
from keras import ops
from own_models import LISTS, VALIDATION, OfADict, OfOneArray, of_one_array, registered_objects

import plackett
from plackett import losses, scorers
from plackett.data import _batches, split_queries
from plackett.training import Settings, _objective, _settings
from plackett.training._config_file import read_config

# Plain, so that it is compiled in no time.
QUICK = {"epochs": 2, "batch_size": 8, "scorer": "mlp", "scorer_options": {"hidden": (), "transform": None}}
QUICK_ALONE = {"epochs": 1, "batch_size": 8}


def train(**settings):
    return plackett.train(LISTS, VALIDATION, **QUICK | settings)


def test_an_object_gives_what_its_name_gives():
    by_name = train(loss="gumbel_approx_ndcg", loss_options={"sample_size": 2}, metric="ndcg@5", optimizer="sgd")
    loss = losses.GumbelApproxNDCGLoss(sample_size=2)
    objects = {"metric": plackett.metrics.get("ndcg@5", name="ndcg@5"), "loss": loss}
    assert train(**objects, optimizer=keras.optimizers.SGD(1e-3)).history == by_name.history
    # What the loss draws is not remembered in the caller's object.
    assert train(**objects, optimizer=keras.optimizers.SGD(1e-3)).history == by_name.history


def test_a_metric_has_conventions_of_its_own():
    metric = plackett.metrics.NDCG(topn=3, empty=1, name="mine", gain=lambda labels: labels)
    trained = train(metric=metric)
    assert set(trained.best) == {"epoch", "loss", "mine"}
    measured = plackett.evaluate(
        trained.model, VALIDATION, [plackett.metrics.get("ndcg@3", gain=plackett.gains.identity, empty=1)]
    )
    assert trained.best["mine"] == pytest.approx(*measured.values(), abs=1e-6)
    assert float(metric.result()) == 0


def test_an_optimizer_and_a_schedule_of_ones_own():
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([3], [0.1, 0.0])
    trained = train(optimizer="sgd", learning_rate_schedule=schedule)
    assert trained.model.optimizer._learning_rate is schedule
    optimizer = keras.optimizers.SGD(0.1, momentum=0.5)
    assert train(optimizer=optimizer).model.optimizer is optimizer
    assert int(ops.convert_to_numpy(optimizer.iterations)) == 2 * 5
    with pytest.raises(ValueError, match="the optimizer has been used for another model, whose weights it holds"):
        train(optimizer=optimizer)


@pytest.mark.parametrize(
    "settings, wrong",
    [
        ({"metric": 3}, "metric must be a name or a dict or a metric, but got 3"),
        ({"metric": keras.metrics.Mean()}, "metric must be a name such as ndcg@10, a metric of plackett.metrics"),
        (
            {"metric": plackett.metrics.NDCG(name="loss")},
            "metric must not be named loss: the history already has a column of that name",
        ),
        ({"optimizer": 3}, "optimizer must be a name or a dict or an optimizer, but got 3"),
        (
            {"optimizer": keras.optimizers.SGD(0.1), "learning_rate": 0.2},
            "learning_rate=0.2 goes with the name of a known optimizer, but <",
        ),
        (
            {"learning_rate_schedule": keras.optimizers.schedules.CosineDecay(0.1, 9), "learning_rate": 0.2},
            "learning_rate=0.2 goes with the name of a known learning_rate_schedule, but <",
        ),
        (
            {"loss": losses.SoftmaxLoss(), "loss_options": {"temperature": 2}},
            "loss_options={'temperature': 2} goes with the name of a known loss, but SoftmaxLoss() is an object with",
        ),
        (
            {"tasks": {"a": {"loss": losses.SoftmaxLoss(), "loss_options": {"temperature": 2}}}},
            "loss_options={'temperature': 2} goes with the name of a known loss of the task a, but Soft",
        ),
        ({"loss": {"class_name": "mine>Loss", "config": {}}}, "loss is a mine>Loss, which is not known here: import"),
        (
            {"loss": "mse"},
            "unknown loss 'mse'; to use the loss of Keras, give the object: loss=keras.losses.get('mse')",
        ),
        (
            {"loss": {"softmax": {}}},
            "loss must be a name, with its options in loss_options, or an object, but got {'",
        ),
        (
            {"loss": {"class_name": "mine>Loss", "config": {"a": 1}}, "loss_options": {"temperature": 2}},
            "loss_options={'temperature': 2} goes with the name of a known loss, but mine>Loss is an object with",
        ),
        ({"callbacks": [3]}, "callbacks must be a list of Keras callbacks, but got [3]"),
        ({"callbacks": keras.callbacks.Callback()}, "callbacks must be a list of Keras callbacks, but got <"),
        ({"validation_share": 1}, "validation_share must be a number between 0 and 1, but got 1"),
    ],
)
def test_errors_say_what_is_allowed(settings, wrong):
    with pytest.raises(ValueError, match=re.escape(wrong)):
        train(**settings)


def test_a_loss_of_keras_as_the_error_has_it():
    assert train(loss=keras.losses.get("mse"), epochs=1).history


@pytest.mark.parametrize("metric", ["ndcg@10", "validation_loss"])
def test_no_lists_at_all(metric):
    for name, lists, validation in (("lists", LISTS[:0], LISTS), ("validation", LISTS, LISTS[:0])):
        with pytest.raises(ValueError, match=f"^{name} must have at least one query"):
            plackett.train(lists, validation, metric=metric)


def test_arrays_and_names_in_the_place_of_lists_and_models(tmp_path):
    made_of = re.escape(
        "must be RankingLists, which RankingLists.from_arrays(X, y, query=...) makes from arrays, but got a"
    )
    x, y = LISTS.features, LISTS.labels
    for call in (
        lambda: plackett.train(x, y),
        lambda: plackett.tune(x, y, output=tmp_path, trials=1),
        lambda: plackett.score(of_one_array(), x),
        lambda: plackett.evaluate_scores(y, x),
    ):
        with pytest.raises(ValueError, match=f"^lists {made_of} ndarray$"):
            call()
    with pytest.raises(ValueError, match=f"^validation {made_of} ndarray$"):
        plackett.train(LISTS, x)
    with pytest.raises(ValueError, match=r"model must be a Keras model, such as trained.model, .*, but got 'o1'"):
        plackett.score("o1", LISTS)
    with pytest.raises(FileNotFoundError, match="there is no file o1: a system must be a path, or column:NAME"):
        plackett.evaluate("o1", LISTS)


@keras.saving.register_keras_serializable("test_doors")
class MyNDCG(plackett.metrics.NDCG):
    """A metric of one's own."""


def test_a_metric_has_one_name_however_it_is_given():
    for metric in ("test_doors>MyNDCG@3", MyNDCG(topn=3)):
        trained = train(metric=metric, epochs=1)
        assert list(trained.best) == ["epoch", "loss", "my_ndcg@3"]
        assert list(plackett.evaluate(trained.model, VALIDATION, [metric])) == ["my_ndcg@3"]
    with pytest.raises(ValueError, match="each metric must have a name of its own"):
        plackett.evaluate(trained.model, VALIDATION, ["test_doors>MyNDCG@3", MyNDCG(topn=3)])


def test_options_beside_a_model_that_is_made_already():
    for name, value in (("scorer_options", {"hidden": [3]}), ("mixed_precision", True)):
        with pytest.raises(ValueError, match=f"{name}=.* is an option for making a scorer, but the given model is"):
            plackett.train(LISTS, VALIDATION, scorer=of_one_array(), **{name: value})


def test_a_config_makes_the_objects_again(tmp_path):
    plackett.train(LISTS, VALIDATION, output=tmp_path / "run", **registered_objects(), **QUICK_ALONE)
    config = read_config(tmp_path / "run/config.yaml", BACKEND)
    assert config["scorer"]["registered_name"] == "test_doors>OfOneArray"
    again = plackett.train(LISTS, VALIDATION, output=tmp_path / "again", **config)
    assert isinstance(again.model.layers[-2].model, OfOneArray)
    assert again.model.optimizer.momentum == 0.5
    assert set(again.best) == {"epoch", "loss", "ndcg@3"}
    assert yaml.safe_load((tmp_path / "again/config.yaml").read_text())["loss"]["class_name"] == "MeanSquaredError"
    repeated = plackett.train(LISTS, VALIDATION, **config)
    assert repeated.history == again.history


@pytest.mark.parametrize(
    "settings, wrong",
    [
        ({"scorer": OfADict()}, r"scorer=<OfADict .*> cannot be written to config.yaml: give its class a get_config"),
        (
            {"loss": losses.softmax},
            r"loss=<function softmax .*> cannot be written to config.yaml: put it at the top of",
        ),
        (
            {"metric": plackett.metrics.NDCG(gain=lambda labels: labels, name="mine")},
            r"metric=.* cannot be written to config.yaml: .*or train without output",
        ),
    ],
)
def test_what_cannot_be_written_is_refused_where_there_is_an_output(settings, wrong, tmp_path):
    with pytest.raises(ValueError, match=wrong):
        plackett.train(LISTS, VALIDATION, output=tmp_path / "run", **QUICK_ALONE, **settings)
    assert not (tmp_path / "run").exists()
    assert plackett.train(LISTS, VALIDATION, **QUICK_ALONE, **settings).history


def test_options_may_be_objects(tmp_path):
    options = {"lambda_weight": losses.NDCGLambdaWeight(topn=3)}
    trained = train(loss="pairwise_logistic", loss_options=options, output=tmp_path / "run", epochs=1)
    config = read_config(tmp_path / "run/config.yaml", BACKEND)
    assert config["loss_options"]["lambda_weight"]["class_name"] == "NDCGLambdaWeight"
    assert plackett.train(LISTS, VALIDATION, **config).history == trained.history
    by_name = train(
        loss="pairwise_logistic", loss_options={"lambda_weight": {"NDCGLambdaWeight": {"topn": 3}}}, epochs=1
    )
    assert by_name.history == trained.history


def test_without_validation_a_share_is_held_out(tmp_path):
    trained = plackett.train(LISTS, output=tmp_path / "run", validation_share=0.25, seed=3, **QUICK | {"epochs": 1})
    rest, held_out = split_queries(LISTS, 0.25, 3)
    assert trained.validation.queries.tolist() == held_out.queries.tolist()
    assert len(held_out) == 10
    assert plackett.train(rest, held_out, seed=3, **QUICK | {"epochs": 1}).history == trained.history
    config = yaml.safe_load((tmp_path / "run/config.yaml").read_text())
    assert (config["validation"], config["validation_share"]) == ("25% of the queries", 0.25)
    read = read_config(tmp_path / "run/config.yaml", BACKEND)
    assert plackett.train(LISTS, **read).history == trained.history


def test_the_target_may_be_any_column():
    column = np.random.default_rng(0).integers(0, 2, len(LISTS.labels)).astype("float32")
    lists = dataclasses.replace(LISTS, columns={"teacher of maths": column})
    of_column = plackett.train(lists, VALIDATION, target="teacher of maths", **QUICK).history
    assert of_column == plackett.train(dataclasses.replace(LISTS, labels=column), VALIDATION, **QUICK).history
    with pytest.raises(ValueError, match=r"unknown target of these lists 'clicks'; known are label, teacher of"):
        plackett.train(lists, VALIDATION, target="clicks", **QUICK)


def test_a_run_that_is_still_improving_says_so():
    improving = train(epochs=2, learning_rate=0.01)
    assert improving.still_improving
    still = train(epochs=2, learning_rate=1e-30)
    assert not still.still_improving


def test_settings_say_each_option_once():
    fields = {field.name: field.type for field in dataclasses.fields(Settings)}
    assert typing.get_type_hints(_settings.SettingsKeywords, include_extras=True) == fields
    assert set(_settings.help_texts()) == set(fields)
    assert all(text.endswith(".") for text in _settings.help_texts().values())
    assert set(scorers.SCORERS) == set(_settings.SCORERS)
    assert Settings().validation_share == 0.2


def test_a_plan_is_made_once_an_epoch_and_a_metric_once_a_run(monkeypatch):
    plans, made = [], []
    plan, get = _batches.plan, _objective.metrics.get
    monkeypatch.setattr(_batches, "plan", lambda *a, **k: plans.append(k["seed"]) or plan(*a, **k))
    monkeypatch.setattr(_objective.metrics, "get", lambda *a, **k: made.append(a) or get(*a, **k))
    train(epochs=3)
    assert sum(seed is not None for seed in plans) == 3
    assert made == [("ndcg@10",)]


def test_settings_and_their_file_need_no_keras():
    code = """
        import sys
        import plackett
        from plackett.training import _config_file

        plackett.training.Settings.from_dict({"loss": "softmax", "optimizer": "sgd", "scorer": "dcn"})
        assert "keras" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)
