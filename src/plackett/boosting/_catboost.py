"""Objectives as CatBoost calls them: it tells an objective of blocks of single documents, and of no groups."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from plackett.boosting._objective import Objective

SMALLEST = 256  # blocks are filled up to a power of two, so that few shapes are compiled
EXAMPLE = (np.array([1.0, 0.0, 0.0, 1.0]), np.array([0.3, -0.2, 0.5, 0.1]))


def catboost_objective(loss: str | Callable, **options: Any) -> "CatBoostObjective":
    """A loss of single documents as an objective of CatBoost.

        catboost.CatBoost({"loss_function": catboost_objective("sigmoid_cross_entropy"), "eval_metric": "NDCG"})

    CatBoost tells an objective of blocks of documents, and not which of them are of one list. So a loss that compares
    the documents of a list cannot be one; CatBoost's own YetiRank, QuerySoftMax and StochasticRank can. CatBoost asks
    for an `eval_metric` beside an objective of one's own.

    >>> catboost_objective("softmax")
    Traceback (most recent call last):
        ...
    ValueError: CatBoost tells an objective of no groups, and SoftmaxLoss() is no sum over single documents: ...

    Args:
        loss: as for `Objective`: a sum over single documents.
        options: arguments of the loss of this name.

    Raises:
        ValueError: as for `Objective`; a loss that is no sum over single documents.
    """
    return CatBoostObjective(loss, **options)


class CatBoostObjective:
    """What `catboost_objective` gives."""

    no_jit = True  # CatBoost would have numba compile the methods, which it cannot

    def __init__(self, loss: str | Callable, **options: Any):
        self.objective = Objective(loss, **options)
        whole, alone = (self.objective(*EXAMPLE, group=group)[0] for group in ([4], [1, 1, 1, 1]))
        if not alone.any() or not np.allclose(whole, alone):
            raise ValueError(
                f"CatBoost tells an objective of no groups, and {self.objective.loss!r} is no sum over single "
                "documents: take one that is, such as sigmoid_cross_entropy, an objective of CatBoost such as YetiRank "
                "or QuerySoftMax, or lightgbm_objective or xgboost_objective"
            )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.objective.loss!r})"

    def calc_ders_range(
        self, approxes: npt.ArrayLike, targets: npt.ArrayLike, weights: npt.ArrayLike | None
    ) -> list[tuple[float, float]]:
        """The first and second derivative of each document, of what CatBoost makes large: the negative loss."""
        number = len(np.asarray(targets))
        room = max(SMALLEST, 1 << (number - 1).bit_length()) - number
        scores, labels = (np.pad(np.asarray(x, "float32"), (0, room)) for x in (approxes, targets))
        of_documents = np.pad(
            np.ones(number, "float32") if weights is None else np.asarray(weights, "float32"), (0, room)
        )
        gradient, curvature = self.objective(labels, scores, np.ones(len(labels), "int64"), of_documents)
        return list(zip((-gradient[:number]).tolist(), (-curvature[:number]).tolist(), strict=True))
