"""Serves a ranker in an ONNX file over HTTP. Does not need Keras.

Names are imported when they are first used.
"""

from plackett import _lazy

_NAMES = {
    "ServeSettings": "_settings",
    "make_app": "_app",
    "serve": "_server",
}
__all__ = list(_NAMES)
__getattr__, __dir__ = _lazy.attach(__name__, _NAMES, extra="serve")
