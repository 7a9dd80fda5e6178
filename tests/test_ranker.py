"""The face of scikit-learn, beside that of LightGBM."""

import pickle
import re
import sys

import keras
import lightgbm
import numpy as np
import pandas as pd
import pytest
import sklearn
from conftest import made_lists
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import plackett
from plackett import Ranker
from plackett.data import RankingLists
from plackett.training import Settings

LISTS, TEST = made_lists(60, seed=0), made_lists(20, seed=1)
X, Y, GROUP = LISTS.features, LISTS.labels, LISTS.lengths
QUERY = np.repeat(np.arange(len(LISTS)), GROUP)
QUICK = {"epochs": 3, "batch_size": 8, "learning_rate": 0.03, "scorer_options": {"hidden": (8,), "dropout": 0.0}}


def ndcg(scores, lists=TEST):
    return plackett.evaluate_scores(scores, lists, ["ndcg@10"])["ndcg@10"]


@pytest.mark.parametrize(
    "ranker",
    [lightgbm.LGBMRanker(n_estimators=20, min_child_samples=5, n_jobs=1, verbose=-1), Ranker(**QUICK)],
    ids=["lightgbm", "plackett"],
)
def test_the_same_script_runs_with_either(ranker):
    ranker.fit(X, Y, group=GROUP)
    assert ndcg(ranker.predict(TEST.features)) > 0.85
    assert ranker.n_features_in_ == 5

    frame, held_out = (pd.DataFrame(x, columns=list("abcde")) for x in (X, TEST.features))
    pipeline = make_pipeline(StandardScaler().set_output(transform="pandas"), clone(ranker))
    name = pipeline.steps[-1][0]
    pipeline.fit(frame, Y, **{f"{name}__group": GROUP, f"{name}__sample_weight": np.ones(len(Y))})
    assert ndcg(pipeline.predict(held_out)) > 0.85
    assert list(pipeline[-1].feature_names_in_) == list("abcde")

    values = []
    for rows, others in GroupKFold(2).split(X, Y, QUERY):
        fold = clone(ranker).fit(X[rows], Y[rows], group=np.unique(QUERY[rows], return_counts=True)[1])
        sizes = np.unique(QUERY[others], return_counts=True)[1]
        held_out = RankingLists.from_arrays(X[others], Y[others], group=sizes)
        values.append(ndcg(fold.predict(X[others]), held_out))
    assert min(values) > 0.75

    copied = pickle.loads(pickle.dumps(ranker))
    np.testing.assert_allclose(copied.predict(X), ranker.predict(X), rtol=1e-6)


def test_a_search_over_groups():
    """`query` goes with the rows of each fold, to the fit and to the score."""
    with sklearn.config_context(enable_metadata_routing=True):
        ranker = Ranker(**QUICK | {"epochs": 1}).set_fit_request(query=True).set_score_request(query=True)
        pipeline, space = make_pipeline(StandardScaler(), ranker), {"ranker__learning_rate": [1e-6, 0.05]}
        search = GridSearchCV(pipeline, space, cv=GroupKFold(2), error_score="raise")
        search.fit(X, Y, groups=QUERY, query=QUERY)
        assert search.best_params_ == {"ranker__learning_rate": 0.05}
        assert search.score(TEST.features, TEST.labels, query=np.repeat(np.arange(20), TEST.lengths)) > 0.8


def test_it_is_what_train_is():
    ranker = Ranker(**QUICK).fit(X, Y, group=GROUP)
    lists = RankingLists.from_arrays(X, Y, group=GROUP)
    trained = plackett.train(lists, **QUICK)
    assert (ranker.history_, ranker.best_) == (trained.history, trained.best)
    np.testing.assert_array_equal(ranker.predict(X), plackett.score(trained.model, lists))
    assert ranker.score(X, Y, group=GROUP) == plackett.evaluate(trained.model, lists, ["ndcg@10"])["ndcg@10"]
    less = Ranker(metric="arp", **QUICK).fit(X, Y, group=GROUP)
    assert less.score(X, Y, group=GROUP) == -plackett.evaluate(less.model_, lists, ["arp"])["arp"]


def test_rows_of_a_query_need_not_stand_together():
    order = np.random.default_rng(0).permutation(len(X))
    rows = np.argsort(pd.factorize(QUERY[order])[0], kind="stable")
    mixed = Ranker(**QUICK).fit(X[order], Y[order], query=QUERY[order])
    sorted_ = Ranker(**QUICK).fit(X[order][rows], Y[order][rows], query=QUERY[order][rows])
    assert mixed.history_ == sorted_.history_
    scores = mixed.predict(X[order], query=QUERY[order])
    np.testing.assert_allclose(scores[rows], sorted_.predict(X[order][rows]), rtol=1e-5, atol=1e-6)
    assert mixed.score(X[order], Y[order], query=QUERY[order]) == pytest.approx(mixed.score(X, Y, query=QUERY))


def test_a_scorer_that_looks_at_the_list_must_be_told_of_it():
    options = QUICK | {"epochs": 1, "scorer_options": {"hidden": (8,), "blocks": 1, "feed_forward": 8}}
    ranker = Ranker(scorer="self_attention", **options).fit(X, Y, group=GROUP)
    with pytest.raises(ValueError, match="this scorer looks at the whole list of a document: give group or query"):
        ranker.predict(X)
    scores = plackett.score(ranker.model_, LISTS)
    np.testing.assert_array_equal(ranker.predict(X, group=GROUP), scores)
    np.testing.assert_array_equal(ranker.predict(X, query=QUERY), scores)


def test_a_search_without_routing_is_told_of_it():
    search = GridSearchCV(Ranker(**QUICK), {"seed": [0]}, cv=GroupKFold(2), error_score="raise")
    way_out = (
        "sklearn.set_config(enable_metadata_routing=True) and "
        "ranker.set_fit_request(query=True).set_score_request(query=True)"
    )
    with pytest.raises(ValueError, match=re.escape(way_out)):
        search.fit(X, Y, groups=QUERY, query=QUERY)
    with pytest.raises(ValueError, match=re.escape(way_out)):
        Ranker(**QUICK).fit(X, Y)


def test_missing_features_are_told_of_with_the_option():
    x = X.copy()
    x[0, 0] = np.nan
    with pytest.raises(ValueError, match=re.escape("missing=True: scorer_options={'missing': True}, or --scorer-opt")):
        Ranker(epochs=1).fit(x, Y, group=GROUP)
    assert Ranker(epochs=1, scorer_options={"missing": True}).fit(x, Y, group=GROUP).history_


def test_parameters_are_the_settings():
    ranker = Ranker(loss="softmax", epochs=3)
    assert set(ranker.get_params()) == set(vars(Settings()))
    assert (ranker.get_params()["loss"], ranker.get_params()["metric"]) == ("softmax", "ndcg@10")
    assert repr(ranker) == "Ranker(epochs=3, loss='softmax')"
    assert clone(ranker.set_params(epochs=4)).epochs == 4
    with pytest.raises(ValueError, match=r"unknown setting 'epoch'; did you mean 'epochs'\?"):
        Ranker(epoch=3)
    with pytest.raises(ValueError, match="epochs must be a whole number of at least 1, or None, but got 0"):
        Ranker(epochs=0).fit(X, Y, group=GROUP)


def test_weights_of_documents_act():
    plain = Ranker(**QUICK | {"epochs": 1}).fit(X, Y, group=GROUP)
    weighed = clone(plain).fit(X, Y, group=GROUP, sample_weight=np.where(Y > 1, 3.0, 1.0))
    assert weighed.history_ != plain.history_
    for weights, wrong in (
        (np.ones((len(X), 2)), "must have"),
        (np.zeros(len(X)), "must not be zero for all documents"),
    ):
        with pytest.raises(ValueError, match=f"sample_weight {wrong}"):
            plain.fit(X, Y, group=GROUP, sample_weight=weights)


def test_given_objects_are_copied():
    x = keras.Input((None, 5))
    model = keras.Model(x, keras.layers.Dense(1)(x))
    optimizer = keras.optimizers.SGD(0.1)
    before = model.get_weights()
    ranker = Ranker(scorer=model, optimizer=optimizer, epochs=1, batch_size=8)
    first = ranker.fit(X, Y, group=GROUP).history_
    for weights, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(weights, now)
    assert ranker.fit(X, Y, group=GROUP).history_ == first
    assert clone(ranker).fit(X, Y, group=GROUP).history_ == first


class Blocks(Ranker):
    """Each five rows are a query, and labels of any size are grades: scikit-learn's checks know of neither."""

    def fit(self, X, y, sample_weight=None):  # noqa: N803
        return super().fit(X, grades(y), query=blocks(y), sample_weight=sample_weight)

    def score(self, X, y):  # noqa: N803
        return super().score(X, grades(y), query=blocks(y))


def blocks(y):
    return None if y is None else np.arange(len(np.asarray(y))) // 5


def grades(y):
    y = None if y is None else np.asarray(y)
    return y - y.min() if y is not None and y.dtype.kind in "iuf" and np.isfinite(y).all() else y


CANNOT_HOLD = {
    "check_fit2d_1sample": "one query is held out, so there must be two",
    "check_sample_weight_equivalence_on_dense_data": "a document of weight 0 still stands in its list",
}


@pytest.mark.filterwarnings("ignore")
def test_the_checks_of_scikit_learn():
    ranker = Blocks(epochs=1, batch_size=8, loss="softmax", scorer_options={"hidden": (4,)})
    results = check_estimator(ranker, on_skip=None, on_fail=None, expected_failed_checks=CANNOT_HOLD)
    wrong = {result["check_name"]: result["exception"] for result in results if result["status"] == "failed"}
    assert not wrong
    assert {result["check_name"] for result in results if result["status"] == "xfail"} == set(CANNOT_HOLD)
    assert len(results) > 40


def test_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    monkeypatch.delitem(sys.modules, "plackett.training._ranker")
    for package in (plackett, plackett.training):
        monkeypatch.delitem(vars(package), "Ranker", raising=False)
    with pytest.raises(ImportError, match=r"plackett.Ranker needs scikit-learn: pip install 'plackett\[sklearn\]'"):
        plackett.Ranker  # noqa: B018


def test_features_by_name_reach_the_model():
    """scikit-learn refuses another order, in its own words; what plackett scores has the names, in any order."""
    frame = pd.DataFrame(X[:, :2], columns=["a", "b"])
    ranker = Ranker(**QUICK | {"epochs": 1}).fit(frame, Y, group=GROUP)
    other = frame[["b", "a"]]
    with pytest.raises(ValueError, match="feature names should match those that were passed") as of_scikit_learn:
        LinearRegression().fit(frame, Y).predict(other)
    with pytest.raises(ValueError, match=f"^{re.escape(str(of_scikit_learn.value))}$"):
        ranker.predict(other)
    lists = RankingLists.from_arrays(other, group=GROUP)
    np.testing.assert_array_equal(plackett.score(ranker.model_, lists), ranker.predict(frame))


@pytest.mark.parametrize(
    "first, second, wrong",
    [
        ("a\0", "a", r"or contain a NUL character, but query\[0\] is 'a\\x00'"),
        ("a", np.nan, r"query\[1\] is nan"),
        (1, "1", "is '1'"),
    ],
)
def test_ids_of_queries_are_not_made_alike(first, second, wrong):
    with pytest.raises(ValueError, match=wrong):
        Ranker(**QUICK).fit(X, Y, query=[first, second, *["b"] * (len(X) - 2)])


def test_an_ensemble_ranks_whole_lists():
    ranker = Ranker(ensemble=2, epochs=1).fit(X, Y, group=GROUP)
    assert len(ranker.best_["members"]) == 2
    assert 0 < ranker.score(X, Y, group=GROUP) <= 1
    with pytest.raises(ValueError, match="looks at the whole list of a document: give group or query"):
        ranker.predict(X)
    ranker = Ranker(ensemble=2, epochs=1, metric="validation_loss").fit(X, Y, group=GROUP)
    with pytest.raises(ValueError, match="so that no loss of them can be measured, but metric is 'validation_loss'"):
        ranker.score(X, Y, group=GROUP)
