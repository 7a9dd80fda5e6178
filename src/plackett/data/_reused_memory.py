"""Reused memory for batches: getting new memory costs more than copying into it."""

import math
import sys
import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

BLOCKS = 6  # the batches that wait, are trained on and are made at one time
SMALL = 1 << 16  # bytes; below this, malloc reuses memory itself
ALIGNMENT = 64  # bytes; with this alignment TensorFlow and JAX take an array without a copy


class Memory:
    """Arrays in a few blocks of memory. A block is reused once nothing refers to the array in it.

    >>> memory = Memory()
    >>> first = memory.empty((1000, 100), "float32")
    >>> place = first.ctypes.data
    >>> memory.empty((1000, 100), "float32").ctypes.data == place
    False
    >>> del first
    >>> memory.empty((900, 100), "float32").ctypes.data == place
    True
    """

    def __init__(self) -> None:
        self.blocks: list[np.ndarray] = []
        self.lock = threading.Lock()

    def __reduce__(self) -> tuple:
        """A copy has memory of its own."""
        return Memory, ()

    def empty(self, shape: Sequence[int], dtype: DTypeLike) -> np.ndarray:
        """A new array, as from `numpy.empty`."""
        dtype = np.dtype(dtype)
        size = math.prod(shape) * dtype.itemsize
        if size < SMALL:
            return np.empty(shape, dtype)
        with self.lock:
            block = self._find(size)
            start = -block.ctypes.data % ALIGNMENT
            return block[start : start + size].view(dtype).reshape(shape)

    def _find(self, size):
        """A block that nothing refers to, large enough for this number of bytes at any alignment."""
        for i in range(len(self.blocks)):
            if sys.getrefcount(self.blocks[i]) == OF_THE_LIST:
                if len(self.blocks[i]) < size + ALIGNMENT:
                    self.blocks[i] = np.empty(size + ALIGNMENT, "uint8")
                return self.blocks[i]
        block = np.empty(size + ALIGNMENT, "uint8")
        if len(self.blocks) < BLOCKS:
            self.blocks.append(block)
        return block


ONE = [np.empty(0)]
OF_THE_LIST = sys.getrefcount(ONE[0])  # the reference count of an object that is only in a list
