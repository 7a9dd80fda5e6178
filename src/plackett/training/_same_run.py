"""Checks whether a folder holds the run that a command asks for. Does not need Keras."""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from plackett.training._budget import OF_THE_DATA
from plackett.training._config_file import read_yaml
from plackett.training._output_folder import holds_run, read_history
from plackett.training._settings import Settings, is_options

NAMING = ("name", "keras_history", "input_layers", "output_layers")  # config entries that hold names of layers
# Settings that may change when a run is resumed: the weights do not depend on them.
FREE = ("checkpoint_steps", "checkpoint_minutes", "keep_checkpoints", "check_weights")
# Settings that say when a run ends. It may end later, or earlier but not before the epochs that are done.
OF_THE_END = ("epochs", "patience")
# The values of a run that began before these settings existed.
BEFORE = {"weight_average": 0.0, "ensemble": 1}
# The options of a learning rate schedule that follow from the number of epochs, unless they are given.
OF_ALL_STEPS = {
    "cosine": {"decay_steps"},
    "warmup_cosine": {"decay_steps", "warmup_steps"},
    "exponential": {"decay_steps"},
}
WAY_OUT = "replace it (overwrite, --overwrite) or choose another output folder"
LONG = 300  # characters; nobody reads a longer difference


def with_numbers_of(folder: pathlib.Path, settings: Settings) -> Settings:
    """Returns the settings of a run that continues, with the numbers that `config.yaml` chose by the number of lists.

    If the folder holds no run, the settings are returned unchanged.
    """
    before = read_yaml(folder / "config.yaml") if holds_run(folder) else {}
    numbers: dict[str, Any] = {name: before.get(name) for name in OF_THE_DATA if getattr(settings, name) is None}
    return dataclasses.replace(settings, **numbers)


def check_same_settings(folder: pathlib.Path, config: dict) -> None:
    """Raises a ValueError that says how a config differs from the `config.yaml` of a run.

    Args:
        folder: the folder of the run.
        config: the backend, and all settings as `config.yaml` holds them. Epochs that are None are not checked, since
            the number of lists is not known yet.
    """
    check_same(folder, "config.yaml", _to_compare(config), _to_compare, WAY_OUT)
    epochs, before = config["epochs"], read_yaml(folder / "config.yaml").get("epochs")
    if epochs is None:
        return
    if epochs != before and (schedule := schedule_over_all_epochs(config)):
        raise ValueError(
            f"{folder} cannot be resumed with other epochs: epochs was {before} and is {epochs}, and the learning rate "
            f"schedule {schedule} spans all epochs, so a run of {epochs} has other weights from its first step on. "
            f"Give epochs={before}; to train anew, {WAY_OUT}"
        )
    done = len(read_history(folder))
    if epochs < done:
        raise ValueError(
            f"{folder} cannot be resumed with epochs={epochs}: {done} are done. Give at least {done}; to train anew, "
            f"{WAY_OUT}"
        )


def check_same(
    folder: pathlib.Path, name: str, now: dict, part: Callable[[dict], dict], way_out: str, what: str = "run"
) -> None:
    """Raises a ValueError that says how the given values differ from `part` of a YAML file in `folder`."""
    before = part(read_yaml(folder / name))
    now = yaml.safe_load(yaml.safe_dump(now))
    differences = [
        _difference(key, before.get(key), now.get(key)) for key in before | now if before.get(key) != now.get(key)
    ]
    if differences:
        raise ValueError(
            f"{folder} cannot be resumed, since it holds another {what}: {'; '.join(differences)}. To train anew, "
            f"{way_out}"
        )


def schedule_over_all_epochs(config: Mapping) -> str | None:
    """The name of a learning rate schedule that depends on the number of epochs, or None."""
    given = config.get("learning_rate_schedule")
    if not isinstance(given, str) and not (given and is_options(given)):
        return None
    name, options = (given, {}) if isinstance(given, str) else next(iter(given.items()))
    return name if OF_ALL_STEPS.get(name, set()) - set(options or {}) else None


def without_names(config: Any) -> Any:
    """Returns a config in which the names of the parts of objects are replaced by numbers.

    Keras names layers by a counter of the process, so the names in equal models differ.
    """
    if isinstance(config, Mapping):
        if not is_options(config):
            return _number_names(config, {}, None)
        return {name: without_names(value) for name, value in config.items()}
    return config


def _difference(key, before, now):
    words = f"{key} was {_in_words(before, now)} and is {_in_words(now, before)}"
    return words if len(words) < LONG else f"{key} is another one"


def _in_words(value, other):
    """Shows a value; the config of an object by its class and by what differs from the other config."""
    if not isinstance(value, Mapping) or is_options(value):
        return repr(value)
    config, another = (x.get("config") if isinstance(x, Mapping) else None for x in (value, other))
    config, another = (x if isinstance(x, Mapping) else {} for x in (config, another))
    options = [f"{name}={x!r}" for name, x in config.items() if name in another and another[name] != x]
    return f"{value['class_name']}({', '.join(options)})"


def _to_compare(config):
    known = {"backend", *(field.name for field in dataclasses.fields(Settings))} - {*FREE, *OF_THE_END}
    return {name: without_names(value) for name, value in (BEFORE | config).items() if name in known}


def _number_names(config, numbers, key):
    """Replaces names; `key` is the entry that holds the config."""
    if isinstance(config, Mapping) and config.get("class_name") != "DTypePolicy":  # there the name is the value
        return {name: _number_names(value, numbers, key if key in NAMING else name) for name, value in config.items()}
    if isinstance(config, list | tuple):
        return [_number_names(value, numbers, key) for value in config]
    if isinstance(config, str) and key in NAMING:
        return numbers.setdefault(config, f"name {len(numbers) + 1}")
    return config
