"""The space of a search: ranges and choices by the names of settings. Does not need Keras."""

import dataclasses
import json
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from plackett.registry import check_known
from plackett.registry.options import Number, Whole
from plackett.training._settings import Settings, check_value

# The space that is searched if none is given, as far as the scorer has these options.
SPACE: dict[str, dict | list] = {
    "learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
    "batch_size": [16, 32, 64, 128],
    "scorer_options.hidden": [[32], [64, 32], [128, 64], [256, 128, 64]],
    "scorer_options.dropout": {"low": 0.0, "high": 0.5},
    "scorer_options.dimension": [8, 16, 32],
}
NESTED = ("scorer_options", "loss_options")
RANGE = ("low", "high", "log")


def check_space(space: Mapping) -> dict[str, dict | list]:
    """Returns the space, with numbers that are written as text made numbers.

    Raises:
        ValueError: an unknown name, an empty list, or a wrong range.
    """
    if not isinstance(space, Mapping) or not space:
        raise ValueError(f"a space must be a dict of names to ranges or lists of choices, but got {space!r}")
    return {name: _check_range(name, given) for name, given in space.items()}


def check_single(settings: Settings) -> None:
    """Raises a ValueError if each trial of a search would be an ensemble, which trains many runs for one choice."""
    if settings.ensemble > 1:
        raise ValueError(
            f"each trial of a search is one run, but ensemble is {settings.ensemble}: leave it out (or give --ensemble "
            "1), and train an ensemble of the best settings (plackett train --config OUTPUT/config.yaml --ensemble "
            f"{settings.ensemble})"
        )


def with_choices(base: Mapping, chosen: Mapping) -> dict:
    """Returns the settings, with the chosen values in place."""
    settings = dict(base) | {name: dict(base.get(name, {})) for name in NESTED}
    for name, value in chosen.items():
        outer, _, inner = name.partition(".")
        if inner:
            settings[outer][inner] = value
        else:
            settings[name] = value
    return settings


def choices_in(
    space: Mapping, base: Mapping, chosen: Mapping, default: Callable[[Mapping, str], Any] = lambda settings, name: ...
) -> dict | None:
    """Returns the choices of a trial of one space as choices of another; None if the other does not hold them all.

    A name that the trial did not choose has the value that it ran with: that of `base`, or the default.

    >>> choices_in({"epochs": [2, 4]}, {"epochs": 4, "batch_size": 8}, {"batch_size": 8})
    {'epochs': 4}

    Args:
        space: the other space, as `check_space` returns it.
        base: the settings that are the same in all trials.
        chosen: what the trial chose.
        default: a function of settings and the name of an option that they do not give. It returns the option's value;
            ... = there is no such option.
    """
    base, whole, made = with_choices(base, {}), with_choices(base, chosen), {}

    def value_in(settings, name):
        outer, _, inner = name.partition(".")
        return settings[outer].get(inner, default(settings, name)) if inner else settings[name]

    for name, given in space.items():
        value = value_in(whole, name)
        found = [x for x in _candidates(given, value) if _form(name, x) == _form(name, value)]
        if not found:
            return None
        made[name] = found[0]
    fixed = [name for name in chosen if name not in space]
    is_base = all(_form(name, value_in(whole, name)) == _form(name, value_in(base, name)) for name in fixed)
    return made if is_base else None


def _candidates(given, value):
    """Which parts of a range or of choices may be this value: the choices, or the value itself."""
    if isinstance(given, list):
        return given
    kind = int if isinstance(given["low"], int) else (int, float)
    inside = isinstance(value, kind) and not isinstance(value, bool) and given["low"] <= value <= given["high"]
    return [type(given["low"])(value)] if inside else []


def _form(name, value):
    """One form for all values that are equal: 1e-3 as text becomes a number, a tuple becomes a list."""
    of_settings = {field.name: field.type for field in dataclasses.fields(Settings)}
    if name in of_settings:
        value = check_value(name, value, of_settings[name])
    return json.dumps(value, default=repr)


def _check_range(name, given):
    outer, dot, inner = str(name).partition(".")
    if not (dot and inner and outer in NESTED):
        # Settings that trials are compared by, and those that a search does not support; see `check_single`.
        fixed = ("metric", "validation_share", "ensemble")
        fields = [field.name for field in dataclasses.fields(Settings) if field.name not in fixed]
        check_known("setting to search", name, fields)
    if isinstance(given, list) and given:
        return given
    if not isinstance(given, Mapping) or not {"low", "high"} <= set(given):
        raise ValueError(f"the space of {name} must be {{low, high}} or a list of choices, but got {given!r}")
    for part in given:
        check_known(f"part of the space of {name}:", part, RANGE)
    kind = Whole if all(isinstance(given[end], int) for end in ("low", "high")) else Number
    of_settings = {field.name: field.type for field in dataclasses.fields(Settings)}
    of_name = of_settings.get(name)
    kind = next((x for x in (of_name, *typing.get_args(of_name)) if typing.get_origin(x) is Annotated), kind)
    low, high = (check_value(f"{end} of {name}", given[end], kind) for end in ("low", "high"))
    log = check_value(f"log of {name}", given.get("log", False), bool)
    if not low < high or (log and not low > 0):
        least = "0 < low < high" if log else "low < high"
        raise ValueError(f"the space of {name} must have {least}, but got low={low}, high={high}")
    return {"low": low, "high": high, "log": log}
