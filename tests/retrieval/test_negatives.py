import keras
import numpy as np
import pytest

from plackett.losses import InBatchSoftmaxLoss, in_batch_labels
from plackett.retrieval import DistinctBatches, Retriever, TwoTowerModel, build_index, mine_negatives, search


class Ranked:
    """A retriever, and its index, of documents that score what is given for each query."""

    def __init__(self, scores):
        self.embeddings = np.transpose(np.asarray(scores, "float32"))
        self.index = self

    def __len__(self):
        return len(self.embeddings)

    def embed(self, queries):
        return np.eye(self.embeddings.shape[1], dtype="float32")[queries]

    def search(self, embeddings, k):
        return search(embeddings, self.embeddings, k)


FALLING = np.arange(10, 0, -1) / 10  # document 0 scores 1, document 9 scores 0.1
ONE = Ranked([FALLING])


def mine(positives, retriever=ONE, queries=(0,), **options):
    return mine_negatives(retriever, list(queries), positives, **options).tolist()


def test_negatives_are_the_best_candidates_that_are_no_positives():
    assert mine([1], number=3) == [[0, 2, 3]]


def test_each_query_has_its_own_positives():
    both = Ranked([FALLING, FALLING[::-1]])
    expected = [[1, 2], [9, 7]]
    assert mine([[0, -1], [8, -1]], both, (0, 1), number=2) == expected
    assert mine([[0], [8]], both, (0, 1), number=2) == expected
    assert mine([[0], [8, 9]], both, (0, 1), number=2) == [[1, 2], [7, 6]]


def test_a_query_without_positives_stands_among_others():
    both = Ranked([FALLING, FALLING])
    assert mine([[], [0, 2]], both, (0, 1), number=2) == [[0, 1], [1, 3]]


@pytest.mark.parametrize("positives", [np.zeros(0, int), np.zeros((0, 3), int)])
def test_no_query_has_no_negatives(positives):
    assert mine(positives, queries=(), number=2) == []


def test_skip_leaves_out_the_first_that_are_no_positives():
    assert mine([[0, 3]], number=2, skip=2) == [[4, 5]]


def test_margin_leaves_out_what_scores_like_the_best_positive():
    assert mine([2], number=2, margin=0.0) == [[3, 4]]
    assert mine([2], number=2, margin=0.25) == [[5, 6]]
    assert mine([[2, 5]], number=2, margin=0.0) == [[3, 4]]


def test_margin_is_measured_from_a_positive_that_the_search_missed():
    class Approximate(Ranked):
        def search(self, embeddings, k):
            found = search(embeddings, self.embeddings[1:], k)
            return found._replace(places=found.places + 1)

    assert mine([0], Approximate([FALLING]), number=2, margin=0.25) == [[3, 4]]


def test_no_candidate_is_far_enough_from_a_positive_that_is_none():
    with pytest.raises(ValueError, match=r"query 0 has 0 negatives among its 4 candidates, with skip=0, margin=0\.1"):
        mine([8], number=1, margin=0.1, candidates=4)


def test_a_query_with_too_few_negatives_is_told_with_what_helps():
    both = Ranked([FALLING, FALLING])
    words = r"query 1 has 2 negatives among its 4 .* but number=3; 1 of 2 .* have too few.* fill=\"random\""
    with pytest.raises(ValueError, match=words):
        mine([[9], [0, 1]], both, (0, 1), number=3, candidates=4)


def test_random_documents_fill_what_the_candidates_leave_open():
    filled = [mine([[0, 5]], number=5, candidates=3, fill="random", seed=seed)[0] for seed in range(100)]
    assert all(one[:2] == [1, 2] for one in filled)
    assert {place for one in filled for place in one[2:]} == {3, 4, 6, 7, 8, 9}
    assert all(len(set(one)) == 5 for one in filled)


def test_a_fill_that_needs_more_documents_than_there_are_is_refused():
    with pytest.raises(ValueError, match=r"query 0 needs 9 more documents .* of all 10 only 7 are"):
        mine([0], number=11, candidates=3, fill="random")


def test_random_sampling_draws_among_all_that_are_left_in_the_order_of_the_retriever():
    drawn = [mine([0], number=2, skip=1, candidates=6, sampling="random", seed=seed)[0] for seed in range(100)]
    assert {tuple(one) for one in drawn} == {(a, b) for a in range(2, 6) for b in range(a + 1, 6)}


def test_a_seed_repeats_what_is_drawn():
    assert mine([0], number=3, sampling="random", seed=1) == mine([0], number=3, sampling="random", seed=1)


def test_a_query_without_positives_has_no_margin():
    assert mine([[-1]], number=1) == [[0]]
    with pytest.raises(ValueError, match="query 0 has none: give margin=None"):
        mine([[-1]], number=1, margin=0.1)


@pytest.mark.parametrize(
    "positives, words",
    [
        ([1, 2], "an entry for each of the 1 queries, but have 2"),
        ([10], "places from 0 to 9, but that of query 0 is 10"),
        ([-1], "that of query 0 is -1"),
        ([[-2]], "that of query 0 is -2"),
        (None, "positives must be places .* are a NoneType"),
        ([0.5], "whole numbers, but are float64"),
        (np.zeros((1, 1, 1), int), r"shape \(1, 1, 1\)"),
    ],
)
def test_positives_that_are_no_places_are_refused(positives, words):
    with pytest.raises(ValueError, match=words):
        mine(positives, number=1)


def test_mined_places_are_the_negatives_that_the_model_learns_from(tmp_path):
    random = np.random.default_rng(0)
    documents = random.normal(size=(60, 8)).astype("float32")
    queries = documents + 2 * random.normal(size=(60, 8)).astype("float32") * (np.arange(8) > 3)
    keras.utils.set_random_seed(0)
    tower = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8)])
    model = TwoTowerModel(tower, tower)
    model.compile(keras.optimizers.Adam(0.02), InBatchSoftmaxLoss())
    retriever = Retriever(model, build_index(model, (range(60), documents), tmp_path / "index"))
    places = mine_negatives(retriever, queries, np.arange(60), number=2, candidates=20)
    assert (places != np.arange(60)[:, None]).all()
    x = {"query": queries, "document": documents, "negatives": documents[places]}
    y = in_batch_labels(np.arange(60), negatives=places)
    losses = model.fit(DistinctBatches(x, y, np.arange(60), 16, seed=0), epochs=10, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 2
