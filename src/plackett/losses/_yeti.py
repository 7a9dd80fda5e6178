"""Losses between neighbours in rankings sampled from the scores."""

from functools import partial

from plackett._types import Tensor
from plackett.lambdas import LambdaWeight, YetiDCGLambdaWeight
from plackett.lambdas._uses import PAIRS, check_lambda_weight
from plackett.lists import clean, weights_of_documents
from plackett.losses._base import RankingLoss, Reduction
from plackett.losses._pairs import derivatives_over_pairs, sum_over_pairs
from plackett.losses._phi import LOGISTIC
from plackett.losses._sampled import mean_over_samples
from plackett.registry import check_options, register
from plackett.registry.options import Count, Positive, Whole


def yeti_logistic(
    labels: Tensor,
    scores: Tensor,
    *,
    noise: Tensor,
    mask: Tensor | None = None,
    weights: Tensor | None = None,
    temperature: Positive = 1.0,
    gumbel_temperature: Positive = 1.0,
    lambda_weight: LambdaWeight | None = None,
) -> Tensor:
    """YetiRank: pairwise logistic between neighbours of rankings that are sampled from the scores.

    For one list with labels y, scores s and uniform noise u,

        z = (s - log(-log u)) / (gumbel_temperature temperature)
        loss = mean over samples of sum_ij w_i lambda_ij log(1 + e^-(z_i - z_j))    over the pairs with y_i > y_j

    where lambda is `YetiDCGLambdaWeight()` at the ranks of z, which is 0 except between neighbours.

    Args:
        labels: [..., list_size], relevance grades.
        scores: [..., list_size], not divided by a temperature; higher ranks first.
        noise: [..., samples, list_size], uniform on [0, 1).
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        weights: [..., list_size], the weight w of the preferred document of each pair. None = 1.
        temperature: the temperature of the pairwise logistic loss, > 0.
        gumbel_temperature: the temperature of the perturbed scores, > 0.
        lambda_weight: a weight of pairs. None = `YetiDCGLambdaWeight()`.

    Returns:
        [...], one loss per list, in nats; 0 where there is no pair.

    Raises:
        ValueError: the shapes do not match, an option is out of range, or the lambda weight has no weights for pairs.

    Cost: one sort per sample. With a weight that is not limited to neighbours, the same as `pairwise`.

    Derivatives: of any order, in forward and reverse mode; see `plackett.losses`.

    When: judgements are graded and DCG at the top of the list is what counts. Sampling averages out noise in the
    labels.

    Reference: Lyzhin et al., "Which Tricks Are Important for Learning to Rank?", ICML 2023.
    """
    check_options(yeti_logistic, temperature=temperature, gumbel_temperature=gumbel_temperature)
    check_lambda_weight(lambda_weight, PAIRS)
    labels, scores, mask = clean(labels, scores, mask)
    weights = None if weights is None else weights_of_documents(weights, labels, mask)
    temperatures = {"temperature": temperature, "gumbel_temperature": gumbel_temperature}
    of_samples = {"noise": noise, "weights": weights, "shared": False, **temperatures}
    return mean_over_samples(_yeti, labels, scores, mask=mask, **of_samples, lambda_weight=lambda_weight)


def _yeti(labels, scores, *, mask, lambda_weight, weights=None, over_pairs=sum_over_pairs):
    weight = _YETI if lambda_weight is None else lambda_weight
    return over_pairs(LOGISTIC, labels, scores, mask=mask, weights=weights, lambda_weight=weight)


_YETI = YetiDCGLambdaWeight()


@register
class YetiLogisticLoss(RankingLoss):
    """YetiRank: pairwise logistic between neighbours of rankings that are sampled from the scores.

        loss = mean over samples of sum_ij lambda_ij log(1 + e^-(z_i - z_j))    over the pairs with y_i > y_j
        z = (s + Gumbel noise) / (gumbel_temperature temperature)

    where lambda is `YetiDCGLambdaWeight`, which is 0 except between neighbours, unless another weight is given. Use it
    for graded judgements where DCG at the top of the list is what counts. Sampling averages out noise in the labels.
    `yeti_logistic` is the function.

    >>> loss = YetiLogisticLoss(sample_size=16, seed=42)
    >>> float(loss([[1, 0]], [[0.6, 0.8]])) > 0
    True
    """

    fn = staticmethod(_yeti)
    derivatives = staticmethod(partial(_yeti, over_pairs=derivatives_over_pairs))
    lambda_weights = PAIRS
    weighs_documents = True

    def __init__(
        self,
        reduction: Reduction = "auto",
        name: str | None = None,
        lambda_weight: LambdaWeight | None = None,
        temperature: Positive = 1.0,
        sample_size: Count = 8,
        gumbel_temperature: Positive = 1.0,
        seed: Whole | None = None,
        ragged: bool = False,
    ):
        super().__init__(reduction, name, lambda_weight, temperature, ragged, sample_size, gumbel_temperature, seed)
