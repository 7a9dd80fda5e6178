"""Exact search gives what a loop over all products in float64 does, however it is cut into blocks."""

import tracemalloc

import numpy as np
import pytest

from plackett.retrieval import search


def by_loop(queries, documents, k):
    """Places and scores by the definition: products in float64, rounded to float32, equal ones by their places."""
    places, scores = [], []
    for query in queries.astype("float64"):
        products = np.array([np.dot(query, document) for document in documents.astype("float64")]).astype("float32")
        order = sorted(range(len(documents)), key=lambda place, of=products: (-of[place], place))[:k]
        places.append(order)
        scores.append(products[order])
    return np.array(places), np.array(scores)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize("block", [1, 7, 64, 5000])
def test_what_is_found_is_what_a_loop_finds_in_blocks_of_any_size(block):
    queries, documents = normal(9, 8), normal(300, 8, seed=1)
    places, scores = search(queries, documents, 20, block=block)
    true_places, true_scores = by_loop(queries, documents, 20)
    np.testing.assert_array_equal(places, true_places)
    np.testing.assert_allclose(scores, true_scores, rtol=1e-6)
    assert places.dtype == np.int64
    assert scores.dtype == np.float32


@pytest.mark.parametrize(("dtype", "scale"), [("float64", 1.0), ("float32", 1e-28)])
def test_documents_that_nearly_score_alike_stand_in_the_order_of_their_products(dtype, scale):
    # These queries in float32, or products whose error is taken for 0, give another order.
    random = np.random.default_rng(0)
    common = random.normal(size=(1, 64))
    queries = (common + 0.1 * random.normal(size=(20, 64))).astype(dtype)
    documents = ((common + 1e-5 * random.normal(size=(5000, 64))) * scale).astype(dtype)
    places, _ = search(queries, documents, 50)
    true_places, _ = by_loop(queries, documents, 50)
    np.testing.assert_array_equal(places, true_places)


@pytest.mark.parametrize("share", [0.002, 0.5])
def test_equal_documents_stand_in_the_order_of_their_places(share):
    documents = normal(2000, 128, seed=1)
    same = np.random.default_rng(2).random(2000) < share
    documents[same] = documents[7]
    queries = np.concatenate([documents[7:8], normal(40, 128)])
    places, scores = search(queries, documents, 50, block=300)
    true_places, _ = by_loop(queries, documents, 50)
    np.testing.assert_array_equal(places, true_places)
    assert len(set(scores[0, same[places[0]]])) == 1


def test_a_query_has_the_same_scores_alone_and_among_others():
    queries, documents = normal(40, 33), normal(3000, 33, seed=1)
    together = search(queries, documents, 10)
    for row in range(len(queries)):
        alone = search(queries[row : row + 1], documents, 10)
        np.testing.assert_array_equal(alone.places[0], together.places[row])
        np.testing.assert_array_equal(alone.scores[0], together.scores[row])


def test_queries_and_documents_of_zeros_give_the_first_documents():
    places, scores = search(np.zeros((2, 4)), -np.zeros((100, 4)), 3)
    assert places.tolist() == [[0, 1, 2]] * 2
    assert not np.signbit(scores).any()


def test_more_than_all_documents_gives_all():
    places, scores = search(normal(2, 3), normal(5, 3), 9)
    assert places.shape == scores.shape == (2, 5)
    assert sorted(places[0].tolist()) == [0, 1, 2, 3, 4]


def test_no_documents_and_no_queries_give_none():
    assert search(normal(2, 3), np.zeros((0, 3)), 4).places.shape == (2, 0)
    assert search(np.zeros((0, 3)), normal(5, 3), 4).places.shape == (0, 4)


def test_documents_may_be_of_a_file_and_of_half_precision(tmp_path):
    documents = normal(500, 6).astype("float16")
    np.save(tmp_path / "documents.npy", documents)
    mapped = np.load(tmp_path / "documents.npy", mmap_mode="r")
    queries = normal(5, 6, seed=1)
    np.testing.assert_array_equal(search(queries, mapped, 7).places, by_loop(queries, documents, 7)[0])


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_document_that_is_not_finite_is_named(wrong):
    documents = normal(3000, 3)
    documents[2500, 1] = wrong
    with pytest.raises(ValueError, match=rf"each of documents must be finite, but documents\[2500\] holds {wrong}"):
        search(normal(2, 3), documents, 4)


def test_a_query_that_is_not_finite_is_named():
    with pytest.raises(ValueError, match=r"each of queries must be finite, but queries\[1\] holds nan"):
        search([[1.0, 2.0], [np.nan, 0.0]], normal(5, 2), 4)


def test_documents_whose_products_float32_does_not_hold_are_refused():
    with pytest.raises(ValueError, match=r"documents\[0\] is so long that its products overflow"):
        search([[1.0, 0.0]], [[1e19, 2e19]], 1)


def test_shapes_that_do_not_fit_are_told():
    with pytest.raises(ValueError, match="queries have 3 and documents 4"):
        search(normal(2, 3), normal(2, 4), 1)
    with pytest.raises(
        ValueError, match=r"queries must be \[queries, dimension\] numbers, but got float32 of the shape \(3,\)"
    ):
        search(normal(3), normal(2, 3), 1)
    with pytest.raises(ValueError, match="k must be a whole number of at least 1, but got k=0"):
        search(normal(2, 3), normal(2, 3), 0)


def test_search_takes_the_memory_of_blocks(tmp_path):
    np.save(tmp_path / "documents.npy", normal(100_000, 32))
    documents = np.load(tmp_path / "documents.npy", mmap_mode="r")  # 12.8 MB
    tracemalloc.start()
    try:
        search(normal(64, 32, seed=1), documents, 10, block=256)
        assert tracemalloc.get_traced_memory()[1] < 3 * 2**20
    finally:
        tracemalloc.stop()
