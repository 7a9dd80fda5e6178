"""What the options of a metric may be."""

import numbers

import numpy as np

from plackett import gains

TIES = ("position", "expected", "trec")
EMPTY = ("skip", 0, 1)
AVERAGES = ("lists", "relevance")
DIVISORS = ("documents", "topn")


def check_options(known_ties: tuple[str, ...] = TIES, **options) -> None:
    """Raises ValueError for an option of a metric outside of what is allowed.

    Args:
        known_ties: what `ties` may be.
        options: name -> value. A cut-off of "relevant" is allowed beside `divide_by` alone.
    """
    for name, allowed in (("ties", known_ties), ("empty", EMPTY), ("average", AVERAGES), ("divide_by", DIVISORS)):
        if name in options and (options[name] not in allowed or isinstance(options[name], bool | np.bool_)):
            raise ValueError(f"{name} must be one of {allowed}, but got {name}={options[name]!r}")
    topn, divide_by = options.get("topn"), options.get("divide_by")
    if not (topn == "relevant" and divide_by):
        gains.check_topn(topn)
    if divide_by == "topn" and topn in (None, "relevant"):
        raise ValueError(f'divide_by="topn" needs a number for topn, but got topn={topn!r}')
    gains.check_functions(**{name: options[name] for name in ("gain", "discount") if name in options})
    for name in ("alpha", "persistence", "max_grade"):
        value = options.get(name, 0.0)
        if not isinstance(value, numbers.Real) or isinstance(value, bool):
            raise ValueError(f"{name} must be a number, but got {name}={options[name]!r}")
    if not 0.0 <= options.get("alpha", 0.0) <= 1.0:
        raise ValueError(f"alpha must lie between 0 and 1, but got alpha={options['alpha']!r}")
    if not 0.0 < options.get("persistence", 0.5) < 1.0:
        raise ValueError(f"persistence must lie between 0 and 1, but got persistence={options['persistence']!r}")
    if not options.get("max_grade", 1.0) > 0:
        raise ValueError(f"max_grade must be greater than 0, but got max_grade={options['max_grade']!r}")
