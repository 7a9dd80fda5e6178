"""The number of processes of a framework, and the context in which they take steps together."""

import contextlib

import keras

KINDS = ("jax", "torch")  # the backends whose processes can do so


def size_of_group() -> int:
    """How many processes the backend knows of."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.process_count()
    import torch.distributed

    return torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1


def together() -> contextlib.AbstractContextManager:
    """The context in which tensors belong to all processes.

    Each process brings its own part of a batch, which Keras must not split again.
    """
    if keras.backend.backend() != "jax":
        return contextlib.nullcontext()
    return keras.distribution.DataParallel(auto_shard_dataset=False).scope()
