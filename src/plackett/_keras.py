"""Imports Keras, with an error that says what to install where it has no backend. Internal.

A public package that imports Keras at once imports this module first.
"""

from plackett._backends import backend_error

try:
    import keras  # noqa: F401
except ModuleNotFoundError as error:
    if no_backend := backend_error(error):
        raise no_backend from error
    raise
