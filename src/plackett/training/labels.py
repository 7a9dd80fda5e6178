"""Labels that are too high for a loss or metric: said before training starts, not by a NaN after it."""

import math

import numpy as np
from keras import ops

from plackett.catalogue import snake_case
from plackett.data import RankingLists
from plackett.evaluation import evaluate_scores
from plackett.losses.base import RankingLoss

# Up to here the gain 2^label is finite in float32, also where a list sums, weighs or multiplies gains.
SAFE = 60.0


def check_labels(
    lists: RankingLists,
    validation: RankingLists,
    made: dict[str | None, RankingLoss],
    targets: dict[str | None, str],
    metric: str,
) -> None:
    """Computes each loss, and the metric, once on the list with the highest label, at equal scores.

    Args:
        lists: the training lists.
        validation: the validation lists.
        made: the loss of each task.
        targets: what each loss learns from.
        metric: the name of the metric.

    Raises:
        ValueError: one of them is not finite there; says of which label and query, and what to do.
    """
    for task, loss in made.items():
        target = lists.labels if targets[task] == "label" else lists.columns[targets[task]]
        if (query := _query_of_the_highest(target, lists)) is not None:
            labels = target[lists.row_splits[query] : lists.row_splits[query + 1]][None]
            scores = np.zeros(labels.shape if loss.models is None else (*labels.shape, loss.models), "float32")
            # A copy, since a loss that draws noise remembers how often.
            value = float(ops.convert_to_numpy(type(loss).from_config(loss.get_config())(labels, scores)))
            if not math.isfinite(value):
                name = snake_case(type(loss).__name__.removesuffix("Loss"))
                raise _too_high(targets[task], labels.max(), "training", lists.queries[query], name, value)
    if (query := _query_of_the_highest(validation.labels, validation)) is not None:
        measured = validation.select(np.array([query]))
        value = evaluate_scores(np.zeros(len(measured.labels)), measured, [metric])[metric]
        if not math.isfinite(value):
            raise _too_high("label", measured.labels.max(), "validation", measured.queries[0], metric, value)


def _query_of_the_highest(target, lists):
    """The position of the query with the highest target; None where it is `SAFE`."""
    if not len(target) or not target.max() > SAFE:
        return None
    return int(np.searchsorted(lists.row_splits, target.argmax(), side="right")) - 1


def _too_high(target, highest, which, query, what, value):
    return ValueError(
        f"the highest {target} of the {which} lists is {highest:g}, of query {str(query)!r}, where {what} is {value}: "
        f"an exponential gain, 2^{highest:g} - 1, is more than float32 holds. Is the {target} an id or a price? Then "
        "choose another column. Grades from 0 to 4 are usual; for higher ones take a normalised loss and metric, such "
        "as approx_ndcg and ndcg@10, or one with the gain identity"
    )
