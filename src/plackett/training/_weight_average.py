"""The average of the weights over the steps of a run. The run is measured with it, and the model gets it."""

import contextlib
from collections.abc import Iterator

import keras
from keras import ops

from plackett import backend


class WeightAverage:
    """An exponential moving average of the weights of a model. Each step of the model moves it.

    With the weights w_0 before the first step and w_t+1 after step t, from 0,

        a_0 = w_0,  a_t+1 = d_t a_t + (1 - d_t) w_t+1,  d_t = min(most, (1 + t) / (10 + t))

    so that the average forgets the first steps, whose weights are far from good ones, and spans about a tenth of the
    run until `most` acts. The moving means and variances of `BatchNormalization` are averaged in the same way, since
    they belong to the weights. While a run lasts, the averages are variables of the optimizer, since a compiled step
    can only change such variables. So checkpoints hold them. A saved model has its optimizer without them.

    Args:
        model: a model that is built and compiled.
        most: the largest share of the average that a step keeps.
    """

    def __init__(self, model: keras.Model, most: float) -> None:
        self.model, self.most = model, most
        normalizations = [x for x in model._flatten_layers() if isinstance(x, keras.layers.BatchNormalization)]
        moving = [x for layer in normalizations for x in (layer.moving_mean, layer.moving_variance)]
        self.weights = [*model.trainable_variables, *moving]
        add = model.optimizer.add_variable_from_reference
        self.averages = [add(weight, name="average") for weight in self.weights]
        self.steps = model.optimizer.add_variable((), dtype="int32", name="steps_of_average")
        _assign(self.averages, _copies(self.weights))
        backend.after_each_step(model, self._move)
        model.optimizer.save_own_variables = self._save_optimizer

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Within this context, the averages replace the weights."""
        weights = _copies(self.weights)
        _assign(self.weights, _copies(self.averages))
        try:
            yield
        finally:
            _assign(self.weights, weights)

    def end(self) -> None:
        """Leaves the model and its optimizer as they would be without the average."""
        backend.forget_steps(self.model)
        del self.model.optimizer.save_own_variables
        for variable in self._variables():
            self.model.optimizer._tracker.untrack(variable)

    def _variables(self):
        return [*self.averages, self.steps]

    def _move(self):
        t = ops.cast(self.steps, "float32")
        change = 1 - backend.minimum((1 + t) / (10 + t), self.most)
        for weight, average in zip(self.weights, self.averages, strict=True):
            away = ops.stop_gradient(ops.convert_to_tensor(weight)) - ops.convert_to_tensor(average)
            average.assign_add(ops.cast(change, average.dtype) * away)
        self.steps.assign_add(1)

    def _save_optimizer(self, store):
        """Saves what Keras writes of the optimizer, without the average."""
        ours = {id(variable) for variable in self._variables()}
        own = [variable for variable in self.model.optimizer.variables if id(variable) not in ours]
        for i, variable in enumerate(own):
            store[str(i)] = ops.convert_to_numpy(variable)


def _copies(variables):
    return [ops.copy(ops.convert_to_tensor(variable)) for variable in variables]


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
