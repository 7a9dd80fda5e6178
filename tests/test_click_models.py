"""What holds for every click model: one table of them, and laws that run over all of it.

A new model adds a row to `TABLE` and a loop to `click_loops`.
"""

import dataclasses
import functools
import itertools
import json
from collections.abc import Callable

import click_loops as loops
import keras
import numpy as np
import pytest
from backends import BACKEND, compiled, compilers, differentiated, directional, ragged
from keras import ops

import plackett
from plackett import clicks as models

LISTS, SIZE = 5, 6
LENGTHS = (6, 4, 1, 0, 5)
FAR = 1e4
PATTERNS = np.array(list(itertools.product([0, 1], repeat=4)), "float32")


@dataclasses.dataclass(frozen=True)
class Row:
    """A click model, its function of clicks and the parameters by name, and its loop over one list."""

    model: models.ClickModel
    fn: Callable
    loop: Callable

    __hash__ = object.__hash__

    @property
    def name(self):
        return self.fn.__name__


MIXED = [
    (models.PositionBasedModel(), loops.position_based),
    (models.UserBrowsingModel(positions=SIZE), loops.user_browsing),
    (models.DynamicBayesianModel(), loops.dynamic_bayesian),
    (models.CascadeModel(), loops.cascade),
]
MIXTURE = models.MixtureModel([model for model, _ in MIXED])


def mixture(clicks, **parameters):
    """The function of a mixture, with the log-likelihoods of its members."""
    of_members, weights = [], []
    for number, model in enumerate(MIXTURE.members, 1):
        weights.append(np.asarray(parameters[f"weight_{number}"])[..., 0])
        own = {name: parameters[f"{name}_{number}"] for name in model.columns}
        of_members.append(model.log_likelihood(clicks, model.stack(**own)))
    return models.mixture(of_members, np.stack(weights, axis=-1))


def user_browsing(clicks, attraction, **examination):
    by_last = np.stack([examination[f"examination_{last}"] for last in range(len(examination))], axis=-1)
    return models.user_browsing(clicks, attraction, by_last)


TABLE = [
    Row(models.ClickThroughRateModel(), models.click_through_rate, loops.click_through_rate),
    Row(models.PositionBasedModel(), models.position_based, loops.position_based),
    Row(models.TrustBiasModel(), models.trust_bias, loops.trust_bias),
    Row(models.CascadeModel(), models.cascade, loops.cascade),
    Row(models.DependentClickModel(), models.dependent_click, loops.dependent_click),
    Row(models.UserBrowsingModel(positions=SIZE), user_browsing, loops.user_browsing),
    Row(models.DynamicBayesianModel(), models.dynamic_bayesian, loops.dynamic_bayesian),
    Row(
        models.SimplifiedDynamicBayesianModel(),
        models.simplified_dynamic_bayesian,
        loops.simplified_dynamic_bayesian,
    ),
    Row(models.ClickChainModel(), models.click_chain, loops.click_chain),
    Row(MIXTURE, mixture, loops.mixture(*(loop for _, loop in MIXED))),
]
every_model = pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)


def numpy(x):
    return ops.convert_to_numpy(x)


def batch(row, far=0.0, seed=0):
    """Clicks, parameters and mask of a few lists; a share of the logits is far from 0."""
    random = np.random.default_rng(seed)
    mask = np.arange(SIZE) < np.array(LENGTHS)[:, None]
    clicks = (random.random((LISTS, SIZE)) < 0.4) & mask
    if row.name == "cascade":
        clicks &= np.cumsum(clicks, axis=1) == 1
    parameters = random.normal(size=(LISTS, SIZE, row.model.models)) * 1.5
    parameters = np.where(random.random(parameters.shape) < far, FAR * np.sign(parameters), parameters)
    return clicks.astype("float32"), parameters.astype("float32"), mask


def by_loop(row, clicks, parameters, mask):
    """[lists], the log-likelihoods of the loop."""
    values = []
    for c, p, real in zip(clicks, np.asarray(parameters, "float64"), mask, strict=True):
        values.append(row.loop(c[real], **dict(zip(row.model.columns, p[real].T, strict=True))))
    return np.array(values)


def by_difference(row, clicks, parameters, mask, step=1e-4):
    """The gradient of the loop, by central differences."""
    gradient = np.zeros(parameters.shape)
    for place in zip(*np.nonzero(np.broadcast_to(mask[..., None], parameters.shape)), strict=True):
        of_list = slice(place[0], place[0] + 1)
        change = np.zeros(parameters.shape)
        change[place] = step
        above, below = (
            by_loop(row, clicks[of_list], (parameters + way * change)[of_list], mask[of_list])[0] for way in (1, -1)
        )
        gradient[place] = (above - below) / (2 * step)
    return gradient


@functools.cache
def function(row):
    """parameters, clicks, mask -> (log-likelihood, its gradient)."""
    return differentiated(lambda parameters, clicks, mask: row.model.log_likelihood(clicks, parameters, mask=mask))


def computed(row, clicks, parameters, mask):
    return tuple(numpy(x) for x in function(row)(parameters, clicks, mask))


# The likelihood


@every_model
@pytest.mark.parametrize("far", [0.0, 0.5, 1.0])
def test_the_likelihood_and_its_gradient_are_those_of_the_loop(row, far):
    """Ways to the same clicks that are all as improbable as e^-10,000 compete to the last digit of 10,000."""
    digit = np.spacing(np.float32(FAR)) if far else 0.0
    for seed in range(6):
        given = batch(row, far, seed)
        value, gradient = computed(row, *given)
        of_shares = digit if row.name == "mixture" else 0.0
        np.testing.assert_allclose(value, by_loop(row, *given), rtol=2e-6, atol=1e-6 + of_shares)
        np.testing.assert_allclose(gradient, by_difference(row, *given), rtol=1e-4, atol=1e-5 + 2 * digit)


@every_model
def test_the_function_is_the_likelihood_of_the_class(row):
    clicks, parameters, _ = batch(row)
    by_name = dict(zip(row.model.columns, np.moveaxis(parameters, -1, 0), strict=True))
    if row.name == "mixture":
        by_name = {name: x * 0 + x[:, :1] if name.startswith("weight") else x for name, x in by_name.items()}
    expected = row.model.log_likelihood(clicks, row.model.stack(**by_name))
    np.testing.assert_allclose(numpy(row.fn(clicks, **by_name)), numpy(expected), rtol=1e-6)


@every_model
def test_the_probabilities_of_all_clicks_sum_to_1_and_to_the_probability_of_each(row):
    parameters = batch(row)[1][0, :4]
    probability = np.exp(numpy(row.model.log_likelihood(PATTERNS, parameters)))
    np.testing.assert_allclose(probability.sum(), 1.0, rtol=1e-6)
    np.testing.assert_allclose(
        numpy(row.model.click_probability(parameters)), probability @ PATTERNS, rtol=1e-5, atol=1e-7
    )


@every_model
def test_a_first_click_is_as_probable_as_with_nothing_known_before_however_improbable_it_is(row):
    """That of the first document, given no click before, is computed otherwise and keeps what is far below 1."""
    for logit in (20.0, 30.0, 60.0, FAR):
        for signs in itertools.product((1, -1), repeat=2):
            parameters = np.full((1, 3, row.model.models), signs[0] * logit, "float32")
            parameters[..., -1] = signs[1] * logit
            marginal = map(numpy, row.model.log_click_probability(parameters))
            conditional = map(numpy, row.model.log_conditional_probability(np.zeros((1, 3), "float32"), parameters))
            for one, other in zip(marginal, conditional, strict=True):
                np.testing.assert_allclose(one[:, 0], other[:, 0], rtol=1e-5)


@pytest.mark.parametrize("row", [row for row in TABLE if "satisfaction" in row.model.columns], ids=lambda x: x.name)
def test_that_a_sure_click_fails_is_as_improbable_as_its_parts(row):
    """Nobody is satisfied and all go on, so that the second document is skipped with 1 - a alone."""
    known = {"attraction": [0.0, 20.0], "satisfaction": -60.0} | dict.fromkeys(row.model.constants, 60.0)
    none = numpy(row.model.log_click_probability(row.model.stack(**known))[1])
    np.testing.assert_allclose(none[1], -20.0, rtol=1e-5)


@every_model
def test_the_likelihood_is_the_product_of_the_conditional_probabilities(row):
    for far in (0.0, 0.5, 1.0):
        clicks, parameters, mask = batch(row, far)
        click, none = map(numpy, row.model.log_conditional_probability(clicks, parameters, mask=mask))
        expected = by_loop(row, clicks, parameters, mask)
        np.testing.assert_allclose(np.where(clicks > 0, click, none).sum(axis=1), expected, rtol=1e-5, atol=1e-5)
        conditional = numpy(row.model.conditional_click_probability(clicks, parameters, mask=mask))
        np.testing.assert_allclose(conditional, np.exp(click), rtol=1e-6)
        assert not conditional[~mask].any()


@every_model
def test_samples_are_as_frequent_as_they_are_probable(row):
    parameters = batch(row)[1][0, :4]
    noise = np.random.default_rng(0).random((20_000, 4), "float32")
    drawn = numpy(row.model.sample(parameters, noise=noise))
    frequency = (drawn[:, None] == PATTERNS).all(axis=-1).mean(axis=0)
    probability = np.exp(numpy(row.model.log_likelihood(PATTERNS, parameters)))
    np.testing.assert_allclose(frequency, probability, atol=4 * 0.5 / np.sqrt(len(noise)))


def test_a_click_that_is_certain_is_drawn_whatever_the_noise():
    noise = np.array([[0.0, 1 - 2.0**-53]])
    model = models.ClickThroughRateModel()
    assert numpy(model.sample(np.full((1, 2, 1), FAR, "float32"), noise=noise)).tolist() == [[1, 1]]
    assert numpy(model.sample(np.full((1, 2, 1), -FAR, "float32"), noise=noise)).tolist() == [[0, 0]]


def test_a_second_click_is_impossible_in_a_cascade_and_has_no_gradient():
    row = next(row for row in TABLE if row.name == "cascade")
    _, parameters, _ = batch(row)
    clicks = np.tile(np.array([0, 1, 0, 1, 0, 0], "float32"), (LISTS, 1))
    value, gradient = computed(row, clicks, parameters, np.ones((LISTS, SIZE), bool))
    assert (value == -np.inf).all()
    assert (gradient == 0).all()
    conditional = numpy(row.model.conditional_click_probability(clicks, parameters))
    assert (conditional[:, :2] > 0).all()
    assert (conditional[:, 2:] == 0).all()


# Models that are others


def parameters_of(model, seed=1, size=4, **fixed):
    random = np.random.default_rng(seed)
    named = {name: random.normal(size=size).astype("float32") for name in model.columns}
    return model.stack(**named | fixed)


def probabilities(model, **named):
    return numpy(model.log_likelihood(PATTERNS, model.stack(**named)))


ATTRACTION, OTHER = (np.random.default_rng(2).normal(size=(2, 4))).astype("float32")


@pytest.mark.parametrize(
    "one, other",
    [
        (
            (models.DynamicBayesianModel(), {"satisfaction": -np.inf, "continuation": np.inf}),
            (models.PositionBasedModel(), {"examination": np.inf}),
        ),
        (
            (models.DynamicBayesianModel(), {"satisfaction": OTHER, "continuation": np.inf}),
            (models.SimplifiedDynamicBayesianModel(), {"satisfaction": OTHER}),
        ),
        ((models.DependentClickModel(), {"continuation": -np.inf}), (models.CascadeModel(), {})),
        (
            (models.UserBrowsingModel(positions=4), {"examination": np.repeat(OTHER[:, None], 4, axis=1)}),
            (models.PositionBasedModel(), {"examination": OTHER}),
        ),
        (
            (models.SimplifiedDynamicBayesianModel(), {"satisfaction": -OTHER}),
            (models.DependentClickModel(), {"continuation": OTHER}),
        ),
        (
            (
                models.ClickChainModel(),
                {"continuation_skip": np.inf, "continuation_irrelevant": 0.3, "continuation_relevant": 0.3},
            ),
            (models.DependentClickModel(), {"continuation": 0.3}),
        ),
        (
            (
                models.TrustBiasModel(),
                {"examination": OTHER, "trust_relevant": np.inf, "trust_irrelevant": -np.inf},
            ),
            (models.PositionBasedModel(), {"examination": OTHER}),
        ),
        ((models.PositionBasedModel(), {"examination": np.inf}), (models.ClickThroughRateModel(), {})),
        (
            (
                models.MixtureModel([models.CascadeModel(), models.DependentClickModel()]),
                {"weight_1": 0.4, "weight_2": 0.1, "attraction_2": ATTRACTION, "continuation_2": -np.inf},
            ),
            (models.CascadeModel(), {}),
        ),
    ],
    ids=lambda given: type(given[0]).__name__,
)
def test_a_model_is_another_one_at_its_limits(one, other):
    (general, limits), (special, rest) = one, other
    own = {"attraction_1" if "attraction_1" in general.columns else "attraction": ATTRACTION}
    np.testing.assert_allclose(
        probabilities(general, **own, **limits),
        probabilities(special, attraction=ATTRACTION, **rest),
        rtol=1e-5,
        atol=1e-6,
    )


# Shapes, padding and dtypes


@every_model
def test_padding_changes_nothing(row):
    clicks, parameters, mask = batch(row)
    value, gradient = computed(row, clicks, parameters, mask)
    order = [0, SIZE, 1, SIZE + 1, *range(2, SIZE)]  # padding between documents and behind them
    junk = np.resize([np.nan, np.inf, -np.inf], (LISTS, 2, row.model.models)).astype("float32")
    wider = np.concatenate([np.where(mask[..., None], parameters, np.nan), junk], axis=1)[:, order]
    real = np.concatenate([mask, np.zeros((LISTS, 2), bool)], axis=1)[:, order]
    longer = np.concatenate([np.where(mask, clicks, 1), np.ones((LISTS, 2), "float32")], axis=1)[:, order]
    padded, slope = computed(row, longer.astype("float32"), wider.astype("float32"), real)
    np.testing.assert_allclose(padded, value, rtol=1e-6)
    np.testing.assert_allclose(slope[real], gradient[mask], rtol=1e-5, atol=1e-7)
    assert (slope[~real] == 0).all()
    for method in (
        lambda c, p, m: row.model.click_probability(p, mask=m),
        lambda c, p, m: row.model.conditional_click_probability(c, p, mask=m),
        lambda c, p, m: row.model.sample(p, noise=c * 0.0 + 0.3, mask=m),
    ):
        plain, with_more = (numpy(method(*x)) for x in ((clicks, parameters, mask), (longer, wider, real)))
        np.testing.assert_allclose(with_more[real], plain[mask], rtol=1e-5)
        assert not with_more[~real].any()


@every_model
def test_any_leading_axes(row):
    clicks, parameters, mask = batch(row)
    expected = numpy(row.model.log_likelihood(clicks, parameters, mask=mask))
    whole = numpy(row.model.log_likelihood(clicks[None, :, None], parameters[None, :, None], mask=mask[None, :, None]))
    np.testing.assert_allclose(whole, expected[None, :, None], rtol=1e-6)
    of_one = numpy(row.model.log_likelihood(clicks[0], parameters[0], mask=mask[0]))
    np.testing.assert_allclose(of_one, expected[0], rtol=1e-6)


def test_parameters_broadcast():
    clicks = np.array([[1, 0, 0], [0, 0, 1]], "float32")
    attraction, examination = np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]), [1.0, 0.5, 0.0]
    whole = models.position_based(clicks, attraction, np.array([examination] * 2))
    np.testing.assert_allclose(numpy(models.position_based(clicks, attraction, examination)), numpy(whole), rtol=1e-6)
    one_number = models.dynamic_bayesian(clicks, attraction, 0.3, 1.2)
    all_numbers = models.dynamic_bayesian(clicks, attraction, np.full((2, 3), 0.3), np.full((2, 3), 1.2))
    np.testing.assert_allclose(numpy(one_number), numpy(all_numbers), rtol=1e-6)
    global_rate = numpy(models.click_through_rate(clicks, np.log(0.5)))
    np.testing.assert_allclose(global_rate, np.log(1 / 3) + 2 * np.log(2 / 3), rtol=1e-6)


@every_model
def test_half_precision_is_computed_in_single_precision(row):
    clicks, parameters, mask = batch(row)
    half = parameters.astype("float16")
    value, gradient = computed(row, clicks, half, mask)
    expected, slope = computed(row, clicks, half.astype("float32"), mask)
    assert value.dtype == "float32"
    assert gradient.dtype == "float16"
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    np.testing.assert_allclose(gradient, slope, rtol=1e-3, atol=1e-6)


@every_model
def test_lists_without_documents_are_certain(row):
    value = row.model.log_likelihood(np.zeros((2, 0), "float32"), np.zeros((2, 0, row.model.models), "float32"))
    assert numpy(value).tolist() == [0.0, 0.0]
    clicks, parameters = np.zeros((2, 0), "float32"), np.zeros((2, 0, row.model.models), "float32")
    assert numpy(row.model.click_probability(parameters)).shape == (2, 0)
    assert numpy(row.model.conditional_click_probability(clicks, parameters)).shape == (2, 0)
    assert numpy(row.model.sample(parameters, noise=clicks)).shape == (2, 0)


@every_model
@pytest.mark.skipif(BACKEND == "jax", reason="JAX has no float64 here")
def test_double_precision_is_kept(row):
    clicks, parameters, mask = batch(row)
    value = numpy(row.model.log_likelihood(clicks, parameters.astype("float64"), mask=mask))
    np.testing.assert_allclose(value, by_loop(row, clicks, parameters, mask), rtol=1e-12, atol=1e-14)


# What is compiled


@every_model
def test_a_compiled_function_gives_the_same(row):
    clicks, parameters, mask = batch(row)

    def everything(clicks, parameters, noise, mask):
        return (
            row.model.log_likelihood(clicks, parameters, mask=mask),
            row.model.click_probability(parameters, mask=mask),
            row.model.conditional_click_probability(clicks, parameters, mask=mask),
            row.model.sample(parameters, noise=noise, mask=mask),
        )

    noise = np.random.default_rng(3).random(clicks.shape, "float32")
    given = [ops.convert_to_tensor(x) for x in (clicks, parameters, noise, mask)]
    for got, expected in zip(compiled(everything)(*given), everything(*given), strict=True):
        np.testing.assert_allclose(numpy(got), numpy(expected), rtol=1e-5, atol=1e-6)


@every_model
@pytest.mark.skipif(BACKEND != "tensorflow", reason="other backends compile for a known size")
def test_a_graph_for_lists_of_any_size_gives_the_same(row):
    clicks, parameters, mask = batch(row)
    noise = np.random.default_rng(3).random(clicks.shape, "float32")

    def everything(clicks, parameters, noise):
        return row.model(clicks, parameters), row.model.sample(parameters, noise=noise)

    given = [ops.convert_to_tensor(x) for x in (np.where(mask, clicks, -1).astype("float32"), parameters, noise)]
    in_a_graph = compilers(2, 3, 2)["any shape"](everything)
    for got, expected in zip(in_a_graph(*given), everything(*given), strict=True):
        np.testing.assert_allclose(numpy(got), numpy(expected), rtol=1e-5)


@pytest.mark.parametrize("row", [TABLE[4], TABLE[5], TABLE[6]], ids=lambda row: row.name)
def test_second_derivatives(row):
    clicks, parameters, mask = batch(row)
    along = np.random.default_rng(4).normal(size=parameters.shape).astype("float32")
    modes = directional(lambda x: row.model.log_likelihood(clicks, x, mask=mask))(parameters, along)
    step = 1e-3
    above, below = (
        by_difference(row, clicks, parameters.astype("float64") + way * step * along, mask) for way in (1, -1)
    )
    for name, got in modes.items():
        np.testing.assert_allclose(got, (above - below) / (2 * step), rtol=1e-3, atol=1e-4, err_msg=name)


# The Keras class


@every_model
def test_the_loss_is_the_mean_of_the_negative_likelihoods(row):
    clicks, parameters, mask = batch(row)
    marked = np.where(mask, clicks, -1)
    value = numpy(row.model.log_likelihood(clicks, parameters, mask=mask))
    np.testing.assert_allclose(float(row.model(marked, parameters)), -value.mean(), rtol=1e-6)
    weights = np.arange(LISTS, dtype="float32")
    expected = -(weights * value).mean()
    np.testing.assert_allclose(float(row.model(marked, parameters, sample_weight=weights)), expected, rtol=1e-6)


@pytest.mark.parametrize("row", TABLE[:3], ids=lambda row: row.name)
def test_weights_of_documents_are_counts_where_clicks_are_independent(row):
    """A document of weight 2 counts as two documents."""
    clicks, parameters, _ = batch(row)
    weights = np.tile(np.array([1, 2, 0, 1, 3, 1], "float32"), (LISTS, 1))
    often = np.repeat(np.arange(SIZE), weights[0].astype(int))
    expected = float(row.model(clicks[:, often], parameters[:, often]))
    np.testing.assert_allclose(float(row.model(clicks, parameters, sample_weight=weights)), expected, rtol=1e-6)


@every_model
def test_configs(row):
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(row.model)))
    again = keras.saving.deserialize_keras_object(config)
    assert again == row.model
    assert hash(again) == hash(row.model)
    kind = type(row.model)
    options = {"members": row.model.members} if kind is models.MixtureModel else {}
    named = kind(**options, reduction="sum", name="mine", ragged=True)
    assert kind.from_config(named.get_config()) == named != row.model


@every_model
def test_a_model_is_trained_saved_and_loaded(row, tmp_path):
    clicks, _, mask = batch(row)
    x = keras.Input((SIZE, 3))
    network = keras.Model(x, keras.layers.Dense(row.model.models)(x))
    features = np.random.default_rng(5).normal(size=(LISTS, SIZE, 3)).astype("float32")
    labels = np.where(mask, clicks, -1)
    network.compile(optimizer=keras.optimizers.SGD(0.05), loss=row.model)
    history = network.fit(features, labels, epochs=3, batch_size=LISTS, verbose=0).history["loss"]
    assert history[2] < history[1] < history[0]
    network.save(tmp_path / "model.keras")
    again = plackett.load(tmp_path / "model.keras")
    assert again.loss == row.model
    np.testing.assert_allclose(
        float(again.evaluate(features, labels, verbose=0)), float(network.evaluate(features, labels, verbose=0))
    )


def test_lists_that_are_padded_beyond_the_positions_are_trained():
    """Keras asks for shapes with values of its own, which say nothing of the lists."""
    lists = plackett.data.RankingLists.from_arrays(
        np.zeros((36, 0)),
        group=[9] * 4,
        ids={"pair": np.arange(36) % 12},
        columns={"click": np.arange(36) % 5 == 0, "position": np.tile(np.arange(1, 10), 4)},
    )
    trained = plackett.train(
        lists,
        lists,
        loss=models.UserBrowsingModel(positions=9),
        scorer="two_tower",
        scorer_options={"relevance": "table", "examination_scores": 9},
        target="click",
        metric="validation_loss",
        epochs=2,
        batch_size=3,
    )
    assert np.isfinite([each["validation_loss"] for each in trained.history]).all()


@pytest.mark.parametrize("row", [TABLE[1], TABLE[5], TABLE[6]], ids=lambda row: row.name)
def test_ragged_lists(row):
    clicks, parameters, mask = batch(row)
    options = {"positions": SIZE} if row.name == "user_browsing" else {}
    loss = type(row.model)(ragged=True, reduction="none", **options)
    lists = [c[real].tolist() for c, real in zip(clicks, mask, strict=True)]
    of_documents = [p[real].tolist() for p, real in zip(parameters, mask, strict=True)]
    expected = -by_loop(row, clicks, parameters, mask)
    np.testing.assert_allclose(numpy(loss(lists, of_documents)), expected, rtol=1e-5)
    own = loss(ragged(clicks[mask], LENGTHS), ragged(parameters[mask], LENGTHS))
    np.testing.assert_allclose(numpy(own), expected, rtol=1e-5)


# What ranks


@every_model
def test_the_scores_to_rank_by_are_logits_of_attraction_and_satisfaction(row):
    _, parameters, _ = batch(row)
    by_name = dict(zip(row.model.columns, np.moveaxis(parameters.astype("float64"), -1, 0), strict=True))
    sigma = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
    if row.name == "mixture":
        share = np.exp([by_name[f"weight_{m}"] for m in range(1, 5)])
        attracts = [sigma(by_name[f"attraction_{m}"]) for m in range(1, 5)]
        attracts[2] = attracts[2] * sigma(by_name["satisfaction_3"])
        expected = (share * attracts).sum(axis=0) / share.sum(axis=0)
    else:
        expected = sigma(by_name["attraction"]) * sigma(by_name.get("satisfaction", np.inf))
    scores = numpy(row.model.ranking_scores(ops.convert_to_tensor(parameters)))
    np.testing.assert_allclose(scores, np.log(expected / (1 - expected)), rtol=1e-4, atol=1e-5)
    written = json.loads(json.dumps(keras.saving.serialize_keras_object(row.model.ranking)))
    again = keras.saving.deserialize_keras_object(written)
    np.testing.assert_allclose(numpy(again(ops.convert_to_tensor(parameters))), scores)


# Errors


def refused(call, wanted):
    with pytest.raises(ValueError, match=wanted):
        call()


def test_what_is_wrong_is_refused():
    clicks, model = np.zeros((2, 3), "float32"), models.PositionBasedModel()
    refused(lambda: model(clicks, np.zeros((2, 3, 3))), "PositionBasedModel takes 2 parameters a document, examination")
    refused(lambda: model.log_likelihood(clicks[0], np.zeros((2, 3, 2))), r"a last axis of columns, but got parameters")
    refused(lambda: model.stack(attraction=0.0), "has the parameters examination, attraction, but got attraction")
    refused(lambda: models.mixture([], [0.0]), "must be those of at least one model, but got none")
    refused(lambda: models.mixture([-1.0, -2.0], [0.0]), r"one logit a model on the last axis, 2, but got \[1\]")
    refused(lambda: models.MixtureModel([model]), "members must be at least two click models")
    refused(lambda: models.MixtureModel([model, "cascade"]), "members must be at least two click models")
    browsing = models.UserBrowsingModel(positions=2)
    refused(lambda: browsing(clicks, np.zeros((2, 3, 3))), "positions=2, but a list has 3 documents: set positions=3")
    refused(
        lambda: browsing.stack(attraction=0.0, examination=np.zeros((2, 3))), r"since positions=2, but got \[2, 3\]"
    )
    assert np.isfinite(float(browsing([[1, 0, -1]], np.zeros((1, 3, 3), "float32"))))


@pytest.mark.skipif(BACKEND == "torch", reason="PyTorch compiles nothing here")
def test_a_list_that_is_too_long_is_nan_where_nothing_is_known():
    browsing = models.UserBrowsingModel(positions=2, reduction="none")
    given = [
        ops.convert_to_tensor(x) for x in (np.array([[1, 0, 0], [1, 0, -1]], "float32"), np.zeros((2, 3, 3), "float32"))
    ]
    assert np.isnan(numpy(compiled(browsing)(*given))).tolist() == [True, False]


def test_every_model_has_a_short_name():
    known = {type(row.model) for row in TABLE} - {models.MixtureModel}
    assert set(models.MODELS.values()) == known
    assert set(models.MODELS) == {"ctr", "pbm", "trust", "cascade", "dcm", "ubm", "dbn", "sdbn", "ccm"}
