"""Several processes that take one step together, each with its part of the batch.

On JAX a step is one program over global arrays, so that a function of the batch sees all of it in every process. On
PyTorch each process has its own part, and the functions here bring the parts together. TensorFlow has one process.
"""

from plackett._types import Tensor


def number_of_processes() -> int:
    """How many processes take a step together; 1 where training is not shared."""
    raise NotImplementedError


def process_number() -> int:
    """Which of them this one is, from 0."""
    raise NotImplementedError


def gather_rows(x: Tensor) -> Tensor:
    """[rows here, ...] -> [rows of all processes, ...] in their order, with gradient."""
    raise NotImplementedError
