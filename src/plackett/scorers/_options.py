"""What the options of a scorer may be."""

import functools
import numbers
from collections.abc import Callable, Sequence


def checked(scorer: Callable) -> Callable:
    """The same scorer, which raises ValueError for an option outside of what is allowed before it does anything."""

    @functools.wraps(scorer)
    def check_and_make(lists, **options):
        for name, value in options.items():
            allowed, wording = _RULES.get(name, (None, None))
            if allowed and not allowed(value):
                raise ValueError(f"{name} must be {wording}, but got {value!r}")
        if len(lists.labels) == 0:
            raise ValueError("a scorer is fitted on training lists, but these have no documents")
        return scorer(lists, **options)

    return check_and_make


def _count(x):
    return isinstance(x, numbers.Integral) and not isinstance(x, bool) and x >= 1


def _number(x):
    return isinstance(x, numbers.Real) and not isinstance(x, bool)


def _counts(x):
    return isinstance(x, Sequence) and not isinstance(x, str) and all(map(_count, x))


def _names(x):
    named = isinstance(x, Sequence) and not isinstance(x, str) and all(isinstance(name, str) and name for name in x)
    return named and len(x) == len(set(x)) > 0


_COUNT = (_count, "a whole number of at least 1")
_RULES = {
    "hidden": (_counts, "a list of widths, whole numbers of at least 1"),
    "transform": (lambda x: x in ("log1p", "quantile", None), "'log1p', 'quantile' or None"),
    "missing": (lambda x: isinstance(x, bool), "True or False"),
    "normalization": (lambda x: x in ("batch", "layer", None), "'batch', 'layer' or None"),
    "structure": (lambda x: x in ("stacked", "parallel"), "'stacked' or 'parallel'"),
    "dropout": (lambda x: _number(x) and 0 <= x < 1, "a number of at least 0 and below 1"),
    "l2": (lambda x: _number(x) and x >= 0, "a number of at least 0"),
    "models": (lambda x: x is None or _count(x), f"{_COUNT[1]}, or None"),
    "rank": (lambda x: x is None or _count(x), f"{_COUNT[1]}, or None for full rank"),
    "tasks": (lambda x: x is None or _names(x), "a list of different names, or None"),
    "dimension": _COUNT,
    "min_count": _COUNT,
    "crosses": _COUNT,
    "blocks": _COUNT,
    "heads": _COUNT,
    "feed_forward": _COUNT,
}
