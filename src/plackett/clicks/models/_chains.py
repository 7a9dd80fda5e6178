"""The chain of a user who goes down a list and stops somewhere, which all cascade models share."""

from typing import NamedTuple

from keras import ops

from plackett import backend
from plackett._types import Tensor
from plackett.clicks.models._logs import IMPOSSIBLE, before, log_add, log_sum
from plackett.clicks.models._walks import Walk, along

Pair = tuple[Tensor, Tensor]


class Chain(NamedTuple):
    """A user looks at the first document. After a click or no click, the user goes on to the next one or stops.

    Each pair is (log P, log (1 - P)), [..., list_size] each.

    Args:
        attraction: the probability of a click on a document that is looked at.
        after_click: the probability of going on after a click. None = never.
        after_skip: the probability of going on after no click. None = always.
    """

    attraction: Pair
    after_click: Pair | None
    after_skip: Pair | None

    def all_pairs(self) -> tuple[Pair, Pair, Pair]:
        """Returns the three pairs, with numbers in place of None."""
        zero = ops.zeros_like(self.attraction[0])
        never = (zero + IMPOSSIBLE, zero)
        return self.attraction, self.after_click or never, self.after_skip or never[::-1]


def log_likelihood(chain: Chain, clicked: Tensor, mask: Tensor) -> Tensor:
    """Returns log P(the clicks of the list), [...]; -inf with a gradient of 0 if they are impossible.

    All documents up to the last click have certainly been looked at, so their probabilities multiply. After it the user
    stopped there, or after one of the following documents, or never. The probabilities of these cases add up.

    Cost: O(list_size), without a loop.
    """
    (click, skip), (on_c, _), (on_s, _) = chain.all_pairs()
    clicks = ops.cast(clicked, click.dtype)
    following = ops.sum(clicks, axis=-1, keepdims=True) - backend.cumulative_sum(clicks)
    is_last, in_tail = clicked & (following == 0), mask & ~clicked & (following == 0)
    of_click = click + ops.where(is_last, 0.0, on_c)
    head = ops.where(clicked, of_click, ops.where(mask & ~in_tail, skip + on_s, 0.0))
    total = ops.sum(head, axis=-1) + _log_tail(chain, is_last, in_tail)
    return ops.where(total == IMPOSSIBLE, IMPOSSIBLE, total)


def _log_tail(chain, is_last, in_tail):
    """Returns log P(none of the documents in the tail is clicked | the last click), [...]."""
    (_, skip), (on_c, off_c), (on_s, off_s) = chain.all_pairs()
    stops, goes_on = (ops.sum(ops.where(is_last, x, 0.0), axis=-1, keepdims=True) for x in (off_c, on_c))
    stops = ops.where(ops.any(is_last, axis=-1, keepdims=True), stops, IMPOSSIBLE)
    of_skip = ops.where(in_tail, skip + on_s, 0.0)
    ways = [stops, goes_on + ops.sum(of_skip, axis=-1, keepdims=True)]
    if chain.after_skip is not None:
        come = goes_on + before(backend.cumulative_sum(of_skip), 0.0)
        ways.append(ops.where(in_tail, come + skip + off_s, IMPOSSIBLE))
    return log_sum(ops.concatenate(ways, axis=-1))


def log_probability(chain: Chain, mask: Tensor) -> Pair:
    """Returns (log P(click), log P(no click)), [..., list_size] each, whatever else is clicked; anything at padding.

    The probability that the user has stopped is added up on its own, since 1 - P(looks) would lose small numbers.

    Cost: list_size steps, one after another.
    """
    (click, skip), (on_c, off_c), (on_s, off_s) = chain.all_pairs()
    goes_on, stops = log_add(click + on_c, skip + on_s), log_add(click + off_c, skip + off_s)

    def step(state, i):
        looks, stopped = state
        told = looks + click[..., i], log_add(stopped, looks + skip[..., i])
        after = looks + goes_on[..., i], log_add(stopped, looks + stops[..., i])
        return tuple(ops.where(mask[..., i], new, old) for new, old in zip(after, state, strict=True)), told

    looks = ops.zeros_like(click[..., 0])
    return along(step, (looks, looks + IMPOSSIBLE), mask)


def walk(chain: Chain) -> Walk:
    """The walk whose state is the log of P(looks at the next document) and of P(has stopped), given the clicks."""
    (click, skip), on_click, on_skip = chain.all_pairs()
    looks = ops.zeros_like(click[..., 0])

    def predict(state, i):
        looks, stopped = state
        return looks + click[..., i], log_add(stopped, looks + skip[..., i])

    def advance(state, i, clicked):
        looks, stopped = state
        skipped = looks + skip[..., i]
        none = log_add(stopped, skipped)
        none = ops.where(none == IMPOSSIBLE, 0.0, none)
        goes_on, stops = (x[..., i] for x in on_skip)
        return (
            ops.where(clicked, on_click[0][..., i], skipped + goes_on - none),
            ops.where(clicked, on_click[1][..., i], log_add(stopped, skipped + stops) - none),
        )

    return Walk((looks, looks + IMPOSSIBLE), predict, advance)
