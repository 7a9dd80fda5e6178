"""The scores of a system on lists. A system is a function of lists that returns this, or the scores alone."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from plackett.data import RankingLists, Strings


class Beyond(NamedTuple):
    """Documents that a system retrieved and that the lists lack. Nobody judged them: they take ranks, but no gain.

    >>> beyond = Beyond(np.array([0.9, 0.7]), np.array([0, 2, 2]), Strings.of(["x", "y"]))  # two of the first query
    >>> beyond.documents[: beyond.row_splits[1]].tolist()
    ['x', 'y']

    Args:
        scores: [documents beyond], in their own precision.
        row_splits: [queries + 1] int64; the documents of query q are row_splits[q]:row_splits[q + 1].
        documents: [documents beyond], the ids of the documents.
    """

    scores: np.ndarray
    row_splits: np.ndarray
    documents: Strings


class Scored(NamedTuple):
    """The scores of one system on some lists.

    >>> Scored(np.array([0.5, -np.inf, 0.2])).mapped(np.negative).scores.tolist()
    [-0.5, inf, -0.2]

    Args:
        scores: [documents], in the order of the lists and in their own precision. -inf = not retrieved.
        beyond: documents that the system retrieved besides. None = none.
    """

    scores: np.ndarray
    beyond: Beyond | None = None

    def mapped(self, function: Callable[[np.ndarray], np.ndarray]) -> "Scored":
        """Applies a function to all scores."""
        beyond = None if self.beyond is None else self.beyond._replace(scores=function(self.beyond.scores))
        return Scored(function(self.scores), beyond)


System = Callable[[RankingLists], Scored | np.ndarray]
