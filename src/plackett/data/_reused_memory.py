"""Memory that is used again, for batches: fresh memory costs more than what is copied into it."""

import math
import sys
import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

BLOCKS = 6  # as many batches as wait, are trained on and are made at a time
SMALL = 1 << 16  # bytes; below, malloc reuses memory itself
ALIGNMENT = 64  # bytes; as TensorFlow and JAX take an array as it is, without a copy


class Memory:
    """Arrays in a few blocks of memory, each of which is used again once nobody refers to the array that was in it.

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
        """A new array, as `numpy.empty` makes it."""
        dtype = np.dtype(dtype)
        size = math.prod(shape) * dtype.itemsize
        if size < SMALL:
            return np.empty(shape, dtype)
        with self.lock:
            block = self._find(size)
            start = -block.ctypes.data % ALIGNMENT
            return block[start : start + size].view(dtype).reshape(shape)

    def _find(self, size):
        """A block that nobody refers to, and that holds so many bytes wherever they are aligned."""
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
OF_THE_LIST = sys.getrefcount(ONE[0])  # how many refer to what is in a list alone
