"""Small rankers in ONNX files, written by hand: serving needs no Keras, nor do its tests."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from plackett.data._signature import KEY, Signature

FEATURES = ("bm25", "age")
WEIGHTS = (2.0, -0.5)
FACTS = {"model": "by hand", "training_data": "no lists"}


def write_ranker(
    path,
    features=FEATURES,
    weights=WEIGHTS,
    *,
    bias=0.0,
    hidden=0,
    missing=False,
    ids=None,
    columns=None,
    signature=True,
):
    """Writes a ranker of the weighted sum of features, a missing one 0, and of ids and columns as they are fed.

    Args:
        path: of the file.
        features: their names.
        weights: theirs; or a number of random ones, which is their seed.
        bias: added to each score, by which answers tell rankers apart.
        hidden: megabytes of weights that change no score.
        missing: whether one may be missing.
        ids: name -> kind.
        columns: name -> kind.
        signature: whether the file has one.
    """
    if isinstance(weights, int):
        weights = np.random.default_rng(weights).normal(size=len(features))
    made = Signature(tuple(features), True, missing, ids or {}, columns or {}, facts=FACTS)
    w = numpy_helper.from_array(np.array(weights, "float32").reshape(-1, 1), "w")
    zero = numpy_helper.from_array(np.array(0, "float32"), "zero")
    added = numpy_helper.from_array(np.array(bias, "float32"), "bias")
    ballast = numpy_helper.from_array(np.zeros(hidden * 250_000, "float32"), "ballast")
    inputs = [
        helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", "list", len(features)]),
        helper.make_tensor_value_info("mask", TensorProto.BOOL, ["batch", "list"]),
    ]
    nodes = [
        helper.make_node("IsNaN", ["features"], ["gone"]),
        helper.make_node("Where", ["gone", "zero", "features"], ["there"]),
        helper.make_node("MatMul", ["there", "w"], ["products"]),
        helper.make_node("Constant", [], ["last"], value_ints=[-1]),
        helper.make_node("Squeeze", ["products", "last"], ["sum"]),
        helper.make_node("ReduceSum", ["ballast"], ["nothing"], keepdims=0),
        helper.make_node("Add", ["bias", "nothing"], ["added"]),
        helper.make_node("Add", ["sum", "added"], ["with bias"]),
    ]
    so_far = "with bias"
    for name, kind in {**made.ids, **made.columns}.items():
        more, so_far = _add(name, kind, so_far)
        nodes += more
        shape = ["batch", "list", *([2] if kind in ("text", "int64") else [])]
        elements = TensorProto.FLOAT if kind == "number" else TensorProto.INT32
        inputs.append(helper.make_tensor_value_info(name, elements, shape))
    nodes.append(helper.make_node("Where", ["mask", so_far, "zero"], ["scores"]))
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", "list"])
    graph = helper.make_graph(nodes, "ranker", inputs, [scores], [w, zero, added, ballast])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if signature:
        helper.set_model_props(model, {KEY: made.to_json()})
    onnx.save(model, str(path))
    return path


def _add(name, kind, so_far):
    """The nodes that add an id or a column to the scores, halves as their sum."""
    nodes = [helper.make_node("Cast", [name], [f"{name} float"], to=TensorProto.FLOAT)]
    values = f"{name} float"
    if kind in ("text", "int64"):
        nodes.append(helper.make_node("ReduceSum", [values, "last"], [f"{name} sum"], keepdims=0))
        values = f"{name} sum"
    nodes.append(helper.make_node("Add", [so_far, values], [f"{name} and before"]))
    return nodes, f"{name} and before"


def request(values, names=FEATURES, query="q"):
    """A request in rows: documents d0, d1, ... of some values."""
    documents = [{"id": f"d{i}", "features": dict(zip(names, row, strict=True))} for i, row in enumerate(values)]
    return {"query": query, "documents": documents}
