"""From lists to a trained, measured, saved ranker."""

import csv
import dataclasses
import inspect
import json
import re

import keras
import numpy as np
import pytest
import yaml
from backends import BACKEND

import plackett
from plackett.data import Batches, plan
from plackett.training import Feed, Settings, TrainingDivergedError, _run
from plackett.training._optimizers import OPTIMIZERS, SCHEDULES, make_optimizer
from plackett.training._settings import OPTIONS_OF_SCHEDULES
from plackett.training.callbacks import best_epoch

QUICK = {"epochs": 3, "batch_size": 16, "scorer_options": {"hidden": (8,), "dropout": 0.0}, "learning_rate": 0.03}


def with_ids(lists):
    """The same lists with two id features."""
    ids = {"who": np.arange(len(lists.labels)) % 7, "what": np.arange(len(lists.labels)) % 3}
    ids = {name: column.astype("int32") for name, column in ids.items()}
    return dataclasses.replace(lists, ids=ids)


def test_train(training_lists, validation_lists, tmp_path):
    trained = plackett.train(training_lists, validation_lists, output=tmp_path / "run", **QUICK)
    random = plackett.evaluate_scores(np.random.default_rng(0).random(len(validation_lists.labels)), validation_lists)
    measured = plackett.evaluate(trained.model, validation_lists)
    assert measured["ndcg@10"] > random["ndcg@10"] + 0.1
    assert trained.best["ndcg@10"] == pytest.approx(measured["ndcg@10"], abs=1e-5)
    assert trained.best == max(trained.history, key=lambda entry: entry["ndcg@10"])
    files = {path.name for path in trained.output.iterdir()}
    files_of_a_run = {"config.yaml", "environment.yaml", "model.keras", "metrics.json", "history.csv"}
    assert files == {*files_of_a_run, "checkpoints", ".lock"}
    assert json.loads((trained.output / "metrics.json").read_text()) == trained.best
    with (trained.output / "history.csv").open() as file:
        assert [float(row["ndcg@10"]) for row in csv.DictReader(file)] == [row["ndcg@10"] for row in trained.history]
    config = yaml.safe_load((trained.output / "config.yaml").read_text())
    assert (config["backend"], config["loss"], config["epochs"]) == (BACKEND, "unique_softmax", 3)
    loaded = keras.models.load_model(trained.output / "model.keras")
    np.testing.assert_allclose(
        plackett.score(loaded, validation_lists), plackett.score(trained.model, validation_lists), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("loss", ["softmax", "approx_ndcg", "gumbel_approx_ndcg", "coupled_rank_distil", "mixture_em"])
def test_each_loss_learns(loss, training_lists, validation_lists):
    if loss == "mixture_em":
        training_lists = dataclasses.replace(training_lists, labels=np.minimum(training_lists.labels, 1))
    trained = plackett.train(training_lists, validation_lists, loss=loss, **QUICK)
    assert trained.best["ndcg@10"] > 0.8


def test_a_batch_of_more_lists_than_there_are_is_one_of_all(training_lists, validation_lists, tmp_path):
    def run(batch_size, **arguments):
        settings = QUICK | {"batch_size": batch_size, "epochs": 2}
        return plackett.train(training_lists[:40], validation_lists, **settings, **arguments).history

    assert run(10**9, output=tmp_path / "run") == run(40) != run(20)
    assert yaml.safe_load((tmp_path / "run/config.yaml").read_text())["batch_size"] == 10**9


def test_few_lists_are_not_scored_in_a_large_batch(training_lists, validation_lists):
    trained = plackett.train(training_lists, validation_lists, **QUICK | {"epochs": 1})
    some = validation_lists[:5]
    scores = plackett.score(trained.model, some, batch_size=10**9)
    np.testing.assert_allclose(scores, plackett.score(trained.model, some), rtol=1e-5, atol=1e-6)


def test_a_seed_repeats_a_run(training_lists, validation_lists):
    def run(seed):
        return plackett.train(
            training_lists, validation_lists, loss="gumbel_approx_ndcg", seed=seed, **QUICK | {"epochs": 1}
        ).history

    assert run(1) == run(1) != run(2)


def test_an_earlier_run_is_kept_unless_it_may_be_replaced(training_lists, validation_lists, tmp_path):
    once = QUICK | {"epochs": 1}
    first = plackett.train(training_lists, validation_lists, output=tmp_path, **once)
    with pytest.raises(FileExistsError, match=r"it holds a run .*, replace the run \(overwrite, --overwrite\)"):
        plackett.train(training_lists, validation_lists, output=tmp_path, **once)
    (tmp_path / "notes.txt").write_text("precious")
    (tmp_path / "checkpoints/notes.txt").write_text("precious")
    second = plackett.train(training_lists, validation_lists, output=tmp_path, overwrite=True, **once | {"seed": 1})
    assert first.history != second.history
    assert json.loads((tmp_path / "metrics.json").read_text()) == second.best
    assert (tmp_path / "notes.txt").read_text() == (tmp_path / "checkpoints/notes.txt").read_text() == "precious"


def test_what_is_finished_stays_after_an_interrupt(training_lists, validation_lists, tmp_path):
    def stop(epoch, logs):
        if epoch == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        plackett.train(
            training_lists,
            validation_lists,
            output=tmp_path,
            callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=stop)],
            **QUICK,
        )
    files = {path.name for path in tmp_path.iterdir()}
    assert files == {"config.yaml", "environment.yaml", "model.keras", "metrics.json", "history.csv", ".lock"}
    loaded = keras.models.load_model(tmp_path / "model.keras")
    best = json.loads((tmp_path / "metrics.json").read_text())
    assert plackett.evaluate(loaded, validation_lists)["ndcg@10"] == pytest.approx(best["ndcg@10"], abs=1e-5)


def test_patience(training_lists, validation_lists):
    options = {"normalization": None, "linear": False}  # else scores start at 0, and the least step orders them
    frozen = QUICK | {"epochs": 9, "learning_rate": 1e-30, "scorer_options": options}
    trained = plackett.train(training_lists, validation_lists, patience=2, **frozen)
    assert len(trained.history) - trained.best["epoch"] == 2


@pytest.mark.parametrize(
    "settings, wrong",
    [
        ({"loss": "softmaxx"}, "unknown loss 'softmaxx'; did you mean 'softmax'"),
        (
            {"loss_options": {"sample": 3}},
            "unknown option of unique_softmax: 'sample'; known are lambda_weight",
        ),
        ({"loss_options": {"temperature": 0}}, "temperature must be a number greater than 0, but got temperature=0"),
        ({"loss": "npairs"}, "npairs takes similarities of pairs"),
        ({"metric": "ndcgg"}, "unknown metric 'ndcgg'; did you mean 'ndcg'?"),
        ({"metric": "ndcg@x"}, "the cut-off of a metric must be a whole number"),
        ({"metric": "ndcg@0"}, "topn must be a whole number of at least 1"),
        ({"scorer": "forest"}, "unknown scorer 'forest'; known are additive, dcn, emb"),
        ({"scorer_options": {"deep": 3}}, "unknown option of the scorer mlp: 'deep'; known are dropout, hidden, "),
        (
            {"scorer_options": {"normalization": "x"}},
            "normalization must be one of .*, or None, but got normalization='x'",
        ),
        ({"scorer": "embeddings"}, "these lists have no id features"),
        ({"epochs": 0}, "epochs must be a whole number of at least 1, or None, but got 0"),
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1, or None, but got 0"),
        ({"batch_size": 2.5}, "batch_size must be a whole number of at least 1, or None, but got 2.5"),
        ({"epochs": True}, "epochs must be a whole number of at least 1, or None, but got True"),
        ({"max_list_size": 0}, "max_list_size must be a whole number of at least 1, or None, but got 0"),
        ({"seed": -1}, "seed must be a whole number from 0 to 4294967295, but got -1"),
        ({"keep_checkpoints": 0}, "keep_checkpoints must be a whole number of at least 1, but got 0"),
        ({"checkpoint_steps": 0}, "checkpoint_steps must be a whole number of at least 1, or None, but got 0"),
        ({"check_weights": -1}, "check_weights must be a whole number of at least 0, but got -1"),
        ({"check_weights": None}, "check_weights must be a whole number of at least 0, but got None"),
        ({"checkpoint_minutes": 0}, "checkpoint_minutes must be a number greater than 0, but got 0"),
        ({"learning_rate": 0}, "learning_rate must be a number greater than 0, but got 0"),
        ({"learning_rate": "fast"}, "learning_rate must be a number greater than 0, but got 'fast'"),
        ({"weight_decay": "much"}, "weight_decay must be a number of at least 0, or None, but got 'much'"),
        ({"weight_decay": -1}, "weight_decay must be a number of at least 0, or None, but got -1"),
        ({"mixed_precision": 1}, "mixed_precision must be True or False, but got 1"),
        ({"learning_rat": 1}, "unknown setting 'learning_rat'; did you mean 'learning_rate'?"),
        ({"forest": 1}, "unknown setting 'forest'; known are batch_size, check_weights, checkpoint_minutes, "),
        ({"optimizer": "adem"}, "unknown optimizer 'adem'; did you mean 'adam'?"),
        ({"learning_rate_schedule": "linear"}, "unknown learning_rate_schedule 'linear'; known are cosine, expo"),
        ({"learning_rate_schedule": {"cosine": {"beta": 1}}}, "unknown option of cosine: 'beta'; known are "),
        (
            {"learning_rate_schedule": {"cosine": {"decay_steps": -1}}},
            "decay_steps of cosine must be a whole number of at least 1, but got -1",
        ),
        (
            {"learning_rate_schedule": {"cosine": {"warmup_steps": 9}}},
            "warmup_steps=9 of cosine has an effect only with warmup_target, the rate that it leads up to: give that",
        ),
        ({"learning_rate_schedule": {"exponential": {"staircase": 2}}}, "staircase of exponential must be True or Fal"),
        ({"learning_rate_schedule": {"cosine": 3}}, "the options of cosine must be {name: value}, but got 3"),
        ({"learning_rate_schedule": {}}, "learning_rate_schedule must be a name or {name: options}, but got {}"),
        ({"target": "click"}, "unknown target of these lists 'click'; known are label"),
        ({"scorer_options": {"hiden": [3]}}, "unknown option of the scorer mlp: 'hiden'; did you mean 'hidden'?"),
        ({"tasks": {}}, "tasks must name at least one task, or be None, but got {}"),
        ({"tasks": {"a": "click"}}, "the task a must be a dict of target, loss, loss_options, weight, but got 'click'"),
        ({"tasks": {"a": {"targt": "click"}}}, "unknown part of the task a: 'targt'; did you mean 'target'?"),
        ({"tasks": {"a": {"weight": "x"}}}, "weight of the task a must be a number, but got 'x'"),
        (
            {"tasks": {"a": {}, "b": {"loss": "click_em"}}},
            "the losses of all tasks must take the same number of scores a document, but take: a 1, b 2",
        ),
    ],
)
def test_errors_say_what_is_allowed(training_lists, validation_lists, tmp_path, settings, wrong):
    with pytest.raises(ValueError, match=wrong.replace("{", r"\{").replace("?", r"\?")):
        plackett.train(training_lists, validation_lists, output=tmp_path / "run", **settings)
    assert not (tmp_path / "run").exists()


def test_scores_must_fit(validation_lists):
    with pytest.raises(ValueError, match="scores must have one entry per document"):
        plackett.evaluate_scores(np.zeros(3), validation_lists)


def test_scores_of_a_float64_model_stay_float64(validation_lists):
    inputs = {
        "features": keras.Input((None, 5), name="features"),
        "mask": keras.Input((None,), dtype="bool", name="mask"),
    }
    scores = keras.layers.Dense(1, dtype="float64")(inputs["features"])[..., 0]
    assert plackett.score(keras.Model(inputs, scores), validation_lists).dtype == "float64"


def test_measures_do_not_depend_on_the_batch_size(validation_lists):
    scores = np.random.default_rng(0).random(len(validation_lists.labels))
    one = plackett.evaluate_scores(scores, validation_lists, batch_size=1)
    for batch_size in (64, 10**12):
        assert one == pytest.approx(plackett.evaluate_scores(scores, validation_lists, batch_size=batch_size), abs=1e-6)


def test_embeddings(training_lists, validation_lists):
    train, validation = with_ids(training_lists), with_ids(validation_lists)
    trained = plackett.train(train, validation, **QUICK | {"scorer_options": {"dimension": 4, "hidden": (8,)}})
    assert {layer.name for layer in trained.model.layers} >= {"who_embedding", "what_embedding"}
    assert trained.best["ndcg@10"] > 0.8
    dense_alone = plackett.train(train, validation, scorer="mlp", **QUICK)
    assert dense_alone.best["ndcg@10"] > 0.8


class Watched(Feed):
    """Notes which batch of which epoch was read."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.read = {}

    def __getitem__(self, i):
        self.read[self.batches.epoch, self.batches.step + i] = self.batches.plan[i].tolist()
        return super().__getitem__(i)


def test_fit_reads_every_batch_of_each_epoch_in_a_new_order(training_lists, validation_lists, monkeypatch):
    """With list sizes that change from batch to batch, in the same order on every backend."""
    feeds = []

    def watched(*arguments, **options):
        feeds.append(Watched(*arguments, **options))
        return feeds[-1]

    monkeypatch.setattr(_run, "Feed", watched)
    plackett.train(training_lists, validation_lists, **QUICK | {"epochs": 2, "batch_size": 8})
    (feed,) = feeds
    assert len({feed[i][1].shape for i in range(len(feed))}) > 1
    for epoch in (0, 1):
        expected = plan(training_lists.lengths, 8, seed=0, epoch=epoch)
        assert [feed.read[epoch, i] for i in range(len(expected))] == [queries.tolist() for queries in expected]
    assert feed.read[0, 0] != feed.read[1, 0]


def test_a_metric_of_which_less_is_better_chooses_the_epoch_with_the_least(training_lists, validation_lists):
    trained = plackett.train(training_lists, validation_lists, metric="arp", epochs=4, learning_rate=0.05)
    values = [entry["arp"] for entry in trained.history]
    assert trained.best["arp"] == min(values) < max(values)
    assert plackett.evaluate(trained.model, validation_lists, ["arp"])["arp"] == pytest.approx(min(values), rel=1e-4)


@pytest.mark.parametrize("loss, options", [("click_em", {}), ("ordinal", {}), ("ordinal", {"ordinal_size": 2})])
def test_a_scorer_gives_as_many_scores_as_the_loss_takes(training_lists, validation_lists, loss, options):
    trained = plackett.train(training_lists, validation_lists, loss=loss, loss_options=options, epochs=1)
    assert trained.model.output.shape[-1] == options.get("ordinal_size", 1 if loss == "ordinal" else 2)
    assert len(plackett.score(trained.model, validation_lists)) == len(validation_lists.labels)


@pytest.mark.parametrize("loss", ["click_em", "ordinal", "mixture_em"])
def test_several_scores_rank_as_the_loss_says(training_lists, validation_lists, tmp_path, loss):
    options = {"ordinal_size": 3} if loss == "ordinal" else {}
    trained = plackett.train(training_lists, validation_lists, loss=loss, loss_options=options, epochs=1)
    feed = Batches(validation_lists, len(validation_lists))
    inputs, _, _ = feed[0]
    outputs = trained.model.predict_on_batch(inputs)[inputs["mask"]]
    ranking = {
        "click_em": outputs[:, 1],
        "ordinal": (1 / (1 + np.exp(-outputs))).sum(axis=1),
        "mixture_em": outputs.mean(axis=1),
    }[loss]
    np.testing.assert_allclose(plackett.score(trained.model, validation_lists), ranking, rtol=1e-4, atol=1e-5)
    trained.model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(plackett.score(loaded, validation_lists), ranking, rtol=1e-4, atol=1e-5)


def test_a_score_of_nan_has_no_rank(validation_lists):
    scores = np.zeros(len(validation_lists.labels))
    scores[3] = np.nan
    with pytest.raises(ValueError, match=f"scores must not be NaN, which has no rank, but 1 of {len(scores)} are"):
        plackett.evaluate_scores(scores, validation_lists)


HIGH = "the highest label of the training lists is 200, of query 'q0', where unique_softmax is inf: an exponential"


def with_high_labels(lists):
    """The same lists with labels of 0, 100 and 200; query q0 has one of 200."""
    labels = 100 * lists.labels
    labels[0] = 200
    return dataclasses.replace(lists, labels=labels)


def test_labels_too_high_for_the_loss_or_the_metric_are_refused_at_the_door(training_lists, validation_lists, tmp_path):
    """An id or a price that was taken for a grade."""
    high, held_out = with_high_labels(training_lists), with_high_labels(validation_lists)
    with pytest.raises(ValueError, match=re.escape(HIGH)):
        plackett.train(high, held_out, metric="mrr", output=tmp_path / "run", **QUICK)
    with pytest.raises(ValueError, match=r"the highest label of the measured lists is 200, of query 'q0', where dcg"):
        plackett.train(high, held_out, loss="softmax", metric="dcg", output=tmp_path / "run", **QUICK)
    assert not (tmp_path / "run").exists()
    for loss, metric in (("softmax", "mrr"), ("approx_ndcg", "ndcg@10")):
        trained = plackett.train(high, held_out, loss=loss, metric=metric, **QUICK | {"epochs": 1})
        assert 0 < trained.best[metric] <= 1


@pytest.mark.parametrize("first", [1, 2])
def test_a_metric_of_nan_is_no_best_epoch(training_lists, validation_lists, tmp_path, monkeypatch, first):
    """From epoch `first` on it is NaN; what was finished before stays."""
    values = [0.5] * (first - 1) + [np.nan] * 3
    monkeypatch.setattr(best_epoch, "evaluate_scores", lambda *_: {"ndcg@10": values.pop(0)})
    with pytest.raises(
        TrainingDivergedError, match=f"in epoch {first}, step 8: ndcg@10 of the validation lists is nan"
    ):
        plackett.train(training_lists, validation_lists, output=tmp_path / "run", **QUICK)
    told = json.loads((tmp_path / "run/divergence.json").read_text())
    assert told["ranges"]["label"] == [0, 2, 0]
    assert told["queries"] == validation_lists.queries.tolist()
    kept = {path.name for path in (tmp_path / "run").iterdir()} & {"model.keras", "metrics.json", "history.csv"}
    assert len(kept) == (3 if first == 2 else 0)
    if kept:
        assert json.loads((tmp_path / "run/metrics.json").read_text())["ndcg@10"] == 0.5
        assert "nan" not in (tmp_path / "run/history.csv").read_text()


def test_nan_is_never_an_improvement(validation_lists):
    for metric in (plackett.metrics.NDCG(), plackett.metrics.ARP()):
        assert not metric.improves(float("nan"), None)
        assert not metric.improves(float("nan"), 0.5)
        assert metric.improves(0.5, None)
    record = best_epoch.Record(validation_lists, plackett.metrics.NDCG(), 2, None)
    history = [{"epoch": i + 1, "ndcg": value} for i, value in enumerate([np.nan, 0.5, np.nan])]
    assert record.take(history).best == history[1]
    assert record.ends(3)
    assert record.take(history[:1]).best is None
    assert not record.ends(1)


def rates(settings, steps):
    """The learning rate at the beginning and the end of each twentieth of a run."""
    schedule = make_optimizer(Settings.from_dict({"learning_rate": 0.5} | settings), steps)._learning_rate
    return [float(schedule(step)) for step in range(0, steps + 1, steps // 20)]


def test_learning_rate_schedules_span_the_run():
    cosine = rates({"learning_rate_schedule": "cosine"}, 200)
    np.testing.assert_allclose(cosine, 0.25 * (1 + np.cos(np.linspace(0, np.pi, 21))), atol=1e-6)
    raised = rates({"learning_rate_schedule": {"cosine": {"alpha": 0.1}}}, 200)
    np.testing.assert_allclose(raised, 0.9 * np.array(cosine) + 0.05, atol=1e-6)
    warm = rates({"learning_rate_schedule": "warmup_cosine"}, 200)
    np.testing.assert_allclose(warm, [0, *0.25 * (1 + np.cos(np.linspace(0, np.pi, 20)))], atol=1e-6)
    # YAML takes 1e-1 for a text.
    assert rates({"learning_rate_schedule": {"cosine": {"alpha": "1e-1"}}}, 200) == raised
    exponential = rates({"learning_rate_schedule": "exponential"}, 200)
    np.testing.assert_allclose(exponential, 0.5 * 0.01 ** np.linspace(0, 1, 21), rtol=1e-5)


def test_the_options_of_schedules_are_those_of_keras():
    for name, kind in SCHEDULES.items():
        assert set(OPTIONS_OF_SCHEDULES[name]) == set(inspect.signature(kind).parameters)


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_every_optimizer_by_name(name):
    given = Settings.from_dict({"optimizer": name, "learning_rate": "2e-3", "weight_decay": 0.1, "global_clipnorm": 3})
    optimizer = make_optimizer(given, 10)
    assert type(optimizer).__name__.lower() == name
    assert float(optimizer.learning_rate) == pytest.approx(2e-3)
    assert (optimizer.weight_decay, optimizer.global_clipnorm) == (0.1, 3.0)


def test_mixed_precision(training_lists, validation_lists, tmp_path):
    settings = QUICK | {"epochs": 2, "mixed_precision": True}
    trained = plackett.train(training_lists, validation_lists, output=tmp_path / "run", **settings)
    assert keras.config.dtype_policy().name == "float32"
    dense = next(layer for layer in trained.model.layers if isinstance(layer, keras.layers.Dense))
    assert (dense.compute_dtype, dense.variable_dtype) == ("bfloat16", "float32")
    inputs, _, _ = Batches(validation_lists, 4)[0]
    assert keras.backend.standardize_dtype(trained.model(inputs).dtype) == "float32"
    assert trained.best["ndcg@10"] > 0.8
    loaded = keras.models.load_model(tmp_path / "run/model.keras")
    assert plackett.evaluate(loaded, validation_lists)["ndcg@10"] == pytest.approx(trained.best["ndcg@10"], abs=1e-3)


def test_the_target_is_what_is_learnt_from(training_lists, validation_lists):
    random = np.random.default_rng(0)
    clicks = random.integers(0, 2, len(training_lists.labels)).astype("float32")
    clicked = dataclasses.replace(training_lists, columns={"click": clicks, "teacher": 2 * clicks})
    settings = QUICK | {"epochs": 1}
    of_labels = plackett.train(dataclasses.replace(training_lists, labels=clicks), validation_lists, **settings)
    of_clicks = plackett.train(clicked, validation_lists, target="click", **settings)
    assert of_clicks.history == of_labels.history


def test_weights_of_documents_act(training_lists, validation_lists):
    settings = QUICK | {"epochs": 1}

    def losses_with(weights):
        lists = dataclasses.replace(training_lists, columns={"weight": weights.astype("float32")})
        return plackett.train(lists, validation_lists, **settings).history[0]["loss"]

    ones = np.ones(len(training_lists.labels))
    assert losses_with(ones) != pytest.approx(losses_with(ones * (training_lists.labels < 2)), rel=1e-2)


def test_max_list_size(training_lists, validation_lists):
    settings = QUICK | {"epochs": 1, "loss": "softmax"}
    whole = plackett.train(training_lists, validation_lists, **settings).history
    cut = plackett.train(training_lists, validation_lists, max_list_size=4, **settings).history
    assert cut[0]["loss"] < whole[0]["loss"]


def test_tasks(training_lists, validation_lists, tmp_path):
    lists = dataclasses.replace(training_lists, columns={"click": (training_lists.labels < 1).astype("float32")})
    tasks = {"grade": {"loss": "softmax"}, "opposite": {"target": "click", "weight": 0.25}}
    settings = QUICK | {"epochs": 4, "batch_size": 8}
    trained = plackett.train(lists, validation_lists, tasks=tasks, output=tmp_path / "run", **settings)
    assert set(trained.model.output) == {"grade", "opposite"}
    for entry in trained.history:
        assert entry["loss"] == pytest.approx(entry["grade_loss"] + 0.25 * entry["opposite_loss"], rel=1e-4)

    def ndcg(model, task):
        head = keras.Model(model.input, model.output[task])
        return plackett.evaluate(head, validation_lists)["ndcg@10"]

    assert ndcg(trained.model, "grade") == pytest.approx(trained.best["ndcg@10"], abs=1e-5)
    assert ndcg(trained.model, "grade") > 0.8 > ndcg(trained.model, "opposite")
    assert yaml.safe_load((tmp_path / "run/config.yaml").read_text())["tasks"] == {
        "grade": {"target": "label", "loss": "softmax", "loss_options": {}, "weight": 1.0},
        "opposite": {"target": "click", "loss": "unique_softmax", "loss_options": {}, "weight": 0.25},
    }
    loaded = keras.models.load_model(tmp_path / "run/model.keras")
    assert ndcg(loaded, "grade") == pytest.approx(trained.best["ndcg@10"], abs=1e-5)


def test_callbacks_hear_of_one_beginning_and_one_end_and_may_stop_the_training(training_lists, validation_lists):
    heard = []
    callback = keras.callbacks.LambdaCallback(
        on_train_begin=lambda logs: heard.append("begin"),
        on_epoch_end=lambda epoch, logs: heard.append((epoch, "ndcg@10" in logs)),
        on_train_end=lambda logs: heard.append("end"),
    )
    stop = keras.callbacks.EarlyStopping(monitor="ndcg@10", mode="max", patience=0, min_delta=1.0)
    trained = plackett.train(training_lists, validation_lists, callbacks=[callback, stop], **QUICK)
    assert heard == ["begin", (0, True), (1, True), "end"]
    assert len(trained.history) == 2


def test_a_run_of_another_backend_is_compiled_as_this_one_does(tmp_path):
    """Keras keeps what "auto" meant where the model was compiled: XLA on JAX, which on PyTorch is torch.compile."""
    inputs = keras.Input((None, 2))
    model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    usual = model._resolve_auto_jit_compile()
    model.compile("adam", "mse", jit_compile=not usual)
    model.save(tmp_path / "model.keras")
    assert plackett.load(tmp_path / "model.keras").jit_compile is usual
