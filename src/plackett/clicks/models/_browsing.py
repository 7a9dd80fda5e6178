"""The click model in which examination depends on a document's position and on that of the last click."""

from collections.abc import Mapping

from keras import ops

from plackett import backend
from plackett._types import Tensor
from plackett.clicks.models._base import ClickModel
from plackett.clicks.models._logs import IMPOSSIBLE, before, log_both, log_sum, logs
from plackett.clicks.models._walks import Walk, along
from plackett.lists import count
from plackett.lists._shapes import computable, shape_text
from plackett.losses._base import Reduction
from plackett.registry import register
from plackett.registry.options import Count


def user_browsing(clicks: Tensor, attraction: Tensor, examination: Tensor, *, mask: Tensor | None = None) -> Tensor:
    """User browsing model: whether a document is seen depends on its position and on that of the last click.

    For one list with clicks c, a_i = sigma(attraction_i) and e_ij = sigma(examination_ij), where j is the place of the
    last click before i, or 0 if there is none,

        log L = sum_i c_i log (e_ij a_i) + (1 - c_i) log (1 - e_ij a_i)

    Args:
        clicks: [..., list_size], 0 or 1, in the order shown.
        attraction: [..., list_size], or what broadcasts to it: logits of P(click | seen).
        examination: [..., list_size, positions], or what broadcasts to it: logits of P(seen at i | last click at j), j
            from 0 to positions - 1.
        mask: [..., list_size] bool, True = real document. None = where the click is not below 0.

    Returns:
        [...], the log-likelihood of each list, in nats; 0 for an empty list.

    Raises:
        ValueError: the shapes do not fit, or a list has more documents than positions. Inside a compiled function,
            where values are not known, such a list passes, and its log-likelihood is NaN.

    Cost: O(list_size positions) time and memory.

    Derivatives: of any order and mode.

    When: sessions with several clicks, and enough of them to learn a probability for each pair of positions.

    Reference: Dupret & Piwowarski, "A User Browsing Model to Predict Search Engine Click Data from Past Observations",
    SIGIR 2008.
    """
    model = UserBrowsingModel(positions=computable(examination).shape[-1])
    return model.log_likelihood(clicks, model.stack(attraction=attraction, examination=examination), mask=mask)


@register
class UserBrowsingModel(ClickModel):
    """User browsing model: whether a document is seen depends on its position and on that of the last click.

        P(click at i | last click at j) = sigma(examination_j at i) sigma(attraction_i)

    The columns of the parameters are `examination_0`, for no click before, to `examination_9`, for a last click at
    place 9, and `attraction`. `stack` takes `examination`, [..., list_size, positions]. Take it for sessions with
    several clicks, and enough of them to learn a probability for each pair of positions. `user_browsing` is the
    function.

    >>> model = UserBrowsingModel(positions=2)
    >>> round(float(model([[1, 0]], [[[0.9, 0.0, 0.6], [0.2, 0.1, 0.8]]])), 6)
    1.228407

    Args:
        positions: the largest number of documents in a list.
    """

    def __init__(
        self, reduction: Reduction = "auto", name: str | None = None, ragged: bool = False, positions: Count = 10
    ):
        super().__init__(reduction, name, ragged)
        self.positions = positions

    @property
    def of_positions(self) -> tuple[str, ...]:
        return tuple(f"examination_{last}" for last in range(self.positions))

    def _by_column(self, parameters):
        if "examination" not in parameters:
            return parameters
        examination = computable(parameters["examination"])
        if examination.shape[-1] != self.positions:
            raise ValueError(
                f"examination must be [..., list_size, {self.positions}], since positions={self.positions}, but got "
                f"{shape_text(examination.shape)}"
            )
        by_last = {name: examination[..., last] for last, name in enumerate(self.of_positions)}
        return {name: one for name, one in parameters.items() if name != "examination"} | by_last

    def split(self, parameters: Tensor) -> Mapping[str, Tensor]:
        """Splits the parameters into `attraction`, [..., list_size], and `examination`, [..., list_size, positions]."""
        self._check_columns(parameters)
        return {"examination": parameters[..., :-1], "attraction": parameters[..., -1]}

    def _log_likelihood(self, clicked, mask, examination, attraction):
        examination = _of_short_lists(examination, mask, self.positions)
        last = before(backend.running_max(ops.where(clicked, _places(mask), 0)), 0)
        click, none = log_both(logs(attraction), logs(_at(examination, last)))
        return ops.sum(ops.where(mask, ops.where(clicked, click, none), 0.0), axis=-1)

    def _log_probability(self, mask, examination, attraction):
        """Follows the distribution of the place of the last click, which each document changes."""
        examination, places = _of_short_lists(examination, mask, self.positions), _places(mask)
        logits = ops.broadcast_to(attraction[..., None], ops.shape(examination))
        click, none = log_both(logs(logits), logs(examination))
        known = ops.arange(self.positions, dtype="int32")

        def step(last, i):
            clicked, stays = log_sum(last + click[..., i, :]), last + none[..., i, :]
            moved = ops.where(known == places[..., i, None], clicked[..., None], stays)
            return ops.where(mask[..., i, None], moved, last), (clicked, log_sum(stays))

        first = ops.where(known == 0, 0.0, IMPOSSIBLE) + ops.zeros_like(examination[..., 0, :])
        return along(step, first, mask)

    def _walk(self, mask, examination, attraction):
        examination, places = _of_short_lists(examination, mask, self.positions), _places(mask)

        def predict(last, i):
            return log_both(logs(attraction[..., i]), logs(_at(examination[..., i, :], last)))

        return Walk(
            ops.zeros_like(places[..., 0]), predict, lambda last, i, clicked: ops.where(clicked, places[..., i], last)
        )


def _places(mask):
    """The place of each real document, [..., list_size] int32, from 1. Padding is not counted."""
    return backend.cumulative_sum(ops.cast(mask, "int32"))


def _at(examination, last):
    """The examination if the last click is at `last`: [..., positions] -> [...]."""
    is_last = last[..., None] == ops.arange(ops.shape(examination)[-1])
    return ops.sum(ops.where(is_last, examination, 0.0), axis=-1)


def _of_short_lists(examination, mask, positions):
    """Returns the examination, after checking that no list has more documents than there are positions.

    Raises:
        ValueError: a list has more. If this is not known yet, the examination of such a list is NaN instead.
    """
    list_size = examination.shape[-2]
    if list_size is not None and list_size <= positions:
        return examination
    known = backend.concrete(count(mask))
    if known is None:
        too_long = (count(mask) > positions)[..., None, None]
        return examination + ops.cast(ops.where(too_long, float("nan"), 0.0), examination.dtype)
    longest = int(known.max(initial=0))
    if longest > positions:
        raise ValueError(
            f"positions must be at least {longest}, the documents of a list, but got {positions}: set "
            f"positions={longest}"
        )
    return examination
