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

    seed, share = request.whole.seed, request.whole.validation_share
    if not request.validation and request.data != [MOVIELENS]:
        say(f"no --validation: {100 * share:g} % of the queries, drawn with seed {seed}, are held out")
    lists, held_out, provenance = read_training(
        request.data, request.validation, seed, share=share, shared_queries=shared_queries
    )
    say(f"{in_words(lists)} to train on, {in_words(held_out)} to validate on")
    return lists, held_out, provenance


def in_words(lists: RankingLists) -> str:
    """How many queries there are, and the range of their labels."""
    return f"{len(lists)} queries of labels {lists.labels.min(initial=np.inf):g} to {lists.labels.max(initial=0):g}"
