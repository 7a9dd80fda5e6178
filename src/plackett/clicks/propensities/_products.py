"""Maximum likelihood of clicks whose probability is the examination of a position times the attraction of an item."""

from typing import NamedTuple

import numpy as np
from scipy import linalg, sparse

STEPS = 200
ENOUGH = 1e-5  # the gain in log-likelihood of the next step; one standard error is worth about 1
# If an item was clicked whenever it was shown, its probability would go to 1. This fraction of a missing click keeps it
# below, like the barrier of an interior-point method.
BARRIER = 1e-3


class Fit(NamedTuple):
    """The most likely examination and attraction.

    Args:
        seen: [positions], the log of examination, 0 at the first position.
        attracts: [informative items], the log of attraction.
    """

    seen: np.ndarray
    attracts: np.ndarray

    @property
    def examination(self) -> np.ndarray:
        """Examination relative to the first position, [positions]."""
        return np.exp(self.seen)


def fit_products(
    item: np.ndarray,
    position: np.ndarray,
    shown: np.ndarray,
    clicked: np.ndarray,
    positions: int,
    start: Fit | None = None,
) -> Fit:
    """Fits the examination of each position, with 1 at the first, that makes the clicks most likely.

        sum_r clicked_r log p_r + (shown_r - clicked_r) log(1 - p_r),    p_r = exp(u_position(r) + v_item(r))

    is concave in u and v, so Newton's method finds its single maximum. The Hessian is diagonal in v, so v is
    eliminated, and a step solves for u alone.

    Args:
        item: [rows], the item.
        position: [rows], from 0.
        shown: [rows] >= 0, how often it was shown, or a weight.
        clicked: [rows], how many of these were clicked.
        positions: the number of positions.
        start: the fit of the same rows with other weights. None = none is known.

    Raises:
        LinAlgError: some positions are not linked.

    Cost: about twenty steps, or five from a start, each O(rows x positions).
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
    """The log of click-through rates, [items], as if the examination were 1."""
    return np.log(np.bincount(item, clicked) / np.bincount(item, clicked + missed))


def _that_say_something(item, position, shown, clicked):
    """The rows of items that are clicked and were shown at two positions, [rows] bool. Others fit any examination."""
    there = shown > 0
    at = np.bincount(item, there)
    return there & (at[item] > 1) & (np.bincount(item, clicked)[item] > 0)


def _without_gaps(numbers):
    """Renumbers the numbers without gaps."""
    there = np.bincount(numbers) > 0
    return (np.cumsum(there) - 1)[numbers]


def _newton(item, position, clicked, missed, x, positions):
    """Returns the step of u and that of v, and twice their gain."""
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
    """The step size: all probabilities stay below 1, and the likelihood rises."""
    rises = step > 0
    size = min(1.0, 0.95 * float(np.min(-x[rises] / step[rises], initial=np.inf)))

    def height(x):
        return clicked @ x + missed @ np.log(-np.expm1(x))

    before = height(x)
    while height(x + size * step) < before - 1e-9 * abs(before):
        size /= 2
    return size
