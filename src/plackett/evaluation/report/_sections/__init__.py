"""The sections of plackett's own reports, one a module. To import a module is to register its section."""

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
