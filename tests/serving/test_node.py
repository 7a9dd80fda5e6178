"""An exported ranker ranks in Node, without Python: examples/serve_from_node."""

import json
import pathlib
import shutil
import subprocess

import numpy as np
import pytest
from conftest import stir

import plackett
from plackett import export, scorers

ROOT = pathlib.Path(__file__).parents[2]
NAMES = ["bm25", "age"]
INSTALL = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-save"]

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or shutil.which("npm") is None, reason="node and npm are not installed"
)


@pytest.fixture(scope="module")
def example():
    """The example with its packages, which stay for the next run."""
    folder = ROOT / ".cache" / "serve_from_node"
    shutil.copytree(ROOT / "examples" / "serve_from_node", folder, dirs_exist_ok=True)
    if not (folder / "node_modules" / "onnxruntime-node").exists():
        subprocess.run(INSTALL, cwd=folder, check=True)
    return folder


@pytest.fixture(scope="module")
def lists():
    random = np.random.default_rng(0)
    return plackett.data.RankingLists.from_arrays(
        random.lognormal(size=(60, 2)), random.integers(0, 3, 60), group=[6] * 10, feature_names=NAMES
    )


@pytest.fixture(scope="module")
def model(lists):
    return stir(scorers.mlp(lists, transform="log1p"))


@pytest.fixture(scope="module")
def file(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    export.write_onnx(model, path)
    return path


def rank(example, file, documents):
    """What rank.mjs does of documents."""
    given = json.dumps({"documents": documents})
    return subprocess.run(["node", "rank.mjs", file], cwd=example, input=given, capture_output=True, text=True)


def documents_of(query):
    """The documents of a query, each with its features in another order than the model has them."""
    rows = [dict(reversed(list(zip(NAMES, map(float, row), strict=True)))) for row in query.features]
    return [{"id": f"d{i}", "features": row} for i, row in enumerate(rows)]


def test_it_ranks_as_plackett_does(example, file, model, lists):
    done = rank(example, file, documents_of(lists[3]))
    assert done.returncode == 0, done.stderr
    ranking = json.loads(done.stdout)["ranking"]
    scores = plackett.score(model, lists)[18:24]
    assert [one["id"] for one in ranking] == [f"d{i}" for i in np.argsort(-scores)]
    np.testing.assert_allclose([one["score"] for one in ranking], np.sort(scores)[::-1], rtol=1e-5, atol=1e-5)


def test_a_missing_feature_is_an_error(example, file, lists):
    documents = documents_of(lists[3])
    del documents[2]["features"]["age"]
    done = rank(example, file, documents)
    assert done.returncode != 0
    assert "a document lacks a feature" in done.stderr


def test_the_readme_shows_what_the_example_prints(example, file):
    readme = (example / "README.md").read_text()
    documents = json.loads(readme.partition("echo '")[2].partition("'")[0])["documents"]
    shown = json.loads(next(line for line in readme.splitlines() if line.startswith('    {"ranking"')))
    told = json.loads(rank(example, file, documents).stdout)
    assert told.keys() == shown.keys()
    assert [set(one) for one in told["ranking"]] == [set(one) for one in shown["ranking"]]
    assert {one["id"] for one in told["ranking"]} == {one["id"] for one in shown["ranking"]}
