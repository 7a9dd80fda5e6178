"""The optimizer and its learning rate, by name or as objects."""

import inspect

import keras

from plackett import registry
from plackett.registry import check_known
from plackett.training._objects import make_object
from plackett.training._settings import Settings

OPTIMIZERS: dict[str, type[keras.optimizers.Optimizer]] = {
    name.lower(): kind
    for name, kind in vars(keras.optimizers).items()
    if inspect.isclass(kind)
    and issubclass(kind, keras.optimizers.Optimizer)
    and name not in ("Optimizer", "LossScaleOptimizer", "MultiOptimizer")
}

# The Keras schedule of each name. Each schedule spans the run unless its options say otherwise.
SCHEDULES = {
    "cosine": keras.optimizers.schedules.CosineDecay,
    "warmup_cosine": keras.optimizers.schedules.CosineDecay,
    "exponential": keras.optimizers.schedules.ExponentialDecay,
}


def make_optimizer(settings: Settings, steps: int) -> keras.optimizers.Optimizer:
    """Makes the optimizer that the settings of a run ask for.

    Args:
        settings: the settings of the run.
        steps: the largest number of steps that the run can have.

    Raises:
        ValueError: an unknown optimizer or schedule, or an unknown option of either.
    """
    given = make_object("optimizer", settings.optimizer)
    if not isinstance(given, str):
        if not isinstance(given, keras.optimizers.Optimizer):
            raise ValueError(f"optimizer must be a name or an optimizer of Keras, but got {given!r}")
        return given
    check_known("optimizer", given, OPTIMIZERS)
    options = {"weight_decay": settings.weight_decay, "global_clipnorm": settings.global_clipnorm}
    options = {name: value for name, value in options.items() if value is not None}
    return OPTIMIZERS[given](learning_rate=_learning_rate(settings, steps), **options)


def _learning_rate(settings, steps):
    """Returns a number, or a schedule: made from a name or from {name: options}, or as given.

    cosine falls from the learning rate to 0. warmup_cosine first rises to the learning rate over 5 % of the steps.
    exponential falls to 1 % of the learning rate.
    """
    rate, given = settings.learning_rate, make_object("learning_rate_schedule", settings.learning_rate_schedule)
    if given is None:
        return rate
    if callable(given):
        return given
    ((name, options),) = ({given: {}} if isinstance(given, str) else given).items()
    warmup = max(1, steps // 20)
    defaults = {
        "cosine": {"initial_learning_rate": rate, "decay_steps": steps},
        "warmup_cosine": {
            "initial_learning_rate": 0.0,
            "warmup_target": rate,
            "warmup_steps": warmup,
            "decay_steps": max(1, steps - warmup),
        },
        "exponential": {"initial_learning_rate": rate, "decay_steps": steps, "decay_rate": 0.01},
    }
    return registry.make("learning_rate_schedule", SCHEDULES, name, defaults[name] | options)
