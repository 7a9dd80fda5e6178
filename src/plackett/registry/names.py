"""Objects by name: what is registered with Keras, made from options, with errors that list what is known."""

import inspect
import re

PACKAGE = "plackett>"


def registered(base: type) -> dict[str, type]:
    """plackett's own classes of one kind, by their names."""
    import keras

    objects = keras.saving.get_custom_objects().items()
    classes = (kind for name, kind in objects if name.startswith(PACKAGE) and inspect.isclass(kind))
    return {kind.__name__: kind for kind in classes if issubclass(kind, base)}


def snake_case(name: str) -> str:
    """The lower-case name of a class: "ApproxNDCG" -> "approx_ndcg"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z]{2})(?=[A-Z][a-z])", "_", name).lower()


def check_name(what: str, name: str) -> None:
    """Raises ValueError unless the name is a string."""
    if not isinstance(name, str):
        raise ValueError(f"the name of a {what} must be a string, but got {name!r}")


def made(what: str, known: dict[str, type], name: str, options: dict):
    """An object of the class that `known` has under this name.

    Raises:
        ValueError: a name that is no string, or an unknown name or option; lists what is known.
    """
    check_name(what, name)
    if name not in known:
        raise ValueError(f"unknown {what} {name!r}; known are {', '.join(sorted(known))}")
    allowed = list(inspect.signature(known[name]).parameters)
    unknown = sorted(set(options) - set(allowed))
    if unknown:
        raise ValueError(f"{name} has no option {', '.join(unknown)}; its options are {', '.join(allowed)}")
    return known[name](**options)
