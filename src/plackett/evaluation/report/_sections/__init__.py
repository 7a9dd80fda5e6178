"""The sections of plackett's own reports, one in each module. Importing a module registers its section."""

from plackett.evaluation.report._sections import (
    cutoffs,
    differences,
    importance,
    metrics,
    queries,
    reproduction,
    slices,
    summary,
    training,
)

__all__ = [
    "cutoffs",
    "differences",
    "importance",
    "metrics",
    "queries",
    "reproduction",
    "slices",
    "summary",
    "training",
]
