"""Scoring lists, measuring systems under declared conventions, and comparing them."""

from plackett.evaluation._comparison import Comparison, Mean, Pair, compare
from plackett.evaluation._conventions import state
from plackett.evaluation._evaluate import METRICS, evaluate, evaluate_scores
from plackett.evaluation._peers import metrics_like
from plackett.evaluation._results import Results
from plackett.evaluation._saved import load
from plackett.evaluation._scored import Beyond, Scored, System
from plackett.evaluation._scoring import score
from plackett.evaluation._slices import QueryValue, Slice, slices, worst_queries
from plackett.evaluation._systems import open_system, open_systems
from plackett.evaluation.systems.fusion import fuse

__all__ = [
    "METRICS",
    "Beyond",
    "Comparison",
    "Mean",
    "Pair",
    "QueryValue",
    "Results",
    "Scored",
    "Slice",
    "System",
    "compare",
    "evaluate",
    "evaluate_scores",
    "fuse",
    "load",
    "metrics_like",
    "open_system",
    "open_systems",
    "score",
    "slices",
    "state",
    "worst_queries",
]
