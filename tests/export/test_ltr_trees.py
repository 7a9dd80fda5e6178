"""Trees as models of search engines score as LightGBM and XGBoost do."""

import dataclasses
import json

import lightgbm
import numpy as np
import pytest
import xgboost
from conftest import made_lists
from engines import named, rank_in_elasticsearch, rank_in_solr
from small_ltr_models import LISTS, NAMES, OTHERS, WITH_GAPS, boosted, ranking_matrix, xgboosted

from plackett import boosting
from plackett.export import write_ltr_model

ENGINES = {"elasticsearch": rank_in_elasticsearch, "solr": rank_in_solr}


def write(model, tmp_path, form, **options):
    """(what was written, the file)."""
    path = tmp_path / "model.json"
    written = write_ltr_model(model, path, form=form, name="shop", overwrite=True, **options)
    return written, json.loads(path.read_text())


def engine_scores(body, form, x, **options):
    return np.array(ENGINES[form](body, named(x, NAMES), **options), "float64")


@pytest.mark.parametrize("form", ENGINES)
@pytest.mark.parametrize("objective", ["lambdarank", "rank_xendcg", "regression"])
def test_lightgbm(objective, form, tmp_path):
    booster = boosted(objective)
    written, body = write(booster, tmp_path, form, features=NAMES)
    np.testing.assert_allclose(
        engine_scores(body, form, OTHERS.features), booster.predict(OTHERS.features), rtol=1e-5, atol=1e-6
    )
    assert (written.constant, written.link) == (0.0, "identity")
    assert set(written.features) <= set(NAMES)


@pytest.mark.parametrize("form", ENGINES)
@pytest.mark.parametrize("objective", ["rank:ndcg", "rank:pairwise", "reg:squarederror"])
def test_xgboost(objective, form, tmp_path):
    booster = xgboosted(objective)
    _, body = write(booster, tmp_path, form, features=NAMES, missing="zero")
    np.testing.assert_allclose(
        engine_scores(body, form, OTHERS.features),
        booster.predict(xgboost.DMatrix(OTHERS.features)),
        rtol=1e-5,
        atol=1e-6,
    )


@pytest.mark.parametrize("form", ENGINES)
def test_values_at_a_threshold_go_to_the_same_side(form, tmp_path):
    """LightGBM has <= of float64, XGBoost < of float32, and Solr adds 1e-6 to what it compares with."""
    for booster, predict in (
        (boosted("lambdarank"), lambda booster, x: booster.predict(x)),
        (xgboosted("rank:ndcg"), lambda booster, x: booster.predict(xgboost.DMatrix(x))),
    ):
        _, body = write(booster, tmp_path, form, features=NAMES, missing="zero")
        thresholds = np.array(sorted(set(_thresholds(booster))), "float32")
        beside = [np.nextafter(thresholds, np.float32(way)) for way in (-np.inf, np.inf)]
        near = np.concatenate([thresholds, *beside])
        x = np.random.default_rng(0).choice(near, (400, 5))
        np.testing.assert_allclose(engine_scores(body, form, x), predict(booster, x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("form", ENGINES)
def test_features_as_those_of_mq2007(form, tmp_path):
    """From 0 to 1 with two digits or six, and many of them 0, so that LightGBM splits by 1e-35."""
    lists = _like_mq2007()
    names = [f"f{k}" for k in range(1, 47)]
    booster = boosted("lambdarank", lists)
    other = xgboosted("rank:ndcg", lists)
    assert (np.abs(_thresholds(booster)) < 1e-30).any()
    for model, wanted in (
        (booster, booster.predict(lists.features)),
        (other, other.predict(xgboost.DMatrix(lists.features))),
    ):
        _, body = write(model, tmp_path, form, features=names, missing="zero")
        scores = np.array(ENGINES[form](body, named(lists.features, names)), "float64")
        np.testing.assert_allclose(scores, wanted, rtol=1e-5, atol=1e-6)


def _like_mq2007():
    random = np.random.default_rng(0)
    lists = made_lists(40, seed=0, features=46)
    x = np.clip(lists.features, 0, 1)
    x[:, :20] = np.round(x[:, :20], 2)
    x[:, 20:] = np.round(x[:, 20:] * random.random(x[:, 20:].shape), 6)
    labels = (x[:, 21] > 0) + (x[:, 0] > 0.5)
    return dataclasses.replace(lists, features=x.astype("float32"), labels=labels.astype("float32"))


def test_trees_of_the_losses_of_plackett(tmp_path):
    x = OTHERS.features
    booster = boosted(boosting.lightgbm_objective("approx_ndcg"))
    other = xgboost.train({}, ranking_matrix(LISTS), 5, obj=boosting.xgboost_objective("softmax"))
    for model, wanted in ((booster, booster.predict(x)), (other, other.predict(xgboost.DMatrix(x)))):
        _, body = write(model, tmp_path, "solr", features=NAMES, missing="zero")
        np.testing.assert_allclose(engine_scores(body, "solr", x), wanted, rtol=1e-5, atol=1e-6)


def _thresholds(booster):
    table = booster.trees_to_dataframe()
    return table["threshold" if "threshold" in table else "Split"].dropna()


@pytest.mark.parametrize("form", ENGINES)
def test_what_is_missing_goes_where_the_model_sends_it(form, tmp_path):
    for booster, predict in (
        (boosted("lambdarank", WITH_GAPS), lambda booster, x: booster.predict(x)),
        (xgboosted("rank:ndcg", WITH_GAPS), lambda booster, x: booster.predict(xgboost.DMatrix(x))),
    ):
        _, body = write(booster, tmp_path, form, features=NAMES, missing="model")
        x = WITH_GAPS.features
        np.testing.assert_allclose(engine_scores(body, form, x), predict(booster, x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("form", ENGINES)
def test_what_is_missing_counts_as_0(form, tmp_path):
    booster = boosted("lambdarank", WITH_GAPS)
    _, body = write(booster, tmp_path, form, features=NAMES, missing="zero")
    x = WITH_GAPS.features
    wanted = booster.predict(np.nan_to_num(x))
    np.testing.assert_allclose(engine_scores(body, form, x), wanted, rtol=1e-5, atol=1e-6)
    if form == "elasticsearch":  # of versions that know `missing`, and of those that put 0
        scores = engine_scores(body, form, x, knows_missing=False)
        np.testing.assert_allclose(scores, wanted, rtol=1e-5, atol=1e-6)


def test_what_becomes_of_missing_features_must_be_said_where_it_makes_a_difference(tmp_path):
    with pytest.raises(ValueError, match=r"this model sends documents without .* elsewhere .*--missing zero"):
        write(boosted("lambdarank", WITH_GAPS), tmp_path, "solr", features=NAMES)
    assert not list(tmp_path.iterdir())
    write(boosted("lambdarank"), tmp_path, "solr", features=NAMES)


def test_probabilities_of_elasticsearch_are_those_of_the_model(tmp_path):
    for booster, predict in (
        (boosted("binary"), lambda booster, x: booster.predict(x)),
        (xgboosted("binary:logistic"), lambda booster, x: booster.predict(xgboost.DMatrix(x))),
    ):
        written, body = write(booster, tmp_path, "elasticsearch", features=NAMES, missing="zero", lift=True)
        x = OTHERS.features
        np.testing.assert_allclose(engine_scores(body, "elasticsearch", x), predict(booster, x), rtol=1e-5)
        assert (written.link, written.constant) == ("identity", 0.0)


def test_solr_ranks_by_what_stands_before_the_link(tmp_path):
    for booster, predict, link in (
        (boosted("binary"), lambda booster, x: booster.predict(x), lambda s: 1 / (1 + np.exp(-s))),
        (xgboosted("count:poisson"), lambda booster, x: booster.predict(xgboost.DMatrix(x)), np.exp),
    ):
        written, body = write(booster, tmp_path, "solr", features=NAMES, missing="zero")
        scores = engine_scores(body, "solr", OTHERS.features)
        np.testing.assert_allclose(link(scores), predict(booster, OTHERS.features), rtol=1e-5)
        assert written.link == ("sigmoid" if link is not np.exp else "exp")


@pytest.mark.parametrize("form", ENGINES)
def test_lifted_trees_score_nobody_below_0_and_rank_alike(form, tmp_path):
    booster = boosted("lambdarank")
    written, body = write(booster, tmp_path, form, features=NAMES, lift=True)
    scores = engine_scores(body, form, OTHERS.features)
    assert booster.predict(OTHERS.features).min() < 0 <= scores.min()
    np.testing.assert_allclose(scores + written.constant, booster.predict(OTHERS.features), rtol=1e-5, atol=1e-5)


def test_random_forests_and_dart(tmp_path):
    forest = boosted("regression", boosting="rf", bagging_freq=1, bagging_fraction=0.5)
    dart = xgboosted("rank:ndcg", booster="dart", rate_drop=0.5)
    x = OTHERS.features
    for booster, wanted in ((forest, forest.predict(x)), (dart, dart.predict(xgboost.DMatrix(x)))):
        _, body = write(booster, tmp_path, "solr", features=NAMES, missing="zero")
        np.testing.assert_allclose(engine_scores(body, "solr", x), wanted, rtol=1e-5, atol=1e-6)


def test_models_that_stopped_early_rank_by_their_best_iteration(tmp_path):
    valid = xgboost.DMatrix(OTHERS.features, label=OTHERS.labels)
    data = xgboost.DMatrix(LISTS.features, label=LISTS.labels)
    options = {"evals": [(valid, "valid")], "early_stopping_rounds": 3, "verbose_eval": False}
    booster = xgboost.train({"max_depth": 4, "eta": 1.0}, data, 40, **options)
    best = booster.best_iteration + 1
    assert best < booster.num_boosted_rounds()
    _, body = write(booster, tmp_path, "solr", features=NAMES, missing="zero")
    wanted = booster.predict(valid, iteration_range=(0, best))
    np.testing.assert_allclose(engine_scores(body, "solr", OTHERS.features), wanted, rtol=1e-5, atol=1e-6)


def test_files_and_wrappers_for_scikit_learn_give_the_same(tmp_path):
    booster = boosted("lambdarank")
    booster.save_model(tmp_path / "model.txt")
    ranker = lightgbm.LGBMRanker(n_estimators=3, verbose=-1).fit(LISTS.features, LISTS.labels, group=LISTS.lengths)
    _, of_file = write(tmp_path / "model.txt", tmp_path, "solr", features=NAMES)
    assert of_file == write(booster, tmp_path, "solr", features=NAMES)[1]
    assert (
        write(ranker, tmp_path, "solr", features=NAMES)[1]
        == write(ranker.booster_, tmp_path, "solr", features=NAMES)[1]
    )
    other = xgboosted("rank:ndcg")
    other.save_model(tmp_path / "model.ubj")
    _, of_file = write(tmp_path / "model.ubj", tmp_path, "elasticsearch", features=NAMES, missing="zero")
    assert of_file == write(other, tmp_path, "elasticsearch", features=NAMES, missing="zero")[1]


def test_the_names_of_a_model_are_those_of_its_features(tmp_path):
    booster = boosted("lambdarank", feature_name=NAMES)
    _, body = write(booster, tmp_path, "solr")
    assert {feature["name"] for feature in body["features"]} <= set(NAMES)
    _, body = write(booster, tmp_path, "solr", features=list("abcde"))
    assert {feature["name"] for feature in body["features"]} <= set("abcde")
