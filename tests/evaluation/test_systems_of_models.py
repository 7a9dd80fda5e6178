"""Models of other libraries as systems: their own predictions, whatever file or object they come as."""

import dataclasses
import pickle

import catboost
import lightgbm
import numpy as np
import pandas as pd
import pytest
import sklearn.ensemble
import sklearn.pipeline
import sklearn.preprocessing
import xgboost
from systems_data import NAMES, lists_of

import plackett
from plackett.data import RankingLists
from plackett.evaluation._systems import open_system

LISTS = lists_of(60)
NAMELESS = dataclasses.replace(LISTS, feature_names=())
OTHER_ORDER = dataclasses.replace(
    LISTS, features=np.ascontiguousarray(LISTS.features[:, [2, 0, 1]]), feature_names=("age", "price", "stars")
)
FRAME = pd.DataFrame(LISTS.features, columns=list(NAMES))
GROUP, QUERY = LISTS.lengths, np.repeat(np.arange(len(LISTS)), LISTS.lengths)


def of_lightgbm(x=FRAME):
    return lightgbm.LGBMRanker(n_estimators=5, min_child_samples=2, verbose=-1, n_jobs=1).fit(
        x, LISTS.labels, group=GROUP
    )


def of_xgboost(x=FRAME):
    return xgboost.XGBRanker(n_estimators=5, n_jobs=1).fit(x, LISTS.labels, qid=QUERY)


def of_catboost(x=FRAME):
    ranker = catboost.CatBoostRanker(iterations=5, verbose=0, allow_writing_files=False, thread_count=1)
    return ranker.fit(x, LISTS.labels, group_id=QUERY)


def of_scikit_learn(x=FRAME):
    return sklearn.ensemble.RandomForestRegressor(5, random_state=0).fit(x, LISTS.labels)


MAKERS = [of_lightgbm, of_xgboost, of_catboost, of_scikit_learn]


@pytest.mark.parametrize("make", MAKERS)
def test_a_model_gives_its_own_predictions(make):
    model = make()
    scores = open_system(model)(LISTS)
    assert len(set(scores.tolist())) > 5
    np.testing.assert_array_equal(scores, model.predict(FRAME))


@pytest.mark.parametrize("make", MAKERS)
def test_features_are_matched_by_name_in_another_order(make):
    system = open_system(make())
    np.testing.assert_array_equal(system(OTHER_ORDER), system(LISTS))
    assert system.notes() == []


@pytest.mark.parametrize("make", MAKERS)
def test_a_feature_that_the_lists_lack_is_said(make):
    lists = dataclasses.replace(LISTS, feature_names=("price", "stars", "colour"))
    with pytest.raises(ValueError, match=r"has features that these lists lack: age; .* besides are colour"):
        open_system(make())(lists)


@pytest.mark.parametrize("make", MAKERS)
def test_without_names_on_one_side_features_go_by_number_which_is_noted(make):
    by_name, by_number = open_system(make()), open_system(make(LISTS.features))
    scores = by_name(LISTS)
    np.testing.assert_array_equal(by_name(NAMELESS), scores)
    np.testing.assert_array_equal(by_number(LISTS), scores)
    assert " names its features, price, stars, age" in by_name.notes()[0]
    assert by_number.notes()[0].startswith("only the data names its features")
    assert by_name.afresh().notes() == []


@pytest.mark.parametrize("make", MAKERS)
def test_another_number_of_features_is_refused(make):
    narrow = dataclasses.replace(NAMELESS, features=NAMELESS.features[:, :2], feature_names=())
    with pytest.raises(ValueError, match="has 3 features, but these lists have 2"):
        open_system(make(LISTS.features))(narrow)


@pytest.mark.parametrize("name", ["l.txt", "l.model", "x.json", "x.ubj", "x.model", "c.cbm", "c.json", "c.bin"])
def test_a_file_is_told_by_its_content(tmp_path, name):
    path = str(tmp_path / name)
    if name[0] == "l":
        model = of_lightgbm()
        model.booster_.save_model(path)
    elif name[0] == "x":
        model = of_xgboost()
        model.save_model(str(tmp_path / name.replace("model", "ubj")))
        (tmp_path / name.replace("model", "ubj")).rename(path)
    else:
        model = of_catboost()
        model.save_model(path, format="json" if name.endswith("json") else "cbm")
    np.testing.assert_allclose(open_system(path)(OTHER_ORDER), model.predict(FRAME), rtol=1e-6)


@pytest.mark.parametrize("make", [of_lightgbm, of_xgboost])
def test_a_booster_is_a_system_too(make):
    model = make()
    booster = model.booster_ if make is of_lightgbm else model.get_booster()
    np.testing.assert_array_equal(open_system(booster)(LISTS), model.predict(FRAME))


def test_names_with_spaces_are_those_that_lightgbm_writes():
    names = ("the price", "stars", "age")
    model = of_lightgbm(FRAME.set_axis(names, axis=1))
    system = open_system(model)
    np.testing.assert_array_equal(system(dataclasses.replace(LISTS, feature_names=names)), model.predict(FRAME))


def test_xgboost_scores_with_the_rounds_up_to_its_best_as_its_ranker_does(tmp_path):
    model = xgboost.XGBRanker(n_estimators=50, early_stopping_rounds=2, learning_rate=1.0, n_jobs=1)
    noise = np.random.default_rng(0).permutation(LISTS.labels)
    model.fit(FRAME, LISTS.labels, qid=QUERY, eval_set=[(FRAME, noise)], eval_qid=[QUERY], verbose=False)
    model.save_model(tmp_path / "x.json")
    system = open_system(tmp_path / "x.json")
    assert model.best_iteration + 1 < model.get_booster().num_boosted_rounds()
    np.testing.assert_array_equal(system(LISTS), model.predict(FRAME))
    assert f"its first {model.best_iteration + 1} rounds score" in system.notes()[0]


def test_a_classifier_which_gives_classes_is_refused():
    model = sklearn.ensemble.RandomForestClassifier(3).fit(LISTS.features, LISTS.labels)
    with pytest.raises(ValueError, match=r"RandomForestClassifier is a classifier.*predict_proba"):
        open_system(model)


def test_a_model_cannot_change_the_features():
    before = LISTS.fingerprint()
    scaler = sklearn.preprocessing.StandardScaler(copy=False)  # which would scale the features in their place
    model = sklearn.pipeline.make_pipeline(scaler, sklearn.ensemble.RandomForestRegressor(3))
    model.fit(LISTS.features.copy(), LISTS.labels)
    wanted = model.predict(LISTS.features.copy())
    np.testing.assert_array_equal(open_system(model)(NAMELESS), wanted)
    with pytest.raises(ValueError, match=r"the model Hostile cannot score these lists: .*read-only"):
        open_system(Hostile())(LISTS)
    assert LISTS.fingerprint() == before


class Hostile:
    def predict(self, features):
        features[:] = 0
        return features[:, 0]


@pytest.mark.parametrize("model", [lightgbm.LGBMRanker(), xgboost.XGBRanker(), catboost.CatBoostRanker()])
def test_a_model_that_was_not_fitted_is_said(model):
    with pytest.raises(ValueError, match="fit"):
        open_system(model)


@pytest.mark.parametrize("make", MAKERS)
def test_lists_without_documents_have_no_scores(make):
    empty = RankingLists.from_arrays(np.zeros((0, 3)), [], group=[], feature_names=NAMES)
    assert open_system(make())(empty).shape == (0,)


def test_a_ranker_of_plackett_is_a_system_by_object_folder_and_file(tmp_path):
    trained = plackett.train(LISTS, epochs=1, output=tmp_path / "run")
    scores = plackett.score(trained.model, LISTS)
    for system in (trained.model, tmp_path / "run", tmp_path / "run" / "model.keras"):
        np.testing.assert_array_equal(open_system(system)(OTHER_ORDER), scores)


def test_a_fitted_ranker_of_scikit_learn_is_a_system():
    ranker = plackett.Ranker(epochs=1).fit(LISTS.features, LISTS.labels, group=GROUP)
    wanted = ranker.predict(LISTS.features, group=GROUP)
    np.testing.assert_array_equal(open_system(ranker)(NAMELESS), wanted)


def test_ids_that_training_did_not_see_are_noted_however_often_it_was_asked():
    x = np.random.default_rng(0).normal(size=(60, 3))
    known = RankingLists.from_arrays(x, x[:, 0] > 0, group=[6] * 10, ids={"shop": ["a", "b"] * 30})
    lists = RankingLists.from_arrays(x[:4], group=[3, 1], ids={"shop": ["a", "c", "c", "d"]})
    system = open_system(plackett.scorers.embeddings(known))
    for part in (lists[:1], lists[1:], lists[:1]):
        system(part)
    assert system.notes() == [
        "the model does not know all values of shop: 3 documents with others, such as 'c', which it treats as one "
        "unknown value"
    ]
    assert open_system(system).notes() == []


@pytest.mark.parametrize(
    "name, data, words",
    [
        ("a.txt", b"", "a.txt is empty: a system must be an output folder"),
        (
            "a.pkl",
            pickle.dumps({"a": 1}),
            "the first bytes of .*a.pkl are not those of a known kind of system.*Load any other model in Python",
        ),
        ("a.txt", b"2 qid:1 1:0.5\n", "are not those of a known kind of system.*a run of TREC"),
        ("a.txt", b"tree\nversion=v4\nrubbish", "LightGBM cannot load a model from .*a.txt"),
        ("a.json", b'{"learner": 3}', "XGBoost cannot load a model from .*a.json"),
        ("a.ubj", b"{L\x00", "XGBoost cannot load a model from .*a.ubj"),
        ("a.cbm", b"CBM1\x00", "CatBoost cannot load a model from .*a.cbm"),
        ("a.json", b'{"ctr_data": 3}', "CatBoost cannot load a model from .*a.json"),
        ("a.json", b'{"a": 3}', "the first bytes of .*a.json are not those of a known kind of system"),
        ("a.keras", b"PK\x03\x04", "Keras cannot load a model from .*a.keras"),
        ("a.onnx", b"\x08\x08rubbish", "onnxruntime cannot load .*a.onnx as an ONNX file"),
    ],
)
def test_a_file_of_another_kind_or_a_broken_one_is_said(tmp_path, name, data, words):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError, match=words):
        open_system(tmp_path / name)


def test_a_folder_without_a_run_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no run of plackett train in"):
        open_system(tmp_path)


@pytest.mark.parametrize("library, begin", [("lightgbm", b"tree\n"), ("catboost", b"CBM1"), ("onnxruntime", b"\x08")])
def test_a_missing_library_is_said_with_how_to_install_it(tmp_path, monkeypatch, library, begin):
    monkeypatch.setitem(__import__("sys").modules, library, None)
    (tmp_path / "model").write_bytes(begin)
    with pytest.raises(ImportError, match=f"model needs {library}: pip install {library}"):
        open_system(tmp_path / "model")
