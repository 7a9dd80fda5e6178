"""The change of a discount with the distance of two ranks, as a sum of exponentials of that distance.

For two documents d ranks apart, LambdaLoss uses |D(d) - D(d + 1)|. Beyond the next block of `WIDTH` ranks it is

    |D(d) - D(d + 1)| = sum_t amplitude_t e^(-rate_t d)    to within 2e-7 of itself, for WIDTH < d <= ranks,

so that one sum per rate is enough to know the effect of a block of documents on any block above. The rates are evenly
spaced by logarithm, from 0.6 / ranks to 11 / WIDTH. The amplitudes minimise the squared relative error at 320
distances, spaced in the same way. The change of these discounts is a mixture of e^(-t d) over all t > 0 with weights of
one sign, so that the error falls by a constant factor for each additional rate (Braess & Hackbusch): 15 rates are
enough for 2,048 ranks, and each doubling needs 1.5 more. The tests measure the bound at all distances, for each
discount.

Reference: Braess & Hackbusch, "Approximation of 1/x by exponential sums in [1, infinity)", IMA Journal of Numerical
Analysis 2005.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from plackett import gains

WIDTH = 64  # the number of ranks of a block
SAMPLES = 320

# In float64: these differences need more digits than float32 has.
DISCOUNTS = {
    gains.inverse: lambda rank: 1.0 / rank,
    gains.log2_inverse: lambda rank: 1.0 / np.log2(1.0 + rank),
    gains.letor_discount: lambda rank: 1.0 / np.log2(np.maximum(rank, 2.0)),
}


class RankTerm(NamedTuple):
    """The part of a pair's weight that depends on its ranks. For r_i < r_j, with d = r_j - r_i and the discount D,

        (neighbour |D(d) - D(d + 1)| + swap |D(r_i) - D(r_j)|) / (1 - D(r_j) if r_j > topn, else 1)

    Args:
        discount: one of `DISCOUNTS`.
        neighbour, swap: the shares of the two terms.
        topn: None = no such denominator.
    """

    discount: Callable
    neighbour: float
    swap: float
    topn: int | None = None


class Decays(NamedTuple):
    """A rank term on the blocks of a list. There are two directions: by rank, and from the last rank up.

    Args:
        source: [WIDTH, T], the factor of each document of a block in the sums at the first rank of the block.
        moves: [steps, T], the factor of these sums 1, 2, 4, ... blocks above.
        target: [T, WIDTH], the factor with which each document receives the sums of the block after the next.
        lower: [2, 1, 1, blocks, WIDTH], the factor of the lower document of a pair; None where it is 1.
        falls: the decreases of the discount, None without `swap`: from the first rank of a block to each of its ranks,
            [2, 1, 1, 1, blocks, WIDTH]; from each rank to the first rank of the block after the next, the same shape;
            and from the first rank of a block to the first rank 1, 2, 4, ... blocks further on, [steps, 2, 1, 1, 1,
            blocks, 1]. With these, T has two more rates of 0: the plain sum, and the sum weighted by the decrease.
    """

    source: np.ndarray
    moves: np.ndarray
    target: np.ndarray
    lower: np.ndarray | None
    falls: tuple | None


@lru_cache(maxsize=32)
def decays_of(term: RankTerm, blocks: int) -> Decays:
    """The rank term of lists with this number of blocks, in float32."""
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
    size = np.linalg.norm(relative, axis=0)  # scaled to one size, so that none of them is lost among the others
    return rates, np.linalg.lstsq(relative / size, np.ones(len(distance)), rcond=1e-13)[0] / size


def change_of(discount, distance):
    """|D(d) - D(d + 1)| in float64."""
    fn = DISCOUNTS[discount]
    return np.abs(fn(distance) - fn(distance + 1.0))


def _spread(lowest, highest, number):
    return np.exp(np.linspace(np.log(lowest), np.log(highest), number))
