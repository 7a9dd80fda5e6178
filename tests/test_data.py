"""Reading, splitting and batching."""

import gzip
import hashlib
import itertools
import pathlib
import zipfile

import numpy as np
import pytest
from conftest import letor_text, made_lists

from plackett.data import Batches, bucket_size, collate, concatenate, movielens, plan, read_letor, split_queries
from plackett.data.batches import best_sizes

LINES = """2 qid:7 1:0.5 3:-1e2 #docid = GX1 inc = 1
0 qid:9 2:4 # a comment
# nothing here

1 qid:7 1:1
"""


@pytest.fixture
def letor(tmp_path):
    path = tmp_path / "some.txt"
    path.write_text(LINES)
    return path


def test_letor(letor):
    lists = read_letor(letor)
    assert lists.queries.tolist() == ["7", "9"]
    assert lists.row_splits.tolist() == [0, 2, 3]
    assert lists.labels.tolist() == [2, 1, 0]
    assert lists.features.tolist() == [[0.5, 0, -100], [1, 0, 0], [0, 4, 0]]
    assert lists.documents.tolist() == ["GX1", "2", "a comment"]
    assert read_letor(letor, features=5).features.shape == (3, 5)


def test_letor_gzip(letor):
    zipped = letor.with_name("some.gz")
    zipped.write_bytes(gzip.compress(LINES.encode()))
    assert np.array_equal(read_letor(zipped).features, read_letor(letor).features)
    zipped.write_bytes(gzip.compress(LINES.encode())[:-12])
    with pytest.raises(ValueError, match=r"some\.gz: the gzip file is damaged"):
        read_letor(zipped)


def test_letor_round_trip(tmp_path):
    lists = made_lists(20, seed=3)
    (tmp_path / "a.txt").write_text(letor_text(lists))
    again = read_letor(tmp_path / "a.txt")
    for field in ("labels", "row_splits", "queries", "documents", "features"):
        assert np.array_equal(getattr(again, field), getattr(lists, field)), field


@pytest.mark.parametrize(
    "line, wrong",
    [
        (b"x qid:1 1:2", "line 6: the label must be a number, but got 'x'"),
        (b"-1 qid:1 1:2", "line 6: the label must be at least 0, but got -1"),
        (b"nan qid:1 1:2", "line 6: the label must be finite, but got 'nan'"),
        (b"1 1:2", "line 6: the second field must be qid:ID, but got '1:2'"),
        (b"1", "line 6: the second field must be qid:ID, but got 'nothing'"),
        (b"1 qid: 1:2", "line 6: the second field must be qid:ID, but got 'qid:'"),
        (b"1 qid:1 2", "line 6: a feature must be NUMBER:VALUE with NUMBER >= 1, but got '2'"),
        (b"1 qid:1 0:2", "line 6: a feature must be NUMBER:VALUE with NUMBER >= 1, but got '0:2'"),
        (b"1 qid:1 2:1 2:1", "line 6: feature numbers must rise, but 2 follows 2"),
        (b"1 qid:1 2:1e999", "line 6: feature 2 must be finite, but got '1e999'"),
        (b"1 qid:1 2:", "line 6: feature 2 must be a number, but got ''"),
        (b"1 qid:1 \xff", "line 6: this is not UTF-8 text"),
    ],
)
def test_letor_says_what_is_wrong(letor, line, wrong):
    letor.write_bytes(LINES.encode() + line + b"\n")
    with pytest.raises(ValueError, match=r"some\.txt, ") as caught:
        read_letor(letor)
    assert wrong in str(caught.value)


def test_letor_refuses(letor, tmp_path):
    with pytest.raises(ValueError, match="feature 3 is above the number of features, 2"):
        read_letor(letor, features=2)
    letor.write_text("# nothing\n")
    with pytest.raises(ValueError, match="there are no documents in this file"):
        read_letor(letor)
    with pytest.raises(FileNotFoundError):
        read_letor(tmp_path / "none.txt")


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
    with pytest.raises(ValueError, match="the parts differ in their features: 5 and 4"):
        concatenate([lists, made_lists(2, seed=0, features=4)])
    with pytest.raises(ValueError, match="a split needs at least 2 queries"):
        split_queries(lists.select(np.array([0])), 0.5, seed=0)


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


def test_collate_fills_up_with_lists_of_no_weight():
    lists = made_lists(5, seed=0)
    inputs, labels, weights = collate(lists, np.array([4, 0, 2]), batch_size=4)
    assert labels.shape == inputs["mask"].shape == (4, bucket_size(int(lists.lengths[[4, 0, 2]].max())))
    assert weights.tolist() == pytest.approx([4 / 3] * 3 + [0])
    assert np.array_equal(labels >= 0, inputs["mask"])
    assert np.array_equal(inputs["mask"].sum(axis=1), [*lists.lengths[[4, 0, 2]], 0])
    first = slice(lists.row_splits[4], lists.row_splits[5])
    assert np.array_equal(inputs["features"][0][inputs["mask"][0]], lists.features[first])
    assert np.array_equal(labels[0][inputs["mask"][0]], lists.labels[first])


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
    assert train.vocabularies == {"user": 3, "film": 6, "gender": 3, "occupation": 3}
    assert all(column.min() >= 1 and column.max() < train.vocabularies[name] for name, column in train.ids.items())


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
