"""Additions to the training step of Keras."""

import itertools
from collections.abc import Callable

import keras


def after_each_step(model: keras.Model, function: Callable[[], None]) -> None:
    """Until `forget_steps`, each step of `fit` ends with a call of a function, which is compiled with the step.

    The function reads the variables of the model and of its optimizer after the step, and may assign to those of the
    optimizer. The losses and metrics of the step do not change.
    """
    step = model.train_step

    def on_jax(state, data):
        logs, (*of_model, of_optimizer, of_metrics) = step(state, data)
        known = (model.trainable_variables, model.non_trainable_variables, model.optimizer.variables)
        pairs = [zip(*both, strict=True) for both in zip(known, (*of_model, of_optimizer), strict=True)]
        with keras.StatelessScope(state_mapping=list(itertools.chain(*pairs))) as scope:
            function()
        of_optimizer = [scope.get_current_value(variable) for variable in model.optimizer.variables]
        return logs, (*of_model, of_optimizer, of_metrics)

    def elsewhere(data):
        logs = step(data)
        function()
        return logs

    model.train_step = on_jax if keras.backend.backend() == "jax" else elsewhere
    model.train_function = None


def forget_steps(model: keras.Model) -> None:
    """Restores the plain Keras steps of a model."""
    del model.train_step
    model.train_function = None
