"""Objects in the place of names: how `config.yaml` holds them, and how they are made again."""

import copy
import dataclasses
import inspect
import json
from collections.abc import Mapping
from typing import Any

import keras

from plackett import backend
from plackett.training._settings import Settings, is_options

NAMING = ("name", "keras_history", "input_layers", "output_layers")  # the entries of a config that hold names of layers


def as_config(settings: Settings) -> dict:
    """The settings in a form that YAML can hold, each object as Keras serialises it.

    Raises:
        ValueError: an object that cannot be written, or not be made again from what is written.
    """
    return {field.name: _write(field.name, getattr(settings, field.name)) for field in dataclasses.fields(settings)}


def make_object(name: str, given: Any) -> Any:
    """The object that a config describes; anything else as it is.

    Args:
        name: of the setting, for the error.
        given: a value of `Settings`.

    Raises:
        ValueError: its class is not known.
    """
    if not isinstance(given, Mapping) or is_options(given):
        return given
    try:
        return keras.saving.deserialize_keras_object(copy.deepcopy(given))  # which Keras takes apart
    except (TypeError, ValueError) as error:
        kind = given.get("registered_name") or given["class_name"]
        raise ValueError(
            f"{name} is a {kind}, which cannot be made here: import the module that registers it first; "
            f"{' '.join(str(error).split())}"
        ) from error


def make_objects(name: str, options: Mapping) -> dict:
    """The same options, with the objects that configs among them describe."""
    return {key: make_object(f"{key} of {name}", value) for key, value in options.items()}


def without_names(config: Any) -> Any:
    """A config in which the names of the parts of objects are replaced by numbers.

    Keras counts the layers of a process to name them, so that the names of equal models differ.
    """
    if isinstance(config, Mapping):
        if not is_options(config):
            return _number_names(config, {}, None)
        return {name: without_names(value) for name, value in config.items()}
    return config


def _write(name, value):
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_write(name, x) for x in value]
    if isinstance(value, Mapping):
        return {key: _write(f"{key} of {name}" if name != "tasks" else key, x) for key, x in value.items()}
    try:
        written = keras.saving.serialize_keras_object(value)
        written.pop("compile_config", None)  # which `train` replaces
        text = json.dumps(written)
        with backend.keep_generators():
            read = keras.saving.deserialize_keras_object(json.loads(text))
    except (AttributeError, KeyError, NotImplementedError, TypeError, ValueError) as error:
        raise _unwritable(name, value) from error
    if type(read) is not type(value) or (inspect.isroutine(value) and read is not value):
        raise _unwritable(name, value)
    return written


def _unwritable(name, value):
    what = "put it at the top of a module" if inspect.isroutine(value) else "give its class a get_config"
    return ValueError(
        f"{name}={value!r} cannot be written to config.yaml: {what} and decorate it with "
        "@keras.saving.register_keras_serializable(), or train without output"
    )


def _number_names(config, numbers, key):
    """`key` is that of the entry that the config stands in."""
    if isinstance(config, Mapping) and config.get("class_name") != "DTypePolicy":  # whose name says what it is
        return {name: _number_names(value, numbers, key if key in NAMING else name) for name, value in config.items()}
    if isinstance(config, list | tuple):
        return [_number_names(value, numbers, key) for value in config]
    if isinstance(config, str) and key in NAMING:
        return numbers.setdefault(config, f"name {len(numbers) + 1}")
    return config
