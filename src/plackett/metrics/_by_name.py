"""Metrics by name."""

from typing import Any

from plackett.metrics._base import RankingMetric
from plackett.registry import check_known, classes_by_name, make


def get(name: str, /, **options: Any) -> RankingMetric:
    """A metric by its lower-case name, with an optional cut-off.

    >>> get("ndcg@10").name
    'ndcg@10'
    >>> get("ndcg@10", empty="skip").empty
    'skip'

    Args:
        name: the lower-case name of the class, such as "ndcg" or "precision_ia", optionally followed by "@" and the
            cut-off. A metric of your own has its registered name, such as "mine>TopHit".
        options: arguments of the class.

    Raises:
        ValueError: the name or an option is unknown, or the cut-off is not a whole number of at least 1.
    """
    known = classes_by_name(RankingMetric)
    if not isinstance(name, str):
        check_known("metric", name, known)
    base, at, topn = name.partition("@")
    if at and not topn.isdecimal():
        raise ValueError(f"the cut-off of a metric must be a whole number, as in ndcg@10, but got {name!r}")
    if at and "topn" in options:
        raise ValueError(f"{name} already has a cut-off, but got topn={options['topn']!r} too")
    return make("metric", known, base, options | ({"topn": int(topn)} if at else {}))
