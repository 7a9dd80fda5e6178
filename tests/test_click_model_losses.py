"""Click models as Keras losses: compiled, trained, saved, loaded, and refused where something is wrong."""

import json

import keras
import numpy as np
import pytest
from backends import BACKEND, compiled, ragged
from click_model_table import LENGTHS, LISTS, SIZE, TABLE, batch, by_loop, every_model, numpy
from keras import ops

import plackett
from plackett import clicks as models


@every_model
def test_the_loss_is_the_mean_of_the_negative_likelihoods(row):
    clicks, parameters, mask = batch(row)
    marked = np.where(mask, clicks, -1)
    value = numpy(row.model.log_likelihood(clicks, parameters, mask=mask))
    np.testing.assert_allclose(float(row.model(marked, parameters)), -value.mean(), rtol=1e-6)
    weights = np.arange(LISTS, dtype="float32")
    expected = -(weights * value).mean()
    np.testing.assert_allclose(float(row.model(marked, parameters, sample_weight=weights)), expected, rtol=1e-6)


@pytest.mark.parametrize("row", TABLE[:3], ids=lambda row: row.name)
def test_weights_of_documents_are_counts_where_clicks_are_independent(row):
    """A document of weight 2 counts as two documents."""
    clicks, parameters, _ = batch(row)
    weights = np.tile(np.array([1, 2, 0, 1, 3, 1], "float32"), (LISTS, 1))
    often = np.repeat(np.arange(SIZE), weights[0].astype(int))
    expected = float(row.model(clicks[:, often], parameters[:, often]))
    np.testing.assert_allclose(float(row.model(clicks, parameters, sample_weight=weights)), expected, rtol=1e-6)


@every_model
def test_configs(row):
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(row.model)))
    again = keras.saving.deserialize_keras_object(config)
    assert again == row.model
    assert hash(again) == hash(row.model)
    kind = type(row.model)
    options = {"members": row.model.members} if kind is models.MixtureModel else {}
    named = kind(**options, reduction="sum", name="mine", ragged=True)
    assert kind.from_config(named.get_config()) == named != row.model


@every_model
def test_a_model_is_trained_saved_and_loaded(row, tmp_path):
    clicks, _, mask = batch(row)
    x = keras.Input((SIZE, 3))
    network = keras.Model(x, keras.layers.Dense(row.model.models)(x))
    features = np.random.default_rng(5).normal(size=(LISTS, SIZE, 3)).astype("float32")
    labels = np.where(mask, clicks, -1)
    network.compile(optimizer=keras.optimizers.SGD(0.05), loss=row.model)
    history = network.fit(features, labels, epochs=3, batch_size=LISTS, verbose=0).history["loss"]
    assert history[2] < history[1] < history[0]
    network.save(tmp_path / "model.keras")
    again = plackett.load(tmp_path / "model.keras")
    assert again.loss == row.model
    np.testing.assert_allclose(
        float(again.evaluate(features, labels, verbose=0)), float(network.evaluate(features, labels, verbose=0))
    )


def test_lists_that_are_padded_beyond_the_positions_are_trained():
    """Keras asks for shapes with values of its own, which say nothing of the lists."""
    lists = plackett.data.RankingLists.from_arrays(
        np.zeros((36, 0)),
        group=[9] * 4,
        ids={"pair": np.arange(36) % 12},
        columns={"click": np.arange(36) % 5 == 0, "position": np.tile(np.arange(1, 10), 4)},
    )
    trained = plackett.train(
        lists,
        lists,
        loss=models.UserBrowsingModel(positions=9),
        scorer="two_tower",
        scorer_options={"relevance": "table", "examination_scores": 9},
        target="click",
        metric="validation_loss",
        epochs=2,
        batch_size=3,
    )
    assert np.isfinite([each["validation_loss"] for each in trained.history]).all()


@pytest.mark.parametrize("row", [TABLE[1], TABLE[5], TABLE[6]], ids=lambda row: row.name)
def test_ragged_lists(row):
    clicks, parameters, mask = batch(row)
    options = {"positions": SIZE} if row.name == "user_browsing" else {}
    loss = type(row.model)(ragged=True, reduction="none", **options)
    lists = [c[real].tolist() for c, real in zip(clicks, mask, strict=True)]
    of_documents = [p[real].tolist() for p, real in zip(parameters, mask, strict=True)]
    expected = -by_loop(row, clicks, parameters, mask)
    np.testing.assert_allclose(numpy(loss(lists, of_documents)), expected, rtol=1e-5)
    own = loss(ragged(clicks[mask], LENGTHS), ragged(parameters[mask], LENGTHS))
    np.testing.assert_allclose(numpy(own), expected, rtol=1e-5)


@every_model
def test_the_scores_to_rank_by_are_logits_of_attraction_and_satisfaction(row):
    _, parameters, _ = batch(row)
    by_name = dict(zip(row.model.columns, np.moveaxis(parameters.astype("float64"), -1, 0), strict=True))
    sigma = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
    if row.name == "mixture":
        share = np.exp([by_name[f"weight_{m}"] for m in range(1, 5)])
        attracts = [sigma(by_name[f"attraction_{m}"]) for m in range(1, 5)]
        attracts[2] = attracts[2] * sigma(by_name["satisfaction_3"])
        expected = (share * attracts).sum(axis=0) / share.sum(axis=0)
    else:
        expected = sigma(by_name["attraction"]) * sigma(by_name.get("satisfaction", np.inf))
    scores = numpy(row.model.ranking_scores(ops.convert_to_tensor(parameters)))
    np.testing.assert_allclose(scores, np.log(expected / (1 - expected)), rtol=1e-4, atol=1e-5)
    written = json.loads(json.dumps(keras.saving.serialize_keras_object(row.model.ranking)))
    again = keras.saving.deserialize_keras_object(written)
    np.testing.assert_allclose(numpy(again(ops.convert_to_tensor(parameters))), scores)


def refused(call, wanted):
    with pytest.raises(ValueError, match=wanted):
        call()


def test_what_is_wrong_is_refused():
    clicks, model = np.zeros((2, 3), "float32"), models.PositionBasedModel()
    refused(lambda: model(clicks, np.zeros((2, 3, 3))), "PositionBasedModel takes 2 parameters a document, examination")
    refused(lambda: model.log_likelihood(clicks[0], np.zeros((2, 3, 2))), r"a last axis of columns, but got parameters")
    refused(lambda: model.stack(attraction=0.0), "has the parameters examination, attraction, but got attraction")
    refused(lambda: models.mixture([], [0.0]), "must have those of at least one model, but got none")
    refused(lambda: models.mixture([-1.0, -2.0], [0.0]), r"one logit a model on the last axis, 2, but got \[1\]")
    refused(lambda: models.MixtureModel([model]), "members must be at least two click models")
    refused(lambda: models.MixtureModel([model, "cascade"]), "members must be at least two click models")
    browsing = models.UserBrowsingModel(positions=2)
    refused(
        lambda: browsing(clicks, np.zeros((2, 3, 3))),
        "positions must be at least 3, the documents of a list, but got 2: set positions=3",
    )
    refused(
        lambda: browsing.stack(attraction=0.0, examination=np.zeros((2, 3))), r"since positions=2, but got \[2, 3\]"
    )
    assert np.isfinite(float(browsing([[1, 0, -1]], np.zeros((1, 3, 3), "float32"))))


@pytest.mark.skipif(BACKEND == "torch", reason="PyTorch compiles nothing here")
def test_a_list_that_is_too_long_is_nan_where_nothing_is_known():
    browsing = models.UserBrowsingModel(positions=2, reduction="none")
    given = [
        ops.convert_to_tensor(x) for x in (np.array([[1, 0, 0], [1, 0, -1]], "float32"), np.zeros((2, 3, 3), "float32"))
    ]
    assert np.isnan(numpy(compiled(browsing)(*given))).tolist() == [True, False]


def test_every_model_has_a_short_name():
    known = {type(row.model) for row in TABLE} - {models.MixtureModel}
    assert set(models.MODELS.values()) == known
    assert set(models.MODELS) == {"ctr", "pbm", "trust", "cascade", "dcm", "ubm", "dbn", "sdbn", "ccm"}
