"""The configurations that a command line compares: flags, files of settings, and settings that vary."""

import itertools
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from plackett.cli import _checks
from plackett.cli._reading import parse_pairs
from plackett.cli._request import check_of_labels, settings_of_flags
from plackett.registry import check_known
from plackett.training._config_file import SOURCE, read_config
from plackett.training._crossval_folder import check_names
from plackett.training._settings import Settings
from plackett.training._space import NESTED, with_choices

OF_THE_RUNS = ("seed", "validation_share")  # settings that folds and seeds decide, not a configuration


def read_configurations(given: Mapping[str, Any], running: str) -> dict[str, dict]:
    """Returns name -> settings of each configuration: those of each file, or none, with the flags, in each variation.

    Args:
        given: the flags on the command line.
        running: the backend of this process.

    Raises:
        OSError: a file cannot be read.
        ValueError: a setting is unknown, out of range, or both given and varied; or two configurations have the same
            name.
    """
    varied = _read_variations(given.get("vary", ()))
    files: list[tuple[str, pathlib.Path | None]] = [_name_and_path(text) for text in given.get("config", ())]
    # If the loss varies, options of the file's loss do not apply, as when a flag names a loss.
    flags = dict(given) | {name: name for name in ("loss", "scorer") if name in varied}
    found: dict[str, dict] = {}
    for file, path in files or [("", None)]:
        settings = {} if path is None else _settings_of_file(path, running, given.get("backend"))
        of_flags, names = settings_of_flags(flags, settings)
        for name in varied:
            if name in (names if "." in name else given):
                raise ValueError(f"{name} is both given and varied: leave it out, or leave out --vary {name}")
        settings |= of_flags
        for variation in itertools.product(*varied.values()):
            chosen = {name: value for name, (value, _) in zip(varied, variation, strict=True)}
            words = [f"{name}={word}" for name, (_, word) in zip(varied, variation, strict=True)]
            name = ",".join(filter(None, [file, *words])) or str(settings.get("loss", Settings.loss))
            if name in found:
                raise ValueError(f"two configurations have the name {name}: name each, as in --config NAME=FILE")
            found[name] = _check(name, settings, chosen)
    check_names(list(found))
    return found


def _check(name, settings, chosen):
    """Returns the settings with the chosen values."""
    try:
        Settings.from_dict(settings | {setting: x for setting, x in chosen.items() if "." not in setting})
        settings = with_choices(settings, chosen)
        _checks.check_settings(Settings.from_dict(settings))
    except ValueError as error:
        raise ValueError(f"the configuration {name}: {error}") from None
    return settings


def _settings_of_file(path, running, backend):
    config = read_config(path, running, backend)
    check_of_labels(path, config)
    return {name: value for name, value in config.items() if name not in (*SOURCE, *OF_THE_RUNS)}


def _name_and_path(text: str) -> tuple[str, pathlib.Path]:
    """Splits the value of --config: NAME=PATH, or the path of a file or of a run's folder, which gives the name."""
    name, equals, rest = text.partition("=")
    is_named = bool(name and equals) and not pathlib.Path(text).exists()
    path = pathlib.Path(rest if is_named else text)
    path = path / "config.yaml" if path.is_dir() else path
    if is_named:
        return name, path
    return (path.absolute().parent.name if path.stem == "config" else path.stem), path


def _read_variations(pairs: Sequence[str]) -> dict[str, list[tuple[Any, str]]]:
    """Parses ["loss=softmax,list_mle"] to {"loss": [("softmax", "softmax"), ("list_mle", "list_mle")]}, values and
    words.

    Raises:
        ValueError: a pair has another form, names no setting, or names one that cannot vary.
    """
    found = {}
    for name, text in parse_pairs("--vary", pairs, "SETTING=VALUE,VALUE").items():
        outer, dot, inner = name.partition(".")
        if not (dot and inner and outer in NESTED):
            known = [setting for setting in Settings.__dataclass_fields__ if setting not in (*OF_THE_RUNS, *NESTED)]
            check_known("setting to vary", name, known)
        try:
            values = yaml.safe_load(f"[{text}]")
        except yaml.YAMLError:
            raise ValueError(f"--vary {name} must be YAML values separated by commas, but got {text!r}") from None
        words = [x if isinstance(x, str) else yaml.safe_dump(x, default_flow_style=True) for x in values]
        words = [word.removesuffix("\n...\n").strip() for word in words]
        if len(set(words)) < max(len(words), 2):
            raise ValueError(f"--vary {name} must be at least two different values, but got {text!r}")
        if twice := [
            f"{words[i]} and {words[k]}"
            for i, k in itertools.combinations(range(len(values)), 2)
            if _value(values[i]) == _value(values[k])
        ]:
            raise ValueError(f"--vary {name} must be different values, but {twice[0]} are equal")
        found[name] = list(zip(values, words, strict=True))
    return found


def _value(given):
    """A value in a form for comparison: text such as 1e-1 becomes a number; True is not 1."""
    if isinstance(given, list):
        return [_value(x) for x in given]
    if isinstance(given, bool):
        return str(given)
    try:
        return float(given)
    except (TypeError, ValueError, OverflowError):
        return given
