"""A ranker as a SavedModel of TensorFlow."""

import dataclasses
import json
import os
import pathlib

import keras
import numpy as np

from plackett._files import errors_of_writing, replace_folder
from plackett.data import RankingLists
from plackett.data._signature import Signature
from plackett.export._check import TOLERANCE, largest_difference
from plackett.export._exporters import silence
from plackett.export._files import TEXT, check_folder
from plackett.export._needs import check_needs
from plackett.export._ranker import ExportedRanker, ranker_to_export
from plackett.registry.options import Positive, check_options

ENDPOINT = "serving_default"


def write_saved_model(
    model: keras.Model | str | os.PathLike,
    folder: str | os.PathLike,
    *,
    lists: RankingLists | None = None,
    tolerance: Positive = TOLERANCE,
    overwrite: bool = False,
) -> Signature:
    """Writes a ranker as a SavedModel of TensorFlow, on TensorFlow or JAX, with its signature in `plackett.json`.

    Its only endpoint, `serving_default`, takes the inputs and gives the outputs by the names that `write_onnx` uses.

    Args:
        model: a scorer, any Keras model with `lists`, or the path of either, or of the output folder of a run.
        folder: the path of the folder.
        lists: for a model that is not a scorer: lists with the features and ids that it takes, see
            `plackett.scorers.as_scorer`.
        tolerance: see `write_onnx`.
        overwrite: whether an earlier export there may be replaced.

    Returns:
        The signature, as the folder holds it.

    Raises:
        FileExistsError: the folder exists and `overwrite` is False, or it holds something else.
        FileNotFoundError: the model, or the parent folder, does not exist.
        ImportError: TensorFlow is not installed.
        OSError: the folder cannot be written.
        ValueError: Keras runs on PyTorch, this is not a model, or the SavedModel gives other scores than Keras; then no
            folder is written.
    """
    check_options(write_saved_model, tolerance=tolerance)
    check_needs("saved_model", keras.backend.backend())
    folder = check_folder(folder, overwrite=overwrite)
    ranker = ranker_to_export(model, lists)
    with replace_folder(folder) as partial:
        with errors_of_writing(folder), silence():
            _save(ranker, partial)
        difference = largest_difference(ranker, _runner(partial, ranker), f"the SavedModel {folder.name}", tolerance)
        facts = {**ranker.signature.facts, "backend": keras.backend.backend(), "largest_difference": difference}
        signature = dataclasses.replace(ranker.signature, facts=facts)
        with errors_of_writing(folder):
            text = json.dumps(json.loads(signature.to_json()), indent=2)
            (partial / TEXT).write_text(text + "\n", encoding="utf-8")
    return signature


def _save(ranker: ExportedRanker, folder: pathlib.Path) -> None:
    import tensorflow as tf

    module, function = tf.Module(), ranker
    if keras.backend.backend() == "jax":
        from jax.experimental import jax2tf

        shapes = [f"(batch, list{''.join(f', {size}' for size in one.shape)})" for one in ranker.inputs]
        function = jax2tf.convert(ranker, polymorphic_shapes=shapes)
    else:
        ranker(*(np.zeros((2, 3, *one.shape), one.dtype) for one in ranker.inputs))
        module.variables_of_scorer = list(ranker.scorer.variables)
    names = [one.name for one in ranker.inputs]
    specs = {one.name: tf.TensorSpec((None, None, *one.shape), one.dtype, name=one.name) for one in ranker.inputs}

    def serve(**inputs):
        return dict(zip(ranker.signature.outputs, function(*(inputs[name] for name in names)), strict=True))

    module.serve = tf.function(serve, autograph=False)
    tf.saved_model.save(module, str(folder), {ENDPOINT: module.serve.get_concrete_function(**specs)})


def _runner(folder, ranker):
    """A function of arrays by name that runs the SavedModel."""
    import tensorflow as tf

    with silence():
        module = tf.saved_model.load(str(folder))
    serve = module.signatures[ENDPOINT]

    def run(given):
        found = serve(**{name: tf.convert_to_tensor(value) for name, value in given.items()})
        return [found[name].numpy() for name in ranker.signature.outputs]

    return run
