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

LARGEST = 2**31 - 1  # bytes that an ONNX file can have


def write_onnx(
    model: keras.Model | str | os.PathLike,
    path: str | os.PathLike,
    *,
    lists: RankingLists | None = None,
    tolerance: Positive = TOLERANCE,
    overwrite: bool = False,
) -> Signature:
    """Writes a ranker as an ONNX file, NAME.onnx, and NAME.json, which says what it takes and gives.

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

    The file takes lists of any number and any size from 1 on: raw `features`, `mask` and ids, as the scorers of
    `plackett.scorers` do. Its output `scores` ranks as `plackett.score` does. It runs without plackett, Keras or
    Python.

    Args:
        model: a scorer, any Keras model with `lists`, or the path of either, or of the output folder of a run.
        path: NAME.onnx.
        lists: for a model that is no scorer: lists with the features and ids that it takes, see
            `plackett.scorers.as_scorer`.
        tolerance: how far scores may be from those of Keras, relative where they are above 1. Of an untrained network
            that makes much of the last bit of its features, rounding may be more than the default.
        overwrite: whether files of an earlier export may be replaced.

    Returns:
        The signature, as the file holds it.

    Raises:
        FileExistsError: there is such a file and not `overwrite`, or NAME.json is of somebody else.
        FileNotFoundError: there is no such model, or no folder for the file.
        ImportError: the exporter of this backend or onnxruntime is not installed.
        OSError: it cannot be written.
        ValueError: this is no model, the backend cannot export it, or onnxruntime gives other scores than Keras; then
            there is no file. Or the tolerance is no number above 0.

    Cost: a few seconds; the file and the model are run on lists of up to 200 documents.
    """
    check_options(write_onnx, tolerance=tolerance)
    path = check_onnx_file(path, overwrite=overwrite)
    graph, signature = graph_of(model, lists, path.name, tolerance)
    beside = json.dumps(json.loads(signature.to_json()) | {"file": describe(graph)}, indent=2)
    # The one that is opened last is there first: whoever waits for the text finds the file beside it.
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
    """What the file of a model holds, of which onnxruntime gives the scores of Keras, and its signature.

    Args:
        model: what `write_onnx` takes.
        lists, tolerance: as there.
        name: of the file, as errors call it.

    Raises:
        ImportError: the exporter of this backend or onnxruntime is not installed.
        ValueError: this is no model, the backend cannot export it, or onnxruntime gives other scores.
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
    """Function of arrays by name that gives what the file does."""
    if graph.ByteSize() > LARGEST:
        raise ValueError("the model has 2 GB or more, which one ONNX file cannot hold")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what it cannot run is an error with these words already
    try:
        session = onnxruntime.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has many, without a common one
        backend = keras.backend.backend()
        raise ValueError(
            f"onnxruntime cannot load what {EXPORTERS[backend]} made of the model: {error}. {another_backend(backend)}"
        ) from error
    return lambda given: session.run(list(outputs), dict(given))
