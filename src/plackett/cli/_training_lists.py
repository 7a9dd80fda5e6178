"""The lists that a command trains on and validates on."""

from __future__ import annotations

import typing

import numpy as np

from plackett.cli._request import Request
from plackett.cli._tables import say

if typing.TYPE_CHECKING:
    from plackett.data import RankingLists


def read_lists(request: Request, *, shared_queries: bool) -> tuple[RankingLists, RankingLists, dict]:
    """Returns (training lists, validation lists, the data in config.yaml), and prints their numbers.

    Raises:
        OSError: a file cannot be read.
        ValueError: a file is malformed, lacks a target, or a query is in both training and validation data.
    """
    from plackett.data._batches import columns_of_targets
    from plackett.data._sources import read_training
    from plackett.training._validation_share import hold_out

    whole = request.whole
    lists, held_out, provenance = read_training(
        request.data, request.validation, reading=request.reading, shared_queries=shared_queries
    )
    columns_of_targets(lists, [task["target"] for task in whole.tasks.values()] if whole.tasks else [whole.target])
    if held_out is None:
        share = f"{whole.validation_share:.0%} of the queries"
        say(f"no --validation: {share}, drawn with seed {whole.seed}, are held out")
        lists, held_out = hold_out(lists, whole)
        provenance |= {"validation": share}
    say(f"{in_words(lists)} to train on, {in_words(held_out)} to validate on")
    say(f"{lists.features.shape[1]} features{ids_in_words(lists)}")
    return lists, held_out, provenance


def ids_in_words(lists: RankingLists) -> str:
    """Names the id features, if there are any."""
    return f"; id features: {', '.join(lists.ids)}" if lists.ids else ""


def in_words(lists: RankingLists) -> str:
    """Describes the number of queries and the range of their labels."""
    return f"{len(lists)} queries of labels {lists.labels.min(initial=np.inf):g} to {lists.labels.max(initial=0):g}"
