"""Objects in place of names: how `config.yaml` holds them, and how they are made again."""

import copy
import dataclasses
import inspect
import json
from collections.abc import Mapping
from typing import Any

import keras

from plackett import backend
from plackett.training._settings import Settings, is_options


def as_config(settings: Settings) -> dict:
    """Returns the settings in a form that YAML can hold. Each object is serialised by Keras.

    Raises:
        ValueError: an object cannot be written, or cannot be made again from what is written.
    """
    return {field.name: _write(field.name, getattr(settings, field.name)) for field in dataclasses.fields(settings)}


def make_object(name: str, given: Any) -> Any:
    """Makes the object that a config describes. Any other value is returned unchanged.

    Args:
        name: the name of the setting, for the error.
        given: a value of `Settings`.

    Raises:
        ValueError: the class of the object is not known.
    """
    if not isinstance(given, Mapping) or is_options(given):
        return given
    try:
        return keras.saving.deserialize_keras_object(copy.deepcopy(given))  # a copy, since Keras changes its argument
    except (TypeError, ValueError) as error:
        kind = given.get("registered_name") or given["class_name"]
        raise ValueError(
            f"{name} is a {kind}, which is not known here: import the module that registers it first; "
            f"{' '.join(str(error).split())}"
        ) from error


def make_objects(name: str, options: Mapping) -> dict:
    """Returns the same options, with each config among them replaced by its object."""
    return {key: make_object(f"{key} of {name}", value) for key, value in options.items()}


def check_made_anew(settings: Settings, who: str) -> None:
    """Raises a ValueError if several runs would share one model or optimizer, each starting where the last ended.

    Args:
        settings: the settings of the runs.
        who: what the error calls each of them.
    """
    for name in ("scorer", "optimizer"):
        given = getattr(settings, name)
        if isinstance(given, keras.Model | keras.optimizers.Optimizer):
            way_out = ", or a function that makes it from the lists" if name == "scorer" else ""
            raise ValueError(f"{who} makes its own {name}: give its name{way_out}, not {given!r}")


def _write(name, value):
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_write(name, x) for x in value]
    if isinstance(value, Mapping):
        return {key: _write(f"{key} of {name}" if name != "tasks" else key, x) for key, x in value.items()}
    try:
        written = keras.saving.serialize_keras_object(value)
        written.pop("compile_config", None)  # `train` replaces it
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
