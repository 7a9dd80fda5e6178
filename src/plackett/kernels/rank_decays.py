"""How a discount changes with the distance of two ranks, as a sum of exponentials of that distance.

Of two documents that are d ranks apart LambdaLoss takes |D(d) - D(d + 1)|. Beyond the next block of `WIDTH` ranks it is

    |D(d) - D(d + 1)| = sum_t amplitude_t e^(-rate_t d)    to within 2e-7 of itself, for WIDTH < d <= ranks,

so that what a block of documents does to any block above is known from one sum for each rate. The rates are spread
evenly by their logarithm, from 0.6 / ranks to 11 / WIDTH; the amplitudes are those of least squares of the relative
error at 320 distances, spread likewise. These discounts change like a mix of e^(-t d) over all t > 0 of one sign, whose
error falls by a constant factor for each further rate (Braess & Hackbusch): 15 rates do for 2,048 ranks, and each
doubling needs 1.5 more. The bound is measured at all distances, of each discount, by the tests.

Reference: Braess & Hackbusch, "Approximation of 1/x by exponential sums in [1, infinity)", IMA Journal of Numerical
Analysis 2005.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from plackett import gains

WIDTH = 64  # ranks of a block
SAMPLES = 320

# In float64, of which these differences need more digits than float32 has.
DISCOUNTS = {
    gains.inverse: lambda rank: 1.0 / rank,
    gains.log2_inverse: lambda rank: 1.0 / np.log2(1.0 + rank),
    gains.letor_discount: lambda rank: 1.0 / np.log2(np.maximum(rank, 2.0)),
}


class RankTerm(NamedTuple):
    """What two ranks contribute to the weight of a pair: of r_i < r_j, with d = r_j - r_i and the discount D,

        (neighbour |D(d) - D(d + 1)| + swap |D(r_i) - D(r_j)|) / (1 - D(r_j) if r_j > topn, else 1)

    Args:
        discount: one of `DISCOUNTS`.
        neighbour, swap: the shares of the two.
        topn: None = no such denominator.
    """

    discount: Callable
    neighbour: float
    swap: float
    topn: int | None = None


class Decays(NamedTuple):
    """A rank term in the blocks of a list. There are two directions: by rank, and from the last rank on.

    Args:
        source: [WIDTH, T], the share of each document of a block in what the first rank of the block sees.
        moves: [steps, T], what is left of that 1, 2, 4, ... blocks above.
        target: [T, WIDTH], what of that of the block after the next each document gets.
        lower: [2, 1, 1, blocks, WIDTH], the factor of the lower document of a pair; None where it is 1.
        falls: of the discount, None without `swap`: from the first rank of a block to each of it, [2, 1, 1, 1, blocks,
            WIDTH], from each rank to the first of the block after the next, likewise, and from the first rank of a
            block to that 1, 2, 4, ... blocks further on, [steps, 2, 1, 1, 1, blocks, 1]. With these T has two more, of
            the rate 0: the sum of what counts, and that by the fall.
    """

    source: np.ndarray
    moves: np.ndarray
    target: np.ndarray
    lower: np.ndarray | None
    falls: tuple | None


@lru_cache(maxsize=32)
def decays_of(term: RankTerm, blocks: int) -> Decays:
    """The rank term of lists of so many blocks, in float32."""
    rates, amplitudes = _exponentials(term.discount, blocks * WIDTH)
    steps = 2 ** np.arange((blocks - 1).bit_length())
    place = np.arange(WIDTH)
    source = np.exp(-np.outer(place, rates))
    moves = np.exp(-np.outer(steps * WIDTH, rates))
    target = (term.neighbour * amplitudes)[:, None] * np.exp(-np.outer(rates, 2 * WIDTH - place))
    discount = DISCOUNTS[term.discount](np.arange(1.0, blocks * WIDTH + 1))
    falls = lower = None
    if term.swap:
        moves = np.concatenate([moves, np.ones((len(steps), 2))], axis=1)
        falls = _falls(term.swap * np.stack([discount, -discount[::-1]]), blocks, steps)
    if term.topn is not None:
        lower = np.ones_like(discount)
        lower[term.topn :] = 1.0 / (1.0 - discount[term.topn :])
        lower = _float32(np.stack([lower, lower[::-1]]).reshape(2, 1, 1, blocks, WIDTH))
    return Decays(_float32(source), _float32(moves), _float32(target), lower, falls)


def _falls(falling, blocks, steps):
    falling = falling.reshape(2, 1, 1, 1, blocks, WIDTH)
    first = falling[..., :1]

    def ahead(step):
        last = min(step, blocks)
        return np.concatenate([first[..., last:, :], np.repeat(first[..., -1:, :], last, axis=-2)], axis=-2)

    return tuple(map(_float32, (first - falling, falling - ahead(2), np.stack([first - ahead(x) for x in steps]))))


def _float32(x):
    return x.astype("float32")


def _exponentials(discount, ranks):
    """(rates, amplitudes) of |D(d) - D(d + 1)| for WIDTH < d <= ranks."""
    number = max(int(np.ceil(15 + 1.5 * np.log2(ranks / 2048))), 8)
    rates = _spread(0.6 / ranks, 11 / WIDTH, number)
    distance = np.unique(np.round(_spread(WIDTH + 1, ranks, SAMPLES)))
    change = change_of(discount, distance)
    relative = np.exp(-np.outer(distance, rates)) / change[:, None]
    size = np.linalg.norm(relative, axis=0)  # of one size each, none of them is lost beside the others
    return rates, np.linalg.lstsq(relative / size, np.ones(len(distance)), rcond=1e-13)[0] / size


def change_of(discount, distance):
    """|D(d) - D(d + 1)| in float64."""
    fn = DISCOUNTS[discount]
    return np.abs(fn(distance) - fn(distance + 1.0))


def _spread(lowest, highest, number):
    return np.exp(np.linspace(np.log(lowest), np.log(highest), number))
