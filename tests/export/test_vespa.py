"""ONNX files for Vespa, which knows no inputs of truth values and ranks one document at a time."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from plackett.data._signature import KEY, Signature
from plackett.export import write_vespa_onnx

# Of https://github.com/vespa-engine/vespa, eval/src/vespa/eval/onnx/onnx_wrapper.cpp: what else is refused.
OF_VESPA = {
    TensorProto.INT8,
    TensorProto.INT16,
    TensorProto.INT32,
    TensorProto.INT64,
    TensorProto.UINT8,
    TensorProto.BFLOAT16,
    TensorProto.FLOAT,
    TensorProto.DOUBLE,
}


def exported(path, by_list=False, signature=True, **options):
    """A ranker with the ends of an exported file: scores are 2 x - y, less the mean of the list where asked for."""
    weights = helper.make_tensor("weights", TensorProto.FLOAT, [2, 1], [2.0, -1.0])
    axes, zero = helper.make_tensor("axes", TensorProto.INT64, [1], [-1]), helper.make_tensor("zero", 1, [1], [0.0])
    nodes = [
        helper.make_node("MatMul", ["features", "weights"], ["product"]),
        helper.make_node("Squeeze", ["product", "axes"], ["raw"]),
        helper.make_node("ReduceMean", ["raw", "axes"], ["mean"]),
        helper.make_node("Sub", ["raw", "mean" if by_list else "zero"], ["shifted"]),
        helper.make_node("Where", ["mask", "shifted", "zero"], ["scores"]),
    ]
    axes_of = ["batch", "list"]
    inputs = [
        helper.make_tensor_value_info("features", TensorProto.FLOAT, [*axes_of, 2]),
        helper.make_tensor_value_info("mask", TensorProto.BOOL, axes_of),
    ]
    outputs = [helper.make_tensor_value_info("scores", TensorProto.FLOAT, axes_of)]
    graph = helper.make_graph(nodes, "ranker", inputs, outputs, [weights, axes, zero])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    if signature:
        words = Signature(features=("bm25", "price"), named=True, missing=False, **options)
        helper.set_model_props(model, {KEY: words.to_json()})
    onnx.save(model, path)
    return path


def test_a_file_for_vespa_has_no_mask_and_the_same_scores(tmp_path):
    source = exported(tmp_path / "ranker.onnx")
    assert write_vespa_onnx(source, tmp_path / "vespa.onnx") == ("bm25", "price")
    model = onnx.load(tmp_path / "vespa.onnx")
    ends = [*model.graph.input, *model.graph.output]
    assert [one.name for one in ends] == ["features", "scores"]
    assert {one.type.tensor_type.elem_type for one in ends} <= OF_VESPA
    assert [axis.dim_param for axis in ends[0].type.tensor_type.shape.dim][:2] == ["batch", "list"]
    assert not [one for one in model.metadata_props if one.key == KEY]
    x = np.random.default_rng(0).normal(size=(2, 3, 2)).astype("float32")
    before, after = map(onnxruntime.InferenceSession, (str(source), str(tmp_path / "vespa.onnx")))
    wanted = before.run(["scores"], {"features": x, "mask": np.ones((2, 3), bool)})[0]
    np.testing.assert_array_equal(after.run(["scores"], {"features": x})[0], wanted)


def test_rankers_of_whole_lists_are_refused(tmp_path):
    source = exported(tmp_path / "ranker.onnx", by_list=True)
    with pytest.raises(ValueError, match="but Vespa gives it one at a time: take a scorer such as mlp"):
        write_vespa_onnx(source, tmp_path / "vespa.onnx")
    assert not (tmp_path / "vespa.onnx").exists()


@pytest.mark.parametrize(
    "options, words",
    [
        ({"signature": False}, "has no signature: give a file of plackett export"),
        ({"ids": {"film": "text"}}, r"would take the id film \(text\) as two halves of 64 bits"),
        ({"columns": {"rank": "position"}}, "would take rank besides features"),
    ],
)
def test_what_vespa_cannot_give_is_refused(options, words, tmp_path):
    source = exported(tmp_path / "ranker.onnx", **options)
    with pytest.raises(ValueError, match=words):
        write_vespa_onnx(source, tmp_path / "vespa.onnx")


def test_a_file_that_is_there_stays(tmp_path):
    source = exported(tmp_path / "ranker.onnx")
    with pytest.raises(FileExistsError, match="choose another name, or give overwrite=True"):
        write_vespa_onnx(source, source)
