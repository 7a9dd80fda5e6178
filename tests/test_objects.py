"""Losses, metrics and lambda weights as values: frozen, equal by their arguments, hashable, cleaned once."""

import copy
import inspect
import pickle

import keras
import numpy as np
import pytest
from backends import BACKEND, compiled
from keras import ops

import plackett
from plackett import gains, lambdas, lists, losses, metrics
from plackett.lists import _masking
from plackett.losses import _base
from plackett.losses._in_batch_loss import InBatchLoss

# As many lists and documents as in laws.py, whose programs JAX then has.
RANDOM = np.random.default_rng(0)
LABELS = RANDOM.integers(-1, 3, (6, 12)).astype("float32")
SCORES = RANDOM.normal(size=(6, 12)).astype("float32")

LOSSES = [
    kind
    for kind in (getattr(losses, name) for name in losses.__all__ if name.endswith("Loss"))
    if kind is not losses.RankingLoss
]
METRICS = [
    kind
    for kind in (getattr(metrics, name) for name in metrics.__all__)
    if inspect.isclass(kind) and issubclass(kind, metrics.RankingMetric) and kind is not metrics.RankingMetric
]
WEIGHTS = [getattr(lambdas, name) for name in lambdas.__all__ if name.endswith(("LambdaWeight", "LambdaWeightV2"))]
WEIGHTS.remove(lambdas.LambdaWeight)
ALL = [*LOSSES, *METRICS, *WEIGHTS]


def number(x):
    return ops.convert_to_numpy(x)


def over(kinds):
    return pytest.mark.parametrize("kind", kinds, ids=lambda kind: kind.__name__)


@over(ALL)
def test_no_attribute_can_be_set(kind):
    thing = kind()
    config = thing.get_config()
    for name in ("temperature", "topn", "options", "anything"):
        with pytest.raises(
            AttributeError, match=rf"{kind.__name__} does not change after construction: make a new one"
        ):
            setattr(thing, name, 5)
    with pytest.raises(AttributeError, match="does not change"):
        del thing._arguments
    assert thing.get_config() == config


@over(ALL)
def test_equal_where_the_arguments_are(kind):
    one, same = kind(), kind.from_config(kind().get_config())
    assert one == same == copy.deepcopy(one) == pickle.loads(pickle.dumps(one))
    assert hash(one) == hash(same)
    assert one != object()
    parameters = inspect.signature(kind).parameters
    other = {"topn": 3, "gamma": 2.0, "temperature": 0.5, "name": "another", "rank_discount_fn": gains.identity}
    changed = {name: value for name, value in other.items() if name in parameters}
    if changed:
        assert kind(**changed) != one
        assert kind(**changed) == kind(**changed)
    assert kind.__name__ in repr(kind(**changed))
    assert all(name in repr(kind(**changed)) for name in changed)


def test_a_lambda_weight_of_an_equal_value_is_equal():
    weights = [losses.SoftmaxLoss(lambda_weight=losses.NDCGLambdaWeight(topn=n)) for n in (5, 5, 6)]
    assert weights[0] == weights[1] != weights[2]
    assert len(dict.fromkeys(weights)) == 2


class Twice(lambdas.LambdaWeight):
    """A weight of a user, with an argument that has no hash."""

    def __init__(self, factors=(2.0,)):
        self.factors = factors

    def pair_weights(self, labels, ranks):
        return self.factors[0] + 0.0 * (labels[..., :, None] - labels[..., None, :])


def test_objects_of_your_own_are_frozen_and_equal_too():
    weight = Twice([3.0])
    assert weight == Twice([3.0]) != Twice([2.0])
    assert hash(weight) == hash(Twice([3.0]))
    with pytest.raises(AttributeError, match="Twice does not change after construction"):
        weight.factors = [1.0]
    plain = number(losses.PairwiseLogisticLoss()(LABELS, SCORES))
    np.testing.assert_allclose(
        number(losses.PairwiseLogisticLoss(lambda_weight=weight)(LABELS, SCORES)), 3.0 * plain, rtol=1e-6
    )


@pytest.mark.skipif(BACKEND != "jax", reason="the static arguments of JAX")
def test_an_equal_weight_is_not_compiled_anew():
    traced = []

    class Counting(lambdas.NDCGLambdaWeight):
        def discount(self, ranks):
            traced.append(ranks)
            return super().discount(ranks)

    def step(topn):
        loss = losses.PairwiseLogisticLoss(lambda_weight=Counting(topn=topn))
        return keras.ops.convert_to_numpy(differentiated(loss))

    def differentiated(loss):
        import jax

        return jax.grad(lambda scores: loss(LABELS, scores))(ops.convert_to_tensor(SCORES))

    first = step(10)
    compiled_for = len(traced)
    np.testing.assert_array_equal(step(10), first)
    assert len(traced) == compiled_for
    assert np.abs(step(1) - first).max() > 1e-3


CLEANED = [kind for kind in LOSSES if not issubclass(kind, InBatchLoss)]


def counted(monkeypatch):
    """The calls of `clean` from now on, wherever a module has it."""
    calls, clean = [], _masking.clean

    def count(*args, **kwargs):
        calls.append(args)
        return clean(*args, **kwargs)

    import sys

    for name, module in list(sys.modules.items()):
        if name.startswith("plackett") and getattr(module, "clean", None) is clean:
            monkeypatch.setattr(module, "clean", count)
    return calls


@over(CLEANED)
def test_a_loss_cleans_its_lists_once(kind, monkeypatch):
    calls = counted(monkeypatch)
    weight = next((w() for w in WEIGHTS if issubclass(w, kind.lambda_weights.allowed)), None)
    options = [{}] + ([{"lambda_weight": weight}] if weight else [])
    options += [{"sample_size": 2}] if "sample_size" in inspect.signature(kind).parameters else []
    for given in options:
        loss = kind(**given)
        scores = SCORES if loss.models is None else np.repeat(SCORES[..., None], loss.models, axis=-1)
        for sample_weight in (None, np.ones_like(LABELS)):
            calls.clear()
            loss(LABELS, scores, sample_weight)
            assert len(calls) == 1


@over(CLEANED)
def test_a_function_cleans_its_lists_once(kind, monkeypatch):
    name = plackett.registry.snake_case(kind.__name__.removesuffix("Loss"))
    fn, calls = getattr(losses, name), counted(monkeypatch)
    models = kind().models
    scores = SCORES if models is None else np.repeat(SCORES[..., None], models, axis=-1)
    noise = {"noise": np.full((6, 3, 12), 0.5)} if "noise" in inspect.signature(fn).parameters else {}
    fn(LABELS, scores, **noise)
    assert len(calls) == 1


@over(METRICS)
def test_a_metric_cleans_its_lists_once(kind, monkeypatch):
    calls, metric = counted(monkeypatch), kind()
    labels = np.repeat(LABELS[..., None], 2, axis=-1) if metric.subtopics else LABELS
    metric.update_state(labels, SCORES)
    assert len(calls) == 1


def test_a_method_that_draws_may_be_replaced():
    loss = losses.GumbelApproxNDCGLoss(sample_size=2)
    loss.draw_noise = lambda labels, scores: np.full((6, 2, 12), 0.5, "float32")
    np.testing.assert_allclose(number(loss(LABELS, SCORES)), number(losses.ApproxNDCGLoss()(LABELS, SCORES)), rtol=1e-5)
    assert loss != losses.GumbelApproxNDCGLoss(sample_size=2)


PUBLIC = [
    (module, name)
    for module in (
        plackett,
        losses,
        metrics,
        lambdas,
        gains,
        lists,
        plackett.scorers,
        plackett.training,
        plackett.clicks,
        plackett.data,
        plackett.evaluation,
    )
    for name in module.__all__
    if inspect.isclass(getattr(module, name)) or inspect.isfunction(getattr(module, name))
]


@pytest.mark.parametrize("module, name", PUBLIC, ids=lambda x: getattr(x, "__name__", x))
def test_every_public_name_is_documented(module, name):
    """By an example, which runs as a doctest, or by a reference."""
    doc = inspect.getdoc(getattr(module, name)) or ""
    assert doc
    assert ">>>" in doc or "Reference" in doc


def test_compiled_and_eager_agree_with_a_fresh_weight_each_time():
    def loss(scores):
        return losses.unique_softmax(LABELS, scores, lambda_weight=losses.NDCGLambdaWeight(topn=2))

    np.testing.assert_allclose(number(compiled(loss)(SCORES)), number(loss(SCORES)), rtol=1e-6)


def test_the_base_says_what_a_subclass_sets():
    for kind in LOSSES:
        assert callable(kind.fn)
        assert set(vars(kind)) - {"__init__", "models"} <= {
            *vars(_base.RankingLoss),
            *(vars(InBatchLoss) if issubclass(kind, InBatchLoss) else ()),
            *_base.RankingLoss.__annotations__,
            "__module__",
            "__doc__",
            "__annotations__",
        }


def test_options_are_copies_that_change_nothing():
    loss = losses.PolyOneSoftmaxLoss(epsilon=2.0)
    before = number(loss(LABELS, SCORES))
    loss.options["epsilon"] = 9.0
    np.testing.assert_array_equal(number(loss(LABELS, SCORES)), before)
    factors = [3.0]
    weight = Twice(factors)
    hashed = hash(weight)
    factors[0] = 5.0
    assert hash(weight) == hashed
    assert weight == Twice([3.0])


def test_a_call_of_your_own_counts():
    class Doubled(losses.UniqueSoftmaxLoss):
        def call(self, y_true, y_pred):
            return 2 * super().call(y_true, y_pred)

    for weights in (None, np.linspace(1.0, 3.0, 6, dtype="float32")):
        plain = number(losses.UniqueSoftmaxLoss()(LABELS, SCORES, weights))
        np.testing.assert_allclose(number(Doubled()(LABELS, SCORES, weights)), 2 * plain, rtol=1e-6)


@over(ALL)
def test_the_repr_shows_what_was_changed(kind):
    assert repr(kind()) == f"{kind.__name__}()"
    loaded = pickle.loads(pickle.dumps(kind()))
    named = f"(name={loaded.name!r})" if loaded.changed_arguments() else "()"  # what was None is written as a name
    assert repr(loaded) == f"{kind.__name__}{named}"


@over(ALL)
def test_a_misspelt_argument_is_told_with_the_nearest(kind):
    known = list(inspect.signature(kind).parameters)
    if known:
        with pytest.raises(TypeError, match=f"unknown argument of {kind.__name__}: .*did you mean '{known[0]}'"):
            kind(**{f"{known[0]}x": 1})


@over([*LOSSES, *METRICS])
def test_help_explains_every_argument(kind):
    section = inspect.getdoc(kind).partition("Args:")[2]
    for name in inspect.signature(kind).parameters:
        assert f"    {name}: " in section
    assert "An object is called with" in section
