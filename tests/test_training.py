"""From lists to a trained, measured, saved ranker."""

import csv
import dataclasses
import json

import keras
import numpy as np
import pytest
import yaml
from backends import BACKEND
from keras import ops

import plackett
from plackett import backend, scorers
from plackett.data import Batches
from plackett.training import Feed

pytestmark = pytest.mark.usefixtures("quick_compile")

QUICK = {"epochs": 3, "batch_size": 16, "scorer_options": {"hidden": (8,), "dropout": 0.0}, "learning_rate": 0.03}


def with_ids(lists):
    """The same lists with two id features."""
    ids = {"who": np.arange(len(lists.labels)) % 7, "what": np.arange(len(lists.labels)) % 3}
    ids = {name: column.astype("int32") for name, column in ids.items()}
    return dataclasses.replace(lists, ids=ids, vocabularies={"who": 7, "what": 3})


def test_train(training_lists, validation_lists, tmp_path):
    trained = plackett.train(training_lists, validation_lists, output=tmp_path / "run", **QUICK)
    random = plackett.evaluate_scores(np.random.default_rng(0).random(len(validation_lists.labels)), validation_lists)
    measured = plackett.evaluate(trained.model, validation_lists)
    assert measured["ndcg@10"] > random["ndcg@10"] + 0.1
    assert trained.best["ndcg@10"] == pytest.approx(measured["ndcg@10"], abs=1e-5)
    assert trained.best == max(trained.history, key=lambda entry: entry["ndcg@10"])
    files = {path.name for path in trained.output.iterdir()}
    assert files == {"config.yaml", "model.keras", "metrics.json", "history.csv"}
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


def test_a_seed_repeats_a_run(training_lists, validation_lists):
    def run(seed):
        return plackett.train(
            training_lists, validation_lists, loss="gumbel_approx_ndcg", seed=seed, **QUICK | {"epochs": 1}
        ).history

    assert run(1) == run(1) != run(2)


def test_an_earlier_run_is_kept(training_lists, validation_lists, tmp_path):
    (tmp_path / "model.keras").write_text("precious")
    with pytest.raises(FileExistsError, match="exists and is not empty"):
        plackett.train(training_lists, validation_lists, output=tmp_path, **QUICK)
    assert (tmp_path / "model.keras").read_text() == "precious"
    plackett.train(training_lists, validation_lists, output=tmp_path, overwrite=True, **QUICK | {"epochs": 1})
    assert isinstance(keras.models.load_model(tmp_path / "model.keras"), keras.Model)


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
    assert {path.name for path in tmp_path.iterdir()} == {"config.yaml", "model.keras", "metrics.json", "history.csv"}
    loaded = keras.models.load_model(tmp_path / "model.keras")
    best = json.loads((tmp_path / "metrics.json").read_text())
    assert plackett.evaluate(loaded, validation_lists)["ndcg@10"] == pytest.approx(best["ndcg@10"], abs=1e-5)


def test_patience(training_lists, validation_lists):
    frozen = QUICK | {"epochs": 9, "learning_rate": 1e-30, "scorer_options": {"normalization": None}}
    trained = plackett.train(training_lists, validation_lists, patience=2, **frozen)
    assert len(trained.history) - trained.best["epoch"] == 2


@pytest.mark.parametrize(
    "settings, wrong",
    [
        ({"loss": "softmaxx"}, "unknown loss 'softmaxx'; known are approx_mrr, approx_ndcg, "),
        ({"loss_options": {"sample": 3}}, "unique_softmax has no option sample; its options are reduction, name, "),
        ({"loss_options": {"temperature": 0}}, "temperature must be a number greater than 0, but got temperature=0"),
        ({"loss": "npairs"}, "npairs takes similarities of pairs"),
        ({"metric": "ndcgg"}, "unknown metric 'ndcgg'; known are .*mrr, ndcg"),
        ({"metric": "ndcg@x"}, "the cut-off of a metric must be a whole number"),
        ({"metric": "ndcg@0"}, "topn must be a whole number of at least 1"),
        ({"scorer": "forest"}, "unknown scorer 'forest'; known are embeddings, mlp"),
        ({"scorer_options": {"deep": 3}}, "scorer mlp: .*deep"),
        ({"scorer_options": {"normalization": "x"}}, "normalization must be 'batch', 'layer' or None, but got 'x'"),
        ({"scorer": "embeddings"}, "these lists have no id features"),
        ({"epochs": 0}, "epochs must be at least 1, but got 0"),
        ({"batch_size": 0}, "batch_size must be at least 1, but got 0"),
        ({"learning_rate": 0}, "learning_rate must be greater than 0, but got 0"),
    ],
)
def test_errors_say_what_is_allowed(training_lists, validation_lists, tmp_path, settings, wrong):
    with pytest.raises(ValueError, match=wrong):
        plackett.train(training_lists, validation_lists, output=tmp_path / "run", **settings)
    assert not (tmp_path / "run").exists()


def test_scores_must_fit(validation_lists):
    with pytest.raises(ValueError, match="scores must have one entry a document"):
        plackett.evaluate_scores(np.zeros(3), validation_lists)


def test_measures_do_not_depend_on_the_batch_size(validation_lists):
    scores = np.random.default_rng(0).random(len(validation_lists.labels))
    one = plackett.evaluate_scores(scores, validation_lists, batch_size=1)
    assert one == pytest.approx(plackett.evaluate_scores(scores, validation_lists, batch_size=64), abs=1e-6)


@pytest.mark.parametrize("options", [{}, {"normalization": "layer"}, {"log1p": False, "models": 3}])
def test_mlp_pays_no_heed_to_padding(options, training_lists):
    model = scorers.mlp(training_lists, hidden=(8,), dropout=0.0, **options)
    inputs, _, _ = Batches(training_lists, 4)[0]
    scores = model(inputs)
    assert np.array_equal(ops.convert_to_numpy(scores._keras_mask), inputs["mask"])
    noisy = np.where(inputs["mask"][..., None], inputs["features"], 1e6).astype("float32")
    for training in (False, True):
        clean = ops.convert_to_numpy(model(inputs, training=training))
        dirty = ops.convert_to_numpy(model({"features": noisy, "mask": inputs["mask"]}, training=training))
        np.testing.assert_allclose(clean, dirty, rtol=1e-4, atol=1e-5)
    assert not ops.convert_to_numpy(scores)[~inputs["mask"]].any()


def test_standardisation_comes_from_the_training_lists(training_lists):
    shifted = dataclasses.replace(training_lists, features=training_lists.features * 50 + 3000)
    model = scorers.mlp(shifted, log1p=False, normalization=None)
    normal = next(layer for layer in model.layers if isinstance(layer, keras.layers.Normalization))
    x = ops.convert_to_numpy(normal(shifted.features[None]))[0]
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(x.std(axis=0), 1, atol=1e-3)


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
        self.read[self.batches.epoch, i] = self.batches.plan[i].tolist()
        return super().__getitem__(i)


def test_fit_reads_every_batch_of_each_epoch_in_a_new_order(training_lists):
    """With list sizes that change from batch to batch, on every backend."""
    feed = Watched(training_lists, 8, seed=0)
    assert len({feed[i][1].shape for i in range(len(feed))}) > 1
    model = scorers.mlp(training_lists, hidden=(4,), dropout=0.0)
    model.compile("sgd", loss=plackett.losses.SoftmaxLoss())
    model.fit(backend.fed(feed), epochs=2, shuffle=False, verbose=0)
    orders = [[feed.read[epoch, i] for i in range(len(feed))] for epoch in (0, 1)]
    assert orders[0] != orders[1]
    for order in orders:
        assert sorted(query for queries in order for query in queries) == list(range(len(training_lists)))


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
    with pytest.raises(ValueError, match=f"1 of {len(scores)} scores are NaN, which has no rank"):
        plackett.evaluate_scores(scores, validation_lists)


def test_lists_without_features_need_ids(training_lists):
    bare = dataclasses.replace(training_lists, features=np.zeros((len(training_lists.labels), 0), "float32"))
    with pytest.raises(ValueError, match="these lists have no dense features"):
        scorers.mlp(bare)
    model = scorers.embeddings(with_ids(bare), dimension=2, hidden=(4,))
    assert plackett.score(model, with_ids(bare)).shape == bare.labels.shape
