"""Rankers as ONNX files for Vespa. Does not need Keras if the ranker is already in an ONNX file."""

from __future__ import annotations

import os
import pathlib
import typing

import numpy as np
import onnx
import onnxruntime

from plackett._files import check_file, errors_of_writing, replace
from plackett.data import RankingLists
from plackett.data._signature import KEY, Signature
from plackett.export._files import SUFFIX, check_vespa_file

if typing.TYPE_CHECKING:
    import keras

ROWS = 64  # the number of documents that a file is tested with
SCALES = 10.0 ** np.arange(-4, 10)  # scales of their features, whose real size is not known
APART = 1e-4  # a larger difference, relative to the largest score, is not rounding


def write_vespa_onnx(
    model: keras.Model | str | os.PathLike,
    path: str | os.PathLike,
    *,
    lists: RankingLists | None = None,
    overwrite: bool = False,
) -> tuple[str, ...]:
    """Writes a ranker as an ONNX file for Vespa, which ranks one document at a time and has no booleans.

    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> import plackett
    >>> x = np.random.default_rng(0).normal(size=(60, 2))
    >>> lists = plackett.data.RankingLists.from_arrays(x, x[:, 0] > 0, group=[6] * 10, feature_names=["bm25", "age"])
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "vespa.onnx"
    >>> write_vespa_onnx(plackett.scorers.mlp(lists, hidden=(8,)), file)
    ('bm25', 'age')

    The file is that of `write_onnx` without the input `mask` and the signature: every document is real. It keeps
    `features`, [batch, list, features] float32, ids, [batch, list] int32, and the outputs, [batch, list] float32.
    `docs/search_engines.md` shows the rank profile.

    Args:
        model: the model as in `write_onnx`, or the path of an ONNX file that it wrote.
        path: NAME.onnx.
        lists: for a model that is not a scorer: lists with the features and ids that it takes.
        overwrite: whether an existing file of that name is replaced.

    Returns:
        The names of the features, in order.

    Raises:
        FileExistsError: a file of that name exists, and `overwrite` is False, or it is an export of `write_onnx`.
        FileNotFoundError: the model, or the folder for the file, does not exist.
        ImportError: the exporter of this backend or onnxruntime is not installed.
        OSError: the file cannot be written.
        ValueError: the file has no signature, takes inputs that Vespa cannot give, or scores a document by the others
            of its list; or `write_onnx` could not write it. No file is written.

    Cost: as for `write_onnx`, unless the model is already in an ONNX file; 64 documents are scored 28 times.
    """
    path = check_vespa_file(path, overwrite=overwrite)
    graph, signature = _graph_of(model, lists, path.name)
    _check_inputs(signature, path.name)
    _remove_mask(graph.graph, path.name)
    kept = [one for one in graph.metadata_props if one.key != KEY]
    del graph.metadata_props[:]
    graph.metadata_props.extend(kept)  # without the signature, which is for another file
    _check_by_itself(graph, signature)
    with replace(path, overwrite=overwrite) as partial, errors_of_writing(path):
        partial.write_bytes(graph.SerializeToString())
    return signature.features


def _graph_of(model, lists, name):
    """Returns (the graph of an exported file, its signature)."""
    if not (isinstance(model, str | os.PathLike) and pathlib.Path(model).suffix == SUFFIX):
        from plackett.export._onnx import graph_of

        return graph_of(model, lists, name)
    check_file(model)
    if lists is not None:
        raise ValueError(f"lists describe the inputs of a Keras model, but {model} is an ONNX file: leave out lists")
    try:
        graph = onnx.load(os.fspath(model))
    except Exception as error:  # errors of protobuf
        raise ValueError(f"{model} is not an ONNX file: {error}") from error
    texts = [one.value for one in graph.metadata_props if one.key == KEY]
    if not texts:
        raise ValueError(f"{model} has no signature: give a file of plackett export (plackett.export.write_onnx)")
    return graph, Signature.from_json(texts[0])


def _check_inputs(signature, name):
    """Raises a ValueError if Vespa cannot give an input of the ranker."""
    for id_name, kind in signature.ids.items():
        if kind != "int32":
            raise ValueError(
                f"{name} would take the id {id_name} ({kind}) as two halves of 64 bits, which Vespa cannot make from a "
                "field: train it on ids that are whole numbers below 2^31"
            )
    if signature.columns:
        raise ValueError(
            f"{name} would take {', '.join(signature.columns)} besides features, which Vespa does not know"
        )


def _remove_mask(graph, name):
    """Makes all documents real: the mask becomes a constant with the shape of another input."""
    inputs = {one.name: one for one in graph.input}
    if "mask" not in inputs:
        raise ValueError(f"{name} has no input mask")
    others = [name for name in inputs if name != "mask"]
    graph.input.remove(inputs["mask"])
    true = onnx.helper.make_tensor("true", onnx.TensorProto.BOOL, [1], [True])
    nodes = [
        onnx.helper.make_node("Shape", [others[0]], ["mask/shape"], start=0, end=2),
        onnx.helper.make_node("ConstantOfShape", ["mask/shape"], ["mask"], value=true),
    ]
    rest = list(graph.node)
    del graph.node[:]
    graph.node.extend(nodes + rest)
    onnx.checker.check_graph(graph)


def _check_by_itself(model, signature):
    """Raises a ValueError if the score of a document depends on the others of its list."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(0)
    for scale in SCALES:
        inputs = {name: random.integers(0, 2, (1, ROWS)).astype("int32") for name in signature.ids}
        if signature.features:
            inputs["features"] = (scale * random.normal(size=(1, ROWS, len(signature.features)))).astype("float32")
        together = session.run(["scores"], inputs)[0][0]
        alone = session.run(["scores"], {name: np.swapaxes(x, 0, 1) for name, x in inputs.items()})[0][:, 0]
        finite = np.isfinite(together) & np.isfinite(alone)  # some rankers overflow
        largest = np.abs(together[finite]).max(initial=0.0)
        if np.abs(together[finite] - alone[finite]).max(initial=0.0) <= APART * largest + 1e-6:
            continue
        raise ValueError(
            "this ranker scores a document by the others of its list, but Vespa gives it one at a time: take a scorer "
            "such as mlp, embeddings or dcn, or rank in a service (plackett serve)"
        )
