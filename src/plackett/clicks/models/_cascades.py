"""Click models of users who go down the list from the first document and stop somewhere."""

from plackett._types import Tensor
from plackett.clicks.models import _chains
from plackett.clicks.models._base import ClickModel
from plackett.clicks.models._chains import Chain
from plackett.clicks.models._logs import log_both, log_either, logit, logs
from plackett.registry import register


class _ChainModel(ClickModel):
    """Base of models whose user is a `Chain`. A subclass gives the chain."""

    def _chain(self, **parameters) -> Chain:
        raise NotImplementedError

    def _log_likelihood(self, clicked, mask, **parameters):
        return _chains.log_likelihood(self._chain(**parameters), clicked, mask)

    def _log_probability(self, mask, **parameters):
        return _chains.log_probability(self._chain(**parameters), mask)

    def _walk(self, mask, **parameters):
        return _chains.walk(self._chain(**parameters))


def cascade(clicks: Tensor, attraction: Tensor, *, mask: Tensor | None = None) -> Tensor:
    """Cascade model: users go down the list to the first document that attracts them, click it and stop.

    For one list with the first click at l (or none: l = n) and a_i = sigma(attraction_i),

        log L = sum_{i < l} log (1 - a_i) + log a_l

    Args:
        clicks: [..., list_size], 0 or 1, in the order shown.
        attraction: [..., list_size], or what broadcasts to it: logits.
        mask: [..., list_size] bool, True = real document. None = where the click is not below 0.

    Returns:
        [...], the log-likelihood of each list, in nats; 0 for an empty list. A second click is impossible under this
        model: -inf, with a gradient of 0.

    Raises:
        ValueError: the shapes do not fit.

    Derivatives: of any order and mode.

    When: searches for a single thing, such as a known page, where sessions have one click at most.

    Reference: Craswell et al., "An Experimental Comparison of Click Position-Bias Models", WSDM 2008.
    """
    model = CascadeModel()
    return model.log_likelihood(clicks, model.stack(attraction=attraction), mask=mask)


@register
class CascadeModel(_ChainModel):
    """Cascade model: users go down the list to the first document that attracts them, click it and stop.

        log L = sum_{i < l} log (1 - a_i) + log a_l,    a = sigma(attraction), l the place of the click

    The only column of the parameters is `attraction`. A list with a second click is impossible: its loss is infinite,
    with a gradient of 0. Take it for searches for a single thing, where sessions have one click at most. `cascade` is
    the function.

    >>> model = CascadeModel()
    >>> round(float(model([[0, 1]], [[[0.6], [0.8]]])), 6)
    1.408589
    """

    def _chain(self, attraction):
        return Chain(logs(attraction), None, None)


def dependent_click(clicks: Tensor, attraction: Tensor, continuation: Tensor, *, mask: Tensor | None = None) -> Tensor:
    """Dependent click model: after a click, users go on with a probability that depends on the position of the click.

    For one list with clicks c, the last one at l, a_i = sigma(attraction_i) and g_i = sigma(continuation_i),

        log L = sum_{i <= l} log P(c_i) + sum_{i < l} c_i log g_i + log (1 - g_l + g_l prod_{i > l} (1 - a_i))

    with P(c_i) = a_i for a click and 1 - a_i for none. Without a click, log L = sum_i log (1 - a_i).

    Args:
        clicks: [..., list_size], 0 or 1, in the order shown.
        attraction: [..., list_size], or what broadcasts to it: logits.
        continuation: [..., list_size], or what broadcasts to it: logits of P(goes on | clicked here).
        mask: [..., list_size] bool, True = real document. None = where the click is not below 0.

    Returns:
        [...], the log-likelihood of each list, in nats; 0 for an empty list.

    Raises:
        ValueError: the shapes do not fit.

    Derivatives: of any order and mode.

    When: sessions with several clicks, of users who read everything down to the last click.

    Reference: Guo et al., "Efficient Multiple-Click Models in Web Search", WSDM 2009. Its simple estimate takes the
        last click for the end of the session. Here the user may have gone on, as in the likelihood of the model.
    """
    model = DependentClickModel()
    return model.log_likelihood(clicks, model.stack(attraction=attraction, continuation=continuation), mask=mask)


@register
class DependentClickModel(_ChainModel):
    """Dependent click model: after a click, users go on with a probability that depends on the position of the click.

        P(click | looked at) = a,    P(goes on | click) = g,    a, g = sigma(attraction, continuation)

    After no click they always go on. The columns of the parameters are `continuation` and `attraction`. Take it for
    sessions with several clicks, of users who read everything down to the last click. `dependent_click` is the
    function.

    >>> model = DependentClickModel()
    >>> round(float(model([[1, 0]], [[[0.9, 0.6], [0.2, 0.8]]])), 6)
    1.111886
    """

    of_positions = ("continuation",)

    def _chain(self, continuation, attraction):
        return Chain(logs(attraction), logs(continuation), None)


@register
def satisfaction_logits(scores: Tensor) -> Tensor:
    """The logit of P(attracts and satisfies), [..., list_size], from the last two columns. It ranks."""
    return logit(log_both(logs(scores[..., -2]), logs(scores[..., -1])))


def dynamic_bayesian(
    clicks: Tensor, attraction: Tensor, satisfaction: Tensor, continuation: Tensor, *, mask: Tensor | None = None
) -> Tensor:
    """Dynamic Bayesian network: users go down the list until a click satisfies them, or they give up.

    For one list with clicks c, a_i = sigma(attraction_i), s_i = sigma(satisfaction_i) and g = sigma(continuation),

        P(looks at i + 1 | looked at i) = g (1 - c_i s_i)
        log L = log sum over where the user stopped of the product of all of these and of P(c_i | looked at i)

    Args:
        clicks: [..., list_size], 0 or 1, in the order shown.
        attraction: [..., list_size], or what broadcasts to it: logits of P(click | looked at).
        satisfaction: [..., list_size], or what broadcasts to it: logits of P(satisfied | clicked).
        continuation: [..., list_size], or what broadcasts to it: logits of P(goes on | not satisfied), usually one
            number.
        mask: [..., list_size] bool, True = real document. None = where the click is not below 0.

    Returns:
        [...], the log-likelihood of each list, in nats; 0 for an empty list.

    Raises:
        ValueError: the shapes do not fit.

    Derivatives: of any order and mode.

    When: users often click what they do not want. A ranking is by P(attracts and satisfies).

    Reference: Chapelle & Zhang, "A Dynamic Bayesian Network Click Model for Web Search Ranking", WWW 2009.
    """
    model = DynamicBayesianModel()
    parameters = model.stack(attraction=attraction, satisfaction=satisfaction, continuation=continuation)
    return model.log_likelihood(clicks, parameters, mask=mask)


@register
class DynamicBayesianModel(_ChainModel):
    """Dynamic Bayesian network: users go down the list until a click satisfies them, or they give up.

        P(click | looked at) = a,    P(goes on | click) = g (1 - s),    P(goes on | none) = g

    with g, a, s = sigma(continuation, attraction, satisfaction), which are the columns of the parameters. A ranking is
    by a s. Take it if users often click what they do not want. `dynamic_bayesian` is the function.

    >>> model = DynamicBayesianModel()
    >>> round(float(model([[1, 0]], [[[0.9, 0.6, 0.1], [0.9, 0.8, 0.1]]])), 6)
    0.702776
    """

    constants = ("continuation",)
    of_documents = ("attraction", "satisfaction")
    ranking = staticmethod(satisfaction_logits)

    def _chain(self, continuation, attraction, satisfaction):
        goes_on = logs(continuation)
        return Chain(logs(attraction), log_both(logs(-satisfaction), goes_on), goes_on)


def simplified_dynamic_bayesian(
    clicks: Tensor, attraction: Tensor, satisfaction: Tensor, *, mask: Tensor | None = None
) -> Tensor:
    """Simplified dynamic Bayesian network: users go down the list until a click satisfies them.

    For one list with clicks c, the last one at l, a_i = sigma(attraction_i) and s_i = sigma(satisfaction_i),

        log L = sum_{i <= l} log P(c_i) + sum_{i < l} c_i log (1 - s_i) + log (s_l + (1 - s_l) prod_{i > l} (1 - a_i))

    with P(c_i) = a_i for a click and 1 - a_i for none. Without a click, log L = sum_i log (1 - a_i).

    Args:
        clicks: [..., list_size], 0 or 1, in the order shown.
        attraction: [..., list_size], or what broadcasts to it: logits of P(click | looked at).
        satisfaction: [..., list_size], or what broadcasts to it: logits of P(satisfied | clicked).
        mask: [..., list_size] bool, True = real document. None = where the click is not below 0.

    Returns:
        [...], the log-likelihood of each list, in nats; 0 for an empty list.

    Raises:
        ValueError: the shapes do not fit.

    Derivatives: of any order and mode.

    When: as for `dynamic_bayesian`, with short lists, on which users do not give up.

    Reference: Chapelle & Zhang, "A Dynamic Bayesian Network Click Model for Web Search Ranking", WWW 2009, section 5.
    """
    model = SimplifiedDynamicBayesianModel()
    return model.log_likelihood(clicks, model.stack(attraction=attraction, satisfaction=satisfaction), mask=mask)


@register
class SimplifiedDynamicBayesianModel(_ChainModel):
    """Simplified dynamic Bayesian network: users go down the list until a click satisfies them.

        P(click | looked at) = a,    P(goes on | click) = 1 - s,    a, s = sigma(attraction, satisfaction)

    After no click they always go on. The columns of the parameters are `attraction` and `satisfaction`. A ranking is by
    a s. Take it for short lists, on which users do not give up. `simplified_dynamic_bayesian` is the function.

    >>> model = SimplifiedDynamicBayesianModel()
    >>> round(float(model([[1, 0]], [[[0.6, 0.1], [0.8, 0.1]]])), 6)
    0.834616
    """

    of_documents = ("attraction", "satisfaction")
    ranking = staticmethod(satisfaction_logits)

    def _chain(self, attraction, satisfaction):
        return Chain(logs(attraction), logs(-satisfaction), None)


def click_chain(
    clicks: Tensor,
    attraction: Tensor,
    continuation_skip: Tensor,
    continuation_irrelevant: Tensor,
    continuation_relevant: Tensor,
    *,
    mask: Tensor | None = None,
) -> Tensor:
    """Click chain model: whether users go on depends on the click, and on the relevance of what they clicked.

    For one list with clicks c, a_i = sigma(attraction_i) and t1, t2, t3 = sigma of the continuations,

        P(looks at i + 1 | looked at i) = t1 after no click, t2 (1 - a_i) + t3 a_i after a click
        log L = log sum over where the user stopped of the product of all of these and of P(c_i | looked at i)

    Args:
        clicks: [..., list_size], 0 or 1, in the order shown.
        attraction: [..., list_size], or what broadcasts to it: logits of P(click | looked at), the relevance.
        continuation_skip: [..., list_size], or what broadcasts to it: logits of t1, usually one number.
        continuation_irrelevant: likewise, logits of t2.
        continuation_relevant: likewise, logits of t3.
        mask: [..., list_size] bool, True = real document. None = where the click is not below 0.

    Returns:
        [...], the log-likelihood of each list, in nats; 0 for an empty list.

    Raises:
        ValueError: the shapes do not fit.

    Derivatives: of any order and mode.

    When: long lists and rare documents, since three numbers describe how all users move.

    Reference: Guo et al., "Click Chain Model in Web Search", WWW 2009. There the relevance is a random variable with a
        posterior; here it is the parameter.
    """
    model = ClickChainModel()
    parameters = model.stack(
        attraction=attraction,
        continuation_skip=continuation_skip,
        continuation_irrelevant=continuation_irrelevant,
        continuation_relevant=continuation_relevant,
    )
    return model.log_likelihood(clicks, parameters, mask=mask)


@register
class ClickChainModel(_ChainModel):
    """Click chain model: whether users go on depends on the click, and on the relevance of what they clicked.

        P(click | looked at) = a,    P(goes on | none) = t1,    P(goes on | click) = t2 (1 - a) + t3 a

    The columns of the parameters are `continuation_skip`, `continuation_irrelevant` and `continuation_relevant`, the
    logits of t1 to t3, and `attraction`. Take it for long lists and rare documents. `click_chain` is the function.

    >>> model = ClickChainModel()
    >>> round(float(model([[1, 0]], [[[0.9, 0.5, -0.5, 0.6], [0.9, 0.5, -0.5, 0.8]]])), 6)
    0.823699
    """

    constants = ("continuation_skip", "continuation_irrelevant", "continuation_relevant")

    def _chain(self, continuation_skip, continuation_irrelevant, continuation_relevant, attraction):
        click = logs(attraction)
        after_click = log_either(click, logs(continuation_relevant), logs(continuation_irrelevant))
        return Chain(click, after_click, logs(continuation_skip))
