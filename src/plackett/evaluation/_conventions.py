"""The convention of a metric in its name. It says whether two numbers of the same name can be compared."""

import inspect
import numbers
from typing import Any

from plackett import gains
from plackett.metrics._base import RankingMetric, default_name

GAINS = ((gains.pow_minus_1, "exp2"), (gains.identity, "linear"))


def state(metric: RankingMetric) -> str:
    """Returns the name of a metric with its convention.

    >>> from plackett.metrics import MAP, NDCG
    >>> state(NDCG(topn=10, ties="expected"))
    'ndcg@10[exp2, empty=0, ties=expected]'
    >>> state(MAP(topn=5, divide_by="topn", name="map of lightgbm"))
    'map of lightgbm[map@5, divide_by=topn, empty=0, ties=position]'

    Args:
        metric: any metric of `plackett.metrics`, or of your own.

    Returns:
        The name and, in brackets: the kind of metric, if the name is another; its gain, "exp2" for 2^y - 1, "linear"
        for y, any other by its name; each other option that is not at its default; and always the value of a list
        without relevant documents, `empty`, and the order of equal scores, `ties`.
    """
    kind, options = type(metric), metric.options
    own_name = default_name(kind, options.pop("topn", None))
    parts = [own_name] if metric.name != own_name else []
    if "gain" in options:
        parts.append(_text(options.pop("gain")))
    options |= {"average": metric.average}
    parts += [f"{name}={_text(value)}" for name, value in options.items() if value != _default(kind, name)]
    return f"{metric.name}[{', '.join([*parts, f'empty={metric.empty}', f'ties={metric.ties}'])}]"


def _default(kind: type, option: str) -> Any:
    """The default of an option. For a class of your own with other arguments, it is looked up in the base classes."""
    for each in kind.__mro__:
        known = inspect.signature(vars(each)["__init__"]).parameters if "__init__" in vars(each) else {}
        if option in known:
            return known[option].default
    return inspect.Parameter.empty


def _text(value: Any) -> str:
    if callable(value):
        return next((name for gain, name in GAINS if gain is value), getattr(value, "__name__", repr(value)))
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        return f"{value:.12g}"
    return str(value)
