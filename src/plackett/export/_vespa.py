"""Exported ONNX files in the form that Vespa ranks by."""

import os
import pathlib

import numpy as np
import onnx
import onnxruntime

from plackett._files import check_file, check_path, errors_of_writing, replace
from plackett.data._signature import KEY, Signature

ROWS = 64  # documents by which a file is tried


def write_vespa_onnx(source: str | os.PathLike, path: str | os.PathLike, *, overwrite: bool = False) -> tuple[str, ...]:
    """Writes an exported ONNX file for Vespa, which ranks one document at a time and knows no inputs of truth values.

    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> import plackett
    >>> x = np.random.default_rng(0).normal(size=(60, 2))
    >>> lists = plackett.data.RankingLists.from_arrays(x, x[:, 0] > 0, group=[6] * 10, feature_names=["bm25", "age"])
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = plackett.export.write_onnx(plackett.scorers.mlp(lists, hidden=(8,)), folder / "ranker.onnx")
    >>> write_vespa_onnx(folder / "ranker.onnx", folder / "vespa.onnx")
    ('bm25', 'age')

    The input `mask` goes: every document is real. What stays are `features`, [batch, list, features] float32, ids,
    [batch, list] int32, and the outputs, [batch, list] float32. `docs/search_engines.md` shows the rank profile.

    Args:
        source: an ONNX file that `write_onnx` wrote.
        path: of the new file.
        overwrite: whether a file of that name is replaced.

    Returns:
        The names of the features in their order.

    Raises:
        FileExistsError: there is a file of that name, and not `overwrite`.
        ValueError: the file has no signature, takes what Vespa cannot give, or scores a document by the others of its
            list. No file is written.

    Cost: the file is run on 64 documents, together and by themselves.
    """
    check_file(source)
    check_path(path)
    path = pathlib.Path(path)
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists: choose another output, or replace it (overwrite)")
    model = onnx.load(os.fspath(source))
    signature = _signature_of(model, source)
    _remove_mask(model.graph, source)
    kept = [one for one in model.metadata_props if one.key != KEY]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)  # the signature is of another file
    _check_by_itself(model, signature)
    with replace(path, overwrite=overwrite) as partial, errors_of_writing(path):
        partial.write_bytes(model.SerializeToString())
    return signature.features


def _signature_of(model, source):
    texts = [one.value for one in model.metadata_props if one.key == KEY]
    if not texts:
        raise ValueError(f"{source} has no signature: give a file of plackett export (plackett.export.write_onnx)")
    signature = Signature.from_json(texts[0])
    for name, kind in signature.ids.items():
        if kind != "int32":
            raise ValueError(
                f"{source} takes the id {name} ({kind}) as the halves of 64 bits, which Vespa cannot make of a field: "
                "train it on ids that are whole numbers below 2^31"
            )
    if signature.columns:
        raise ValueError(f"{source} takes {', '.join(signature.columns)} besides features, which Vespa does not know")
    return signature


def _remove_mask(graph, source):
    """All documents are real: what said which are is a constant, of the shape of another input."""
    inputs = {one.name: one for one in graph.input}
    if "mask" not in inputs:
        raise ValueError(f"{source} has no input mask")
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
    """Raises a ValueError where the score of a document depends on the others of its list."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(0)
    inputs = {name: np.zeros((1, ROWS), "int32") for name in signature.ids}
    if signature.features:
        inputs["features"] = random.normal(size=(1, ROWS, len(signature.features))).astype("float32")
    together = session.run(["scores"], inputs)[0][0]
    alone = session.run(["scores"], {name: np.swapaxes(x, 0, 1) for name, x in inputs.items()})[0][:, 0]
    if not np.allclose(together, alone, rtol=1e-4, atol=1e-5):
        raise ValueError(
            "this ranker scores a document by the others of its list, but Vespa shows it one at a time: take a scorer "
            "such as mlp, embeddings or dcn, or rank in a service (plackett serve)"
        )
