"""Changes to an ONNX graph that do not depend on its exporter: names, axes, metadata."""

from collections.abc import Mapping, Sequence

import onnx

from plackett.export._ranker import Input

AXES = ("batch", "list")
DTYPES = {"bool": onnx.TensorProto.BOOL, "float32": onnx.TensorProto.FLOAT, "int32": onnx.TensorProto.INT32}


def name_ends(model: onnx.ModelProto, inputs: Sequence[Input], outputs: Sequence[str]) -> None:
    """Gives a graph these inputs and outputs in place of its own, with the axes `batch` and `list`.

    Inner shapes are removed, since exporters write wrong ones, of which onnxruntime warns. Notes on the source code of
    nodes are removed too.
    """
    graph = model.graph
    constants = {one.name for one in graph.initializer}
    given = [one.name for one in graph.input if one.name not in constants]
    new = dict(zip(given, (one.name for one in inputs), strict=True))
    taken = {*new.values(), *outputs}
    for node in graph.node:
        for name in (*node.input, *node.output):
            if name in taken and name not in new:
                new[name] = f"{name}/inside"
    new |= {name: f"{name}/inside" for name in constants if name in taken}
    last = [one.name for one in graph.output]
    _rename(graph, new)
    del graph.input[:], graph.output[:], graph.value_info[:], graph.metadata_props[:]
    for one in inputs:
        graph.input.append(onnx.helper.make_tensor_value_info(one.name, DTYPES[one.dtype], [*AXES, *one.shape]))
    for name, inside in zip(outputs, last, strict=True):
        graph.node.append(onnx.helper.make_node("Identity", [new.get(inside, inside)], [name], name=f"output/{name}"))
        graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, list(AXES)))


def _rename(graph, new: Mapping[str, str]):
    """Renames values in a graph and in the graphs of its nodes, and removes notes on source code."""
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [new.get(name, name) for name in names]
        node.doc_string = ""
        del node.metadata_props[:]
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                _rename(inner, new)
    for one in (*graph.initializer, *graph.output):
        one.name = new.get(one.name, one.name)


def describe(model: onnx.ModelProto) -> dict:
    """Describes the inputs and outputs of a file with their types and shapes, and its opset."""
    names = {number: dtype for dtype, number in DTYPES.items()}
    ends = {
        kind: {
            one.name: {
                "dtype": names[one.type.tensor_type.elem_type],
                "shape": [axis.dim_param or axis.dim_value for axis in one.type.tensor_type.shape.dim],
            }
            for one in values
        }
        for kind, values in (("inputs", model.graph.input), ("outputs", model.graph.output))
    }
    return ends | {"opset": model.opset_import[0].version}
