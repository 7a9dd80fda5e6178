"""Objectives and metrics for LightGBM. LightGBM itself is not imported: it passes its datasets."""

from collections.abc import Callable
from typing import Any

import numpy as np

from plackett.boosting._metrics import Metric
from plackett.boosting._objective import Objective
from plackett.metrics import RankingMetric

NO_GROUPS = (
    "the Dataset of LightGBM has no groups: make it with lightgbm.Dataset(X, label=y, group=[...]), or call "
    "LGBMRanker.fit(X, y, group=[...]), with the number of documents of each list, in the order of the rows"
)


def lightgbm_objective(loss: str | Callable, **options: Any) -> "LightGBMObjective":
    """Makes a loss of lists an objective of LightGBM.

    The same object works in both interfaces:

        lightgbm.train(params | {"objective": lightgbm_objective("unique_softmax")}, dataset)
        lightgbm.LGBMRanker(objective=lightgbm_objective("unique_softmax")).fit(X, y, group=group)

    Groups, labels and weights are those of the dataset. Weights of documents have the same effect as `sample_weight` of
    the loss. LightGBM itself does not weight the results of a custom objective.

    >>> objective = lightgbm_objective("gumbel_approx_ndcg", seed=1)
    >>> objective
    LightGBMObjective(GumbelApproxNDCGLoss(seed=1))

    Args:
        loss: as for `Objective`.
        options: the arguments of a loss that is given by its name.

    Raises:
        ValueError: as for `Objective`; when called, the dataset has no groups, or holds what `Objective` refuses.
    """
    return LightGBMObjective(loss, **options)


class LightGBMObjective(Objective):
    """The objective that `lightgbm_objective` returns."""

    def __call__(self, labels, scores, weights=None, group=None):
        """Returns (gradient, curvature), from (labels, scores, weights, group) or from (scores, dataset).

        LightGBM's scikit-learn wrapper counts the parameters, and passes these four in this order.
        """
        _check_sampling(scores)
        return super().__call__(*_arrays(labels, scores, weights, group))


def lightgbm_metric(metric: str | RankingMetric, *, like: str | None = None) -> "LightGBMMetric":
    """Makes a metric of plackett a `feval` of LightGBM, with its convention in its name.

        lightgbm.train(params, dataset, valid_sets=[validation], feval=lightgbm_metric("ndcg@10"))
        lightgbm.LGBMRanker(...).fit(..., eval_metric=lightgbm_metric("ndcg@10"))

    Weights of the dataset have no effect on it.

    >>> feval = lightgbm_metric("ndcg@10", like="letor")
    >>> feval.name
    'ndcg@10[exp2,discount=letor_discount,short=0,empty=0,ties=position]'

    Args:
        metric: a name, such as "ndcg@10", or a metric with its own convention.
        like: the library whose convention is used, see `plackett.evaluate`. None = that of `plackett.metrics`.

    Raises:
        ValueError: an unknown metric or `like`; when called, the dataset has no groups.
    """
    return LightGBMMetric(metric, like)


class LightGBMMetric(Metric):
    """The metric that `lightgbm_metric` returns."""

    def __call__(self, labels, scores, weights=None, group=None):
        """Returns (name, value, higher is better), from (labels, scores, weights, group) or (scores, dataset)."""
        labels, scores, group, _ = _arrays(labels, scores, weights, group)
        return self.name, self.measure(labels, scores, group), not self.less_is_better


def _check_sampling(dataset):
    """Raises a ValueError if LightGBM, up to 4.7, would silently grow trees of wrong rows, or of a single leaf."""
    if str((getattr(dataset, "params", None) or {}).get("bagging_by_query")).lower() in ("true", "1"):
        raise ValueError(
            "LightGBM grows wrong trees if bagging_by_query is used with a custom objective: leave it out; "
            "bagging_fraction and bagging_freq alone sample documents"
        )


def _check_lists_are_whole(dataset):
    """Raises a ValueError if the rows of a dataset cut through its lists, as those of the folds of `lightgbm.cv` do.

    LightGBM keeps lists whole there only for its own objectives.
    """
    whole = None if dataset.used_indices is None else dataset.reference.get_group()
    if whole is None:
        return
    lengths = np.asarray(whole)
    found = np.bincount(np.repeat(np.arange(len(lengths)), lengths)[dataset.used_indices], minlength=len(lengths))
    if (cut := (found > 0) & (found < lengths)).any():
        first = int(np.argmax(cut))
        raise ValueError(
            f"a part of the Dataset of LightGBM has {found[first]} of the {lengths[first]} documents of list {first} "
            f"(from 0), and cuts {cut.sum()} lists in all: give lightgbm.cv folds that keep lists whole, "
            "folds=sklearn.model_selection.GroupKFold(5)"
        )


def _arrays(labels, scores, weights, group):
    """Returns (labels, scores, group, weights) from either way in which LightGBM calls.

    Raises:
        ValueError: there are no groups, or lists are cut.
    """
    if hasattr(scores, "get_group"):
        labels, scores, dataset = scores.get_label(), labels, scores
        _check_lists_are_whole(dataset)
        weights, group = dataset.get_weight(), dataset.get_group()
    if group is None:
        raise ValueError(NO_GROUPS)
    return np.asarray(labels), scores, group, weights
