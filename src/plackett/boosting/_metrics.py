"""A metric of plackett on the arrays that a booster passes."""

import numpy as np
import numpy.typing as npt

from plackett.boosting._checks import check_groups, check_scores
from plackett.boosting._per_dataset import PerDataset
from plackett.data import RankingLists
from plackett.evaluation import evaluate_scores
from plackett.evaluation._conventions import state
from plackett.evaluation._peers import check_like, metrics_like, peer_named, scores_like
from plackett.metrics import RankingMetric, get


class Metric:
    """The mean of a metric over the lists of a dataset. The lists are made once.

    Args:
        metric: a name, or a metric with its own convention.
        like: the library whose convention is used, for a name. None = that of `plackett.metrics`.

    Raises:
        ValueError: an unknown metric or `like`, or a metric that the library does not have.
    """

    def __init__(self, metric: str | RankingMetric, like: str | None = None):
        if like is not None:
            (self.metric,) = metrics_like(like, [metric])
        else:
            self.metric = get(metric) if isinstance(metric, str) else metric
        if not isinstance(self.metric, RankingMetric):
            raise ValueError(
                f"metric must be a name such as ndcg@10, or a metric of plackett.metrics, but got {metric!r}"
            )
        if self.metric.subtopics:
            raise ValueError(f"{self.metric.name} needs labels with an axis of subtopics, which boosters do not have")
        self.like = like
        self._per_dataset = PerDataset[RankingLists]()

    @property
    def name(self) -> str:
        """The name of the metric with its convention, without spaces, since LightGBM and XGBoost cut names there."""
        return state(self.metric).replace(" ", "")

    @property
    def less_is_better(self) -> bool:
        """Whether a lower value is better."""
        return self.metric.less_is_better

    def measure(self, labels: np.ndarray, scores: npt.ArrayLike, group: npt.ArrayLike) -> float:
        """Returns the mean over lists.

        Raises:
            ValueError: arrays do not fit, or `plackett.evaluate` refuses them.
        """
        check_scores(scores)  # only checked: a metric ranks scores in their own precision
        lists = self._lists(labels, group)
        scores = np.asarray(scores)
        if self.like is not None:
            scores = scores_like(self.like, scores)
        queries = "run" if self.like is None else peer_named(self.like).queries
        (value,) = evaluate_scores(scores, lists, [self.metric], queries=queries).values()
        return value

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name})"

    def _lists(self, labels, group):
        def make():
            lengths = check_groups(group, len(labels))
            lists = RankingLists.from_arrays(np.zeros((len(labels), 0), "float32"), labels, group=lengths)
            if self.like is not None:
                check_like(self.like, lists, [self.metric.name])
            return lists

        return self._per_dataset.of((labels, group), make)
