"""Objects that can be written down and made again: every constructor argument is in the config."""

import inspect

import numpy as np


class Configured:
    """Mixin that derives `get_config` and `from_config` from the constructor's own signature.

    The arguments are kept as they were given; functions and objects among them are serialised by Keras.
    """

    def __new__(cls, *args, **kwargs):
        self = super().__new__(cls)
        given = inspect.signature(cls.__init__).bind_partial(self, *args, **kwargs)
        given.apply_defaults()
        self._arguments = {name: value for name, value in given.arguments.items() if value is not self}
        for name, parameter in given.signature.parameters.items():
            if parameter.kind is parameter.VAR_KEYWORD:
                self._arguments |= self._arguments.pop(name)
        return self

    def not_default(self) -> dict:
        """The constructor's arguments that are not at their defaults."""
        known = inspect.signature(type(self).__init__).parameters
        given = self._arguments.items()
        return {name: value for name, value in given if name not in known or value is not known[name].default}

    def get_config(self) -> dict:
        """The constructor's arguments, in a form that JSON can hold.

        Raises:
            ValueError: an argument is a lambda or closure, which no file can hold.
        """
        return {name: _serialized(name, value) for name, value in self._arguments.items()}

    @classmethod
    def from_config(cls, config: dict):
        """An equal object from what `get_config` returned."""
        return cls(**{name: _deserialized(value) for name, value in config.items()})


def _serialized(name, value):
    import keras

    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, str | int | float | list | tuple | dict):
        return value
    if getattr(value, "__name__", None) == "<lambda>":
        raise _unwritable(name, value)
    try:
        written = keras.saving.serialize_keras_object(value)
        read = keras.saving.deserialize_keras_object(written)
    except (TypeError, ValueError) as error:
        raise _unwritable(name, value) from error
    if inspect.isroutine(value) and read is not value:
        raise _unwritable(name, value)
    return written


def _unwritable(name, value) -> ValueError:
    return ValueError(
        f"{name}={value!r} cannot be saved: give it a name at the top of a module and decorate it with "
        "@keras.saving.register_keras_serializable()"
    )


def _deserialized(value):
    import keras

    written = isinstance(value, dict) and "class_name" in value
    return keras.saving.deserialize_keras_object(value) if written else value
