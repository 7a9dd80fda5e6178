"""The share of the queries that a run is validated on where no lists are given for it. Needs no Keras."""

from plackett.data import RankingLists, split_queries
from plackett.training._settings import Settings


def hold_out(lists: RankingLists, settings: Settings) -> tuple[RankingLists, RankingLists]:
    """(training lists, validation lists): the share of the queries that the settings say, drawn by their seed.

    Raises:
        ValueError: there is one query alone.
    """
    return split_queries(lists, settings.validation_share, settings.seed)
