"""The optimizer and its learning rate, by name."""

import inspect

import keras

from plackett import registry
from plackett.training._settings import check_known

OPTIMIZERS = {
    name.lower(): kind
    for name, kind in vars(keras.optimizers).items()
    if inspect.isclass(kind)
    and issubclass(kind, keras.optimizers.Optimizer)
    and name not in ("Optimizer", "LossScaleOptimizer", "MultiOptimizer")
}

# By name: the schedule of Keras. All span the run unless their options say otherwise.
SCHEDULES = {
    "cosine": keras.optimizers.schedules.CosineDecay,
    "warmup_cosine": keras.optimizers.schedules.CosineDecay,
    "exponential": keras.optimizers.schedules.ExponentialDecay,
}


def made_optimizer(settings, steps: int) -> keras.optimizers.Optimizer:
    """The optimizer that the settings of a run ask for.

    Args:
        settings: `Settings`.
        steps: how many steps the run has at most.

    Raises:
        ValueError: an unknown optimizer, schedule or option of it.
    """
    check_known("optimizer", settings.optimizer, OPTIMIZERS)
    rate = settings.learning_rate
    if settings.learning_rate_schedule is not None:
        rate = _schedule(settings.learning_rate_schedule, rate, steps)
    options = {"weight_decay": settings.weight_decay, "global_clipnorm": settings.global_clipnorm}
    options = {name: value for name, value in options.items() if value is not None}
    return OPTIMIZERS[settings.optimizer](learning_rate=rate, **options)


def _schedule(given, rate, steps):
    """`given` is a name, or {name: options}.

    cosine falls from the learning rate to 0; warmup_cosine first rises to it over 5 % of the steps; exponential falls
    to 1 % of it.
    """
    given = {given: {}} if isinstance(given, str) else given
    if len(given) != 1:
        raise ValueError(f"learning_rate_schedule must be a name or {{name: options}}, but got {given!r}")
    ((name, options),) = given.items()
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
    return registry.made("learning_rate_schedule", SCHEDULES, name, defaults.get(name, {}) | (options or {}))
