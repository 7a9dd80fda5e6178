"""Several processes that take each step together, each with its part of the batch.

On JAX a step is one program over global arrays, so that a function of the batch sees the whole batch in every process.
On PyTorch each process has its own part, all with the same number of rows, and the functions here gather the parts.
TensorFlow has one process.

On PyTorch a loss is the mean of what the processes compute, and so is its gradient. The gradient of `gather_rows` is
therefore the sum over processes. If each process computes the loss of the whole batch, its gradient is then the one
that a single process would have.
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
    """The number of processes that take a step together; 1 without distributed training."""
    if keras.backend.backend() == "jax":
        distribution = keras.distribution.distribution()
        return 1 if distribution is None else distribution.num_processes
    return parts_of_batch()


def process_number() -> int:
    """The number of this process, from 0."""
    if number_of_processes() == 1:
        return 0
    if keras.backend.backend() == "jax":
        import jax

        return jax.process_index()
    import torch.distributed

    return torch.distributed.get_rank()


def parts_of_batch() -> int:
    """The number of parts that a batch is split into: one per process on PyTorch; 1 on JAX, whose arrays are global."""
    if keras.backend.backend() != "torch" or _ALONE.get():
        return 1
    import torch.distributed

    if not torch.distributed.is_available() or not torch.distributed.is_initialized():
        return 1
    return torch.distributed.get_world_size()


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Within this context this process computes alone: no other takes part, and a model made here is its own."""
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
        ValueError: the processes have different numbers of rows.
    """
    parts = parts_of_batch()
    if parts == 1:
        return x
    x = ops.convert_to_tensor(x)
    if in_symbolic_scope():  # Keras asks for shapes only, and other processes may not
        return ops.concatenate([x] * parts, axis=0)
    from plackett.backend import processes_on_torch

    processes_on_torch.check_rows(x)
    return processes_on_torch.GatherRows.apply(x)


def rows_here(x: Tensor) -> Tensor:
    """[rows of all processes, ...] -> [rows here, ...], this process's part of a whole batch."""
    parts = parts_of_batch()
    if parts == 1:
        return x
    rows = x.shape[0] // parts
    return x[process_number() * rows :][:rows]


def mean_over_processes(x: Tensor) -> Tensor:
    """The mean over processes of a tensor with the same shape in each, such as a loss; it has no gradient."""
    if parts_of_batch() == 1 or in_symbolic_scope():
        return x
    from plackett.backend import processes_on_torch

    return processes_on_torch.mean(ops.convert_to_tensor(x))


def average_gradients(gradients: Sequence[Tensor | None], variables: Sequence) -> list[Tensor | None]:
    """The means over processes of the gradients of a step with respect to its variables.

    A missing gradient (None) counts as 0; if it is missing in all processes, the mean is None.

    Cost: one message per dtype, of the size of its gradients, and a copy of them.
    """
    if parts_of_batch() == 1 or not gradients:
        return list(gradients)
    from plackett.backend import processes_on_torch

    return processes_on_torch.average(list(gradients), [ops.convert_to_tensor(x) for x in variables])


def local_value(x: Tensor) -> Tensor:
    """This process's own copy of a variable, or of a tensor that is the same in all processes.

    On JAX, for a global array, it is a NumPy array, which functions of one process and of all processes accept.

    Raises:
        ValueError: the value is split into parts, and this process has only its own.
    """
    x = ops.convert_to_tensor(x)
    if keras.backend.backend() != "jax":
        return x
    import jax

    if isinstance(x, jax.core.Tracer) or x.is_fully_addressable:
        return x
    if not x.is_fully_replicated:
        raise ValueError(
            f"a value must be the same in all processes, but a tensor of shape {x.shape} is split between them"
        )
    return np.asarray(x.addressable_data(0))
