"""Each scorer on each backend: the table of docs/export.md."""

import json
import os
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest
from backends import BACKEND
from conftest import XLA_FLAGS
from exports import export_all
from rankers import LISTS, MODELS, TEST, make, with_missing

import plackett
from plackett import export, scorers
from plackett.data._signature import Signature
from plackett.distillation._fingerprints import of_teacher
from plackett.evaluation import open_system

HERE = pathlib.Path(__file__).parent
PAGE = HERE.parents[1] / "docs/export.md"
BACKENDS = ("jax", "tensorflow", "torch")
EXPORTED = [name for name in MODELS if name not in ("mlp", "embeddings", "table")]  # which are in the ensemble


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder of models that this backend saved, and their scores by name."""
    folder, scores = tmp_path_factory.mktemp("models"), {}
    for name in EXPORTED:
        model = make(name)
        model.save(folder / f"{name}.keras")
        scores[name] = plackett.score(model, with_missing(TEST) if "missing" in name else TEST)
    return folder, scores


def on(backend, form, folder):
    """What `exports.py` prints under a backend."""
    done = subprocess.run(
        [sys.executable, HERE / "exports.py", form, folder],
        capture_output=True,
        text=True,
        env=os.environ | {"KERAS_BACKEND": backend, "XLA_FLAGS": XLA_FLAGS, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("backend", BACKENDS)
def test_each_scorer_that_one_backend_saved_is_exported_by_each(models, backend):
    folder, scores = models
    facts = export_all(folder, export.write_onnx, ".onnx") if backend == BACKEND else on(backend, "onnx", folder)
    assert sorted(facts) == sorted(EXPORTED)
    for name, wanted in scores.items():
        assert facts[name]["largest_difference"] < 1e-5
        assert facts[name]["model"] == of_teacher(make(name))
        lists = with_missing(TEST) if "missing" in name else TEST
        found = open_system(folder / f"{name} on {backend}.onnx")(lists)
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def test_the_table_of_the_page_holds_each_scorer_and_what_is_tested():
    rows = re.findall(r"^\| `?([a-z_, ]+?)`? \| (yes|no) \| (yes|no) \| (yes|no) \|$", PAGE.read_text(), re.MULTILINE)
    assert {name for name, *_ in rows} == set(scorers.SCORERS) == {name.partition(",")[0] for name in MODELS}
    assert all(cell == "yes" for _, *cells in rows for cell in cells)


@pytest.mark.parametrize("backend", ["jax", "tensorflow"])
def test_a_saved_model_gives_the_scores_of_keras(tmp_path, backend):
    make("mlp").save(tmp_path / "ranker.keras")
    facts = on(backend, "saved_model", tmp_path)["ranker"]
    folder = tmp_path / f"ranker on {backend}"
    assert facts["largest_difference"] < 1e-5
    assert (folder / "saved_model.pb").is_file()
    assert Signature.from_json((folder / "plackett.json").read_text()).features == LISTS.feature_names
