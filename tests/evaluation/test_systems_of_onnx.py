"""Networks in ONNX files as systems."""

import dataclasses

import numpy as np
import onnx
import pytest
from onnx import TensorProto as Kinds
from onnx import helper
from systems_data import lists_of

from plackett.evaluation._systems import open_system

LISTS = lists_of(30)
WEIGHTS = np.array([[0.5], [-1.25], [2.0]])
FLOAT, DOUBLE = Kinds.FLOAT, Kinds.DOUBLE


def write(path, nodes, inputs, outputs=("scores",), kind=FLOAT):
    """A network of some nodes, whose weights are w."""
    weights = onnx.numpy_helper.from_array(WEIGHTS.astype("float64" if kind == DOUBLE else "float32"), "w")
    given = [helper.make_tensor_value_info(*one) for one in inputs]
    made = [helper.make_tensor_value_info(name, kind, None) for name in outputs]
    graph = helper.make_graph(nodes, "ranker", given, made, [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(path))
    return path


def linear(path, shape, kind=FLOAT, inputs=()):
    """A network of scores [..., 1]."""
    node = helper.make_node("MatMul", ["x", "w"], ["scores"])
    return write(path, [node], [("x", kind, shape), *inputs], kind=kind)


def above_the_mean(path, *, with_mask):
    """A network of lists: each score less the mean of those of its list, where padding counts as 0 documents."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["s"]),
        helper.make_node("Constant", [], ["last"], value_ints=[-1]),
        helper.make_node("Squeeze", ["s", "last"], ["flat"]),
    ]
    inputs = [("x", FLOAT, ["lists", "size", 3])]
    if with_mask:
        inputs.append(("mask", Kinds.BOOL, ["lists", "size"]))
        nodes += [
            helper.make_node("Cast", ["mask"], ["real"], to=FLOAT),
            helper.make_node("Mul", ["flat", "real"], ["masked"]),
            helper.make_node("ReduceSum", ["masked", "last"], ["sum"]),
            helper.make_node("ReduceSum", ["real", "last"], ["count"]),
            helper.make_node("Div", ["sum", "count"], ["mean"]),
        ]
    else:
        nodes.append(helper.make_node("ReduceMean", ["flat"], ["mean"], axes=[-1]))
    return write(path, [*nodes, helper.make_node("Sub", ["flat", "mean"], ["scores"])], inputs)


@pytest.mark.parametrize("kind, dtype", [(FLOAT, "float32"), (DOUBLE, "float64")])
@pytest.mark.parametrize("shape", [["documents", 3], [None, None], ["lists", "size", 3]])
def test_a_network_of_documents_or_lists_gives_its_scores_in_its_precision(tmp_path, kind, dtype, shape):
    scores = open_system(linear(tmp_path / "a.onnx", shape, kind))(LISTS)
    assert scores.dtype == dtype
    np.testing.assert_allclose(scores, LISTS.features @ WEIGHTS[:, 0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("with_mask", [True, False])
def test_padding_does_not_reach_the_scores_of_a_network_of_lists(tmp_path, with_mask):
    scores = open_system(above_the_mean(tmp_path / "a.onnx", with_mask=with_mask))(LISTS)
    raw = LISTS.features @ WEIGHTS[:, 0]
    wanted = [x - x.mean() for x in np.split(raw, LISTS.row_splits[1:-1])]
    np.testing.assert_allclose(scores, np.concatenate(wanted), rtol=1e-4, atol=1e-5)


def test_features_go_by_number_which_is_noted_where_they_have_names(tmp_path):
    system = open_system(linear(tmp_path / "a.onnx", ["documents", 3]))
    assert system.notes() == []
    system(LISTS)
    assert "a.onnx knows its features by number" in system.notes()[0]


def test_another_number_of_features_is_refused(tmp_path):
    narrow = dataclasses.replace(LISTS, features=LISTS.features[:, :2], feature_names=())
    with pytest.raises(ValueError, match=r"a.onnx has 3 features, but these lists have 2"):
        open_system(linear(tmp_path / "a.onnx", ["documents", 3]))(narrow)


def test_other_inputs_are_said(tmp_path):
    ids = ("ids", Kinds.INT32, ["documents"])
    with pytest.raises(ValueError, match=r"must take features of float32 or float64, .* but takes x .*, ids tensor"):
        open_system(linear(tmp_path / "a.onnx", ["documents", 3], inputs=[ids]))


def test_of_several_outputs_that_of_scores_is_taken(tmp_path):
    nodes = [helper.make_node("MatMul", ["x", "w"], ["a"]), helper.make_node("Neg", ["a"], ["scores"])]
    both = write(tmp_path / "a.onnx", nodes, [("x", FLOAT, ["documents", 3])], ["a", "scores"])
    np.testing.assert_allclose(open_system(both)(LISTS), -LISTS.features @ WEIGHTS[:, 0], rtol=1e-5, atol=1e-6)
    nodes = [helper.make_node("MatMul", ["x", "w"], ["a"]), helper.make_node("Neg", ["a"], ["b"])]
    none = write(tmp_path / "b.onnx", nodes, [("x", FLOAT, ["documents", 3])], ["a", "b"])
    with pytest.raises(ValueError, match="must have one output, or one that is called scores, but has a, b"):
        open_system(none)


def test_scores_of_another_shape_are_said(tmp_path):
    path = write(tmp_path / "a.onnx", [helper.make_node("Neg", ["x"], ["scores"])], [("x", FLOAT, ["documents", 3])])
    with pytest.raises(ValueError, match=r"a.onnx must give numbers of shape .* but gives float32 of shape \(\d+, 3\)"):
        open_system(path)(LISTS)


def test_lists_of_a_size_that_the_network_does_not_take_are_said(tmp_path):
    with pytest.raises(ValueError, match=r"a.onnx cannot score features of shape"):
        open_system(linear(tmp_path / "a.onnx", ["lists", 4, 3]))(LISTS)
