import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plackett.data import Strings
from plackett.retrieval import DistinctBatches, batch_by_distinct, pairs_by_class


def skewed_ids(rows, kinds, seed):
    return np.random.default_rng(seed).zipf(1.5, rows) % kinds


def test_no_batch_holds_an_id_twice():
    ids = skewed_ids(500, 90, seed=0)
    assert all(len(np.unique(ids[batch])) == len(batch) for batch in batch_by_distinct(ids, 32))


def test_each_row_is_in_one_batch():
    rows = np.concatenate(batch_by_distinct(skewed_ids(500, 90, seed=1), 32))
    assert sorted(rows.tolist()) == list(range(500))


@pytest.mark.parametrize("kinds, batches", [(500, 16), (3, None)])
def test_there_are_as_few_batches_as_can_be_of_nearly_one_size(kinds, batches):
    ids = np.arange(500) % 500 if kinds == 500 else skewed_ids(500, kinds, seed=2)
    sizes = [len(batch) for batch in batch_by_distinct(ids, 32)]
    assert len(sizes) == (batches or np.bincount(ids).max())
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= 32


@given(st.lists(st.integers(-3, 12) | st.just(2**63), min_size=1, max_size=60), st.integers(1, 9), st.integers(0, 99))
def test_the_laws_of_batches_hold_for_all_ids(ids, batch_size, seed):
    batches = batch_by_distinct(ids, batch_size, seed=seed)
    sizes = [len(batch) for batch in batches]
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(ids)))
    assert all(len({ids[row] for row in batch}) == len(batch) for batch in batches)
    assert len(batches) == max(-(-len(ids) // batch_size), max(map(ids.count, ids)))
    assert max(sizes) <= batch_size
    assert max(sizes) - min(sizes) <= 1


@given(st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=5, max_size=40), st.integers(0, 99))
def test_the_laws_of_pairs_hold_for_all_classes(classes, seed):
    anchors, positives, rest = pairs_by_class(classes, seed=seed)
    assert sorted([*anchors, *positives, *rest]) == list(range(len(classes)))
    assert [classes[row] for row in anchors] == [classes[row] for row in positives]
    assert sorted(classes[row] for row in rest) == [one for one in "abcd" if classes.count(one) % 2]


def test_a_seed_repeats_the_batches_and_another_changes_them():
    ids = skewed_ids(200, 40, seed=3)
    first, again, other = (np.concatenate(batch_by_distinct(ids, 16, seed=seed)) for seed in (5, 5, 6))
    assert (first == again).all()
    assert (first != other).any()
    assert (first != np.concatenate(batch_by_distinct(ids, 16))).any()


def test_rows_of_different_ids_meet_in_every_way():
    seen = {
        tuple(sorted(batch.tolist())) for seed in range(200) for batch in batch_by_distinct([0, 0, 1, 1], 2, seed=seed)
    }
    assert seen == {(0, 2), (0, 3), (1, 2), (1, 3)}


@pytest.mark.parametrize(
    "given", [["b", "a", "b"], Strings.of(["b", "a", "b"]), np.array([2**62 + 1, 2**62, 2**62 + 1])]
)
def test_ids_of_any_kind_are_told_apart_exactly(given):
    assert sorted(len(batch) for batch in batch_by_distinct(given, 3)) == [1, 2]


@pytest.mark.parametrize(
    "ids, batch_size, words",
    [
        ([], 2, "ids must have a row at least"),
        ([[0], [1]], 2, "ids must have 2 entries"),
        ([0.5, 1.0], 2, "strings or whole numbers"),
        (["a", None], 2, r"ids\[1\] is None"),
        ([0, 1], 0, "batch_size must be a whole number of at least 1"),
    ],
)
def test_what_cannot_be_batched_is_told(ids, batch_size, words):
    with pytest.raises(ValueError, match=words):
        batch_by_distinct(np.array(ids) if ids == [0.5, 1.0] or ids == [[0], [1]] else ids, batch_size)


def test_pairs_are_of_one_class_and_no_row_is_in_two():
    classes = skewed_ids(300, 20, seed=4)
    anchors, positives, rest = pairs_by_class(classes)
    assert (classes[anchors] == classes[positives]).all()
    assert sorted([*anchors, *positives, *rest]) == list(range(300))


def test_only_a_class_of_an_odd_number_leaves_a_row_over():
    classes = skewed_ids(300, 20, seed=5)
    odd = np.flatnonzero(np.bincount(classes) % 2)
    assert sorted(classes[pairs_by_class(classes).rest]) == odd.tolist()


def test_another_seed_pairs_the_rows_anew():
    pairs = {tuple(sorted(zip(*pairs_by_class([7] * 4, seed=seed)[:2], strict=True))) for seed in range(100)}
    assert len(pairs) == 12


def test_classes_without_a_pair_are_refused():
    with pytest.raises(ValueError, match="each of the 3 rows has a class of its own"):
        pairs_by_class(["a", "b", "c"])


def test_batches_of_an_epoch_have_the_rows_of_their_labels():
    ids = skewed_ids(60, 30, seed=6)
    x = {"query": np.arange(60.0), "document": {"text": np.arange(120).reshape(60, 2), "year": np.arange(60)}}
    batches = DistinctBatches(x, np.arange(60), ids, 16, sample_weight=np.arange(60) / 60, seed=0)
    for inputs, labels, weights in (batches[i] for i in range(len(batches))):
        assert (inputs["query"] == labels).all()
        assert (inputs["document"]["text"][:, 0] == 2 * labels).all()
        assert (inputs["document"]["year"] == labels).all()
        assert (weights == labels / 60).all()
        assert len(np.unique(ids[labels])) == len(labels)


def test_each_epoch_has_other_batches_which_the_seed_repeats():
    def epochs(seed):
        batches = DistinctBatches(np.arange(40), np.arange(40), np.arange(40) // 2, 8, seed=seed)
        for _ in range(2):
            yield [batches[i][1].tolist() for i in range(len(batches))]
            batches.on_epoch_end()

    first, second = epochs(3)
    assert first != second
    assert [first, second] == list(epochs(3))
    assert [first, second] != list(epochs(4))
    assert list(epochs(None)) != list(epochs(None))


@pytest.mark.parametrize(
    "x, y, weight, words",
    [
        ({"query": np.zeros(3)}, np.zeros(4), None, r"x\['query'\] must have a row for each of the 4 ids, .* \(3,\)"),
        ((np.zeros(4), np.float32(1)), np.zeros(4), None, r"x\[1\] must have a row .* shape \(\)"),
        (np.zeros(4), None, None, "y must have a row"),
        (np.zeros(4), np.zeros(4), np.zeros(2), "sample_weight must have a row"),
    ],
)
def test_arrays_of_other_lengths_are_refused_by_name(x, y, weight, words):
    with pytest.raises(ValueError, match=words):
        DistinctBatches(x, y, np.arange(4), 2, sample_weight=weight)


def test_shards_are_equal_parts_of_the_batches():
    def labels(**options):
        batches = DistinctBatches(np.arange(41), np.arange(41), np.arange(41), 8, seed=0, **options)
        return [batches[i][1].tolist() for i in range(len(batches))]

    for whole, *parts in zip(labels(), *(labels(shard=(i, 3)) for i in range(3)), strict=True):
        assert [*parts[0], *parts[1], *parts[2]] == whole[:6]
        assert {len(part) for part in parts} == {2}


def test_a_list_of_arrays_is_one_of_inputs():
    batches = DistinctBatches([np.arange(2), np.arange(2) + 5], np.arange(2), np.arange(2), 2, seed=0)
    inputs, labels = batches[0]
    assert [one.tolist() for one in inputs] == [labels.tolist(), (labels + 5).tolist()]
    assert DistinctBatches([1.5, 2.5], [1, 2], np.arange(2), 2, seed=0)[0][0].shape == (2,)


def test_processes_that_share_batches_take_them_in_their_order():
    batches = DistinctBatches(np.arange(16), np.arange(16), np.arange(16), 4, seed=0, shard=(0, 2))
    for i in (0, 1, 0, 1, 2):
        _ = batches[i]
    with pytest.raises(ValueError, match=r"batch 1 is asked for, but 3 is the next.*shuffle=False"):
        _ = batches[1]
    batches.on_epoch_end()
    with pytest.raises(ValueError, match="batch 3 is asked for, but 0 is the next"):
        _ = batches[3]


@pytest.mark.parametrize(
    "options, words",
    [
        ({"shard": (2, 2), "seed": 0}, r"0 <= i < n, but got \(2, 2\)"),
        ({"shard": 2}, "whole numbers with 0 <= i < n, but got 2"),
        ({"shard": (0.5, 2), "seed": 0}, r"whole numbers .* got \(0.5, 2\)"),
        ({"shard": (0, 2)}, "needs a seed, the same in all processes"),
        ({"shard": (0, 5), "seed": 0}, "cuts a batch into 5, but one has 4 rows: give a larger batch_size"),
    ],
)
def test_shards_that_cannot_be_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        DistinctBatches(np.arange(8), np.arange(8), np.arange(8), 4, **options)
