"""ONNX files of rankers whose scores the tests can work out."""

from onnx import TensorProto, helper

from plackett.data._signature import KEY, Signature


def write_ranker(path, *, weight=1.0, bias=0.0, names=("bm25", "age"), hidden=0):
    """A file whose scores are `weight` times the sum of the features, plus `bias`.

    Args:
        path: of the file.
        weight: of each feature.
        bias: added to each score, by which answers tell the models apart.
        names: of the features.
        hidden: megabytes of weights that change no score.
    """
    floats = TensorProto.FLOAT
    axes = ["batch", "list"]
    inputs = [
        helper.make_tensor_value_info("features", floats, [*axes, len(names)]),
        helper.make_tensor_value_info("mask", TensorProto.BOOL, axes),
    ]
    constants = [
        helper.make_tensor("weight", floats, [len(names)], [weight] * len(names)),
        helper.make_tensor("bias", floats, [], [bias]),
        helper.make_tensor("axes", TensorProto.INT64, [1], [2]),
        helper.make_tensor("ballast", floats, [hidden * 250_000], bytes(hidden * 1_000_000), raw=True),
    ]
    nodes = [
        helper.make_node("Mul", ["features", "weight"], ["weighed"]),
        helper.make_node("ReduceSum", ["weighed", "axes"], ["sums"], keepdims=0),
        helper.make_node("Add", ["sums", "bias"], ["sum"]),
        helper.make_node("ReduceSum", ["ballast"], ["nothing"], keepdims=0),
        helper.make_node("Add", ["sum", "nothing"], ["scores"]),
    ]
    scores = helper.make_tensor_value_info("scores", floats, axes)
    graph = helper.make_graph(nodes, "ranker", inputs, [scores], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    facts = {"plackett": "0", "model": f"weights-{weight:g}-{bias:g}", "training_data": "data-1"}
    signature = Signature(features=tuple(names), named=True, missing=False, facts=facts)
    helper.set_model_props(model, {KEY: signature.to_json()})
    path.write_bytes(model.SerializeToString())
    return path
