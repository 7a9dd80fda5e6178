"""What holds for the likelihood of every click model, by itself and beside other models."""

import numpy as np
import pytest
from backends import BACKEND, compiled, compilers, directional
from click_model_table import FAR, PATTERNS, TABLE, batch, by_difference, by_loop, computed, every_model, numpy
from keras import ops

from plackett import clicks as models


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


@every_model
def test_the_probabilities_of_all_clicks_sum_to_1_and_to_the_probability_of_each(row):
    parameters = batch(row)[1][0, :4]
    probability = np.exp(numpy(row.model.log_likelihood(PATTERNS, parameters)))
    np.testing.assert_allclose(probability.sum(), 1.0, rtol=1e-6)
    np.testing.assert_allclose(
        numpy(row.model.click_probability(parameters)), probability @ PATTERNS, rtol=1e-5, atol=1e-7
    )


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
@pytest.mark.skipif(BACKEND == "jax", reason="JAX has no float64 here")
def test_double_precision_is_kept(row):
    clicks, parameters, mask = batch(row)
    value = numpy(row.model.log_likelihood(clicks, parameters.astype("float64"), mask=mask))
    np.testing.assert_allclose(value, by_loop(row, clicks, parameters, mask), rtol=1e-12, atol=1e-14)


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


def test_the_likelihoods_of_a_mixture_may_stand_in_one_tensor_a_member_a_row():
    of_members, weights = [[-1.0, -2.0], [-3.0, -0.5]], [0.3, -0.3]
    expected = numpy(models.mixture([np.array(row) for row in of_members], weights))
    np.testing.assert_allclose(numpy(models.mixture(np.array(of_members), weights)), expected)
    for none in ([], np.zeros((0, 2)), iter([])):
        with pytest.raises(ValueError, match="log_likelihoods must have those of at least one model, but got none"):
            models.mixture(none, [0.0])


def test_shapes_that_do_not_fit_are_told():
    with pytest.raises(ValueError, match=r"shape of the clicks and a last axis .* \[3, 2\] and clicks \[2\]"):
        models.position_based([1, 0], [0.5, -1.0, 2.0], [2.0, 0.0, -1.0])
    with pytest.raises(ValueError, match=r"but got examination \[2\] and attraction \[1, 3\]"):
        models.position_based([[1, 0, 0]], [[0.5, -1.0, 2.0]], [2.0, 0.0])
    with pytest.raises(ValueError, match=r"mask must have the shape of the clicks, \[3\], but got \[2\]"):
        models.cascade([1, 0, 0], 0.5, mask=[True, False])
