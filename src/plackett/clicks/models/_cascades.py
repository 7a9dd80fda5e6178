"""Click models of users who go down the list from the first document and stop somewhere."""

from keras import ops

from plackett._types import Tensor
from plackett.clicks.models import _chains
from plackett.clicks.models._base import ClickModel
from plackett.clicks.models._chains import Chain
from plackett.clicks.models._logs import IMPOSSIBLE, logs
from plackett.registry import register


class _ChainModel(ClickModel):
    """Base of the models whose user is a `Chain`: a subclass says which one."""

    def _chain(self, **parameters) -> Chain:
        raise NotImplementedError

    def _log_likelihood(self, clicked, mask, **parameters):
        return _chains.log_likelihood(self._chain(**parameters), clicked, mask)

    def _log_probability(self, mask, **parameters):
        return _chains.log_probability(_without_padding(self._chain(**parameters), mask))

    def _walk(self, mask, **parameters):
        return _chains.walk(self._chain(**parameters))


def _without_padding(chain, mask):
    """The chain of users who skip what is padding, and go on, for sure."""
    (click, skip), after_click, (on, off) = chain.all_pairs()
    sure = [ops.where(mask, skip, 0.0), ops.where(mask, on, 0.0)]
    never = [ops.where(mask, click, IMPOSSIBLE), ops.where(mask, off, IMPOSSIBLE)]
    return Chain((never[0], sure[0]), after_click, (sure[1], never[1]))


def cascade(clicks: Tensor, attraction: Tensor, *, mask: Tensor | None = None) -> Tensor:
    """Cascade model: users go down the list to the first document that attracts them, click it and stop.

    For one list with the first click at l (or none: l = n) and a_i = sigma(attraction_i),

        log L = sum_{i < l} log (1 - a_i) + log a_l

    Args:
        clicks: [..., list_size], 0 or 1, in the order shown.
        attraction: [..., list_size], or what broadcasts to it: logits.
        mask: [..., list_size] bool, True = real document. None = where the click is not below 0.

    Returns:
        [...], the log-likelihood of each list, in nats; 0 for an empty list. The model holds a second click for
        impossible: -inf, with a gradient of 0.

    Raises:
        ValueError: the shapes do not fit.

    Derivatives: of any order and mode.

    When: searches for one thing, such as a known page, whose sessions have one click at most.

    Reference: Craswell et al., "An Experimental Comparison of Click Position-Bias Models", WSDM 2008.
    """
    model = CascadeModel()
    return model.log_likelihood(clicks, model.stack(attraction=attraction), mask=mask)


@register
class CascadeModel(_ChainModel):
    """Cascade model: users go down the list to the first document that attracts them, click it and stop.

        log L = sum_{i < l} log (1 - a_i) + log a_l,    a = sigma(attraction), l the place of the click

    The one column of the parameters is `attraction`. A list with a second click is impossible: its loss is infinite,
    with a gradient of 0. Take it for searches for one thing, whose sessions have one click at most. `cascade` is the
    function.

    >>> model = CascadeModel()
    >>> round(float(model([[0, 1]], [[[0.6], [0.8]]])), 6)
    1.408589
    """

    def _chain(self, attraction):
        return Chain(logs(attraction), None, None)
