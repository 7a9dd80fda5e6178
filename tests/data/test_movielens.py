"""MovieLens-100K: its split, its download."""

import hashlib
import pathlib
import zipfile

import pytest

from plackett.data.datasets import _wheels, movielens


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

    monkeypatch.setattr(_wheels, "subprocess", Pip)
    cache = tmp_path / "cache"
    if genuine:
        monkeypatch.setattr(movielens, "SHA256", hashlib.sha256(wheel.read_bytes()).hexdigest())
        assert len(movielens.movielens_100k(cache)[0]) == 2
        assert sorted(path.name for path in cache.iterdir()) == sorted(movielens.FILES)
    else:
        with pytest.raises(ValueError, match="is not the expected file: sha256"):
            movielens.movielens_100k(cache)
        assert not cache.exists()
