"""Reading ranking data and cutting it into batches. Nothing here needs Keras or a backend."""

from plackett.data.batches import Batches, bucket_size, collate, plan
from plackett.data.letor import read_letor
from plackett.data.movielens import movielens_100k
from plackett.data.ranking_lists import RankingLists, concatenate, split_queries

__all__ = [
    "Batches",
    "RankingLists",
    "bucket_size",
    "collate",
    "concatenate",
    "movielens_100k",
    "plan",
    "read_letor",
    "split_queries",
]
