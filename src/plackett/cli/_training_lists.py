"""The lists that a command trains on and validates with."""

from __future__ import annotations

import typing

import numpy as np

from plackett.cli._request import Request
from plackett.cli._tables import say
from plackett.data._paths import MOVIELENS

if typing.TYPE_CHECKING:
    from plackett.data import RankingLists


def read_lists(request: Request, *, shared_queries: bool) -> tuple[RankingLists, RankingLists, dict]:
    """(training lists, validation lists, what config.yaml says of them); says how many there are.

    Raises:
        OSError: a file cannot be read.
        ValueError: what it holds is malformed, or a query is both in training and in validation data.
    """
    from plackett.data._sources import read_training

    seed = request.whole.seed
    if not request.validation and request.data != [MOVIELENS]:
        say(f"no --validation: 20 % of the queries, drawn with seed {seed}, are held out")
    # Readers keep missing features: the scorer, which has the option for them, tells of those in the training lists.
    lists, held_out, provenance = read_training(
        request.data, request.validation, seed, shared_queries=shared_queries
    )
    if not request.whole.scorer_options.get("missing"):
        check_missing(lists, held_out)
    say(f"{in_words(lists)} to train on, {in_words(held_out)} to validate on")
    return lists, held_out, provenance


def check_missing(lists: RankingLists, validation: RankingLists) -> None:
    """Raises a ValueError where features are missing in the validation lists alone, which the scorer does not see."""
    absent = np.isnan(validation.features)
    if absent.any() and not np.isnan(lists.features).any():
        raise ValueError(
            f"features are missing (NaN), in {absent.any(axis=1).sum()} of {len(absent)} documents of the validation "
            "lists: give --scorer-option missing=true if they may be"
        )


def in_words(lists: RankingLists) -> str:
    """How many queries there are, and the range of their labels."""
    return f"{len(lists)} queries of labels {lists.labels.min(initial=np.inf):g} to {lists.labels.max(initial=0):g}"
