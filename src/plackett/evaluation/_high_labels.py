"""Errors for labels whose gain overflows float32."""

import numpy as np

from plackett.data import RankingLists

SAFE = 60.0  # up to this label, the gain 2^label stays finite in float32 even after sums, weights and products


def query_of_the_highest(target: np.ndarray, lists: RankingLists) -> int | None:
    """The position of the query with the highest value of `target`, [documents]; None if that is at most `SAFE`."""
    if not len(target) or not target.max() > SAFE:
        return None
    return int(np.searchsorted(lists.row_splits, target.argmax(), side="right")) - 1


def too_high(target: str, highest: float, which: str, query: str, what: str, value: float) -> ValueError:
    """The error for a loss or metric that is not finite because labels are too high for its gain."""
    return ValueError(
        f"the highest {target} of the {which} lists is {highest:g}, of query {str(query)!r}, where {what} is {value}: "
        f"an exponential gain, 2^{highest:g} - 1, overflows float32. If the {target} is an id or a price, "
        "choose another column. Grades from 0 to 4 are usual; for higher ones take a normalised loss and metric, such "
        "as approx_ndcg and ndcg@10, or one with the gain identity"
    )
