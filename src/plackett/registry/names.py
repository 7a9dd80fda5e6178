"""Which names are known, and the objects of plackett that they stand for."""

import difflib
import inspect
import re
from collections.abc import Iterable, Mapping

PACKAGE = "plackett>"


def register(thing):
    """Decorator that registers a class or function of plackett with Keras, which then saves and loads it by name."""
    import keras

    return keras.saving.register_keras_serializable("plackett")(thing)


def check_known(what: str, name: object, known: Iterable[str]) -> None:
    """Raises a ValueError if `name` is not in `known`; the error gives the nearest known name, or else all of them."""
    if not isinstance(name, str):
        raise ValueError(f"the name of a {what} must be a string, but got {name!r}")
    known = list(known)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.65)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(known)) or 'none'}"
        raise ValueError(f"unknown {what} {name!r}; {hint}")


def snake_case(name: str) -> str:
    """The lower-case name of a class: "ApproxNDCG" -> "approx_ndcg"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z]{2})(?=[A-Z][a-z])", "_", name).lower()


def registered_classes(base: type) -> dict[str, type]:
    """The public subclasses of `base` that are registered with Keras, by registered name, such as "plackett>NDCG"."""
    import keras

    objects = keras.saving.get_custom_objects().items()
    classes = {name: kind for name, kind in objects if inspect.isclass(kind) and issubclass(kind, base)}
    return {name: kind for name, kind in classes.items() if not kind.__name__.startswith("_")}


def classes_by_name(base: type, suffix: str = "") -> dict[str, type]:
    """The registered subclasses of `base`: plackett's by lower-case name, others by registered name.

    Args:
        base: the base class.
        suffix: an ending of the names of plackett's classes, which the lower-case names leave out.
    """
    ours = {name: kind for name, kind in registered_classes(base).items() if name.startswith(PACKAGE)}
    others = {name: kind for name, kind in registered_classes(base).items() if ">" in name and name not in ours}
    return {snake_case(kind.__name__.removesuffix(suffix)): kind for kind in ours.values()} | others


def make(what: str, known: Mapping[str, type], name: str, options: Mapping[str, object]):
    """An object of the class with this name in `known`.

    Raises:
        ValueError: the name is not a string, or the name or an option is unknown; the error gives the nearest known
            one.
    """
    check_known(what, name, known)
    allowed = inspect.signature(known[name]).parameters
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in allowed.values()):
        for option in options:
            check_known(f"option of {name}:", option, allowed)
    return known[name](**options)
