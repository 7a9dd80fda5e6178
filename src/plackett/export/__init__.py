"""Writes rankers in forms that other programs run: ONNX, SavedModel, and the models of search engines.

Names are imported when they are first used.
"""

from plackett import _lazy

_NAMES = {
    "write_ltr_model": "_ltr_models",
    "write_onnx": "_onnx",
    "write_saved_model": "_saved_model",
    "write_vespa_onnx": "_vespa",
}
__all__ = list(_NAMES)
__getattr__, __dir__ = _lazy.attach(__name__, _NAMES, extra="export")
