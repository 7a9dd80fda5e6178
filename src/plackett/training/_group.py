"""The processes that train one model together. Each runs the same loop on its part of each batch."""

import contextlib
import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from plackett import backend


def _as_given(x):
    return x


@dataclasses.dataclass(frozen=True)
class Group:
    """What the loop of one process knows of the other processes. By default there are none.

    Only the first process measures epochs and writes files. Between two steps the processes exchange no messages other
    than those of the step, so the first process can do this at any time.

    Args:
        number: the number of this process, from 0.
        size: the number of processes.
        tell: a function of a small object. It returns the object of the first process in all processes. All must call
            it.
        together: returns the context in which a model is made and trained so that it is the same in all processes.
    """

    number: int = 0
    size: int = 1
    tell: Callable[[Any], Any] = _as_given
    together: Callable[[], contextlib.AbstractContextManager] = contextlib.nullcontext

    @property
    def leads(self) -> bool:
        """Whether this is the first process."""
        return self.number == 0

    def ask_first(self, function: Callable[[], Any]) -> Any:
        """Calls a function in the first process alone, and returns its result in all processes."""
        return self.tell(function() if self.leads else None)

    @property
    def needs_twin(self) -> bool:
        """Whether the model is part of a program of all processes, so that one process alone cannot compute with it."""
        return self.size > 1 and self.leads and backend.parts_of_batch() == 1

    def average_gradients(self, model: keras.Model) -> None:
        """Makes each step of a model use the mean gradients of all processes when each has a part of a batch.

        The running means of its losses travel in the same message, and become those of whole batches. See also
        `share_layers`.
        """
        if self.size == 1 or backend.parts_of_batch() == 1:
            return
        share_layers(model)
        optimizer = model.optimizer
        apply = optimizer.apply

        def apply_means(gradients, variables=None):
            running = [x for x in model.metrics_variables if keras.backend.is_float_dtype(x.dtype)]
            known = optimizer._trainable_variables if variables is None else variables
            means = backend.average_gradients([*gradients, *(x.value for x in running)], [*known, *running])
            for variable, mean in zip(running, means[len(gradients) :], strict=True):
                variable.assign(mean)
            return apply(means[: len(gradients)], variables)

        optimizer.apply = apply_means


def copy_variables(model: keras.Model, twin: keras.Model) -> None:
    """Copies the values of a model that all processes share, and of its optimizer, to a model of this process alone."""
    ours = [*backend.variables_of(twin), *twin.optimizer.variables]
    shared = [*backend.variables_of(model), *model.optimizer.variables]
    for variable, given in zip(ours, shared, strict=True):
        variable.assign(backend.local_value(given))


def share_layers(model: keras.Model) -> None:
    """Makes layers that look at the whole batch do so, although this process has only a part of it.

    `BatchNormalization` takes the moments of the whole batch. `Dropout` takes this process's part of the mask that one
    process would draw for the whole batch, since all processes have the same generators.
    """
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer._moments = functools.partial(_moments, layer)
        elif type(layer) is keras.layers.Dropout:
            layer.call = functools.partial(_drop_out, layer)


def _drop_out(layer, inputs, training=False):
    """Applies dropout to this process's part of a batch."""
    if not training or layer.rate == 0:
        return inputs
    rows, *others = inputs.shape
    whole = ops.ones((rows * backend.parts_of_batch(), *others), dtype=inputs.dtype)
    return inputs * backend.rows_here(
        keras.random.dropout(whole, layer.rate, layer.noise_shape, seed=layer.seed_generator)
    )


def _moments(layer, inputs, mask):
    """Returns (mean, variance) of a layer's input over all processes, as Keras computes them in one process."""
    axes = layer._reduction_axes
    real = ops.ones_like(inputs, dtype="bool") if mask is None else ops.broadcast_to(mask[..., None], ops.shape(inputs))

    def total(x):
        of_part = ops.sum(ops.where(real, x, 0), axis=axes, keepdims=True)
        return ops.sum(backend.gather_rows(of_part), axis=0, keepdims=True)

    number = total(ops.ones_like(inputs)) + (0 if mask is None else keras.config.epsilon())
    mean = total(inputs) / number
    variance = total(ops.square(inputs - mean)) / number
    return ops.squeeze(mean, axes), ops.squeeze(variance, axes)
