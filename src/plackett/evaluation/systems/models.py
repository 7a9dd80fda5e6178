"""Models of features: Keras, LightGBM, XGBoost, CatBoost, and any other object with `predict`."""

import dataclasses
import importlib
import os
import pathlib
import types
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np

from plackett.data import RankingLists
from plackett.data._features import match_features
from plackett.data._words import some
from plackett.evaluation._scoring import score
from plackett.evaluation.systems.base import OpenSystem, count
from plackett.scorers import unseen_ids
from plackett.scorers._any_model import feature_names
from plackett.scorers._two_tower import ranker_of
from plackett.scorers._unseen import Unseen


class KerasModel(OpenSystem):
    """A Keras model, as in `plackett.score`.

    Args:
        name: the name of the model in notes.
        model: the model.
    """

    remembers = ("_unseen",)

    def __init__(self, name: str, model: keras.Model):
        self.name, self.model = name, ranker_of(model)
        # By the first query of each part, so that a part that is scored again counts once.
        self._unseen: dict[str, dict[str, Unseen]] = {}

    def reads(self) -> Sequence[str] | int | None:
        """The dense features of its input, by name if it has names."""
        if not isinstance(getattr(self.model, "input", None), dict):
            return None
        width = self.model.input["features"].shape[-1] if "features" in self.model.input else 0
        return feature_names(self.model) or width

    def __call__(self, lists: RankingLists) -> np.ndarray:
        """Its scores."""
        if len(lists):
            self._unseen[lists.queries[0]] = unseen_ids(self.model, lists)
        return score(self.model, lists)

    def notes(self) -> list[str]:
        """Says which id features hold values that training did not see."""
        found: dict[str, list[Unseen]] = {}
        for part in self._unseen.values():
            for name, unseen in part.items():
                found.setdefault(name, []).append(unseen)
        return [
            f"{self.name} does not know all values of {name}: {count(sum(x.documents for x in unseen), 'document')} "
            f"with others, such as {unseen[0].example!r}, which it treats as one unknown value"
            for name, unseen in found.items()
        ]

    def afresh(self) -> "KerasModel":
        """Returns the same model as if it had not been called yet."""
        return KerasModel(self.name, self.model)


class OfFeatures(NamedTuple):
    """A function of features alone.

    Args:
        names: the names of its features. () = it knows them by number.
        width: the number of its features. None = it is not known.
        predict: a function of [documents, features] float32 that returns [documents].
        note: what a reader needs to know about its predictions. "" = nothing.
        spell: a function that turns the name of a feature into the model's spelling of it.
    """

    names: tuple[str, ...]
    width: int | None
    predict: Callable[[np.ndarray], Any]
    note: str = ""
    spell: Callable[[str], str] = str


class Model(OpenSystem):
    """A model of dense features. They are matched by name if it and the lists have names, else by number.

    Args:
        name: the name of the model in errors and notes.
        of_features: its function of features.
    """

    remembers = ("_by_number",)

    def __init__(self, name: str, of_features: OfFeatures):
        self.name, self.of_features = name, of_features
        self._by_number = ""

    def reads(self) -> Sequence[str] | int | None:
        """The dense features that it was trained on."""
        return self.of_features.names or self.of_features.width

    def __call__(self, lists: RankingLists) -> np.ndarray:
        """Its scores."""
        features = self._features(lists)
        if not len(features):
            return np.zeros(0)
        try:
            return np.asarray(self.of_features.predict(features))
        except MemoryError:
            raise
        except Exception as error:  # each library has its own errors
            raise ValueError(f"{self.name} cannot score these lists: {error}") from error

    def _features(self, lists):
        names, width = self.of_features.names, self.of_features.width
        if names and lists.has_feature_names:
            spelled = tuple(map(self.of_features.spell, lists.feature_names))
            lists = dataclasses.replace(lists, feature_names=spelled)
            return match_features(lists, names, len(names), self.name).features
        if names or lists.has_feature_names:
            who, known = (self.name, names) if names else ("the data", lists.feature_names)
            self._by_number = (
                f"only {who} names its features, {some(known)}: {self.name} was given those of the data in their order"
            )
        width = lists.features.shape[1] if width is None else width
        return match_features(dataclasses.replace(lists, feature_names=()), (), width, self.name).features

    def notes(self) -> list[str]:
        """Says if features were matched by their order alone, and how the model predicts."""
        return [note for note in (self._by_number, self.of_features.note) if note]

    def afresh(self) -> "Model":
        """Returns the same model as if it had not been called yet."""
        return Model(self.name, self.of_features)


def need(library: str, what: str) -> types.ModuleType:
    """Imports a library that a system needs.

    Raises:
        ImportError: it is not installed; the message says how to install it.
    """
    try:
        return importlib.import_module(library)
    except ModuleNotFoundError as error:
        raise ImportError(f"{what} needs {error.name}: pip install {library}") from error


def open_lightgbm(path: str | os.PathLike) -> Model:
    """Opens a LightGBM model in its text file."""
    lightgbm = need("lightgbm", f"the LightGBM model {path}")
    return _open(path, "LightGBM", lambda: of_lightgbm(lightgbm.Booster(model_file=os.fspath(path))))


def open_xgboost(path: str | os.PathLike) -> Model:
    """Opens an XGBoost model in its JSON or UBJSON file."""
    xgboost = need("xgboost", f"the XGBoost model {path}")

    def read():
        booster = xgboost.Booster()
        booster.load_model(bytearray(pathlib.Path(path).read_bytes()))  # given a path, XGBoost trusts the suffix
        return of_xgboost(booster)

    return _open(path, "XGBoost", read)


def open_catboost(path: str | os.PathLike, form: str) -> Model:
    """Opens a CatBoost model in a file of the form cbm or json."""
    catboost = need("catboost", f"the CatBoost model {path}")
    return _open(path, "CatBoost", lambda: of_catboost(catboost.CatBoost().load_model(os.fspath(path), format=form)))


def _open(path, library, read):
    try:
        return Model(str(path), read())
    except Exception as error:  # each library has its own errors
        why = (str(error).strip().splitlines() or ["it does not say why"])[0]  # XGBoost appends its stack
        raise ValueError(f"{library} cannot load a model from {path}: {why}") from error


def open_predictor(model: Any) -> Model:
    """Opens any object with a method `predict`.

    Raises:
        ValueError: it is a classifier, which predicts classes, or it is not fitted.
    """
    name, libraries = f"the model {type(model).__name__}", {cls.__module__.split(".")[0] for cls in type(model).__mro__}
    if "lightgbm" in libraries:
        of_features = of_lightgbm(model.booster_ if hasattr(type(model), "booster_") else model)
    elif "xgboost" in libraries:
        of_features = of_xgboost(model.get_booster() if hasattr(model, "get_booster") else model)
    elif "catboost" in libraries and not _is_classifier(model):
        of_features = of_catboost(model)
    else:
        of_features = _of_scikit_learn(model, name)
    return Model(name, of_features)


def of_lightgbm(booster: Any) -> OfFeatures:
    """The function of features of a LightGBM Booster."""
    names = tuple(booster.feature_name())
    numbers = tuple(f"Column_{place}" for place in range(len(names)))
    # LightGBM writes underscores for the spaces in names.
    return OfFeatures(
        () if names == numbers else names, len(names), booster.predict, spell=lambda name: name.replace(" ", "_")
    )


def of_xgboost(booster: Any) -> OfFeatures:
    """The function of features of an XGBoost Booster. After early stopping it uses the best one, as `XGBRanker`."""
    xgboost = need("xgboost", "a Booster of XGBoost")
    names, best = booster.feature_names, booster.attr("best_iteration")
    rounds = (0, 0 if best is None else int(best) + 1)

    def predict(features):
        # Names are matched already, so the names of the model are right, and so are its types.
        data = xgboost.DMatrix(features, feature_names=names, feature_types=booster.feature_types)
        return booster.predict(data, iteration_range=rounds)

    note = "" if best is None else f"an XGBoost model stopped early: its first {rounds[1]} rounds score, up to the best"
    return OfFeatures(tuple(names or ()), booster.num_features(), predict, note)


def of_catboost(model: Any) -> OfFeatures:
    """The function of features of a CatBoost model."""
    names = tuple(model.feature_names_ or ())
    if not names:
        raise ValueError("it has no features: fit it first")
    numbers = tuple(map(str, range(len(names))))
    return OfFeatures(() if names == numbers else names, len(names), model.predict)


def _of_scikit_learn(model, name):
    if _is_classifier(model):
        raise ValueError(
            f"{name} is a classifier, whose predict returns classes: give a function of lists, such as "
            "lambda lists: model.predict_proba(lists.features)[:, 1]"
        )
    names = tuple(getattr(model, "feature_names_in_", ()))
    predict = _with_names(model, names) if names else model.predict

    def of_copies(features):
        view = features.view()
        view.flags.writeable = False  # a pipeline with copy=False would change it
        return predict(view)

    return OfFeatures(names, getattr(model, "n_features_in_", None), of_copies)


def _is_classifier(model):
    classes = getattr(model, "classes_", None)  # CatBoost has it for any model, and it may be an array
    return classes is not None and len(classes) > 0


def _with_names(model, names):
    """The predict of a model that was fitted on a data frame, and that warns if it gets no names."""
    pandas = need("pandas", f"a {type(model).__name__} that was fitted on a data frame")
    return lambda features: model.predict(pandas.DataFrame(features, columns=list(names)))
