"""`plackett export`."""

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
    with pytest.raises(ValueError, match="say which by --format elasticsearch or solr"):
        form_of(tmp_path / "a.json")
    with pytest.raises(ValueError, match=r"must be NAME.onnx, NAME.json with --format, or a folder, but got .*a.keras"):
        form_of(tmp_path / "a.keras")


def test_options_of_search_engines_act_there_alone(files, model):
    done = run("export", model, files / "ranker.onnx", "--lift")
    assert "--lift acts with --format elasticsearch or solr alone" in words(done)


def test_the_first_backend_with_an_exporter_is_taken(monkeypatch):
    monkeypatch.setattr(export, "sys", type("Without", (), {"modules": {}}))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setattr(export, "can", lambda form, backend: backend != "jax")
    assert export._backend_for("onnx", None) == "tensorflow"
    assert export._backend_for("onnx", BACKEND) == BACKEND
