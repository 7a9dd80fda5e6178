"""Scoring lists with a model, and measuring scores."""

from plackett.evaluation._evaluate import METRICS, evaluate, evaluate_scores
from plackett.evaluation._saved import load
from plackett.evaluation._scoring import score

__all__ = ["METRICS", "evaluate", "evaluate_scores", "load", "score"]
