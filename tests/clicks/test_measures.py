"""Measures of click models: against sums by hand, and what they say of good and bad parameters."""

import keras
import numpy as np
import pytest

from plackett import clicks as models
from plackett.clicks import _measures, measure
from plackett.data import RankingLists

SESSIONS, SIZE = 400, 5


def sessions(model, parameters, seed=0, lengths=None, **columns):
    """Lists of sessions that a click model draws of [sessions, size, columns], and the parameters of their rows."""
    noise = np.random.default_rng(seed).random(parameters.shape[:2], "float32")
    clicked = keras.ops.convert_to_numpy(model.sample(parameters, noise=noise))
    mask = np.arange(parameters.shape[1]) < (np.full(len(parameters), SIZE) if lengths is None else lengths)[:, None]
    lists = RankingLists.from_arrays(
        np.zeros((mask.sum(), 1)),
        np.zeros(mask.sum()),
        group=mask.sum(axis=1),
        columns={"click": clicked[mask]} | {name: column[mask] for name, column in columns.items()},
    )
    return lists, parameters[mask]


def random_parameters(model, seed=1):
    return np.random.default_rng(seed).normal(size=(SESSIONS, SIZE, model.models)).astype("float32")


LENGTHS = np.random.default_rng(2).integers(1, SIZE + 1, SESSIONS)
EACH = [models.PositionBasedModel(), models.UserBrowsingModel(positions=SIZE), models.DynamicBayesianModel()]


@pytest.mark.parametrize("model", EACH, ids=lambda model: model.name)
def test_measures_are_those_of_sums_by_hand(model, monkeypatch):
    lists, parameters = sessions(model, random_parameters(model), lengths=LENGTHS)
    monkeypatch.setattr(_measures, "CHUNK", 150 * SIZE)  # three chunks
    found = measure(parameters, lists, model)
    likelihood, of_rank = [], {}
    for start, stop in zip(lists.row_splits[:-1], lists.row_splits[1:], strict=True):
        c, p = lists.columns["click"][start:stop].astype("float32"), parameters[start:stop]
        likelihood.append(float(model.log_likelihood(c, p)))
        both = model.click_probability(p), model.conditional_click_probability(c, p)
        marginal, conditional = map(keras.ops.convert_to_numpy, both)
        for rank in range(1, stop - start + 1):
            happened = [q[rank - 1] if c[rank - 1] else 1 - q[rank - 1] for q in (marginal, conditional)]
            of_rank.setdefault(rank, []).append(np.log2(happened))
    assert found.sessions == SESSIONS
    assert found.log_likelihood == pytest.approx(np.mean(likelihood), rel=1e-5)
    assert found.ranks.tolist() == [1, 2, 3, 4, 5]
    expected = 2.0 ** -np.array([np.mean(of_rank[rank], axis=0) for rank in range(1, 6)])
    np.testing.assert_allclose(found.perplexity_by_rank, expected[:, 0], rtol=1e-5)
    np.testing.assert_allclose(found.conditional_perplexity_by_rank, expected[:, 1], rtol=1e-5)
    whole = 2.0 ** -np.mean(np.concatenate([of_rank[rank] for rank in of_rank]), axis=0)
    assert [found.perplexity, found.conditional_perplexity] == pytest.approx(whole, rel=1e-5)
    assert found.ndcg is None


def test_ranks_are_positions_where_these_are_known():
    model = models.ClickThroughRateModel()
    positions = np.tile(np.array([2, 4, 6, 8, 20]), (SESSIONS, 1))
    lists, parameters = sessions(model, random_parameters(model), position=positions)
    assert measure(parameters, lists, model).ranks.tolist() == [2, 4, 6, 8, 20]


def test_the_true_parameters_are_the_best():
    model = models.DynamicBayesianModel()
    true = random_parameters(model)
    lists, parameters = sessions(model, true)
    best, worse = measure(parameters, lists, model), measure(parameters * 0.3, lists, model)
    assert best.log_likelihood > worse.log_likelihood
    assert 1 < best.conditional_perplexity < worse.conditional_perplexity < 2.5
    assert best.conditional_perplexity < best.perplexity


def test_counts_weigh_impressions():
    model = models.PositionBasedModel()
    once, often = random_parameters(model), np.random.default_rng(3).integers(0, 4, (SESSIONS, SIZE))
    lists, parameters = sessions(model, once)
    weights = often.ravel().astype("float32")
    weighed = RankingLists.from_arrays(
        lists.features, lists.labels, group=lists.lengths, columns=lists.columns | {"weight": weights}
    )
    found, rank = measure(parameters, weighed, model), np.tile(np.arange(1, SIZE + 1), SESSIONS)
    repeated = RankingLists.from_arrays(
        np.zeros((often.sum(), 1)),
        np.zeros(often.sum()),
        group=often.sum(axis=1)[often.sum(axis=1) > 0],
        columns={name: np.repeat(x, often.ravel()) for name, x in {**lists.columns, "position": rank}.items()},
    )
    expected = measure(np.repeat(parameters, often.ravel(), axis=0), repeated, model)
    np.testing.assert_allclose(found.perplexity_by_rank, expected.perplexity_by_rank, rtol=1e-6)
    assert found.log_likelihood * SESSIONS == pytest.approx(expected.log_likelihood * len(repeated), rel=1e-6)


def test_what_was_impossible_is_infinitely_perplexing():
    lists = RankingLists.from_arrays(np.zeros((3, 1)), np.zeros(3), group=[3], columns={"click": [1, 0, 1]})
    found = measure(np.zeros((3, 1)), lists, models.CascadeModel())
    assert found.log_likelihood == -np.inf
    assert found.conditional_perplexity == np.inf
    assert found.conditional_perplexity_by_rank.tolist() == [2.0, 1.0, np.inf]
    assert np.isfinite(found.perplexity)


def test_ndcg_is_that_of_the_attraction():
    labels, parameters = [2, 0, 1, 0, 0, 1], np.array([[9, 1], [8, 2], [0, 3], [5, 5], [0, 4], [0, 6]], "float32")
    lists = RankingLists.from_arrays(np.zeros((6, 1)), labels, group=[3, 3], columns={"click": [1, 0, 0, 0, 1, 0]})
    found = measure(parameters, lists, models.PositionBasedModel())
    first = (1 + 3 / np.log2(4)) / (3 + 1 / np.log2(3))
    assert found.ndcg == pytest.approx((first + 1) / 2, rel=1e-6)


def test_a_trained_model_is_measured_with_its_loss():
    model = models.ClickThroughRateModel()
    lists, _ = sessions(model, random_parameters(model))
    x = keras.Input((None, 1), name="features")
    network = keras.Model(x, keras.layers.Dense(1, bias_initializer=keras.initializers.Constant(0.4))(x))
    network.compile(loss=model)
    expected = measure(np.full((len(lists.labels), 1), 0.4), lists, model)
    found = measure(network, lists, batch_size=64)
    assert found.perplexity == pytest.approx(expected.perplexity, rel=1e-5)


def test_what_is_wrong_is_refused():
    lists = RankingLists.from_arrays(np.zeros((2, 1)), [0, 1], group=[2], columns={"clicked": [1, 0]})
    model = models.PositionBasedModel()
    with pytest.raises(ValueError, match="lists must have a column 'click' of clicks, but their columns are"):
        measure(np.zeros((2, 2)), lists, model)
    with pytest.raises(ValueError, match=r"shape \(2, 2\), the columns examination, attraction, but got \(2, 1\)"):
        measure(np.zeros((2, 1)), lists, model, click="clicked")
    with pytest.raises(ValueError, match="those of 1 of 2 impressions are NaN"):
        measure([[0.0, 0.0], [0.0, np.nan]], lists, model, click="clicked")
    with pytest.raises(ValueError, match=r"click_model must be a click model, such as PositionBasedModel\(\)"):
        measure(np.zeros((2, 2)), lists, click="clicked")


@pytest.mark.parametrize(
    ("columns", "wanted"),
    [
        ({"click": [1, 0, 0.5, 3]}, "0 or 1, but 2 are not: click is 0.5 in query 'b', document 1 of it"),
        ({"position": [1, 2, 1.5, 2]}, "whole numbers from 1, but position is 1.5 in query 'b', document 1 of it"),
        ({"weight": [0, 0, 0, 0]}, "at least one impression must have a weight above 0"),
        (
            {"position": [1, 2, 2, 1]},
            "all documents from position 1 on, in order, but in query 'b' document 1 of the list is at position 2",
        ),
        (
            {"position": [1, 3, 1, 2]},
            "all documents from position 1 on, in order, but in query 'a' document 2 of the list is at position 3",
        ),
    ],
)
def test_a_log_that_says_something_else_is_refused(columns, wanted):
    lists = RankingLists.from_arrays(
        np.zeros((4, 1)), query=list("aabb"), columns={"click": [1, 0, 0, 0], "position": [1, 2, 1, 2]} | columns
    )
    with pytest.raises(ValueError, match=wanted):
        measure(np.zeros((4, 1)), lists, models.CascadeModel())


def test_a_log_without_documents_is_refused():
    lists = RankingLists.from_arrays(np.zeros((0, 1)), group=[0], columns={"click": np.zeros(0)})
    with pytest.raises(ValueError, match="lists must have at least one document to measure"):
        measure(np.zeros((0, 1)), lists, models.CascadeModel())


def test_what_is_far_below_1_is_perplexing_and_not_infinitely():
    model = models.MixtureModel([models.PositionBasedModel(), models.CascadeModel()])
    lists = RankingLists.from_arrays(np.zeros((1, 1)), group=[1], columns={"click": [0]})
    found = measure(model.stack(**{name: [30.0] for name in model.columns}), lists, model)
    assert np.log(found.perplexity) == pytest.approx(-np.log((2 * np.exp(-30.0) + np.exp(-30.0)) / 2), rel=1e-5)
    assert found.perplexity == pytest.approx(found.conditional_perplexity, rel=1e-5)
