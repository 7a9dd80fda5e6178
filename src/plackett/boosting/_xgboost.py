"""Objectives and metrics for XGBoost. XGBoost itself is not imported: it passes its matrices."""

from collections.abc import Callable
from typing import Any

import numpy as np

from plackett.boosting._metrics import Metric
from plackett.boosting._objective import Objective
from plackett.metrics import RankingMetric

NO_GROUPS = (
    "the DMatrix of XGBoost has no groups: make it with xgboost.DMatrix(X, label=y, qid=...), the id of each row's "
    "list, or call set_group([...]), with the number of documents of each list"
)


def xgboost_objective(loss: str | Callable, **options: Any) -> "XGBoostObjective":
    """Makes a loss of lists an objective of XGBoost.

        xgboost.train(params, dmatrix, obj=xgboost_objective("unique_softmax"))

    Groups, labels and weights are those of the matrix. The weights may be one a list, as for XGBoost's own ranking
    objectives, or one a document, with the same effect as `sample_weight` of the loss.

    >>> xgboost_objective("approx_ndcg", temperature=0.5)
    XGBoostObjective(ApproxNDCGLoss(temperature=0.5))

    Args:
        loss: as for `Objective`.
        options: the arguments of a loss that is given by its name.

    Raises:
        ValueError: as for `Objective`; when called, the matrix has no groups, or holds what `Objective` refuses.
    """
    return XGBoostObjective(loss, **options)


class XGBoostObjective(Objective):
    """The objective that `xgboost_objective` returns."""

    def __call__(self, scores, dmatrix):
        """Returns (gradient, curvature) for the scores of a matrix."""
        labels, group = _lists(dmatrix)
        weights = dmatrix.get_weight()
        return super().__call__(labels, scores, group, weights if len(weights) else None)


def xgboost_metric(metric: str | RankingMetric, *, like: str | None = None) -> "XGBoostMetric":
    """Makes a metric of plackett a `custom_metric` of XGBoost, with its convention in its name.

        xgboost.train(params, dmatrix, evals=[(validation, "validation")], custom_metric=xgboost_metric("ndcg@10"))

    XGBoost guesses from the name whether higher is better. It knows ndcg, map and precision; for early stopping others
    need `maximize=True`. Weights of the matrix have no effect on the metric.

    >>> xgboost_metric("ndcg@10", like="xgboost").name
    'ndcg@10[exp2,empty=1,ties=position]'

    Args:
        metric: a name, such as "ndcg@10", or a metric with its own convention.
        like: the library whose convention is used, see `plackett.evaluate`. None = that of `plackett.metrics`.

    Raises:
        ValueError: an unknown metric or `like`, or a name with a colon; when called, the matrix has no groups.
    """
    return XGBoostMetric(metric, like)


class XGBoostMetric(Metric):
    """The metric that `xgboost_metric` returns."""

    def __init__(self, metric, like=None):
        super().__init__(metric, like)
        if ":" in self.name:
            raise ValueError(
                f"the name of a metric must not have a colon, where XGBoost cuts it, but is {self.name}: rename it"
            )

    def __call__(self, scores, dmatrix):
        """Returns (name, value) for the scores of a matrix."""
        labels, group = _lists(dmatrix)
        return self.name, self.measure(labels, scores, group)


def _lists(dmatrix):
    """Returns (labels, group): [documents], and [lists], the number of documents of each list.

    Raises:
        ValueError: this is not a matrix of XGBoost, or it has no groups or no labels.
    """
    if not hasattr(dmatrix, "get_uint_info"):
        raise ValueError(
            "XGBoost's wrappers for scikit-learn pass no groups: train by xgboost.train(params, dmatrix, obj=..., "
            f"custom_metric=...), where the objective gets a DMatrix and not a {type(dmatrix).__name__}"
        )
    ends = dmatrix.get_uint_info("group_ptr")
    if len(ends) < 2:
        raise ValueError(NO_GROUPS)
    labels = dmatrix.get_label()
    if not len(labels) and dmatrix.num_row():
        raise ValueError("the DMatrix of XGBoost has no labels: make it with xgboost.DMatrix(X, label=y, qid=...)")
    return labels, np.diff(ends.astype("int64"))
