"""What is read from source code is what there is."""

import inspect

import keras

from plackett import losses, metrics, registry, scorers
from plackett.cli import _known
from plackett.lambdas._uses import OWN
from plackett.losses._in_batch_loss import InBatchLoss
from plackett.scorers.preprocessing.inputs import prepare
from plackett.training._optimizers import OPTIMIZERS, SCHEDULES


def arguments(kind):
    return set(inspect.signature(kind).parameters)


def classes(module, part=""):
    """The public classes of a module that are registered with Keras, by their names."""
    registered = keras.saving.get_custom_objects()
    names = [name for name in module.__all__ if part in name and f"{registry.PACKAGE}{name}" in registered]
    return {name: getattr(module, name) for name in names if inspect.isclass(getattr(module, name))}


def test_losses():
    kinds = classes(losses, "Loss")
    assert len(kinds) > 20
    by_name = {registry.snake_case(name.removesuffix("Loss")): arguments(kind) for name, kind in kinds.items()}
    assert {name: arguments(known) for name, known in _known.losses().items()} == by_name
    for name in by_name:
        losses.get(name)


def test_metrics():
    kinds = classes(metrics)
    assert len(kinds) > 10
    by_name = {registry.snake_case(name): arguments(kind) for name, kind in kinds.items()}
    assert {name: arguments(known) for name, known in _known.metrics().items()} == by_name
    for name in by_name:
        metrics.get(name)


def test_lambda_weights():
    kinds = classes(losses, "LambdaWeight")
    assert len(kinds) > 5
    by_name = {name: arguments(kind) for name, kind in kinds.items()}
    assert {name: arguments(known) for name, known in _known.lambda_weights().items()} == by_name


def test_which_lambda_weights_act_in_a_loss_and_which_losses_take_lists():
    kinds = {registry.snake_case(name.removesuffix("Loss")): kind for name, kind in classes(losses, "Loss").items()}
    uses = {name: kind.lambda_weights for name, kind in kinds.items()}
    known = {
        name: ([kind.__name__ for kind in OWN if issubclass(kind, use.allowed)], use.method)
        for name, use in uses.items()
    }
    assert _known.lambda_weights_of_losses() == known
    assert len({tuple(names) for names, _ in known.values()}) > 3
    assert _known.losses_of_pairs() == [name for name in _known.losses() if issubclass(kinds[name], InBatchLoss)]


def test_scorers():
    """An option of a scorer is a keyword of its own, or of `prepare` where the scorer passes others on."""

    def keywords(function):
        parameters = inspect.signature(function).parameters.values()
        return {parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY}

    def passes_on(function):
        return any(x.kind is x.VAR_KEYWORD for x in inspect.signature(function).parameters.values())

    by_name = {
        name: keywords(scorer) | (keywords(prepare) if passes_on(scorer) else set())
        for name, scorer in scorers.SCORERS.items()
    }
    assert {name: arguments(known) for name, known in _known.scorers().items()} == by_name
    assert "min_count" in by_name["embeddings"]
    assert "min_count" not in by_name["mlp"]


def test_optimizers_and_schedules():
    assert set(_known.optimizers()) == set(OPTIMIZERS)
    assert set(_known.schedules()) == set(SCHEDULES)
