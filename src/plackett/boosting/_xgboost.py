"""Objectives and metrics as XGBoost calls them. XGBoost itself is not imported: it hands its matrices over."""

from collections.abc import Callable
from typing import Any

import numpy as np

from plackett.boosting._metrics import Metric
from plackett.boosting._objective import Objective
from plackett.metrics import RankingMetric

NO_GROUPS = (
    "the DMatrix of XGBoost has no groups: make it with xgboost.DMatrix(X, label=y, qid=...), the id of each row's "
    "list, or call set_group([...]), how many documents each list has"
)


def xgboost_objective(loss: str | Callable, **options: Any) -> "XGBoostObjective":
    """A loss of lists as an objective of XGBoost.

        xgboost.train(params, dmatrix, obj=xgboost_objective("unique_softmax"))

    Groups, labels and weights are those of the matrix; the weights may be one a list, as XGBoost's own objectives of
    ranking have them, or one a document, which mean what `sample_weight` means for the loss.

    >>> xgboost_objective("approx_ndcg", temperature=0.5)
    XGBoostObjective(ApproxNDCGLoss(temperature=0.5))

    Args:
        loss: as for `Objective`.
        options: arguments of the loss of this name.

    Raises:
        ValueError: as for `Objective`; when called, a matrix without groups, and what `Objective` refuses.
    """
    return XGBoostObjective(loss, **options)


class XGBoostObjective(Objective):
    """What `xgboost_objective` gives."""

    def __call__(self, scores, dmatrix):
        """(gradient, curvature), of the scores of a matrix."""
        labels, group = _lists(dmatrix)
        weights = dmatrix.get_weight()
        return super().__call__(labels, scores, group, weights if len(weights) else None)


def xgboost_metric(metric: str | RankingMetric, *, like: str | None = None) -> "XGBoostMetric":
    """A metric of plackett as a `custom_metric` of XGBoost, with its convention in its name.

        xgboost.train(params, dmatrix, evals=[(validation, "validation")], custom_metric=xgboost_metric("ndcg@10"))

    XGBoost guesses from the name whether higher is better: of ndcg, map and precision it knows, others need
    `maximize=True` for early stopping. Weights of the matrix have no part in it.

    >>> xgboost_metric("ndcg@10", like="xgboost").name
    'ndcg@10[exp2,empty=1,ties=position]'

    Args:
        metric: a name, such as "ndcg@10", or a metric with a convention of its own.
        like: whose convention is meant, see `plackett.evaluate`. None = that of `plackett.metrics`.

    Raises:
        ValueError: an unknown metric or `like`, a name with a colon; when called, a matrix without groups.
    """
    return XGBoostMetric(metric, like)


class XGBoostMetric(Metric):
    """What `xgboost_metric` gives."""

    def __init__(self, metric, like=None):
        super().__init__(metric, like)
        if ":" in self.name:
            raise ValueError(f"XGBoost cuts the names of metrics at colons, but got {self.name}: give it another name")

    def __call__(self, scores, dmatrix):
        """(name, value), of the scores of a matrix."""
        labels, group = _lists(dmatrix)
        return self.name, self.measure(labels, scores, group)


def _lists(dmatrix):
    """(labels, group): [documents], and [lists], how many documents each has.

    Raises:
        ValueError: no matrix of XGBoost, or one without groups or labels.
    """
    if not hasattr(dmatrix, "get_uint_info"):
        raise ValueError(
            "XGBoost's wrappers for scikit-learn tell of no groups: train by xgboost.train(params, dmatrix, obj=..., "
            f"custom_metric=...), where the objective gets a DMatrix and no {type(dmatrix).__name__}"
        )
    ends = dmatrix.get_uint_info("group_ptr")
    if len(ends) < 2:
        raise ValueError(NO_GROUPS)
    labels = dmatrix.get_label()
    if not len(labels) and dmatrix.num_row():
        raise ValueError("the DMatrix of XGBoost has no labels: make it with xgboost.DMatrix(X, label=y, qid=...)")
    return labels, np.diff(ends.astype("int64"))
