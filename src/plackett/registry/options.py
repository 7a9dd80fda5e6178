"""The allowed values of options: the annotations of a constructor state them, and one check reads them.

>>> from plackett.registry.options import Positive, check_options
>>> def scaled(x, *, temperature: Positive = 1.0): ...
>>> check_options(scaled, temperature=0)
Traceback (most recent call last):
    ...
ValueError: temperature must be a number greater than 0, but got temperature=0

Tensors pass, since their values may not be known. The check covers the annotations of this file, bool, str, None,
Literal and unions of these, and ignores all others.
"""

import functools
import inspect
import math
import numbers
import types
import typing
from collections.abc import Callable, Sequence
from typing import Annotated, Literal

import numpy as np


class Rule(typing.NamedTuple):
    """What a value must be.

    Args:
        allows: function that says whether a value is allowed.
        wording: what is allowed, in words that can follow "must be".
    """

    allows: Callable[[object], bool]
    wording: str

    def __repr__(self):
        """The wording, which `help` shows for an annotation."""
        return self.wording


def is_number(x: object) -> typing.TypeGuard[float]:
    """Whether `x` is a finite number; a bool is not."""
    return isinstance(x, numbers.Real) and not isinstance(x, bool | np.bool_) and math.isfinite(x)


def number(wording: str, within: Callable[[float], bool] = lambda x: True, *, whole: bool = False) -> Rule:
    """A rule: a finite number that satisfies `within`, and is whole if `whole`."""
    return Rule(lambda x: is_number(x) and within(x) and (not whole or x == int(x)), wording)


def _is_counts(x):
    return isinstance(x, Sequence) and not isinstance(x, str) and all(map(COUNT.allows, x))


def _is_names(x):
    named = isinstance(x, Sequence) and not isinstance(x, str) and all(isinstance(name, str) and name for name in x)
    return named and len(x) == len(set(x)) > 0


COUNT = number("a whole number of at least 1", lambda x: x >= 1, whole=True)

Number = Annotated[float, number("a number")]
Positive = Annotated[float, number("a number greater than 0", lambda x: x > 0)]
NotNegative = Annotated[float, number("a number of at least 0", lambda x: x >= 0)]
Share = Annotated[float, number("a number from 0 to 1", lambda x: 0 <= x <= 1)]
ShareBelow1 = Annotated[float, number("a number of at least 0 and below 1", lambda x: 0 <= x < 1)]
Probability = Annotated[float, number("a number between 0 and 1", lambda x: 0 < x < 1)]
Count = Annotated[int, COUNT]
CountFrom0 = Annotated[int, number("a whole number of at least 0", lambda x: x >= 0, whole=True)]
CountFrom2 = Annotated[int, number("a whole number of at least 2", lambda x: x >= 2, whole=True)]
Whole = Annotated[int, number("a whole number", whole=True)]
Counts = Annotated[Sequence[int], Rule(_is_counts, "a list of whole numbers of at least 1")]
Names = Annotated[Sequence[str], Rule(_is_names, "a list of different names")]
Function = Annotated[Callable, Rule(callable, "a function, such as one of plackett.gains")]


def check_options(fn: Callable, /, **options) -> None:
    """Raises a ValueError for an option that the annotation of the parameter of this name does not allow.

    Args:
        fn: the function or constructor whose parameters are annotated.
        options: the values, by their names.
    """
    parameters = _parameters(fn)
    for name, value in options.items():
        rule = rule_of(parameters[name].annotation) if name in parameters else None
        if rule and not _is_tensor(value) and not rule.allows(value):
            raise ValueError(f"{name} must be {rule.wording}, but got {name}={value!r}")


@functools.cache
def rule_of(annotation: object) -> Rule | None:
    """The rule of an annotation; None = the annotation is not checked."""
    if annotation is None or annotation is types.NoneType:
        return Rule(lambda x: x is None, "None")
    if annotation is bool:
        return Rule(lambda x: isinstance(x, bool | np.bool_), "True or False")
    if annotation is str:
        return Rule(lambda x: isinstance(x, str), "a string")
    if annotation == tuple[()]:
        return Rule(lambda x: isinstance(x, Sequence) and not isinstance(x, str) and not x, "none")
    if typing.get_origin(annotation) is Annotated:
        return next((rule for rule in typing.get_args(annotation) if isinstance(rule, Rule)), None)
    if typing.get_origin(annotation) is Literal:
        return _one_of(typing.get_args(annotation))
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        members = typing.get_args(annotation)
        rules = [rule for rule in map(rule_of, members) if rule is not None]
        if len(rules) == len(members):
            return Rule(lambda x: any(rule.allows(x) for rule in rules), ", or ".join(rule.wording for rule in rules))
    return None


def _one_of(values):
    return Rule(lambda x: not isinstance(x, bool | np.bool_) and x in values, f"one of {values}")


def _is_tensor(x):
    return hasattr(x, "dtype") and not isinstance(x, np.generic)


@functools.cache
def _parameters(fn):
    return inspect.signature(fn).parameters
