"""Immutable objects that are equal if their arguments are, and that can be saved as configs and made again."""

import functools
import inspect
from typing import Any, ClassVar, Self

import numpy as np

from plackett.registry.names import check_known
from plackett.registry.options import check_options


class Configured:
    """Base of objects that are fully defined by the arguments of their constructor.

    - The arguments of a constructor, and of the constructors of its bases, must fit their annotations, see
      `plackett.registry.options`.
    - `get_config` and `from_config` follow from the signature. Keras serialises functions and objects among the
      arguments.
    - After construction no attribute can be set. Two objects of one class are equal, and have the same hash, if their
      arguments are equal, so that a compiled function can take them as constants.
    """

    # Attributes that may still be set: those that Keras sets, and a method that a test may replace.
    replaceable: ClassVar[tuple[str, ...]] = ()
    _arguments: dict[str, Any]
    name: str  # if the constructor has such an argument

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            cls.__init__ = _check_and_freeze(cls.__init__)

    def __new__(cls, *args, **kwargs):
        self = super().__new__(cls)
        known = inspect.signature(cls.__init__).parameters
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values()):
            for name in kwargs:
                _check_argument(cls, name, known)
        given = inspect.signature(cls.__init__).bind_partial(self, *args, **kwargs)
        given.apply_defaults()
        arguments = {name: value for name, value in given.arguments.items() if value is not self}
        for name, parameter in given.signature.parameters.items():
            if parameter.kind is parameter.VAR_KEYWORD:
                arguments |= arguments.pop(name)
        self.__dict__["_arguments"] = {name: _own(value) for name, value in arguments.items()}
        return self

    def __setattr__(self, name, value):
        self._check_open(name)
        super().__setattr__(name, value)

    def __delattr__(self, name):
        self._check_open(name)
        super().__delattr__(name)

    def _check_open(self, name):
        if "_frozen" in self.__dict__ and name not in self.replaceable:
            kind = type(self).__name__
            raise AttributeError(f"{kind} does not change after construction: make a new one, {kind}({name}=...)")

    def __eq__(self, other):
        return self._identity() == other._identity() if type(self) is type(other) else NotImplemented

    def __hash__(self):
        return hash(self._identity())

    def __repr__(self):
        options = ", ".join(f"{name}={_text(value)}" for name, value in self.changed_arguments().items())
        return f"{type(self).__name__}({options})"

    def changed_arguments(self) -> dict:
        """The constructor's arguments that differ from their defaults."""
        known = inspect.signature(type(self).__init__).parameters
        return {
            name: value
            for name, value in self._arguments.items()
            if name not in known or _hashable(value) != _hashable(known[name].default)
        }

    def copy(self) -> Self:
        """An equal object with a state of its own, even if an argument cannot be serialised."""
        return type(self)(**self._arguments)

    def get_config(self) -> dict:
        """The constructor's arguments, in a form that JSON can hold. A `name` of None is replaced by the actual name.

        Raises:
            ValueError: an argument is a lambda or a closure, which cannot be saved.
        """
        config = {name: _serialize(name, value) for name, value in self._arguments.items()}
        return config | ({"name": self.name} if "name" in config else {})

    @classmethod
    def from_config(cls, config: dict) -> Self:
        """The object from the output of `get_config`, equal to the original."""
        return cls(**{name: _deserialize(value) for name, value in config.items()})

    def _identity(self):
        """The arguments in a form that can be compared and hashed."""
        replaced = tuple(self.__dict__.get(name) for name in self.replaceable)
        arguments = self._arguments | ({"name": self.name} if "name" in self._arguments else {})
        return type(self), _hashable(arguments), replaced


def _check_and_freeze(constructor):
    """The constructor, with its arguments checked first. The constructor of its own class freezes the object."""
    signature = inspect.signature(constructor)

    @functools.wraps(constructor)
    def construct(self, *args, **kwargs):
        given = signature.bind(self, *args, **kwargs).arguments
        check_options(constructor, **{name: value for name, value in given.items() if value is not self})
        constructor(self, *args, **kwargs)
        if type(self).__init__ is construct:
            self.__dict__["_frozen"] = True

    return construct


def _check_argument(kind, name, known):
    """Raises a TypeError, as Python does, for an unknown argument; the error gives the nearest known one."""
    try:
        check_known(f"argument of {kind.__name__}:", name, [argument for argument in known if argument != "self"])
    except ValueError as error:
        raise TypeError(str(error)) from None


def _own(value):
    """The value, with lists and dicts copied, so that no one else can change them."""
    if isinstance(value, dict):
        return {name: _own(x) for name, x in value.items()}
    return type(value)(map(_own, value)) if type(value) in (list, tuple) else value


def _hashable(x):
    if isinstance(x, dict):
        return tuple(sorted((name, _hashable(value)) for name, value in x.items()))
    if isinstance(x, list | tuple):
        return tuple(map(_hashable, x))
    if isinstance(x, np.ndarray):
        return x.shape, x.dtype.str, x.tobytes()
    return x


def _text(value):
    return getattr(value, "__name__", None) or repr(value)


def _serialize(name, value):
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
        f"{name}={value!r} cannot be saved: define it at the top level of a module and decorate it with "
        "@keras.saving.register_keras_serializable()"
    )


def _deserialize(value):
    import keras

    written = isinstance(value, dict) and "class_name" in value
    return keras.saving.deserialize_keras_object(value) if written else value
