"""The lists that a command line names: files by their kind, or MovieLens."""

import os
from collections.abc import Sequence

import numpy as np

from plackett import data
from plackett._files import check_file
from plackett.data import RankingLists
from plackett.data._paths import MOVIELENS, is_parquet
from plackett.data.datasets.movielens import cache_folder
from plackett.data.formats.letor import count_features
from plackett.data.formats.parquet import parquet_bytes

IN_MEMORY = 2**30  # bytes of Parquet files, of which the arrays are kept as files where there are more


def read(paths: Sequence[str], *, features: int | None = None) -> RankingLists:
    """The lists of LETOR files, or of Parquet files, folders and URLs, one behind the other.

    Args:
        paths: a folder, a URL or what ends in .parquet is Parquet; anything else is LETOR text.
        features: how many features LETOR files have. None = the most that one of them has.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the files are of both kinds, or what they hold is malformed.
    """
    of_parquet = [is_parquet(path) for path in paths]
    if all(of_parquet):
        large = parquet_bytes(paths) > IN_MEMORY
        return data.read_parquet(paths, cache=cache_folder() / "lists" if large else None)
    if any(of_parquet):
        raise ValueError(f"the files must be all Parquet or all LETOR text, but got {', '.join(map(str, paths))}")
    for path in paths:
        check_file(path)
    features = max(map(count_features, paths)) if features is None else features
    parts = [data.read_letor(path, features=features) for path in paths]
    lists = data.concatenate(parts)
    if len(set(lists.queries.tolist())) < len(lists):
        raise ValueError(f"{_shared(*parts)} in more than one of {', '.join(map(str, paths))}")
    return lists


def read_training(
    paths: Sequence[str],
    validation: Sequence[str],
    *,
    shared_queries: bool = False,
) -> tuple[RankingLists, RankingLists | None, dict]:
    """(training lists, validation lists, what config.yaml says of them).

    Args:
        paths: what to train on, or MovieLens alone, which brings its own validation lists.
        validation: what the best epoch is chosen on. () = None in the place of the validation lists.
        shared_queries: whether a query may be both in training and in validation, as where a list is split by time.

    Raises:
        ValueError: a query is in both and must not be.
    """
    if MOVIELENS in paths:
        if list(paths) != [MOVIELENS] or validation:
            raise ValueError(f"{MOVIELENS} stands alone: it brings its own validation lists")
        lists, held_out, _ = data.movielens_100k()
        return lists, held_out, {"data": [MOVIELENS]}
    provenance = {"data": [os.fspath(path) for path in paths], "validation": [os.fspath(path) for path in validation]}
    lists = read(paths)
    if not validation:
        return lists, None, provenance
    held_out = read(validation, features=lists.features.shape[1])
    if not shared_queries and not set(lists.queries.tolist()).isdisjoint(held_out.queries.tolist()):
        raise ValueError(
            f"{_shared(lists, held_out)} in both training and validation data, which makes the measure too good; give "
            "--shared-queries where this is meant, as where lists are split by time"
        )
    return lists, held_out, provenance


def _shared(*parts: RankingLists) -> str:
    """In words, the queries that are in more than one of these."""
    queries, counts = np.unique(np.concatenate([np.unique(part.queries) for part in parts]), return_counts=True)
    twice = queries[counts > 1].tolist()
    return f"query {twice[0]!r} is" if len(twice) == 1 else f"{len(twice)} queries, such as {twice[0]!r}, are"
