"""Reads a model, given as an object or a file, into one of the two common forms."""

import os
from typing import Any

import keras

from plackett._files import check_file
from plackett.evaluation._saved import load
from plackett.evaluation.systems.kinds import kind_of
from plackett.evaluation.systems.models import need
from plackett.export.search_engines.keras_layers import read_keras
from plackett.export.search_engines.layers import Layers
from plackett.export.search_engines.lightgbm_trees import read_lightgbm
from plackett.export.search_engines.linear_models import read_linear
from plackett.export.search_engines.trees import Forest
from plackett.export.search_engines.xgboost_trees import read_xgboost

ALLOWED = (
    "a model of LightGBM or XGBoost, a linear model of scikit-learn, or a network of plackett whose scorer is mlp with "
    "transform None"
)


def read(model: Any) -> Forest | Layers:
    """Reads a model, given as an object, by its file, or by the folder of its run.

    Raises:
        FileNotFoundError: there is no such file.
        ImportError: the library of its kind is not installed.
        ValueError: search engines support no model of this kind.
    """
    if isinstance(model, str | os.PathLike):
        return _read_file(os.fspath(model))
    libraries = {cls.__module__.split(".")[0] for cls in type(model).__mro__}
    if isinstance(model, keras.Model):
        return read_keras(model)
    if "lightgbm" in libraries:
        return read_lightgbm(model.booster_ if hasattr(type(model), "booster_") else model)
    if "xgboost" in libraries:
        return read_xgboost(model.get_booster() if hasattr(model, "get_booster") else model)
    if "sklearn" in libraries:
        return read_linear(model)
    raise ValueError(f"learning to rank plugins do not support a {type(model).__name__}: give {ALLOWED}")


def _read_file(path):
    if os.path.isdir(path):
        return read_keras(load(path))
    check_file(path)
    kind = kind_of(path)
    if kind == "keras":
        return read_keras(load(path))
    if kind == "lightgbm":
        return read_lightgbm(need("lightgbm", f"the LightGBM model {path}").Booster(model_file=path))
    if kind == "xgboost":
        with open(path, "rb") as file:
            booster = need("xgboost", f"the XGBoost model {path}").Booster()
            booster.load_model(bytearray(file.read()))  # given a path, XGBoost trusts the suffix
        return read_xgboost(booster)
    raise ValueError(f"learning to rank plugins do not support {kind} files such as {path}: give {ALLOWED}")
