"""Ranking metrics: each a pure function of one batch of lists, one number a list, and a Keras metric, their mean."""

from plackett.metrics.dcg import NDCG, ndcg
from plackett.metrics.reciprocal_rank import MRR, reciprocal_rank

__all__ = ["MRR", "NDCG", "ndcg", "reciprocal_rank"]
