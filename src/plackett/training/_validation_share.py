"""The share of the queries that a run is validated on where no lists are given for it. Needs no Keras."""

from plackett.data import RankingLists, split_queries
from plackett.data._parts import number_held_out
from plackett.training._settings import Settings


def hold_out(lists: RankingLists, settings: Settings) -> tuple[RankingLists, RankingLists]:
    """(training lists, validation lists): the share of the queries that the settings say, drawn by their seed.

    Raises:
        ValueError: there is one query alone.
    """
    return split_queries(lists, settings.validation_share, settings.seed)


def number_to_train(lists: RankingLists, validation: RankingLists | None, settings: Settings) -> int:
    """How many lists a run trains on, which holds out a share of them where there are none to validate on."""
    return len(lists) - (number_held_out(len(lists), settings.validation_share) if validation is None else 0)
