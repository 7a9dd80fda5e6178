"""The lists that a command trains on and validates with."""

from __future__ import annotations

import typing

import numpy as np

from plackett.cli._request import Request
from plackett.cli._tables import say

if typing.TYPE_CHECKING:
    from plackett.data import RankingLists


def read_lists(request: Request, *, shared_queries: bool) -> tuple[RankingLists, RankingLists, dict]:
    """(training lists, validation lists, what config.yaml says of them); says how many there are.

    Raises:
        OSError: a file cannot be read.
        ValueError: what it holds is malformed, or a query is both in training and in validation data.
    """
    from plackett.data._sources import read_training
    from plackett.training._loop import hold_out

    lists, held_out, provenance = read_training(request.data, request.validation, shared_queries=shared_queries)
    if held_out is None:
        share = f"{request.whole.validation_share:.0%} of the queries"
        say(f"no --validation: {share}, drawn with seed {request.whole.seed}, are held out")
        lists, held_out = hold_out(lists, request.whole)
        provenance |= {"validation": share}
    say(f"{in_words(lists)} to train on, {in_words(held_out)} to validate on")
    return lists, held_out, provenance


def in_words(lists: RankingLists) -> str:
    """How many queries there are, and the range of their labels."""
    return f"{len(lists)} queries of labels {lists.labels.min(initial=np.inf):g} to {lists.labels.max(initial=0):g}"
