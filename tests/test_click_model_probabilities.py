"""The probabilities of clicks, the walks of users along a list and the samples of every click model."""

import itertools

import numpy as np
import pytest
from click_model_table import FAR, LISTS, PATTERNS, SIZE, TABLE, batch, computed, every_model, numpy

from plackett import clicks as models


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
def test_lists_without_documents_are_certain(row):
    value = row.model.log_likelihood(np.zeros((2, 0), "float32"), np.zeros((2, 0, row.model.models), "float32"))
    assert numpy(value).tolist() == [0.0, 0.0]
    clicks, parameters = np.zeros((2, 0), "float32"), np.zeros((2, 0, row.model.models), "float32")
    assert numpy(row.model.click_probability(parameters)).shape == (2, 0)
    assert numpy(row.model.conditional_click_probability(clicks, parameters)).shape == (2, 0)
    assert numpy(row.model.sample(parameters, noise=clicks)).shape == (2, 0)
