"""What a run trains: its losses, and a scorer that gives them the scores that they take."""

import inspect

import keras

from plackett import losses, scorers
from plackett.data import RankingLists
from plackett.losses._base import RankingLoss
from plackett.scorers.preprocessing.layers import prepare
from plackett.training._optimizers import made_optimizer
from plackett.training._settings import Settings, check_known


def made_losses(settings: Settings) -> dict[str | None, RankingLoss]:
    """The loss of each task, or {None: the loss}.

    Raises:
        ValueError: an unknown loss or option, a loss of pairs, or tasks that take different numbers of scores.
    """
    parts = settings.tasks or {None: {"loss": settings.loss, "loss_options": settings.loss_options}}
    made = {name: losses.get(part["loss"], **part["loss_options"]) for name, part in parts.items()}
    for name, loss in made.items():
        if loss.classes:
            given = parts[name]["loss"]
            raise ValueError(f"{given} takes similarities of pairs, not the scores of lists: use it with fit")
    if len({loss.models for loss in made.values()}) > 1:
        numbers = ", ".join(f"{name} {loss.models or 1}" for name, loss in made.items())
        raise ValueError(f"the losses of all tasks must take as many scores a document, but they take: {numbers}")
    return made


def made_scorer(lists: RankingLists, settings: Settings, made: dict[str | None, RankingLoss]) -> keras.Model:
    """The scorer of the settings, with an output for each task.

    Raises:
        ValueError: an unknown scorer or option, or one out of range.
    """
    if settings.scorer is not None:
        check_known("scorer", settings.scorer, scorers.SCORERS)
    name = settings.scorer or ("embeddings" if lists.ids else "mlp")
    scorer = scorers.SCORERS[name]
    allowed = {**inspect.signature(scorer).parameters, **inspect.signature(prepare).parameters}
    allowed = [option for option, parameter in allowed.items() if parameter.kind is parameter.KEYWORD_ONLY]
    for option in settings.scorer_options:
        check_known(f"option of the scorer {name}:", option, allowed)
    options = {"models": next(iter(made.values())).models} | settings.scorer_options
    if settings.tasks:
        options["tasks"] = list(settings.tasks)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16" if settings.mixed_precision else before)
    try:
        return scorer(lists, **options)
    finally:
        keras.config.set_dtype_policy(before)


def compile_for(model: keras.Model, settings: Settings, made: dict[str | None, RankingLoss], steps: int) -> None:
    """Gives the model its losses and its optimizer, for a run of so many steps."""
    optimizer = made_optimizer(settings, steps)
    if settings.tasks:
        model.compile(optimizer, made, loss_weights={name: task["weight"] for name, task in settings.tasks.items()})
    else:
        model.compile(optimizer, made[None])
