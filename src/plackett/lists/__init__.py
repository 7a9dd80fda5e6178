"""A batch of lists as tensors, for losses and metrics of your own: masks, order, ranks, masked sums.

A list is a row of `list_size` places; `mask` says which places hold a real document.
"""

from plackett import _keras
from plackett.lists._masking import any_relevant, clean, count, log_softmax, masked_softmax, mean
from plackett.lists._order import ascending_order, count_below, logsumexp_below, places, ranks, take
from plackett.lists._ragged import Ragged
from plackett.lists._samples import gumbel
from plackett.lists._weights import weights_of_documents

__all__ = [
    "Ragged",
    "any_relevant",
    "ascending_order",
    "clean",
    "count",
    "count_below",
    "gumbel",
    "log_softmax",
    "logsumexp_below",
    "masked_softmax",
    "mean",
    "places",
    "ranks",
    "take",
    "weights_of_documents",
]
