"""Stands in for the `evaluate` of several systems until that is there."""

import numpy as np

from plackett import metrics as known
from plackett.evaluation import evaluate_scores, score
from plackett.evaluation._results import Results


def evaluate(systems, lists, metrics):
    """The results of systems, query by query."""
    measures = [known.get(metric) if isinstance(metric, str) else metric for metric in metrics]
    names = tuple(measure.name for measure in measures)
    values = np.zeros((len(systems), len(names), len(lists)))
    for s, system in enumerate(systems.values()):
        scores = score(system, lists) if hasattr(system, "predict") else system(lists)
        for q in range(len(lists)):
            one = slice(lists.row_splits[q], lists.row_splits[q + 1])
            values[s, :, q] = list(evaluate_scores(scores[one], lists[q], measures).values())
    relevant = np.add.reduceat(lists.labels >= 1, lists.row_splits[:-1])
    facts = {"list_size": lists.lengths, "relevant": relevant} | lists.query_columns
    less = tuple(measure.less_is_better for measure in measures)
    return Results(tuple(systems), names, names, less, lists.queries, values, facts)
