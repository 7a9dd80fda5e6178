"""Click models in which a click depends on the document and its position, and on no other click."""

from types import MappingProxyType

from plackett._types import Tensor
from plackett.clicks.models._base import IndependentModel
from plackett.clicks.models._logs import log_both, log_either, logs
from plackett.registry import register


def click_through_rate(clicks: Tensor, attraction: Tensor, *, mask: Tensor | None = None) -> Tensor:
    """Click-through rate: each document is clicked with its own probability, at any position.

    For one list with clicks c and a_i = sigma(attraction_i),

        log L = sum_i c_i log a_i + (1 - c_i) log (1 - a_i)

    One number for all documents gives the global click-through rate; one number for each position gives that by rank.

    Args:
        clicks: [..., list_size], 0 or 1.
        attraction: [..., list_size], or what broadcasts to it: logits.
        mask: [..., list_size] bool, True = real document. None = where the click is not below 0.

    Returns:
        [...], the log-likelihood of each list, in nats; 0 for an empty list.

    Raises:
        ValueError: the shapes do not fit.

    Derivatives: of any order and mode.

    When: the baseline that other click models must beat.

    Reference: Chuklin et al., "Click Models for Web Search", 2015, sections 3.1 and 3.2.
    """
    model = ClickThroughRateModel()
    return model.log_likelihood(clicks, model.stack(attraction=attraction), mask=mask)


@register
class ClickThroughRateModel(IndependentModel):
    """Click-through rate: each document is clicked with its own probability, at any position.

        P(click) = sigma(attraction)

    The only column of the parameters is `attraction`. Take it as the baseline that other click models must beat.
    `click_through_rate` is the function.

    >>> model = ClickThroughRateModel()
    >>> round(float(model([[1, 0]], [[[0.6], [0.8]]])), 6)
    1.608589
    """

    def _log_probabilities(self, attraction):
        return logs(attraction)


def position_based(clicks: Tensor, attraction: Tensor, examination: Tensor, *, mask: Tensor | None = None) -> Tensor:
    """Position-based model: a click needs a document that is attractive and, at its position, seen.

    For one list with clicks c, a_i = sigma(attraction_i) and e_i = sigma(examination_i),

        log L = sum_i c_i log (e_i a_i) + (1 - c_i) log (1 - e_i a_i)

    Args:
        clicks: [..., list_size], 0 or 1.
        attraction: [..., list_size], or what broadcasts to it: logits of P(click | seen).
        examination: [..., list_size], or what broadcasts to it: logits of P(seen).
        mask: [..., list_size] bool, True = real document. None = where the click is not below 0.

    Returns:
        [...], the log-likelihood of each list, in nats; 0 for an empty list.

    Raises:
        ValueError: the shapes do not fit.

    Derivatives: of any order and mode.

    When: grids, and lists in which people look at single places; and clicks that are known only as counts.

    Reference: Craswell et al., "An Experimental Comparison of Click Position-Bias Models", WSDM 2008.
    """
    model = PositionBasedModel()
    return model.log_likelihood(clicks, model.stack(attraction=attraction, examination=examination), mask=mask)


@register
class PositionBasedModel(IndependentModel):
    """Position-based model: a click needs a document that is attractive and, at its position, seen.

        P(click) = sigma(examination) sigma(attraction)

    The columns of the parameters are `examination` and `attraction`. Take it for grids, for lists in which people look
    at single places, and for clicks that are known only as counts. `position_based` is the function.

    >>> model = PositionBasedModel()
    >>> round(float(model([[1, 0]], [[[0.9, 0.6], [0.2, 0.8]]])), 6)
    1.255664
    """

    of_positions = ("examination",)

    def _log_probabilities(self, examination, attraction):
        return log_both(logs(attraction), logs(examination))


def trust_bias(
    clicks: Tensor,
    attraction: Tensor,
    examination: Tensor,
    trust_relevant: Tensor,
    trust_irrelevant: Tensor,
    *,
    mask: Tensor | None = None,
) -> Tensor:
    """Trust bias: users who trust the ranking also click seen documents that are not relevant, more often near the top.

    For one list with clicks c, g_i = sigma(attraction_i), e_i = sigma(examination_i), t_i = sigma(trust_relevant_i) and
    u_i = sigma(trust_irrelevant_i),

        p_i = e_i (t_i g_i + u_i (1 - g_i))
        log L = sum_i c_i log p_i + (1 - c_i) log (1 - p_i)

    Args:
        clicks: [..., list_size], 0 or 1.
        attraction: [..., list_size], or what broadcasts to it: logits of P(relevant).
        examination: likewise, logits of P(seen).
        trust_relevant: likewise, logits of P(click | seen and relevant) at this position.
        trust_irrelevant: likewise, logits of P(click | seen and not relevant) at this position.
        mask: [..., list_size] bool, True = real document. None = where the click is not below 0.

    Returns:
        [...], the log-likelihood of each list, in nats; 0 for an empty list.

    Raises:
        ValueError: the shapes do not fit.

    Derivatives: of any order and mode.

    When: top positions attract clicks whatever document is there. Clicks alone cannot tell all four parameters apart.
        If one is known, such as the examination, hold it fixed.

    Reference: Agarwal et al., "Addressing Trust Bias for Unbiased Learning-to-Rank", WWW 2019.
    """
    model = TrustBiasModel()
    parameters = model.stack(
        attraction=attraction,
        examination=examination,
        trust_relevant=trust_relevant,
        trust_irrelevant=trust_irrelevant,
    )
    return model.log_likelihood(clicks, parameters, mask=mask)


@register
class TrustBiasModel(IndependentModel):
    """Trust bias: users who trust the ranking also click seen documents that are not relevant, more often near the top.

        P(click) = e (t g + u (1 - g)),    e, t, u, g = sigma(examination, trust_relevant, trust_irrelevant, attraction)

    The columns of the parameters are `examination`, `trust_relevant`, `trust_irrelevant` and `attraction`. Take it if
    top positions attract clicks whatever document is there. `trust_bias` is the function.

    >>> model = TrustBiasModel()
    >>> round(float(model([[1, 0]], [[[0.9, 2.0, -1.0, 0.6], [0.2, 1.0, -1.0, 0.8]]])), 6)
    1.141003
    """

    of_positions = ("examination", "trust_relevant", "trust_irrelevant")
    # The likelihood stays the same if relevant and irrelevant are exchanged.
    start = MappingProxyType({"trust_relevant": 1.0, "trust_irrelevant": -1.0})

    def _log_probabilities(self, examination, trust_relevant, trust_irrelevant, attraction):
        click = log_either(logs(attraction), logs(trust_relevant), logs(trust_irrelevant))
        return log_both(click, logs(examination))
