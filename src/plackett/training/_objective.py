"""The objective of a run: its losses, its metric, and a scorer that gives the scores that they need."""

from collections.abc import Mapping

import keras
import numpy as np

from plackett import losses, metrics, scorers
from plackett.data import RankingLists
from plackett.data._inputs import POSITION
from plackett.losses._base import RankingLoss
from plackett.losses._in_batch_loss import InBatchLoss
from plackett.metrics._base import RankingMetric
from plackett.registry import classes_by_name, snake_case
from plackett.registry.refusals import loss_of_pairs
from plackett.scorers._any_model import as_scorer, output_layers
from plackett.scorers._checks import check_options_of
from plackett.scorers._neighbours import check_padding
from plackett.scorers._towers import start_examination
from plackett.training._objects import make_object, make_objects
from plackett.training._settings import VALIDATION_LOSS, Settings
from plackett.training._validation_loss import Part, ValidationLoss


def make_metric(settings: Settings) -> RankingMetric | ValidationLoss:
    """Returns the metric of the settings, or the loss that replaces it.

    Raises:
        ValueError: the metric is unknown, or is not a metric.
    """
    given = make_object("metric", settings.metric)
    if _is_loss(given):
        return _make_validation_loss(given, settings)
    metric = metrics.get(given) if isinstance(given, str) else given
    if not isinstance(metric, RankingMetric):
        raise ValueError(
            "metric must be a name such as ndcg@10, a metric of plackett.metrics, or validation_loss or a loss of "
            f"plackett.losses, but got {given!r}"
        )
    if metric.name in ("epoch", "loss"):
        raise ValueError(f"metric must not be named {metric.name}: the history already has a column of that name")
    return metric


def chooses_by_labels(settings: Settings) -> bool:
    """Whether the epoch is chosen by judgements, and not by a loss of the training target."""
    return not _is_loss(make_object("metric", settings.metric))


def _is_loss(metric):
    return isinstance(metric, RankingLoss) or metric == VALIDATION_LOSS


def _make_validation_loss(given, settings):
    parts = settings.tasks or {None: {"target": settings.target, "weight": 1.0}}
    losses = make_losses(settings) if given == VALIDATION_LOSS else dict.fromkeys(list(parts)[:1], given)
    made = {task: Part(loss, parts[task]["target"], parts[task]["weight"]) for task, loss in losses.items()}
    return ValidationLoss(made, settings.seed)


def make_losses(settings: Settings) -> dict[str | None, RankingLoss]:
    """Returns the loss of each task, or {None: the loss}.

    Raises:
        ValueError: an unknown loss or option, a loss of pairs, or tasks that need different numbers of scores.
    """
    parts = settings.tasks or {None: {"loss": settings.loss, "loss_options": settings.loss_options}}
    made = {name: _make_loss(part["loss"], part["loss_options"]) for name, part in parts.items()}
    for loss in made.values():
        if isinstance(loss, InBatchLoss):
            raise loss_of_pairs(loss_name(loss))
    if len({loss.models for loss in made.values()}) > 1:
        numbers = ", ".join(f"{name} {loss.models or 1}" for name, loss in made.items())
        raise ValueError(f"the losses of all tasks must take the same number of scores a document, but take: {numbers}")
    if settings.shared_head:
        _check_alike(made)
    _draw_apart(made.values())
    return made


def _draw_apart(losses):
    """Makes losses of the same seed draw different numbers, by their position."""
    seeds = []
    for loss in losses:
        if loss.seed is not None:
            if place := seeds.count(loss.seed):
                own = np.random.SeedSequence([loss.seed, place]).generate_state(1)[0]
                loss.seed_generator.state.assign(np.array([own >> 1, 0]))  # shifted, since PyTorch takes 31 bits
            seeds.append(loss.seed)


def _check_alike(losses):
    """Raises a ValueError if losses of the same scores give different meanings to the columns of a document's "
    "scores."""
    first, *others = losses
    for name in others:
        for trait in ("ranking", "constants", "of_positions"):
            if getattr(losses[first], trait) != getattr(losses[name], trait):
                raise ValueError(
                    "with shared_head, the losses of all tasks must read the scores of a document in the same way, but "
                    f"{loss_name(losses[first])} of {first} and {loss_name(losses[name])} of {name} differ in their "
                    f"{trait}: take other losses, or a head for each task (without shared_head)"
                )


def loss_name(loss: RankingLoss) -> str:
    """The name of a loss as the user knows it: that of plackett, or the loss's own."""
    kind = type(loss).__name__
    return loss.name if kind.startswith("_") else snake_case(kind.removesuffix("Loss"))


def make_scorer(lists: RankingLists, settings: Settings, losses: Mapping[str | None, RankingLoss]) -> keras.Model:
    """Makes the scorer of the settings. It has an output for each task, or one if they share a head.

    Raises:
        ValueError: an option is unknown or out of range, or a model does not fit the lists or the losses.
    """
    given = make_object("scorer", settings.scorer)
    if given is None or (isinstance(given, str) and given != "two_tower"):
        _check_needs_no_position(lists, settings, losses)
    models = next(iter(losses.values())).models
    if isinstance(given, keras.Model):
        _check_alone(settings)
        model = given
    else:
        make = given if callable(given) else _known_scorer(given, lists, settings)
        tasks = None if settings.tasks is None or settings.shared_head else list(settings.tasks)
        heads = {"models": models, "tasks": tasks}
        heads = {name: value for name, value in heads.items() if value is not None}
        if make is scorers.two_tower:
            heads |= _of_towers(next(iter(losses.values())))
        model = _call(make, lists, heads | settings.scorer_options, settings.mixed_precision)
        if make is scorers.two_tower:
            _start(model, next(iter(losses.values())))
    scorer = as_scorer(model, lists, has_models=models is not None)
    if scorer is not model:
        check_padding(scorer, lists)
    layers = output_layers(scorer)
    of_outputs = dict(losses)
    if settings.shared_head:
        of_outputs = {None: next(iter(losses.values()))}
    if set(layers) != set(of_outputs):
        who = "shared_head" if settings.shared_head else "tasks"
        raise ValueError(f"the scorer must have {_in_words(of_outputs)}, as {who} says, but has {_in_words(layers)}")
    for name, layer in layers.items():
        layer.ranking = of_outputs[name].ranking
    return scorer


def compile_model(
    model: keras.Model,
    settings: Settings,
    losses: Mapping[str | None, RankingLoss],
    optimizer: keras.optimizers.Optimizer,
) -> None:
    """Gives the model its losses and its optimizer, and builds the optimizer.

    Raises:
        ValueError: the optimizer has been used for another model.
    """
    known = {id(variable) for variable in model.trainable_variables}
    if optimizer.built and {id(variable) for variable in optimizer._trainable_variables} != known:
        raise ValueError("the optimizer has been used for another model, whose weights it holds: make a new one")
    if settings.tasks:
        weights = {name: task["weight"] for name, task in settings.tasks.items()}
        model.compile(optimizer, dict(losses), loss_weights=weights)
    else:
        model.compile(optimizer, losses[None])
    if not optimizer.built:
        optimizer.build(model.trainable_variables)


def _make_loss(given, options):
    given = make_object("loss", given)
    if isinstance(given, str):
        _check_not_of_keras(given)
        return losses.as_ranking_loss(losses.get(given, **make_objects("loss_options", options)))
    if isinstance(given, Mapping):
        raise ValueError(f"loss must be a name, with its options in loss_options, or an object, but got {given!r}")
    loss = losses.as_ranking_loss(given)
    # A copy, since a loss that draws noise counts its draws.
    return loss.copy() if loss is given else loss


def _check_not_of_keras(name):
    """Raises a ValueError for the name of a loss that Keras has and plackett does not."""
    if name in classes_by_name(keras.losses.Loss, suffix="Loss"):
        return
    try:
        keras.losses.get(name)
    except ValueError:
        return
    raise ValueError(
        f"unknown loss {name!r}; to use the loss of Keras, give the object: loss=keras.losses.get({name!r})"
    )


def _known_scorer(name, lists, settings):
    """Returns the scorer of this name, after checking that the settings give no unknown option of it."""
    name = name or ("embeddings" if lists.ids else "mlp")
    scorer = scorers.SCORERS[name]
    check_options_of(scorer, f"option of the scorer {name}:", settings.scorer_options)
    return scorer


def _check_needs_no_position(lists, settings, losses):
    """Raises a ValueError if a loss of clicks needs the position of each document, but no scorer uses it.

    Without positions, labels are taken for judgements or simulated judgements.
    """
    for task, loss in losses.items():
        target = settings.target if task is None else settings.tasks[task]["target"]
        shown = target != "label" or POSITION in lists.columns
        if shown and (loss.needs_positions or loss.of_positions):
            raise ValueError(
                f"{loss_name(loss)} needs the position at which each document was shown, to tell documents that were "
                "not seen from documents that are not relevant: give scorer='two_tower' (--scorer two_tower) and the "
                "column `position`, or take another loss, such as softmax"
            )


def _of_towers(loss):
    """The options of `two_tower` for a loss: a sum, unless the loss says which of its columns the position gives."""
    if loss.of_positions is None:
        return {"combine": "add"}
    return {"combine": "stack", "constant_scores": len(loss.constants), "examination_scores": len(loss.of_positions)}


def _start(model, loss):
    """Makes the examination of `two_tower` begin where its loss says."""
    if loss.start:
        start_examination(model, [loss.start.get(name, 0.0) for name in loss.of_positions])


def _call(make, lists, options, mixed_precision):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16" if mixed_precision else before)
    try:
        model = make(lists, **options)
    finally:
        keras.config.set_dtype_policy(before)
    if not isinstance(model, keras.Model):
        raise ValueError(f"a scorer must return a Keras model for the lists, but {make} returned {model!r}")
    return model


def _check_alone(settings):
    for name in ("scorer_options", "mixed_precision"):
        if value := getattr(settings, name):
            raise ValueError(
                f"{name}={value!r} is an option for making a scorer, but the given model is already made: leave out "
                f"{name}, or give a function that makes the model from the lists"
            )


def _in_words(names):
    """Describes the outputs."""
    return "one output" if set(names) == {None} else f"the outputs {', '.join(map(str, names))}"
