"""Ranking metrics. Each is a pure function with one number per list, and a Keras metric, the mean over lists.

Published numbers depend on conventions that are seldom written down. Here the conventions are arguments. All classes
share these:

- `topn`: the cut-off; documents at ranks below it count 0.
- `gain`, `discount`: functions of labels and of ranks, from `plackett.gains` or of your own.
- `empty`: the value of a list without any relevant document: 0, 1, or "skip" to leave it out. If every list is left
  out, the mean is NaN. On MQ2008 this option alone moves the NDCG@10 of one model from .500 (0) to .781 (1) or .695
  ("skip").
- `short`, for NDCG and DCG: the value of a list with fewer documents than the cut-off: its own value ("end"), or 0, as
  in LETOR's evaluation script, which gives that model .229.
- `ties`: the order of documents of equal score. "position": as in the list, so that a constant score keeps the order of
  the file; "expected": the exact mean over all orders of tied documents (McSherry & Najork, ECIR 2008); "trec": by
  descending document id, as in trec_eval. For "trec", `documents` holds the ids: strings, or numbers, which are
  compared as numbers.
- `average`: "lists": all lists count equally or, with sample weights, by the mean weight of their relevant documents;
  "relevance": a list counts by the sum of these weights.
- `name`: None = the name of the class and its cut-off, such as "ndcg@10".
- `ragged`: accept ragged labels, scores and weights.

A list may lack judged documents, for example because a run is cut. Add them with a score of -inf, so that they count in
the ideal ranking and in the number of relevant documents. `plackett.evaluate_scores` adds the `missed` documents of its
lists.

Which documents are real: as in `plackett.losses`. A document with a weight of 0 or less is left out.

Scores that are not finite:

- NaN has no rank. The value of the list is NaN, and so is the mean over lists. At padding NaN is ignored.
- -inf means that the document is not retrieved, as in rax. It counts among the relevant documents and in the ideal
  ranking of the list, but it gains nothing at its place, and precision does not count it in its divisor. For ARP, which
  counts places and not gains, it stands after all retrieved documents.
"""

from plackett import _keras
from plackett.metrics._base import RankingMetric
from plackett.metrics._by_name import get
from plackett.metrics._by_position import PWA, RBP, position_weighted_average, rank_biased_precision
from plackett.metrics._cascade import ERR, MRR, Hits, expected_reciprocal_rank, hits, reciprocal_rank
from plackett.metrics._dcg import DCG, NDCG, dcg, ndcg
from plackett.metrics._diversity import AlphaDCG, PrecisionIA, alpha_dcg, precision_ia
from plackett.metrics._precision import MAP, Precision, Recall, average_precision, precision, recall
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
