"""How many processes a framework was started with, and what makes them take steps together."""

import contextlib

import keras

KINDS = ("jax", "torch")  # the backends whose processes can


def size_of_group() -> int:
    """How many processes the backend knows of."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.process_count()
    import torch.distributed

    return torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1


def together() -> contextlib.AbstractContextManager:
    """The context in which what is made and computed is of all processes.

    Each brings its own part of a batch, which Keras must not divide again.
    """
    if keras.backend.backend() != "jax":
        return contextlib.nullcontext()
    return keras.distribution.DataParallel(auto_shard_dataset=False).scope()
