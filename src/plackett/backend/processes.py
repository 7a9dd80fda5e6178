"""Several processes that take one step together, each with its part of the batch.

On JAX a step is one program over global arrays, so that a function of the batch sees all of it in every process. On
PyTorch each process has its own part, of as many rows as the others, and the functions here bring the parts together.
TensorFlow has one process.

On PyTorch a loss is the mean over processes of what each of them computes, and so is its gradient. The gradient of
`gather_rows` is therefore the sum over processes: a loss of the whole batch that each process computes again then has
the gradient that one process would have.
"""

import contextlib
import contextvars
from collections.abc import Iterator, Sequence

import keras
import numpy as np
from keras import ops
from keras.src.backend.common.symbolic_scope import in_symbolic_scope

from plackett._types import Tensor

_ALONE = contextvars.ContextVar("_ALONE", default=False)


def number_of_processes() -> int:
    """How many processes take a step together; 1 where training is not shared."""
    if keras.backend.backend() == "jax":
        distribution = keras.distribution.distribution()
        return 1 if distribution is None else distribution.num_processes
    return parts_of_batch()


def process_number() -> int:
    """Which of them this one is, from 0."""
    if number_of_processes() == 1:
        return 0
    if keras.backend.backend() == "jax":
        import jax

        return jax.process_index()
    import torch.distributed

    return torch.distributed.get_rank()


def parts_of_batch() -> int:
    """How many parts a batch is in as tensors: one a process on PyTorch, and 1 on JAX, whose arrays are global."""
    if keras.backend.backend() != "torch" or _ALONE.get():
        return 1
    import torch.distributed

    if not torch.distributed.is_available() or not torch.distributed.is_initialized():
        return 1
    return torch.distributed.get_world_size()


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Within this, this process computes by itself: no other takes part, and a model made here is its own."""
    distribution, token = keras.distribution.distribution(), _ALONE.set(True)
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(distribution)
        _ALONE.reset(token)


def gather_rows(x: Tensor) -> Tensor:
    """[rows here, ...] -> [rows of all processes, ...] in their order, with gradient.

    Raises:
        ValueError: the processes do not have as many rows each.
    """
    parts = parts_of_batch()
    if parts == 1:
        return x
    x = ops.convert_to_tensor(x)
    if in_symbolic_scope():  # Keras asks for shapes alone, and other processes may not
        return ops.concatenate([x] * parts, axis=0)
    from plackett.backend import processes_on_torch

    processes_on_torch.check_rows(x)
    return processes_on_torch.GatherRows.apply(x)


def rows_here(x: Tensor) -> Tensor:
    """[rows of all processes, ...] -> [rows here, ...], the part of a whole batch that is this process's."""
    parts = parts_of_batch()
    if parts == 1:
        return x
    rows = x.shape[0] // parts
    return x[process_number() * rows :][:rows]


def mean_over_processes(x: Tensor) -> Tensor:
    """The mean over processes of a tensor of one shape in all, such as a loss; it has no gradient."""
    if parts_of_batch() == 1 or in_symbolic_scope():
        return x
    from plackett.backend import processes_on_torch

    return processes_on_torch.mean(ops.convert_to_tensor(x))


def average_gradients(gradients: Sequence[Tensor | None], variables: Sequence) -> list[Tensor | None]:
    """The means over processes of the gradients of a step by its variables.

    Where a process has no gradient, None, it counts 0; where none has, it is None.

    Cost: one message for each dtype, of the size of its gradients, and a copy of them.
    """
    if parts_of_batch() == 1 or not gradients:
        return list(gradients)
    from plackett.backend import processes_on_torch

    return processes_on_torch.average(list(gradients), [ops.convert_to_tensor(x) for x in variables])


def local_value(x: Tensor) -> Tensor:
    """The value of a variable, or of a tensor that is the same in all processes, as this process holds it itself.

    On JAX that of a global array is a numpy array, which any function takes, be it of one process or of all.

    Raises:
        ValueError: it is in parts, of which this process has only its own.
    """
    x = ops.convert_to_tensor(x)
    if keras.backend.backend() != "jax":
        return x
    import jax

    if isinstance(x, jax.core.Tracer) or x.is_fully_addressable:
        return x
    if not x.is_fully_replicated:
        raise ValueError(f"a value must be the same in all processes, but one of shape {x.shape} is in parts")
    return np.asarray(x.addressable_data(0))
