"""Names of a package that are imported on first use (PEP 562)."""

import importlib
import sys
import types
from collections.abc import Callable, Mapping

from plackett._backends import backend_error


def attach(package: str, modules: Mapping[str, str], extra: str | None = None) -> tuple[Callable, Callable]:
    """The `__getattr__` and the `__dir__` of a package.

    Args:
        package: its `__name__`.
        modules: name -> the module that defines it, relative to the package; "" = the name is itself a module.
        extra: the extra of plackett that the modules need. None = no extra.

    Raises:
        ImportError: raised by `__getattr__` if a library of the extra is not installed; it says how to install it.
    """

    def get(name: str):
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = load(f"{package}.{modules[name] or name}", extra, needed_by=f"{package}.{name}")
        value = getattr(module, name) if modules[name] else module
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *modules})

    return get, names


def load(module: str, extra: str | None, *, needed_by: str) -> types.ModuleType:
    """The module, imported now.

    Args:
        module: its full name.
        extra: the extra of plackett that the module needs. None = no extra.
        needed_by: the name, for the error, of what needs the module.

    Raises:
        ImportError: a library of the extra, or the backend of Keras, is not installed; the error says what to install.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if no_backend := backend_error(error):
            raise no_backend from error
        if extra is None or str(error.name).startswith("plackett"):
            raise
        raise ImportError(f"{needed_by} needs {error.name}: pip install 'plackett[{extra}]'") from error
