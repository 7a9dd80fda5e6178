"""Objectives for CatBoost, which gives an objective blocks of single documents and no groups."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from plackett.boosting._objective import Objective

SMALLEST = 256  # blocks are padded to a power of two, so that few shapes are compiled
EXAMPLE = (np.array([1.0, 0.0, 0.0, 1.0]), np.array([0.3, -0.2, 0.5, 0.1]))


def catboost_objective(loss: str | Callable, **options: Any) -> "CatBoostObjective":
    """Makes a loss of single documents an objective of CatBoost.

        catboost.CatBoost({"loss_function": catboost_objective("sigmoid_cross_entropy"), "eval_metric": "NDCG"})

    CatBoost gives an objective blocks of documents, and does not say which of them belong to one list. So a loss that
    compares the documents of a list cannot be an objective; CatBoost's own YetiRank, QuerySoftMax and StochasticRank
    can. CatBoost also needs an `eval_metric` for a custom objective.

    >>> catboost_objective("softmax")
    Traceback (most recent call last):
        ...
    ValueError: CatBoost gives an objective no groups, but SoftmaxLoss() is not a sum over single documents: ...

    Args:
        loss: as for `Objective`; it must be a sum over single documents.
        options: the arguments of a loss that is given by its name.

    Raises:
        ValueError: as for `Objective`; or the loss is not a sum over single documents.
    """
    return CatBoostObjective(loss, **options)


class CatBoostObjective:
    """The objective that `catboost_objective` returns."""

    no_jit = True  # CatBoost would let numba compile the methods, which fails

    def __init__(self, loss: str | Callable, **options: Any):
        self.objective = Objective(loss, **options)
        whole, alone = (self.objective(*EXAMPLE, group=group)[0] for group in ([4], [1, 1, 1, 1]))
        if not alone.any() or not np.allclose(whole, alone):
            raise ValueError(
                f"CatBoost gives an objective no groups, but {self.objective.loss!r} is not a sum over single "
                "documents: take one that is, such as sigmoid_cross_entropy, an objective of CatBoost such as YetiRank "
                "or QuerySoftMax, or lightgbm_objective or xgboost_objective"
            )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.objective.loss!r})"

    def calc_ders_range(
        self, approxes: npt.ArrayLike, targets: npt.ArrayLike, weights: npt.ArrayLike | None
    ) -> list[tuple[float, float]]:
        """Returns the first and second derivative for each document, of the negative loss, which CatBoost maximises."""
        number = len(np.asarray(targets))
        room = max(SMALLEST, 1 << (number - 1).bit_length()) - number
        scores, labels = (np.pad(np.asarray(x, "float32"), (0, room)) for x in (approxes, targets))
        of_documents = np.pad(
            np.ones(number, "float32") if weights is None else np.asarray(weights, "float32"), (0, room)
        )
        gradient, curvature = self.objective(labels, scores, np.ones(len(labels), "int64"), of_documents)
        return list(zip((-gradient[:number]).tolist(), (-curvature[:number]).tolist(), strict=True))
