"""Types: what users call says what it takes and gives, and type checkers are told so."""

import importlib.resources
import inspect

import pytest

import plackett
from plackett import clicks, data, evaluation, gains, lambdas, lists, losses, metrics, scorers, serving, training

MODULES = (plackett, clicks, losses, metrics, lambdas, gains, lists, scorers, serving, training, evaluation, data)


def public_callables():
    """By name: the public functions, and the constructors and public methods of the public classes."""
    found = {}
    for module in MODULES:
        for thing in (getattr(module, name) for name in module.__all__):
            if inspect.isclass(thing):
                found |= methods(thing)
            elif inspect.isfunction(thing):
                found[f"{thing.__module__}.{thing.__qualname__}"] = thing
    return found


def methods(kind):
    """Those that plackett writes, in the class or a base; what it inherits from Keras or scikit-learn is not ours.

    A function that a class holds as an attribute, such as `fn = staticmethod(_softmax)`, is no method: the base says
    what it takes, where it declares the attribute.
    """
    found = {}
    for base in kind.__mro__:
        for name, member in vars(base).items() if base.__module__.startswith("plackett.") else ():
            function = getattr(member, "fget", getattr(member, "func", getattr(member, "__func__", member)))
            is_public = name in ("__init__", "__call__") or not name.startswith("_")
            if is_public and inspect.isfunction(function) and function.__qualname__ == f"{base.__qualname__}.{name}":
                found[f"{base.__module__}.{function.__qualname__}"] = function
    return found


CALLABLES = public_callables()


@pytest.mark.parametrize("name", CALLABLES)
def test_what_is_public_has_types(name):
    signature = inspect.signature(CALLABLES[name])
    parameters = [x for x in signature.parameters.values() if x.name not in ("self", "cls")]
    assert [x.name for x in parameters if x.annotation is x.empty] == []
    assert signature.return_annotation is not signature.empty or name.endswith(".__init__")


def test_type_checkers_are_told_that_there_are_types():
    assert (importlib.resources.files(plackett) / "py.typed").is_file()
