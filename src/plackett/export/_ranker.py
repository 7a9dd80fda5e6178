"""A Keras model in the form of an exported file: one function of the inputs of a scorer, and its signature."""

import dataclasses
import os
import pathlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

import plackett
from plackett._files import find_model
from plackett._types import Tensor
from plackett.data import RankingLists, Strings
from plackett.data._inputs import POSITION
from plackett.data._signature import Signature
from plackett.distillation._fingerprints import of_teacher
from plackett.evaluation._saved import load
from plackett.evaluation._scoring import check_lists, ranking_rule
from plackett.export._files import SUFFIX
from plackett.scorers import as_scorer
from plackett.scorers._any_model import (
    OF_BUCKETS,
    feature_names,
    is_scorer,
    layers_of,
    output_layers,
    vocabularies,
)
from plackett.scorers._two_tower import ranker_of
from plackett.scorers.preprocessing.layers import Buckets, Filled
from plackett.training._run_folder import data_of_run

SCORES = "scores"
NARROW = ("mixed_float16", "mixed_bfloat16", "float16", "bfloat16")


class Input(NamedTuple):
    """An input of a file: its name, its type, and its shape after the axes of lists and documents."""

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class ExportedRanker:
    """A ranker as a function of arrays.

    Args:
        scorer: the scorer, which computes in float32.
        signature: its inputs and outputs.
        tasks: the name of an output -> the task of the scorer that it comes from, and the function that turns the
            task's scores into those to rank by.
    """

    scorer: keras.Model
    signature: Signature
    tasks: Mapping[str, tuple[str | None, Callable[[Tensor], Tensor]]]

    @property
    def inputs(self) -> list[Input]:
        """The inputs of the file."""
        return [
            Input(name, keras.backend.standardize_dtype(tensor.dtype), tuple(tensor.shape[2:]))
            for name, tensor in self.scorer.input.items()
        ]

    def __call__(self, *inputs: Any) -> tuple[Tensor, ...]:
        """Returns the outputs in the order of the signature, [lists, list_size] float32; `inputs` are in order too."""
        given = {one.name: tensor for one, tensor in zip(self.inputs, inputs, strict=True)}
        scores = self.scorer(given, training=False)
        scores = scores if isinstance(scores, dict) else {None: scores}
        return tuple(ops.cast(rule(scores[task]), "float32") for task, rule in self.tasks.values())


def ranker_to_export(model: keras.Model | str | os.PathLike, lists: RankingLists | None) -> ExportedRanker:
    """Makes the ranker for the file of a model: its relevance tower alone if it has two towers.

    Raises:
        FileNotFoundError: there is no such file, or the folder holds no run.
        ValueError: this is not a model or not a scorer, or an output and an input have the same name.
    """
    facts = {"plackett": plackett.__version__, "model": None, "training_data": None}
    if isinstance(model, str | os.PathLike):
        path = find_model(model)
        if path.suffix == SUFFIX:
            raise ValueError(
                f"{path} is already an ONNX file, which can only be rewritten for Vespa (write_vespa_onnx, --format "
                "vespa): give the run or the .keras file that it was exported from"
            )
        facts["training_data"] = _training_data(path)
        model = load(model)
    if not isinstance(model, keras.Model):
        raise ValueError(
            f"model must be a Keras model, such as trained.model, or the path of one or of a run, but got {model!r}"
        )
    if lists is not None:
        check_lists("lists", lists)
    elif not is_scorer(model):
        raise ValueError(
            f"the model {model.name} is not a scorer of plackett: give lists=, with the features and ids that it takes"
        )
    facts["model"] = of_teacher(model)
    scorer = in_float32(ranker_of(model if lists is None else as_scorer(model, lists)))
    tasks = _tasks(model, scorer)
    signature = dataclasses.replace(_signature(scorer, lists), outputs=tuple(tasks), facts=facts)
    _check_names(signature)
    return ExportedRanker(scorer, signature, tasks)


def _training_data(path: pathlib.Path) -> str | None:
    """The fingerprint of the lists that the model of a run was trained on; None if it is not of a run."""
    return data_of_run(path.parent).get("training_lists")


def _tasks(model, scorer):
    """The outputs of a file: `scores`, and for several tasks each by its name."""
    rules = {task: (task, ranking_rule(model, task, layer)) for task, layer in output_layers(scorer).items()}
    if SCORES in list(rules)[1:]:
        raise ValueError(f"a task of the name {SCORES} must be the first one, whose scores rank: give it another name")
    return {SCORES: next(iter(rules.values()))} | {task: rule for task, rule in rules.items() if task is not None}


def _signature(scorer, lists):
    """The signature without outputs and facts."""
    names = feature_names(scorer) or ()
    width = scorer.input["features"].shape[-1] if "features" in scorer.input else 0
    ids, columns = {}, {}
    for name, tensor in scorer.input.items():
        if name not in ("features", "mask"):
            group, kind = _kind(scorer, lists, name, tensor)
            (ids if group == "ids" else columns)[name] = kind
    return Signature(
        features=tuple(names or map(str, range(1, width + 1))) if width else (),
        named=bool(names),
        missing=_allows_missing(scorer),
        ids=ids,
        columns=columns,
        unknown={
            name: layer.unknown
            for name, layer in vocabularies(scorer).items()
            if ids.get(name) == layer.kind == "int32"
        },
    )


def _kind(scorer, lists, name, tensor):
    """Returns ("ids" or "columns", the kind) of an input."""
    dtype, wide = keras.backend.standardize_dtype(tensor.dtype), len(tensor.shape) == 3
    if lists is not None and name not in lists.ids and (name in lists.columns or name in lists.query_columns):
        return "columns", "text" if wide else POSITION if name == POSITION else "number"
    known = {one: layer.kind for one, layer in vocabularies(scorer).items()}
    known |= {x.name.removesuffix(OF_BUCKETS): x.kind for x in layers_of(scorer) if isinstance(x, Buckets)}
    if name in known:
        return "ids", known[name]
    if lists is not None and name in lists.ids:
        return "ids", ("text" if isinstance(lists.ids[name], Strings) else "int64") if wide else "int32"
    if name == POSITION:
        return "columns", POSITION
    if dtype.startswith("float"):
        return "columns", "number"
    if not wide:
        return "ids", "int32"
    raise ValueError(
        f"it is not known whether {name} of the model {scorer.name} holds text or numbers beyond int32: give lists= "
        f"with {name}"
    )


def _allows_missing(scorer):
    """Whether a feature may be NaN: what the scorer says, or else whether its scores are then finite."""
    if "features" not in scorer.input:
        return False
    said = [layer.missing for layer in layers_of(scorer) if isinstance(layer, Filled)]
    if said:
        return all(said)
    given = {
        name: np.zeros((1, 2, *tensor.shape[2:]), keras.backend.standardize_dtype(tensor.dtype))
        for name, tensor in scorer.input.items()
    }
    given["mask"][:] = True
    given["features"][:, 0] = np.nan
    scores = scorer(given, training=False)
    return all(
        np.isfinite(ops.convert_to_numpy(x)).all() for x in (scores.values() if isinstance(scores, dict) else [scores])
    )


def _check_names(signature):
    taken = {"features", "mask", *signature.ids, *signature.columns}
    for name in signature.outputs:
        if name in taken:
            raise ValueError(
                f"an input and an output of a file must have different names, but both are {name}: give the id "
                "feature, column or task another name"
            )


def in_float32(scorer: keras.Model) -> keras.Model:
    """Returns a 16-bit scorer in float32. Its weights are float32 already, or become so."""
    config, found = _without_narrow_types(keras.saving.serialize_keras_object(scorer))
    if not found:
        return scorer
    wide = keras.saving.deserialize_keras_object(config, safe_mode=False)
    wide.set_weights([np.asarray(ops.convert_to_numpy(ops.cast(x, "float32"))) for x in scorer.weights])
    return wide


def _without_narrow_types(config):
    """Returns (a config without 16-bit policies, whether there were any)."""
    if isinstance(config, Mapping):
        if config.get("class_name") == "DTypePolicy" and config["config"]["name"] in NARROW:
            return {**config, "config": {**config["config"], "name": "float32"}}, True
        parts = {name: _without_narrow_types(value) for name, value in config.items()}
        return {name: part for name, (part, _) in parts.items()}, any(found for _, found in parts.values())
    if isinstance(config, list | tuple):
        parts = [_without_narrow_types(value) for value in config]
        return type(config)(part for part, _ in parts), any(found for _, found in parts)
    return config, False
