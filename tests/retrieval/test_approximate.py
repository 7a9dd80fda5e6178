"""Approximate search finds nearly what exact search does, and gives the exact scores of what it finds."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest
from indexes import model, table

from plackett import _lazy
from plackett.retrieval import Retriever, build_index, open_index, search
from plackett.retrieval._approximate import Approximate, write_approximate


def recall(documents, queries, path, k=20, expansion=256):
    """The share of the exact best k that the graph leads to."""
    write_approximate(documents, path)
    places = Approximate(path, *documents.shape, expansion).find(queries, k)
    exact = search(queries, documents, k).places
    return np.mean([len(set(one) & set(other)) / k for one, other in zip(places, exact, strict=True)])


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def lengths_of_their_own(x):
    return x * np.random.default_rng(5).lognormal(0, 0.5, (len(x), 1)).astype("float32")


def with_a_common_direction(x):
    return x + 3 * normal(1, x.shape[1], seed=9)


@pytest.mark.parametrize(
    "change", [lambda x: x / np.linalg.norm(x, axis=1, keepdims=True), lengths_of_their_own, with_a_common_direction]
)
def test_most_of_the_best_documents_are_found_whatever_their_lengths(change, tmp_path):
    documents, queries = change(normal(6000, 24)), normal(50, 24, seed=1) + normal(1, 24, seed=9)
    assert recall(documents, queries, tmp_path / "graph.usearch") > 0.95


def test_scores_are_exact_and_the_best_one_is_first(tmp_path):
    towers, queries = model("dot"), table(9, "q", seed=1)
    index = build_index(towers, table(3000, "d"), tmp_path / "index", approximate=True)
    retriever = Retriever(towers, index)
    found, exact = (retriever.search(queries, k=k, exact=one) for k, one in ((10, False), (3000, True)))
    of_places = [dict(zip(*one, strict=True)) for one in zip(exact.places.tolist(), exact.scores, strict=True)]
    expected = [[of[place] for place in places] for of, places in zip(of_places, found.places.tolist(), strict=True)]
    np.testing.assert_array_equal(found.scores, expected)
    assert (np.diff(found.scores) <= 0).all()
    true = exact.scores[:, :10]
    assert index.measure_recall(retriever.embed(queries), k=10) == np.mean(found.scores >= true[:, -1:]) > 0.9


def test_one_query_is_searched_as_many_are(tmp_path):
    index = build_index(model(), table(500, "d"), tmp_path / "index", approximate=True)
    queries = normal(5, 5)
    together = index.search(queries, k=3).places
    assert [index.search(one[None], k=3).places[0].tolist() for one in queries] == together.tolist()


def test_what_the_graph_leads_to_too_few_for_is_searched_exactly(tmp_path, monkeypatch):
    index = build_index(model(), table(500, "d"), tmp_path / "index", approximate=True)
    queries = normal(5, 5)
    expected = index.search(queries, k=30, exact=True).places
    find = Approximate.find

    def find_few(self, queries, k):
        places = find(self, queries, k)
        places[2, 1:] = -1
        return places

    monkeypatch.setattr(Approximate, "find", find_few)
    np.testing.assert_array_equal(index.search(queries, k=30).places[2], expected[2])


def test_equal_documents_do_not_lower_the_recall(tmp_path):
    towers = model()
    documents = table(400, "d")
    documents["x"][:] = documents["x"][0]
    index = build_index(towers, documents, tmp_path / "index", approximate=True)
    assert index.measure_recall(normal(5, 5), k=10) == 1.0


def test_approximate_search_without_a_graph_is_refused(tmp_path):
    index = build_index(model(), table(20, "d"), tmp_path / "index")
    with pytest.raises(ValueError, match="has no graph for approximate search: build it with approximate=True"):
        index.search(normal(1, 5), k=3, exact=False)
    with pytest.raises(ValueError, match="has no graph for approximate search"):
        index.measure_recall(normal(1, 5), k=3)


def test_a_wider_search_misses_fewer_documents(tmp_path):
    documents, queries = lengths_of_their_own(normal(6000, 48)), normal(50, 48, seed=1)
    narrow, wide = (recall(documents, queries, tmp_path / "graph", expansion=number) for number in (20, 1000))
    assert narrow < wide


def test_without_usearch_the_error_says_what_to_install(tmp_path, monkeypatch):
    build_index(model(), table(20, "d"), tmp_path / "index", approximate=True)
    missing = ModuleNotFoundError("No module named 'usearch'", name="usearch")

    def import_module(name):
        raise missing

    monkeypatch.setattr(_lazy.importlib, "import_module", import_module)
    with pytest.raises(ImportError, match=r"an approximate index needs usearch: pip install 'plackett\[retrieval\]'"):
        open_index(tmp_path / "index")


def test_a_graph_for_which_there_is_no_room_is_an_error_of_writing(tmp_path):
    script = f"""
import resource, signal
from indexes import model, table
from plackett.retrieval import build_index
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
build_index(model(), table(1000, "d"), {str(tmp_path / "index")!r}, approximate=True)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=pathlib.Path(__file__).parent, capture_output=True, text=True
    )
    assert "index could not be written: usearch says" in done.stderr.splitlines()[-1]
    assert not list(tmp_path.iterdir())
