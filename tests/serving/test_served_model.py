"""A file is served only where it says what it takes, and where it cannot reach beyond itself."""

import json
import re

import numpy as np
import onnx
import pytest
from small_rankers import write_ranker

from plackett.data._signature import KEY, Signature
from plackett.serving._model import ServedModel
from plackett.serving._protobuf import has_external_data

WAY_OUT = "write it with `plackett export`"


def change(path, **properties):
    """Changes the metadata of a file."""
    model = onnx.load(str(path))
    onnx.helper.set_model_props(model, properties)
    onnx.save(model, str(path))


def test_a_file_says_its_features_and_scores_lists(tmp_path):
    model = ServedModel(write_ranker(tmp_path / "ranker.onnx"))
    assert model.signature.features == ("bm25", "age")
    features = np.array([[[1, 2], [3, 4]], [[5, 6], [0, 0]]], "float32")
    scores = model.run({"features": features, "mask": np.array([[True, True], [True, False]])})
    assert scores.tolist() == [[1, 4], [7, 0]]


def test_a_file_with_ids_and_columns_is_run_before_it_serves(tmp_path):
    ids = {"film": "text", "shop": "int64", "brand": "int32"}
    columns = {"position": "position", "price": "number", "device": "text"}
    model = ServedModel(write_ranker(tmp_path / "ranker.onnx", ids=ids, columns=columns))
    assert dict(model.signature.ids) == ids
    assert dict(model.signature.columns) == columns


def test_the_fingerprint_is_that_of_the_bytes(tmp_path):
    one, same = (ServedModel(write_ranker(tmp_path / name)).fingerprint for name in ("a.onnx", "b.onnx"))
    other = ServedModel(write_ranker(tmp_path / "c.onnx", weights=(1, 1))).fingerprint
    assert one == same != other


def test_a_file_may_change_while_its_model_serves(tmp_path):
    path = write_ranker(tmp_path / "ranker.onnx")
    model = ServedModel(path)
    path.unlink()
    assert model.run({"features": np.ones((1, 1, 2), "float32"), "mask": np.ones((1, 1), bool)}).tolist() == [[1.5]]


def test_a_file_without_a_signature_is_refused_with_the_way_out(tmp_path):
    with pytest.raises(ValueError, match=f"it has no signature of plackett; {WAY_OUT}"):
        ServedModel(write_ranker(tmp_path / "ranker.onnx", signature=False))


def test_a_signature_of_another_form_is_refused(tmp_path):
    path = write_ranker(tmp_path / "ranker.onnx")
    change(path, **{KEY: "{}"})
    with pytest.raises(ValueError, match=f"this is not a signature of a ranker: .*; {WAY_OUT}"):
        ServedModel(path)


@pytest.mark.parametrize(
    "part, wanted",
    [
        ({"ids": ["film"]}, "its ids, columns, unknown and facts must each be an object"),
        ({"facts": None}, "its ids, columns, unknown and facts must each be an object"),
        ({"missing": "no"}, "missing must be true or false, but got 'no'"),
        ({"features": ["age", "\ud800"]}, "it cannot be written as JSON: str is not valid UTF-8"),
        ({"facts": {"opset": 2**64}}, "it cannot be written as JSON: Integer exceeds 64-bit range"),
        ({"features": [1, 2]}, "its names must be different strings"),
        ({"features": ["age", "age"]}, "its names must be different strings"),
        ({"ids": {"age": "text"}}, "its names must be different strings"),
        ({"ids": {"features": "text"}}, "none of them mask or features"),
        ({"ids": {"film": "txt"}}, "unknown kind of the id film: 'txt'; did you mean 'text'"),
        ({"columns": {"price": 3}}, "the name of a kind of the column price: must be a string, but got 3"),
        ({"unknown": {"film": 3}}, "unknown must name ids of int32 and a 32-bit number, but got film: 3"),
    ],
)
def test_a_signature_of_other_types_is_refused(tmp_path, part, wanted):
    path = write_ranker(tmp_path / "ranker.onnx")
    change(path, **{KEY: json.dumps(json.loads(Signature(("bm25", "age"), True, False).to_json()) | part)})
    with pytest.raises(ValueError, match=re.escape(wanted)):
        ServedModel(path)


def test_inputs_that_are_not_those_of_the_signature_are_refused(tmp_path):
    path = write_ranker(tmp_path / "ranker.onnx", ids={"film": "text"})
    change(path, **{KEY: Signature(("bm25", "age"), True, False, {"film": "int32"}).to_json()})
    with pytest.raises(ValueError, match=r"takes film tensor\(int32\) .* but its signature says .*film int32"):
        ServedModel(path)
    change(path, **{KEY: Signature(("bm25", "age"), True, False).to_json()})
    with pytest.raises(ValueError, match="takes film"):
        ServedModel(path)


def test_as_many_features_as_the_signature_names_must_be_taken(tmp_path):
    path = write_ranker(tmp_path / "ranker.onnx")
    change(path, **{KEY: Signature(("bm25", "age", "clicks"), True, False).to_json()})
    with pytest.raises(ValueError, match="could not be run"):
        ServedModel(path)


def test_a_model_without_scores_is_refused(tmp_path):
    path = write_ranker(tmp_path / "ranker.onnx")
    model = onnx.load(str(path))
    model.graph.output[0].name = model.graph.node[-1].output[0] = "relevance"
    onnx.save(model, str(path))
    with pytest.raises(ValueError, match="must have an output `scores` of float32, which ranks, but has relevance"):
        ServedModel(path)


@pytest.mark.parametrize("content", [b"", b"no model", b"\x08" * 100, b"\x00" * 100, b"\x3a\xff\xff\xff\xff\x07"])
def test_what_is_no_onnx_file_is_refused(tmp_path, content):
    (tmp_path / "ranker.onnx").write_bytes(content)
    with pytest.raises(ValueError, match=r"is not an ONNX file|as an ONNX file|no signature"):
        ServedModel(tmp_path / "ranker.onnx")


def test_a_file_that_is_cut_off_is_refused(tmp_path):
    whole = write_ranker(tmp_path / "ranker.onnx").read_bytes()
    for end in range(0, len(whole), 7):
        (tmp_path / "ranker.onnx").write_bytes(whole[:end])
        with pytest.raises(ValueError, match=r"ranker\.onnx"):
            ServedModel(tmp_path / "ranker.onnx")


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        ServedModel(tmp_path / "none.onnx")


def outside(tensor, location):
    """Moves a tensor to another file."""
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)


def in_initializer(model):
    return model.graph.initializer[0]


def in_attribute(model):
    node = onnx.helper.make_node("Constant", [], ["unused"], value=onnx.TensorProto(name="c"))
    model.graph.node.append(node)
    return model.graph.node[-1].attribute[0].t


def in_branch(model):
    inner = onnx.helper.make_graph([], "inner", [], [], [onnx.TensorProto(name="deep")])
    model.graph.node.append(onnx.helper.make_node("If", ["x"], ["y"], then_branch=inner))
    return model.graph.node[-1].attribute[0].g.initializer[0]


def in_function(model):
    function = model.functions.add(name="f", domain="own")
    function.node.append(onnx.helper.make_node("Constant", [], ["c"], value=onnx.TensorProto(name="c")))
    return function.node[0].attribute[0].t


def in_sparse(model):
    return model.graph.sparse_initializer.add().values


@pytest.mark.parametrize("place", [in_initializer, in_attribute, in_branch, in_function, in_sparse])
@pytest.mark.parametrize("location", ["weights.bin", "/etc/passwd", "../secret", "*/_ORT_MEM_ADDR_/*"])
def test_a_file_whose_tensors_lie_elsewhere_is_refused(tmp_path, monkeypatch, place, location):
    path = write_ranker(tmp_path / "ranker.onnx")
    model = onnx.load(str(path))
    outside(place(model), location)
    path.write_bytes(model.SerializeToString())
    (tmp_path / "weights.bin").write_bytes(bytes(8))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=f"tensors in other files.*{WAY_OUT}"):
        ServedModel(path)


def test_a_field_whose_number_has_more_than_32_bits_hides_nothing(tmp_path):
    model = onnx.load(str(write_ranker(tmp_path / "ranker.onnx")))
    outside(in_initializer(model), "weights.bin")
    graph = model.graph.SerializeToString()
    model.ClearField("graph")
    hidden = (7 << 3 | 2) + 2**33  # the graph, to whoever takes 32 bits of it
    hostile = model.SerializeToString() + varint(hidden) + varint(len(graph)) + graph
    (tmp_path / "ranker.onnx").write_bytes(hostile)
    with pytest.raises(ValueError, match="is not an ONNX file: it has a field"):
        ServedModel(tmp_path / "ranker.onnx")


def varint(number):
    """A number on the wire of Protocol Buffers."""
    size = max(1, -(-number.bit_length() // 7))
    return bytes((number >> 7 * i) & 127 | 128 * (i < size - 1) for i in range(size))


def test_a_plain_file_has_no_external_data(tmp_path):
    assert not has_external_data(write_ranker(tmp_path / "ranker.onnx").read_bytes())


def test_an_operator_that_is_not_of_onnxruntime_is_refused(tmp_path):
    path = write_ranker(tmp_path / "ranker.onnx")
    model = onnx.load(str(path))
    model.graph.node[0].domain = "own"
    model.opset_import.add(domain="own", version=1)
    onnx.save(model, str(path))
    with pytest.raises(ValueError, match=r"onnxruntime cannot load .* as an ONNX file"):
        ServedModel(path)
