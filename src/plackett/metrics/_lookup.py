"""Metrics by name."""

from plackett import registry
from plackett.metrics._base import RankingMetric


def get(name: str, /, **options) -> RankingMetric:
    """A metric by its lower-case name, with an optional cut-off.

    >>> get("ndcg@10").name
    'ndcg_10'
    >>> get("ndcg@10", empty="skip").empty
    'skip'

    Args:
        name: the lower-case name of its class, such as "ndcg" or "precision_ia", and where wanted "@" and the cut-off.
        options: arguments of its class.

    Raises:
        ValueError: an unknown name or option, or a cut-off that is no whole number of at least 1.
    """
    registry.check_name("metric", name)
    known = {registry.snake_case(kind): cls for kind, cls in registry.registered(RankingMetric).items()}
    base, at, topn = name.partition("@")
    if at and not topn.isdecimal():
        raise ValueError(f"the cut-off of a metric must be a whole number, as in ndcg@10, but got {name!r}")
    if at and "topn" in options:
        raise ValueError(f"{name} has a cut-off of its own, but got topn={options['topn']!r} too")
    return registry.made("metric", known, base, options | ({"topn": int(topn)} if at else {}))
