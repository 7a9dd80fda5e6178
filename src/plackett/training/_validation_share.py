"""Holds out a share of the queries for validation if no validation lists are given. Does not need Keras."""

from plackett.data import RankingLists, split_queries
from plackett.data._parts import number_held_out
from plackett.training._settings import Settings


def hold_out(lists: RankingLists, settings: Settings) -> tuple[RankingLists, RankingLists]:
    """Returns (training lists, validation lists). The seed draws the share of the queries that the settings say.

    Raises:
        ValueError: there is only one query.
    """
    return split_queries(lists, settings.validation_share, settings.seed)


def number_to_train(lists: RankingLists, validation: RankingLists | None, settings: Settings) -> int:
    """The number of lists that a run trains on, which is smaller if a share of the lists is held out."""
    return len(lists) - (number_held_out(len(lists), settings.validation_share) if validation is None else 0)
