"""Any loss of scores, averaged over rankings sampled from them."""

from collections.abc import Callable

from keras import ops

from plackett import backend
from plackett._types import Tensor
from plackett.lists import clean, gumbel, weights_of_documents
from plackett.lists._order import from_median
from plackett.lists._samples import per_sample
from plackett.registry import check_options
from plackett.registry.options import Positive


def sampled(fn: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The loss `fn` averaged over scores perturbed by Gumbel noise, that is, over rankings of the Plackett-Luce model.

    For one list with labels y, scores s and uniform noise u,

        g = -log(-log u)
        loss = mean over samples of fn(y, (s + g) / (gumbel_temperature temperature))

    >>> from plackett.losses import approx_mrr, sampled
    >>> noise = [[[0.9, 0.1], [0.2, 0.7]]]
    >>> sampled(approx_mrr)([[1.0, 0.0]], [[0.6, 0.8]], noise=noise, temperature=0.1).shape == (1,)
    True

    Args:
        fn: `fn(labels, scores, *, mask, ...)`, one loss per list. It gets scores of shape [..., samples, list_size],
            and labels and a mask of shape [..., 1, list_size] that all samples share. The losses of plackett accept
            this.

    Returns:
        `fn(labels, scores, *, noise, mask, temperature, gumbel_temperature, ...)`, one loss per list. The noise is
        [..., samples, list_size], uniform on [0, 1). The scores must not be divided by a temperature beforehand.
        `temperature`, > 0, belongs to `fn`; `gumbel_temperature`, > 0, to the perturbed scores.

    Cost: the number of samples times that of `fn`.

    Reference: Bruch et al., "A Stochastic Treatment of Learning to Rank Scoring Functions", WSDM 2020. The paper
    normalises the perturbed scores by a log-softmax, which cancels in losses of score differences.
    """

    def sampled_fn(
        labels,
        scores,
        *,
        noise,
        mask=None,
        weights=None,
        temperature=1.0,
        gumbel_temperature=1.0,
        **options,
    ):
        check_options(mean_over_samples, temperature=temperature, gumbel_temperature=gumbel_temperature)
        labels, scores, mask = clean(labels, scores, mask)
        if weights is not None:
            options["weights"] = weights_of_documents(weights, labels, mask)
        options |= {"temperature": temperature, "gumbel_temperature": gumbel_temperature}
        return mean_over_samples(fn, labels, scores, mask=mask, noise=noise, shared=True, **options)

    return sampled_fn


def mean_over_samples(
    fn,
    labels,
    scores,
    *,
    mask,
    noise,
    temperature: Positive,
    gumbel_temperature: Positive,
    shared: bool,
    weights=None,
    **options,
):
    """The mean of `fn` over perturbed scores, for clean lists.

    Args:
        shared: `fn` takes labels and a mask of [..., 1, list_size]. Otherwise they are repeated for each sample.
    """
    perturbed = (from_median(scores, mask)[..., None, :] + gumbel(noise, scores)) / gumbel_temperature
    labels, mask = (x[..., None, :] if shared else per_sample(x, perturbed) for x in (labels, mask))
    if weights is not None:
        options["weights"] = per_sample(weights, perturbed)
    # Scores are 0 at padding, as a loss of clean lists expects.
    perturbed = ops.where(mask, perturbed / temperature, 0.0)
    return backend.mean(fn(labels, perturbed, mask=mask, **options), axis=-1)
