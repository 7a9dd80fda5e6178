"""Settings that do not act on a method of learning from clicks are refused before anything is written."""

import numpy as np
import pytest

import plackett
from plackett.clicks import simulate, train
from plackett.clicks.training._methods import METHODS
from plackett.data import RankingLists

MODELS_ELSEWHERE = sorted(set(METHODS) - {"mixture_em"})


@pytest.fixture(scope="module")
def judged():
    features = np.random.default_rng(0).normal(size=(30, 2)).astype("float32")
    query, documents = np.repeat(range(10), 3), list("abc") * 10
    return RankingLists.from_arrays(features, (features[:, 0] > 0).astype(int), query=query, documents=documents)


@pytest.fixture(scope="module")
def log(judged):
    return simulate(judged, judged.features[:, 1], sessions=200, model="cascade", positions=3, seed=0)


def refused(judged, log, method, folder, wanted, **settings):
    with pytest.raises(ValueError, match=wanted):
        train(judged, log, method, output=folder, **settings)
    assert not folder.exists()


@pytest.mark.parametrize("method", sorted(METHODS))
@pytest.mark.parametrize("metric", ["ndcg@5", plackett.metrics.MRR()], ids=["name", "object"])
def test_no_metric_of_rankings_chooses_the_epoch(judged, log, method, metric, tmp_path):
    wanted = f"clicks alone choose the epoch of {method}, but got '.*measure rankings .* with plackett evaluate"
    refused(judged, log, method, tmp_path / "run", wanted, metric=metric)


def test_a_loss_of_clicks_may_choose_the_epoch(judged, log):
    few = {"epochs": 1, "scorer_options": {"hidden": [2]}}
    for metric in ("validation_loss", plackett.losses.SigmoidCrossEntropyLoss()):
        trained = train(judged, log, "naive", metric=metric, **few)
        assert trained.best["validation_loss"] > 0


@pytest.mark.parametrize("method", MODELS_ELSEWHERE)
def test_several_rankers_are_for_a_mixture_of_them_alone(judged, log, method, tmp_path):
    wanted = f"models is an option of the method mixture_em alone, .*: leave models=3 out of the options .* of {method}"
    refused(judged, log, method, tmp_path / "run", wanted, scorer_options={"models": 3})


@pytest.mark.parametrize("method", [name for name in METHODS if not METHODS[name].towers])
@pytest.mark.parametrize("scorer", ["two_tower", plackett.scorers.two_tower], ids=["name", "function"])
def test_two_towers_are_refused_where_positions_are_no_part_of_the_model(judged, log, method, scorer, tmp_path):
    wanted = f"the method {method} needs no towers, since positions are not part of its model"
    refused(judged, log, method, tmp_path / "run", wanted, scorer=scorer)
