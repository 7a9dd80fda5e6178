"""How a command line reads files: its flags, the file of `--roles`, and the config of a run."""

import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from plackett.cli._flags import LISTS, flag_of_reading
from plackett.data._reading import Reading, check_reading
from plackett.data._suffixes import FORMATS, form_of
from plackett.registry import check_known
from plackett.training._config_file import read_yaml


def find_reading(
    given: Mapping[str, Any], paths: Sequence[str], of_run: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The options of reading: those of flags go before those of `--roles`, and these before those of a run.

    Args:
        given: the values of the flags that stand on the command line.
        paths: what is read.
        of_run: what the config of a run says. None = there is none.

    Raises:
        FileNotFoundError: the file is not there.
        ValueError: an option is unknown, or not of its kind.
    """
    of_file = {} if given.get("roles") is None else _read_roles(pathlib.Path(given["roles"]))
    reading = {**(of_run or {}), **of_file, **_of_flags(given)}
    if "features" in given and given["features"].isdecimal() and (reading.get("form") or form_of(paths)) == "letor":
        reading["features"] = int(given["features"])
    return dict(check_reading(reading))


def _read_roles(path):
    try:
        return check_reading(read_yaml(path))
    except ValueError as error:
        raise ValueError(str(error) if str(path) in str(error) else f"{path}: {error}") from None


def _of_flags(given):
    return {name: _parse(name, given[name]) for name in Reading.__annotations__ if name in given}


def _parse(name, value):
    """What a flag says, as `Reading` has it."""
    if name == "form":
        check_known("--format", value, FORMATS)
    if name == "together":
        return not value
    if name == "separator":
        return value.replace("\\t", "\t")
    if name == "columns":
        return parse_pairs("--column", value, "NAME=COLUMN")
    if name in LISTS:
        entries = value.split(",")
        if any("=" in entry for entry in entries):
            named = [entry if "=" in entry else f"{entry}={entry}" for entry in entries]
            return parse_pairs(flag_of_reading(name), named, "NAME=COLUMN")
        return entries
    return value


def parse_pairs(flag: str, pairs: Iterable[str], form: str) -> dict[str, str]:
    """["click=clicked"] -> {"click": "clicked"}.

    Raises:
        ValueError: a pair is not of this form, or a name is there twice.
    """
    options: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise ValueError(f"{flag} must be {form}, but got {pair!r}")
        if name in options:
            raise ValueError(f"{flag} {name} is given twice")
        options[name] = value
    return options
