"""Files for Vespa that are written from models, and rankers whose documents depend on each other."""

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from rankers import DENSE, LISTS, TEST, make

import plackett
from plackett import export, scorers
from plackett.export import write_vespa_onnx


def test_a_file_of_a_model_has_the_scores_of_the_model(tmp_path):
    model = make("mlp")
    assert write_vespa_onnx(model, tmp_path / "vespa.onnx") == LISTS.feature_names
    session = onnxruntime.InferenceSession(str(tmp_path / "vespa.onnx"))
    assert [one.name for one in session.get_inputs()] == ["features"]
    found = session.run(["scores"], {"features": TEST.features[:, None]})[0][:, 0]
    np.testing.assert_allclose(found, plackett.score(model, TEST), rtol=1e-4, atol=1e-4)
    assert [one.name for one in tmp_path.iterdir()] == ["vespa.onnx"]


def test_an_exported_file_and_its_model_give_the_same_file(tmp_path):
    model = make("dcn")
    export.write_onnx(model, tmp_path / "ranker.onnx")
    write_vespa_onnx(tmp_path / "ranker.onnx", tmp_path / "of_file.onnx")
    write_vespa_onnx(model, tmp_path / "of_model.onnx")
    paths = [tmp_path / f"of_{one}.onnx" for one in ("file", "model")]
    # The exporter of PyTorch puts nodes that do not depend on each other in an order of its sets.
    of_file, of_model = (sorted(node.op_type for node in onnx.load(path).graph.node) for path in paths)
    assert of_file == of_model
    x = np.random.default_rng(0).normal(size=(3, 7, DENSE.features.shape[1])).astype("float32")
    scores, again = (onnxruntime.InferenceSession(path).run(["scores"], {"features": x})[0] for path in paths)
    np.testing.assert_array_equal(scores, again)


@pytest.mark.parametrize("transform", ["quantile", None])
def test_attention_is_found_out_however_its_features_are_spread(tmp_path, transform):
    x = np.random.default_rng(0).uniform(1000, 2000, DENSE.features.shape)
    lists = plackett.data.RankingLists.from_arrays(x, DENSE.labels, group=DENSE.lengths)
    keras.utils.set_random_seed(0)
    model = scorers.self_attention(lists, hidden=(4,), blocks=1, feed_forward=4, transform=transform)
    # Of such features attention makes much of the last bit.
    export.write_onnx(model, tmp_path / "ranker.onnx", tolerance=1e-4)
    with pytest.raises(ValueError, match="scores a document by the others of its list"):
        write_vespa_onnx(tmp_path / "ranker.onnx", tmp_path / "vespa.onnx")


def test_a_file_that_is_of_another_export_is_kept(tmp_path):
    export.write_onnx(make("mlp"), tmp_path / "ranker.onnx")
    with pytest.raises(FileExistsError, match=r"ranker.json describes an export that takes a mask"):
        write_vespa_onnx(tmp_path / "ranker.onnx", tmp_path / "ranker.onnx", overwrite=True)


def test_what_is_no_file_of_an_export_is_refused(tmp_path):
    (tmp_path / "ranker.onnx").write_text("no model")
    with pytest.raises(ValueError, match=r"ranker.onnx is not an ONNX file"):
        write_vespa_onnx(tmp_path / "ranker.onnx", tmp_path / "vespa.onnx")
    with pytest.raises(ValueError, match=r"an ONNX file must be called NAME.onnx, but got .*vespa"):
        write_vespa_onnx(make("mlp"), tmp_path / "vespa")
