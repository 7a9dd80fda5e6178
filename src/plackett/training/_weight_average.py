"""The average of the weights over the steps of a run, by which its epochs are measured and which its model has."""

import contextlib
from collections.abc import Iterator

import keras
from keras import ops

from plackett import backend


class WeightAverage:
    """An exponential moving average of the trainable weights of a model, which each step of its optimizer moves.

    With the weights w_0 before the first step and w_t+1 after step t, from 0,

        a_0 = w_0,  a_t+1 = d_t a_t + (1 - d_t) w_t+1,  d_t = min(most, (1 + t) / (10 + t))

    so that the first steps, whose weights are far from good ones, are soon forgotten. The averages are among the
    variables of the optimizer while it lasts, as all that a compiled step changes has to be, and so they are in
    checkpoints; a file of the model has the optimizer without them. It is given a built model and one optimizer of it.

    Args:
        model: that is compiled.
        most: the share that a step keeps of the average.
    """

    def __init__(self, model: keras.Model, most: float) -> None:
        self.model, self.most = model, most
        self.weights = list(model.trainable_variables)
        # The one that takes the steps, where another scales the loss for it.
        self.optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
        add = self.optimizer.add_variable_from_reference
        self.averages = [add(weight, name="average") for weight in self.weights]
        self.start()
        self._take_part()

    def start(self) -> None:
        """The averages are the weights as they are now."""
        _assign(self.averages, _copies(self.weights))

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Within this, the averages stand in the place of the weights."""
        weights = _copies(self.weights)
        _assign(self.weights, _copies(self.averages))
        try:
            yield
        finally:
            _assign(self.weights, weights)

    def end(self) -> None:
        """The optimizer is as it was before."""
        for average in self.averages:
            self.optimizer._tracker.untrack(average)
        del self.optimizer.apply, self.model.optimizer.save_own_variables
        self.model.train_function = None  # which has the average in it

    def _take_part(self):
        """From now on the optimizer moves the averages, and is saved without them."""
        apply, number = self.optimizer.apply, {id(x) for x in self.averages}

        def apply_and_average(grads, trainable_variables=None):
            apply(grads, trainable_variables)
            self._move()

        def save_own_variables(store):
            own = [x for x in self.model.optimizer.variables if id(x) not in number]
            for i, variable in enumerate(own):
                store[str(i)] = ops.convert_to_numpy(variable)

        self.optimizer.apply = apply_and_average
        self.model.optimizer.save_own_variables = save_own_variables

    def _move(self):
        steps = ops.cast(self.optimizer._iterations, "float32")  # t + 1
        changes = 1 - backend.minimum(steps / (9 + steps), self.most)
        for weight, average in zip(self.weights, self.averages, strict=True):
            change = ops.cast(changes, average.dtype)
            average.assign_add(change * (ops.convert_to_tensor(weight) - ops.convert_to_tensor(average)))


def _copies(variables):
    return [ops.copy(ops.convert_to_tensor(variable)) for variable in variables]


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
