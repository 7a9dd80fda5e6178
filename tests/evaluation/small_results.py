"""Results of a few systems, from numbers."""

import numpy as np

from plackett.data import Strings
from plackett.evaluation._results import Results


def small_results(values, systems=("bm25", "ours"), metrics=("mrr",), less=None, facts=None, notes=()):
    """Results of values [systems, metrics, queries] for the queries q0, q1, ..."""
    values = np.array(values, "float64")
    return Results(
        systems=tuple(systems),
        metrics=tuple(metrics),
        stated=tuple(f"{metric}[stated]" for metric in metrics),
        less_is_better=tuple(less or [False] * len(metrics)),
        queries=Strings.of([f"q{i}" for i in range(values.shape[-1])]),
        values=values,
        facts=facts or {},
        notes=notes,
    )
