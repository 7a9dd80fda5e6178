"""The click models in one table, over which the laws of all of them run, and what tests of them need.

A new model adds a row to `TABLE` and a loop to `click_loops`.
"""

import dataclasses
import functools
import itertools
from collections.abc import Callable

import click_loops as loops
import numpy as np
import pytest
from backends import differentiated
from keras import ops

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
