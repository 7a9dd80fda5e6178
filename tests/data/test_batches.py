"""Reading, splitting and batching."""

import dataclasses
import hashlib
import itertools
import pathlib
import zipfile

import numpy as np
import pytest
from conftest import made_lists

from plackett.data import Batches, Missed, bucket_size, concatenate, plan, split_queries
from plackett.data._batches import best_sizes
from plackett.data.datasets import movielens


def test_lists():
    lists = made_lists(10, seed=0)
    some = lists.select(np.array([3, 1]))
    assert some.queries.tolist() == ["q3", "q1"]
    assert np.array_equal(some.features[: some.lengths[0]], lists.features[lists.row_splits[3] : lists.row_splits[4]])
    train, held_out = split_queries(lists, 0.3, seed=0)
    assert sorted([*train.queries, *held_out.queries]) == sorted(lists.queries)
    assert len(held_out) == 3
    both = concatenate([train, held_out])
    assert both.lengths.sum() == lists.lengths.sum()
    with pytest.raises(ValueError, match="the parts differ in their columns: 5 dense features and 4 dense features"):
        concatenate([lists, made_lists(2, seed=0, features=4)])
    for field, given, wrong in (
        ("ids", {"mask": lists.labels}, "an id feature must have a name of its own, but got mask"),
        ("columns", {"clicks": lists.labels}, "columns must be among click, propensity, .*, but got clicks"),
        ("columns", {"click": lists.labels[1:]}, "click must have .* rows, as row_splits says, but got"),
        ("query_columns", {"market": lists.queries[1:]}, "market must have 10 entries, but got 9"),
        ("feature_names", ("a", "b"), "feature_names must name 5 features, but got 2"),
        ("missed", Missed(np.zeros(1), np.array([0, 1])), "missed must have 10 lists, but got 1"),
        ("missed", Missed(np.zeros(1), np.arange(11)), "missed must have 10 grades, as its row_splits says, but got 1"),
    ):
        with pytest.raises(ValueError, match=wrong):
            dataclasses.replace(lists, **{field: given})
    with pytest.raises(ValueError, match="a split needs at least 2 queries"):
        split_queries(lists.select(np.array([0])), 0.5, seed=0)


def test_judged_documents_beyond_the_lists_go_with_their_queries():
    lists = made_lists(10, seed=0)
    splits = np.array([0, 2, 2, 3, 6, 6, 6, 7, 8, 9, 12])
    with_missed = dataclasses.replace(lists, missed=Missed(np.arange(12, dtype="float32"), splits))
    some = with_missed.select(np.array([3, 1, 0]))
    assert some.missed.grades.tolist() == [3, 4, 5, 0, 1]
    assert some.missed.row_splits.tolist() == [0, 3, 3, 5]
    both = concatenate([some, with_missed.select(np.array([9]))])
    assert both.missed.grades.tolist() == [3, 4, 5, 0, 1, 9, 10, 11]
    assert both.missed.row_splits.tolist() == [0, 3, 3, 5, 8]
    train, held_out = split_queries(with_missed, 0.3, seed=0)
    assert sorted([*train.missed.grades, *held_out.missed.grades]) == list(range(12))
    other = dataclasses.replace(lists, missed=Missed(np.arange(12, dtype="float32"), np.where(splits == 2, 1, splits)))
    assert len({x.fingerprint() for x in (lists, with_missed, other)}) == 3
    with pytest.raises(ValueError, match=r"the parts differ in their columns: 5 dense features and .*, missed"):
        concatenate([lists, with_missed])


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
    inputs, labels, weights = batch_of(lists, [0, 1, 2], targets={"a": "click", "b": "label"})
    assert labels["a"][real].tolist() == lists.columns["click"].tolist()
    assert labels["b"][real].tolist() == lists.labels.tolist()
    assert weights.keys() == labels.keys() == {"a", "b"}
    with pytest.raises(
        ValueError, match="the target must be one of label, click, teacher, which these lists have, but"
    ):
        Batches(lists, 2, targets="weight")


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
    with pytest.raises(ValueError, match="there are no lists"):
        Batches(made_lists(2, seed=0).select(np.array([], int)), 4)


@pytest.fixture
def films(tmp_path):
    """Three files like MovieLens-100K: 2 users, 3 films."""
    ratings = [(1, 10, 5, 3), (1, 20, 4, 1), (1, 30, 1, 2), (1, 11, 3, 4), (1, 12, 5, 5), (2, 10, 2, 9), (2, 20, 5, 8)]
    head = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
    (tmp_path / "ml-100k.inter").write_text(head + "".join("\t".join(map(str, row)) + "\n" for row in ratings))
    (tmp_path / "ml-100k.user").write_text(
        "user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n1\t20\tM\tartist\t1\n2\t30\tF\tother\t2\n"
    )
    (tmp_path / "ml-100k.item").write_text(
        "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
        + "".join(f"{film}\tFilm\t1995\tDrama Comedy\n" for film in (10, 11, 12, 20, 30))
    )
    return tmp_path


def test_movielens_splits_by_time_within_the_user(films):
    train, validation, test = movielens.movielens_100k(films)
    assert train.documents.tolist() == ["20", "30", "10", "20"]
    assert (validation.documents.tolist(), test.documents.tolist()) == (["11"], ["12", "10"])
    assert train.labels.tolist() == [1, 0, 2, 2]
    assert train.features[0].tolist() == pytest.approx([2.0, 9.5, 1, 1])
    assert {name: column.max() for name, column in train.ids.items()} == {
        "user": 2,
        "film": 5,
        "gender": 2,
        "occupation": 2,
    }
    assert all(column.min() >= 1 for column in train.ids.values())
    assert train.feature_names == ("age", "year", "Comedy", "Drama")


def test_movielens_offline_says_how_to_supply_the_files(tmp_path, monkeypatch):
    monkeypatch.setattr(movielens, "WHEEL", "no-such-package-of-plackett==0.0.0")
    with pytest.raises(FileNotFoundError, match=r"could not be downloaded .* copy ml-100k.inter, .* into"):
        movielens.movielens_100k(tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("genuine", [True, False])
def test_movielens_checks_the_wheel(films, tmp_path, monkeypatch, genuine):
    wheel = tmp_path / "recbole-1.2.1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        for name in movielens.FILES:
            file.write(films / name, f"recbole/dataset_example/ml-100k/{name}")

    class Pip:
        @staticmethod
        def run(command, **_):
            (pathlib.Path(command[command.index("--dest") + 1]) / wheel.name).write_bytes(wheel.read_bytes())
            return type("Done", (), {"returncode": 0, "stderr": ""})

    monkeypatch.setattr(movielens, "subprocess", Pip)
    cache = tmp_path / "cache"
    if genuine:
        monkeypatch.setattr(movielens, "SHA256", hashlib.sha256(wheel.read_bytes()).hexdigest())
        assert len(movielens.movielens_100k(cache)[0]) == 2
        assert sorted(path.name for path in cache.iterdir()) == sorted(movielens.FILES)
    else:
        with pytest.raises(ValueError, match="is not the expected file: sha256"):
            movielens.movielens_100k(cache)
        assert not cache.exists()
