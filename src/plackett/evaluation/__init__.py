"""Scoring lists with a model, and measuring scores."""

from plackett.evaluation._conventions import state
from plackett.evaluation._measures import METRICS, evaluate, evaluate_scores
from plackett.evaluation._peers import PEERS, metrics_like
from plackett.evaluation._saved import load
from plackett.evaluation._scoring import score

__all__ = ["METRICS", "PEERS", "evaluate", "evaluate_scores", "load", "metrics_like", "score", "state"]
