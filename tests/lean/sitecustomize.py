"""Python reads this first in each process that a test starts, which is then ready in half of the time.

Keras imports these libraries wherever they are installed, some of them when it saves a model, and the collector of
garbage visits what imports leave again and again. A process that needs them has another PYTHONPATH.
"""

import gc
import importlib.abc
import importlib.machinery
import os
import sys

gc.set_threshold(100_000)


class Missing(importlib.abc.Loader):
    """Libraries that are as if they were not installed."""

    names = {"jax", "matplotlib", "sklearn", "tensorflow"} - {os.environ.get("KERAS_BACKEND")}

    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self) if name in self.names else None

    def exec_module(self, module):
        raise ModuleNotFoundError(f"No module named {module.__name__!r}", name=module.__name__)


sys.meta_path.insert(0, Missing())
