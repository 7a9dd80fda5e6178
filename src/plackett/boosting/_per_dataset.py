"""Objects that are made once for a dataset, and found again in the next round."""

import collections
import hashlib
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

import numpy as np

Value = TypeVar("Value")
MOST = 16  # datasets, so that those of all folds of a cross-validation fit


class PerDataset(Generic[Value]):
    """Objects made for the last datasets, found by their bytes: a booster passes arrays, not a name for them.

    Copies, such as LightGBM makes of its params, and unpickled objects start empty.
    """

    def __init__(self) -> None:
        self._by_key: collections.OrderedDict[bytes, Value] = collections.OrderedDict()

    def of(self, arrays: Iterable[Any], make: Callable[[], Value]) -> Value:
        """Returns the object made for these arrays, now or in an earlier round."""
        key = _fingerprint(arrays)
        if key not in self._by_key:
            self._by_key[key] = make()
        self._by_key.move_to_end(key)
        if len(self._by_key) > MOST:
            self._by_key.popitem(last=False)
        return self._by_key[key]

    def __getstate__(self) -> dict:
        return {"_by_key": collections.OrderedDict()}


def _fingerprint(arrays):
    found = hashlib.blake2b(digest_size=16)
    for array in arrays:
        array = np.asarray(array)
        found.update(f"{array.dtype}{array.shape}".encode())
        found.update(np.ascontiguousarray(array))
    return found.digest()
