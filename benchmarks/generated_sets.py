"""Ranking sets that are made from a seed, each of a shape that another kind of ranker is good at.

    from generated_sets import make
    training, validation, test = make("nonlinear", queries=2_000, seed=1)

`linear`     the truth is a sum of weights times features, with noise
`nonlinear`  smooth interactions, also of the query with the document, behind features as those of web search: counts,
             log-normal ones, bounded ones
`noisy`      the same, but labels are mostly noise
`trees_win`  thresholds on one feature and on two or three at once, behind features of wild scales
`context`    what counts is how a document differs from the others of its list
`network`    the truth is a random network with one hidden layer, over normal features
`small`      63 queries to train on, 21 and 22; linear with a little that is not, and much noise
`small_long` the same with lists of about 150 documents

The first six have 136 features and 10,000 queries unless said otherwise, of which 60 % train, 20 % validate and 20 %
test; `small` has 46. Lists have a log-normal length around 25. Grades are 0 to 4, the more the fewer. How much of a
query is relevant differs, and some have no relevant document.
"""

import functools
from typing import NamedTuple

import numpy as np

from plackett.data import RankingLists

SHARES = (0.52, 0.27, 0.13, 0.05, 0.03)  # of the grades 0 to 4
QUERIES, FEATURES, LENGTH = 10_000, 136, 25
OF_SMALL, FEATURES_OF_SMALL, LONG = (63, 21, 22), 46, 150
OF_QUERY = 8  # features of the query alone, the same for all of its documents
SPREAD_OF_LENGTHS, SHIFT = 0.5, 0.7


class Parts(NamedTuple):
    """What a ranker trains on, is chosen on and is tested on."""

    training: RankingLists
    validation: RankingLists
    test: RankingLists


class World:
    """The documents of a set before they have features: lists of random lengths, with this median."""

    def __init__(self, random: np.random.Generator, queries: int, length: int, features: int):
        sizes = np.exp(random.normal(np.log(length), SPREAD_OF_LENGTHS, queries)).round()
        self.random, self.features = random, features
        self.sizes = np.clip(sizes, 2, 10 * length).astype("int64")
        self.starts = np.concatenate([[0], np.cumsum(self.sizes)])
        self.query = np.repeat(np.arange(queries), self.sizes)

    def normal(self, *shape: int) -> np.ndarray:
        """Standard normal numbers, float32."""
        return self.random.standard_normal(shape, dtype="float32")

    def latent(self, between: float = 0.3) -> np.ndarray:
        """[documents, features] of variance 1, of which this share lies between lists; features have common causes."""
        causes = self.normal(8, self.features) / np.sqrt(8)
        own = np.sqrt(0.4) * self.normal(len(self.query), 8) @ causes
        own += np.sqrt(0.6) * self.normal(len(self.query), self.features)
        own *= np.sqrt(1 - between)
        return own + np.sqrt(between) * self.normal(len(self.sizes), self.features)[self.query]

    def mean(self, x: np.ndarray) -> np.ndarray:
        """[documents, ...], the mean of the list that each is in."""
        sizes = self.sizes.reshape(-1, *[1] * (x.ndim - 1))
        return (np.add.reduceat(x, self.starts[:-1], axis=0) / sizes)[self.query]

    def unit(self, x: np.ndarray) -> np.ndarray:
        """Less its mean over the list, in units of the spread within lists."""
        x = x - self.mean(x)
        return x / x.std(axis=0)

    def relative(self, x: np.ndarray) -> np.ndarray:
        """Standardised within each list."""
        x = x - self.mean(x)
        return x / (np.sqrt(self.mean(x * x)) + 1e-6)

    def chosen(self, count: int, size: int) -> np.ndarray:
        """[count, size], the places of features; a row has none twice."""
        return np.array([self.random.choice(self.features, size, replace=False) for _ in range(count)])

    def labels(self, truth: np.ndarray, noise: float) -> np.ndarray:
        """Grades of a truth of variance 1 within lists, with noise of this spread, and a shift for each query."""
        seen = self.unit(truth) + noise * self.normal(len(truth)) + SHIFT * self.normal(len(self.sizes))[self.query]
        return np.searchsorted(np.quantile(seen, np.cumsum(SHARES)[:-1]), seen).astype("float32")


def linear(world: World, noise: float = 0.7):
    """Normal features; the truth is linear in half of them."""
    u = world.latent()
    weights = world.normal(world.features) * (world.random.random(world.features) < 0.5)
    return u, world.labels(u @ weights, noise)


def nonlinear(world: World, noise: float = 0.5):
    """Smooth interactions behind features of web search."""
    u = world.latent()
    u[:, :OF_QUERY] = world.normal(len(world.sizes), OF_QUERY)[world.query]
    first, second = world.chosen(15, 2).T
    pairs = np.tanh(u[:, first]) * np.tanh(u[:, second]) @ world.normal(15)
    asked = np.tanh(u[:, :OF_QUERY]) * u[:, OF_QUERY : 2 * OF_QUERY] @ world.normal(OF_QUERY)
    bumps = np.exp(-np.square(u[:, world.chosen(10, 1)[:, 0]])) @ world.normal(10)
    steep = np.tanh(2 * u[:, world.chosen(20, 1)[:, 0]]) @ world.normal(20)
    parts = [world.unit(part) for part in (pairs, asked, bumps, steep)]
    return of_web_search(world, u), world.labels(np.sum(parts, axis=0), noise)


def of_web_search(world, u):
    """A third counts, a third log-normal, a third bounded; each rises with what lies behind it."""
    x = np.empty_like(u)
    x[:, 0::3] = world.random.poisson(np.exp(1.5 + 1.2 * u[:, 0::3]))
    x[:, 1::3] = np.exp(2 * u[:, 1::3])
    x[:, 2::3] = 1 / (1 + np.exp(-1.5 * u[:, 2::3]))
    return x


def trees_win(world: World, noise: float = 0.4):
    """Thresholds, of one feature and of two or three together."""
    u = world.random.random((len(world.query), world.features), dtype="float32")
    truth = np.zeros(len(u), "float32")
    for size, count in ((1, 8), (2, 10), (3, 6)):
        for columns in world.chosen(count, size):
            above = u[:, columns] > world.random.uniform(0.3, 0.7, size)
            rule = (above == (world.random.random(size) < 0.5)).all(axis=1)
            truth += world.random.choice([-1, 1]) * world.random.uniform(0.7, 1.5) * rule / rule.std()
    return of_wild_scales(u), world.labels(truth, noise)


def of_wild_scales(u):
    """Each rises or falls with what lies behind it, from 1e-5 to 1e8."""
    x = np.empty_like(u)
    x[:, 0::4] = 1e6 * u[:, 0::4]
    x[:, 1::4] = np.exp(18 * u[:, 1::4])
    x[:, 2::4] = (u[:, 2::4] + 1e-3) ** -2
    x[:, 3::4] = 1e-5 * u[:, 3::4]
    return x


def context(world: World, noise: float = 0.5):
    """Features lie elsewhere in each list; what counts is the distance to its middle, and products of such."""
    u = world.latent(between=0.8)
    d = world.relative(u[:, :24])
    near = -np.abs(d[:, 0:6]) @ np.abs(world.normal(6))
    products = d[:, 6:12] * d[:, 12:18] @ world.normal(6)
    best = np.maximum(d[:, 18:24], 0) @ world.normal(6)
    return u, world.labels(world.unit(near) + world.unit(products) + world.unit(best), noise)


def network(world: World, noise: float = 0.5):
    """Twelve directions through all features, each bent and some multiplied; no single feature says much."""
    u = world.latent()
    h = np.tanh(1.5 * u @ world.normal(world.features, 12) / np.sqrt(world.features))
    parts = [h @ world.normal(12), h[:, :6] * h[:, 6:] @ world.normal(6)]
    return u, world.labels(np.sum([world.unit(part) for part in parts], axis=0), noise)


def small(world: World, noise: float = 1.0):
    """Linear and a little that is not, in features of which half are as in web search."""
    u = world.latent()
    steep = np.tanh(2 * u[:, world.chosen(5, 1)[:, 0]]) @ world.normal(5)
    truth = world.unit(u @ world.normal(world.features)) + 0.5 * world.unit(steep)
    x = of_web_search(world, u)
    x[:, ::2] = u[:, ::2]
    return x, world.labels(truth, noise)


SETS = {
    "linear": linear,
    "nonlinear": nonlinear,
    "noisy": functools.partial(nonlinear, noise=2.5),
    "trees_win": trees_win,
    "context": context,
    "small": small,
    "small_long": small,
    "network": network,
}


def make(name: str, *, queries: int = QUERIES, length: int = LENGTH, seed: int = 0) -> Parts:
    """The lists of one set.

    Args:
        name: one of `SETS`.
        queries: how many in all; the small ones have 106.
        length: the median of the lengths; of `small_long` 150.
        seed: of the truth and of all documents.
    """
    of_parts, features = (queries * 6 // 10, queries * 2 // 10), FEATURES
    if name.startswith("small"):
        queries, of_parts, features = sum(OF_SMALL), OF_SMALL[:2], FEATURES_OF_SMALL
        length = LONG if name == "small_long" else length
    world = World(np.random.default_rng([seed, list(SETS).index(name)]), queries, length, features)
    x, labels = SETS[name](world)
    lists = RankingLists.from_arrays(x, labels, group=world.sizes)
    first, second = np.cumsum(of_parts)
    return Parts(lists[:first], lists[first:second], lists[second:])
