"""Which documents stand in which batch, and where."""

import dataclasses
import itertools

import numpy as np
import pytest
from conftest import made_lists

import plackett
from plackett.data import Batches, _batches, best_sizes, concatenate, plan
from plackett.data._batches import bucket_size


def test_plan_holds_each_query_once_and_repeats():
    lengths = np.random.default_rng(0).integers(1, 200, 1003)
    for epoch in range(3):
        batches = plan(lengths, 16, seed=5, epoch=epoch)
        assert sorted(np.concatenate(batches)) == list(range(1003))
        assert all(np.array_equal(a, b) for a, b in zip(batches, plan(lengths, 16, seed=5, epoch=epoch), strict=True))
    assert not np.array_equal(plan(lengths, 16, seed=5, epoch=0)[0], plan(lengths, 16, seed=5, epoch=1)[0])
    assert np.concatenate(plan(lengths, 16, seed=None)).tolist() == list(range(1003))


def test_sorting_inside_windows_keeps_padding_low():
    lengths = np.random.default_rng(0).lognormal(4, 0.7, 4000).astype(int) + 1

    def real(batches):
        return lengths.sum() / sum(16 * bucket_size(int(lengths[b].max())) for b in batches)

    assert real(plan(lengths, 16, seed=0)) > 0.6 > 2 * real(plan(lengths, 16, seed=None))


def batch_of(lists, queries, **options):
    """One batch of these queries, in this order."""
    return next(iter(Batches(lists.select(np.array(queries)), len(queries) + 1, **options)))


def test_batches_are_filled_up_with_lists_of_no_weight():
    lists = made_lists(5, seed=0)
    inputs, labels, weights = batch_of(lists, [4, 0, 2])
    assert labels.shape == inputs["mask"].shape == (4, -(-lists.lengths[[4, 0, 2]].max() // 8) * 8)
    assert weights.tolist() == pytest.approx([4 / 3] * 3 + [0])
    assert np.array_equal(labels >= 0, inputs["mask"])
    assert np.array_equal(inputs["mask"].sum(axis=1), [*lists.lengths[[4, 0, 2]], 0])
    first = slice(lists.row_splits[4], lists.row_splits[5])
    assert np.array_equal(inputs["features"][0][inputs["mask"][0]], lists.features[first])
    assert np.array_equal(labels[0][inputs["mask"][0]], lists.labels[first])


def with_columns(lists):
    total = np.arange(len(lists.labels), dtype="float32")
    return dataclasses.replace(lists, columns={"click": total % 2, "weight": total + 1, "teacher": -total})


def test_targets_and_weights_of_documents():
    lists = with_columns(made_lists(3, seed=0))
    inputs, labels, weights = batch_of(lists, [0, 1, 2], targets="teacher")
    real = inputs["mask"]
    assert labels[real].tolist() == lists.columns["teacher"].tolist()
    assert weights[real].tolist() == pytest.approx((4 / 3 * lists.columns["weight"]).tolist())
    assert (weights[~real] == 0).all()
    own = dataclasses.replace(lists, columns=lists.columns | {"dwell time": lists.labels + 0.5})
    assert batch_of(own, [0, 1, 2], targets="dwell time")[1][real].tolist() == (lists.labels + 0.5).tolist()
    inputs, labels, weights = batch_of(lists, [0, 1, 2], targets={"a": "click", "b": "label"})
    assert labels["a"][real].tolist() == lists.columns["click"].tolist()
    assert labels["b"][real].tolist() == lists.labels.tolist()
    assert weights.keys() == labels.keys() == {"a", "b"}
    with pytest.raises(ValueError, match="unknown target of these lists 'weight'; known are click, label, teacher"):
        Batches(lists, 2, targets="weight")


def test_a_list_that_nobody_judged_has_no_weight_for_labels_alone():
    lists = with_columns(made_lists(3, seed=0))
    judged = np.zeros(len(lists.labels))
    judged[lists.row_splits[1]] = 1  # one document of the second list
    lists = dataclasses.replace(lists, columns={"teacher": lists.columns["teacher"], "judged": judged})
    assert batch_of(lists, [0, 1, 2])[2].tolist() == pytest.approx([0, 4 / 3, 0, 0])
    _, _, weights = batch_of(lists, [0, 1, 2], targets={"a": "label", "b": "teacher", "c": "label"})
    assert weights["a"].tolist() == weights["c"].tolist() == pytest.approx([0, 4 / 3, 0, 0])
    assert weights["b"].tolist() == pytest.approx([4 / 3] * 3 + [0])
    weighed = dataclasses.replace(lists, columns=lists.columns | {"weight": np.full(len(judged), 0.5)})
    inputs, _, weights = batch_of(weighed, [0, 1, 2], targets={"a": "label", "b": "teacher"})
    assert weights["a"].sum(axis=1).tolist() == pytest.approx([0, 2 / 3 * lists.lengths[1], 0, 0])
    assert weights["b"][inputs["mask"]].tolist() == pytest.approx([2 / 3] * len(judged))


def test_any_step_of_any_epoch_is_found_again():
    lists = made_lists(50, seed=0)
    whole, rest = Batches(lists, 4, seed=3), Batches(lists, 4, seed=3)
    whole.start(2)
    rest.start(2, 5)
    assert len(rest) == len(whole) - 5
    for i, (inputs, labels, weights) in enumerate(rest):
        expected = whole[i + 5]
        assert np.array_equal(inputs["features"], expected[0]["features"])
        assert np.array_equal(labels, expected[1])
        assert np.array_equal(weights, expected[2])


def test_the_plan_of_an_epoch_is_made_once(monkeypatch):
    made = []
    monkeypatch.setattr(_batches, "plan", lambda *_, epoch, **__: made.append(epoch) or plan(*_, epoch=epoch, **__))
    batches = Batches(made_lists(50, seed=0), 4, seed=3)
    assert len(batches) == 13
    assert made == []
    for epoch, step in ((0, 0), (0, 5), (1, 0), (1, 2)):
        batches.start(epoch, step)
        assert sum(1 for _ in batches) == len(batches) == len(batches.plan) == 13 - step
    assert made == [0, 1]
    assert np.array_equal(batches[-1][1], batches[10][1])
    with pytest.raises(IndexError):
        batches[11]


def test_training_makes_the_plan_of_an_epoch_once(monkeypatch):
    made = []

    def count(lengths, batch_size, *, seed, epoch=0):
        if seed is not None:  # that of training; scores are in the given order
            made.append(epoch)
        return plan(lengths, batch_size, seed=seed, epoch=epoch)

    monkeypatch.setattr(_batches, "plan", count)
    plackett.train(made_lists(20, seed=0), made_lists(5, seed=1), epochs=3, patience=3, scorer_options={"hidden": []})
    assert made == [0, 1, 2]


def test_shards_are_slices_of_equal_shape():
    lists = made_lists(50, seed=0)
    whole = Batches(lists, 8, seed=3)
    shards = [Batches(lists, 8, seed=3, shard=(i, 4)) for i in range(4)]
    assert {len(shard) for shard in shards} == {len(whole)}
    for i, (inputs, labels, weights) in enumerate(whole):
        parts = [shard[i] for shard in shards]
        assert np.array_equal(np.concatenate([part[0]["features"] for part in parts]), inputs["features"])
        assert np.array_equal(np.concatenate([part[1] for part in parts]), labels)
        assert np.array_equal(np.concatenate([part[2] for part in parts]), weights)
    for shard in ((4, 4), (0, 3), (-1, 2)):
        with pytest.raises(ValueError, match="shard must be"):
            Batches(lists, 8, shard=shard)


def test_long_lists_are_cut():
    lists = made_lists(30, seed=0)
    cut = Batches(lists, 30, seed=1, max_list_size=5)
    seen = {}
    for epoch in range(30):
        cut.start(epoch)
        inputs, labels, _ = cut[0]
        assert inputs["mask"].sum(axis=1).max() == 5
        for row, query in zip(range(30), cut.plan[0], strict=True):
            start, stop = lists.row_splits[query : query + 2]
            known, real = lists.labels[start:stop], inputs["mask"][row]
            best = np.sort(known)[::-1][:5]
            assert (np.sort(labels[row][real])[::-1] == np.where(best > 0, best, 0)).all()
            rows = [
                np.flatnonzero((lists.features[start:stop] == x).all(axis=1))[0] for x in inputs["features"][row][real]
            ]
            assert rows == sorted(rows)
            seen.setdefault(query, set()).update(rows)
    assert all(
        len(seen[query]) == length
        for query, length in enumerate(lists.lengths)
        if (lists.labels[lists.row_splits[query] : lists.row_splits[query + 1]] > 0).sum() < 5
    )
    again = Batches(lists, 30, seed=1, max_list_size=5)
    again.start(29)
    assert np.array_equal(again[0][0]["features"], inputs["features"])
    with pytest.raises(ValueError, match="max_list_size must be at least 1, but got 0"):
        Batches(lists, 30, max_list_size=0)


def test_an_empty_list_is_a_list():
    lists = made_lists(4, seed=0)
    empty = lists.take(np.zeros(0, int), np.zeros(1, int), np.array([0]))
    inputs, labels, weights = next(iter(Batches(concatenate([lists, empty]), 5)))
    assert inputs["mask"][4].sum() == 0
    assert (labels[4] == -1).all()
    assert weights[4] == 1


def test_few_sizes():
    assert [bucket_size(n) for n in (0, 1, 8, 9, 16, 17, 1000)] == [8, 8, 8, 16, 16, 32, 1024]


def test_the_best_sizes():
    assert best_sizes(np.array([0, 3])).tolist() == [8]
    assert best_sizes(np.array([7, 8, 9, 100, 99])).tolist() == [8, 16, 104]
    assert best_sizes(np.arange(1, 41)).tolist() == [8, 16, 24, 32, 40]
    lengths = np.random.default_rng(0).lognormal(3, 0.7, 400).astype(int) + 1

    def slots(sizes):
        return np.sum(np.array(sizes)[np.searchsorted(sizes, lengths)])

    sizes = best_sizes(lengths)
    largest = int(-(-lengths.max() // 8) * 8)
    others = itertools.combinations(range(8, largest, 8), 5)
    assert len(sizes) == 6
    assert slots(sizes) == min(slots([*some, largest]) for some in others)
    assert slots(sizes) < sum(bucket_size(n) for n in lengths.tolist())


def test_batches_have_the_best_sizes():
    lists = made_lists(100, seed=0)
    for seed in (None, 0):
        batches = Batches(lists, 4, seed=seed)
        for queries, (inputs, labels, _) in zip(batches.plan, batches, strict=True):
            longest = lists.lengths[queries].max()
            assert labels.shape[1] == inputs["mask"].shape[1] == batches.sizes[batches.sizes >= longest][0]


def test_batches_refuse():
    with pytest.raises(ValueError, match="batch_size must be at least 1, but got 0"):
        Batches(made_lists(2, seed=0), 0)
    with pytest.raises(ValueError, match="lists must hold at least one query, but got none"):
        Batches(made_lists(2, seed=0).select(np.array([], int)), 4)


@pytest.mark.parametrize("most", [None, 5])
def test_short_lists_are_laid_out_at_once_as_long_ones_one_by_one(monkeypatch, most):
    lists = made_lists(20, seed=0)
    options = {"seed": 1, "max_list_size": most}
    at_once = list(Batches(lists, 6, **options))
    monkeypatch.setattr(_batches, "GATHERED", 0)
    for one, other in zip(at_once, Batches(lists, 6, **options), strict=True):
        for x, y in zip(one[0].values(), other[0].values(), strict=True):
            assert (x.dtype, x.shape, x.tobytes()) == (y.dtype, y.shape, y.tobytes())
        assert one[1].tobytes() == other[1].tobytes()
