"""Objectives and metrics as LightGBM calls them. LightGBM itself is not imported: it hands its datasets over."""

from collections.abc import Callable
from typing import Any

import numpy as np

from plackett.boosting._metrics import Metric
from plackett.boosting._objective import Objective
from plackett.metrics import RankingMetric

NO_GROUPS = (
    "the Dataset of LightGBM has no groups: make it with lightgbm.Dataset(X, label=y, group=[...]), or call "
    "LGBMRanker.fit(X, y, group=[...]), how many documents each list has, in the order of the rows"
)


def lightgbm_objective(loss: str | Callable, **options: Any) -> "LightGBMObjective":
    """A loss of lists as an objective of LightGBM.

    The one object goes both ways:

        lightgbm.train(params | {"objective": lightgbm_objective("unique_softmax")}, dataset)
        lightgbm.LGBMRanker(objective=lightgbm_objective("unique_softmax")).fit(X, y, group=group)

    Groups, labels and weights are those of the dataset. Weights of documents mean what `sample_weight` means for the
    loss; LightGBM itself does not weigh what an objective of one's own gives.

    >>> objective = lightgbm_objective("gumbel_approx_ndcg", seed=1)
    >>> objective
    LightGBMObjective(GumbelApproxNDCGLoss(seed=1))

    Args:
        loss: as for `Objective`.
        options: arguments of the loss of this name.

    Raises:
        ValueError: as for `Objective`; when called, a dataset without groups, and what `Objective` refuses.
    """
    return LightGBMObjective(loss, **options)


class LightGBMObjective(Objective):
    """What `lightgbm_objective` gives."""

    def __call__(self, labels, scores, weights=None, group=None):
        """(gradient, curvature), of (labels, scores, weights, group) or of (scores, dataset).

        LightGBM's scikit-learn wrapper counts the parameters: one that takes four is handed these, in this order.
        """
        _check_sampling(scores)
        return super().__call__(*_arrays(labels, scores, weights, group))


def lightgbm_metric(metric: str | RankingMetric, *, like: str | None = None) -> "LightGBMMetric":
    """A metric of plackett as a `feval` of LightGBM, with its convention in its name.

        lightgbm.train(params, dataset, valid_sets=[validation], feval=lightgbm_metric("ndcg@10"))
        lightgbm.LGBMRanker(...).fit(..., eval_metric=lightgbm_metric("ndcg@10"))

    Weights of the dataset have no part in it.

    >>> feval = lightgbm_metric("ndcg@10", like="letor")
    >>> feval.name
    'ndcg@10[exp2,discount=letor_discount,short=0,empty=0,ties=position]'

    Args:
        metric: a name, such as "ndcg@10", or a metric with a convention of its own.
        like: whose convention is meant, see `plackett.evaluate`. None = that of `plackett.metrics`.

    Raises:
        ValueError: an unknown metric or `like`; when called, a dataset without groups.
    """
    return LightGBMMetric(metric, like)


class LightGBMMetric(Metric):
    """What `lightgbm_metric` gives."""

    def __call__(self, labels, scores, weights=None, group=None):
        """(name, value, is higher better), of (labels, scores, weights, group) or of (scores, dataset)."""
        labels, scores, group, _ = _arrays(labels, scores, weights, group)
        return self.name, self.measure(labels, scores, group), not self.less_is_better


def _check_sampling(dataset):
    """Raises a ValueError where LightGBM, up to 4.7, grows trees of wrong rows, or of a single leaf, without a word."""
    if str((getattr(dataset, "params", None) or {}).get("bagging_by_query")).lower() in ("true", "1"):
        raise ValueError(
            "LightGBM grows wrong trees where bagging_by_query meets an objective that is not its own: leave it out; "
            "bagging_fraction and bagging_freq alone sample documents"
        )


def _check_lists_are_whole(dataset):
    """Raises a ValueError where rows of a dataset cut through its lists, as those of the folds of `lightgbm.cv` do.

    LightGBM keeps lists whole there for objectives of its own alone.
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
            f"(from 0), and cuts {cut.sum()} lists in all: give lightgbm.cv folds that keep them whole, "
            "folds=sklearn.model_selection.GroupKFold(5)"
        )


def _arrays(labels, scores, weights, group):
    """(labels, scores, group, weights) of the two ways in which LightGBM calls.

    Raises:
        ValueError: there are no groups, or parts of lists.
    """
    if hasattr(scores, "get_group"):
        labels, scores, dataset = scores.get_label(), labels, scores
        _check_lists_are_whole(dataset)
        weights, group = dataset.get_weight(), dataset.get_group()
    if group is None:
        raise ValueError(NO_GROUPS)
    return np.asarray(labels), scores, group, weights
