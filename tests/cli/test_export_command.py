"""`plackett export`."""

import lightgbm
import numpy as np
import pytest
from backends import BACKEND
from command_line import quick, run, words

from plackett.cli import export
from plackett.cli.export import form_of


@pytest.fixture
def model(files):
    """The folder of a run."""
    done = run("train", files / "train.txt", "--output", files / "run", *quick(1))
    assert done.exit_code == 0, done.output
    return files / "run"


def test_a_run_is_exported_and_measured_as_its_model(files, model):
    done = run("export", model, files / "ranker.onnx")
    assert done.exit_code == 0, done.output
    assert "takes 5 features and gives scores" in words(done)
    measured = run("evaluate", files / "ranker.onnx", "--data", files / "test.txt")
    assert measured.exit_code == 0, measured.output
    again = run("export", model, files / "ranker.onnx")
    assert again.exit_code != 0
    assert "ranker.onnx exists: choose another name, or give overwrite=True (--overwrite)" in words(again)


def test_a_form_is_told_by_the_name_of_the_output(tmp_path):
    assert form_of(tmp_path / "a.onnx") == "onnx"
    assert form_of(tmp_path / "a") == "saved_model"
    with pytest.raises(ValueError, match="give --format elasticsearch or solr"):
        form_of(tmp_path / "a.json")
    with pytest.raises(ValueError, match=r"must be NAME.onnx, NAME.json with --format, or a folder, but got .*a.keras"):
        form_of(tmp_path / "a.keras")


def test_options_of_search_engines_act_there_alone(files, model):
    done = run("export", model, files / "ranker.onnx", "--lift")
    assert "--lift is for --format elasticsearch or solr alone" in words(done)


def test_the_tolerance_is_of_what_is_compared_with_keras(files, model):
    done = run("export", model, files / "ranker.onnx", "--tolerance", "1e-12")
    assert "more than 1e-12 off, so nothing is written" in words(done)
    assert not (files / "ranker.onnx").exists()
    assert run("export", model, files / "ranker.onnx", "--tolerance", "1e-4").exit_code == 0
    assert "tolerance must be a number greater than 0" in words(
        run("export", model, files / "b.onnx", "--tolerance", 0)
    )
    vespa = run("export", files / "ranker.onnx", files / "vespa.onnx", "--format", "vespa", "--tolerance", "1e-4")
    assert "--tolerance is for an ONNX file or a SavedModel alone" in words(vespa)


def test_the_first_backend_with_an_exporter_is_taken(monkeypatch):
    monkeypatch.setattr(export, "sys", type("Without", (), {"modules": {}}))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setattr(export, "can", lambda form, backend: backend != "jax")
    assert export._backend_for("onnx", None) == "tensorflow"
    assert export._backend_for("onnx", BACKEND) == BACKEND


def test_a_model_of_trees_without_names_gets_them(files):
    x = np.random.default_rng(0).normal(size=(200, 2))
    training = lightgbm.Dataset(x, label=x[:, 0] > 0)
    lightgbm.train({"objective": "binary", "verbose": -1, "num_leaves": 4}, training, 3).save_model(files / "trees.txt")
    done = run("export", files / "trees.txt", files / "shop.json", "--format", "solr", "--features", "bm25,price")
    assert done.exit_code == 0, done.output
    assert "score of the model = sigmoid(score of the engine" in words(done)
    assert "bm25" in (files / "shop.json").read_text()


def test_a_run_and_its_exported_file_are_written_for_vespa(files, model):
    assert run("export", model, files / "ranker.onnx").exit_code == 0
    for source in (model, files / "ranker.onnx"):
        done = run("export", source, files / "vespa.onnx", "--format", "vespa", "--overwrite")
        assert done.exit_code == 0, done.output
        assert "takes features in this order: 1, 2, 3, 4, 5" in words(done)
    again = run("export", model, files / "vespa.onnx", "--format", "vespa")
    assert "vespa.onnx exists: choose another name" in words(again)
    other = run("export", files / "ranker.onnx", files / "vespa2.onnx", "--format", "vespa", "--backend", BACKEND)
    assert "is an ONNX file: leave it out" in words(other)
