"""Maximum likelihood of clicks whose probability is a product: examination of a position by attraction of an item."""

from typing import NamedTuple

import numpy as np
from scipy import linalg, sparse

STEPS = 200
ENOUGH = 1e-5  # what the next step would add to the log-likelihood, of which a standard error is worth 1
# Where an item was clicked whenever it was shown, its probability would run into 1: this part of a click that did not
# come keeps it off, as the barrier of an interior-point method does.
BARRIER = 1e-3


class Fit(NamedTuple):
    """The most likely examination and attraction.

    Args:
        seen: [positions], the log of examination, 0 at the first.
        attracts: [items that say something], the log of attraction.
    """

    seen: np.ndarray
    attracts: np.ndarray

    @property
    def examination(self) -> np.ndarray:
        """[positions], relative to the first."""
        return np.exp(self.seen)


def fit_products(
    item: np.ndarray,
    position: np.ndarray,
    shown: np.ndarray,
    clicked: np.ndarray,
    positions: int,
    start: Fit | None = None,
) -> Fit:
    """The examination of each position, that of the first 1, which makes the clicks most likely.

        sum_r clicked_r log p_r + (shown_r - clicked_r) log(1 - p_r),    p_r = exp(u_position(r) + v_item(r))

    is concave in u and v, so that Newton's method finds its one maximum. The Hessian is diagonal in v, and v is
    eliminated: a step solves for u alone.

    Args:
        item: [rows].
        position: [rows], from 0.
        shown: [rows] >= 0, how often, or a weight.
        clicked: [rows] of those.
        positions: how many there are.
        start: the fit of the same rows with other weights. None = none is known.

    Raises:
        LinAlgError: some positions are not linked.

    Cost: some twenty steps, or five from a start, each O(rows x positions).
    """
    rows = _that_say_something(item, position, shown, clicked)
    item, position, clicked = _without_gaps(item[rows]), position[rows], clicked[rows]
    missed = np.maximum(shown[rows] - clicked, BARRIER * clicked)
    u, v = start or (np.zeros(positions), _first_attraction(item, clicked, missed))
    for _ in range(STEPS):
        x = u[position] + v[item]
        step_u, step_v, gain = _newton(item, position, clicked, missed, x, positions)
        size = _step_size(x, step_u[position] + step_v[item], clicked, missed)
        u, v = u + size * step_u, v + size * step_v
        if gain < ENOUGH:
            return Fit(u, v)
    raise linalg.LinAlgError("the likelihood has no maximum")


def _first_attraction(item, clicked, missed):
    """[items], the log of click-through rates, whose examination is 1."""
    return np.log(np.bincount(item, clicked) / np.bincount(item, clicked + missed))


def _that_say_something(item, position, shown, clicked):
    """[rows] bool: of items that are clicked and were shown at two positions; the others fit any examination."""
    there = shown > 0
    at = np.bincount(item, there)
    return there & (at[item] > 1) & (np.bincount(item, clicked)[item] > 0)


def _without_gaps(numbers):
    """The same numbers, counted without those that are not there."""
    there = np.bincount(numbers) > 0
    return (np.cumsum(there) - 1)[numbers]


def _newton(item, position, clicked, missed, x, positions):
    """The step of u and that of v, and twice what it gains."""
    odds = 1 / np.expm1(-x)
    slope = clicked - missed * odds
    curve = missed * odds * (1 + odds)
    of_item, of_position = np.bincount(item, slope), np.bincount(position, slope, positions)
    items = np.bincount(item, curve)
    cross = sparse.csr_array((curve, (item, position)), (len(items), positions))
    scaled = sparse.dia_array((1 / items[None], 0), (len(items), len(items))) @ cross
    whole = np.diag(np.bincount(position, curve, positions)) - (cross.T @ scaled).toarray()
    step_u = np.zeros(positions)
    step_u[1:] = linalg.solve(whole[1:, 1:], (of_position - scaled.T @ of_item)[1:], assume_a="pos")
    step_v = (of_item - cross @ step_u) / items
    return step_u, step_v, of_position @ step_u + of_item @ step_v


def _step_size(x, step, clicked, missed):
    """How far to go: all probabilities stay below 1, and the likelihood rises."""
    rises = step > 0
    size = min(1.0, 0.95 * float(np.min(-x[rises] / step[rises], initial=np.inf)))

    def height(x):
        return clicked @ x + missed @ np.log(-np.expm1(x))

    before = height(x)
    while height(x + size * step) < before - 1e-9 * abs(before):
        size /= 2
    return size
