"""A ranker in an ONNX file."""

import dataclasses
import json
import os

import keras
import onnx
import onnxruntime

from plackett._files import errors_of_writing, replace
from plackett.data import RankingLists
from plackett.data._signature import KEY, Signature
from plackett.export._check import TOLERANCE, largest_difference
from plackett.export._exporters import OPSET, convert
from plackett.export._files import check_onnx_file
from plackett.export._graph import describe, name_ends
from plackett.export._needs import EXPORTERS, another_backend, check_needs
from plackett.export._ranker import ranker_to_export
from plackett.registry.options import Positive, check_options

LARGEST = 2**31 - 1  # the largest size of an ONNX file, in bytes


def write_onnx(
    model: keras.Model | str | os.PathLike,
    path: str | os.PathLike,
    *,
    lists: RankingLists | None = None,
    tolerance: Positive = TOLERANCE,
    overwrite: bool = False,
) -> Signature:
    """Writes a ranker as an ONNX file, NAME.onnx, and NAME.json, which describes its inputs and outputs.

    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> import plackett
    >>> x = np.random.default_rng(0).normal(size=(60, 2))
    >>> lists = plackett.data.RankingLists.from_arrays(x, x[:, 0] > 0, group=[6] * 10, feature_names=["bm25", "age"])
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "ranker.onnx"
    >>> write_onnx(plackett.scorers.mlp(lists, hidden=(8,)), file).features
    ('bm25', 'age')
    >>> scores = plackett.evaluation.open_system(file)(lists)
    >>> scores.shape
    (60,)

    The file takes lists of any number and any size from 1 on: raw `features`, `mask` and ids, like the scorers of
    `plackett.scorers`. Its output `scores` ranks as `plackett.score` does. It runs without plackett, Keras or Python.

    Args:
        model: a scorer, any Keras model with `lists`, or the path of either, or of the output folder of a run.
        path: NAME.onnx.
        lists: for a model that is not a scorer: lists with the features and ids that it takes, see
            `plackett.scorers.as_scorer`.
        tolerance: how far scores may differ from those of Keras, relatively if they are above 1. For an untrained
            network that amplifies the last bit of its features, rounding may exceed the default.
        overwrite: whether files of an earlier export may be replaced.

    Returns:
        The signature, as the file holds it.

    Raises:
        FileExistsError: the file exists and `overwrite` is False, or NAME.json is not of an export.
        FileNotFoundError: the model, or the folder for the file, does not exist.
        ImportError: the exporter of this backend or onnxruntime is not installed.
        OSError: the file cannot be written.
        ValueError: this is not a model, the backend cannot export it, or onnxruntime gives other scores than Keras;
            then no file is written. Or the tolerance is not a number above 0.

    Cost: a few seconds; the file and the model are run on lists of up to 200 documents.
    """
    check_options(write_onnx, tolerance=tolerance)
    path = check_onnx_file(path, overwrite=overwrite)
    graph, signature = graph_of(model, lists, path.name, tolerance)
    beside = json.dumps(json.loads(signature.to_json()) | {"file": describe(graph)}, indent=2)
    # The file that is written last is NAME.json: whoever waits for it finds the other file beside it.
    with (
        replace(path.with_suffix(".json"), overwrite=overwrite) as text,
        replace(path, overwrite=overwrite) as file,
        errors_of_writing(path),
    ):
        file.write_bytes(graph.SerializeToString())
        text.write_text(beside + "\n", encoding="utf-8")
    return signature


def graph_of(
    model: keras.Model | str | os.PathLike, lists: RankingLists | None, name: str, tolerance: float = TOLERANCE
) -> tuple[onnx.ModelProto, Signature]:
    """Makes the graph of a model, checks that onnxruntime gives the scores of Keras, and returns it with its signature.

    Args:
        model: see `write_onnx`.
        lists, tolerance: see `write_onnx`.
        name: the name of the file in errors.

    Raises:
        ImportError: the exporter of this backend or onnxruntime is not installed.
        ValueError: this is not a model, the backend cannot export it, or onnxruntime gives other scores.
    """
    check_needs("onnx", keras.backend.backend())
    ranker = ranker_to_export(model, lists)
    graph = convert(ranker)
    name_ends(graph, ranker.inputs, ranker.signature.outputs)
    run = _runner(graph, ranker.signature.outputs)
    difference = largest_difference(ranker, run, f"the ONNX file {name}", tolerance)
    facts = {
        **ranker.signature.facts,
        "backend": keras.backend.backend(),
        "opset": OPSET,
        "largest_difference": difference,
    }
    signature = dataclasses.replace(ranker.signature, facts=facts)
    graph.producer_name, graph.producer_version, graph.doc_string = "plackett", facts["plackett"], ""
    del graph.metadata_props[:]
    onnx.helper.set_model_props(graph, {KEY: signature.to_json()})
    onnx.checker.check_model(graph)
    return graph, signature


def _runner(graph: onnx.ModelProto, outputs):
    """A function of arrays by name that runs the file."""
    if graph.ByteSize() > LARGEST:
        raise ValueError("the model must be smaller than 2 GB, since an ONNX file cannot hold more")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # a failure is reported by an error with the same words
    try:
        session = onnxruntime.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has many errors without a common base
        backend = keras.backend.backend()
        raise ValueError(
            f"onnxruntime cannot load what {EXPORTERS[backend]} made of the model: {error}. {another_backend(backend)}"
        ) from error
    return lambda given: session.run(list(outputs), dict(given))
