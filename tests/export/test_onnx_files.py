"""What an exported file holds, and what it ranks by."""

import dataclasses
import json

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from conftest import made_lists
from own_models import LISTS as WITH_FILMS
from own_models import OfOneArray, of_a_dict
from rankers import DENSE, LISTS, NAMES, TEST, make

import plackett
from plackett import export, scorers
from plackett.data._signature import KEY, Signature
from plackett.data._signature_inputs import lists_for
from plackett.evaluation import open_system
from plackett.export import _check, _exporters, _needs


@pytest.fixture(scope="module")
def mlp(tmp_path_factory):
    """(a ranker, its file)."""
    model, path = make("mlp"), tmp_path_factory.mktemp("mlp") / "ranker.onnx"
    export.write_onnx(model, path)
    return model, path


def run(path, **inputs):
    return onnxruntime.InferenceSession(path.read_bytes()).run(["scores"], inputs)[0]


def close(found, wanted):
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def test_the_signature_is_in_the_file_and_beside_it(mlp):
    _, path = mlp
    (entry,) = onnx.load(path).metadata_props
    signature = Signature.from_json(entry.value)
    assert (entry.key, signature.features, signature.named, signature.missing) == (KEY, NAMES, True, False)
    assert signature.facts["plackett"] == plackett.__version__
    assert signature.facts["opset"] == onnx.load(path).opset_import[0].version
    beside = json.loads(path.with_suffix(".json").read_text())
    assert beside["file"]["inputs"]["features"] == {"dtype": "float32", "shape": ["batch", "list", 5]}
    assert Signature.from_json(json.dumps(beside)) == signature


def test_no_place_of_the_code_is_in_the_file(mlp):
    assert b"site-packages" not in mlp[1].read_bytes()
    assert b".py" not in mlp[1].read_bytes()


def test_lists_longer_than_any_in_training_are_ranked(mlp):
    model, path = mlp
    long = dataclasses.replace(TEST, row_splits=np.array([0, len(TEST.labels)]), queries=np.array(["all"]))
    close(open_system(path)(long), plackett.score(model, long))


@pytest.mark.parametrize("lists, size", [(1, 1), (1, 7), (2, 64)])
def test_nan_in_the_padding_changes_no_score(mlp, lists, size):
    features = np.random.default_rng(0).normal(size=(lists, size, 5)).astype("float32")
    mask = np.arange(size) < np.full((lists, 1), (size + 1) // 2)
    padded = np.where(mask[..., None], features, np.nan).astype("float32")
    scores = run(mlp[1], features=padded, mask=mask)
    assert (scores[~mask] == 0).all()
    close(scores, run(mlp[1], features=features, mask=mask))


def test_empty_lists_have_scores_of_zero(mlp):
    scores = run(mlp[1], features=np.full((2, 3, 5), np.nan, "float32"), mask=np.zeros((2, 3), bool))
    assert scores.tolist() == [[0, 0, 0], [0, 0, 0]]


def test_features_are_taken_by_name(mlp):
    model, path = mlp
    turned = dataclasses.replace(TEST, features=TEST.features[:, ::-1], feature_names=NAMES[::-1])
    close(open_system(path)(turned), plackett.score(model, TEST))
    with pytest.raises(ValueError, match="has features that these lists lack: age"):
        open_system(path)(dataclasses.replace(TEST, feature_names=("bm25", "years", *NAMES[2:])))


def test_a_missing_feature_is_refused_where_the_ranker_knows_none(mlp):
    features = TEST.features.copy()
    features[4, 1] = np.nan
    with pytest.raises(
        ValueError, match=r"no missing features \(NaN\), but 1 are missing, such as age of document 'd4'"
    ):
        open_system(mlp[1])(dataclasses.replace(TEST, features=features))


def test_ids_that_training_did_not_see_and_those_beyond_int32_rank_as_in_keras(tmp_path):
    model = make("embeddings")
    signature = export.write_onnx(model, tmp_path / "ranker.onnx")
    assert signature.ids == {"film": "text", "shop": "int32", "seller": "int64"}
    places = np.arange(len(TEST.labels))
    films = np.array([f"film {place}" for place in places])
    far = dataclasses.replace(
        TEST, ids={"film": films, "shop": places + 2**33 * (places % 2), "seller": places % 9 + 2**40}
    )
    close(open_system(tmp_path / "ranker.onnx")(far), plackett.score(model, far))


def test_ids_of_another_kind_are_refused():
    signature = Signature(features=(), named=False, missing=False, ids={"film": "text", "shop": "int32"})
    with pytest.raises(ValueError, match="ranker knows film as text, but these lists hold numbers"):
        lists_for(signature, dataclasses.replace(LISTS, ids=LISTS.ids | {"film": LISTS.ids["shop"]}), "ranker")
    with pytest.raises(ValueError, match="ranker takes the id feature film, but these lists have none: read it with"):
        lists_for(signature, DENSE, "ranker")
    with pytest.raises(ValueError, match="ranker takes shop as int32, but these lists hold 1099511627776"):
        lists_for(signature, dataclasses.replace(LISTS, ids=LISTS.ids | {"shop": LISTS.ids["seller"]}), "ranker")


def test_each_task_is_an_output_and_the_first_one_ranks(tmp_path):
    model = make("mlp, several tasks")
    assert export.write_onnx(model, tmp_path / "ranker.onnx").outputs == ("scores", "click", "buy")
    session = onnxruntime.InferenceSession(tmp_path / "ranker.onnx")
    inputs = {"features": np.ones((1, 2, 5), "float32"), "mask": np.ones((1, 2), bool)}
    scores, click, buy = session.run(["scores", "click", "buy"], inputs)
    assert (scores == click).all()
    close(buy, keras.ops.convert_to_numpy(model(inputs)["buy"]))


def test_the_relevance_tower_ranks_as_the_loss_says(tmp_path):
    model = make("two_tower")
    signature = export.write_onnx(model, tmp_path / "ranker.onnx")
    assert signature.columns == {}
    close(open_system(tmp_path / "ranker.onnx")(TEST.with_ids(())), plackett.score(model, TEST))


def test_a_ranker_of_16_bits_is_written_in_float32(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = make("mlp")
    finally:
        keras.config.set_dtype_policy("float32")
    export.write_onnx(model, tmp_path / "ranker.onnx")
    wide = make("mlp")
    wide.set_weights(model.get_weights())
    close(open_system(tmp_path / "ranker.onnx")(TEST), plackett.score(wide, TEST))


@pytest.mark.parametrize("make_own", [of_a_dict, OfOneArray])
def test_a_model_of_ones_own_is_written_with_lists(tmp_path, make_own):
    model = make_own()
    if make_own is OfOneArray:
        with pytest.raises(ValueError, match="is not a scorer of plackett: give lists="):
            export.write_onnx(model, tmp_path / "ranker.onnx")
    signature = export.write_onnx(model, tmp_path / "ranker.onnx", lists=WITH_FILMS)
    assert signature.ids == ({"film": "int32"} if make_own is of_a_dict else {})
    lists = dataclasses.replace(WITH_FILMS)
    close(open_system(tmp_path / "ranker.onnx")(lists), plackett.score(model, lists))


def test_the_run_that_a_model_is_of_says_what_it_was_trained_on(tmp_path):
    lists = made_lists(30, seed=0)
    plackett.train(lists, lists, output=tmp_path / "run", epochs=1, scorer_options={"hidden": [4]}, batch_size=16)
    facts = export.write_onnx(tmp_path / "run", tmp_path / "ranker.onnx").facts
    assert facts["training_data"] == lists.fingerprint()
    assert len(facts["model"]) == 16


def test_nothing_is_written_where_the_file_gives_other_scores(tmp_path, monkeypatch):
    given = _exporters.convert

    def convert_wrongly(ranker):
        graph = given(ranker)
        weights = next(one for one in graph.graph.initializer if len(one.dims) == 2)
        weights.CopyFrom(onnx.numpy_helper.from_array(np.full(tuple(weights.dims), np.nan, "float32"), weights.name))
        return graph

    monkeypatch.setattr(export._onnx, "convert", convert_wrongly)
    with pytest.raises(ValueError, match=r"gives scores nan where Keras gives .* off, so nothing is written"):
        export.write_onnx(make("mlp"), tmp_path / "ranker.onnx")
    assert list(tmp_path.iterdir()) == []


def test_lists_are_made_of_known_and_unknown_ids():
    from plackett.export._ranker import ranker_to_export

    ranker = ranker_to_export(make("table"), None)
    (vocabulary,) = [layer for layer in ranker.scorer.layers if isinstance(layer, scorers.Vocabulary)]
    *_, given = _check.made_inputs(ranker)
    numbers = keras.ops.convert_to_numpy(vocabulary(given["film"]))
    assert (numbers > 0).any()
    assert (numbers == 0).any()


def test_files_of_earlier_exports_and_of_others_are_kept(tmp_path, mlp):
    path = tmp_path / "ranker.onnx"
    export.write_onnx(mlp[0], path)
    with pytest.raises(FileExistsError, match=r"ranker.onnx exists: choose another name, or give overwrite=True"):
        export.write_onnx(mlp[0], path)
    export.write_onnx(mlp[0], path, overwrite=True)
    path.with_suffix(".json").write_text('{"name": "of somebody else"}')
    with pytest.raises(FileExistsError, match=r"ranker.json exists and was not written by an export"):
        export.write_onnx(mlp[0], path, overwrite=True)


def test_what_cannot_be_written_is_refused(tmp_path, mlp):
    with pytest.raises(ValueError, match=r"an ONNX file must be called NAME.onnx, but got .*ranker.pb"):
        export.write_onnx(mlp[0], tmp_path / "ranker.pb")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        export.write_onnx(mlp[0], tmp_path / "nowhere" / "ranker.onnx")
    with pytest.raises(ValueError, match=r"model must be a Keras model, such as trained.model, or the path of one"):
        export.write_onnx({"weights": 1}, tmp_path / "ranker.onnx")
    (tmp_path / "other.onnx").write_text("")
    with pytest.raises(ValueError, match=r"other.onnx is already an ONNX file, .* --format vespa"):
        export.write_onnx(tmp_path / "other.onnx", tmp_path / "ranker.onnx")
    (tmp_path / "ranker.keras").write_text("no model")
    with pytest.raises(ValueError, match=r"Keras cannot load a model from .*ranker.keras"):
        export.write_onnx(tmp_path / "ranker.keras", tmp_path / "ranker.onnx")


def test_an_input_and_an_output_cannot_have_one_name(tmp_path):
    lists = dataclasses.replace(LISTS, ids={"scores": LISTS.ids["shop"]})
    with pytest.raises(
        ValueError, match="an input and an output of a file must have different names, but both are scores"
    ):
        export.write_onnx(scorers.table(lists, id="scores", tasks=("click", "buy")), tmp_path / "ranker.onnx")
    with pytest.raises(
        ValueError, match="a task of the name scores must be the first one, whose scores rank: give it another"
    ):
        export.write_onnx(scorers.mlp(DENSE, hidden=(4,), tasks=("click", "scores")), tmp_path / "ranker.onnx")


def test_a_lacking_exporter_is_named_with_the_backends_that_have_one(monkeypatch):
    found = _needs.importlib.util.find_spec
    monkeypatch.setattr(_needs.importlib.util, "find_spec", lambda name: None if name == "onnxscript" else found(name))
    with pytest.raises(ImportError, match=r"on torch needs onnxscript: pip install 'plackett\[export\]'; or export on"):
        _needs.check_needs("onnx", "torch")


def test_pytorch_names_the_backends_that_write_saved_models():
    with pytest.raises(ValueError, match="PyTorch cannot write a SavedModel: export on tensorflow or jax"):
        _needs.check_needs("saved_model", "torch")


def test_a_signature_of_another_form_is_refused():
    text = Signature(features=("a",), named=True, missing=False).to_json().replace('"form": 1', '"form": 2')
    with pytest.raises(ValueError, match="must have form 1, which this version of plackett reads, but got 2"):
        Signature.from_json(text)
