"""How a command reads files: by its flags, the file of `--roles`, and the config of a run."""

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
    """Returns the options of reading. Flags take precedence over `--roles`, and these over the config of a run.

    Args:
        given: the flags on the command line.
        paths: the files to read.
        of_run: the options in the config of a run. None = there is none.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: an option is unknown, or of the wrong kind.
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
    """Parses the value of a flag to that of `Reading`."""
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
    """Parses ["click=clicked"] to {"click": "clicked"}.

    Raises:
        ValueError: a pair has another form, or a name occurs twice.
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
