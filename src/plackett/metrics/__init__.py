"""Ranking metrics: each a pure function of one batch of lists, one number a list, and a Keras metric, their mean.

Published numbers differ by conventions that are seldom written down. Here they are arguments; what the classes share:

- `topn`: the cut-off; ranks below it count nothing.
- `gain`, `discount`: functions of labels and of ranks, from `plackett.gains` or your own.
- `empty`: what a list without any relevant document counts, 0, 1, or "skip" for not at all; the mean over no list is
  then NaN. On MQ2008 this alone moves one model's NDCG@10 from .500 (0) to .781 (1) or .695 ("skip").
- `short`, of NDCG and DCG: what a list of fewer documents than the cut-off counts: its own value ("end"), or 0, as in
  LETOR's evaluation script, where that model has .229.
- `ties`: the order of documents of equal score. "position": as they stand in the list, so that a constant score is as
  good as the order of the file; "expected": the exact mean over all orders of tied documents (McSherry & Najork, ECIR
  2008); "trec": by falling document id, as trec_eval does, for which `documents` holds the ids: numbers, which are
  compared as numbers, or strings.
- `average`: "lists": each list counts alike, or by the mean of the sample weights of its relevant documents;
  "relevance": by their sum.
- `name`: None = the name of the class and its cut-off, such as "ndcg@10".
- `ragged`: accept ragged labels, scores and weights.

Judged documents that a list lacks, as where a run is cut, belong in it with a score of -inf: so they take part in what
is ideal and in the number of relevant documents. `plackett.evaluate_scores` adds the `missed` ones of its lists.

Who is real: as in `plackett.losses`. A document of weight 0 or less is left out.

Scores that are no numbers:

- NaN has no rank: the value of the list is NaN, and so is the mean over lists. At padding it means nothing.
- -inf says that the document is not retrieved, as in rax. It counts in what is relevant or ideal in the whole list,
  but gains nothing at its place, and is not among the documents that precision divides by. To ARP, which counts places
  and no gains, it stands behind all that are retrieved.
"""

from plackett import _keras
from plackett.metrics._base import RankingMetric
from plackett.metrics._by_name import get
from plackett.metrics._cascade import ERR, MRR, Hits, expected_reciprocal_rank, hits, reciprocal_rank
from plackett.metrics._dcg import DCG, NDCG, dcg, ndcg
from plackett.metrics._diversity import AlphaDCG, PrecisionIA, alpha_dcg, precision_ia
from plackett.metrics._precision import (
    MAP,
    PWA,
    RBP,
    Precision,
    Recall,
    average_precision,
    position_weighted_average,
    precision,
    rank_biased_precision,
    recall,
)
from plackett.metrics._preference import ARP, OPA, BPref, average_relevance_position, bpref, ordered_pair_accuracy
from plackett.metrics._ranked import Ranked

__all__ = [
    "ARP",
    "DCG",
    "ERR",
    "MAP",
    "MRR",
    "NDCG",
    "OPA",
    "PWA",
    "RBP",
    "AlphaDCG",
    "BPref",
    "Hits",
    "Precision",
    "PrecisionIA",
    "Ranked",
    "RankingMetric",
    "Recall",
    "alpha_dcg",
    "average_precision",
    "average_relevance_position",
    "bpref",
    "dcg",
    "expected_reciprocal_rank",
    "get",
    "hits",
    "ndcg",
    "ordered_pair_accuracy",
    "position_weighted_average",
    "precision",
    "precision_ia",
    "rank_biased_precision",
    "recall",
    "reciprocal_rank",
]
