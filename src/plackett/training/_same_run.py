"""Whether a folder holds the run that a command asks for. Needs no Keras."""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from plackett.training._budget import OF_THE_DATA
from plackett.training._config_file import read_yaml
from plackett.training._output_folder import holds_run, read_history
from plackett.training._settings import Settings, is_options

NAMING = ("name", "keras_history", "input_layers", "output_layers")  # the entries of a config that hold names of layers
# Settings that may change while a run is resumed: the weights do not depend on them.
FREE = ("checkpoint_steps", "checkpoint_minutes", "keep_checkpoints", "check_weights")
# Those that say when a run ends, which it may do later, and, as far as it has not come, sooner.
OF_THE_END = ("epochs", "patience")
# What a run had that began before there was such a setting.
BEFORE = {"weight_average": 0.0, "ensemble": 1}
# What of a learning rate schedule is made of the number of epochs, unless its options say it.
OF_ALL_STEPS = {
    "cosine": {"decay_steps"},
    "warmup_cosine": {"decay_steps", "warmup_steps"},
    "exponential": {"decay_steps"},
}
WAY_OUT = "replace it (overwrite, --overwrite) or choose another output folder"
LONG = 300  # letters of a difference that nobody reads


def with_numbers_of(folder: pathlib.Path, settings: Settings) -> Settings:
    """The settings of a run that goes on: what they leave to the number of lists is as `config.yaml` has it.

    Where the folder holds no run they stay as they are.
    """
    before = read_yaml(folder / "config.yaml") if holds_run(folder) else {}
    numbers: dict[str, Any] = {name: before.get(name) for name in OF_THE_DATA if getattr(settings, name) is None}
    return dataclasses.replace(settings, **numbers)


def check_same_settings(folder: pathlib.Path, config: dict) -> None:
    """Raises a ValueError that says what differs between a config and the `config.yaml` of a run.

    Args:
        folder: of the run.
        config: the backend, and all settings as `config.yaml` holds them; epochs that are None, since the number of
            lists is not known yet, are not checked.
    """
    check_same(folder, "config.yaml", _to_compare(config), _to_compare, WAY_OUT)
    epochs, before = config["epochs"], read_yaml(folder / "config.yaml").get("epochs")
    if epochs is None:
        return
    if epochs != before and (schedule := schedule_over_all_epochs(config)):
        raise ValueError(
            f"{folder} cannot be resumed with other epochs: epochs was {before} and is {epochs}, and the learning rate "
            f"schedule {schedule} spans them all, so that a run of {epochs} has other weights from its first step on. "
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
    """Raises a ValueError that says what differs between what is given now and `part` of a YAML file in `folder`."""
    before = part(read_yaml(folder / name))
    now = yaml.safe_load(yaml.safe_dump(now))
    differences = [
        _difference(key, before.get(key), now.get(key)) for key in before | now if before.get(key) != now.get(key)
    ]
    if differences:
        raise ValueError(
            f"{folder} cannot be resumed, it holds another {what}: {'; '.join(differences)}. To train anew, {way_out}"
        )


def schedule_over_all_epochs(config: Mapping) -> str | None:
    """The name of a learning rate schedule that depends on the number of epochs, or None."""
    given = config.get("learning_rate_schedule")
    if not isinstance(given, str) and not (given and is_options(given)):
        return None
    name, options = (given, {}) if isinstance(given, str) else next(iter(given.items()))
    return name if OF_ALL_STEPS.get(name, set()) - set(options or {}) else None


def without_names(config: Any) -> Any:
    """A config in which the names of the parts of objects are replaced by numbers.

    Keras counts the layers of a process to name them, so that the names of equal models differ.
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
    """A value; the config of an object as its class, and what differs from another of it."""
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
    """`key` is that of the entry that the config stands in."""
    if isinstance(config, Mapping) and config.get("class_name") != "DTypePolicy":  # whose name says what it is
        return {name: _number_names(value, numbers, key if key in NAMING else name) for name, value in config.items()}
    if isinstance(config, list | tuple):
        return [_number_names(value, numbers, key) for value in config]
    if isinstance(config, str) and key in NAMING:
        return numbers.setdefault(config, f"name {len(numbers) + 1}")
    return config
