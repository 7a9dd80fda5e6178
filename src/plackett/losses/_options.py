"""What the options of a loss may be."""

import math
import numbers

import keras

PER = ("list", "document")
REDUCTIONS = ("auto", "sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


def _number(x):
    return isinstance(x, numbers.Real) and not isinstance(x, bool) and math.isfinite(x)


def _whole(x):
    return _number(x) and x == int(x)


_POSITIVE = (lambda x: _number(x) and x > 0, "a number greater than 0")
_NOT_NEGATIVE = (lambda x: _number(x) and x >= 0, "a number of at least 0")
_COUNT = (lambda x: _whole(x) and x >= 1, "a whole number of at least 1")
RULES = {
    "temperature": _POSITIVE,
    "gumbel_temperature": _POSITIVE,
    "gamma": _POSITIVE,
    "alpha": _NOT_NEGATIVE,
    "virtual_label": _NOT_NEGATIVE,
    "exam_loss_weight": _NOT_NEGATIVE,
    "rel_loss_weight": _NOT_NEGATIVE,
    "epsilon": (_number, "a number"),
    "rank_temperature": _POSITIVE,
    "label_smoothing": (lambda x: _number(x) and 0 <= x < 1, "a number from 0 up to 1"),
    "margin": (_number, "a number"),
    "sample_size": _COUNT,
    "ordinal_size": (lambda x: x is None or _COUNT[0](x), f"{_COUNT[1]}, or None for as many as the scores have"),
    "seed": (lambda x: x is None or _whole(x), "a whole number, or None for another noise each time"),
    "num_classes": (lambda x: _whole(x) and x >= 2, "a whole number of at least 2"),
    "topk": (lambda x: x is None or _COUNT[0](x), f"{_COUNT[1]}, or None for the whole list"),
    "reduction": (lambda x: x in REDUCTIONS, f"one of {REDUCTIONS}"),
}


def check_options(**options) -> None:
    """Raises ValueError for an option of a loss outside of what is allowed; tensors pass."""
    for name, value in options.items():
        allowed, wording = RULES.get(name, (None, None))
        if allowed and not keras.ops.is_tensor(value) and not allowed(value):
            raise ValueError(f"{name} must be {wording}, but got {name}={value!r}")


def check_per(per: str, allowed: tuple[str, ...] = PER) -> None:
    """Raises ValueError unless `per` is one of the things that a loss can be a number of."""
    if per not in allowed:
        raise ValueError(f"per must be one of {allowed}, but got per={per!r}")
