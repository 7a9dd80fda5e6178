"""Linear models and networks as models of search engines score as they do by themselves."""

import dataclasses
import json

import numpy as np
import pytest
from engines import named, rank_in_elasticsearch, rank_in_solr
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from small_ltr_models import LISTS, NAMES, OTHERS

import plackett
from plackett.export import write_ltr_model

ENGINES = {"elasticsearch": rank_in_elasticsearch, "solr": rank_in_solr}


def write(model, tmp_path, form, **options):
    """(what was written, the file)."""
    path = tmp_path / "model.json"
    written = write_ltr_model(model, path, form=form, name="shop", overwrite=True, **options)
    return written, json.loads(path.read_text())


def check(model, scores, tmp_path, form, x=OTHERS.features, **options):
    """That the engine's scores, with their constant, are these; gives what was written."""
    written, body = write(model, tmp_path, form, **options)
    in_engine = np.array(ENGINES[form](body, named(x, NAMES)), "float64")
    np.testing.assert_allclose(in_engine + written.constant, scores, rtol=1e-4, atol=1e-5)
    return written, body


def trained(lists=LISTS, **options):
    options = {"transform": None, "dropout": 0.1} | options
    result = plackett.train(lists, scorer="mlp", scorer_options=options, epochs=3, batch_size=8)
    return result.model


@pytest.mark.parametrize("form", ENGINES)
@pytest.mark.parametrize(
    "model",
    [
        Ridge(),
        make_pipeline(StandardScaler(), Ridge()),
        make_pipeline(MinMaxScaler(), PCA(3), Ridge()),
    ],
    ids=["ridge", "scaled", "mixed"],
)
def test_linear_models_of_scikit_learn(model, form, tmp_path):
    model.fit(LISTS.features, LISTS.labels)
    check(model, model.predict(OTHERS.features), tmp_path, form, features=NAMES)


@pytest.mark.parametrize("form", ENGINES)
def test_a_classifier_ranks_by_its_decision_function(form, tmp_path):
    model = LogisticRegression().fit(LISTS.features, LISTS.labels > 0)
    check(model, model.decision_function(OTHERS.features), tmp_path, form, features=NAMES)


@pytest.mark.parametrize("form", ENGINES)
def test_a_linear_network(form, tmp_path):
    model = trained(hidden=())
    written, body = check(model, plackett.score(model, OTHERS), tmp_path, form, features=NAMES)
    assert written.type.endswith("linear" if form == "elasticsearch" else "LinearModel")
    assert ("norm" in json.dumps(body)) == (form == "solr")


@pytest.mark.parametrize("normalization", ["batch", None])
def test_a_network_with_hidden_layers_in_solr(normalization, tmp_path):
    model = trained(hidden=(8, 4), normalization=normalization)
    written, body = check(model, plackett.score(model, OTHERS), tmp_path, "solr", features=NAMES)
    assert written.type == "org.apache.solr.ltr.model.NeuralNetworkModel"
    assert [layer["activation"] for layer in body["params"]["layers"]] == ["relu", "relu", "identity"]
    assert written.constant == 0.0


def test_the_folder_of_a_run_is_a_model_with_the_names_of_its_features(tmp_path):
    lists = dataclasses.replace(LISTS, feature_names=tuple(NAMES))
    options = {"hidden": (), "transform": None}
    run = plackett.train(lists, scorer_options=options, epochs=1, output=tmp_path / "run")
    scores = plackett.score(run.model, dataclasses.replace(OTHERS, feature_names=tuple(NAMES)))
    written, _ = check(tmp_path / "run", scores, tmp_path, "elasticsearch")
    assert written.features == tuple(NAMES)


def test_features_far_from_0_stay_apart_in_solr_and_are_refused_in_elasticsearch(tmp_path):
    """A year or a time is one: in float32 a sum over it rounds away what is learnt of it."""

    def far(lists):
        return dataclasses.replace(lists, features=lists.features + np.float32([1e6, 0, 0, 0, 0]))

    model = trained(far(LISTS), hidden=())
    check(model, plackett.score(model, far(OTHERS)), tmp_path, "solr", far(OTHERS).features, features=NAMES)
    with pytest.raises(ValueError, match="its features are far from 0"):
        write(model, tmp_path, "elasticsearch", features=NAMES)
