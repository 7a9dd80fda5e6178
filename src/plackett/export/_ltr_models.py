"""Rankers as models for the learning to rank plugins of Elasticsearch, OpenSearch and Solr."""

import dataclasses
import json
import os
import pathlib
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from plackett._files import check_path, errors_of_writing, replace
from plackett.data._words import some
from plackett.export.search_engines import elasticsearch, solr
from plackett.export.search_engines.layers import Layers
from plackett.export.search_engines.reading import read
from plackett.export.search_engines.trees import Forest, Link
from plackett.registry import check_options
from plackett.registry.options import Names

Form = Literal["elasticsearch", "solr"]
Missing = Literal["zero", "model"] | None


class LtrModel(NamedTuple):
    """The model that was written, and how its scores relate to those of the original model.

    A score of the original model is link(score of the engine + constant), so both rank in the same order.

    Args:
        type: the engine's name for the kind of model.
        features: the names of the features that the model reads. The engine must have them.
        constant: the constant that the engine's scores lack.
        link: the last function, which the engine does not apply: "sigmoid", "exp", or "identity" = none.
    """

    type: str
    features: tuple[str, ...]
    constant: float
    link: Link


class _Written(NamedTuple):
    """A model that is ready to be written: the result of `write_ltr_model`, and the file."""

    model: LtrModel
    body: dict


def write_ltr_model(
    model: Any,
    path: str | os.PathLike,
    *,
    form: Form,
    name: str,
    features: Names | None = None,
    missing: Missing = None,
    lift: bool = False,
    overwrite: bool = False,
) -> LtrModel:
    """Writes a model of trees or weights in the form of a search engine.

    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> x = np.random.default_rng(0).normal(size=(50, 2))
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "model.json"
    >>> model = Ridge().fit(x, 2 * x[:, 0] - x[:, 1] + 3)
    >>> written = write_ltr_model(model, path, form="solr", name="shop", features=["bm25", "price"])
    >>> written.type, written.features, round(written.constant)
    ('org.apache.solr.ltr.model.LinearModel', ('bm25', 'price'), 3)

    | model | "elasticsearch" | "solr" |
    | --- | --- | --- |
    | LightGBM, XGBoost | model/xgboost+json | MultipleAdditiveTreesModel |
    | linear models and pipelines of scikit-learn; `mlp` with hidden=() | model/linear | LinearModel |
    | `mlp` with hidden layers | - | NeuralNetworkModel |

    Before the file is written, the model is compared with what the engine will compute, in float32, on both sides of
    each threshold. `docs/search_engines.md` shows the requests that upload the file.

    Args:
        model: one of these, or its file, or the folder of a run. The transform of `mlp` must be None, as in
            `plackett.train(..., scorer_options={"transform": None})`. Pickle files are not read.
        path: the path of the JSON file.
        form: "elasticsearch", which OpenSearch uses too, or "solr".
        name: the name of the model in the engine.
        features: the names of the features in the engine, in the order of the model. None = those of the model.
        missing: how to treat missing features, if trees send them elsewhere than a value of 0: "zero" = they count as
            0, "model" = as the model does. The page says which versions of the engines do which. None = it must make no
            difference, else there is an error.
        lift: whether a constant is added to trees such that no score is below 0. Lucene, and so Elasticsearch and
            OpenSearch, does not accept such scores.
        overwrite: whether an existing file of that name is replaced.

    Returns:
        The model that was written.

    Raises:
        FileExistsError: a file of that name exists, and `overwrite` is False.
        ImportError: the library of the model is not installed.
        ValueError: the form cannot express the model; the message says why, and what to do. No file is written.

    Cost: O(nodes); the model scores 512 documents.
    """
    check_options(
        write_ltr_model, form=form, name=name, features=features, missing=missing, lift=lift, overwrite=overwrite
    )
    if not name:
        raise ValueError("name must be the name of the model in the engine, but is empty")
    check_path(path)
    path = pathlib.Path(path)
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists: choose another output, or replace it (overwrite, --overwrite)")
    small = read(model)
    names = _names(small, features)
    if isinstance(small, Forest):
        written = _of_forest(small, names, form, name, missing, lift)
    else:
        written = _of_layers(small, names, form, name, missing, lift)
    with replace(path, overwrite=overwrite) as partial, errors_of_writing(path):
        partial.write_text(json.dumps(written.body), encoding="utf-8")
    return written.model


def _names(small, features: Sequence[str] | None) -> list[str]:
    """Returns the names of the features, one for each."""
    names = list(small.names if features is None else features)
    if not names:
        raise ValueError(
            f"search engines know features by name, but this model knows its {small.width} by number: give their names "
            "in this order (features)"
        )
    if len(names) != small.width:
        raise ValueError(f"this model has {small.width} features, but got {len(names)} names: {some(names)}")
    return names


def _of_forest(forest: Forest, names, form, name, missing, lift) -> _Written:
    forest = _settle_missing(forest, names, missing)
    forest.check(missing=missing != "zero")
    used = forest.used()
    if not used:
        raise ValueError("the trees of this model use no feature: it gives all documents the same score")
    constant = 0.0
    in_file = form == "elasticsearch" and forest.link == "sigmoid"
    if lift and not in_file:
        constant = min(forest.lowest(), 0.0)
        forest = dataclasses.replace(forest, constant=forest.constant - constant)
    link: Link = "identity" if in_file else forest.link
    read_names = tuple(names[place] for place in used)
    if form == "elasticsearch":
        kind, definition = elasticsearch.write_forest(forest, names)
        return _Written(LtrModel(kind, read_names, constant, link), elasticsearch.body(name, kind, definition))
    kind, params = solr.write_forest(forest, names, missing == "model")
    return _Written(LtrModel(kind, read_names, constant, link), solr.body(name, kind, params, list(read_names), None))


def _settle_missing(forest, names, missing):
    """Returns the forest with splits that send missing values where the engine will."""
    if missing == "zero":
        return forest.missing_as_zero()
    differ = next((split for split in forest.splits() if split.missing_left != split.zero_left), None)
    if missing is None and differ is not None:
        raise ValueError(
            f"this model sends documents without {names[differ.feature]} elsewhere than documents where it is 0, and "
            "versions of search engines treat them differently: say that missing features count as 0 (missing='zero', "
            "--missing zero), or that your engine sends them where the model does (missing='model', --missing model)"
        )
    return forest


def _of_layers(layers: Layers, names, form, name, missing, lift) -> _Written:
    if missing == "model":
        raise ValueError("this model does not handle missing features, and engines take them for 0: leave out missing")
    if lift:
        raise ValueError("the scores of weights have no lowest value, so they cannot be lifted: leave out lift")
    if form == "solr" and not layers.is_linear:
        kind, params = solr.write_network(layers)
        body = solr.body(name, kind, params, names, solr.norms(layers))
        return _Written(LtrModel(kind, tuple(names), 0.0, "identity"), body)
    if not layers.is_linear:
        raise ValueError(
            "the plugin of Elasticsearch and OpenSearch does not support networks: train an mlp with hidden=(), or "
            "trees, or take form='solr' (--format solr)"
        )
    if form == "solr":
        weights, constant = layers.without_constant()
        kind, params = solr.write_linear(weights, names)
        body = solr.body(name, kind, params, names, solr.norms(layers))
    else:
        weights, constant = layers.unstandardised().without_constant()
        weights.check(layers.probes(), constant)
        kind, definition = elasticsearch.write_linear(weights, names)
        body = elasticsearch.body(name, kind, definition)
    return _Written(LtrModel(kind, tuple(names), constant, "identity"), body)
