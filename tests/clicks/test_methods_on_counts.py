"""Clicks that are counted train to the same as sessions: the objective and its gradient are equal."""

import keras
import numpy as np
import pytest
from keras import ops

import plackett
from plackett.clicks import PositionBasedModel, TrustBiasModel, simulate
from plackett.clicks.training._lists import distinct
from plackett.clicks.training._train import make_plan
from plackett.data import Batches, RankingLists, lists_of_counts, lists_of_sessions
from plackett.losses import ClickEMLoss, SigmoidCrossEntropyLoss
from plackett.training._validation_loss import Part, ValidationLoss

LOSSES = [PositionBasedModel(), TrustBiasModel(), ClickEMLoss(), SigmoidCrossEntropyLoss()]


@pytest.fixture(scope="module")
def lists():
    rng = np.random.default_rng(0)
    ids = [f"d{place}" for place in range(5)] * 4
    return RankingLists.from_arrays(
        rng.normal(size=(20, 3)), rng.integers(0, 3, 20), query=np.repeat(list("abcd"), 5), documents=ids
    )


@pytest.fixture(scope="module")
def log(lists):
    return simulate(lists, "random:1", sessions=300, positions=5, temperature=1.0, seed=0)


def objective(model, lists, loss):
    """(the mean loss of lists, its gradient by the weights of the model)."""
    inputs, labels, weights = next(iter(Batches(lists, len(lists), targets="click", inputs=["position"])))
    weights = weights if weights.ndim == 2 else weights[:, None] * np.ones_like(labels)

    def value():
        return loss(
            labels, model({name: ops.convert_to_tensor(x) for name, x in inputs.items()}), sample_weight=weights
        )

    variables = [variable.value for variable in model.trainable_variables]
    total = value()
    for variable in variables:
        variable.grad = None
    total.backward()
    return float(total.detach()), [variable.grad.numpy() for variable in variables]


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="the gradient is taken by PyTorch")
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_the_objective_and_its_gradient_are_those_of_the_sessions(lists, log, loss):
    of_sessions, of_counts = lists_of_sessions(lists, log), lists_of_counts(lists, log.counts())
    options = {"normalization": None, "dropout": 0.0}
    if loss.of_positions is None:
        options = {"combine": "add", "relevance_options": options}
    else:
        options = {"relevance_options": options, "models": loss.models, "examination_scores": len(loss.of_positions)}
    keras.utils.set_random_seed(0)
    model = plackett.scorers.two_tower(of_sessions, **options)
    one, other = objective(model, of_sessions, loss), objective(model, of_counts, loss)
    assert one[0] == pytest.approx(other[0], rel=1e-5)
    for gradient, same in zip(one[1], other[1], strict=True):
        np.testing.assert_allclose(gradient, same, rtol=1e-3, atol=1e-5)


def test_sessions_that_are_the_same_are_learnt_from_once_with_their_number(lists, log):
    once, often = distinct(log)
    assert len(once) < len(log)
    assert often.sum() == len(log)
    plans = [
        make_plan(lists, part, "dbn", validation=None, propensities=None, clip=None, settings={"validation_share": 0.5})
        for part in (log, once)
    ]
    keras.utils.set_random_seed(0)
    model = plackett.scorers.two_tower(
        plans[0].lists, models=3, constant_scores=1, examination_scores=0, relevance_options={"hidden": [4]}
    )
    loss = plans[0].settings["loss"]
    whole = ValidationLoss({None: Part(loss, "click")}, 0)
    every = lists_of_sessions(lists, log[np.isin(np.array(log.queries.tolist()), _queries(plans[0].lists))])
    assert whole(model, plans[0].lists) == pytest.approx(whole(model, every), rel=1e-5)
    assert whole(model, plans[1].lists) != pytest.approx(whole(model, every), rel=1e-3)


def _queries(lists):
    return lists.query_columns["query_of_session"].tolist()
