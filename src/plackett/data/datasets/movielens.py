"""MovieLens-100K: 100,000 ratings of 1,682 films by 943 users (Harper & Konstan, TiiS 2015)."""

import csv
import os
import pathlib

import numpy as np

from plackett.data._ranking_lists import RankingLists
from plackett.data.datasets._wheels import take_from_wheel

WHEEL = "recbole==1.2.1"
SHA256 = "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407"
INSIDE = "recbole/dataset_example/ml-100k"
FILES = ("ml-100k.inter", "ml-100k.user", "ml-100k.item")
SHARES = (0.6, 0.2, 0.2)


def movielens_100k(folder: str | pathlib.Path | None = None) -> tuple[RankingLists, RankingLists, RankingLists]:
    """MovieLens-100K as (training, validation, test) lists.

    One list is one user's films. The split is by time within each user: the first 60 % of a user's ratings are for
    training, the next 20 % for validation and the last 20 % for testing, so that a ranker is tested on films rated
    after those it learnt from.

    Labels are grades: 2 for 5 stars, 1 for 4 stars, 0 for fewer. Dense features: the user's age in decades, the
    film's year in decades since 1900 and one column per genre. Id features: user, film, gender, occupation,
    numbered from 1.

    The ratings come from the wheel recbole==1.2.1 on PyPI. pip downloads it once; it is checked, and three of its files
    are kept. The data is for research use, under the terms of GroupLens.

    Args:
        folder: the folder of the three files. None = `$PLACKETT_CACHE/ml-100k`, by default ~/.cache/plackett/ml-100k.

    Raises:
        FileNotFoundError: the files do not exist and cannot be downloaded; the error says how to supply them.
        ValueError: the download is not the expected file.

    Reference: Harper & Konstan, "The MovieLens Datasets: History and Context", TiiS 2015,
    https://doi.org/10.1145/2827872
    """
    folder = pathlib.Path(folder) if folder else cache_folder() / "ml-100k"
    if not all((folder / name).is_file() for name in FILES):
        take_from_wheel("MovieLens-100K", WHEEL, SHA256, INSIDE, FILES, folder)
    ratings = _read(folder / "ml-100k.inter")
    users = {row["user_id"]: row for row in _read(folder / "ml-100k.user")}
    films = {row["item_id"]: row for row in _read(folder / "ml-100k.item")}
    ratings.sort(key=lambda row: (int(row["user_id"]), int(row["timestamp"]), int(row["item_id"])))
    return _split(_lists(ratings, users, films))


def cache_folder() -> pathlib.Path:
    """The folder for downloads and caches: `$PLACKETT_CACHE`, by default ~/.cache/plackett."""
    return pathlib.Path(os.environ.get("PLACKETT_CACHE", pathlib.Path.home() / ".cache" / "plackett"))


def _read(path):
    """The rows of one tab-separated file, each a dict; `name:type` in the header becomes `name`."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        names = [name.partition(":")[0] for name in next(rows)]
        return [dict(zip(names, row, strict=True)) for row in rows]


def _lists(ratings, users, films):
    """All ratings, one list per user, in the order of time."""
    user_rows = [users[row["user_id"]] for row in ratings]
    film_rows = [films[row["item_id"]] for row in ratings]
    genres = sorted({genre for film in films.values() for genre in film["class"].split()})
    age = [int(user["age"]) / 10 for user in user_rows]
    year = [(int(film["release_year"]) - 1900) / 10 if film["release_year"].isdecimal() else 0.0 for film in film_rows]
    has_genre = {film["item_id"]: [genre in film["class"].split() for genre in genres] for film in films.values()}
    columns = {
        "user": ([row["user_id"] for row in ratings], users),
        "film": ([row["item_id"] for row in ratings], films),
        "gender": ([user["gender"] for user in user_rows], {user["gender"] for user in users.values()}),
        "occupation": ([user["occupation"] for user in user_rows], {user["occupation"] for user in users.values()}),
    }
    codes = {name: {value: i for i, value in enumerate(sorted(known), 1)} for name, (_, known) in columns.items()}
    _, counts = np.unique([int(row["user_id"]) for row in ratings], return_counts=True)
    return RankingLists(
        labels=np.maximum(np.array([float(row["rating"]) for row in ratings], "float32") - 3, 0),
        row_splits=np.concatenate([[0], np.cumsum(counts)]),
        queries=np.array(list(dict.fromkeys(row["user_id"] for row in ratings))),
        documents=np.array([row["item_id"] for row in ratings]),
        features=np.column_stack([age, year, [has_genre[film["item_id"]] for film in film_rows]]).astype("float32"),
        feature_names=("age", "year", *genres),
        ids={
            name: np.array([codes[name][value] for value in values], "int32") for name, (values, _) in columns.items()
        },
    )


def _split(lists):
    """The first, the middle and the last part of each list, by `SHARES`."""
    cuts = (
        np.floor(np.outer(lists.lengths, np.cumsum([0, *SHARES])) + 1e-6).astype("int64") + lists.row_splits[:-1, None]
    )
    queries = np.arange(len(lists))
    parts = []
    for start, stop in zip(cuts.T[:-1], cuts.T[1:], strict=True):
        rows = np.concatenate([np.arange(a, b) for a, b in zip(start, stop, strict=True)])
        parts.append(lists.take(rows, stop - start, queries))
    return tuple(parts)
