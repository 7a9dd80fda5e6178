"""The gradient of a loss by its scores, and the diagonal of its second derivative, as Newton's method needs them."""

from keras import ops

from plackett import backend
from plackett.backend.curvature import hessian_diagonal
from plackett.lists import gumbel
from plackett.lists._order import from_median
from plackett.lists._samples import per_sample


def gradient_and_curvature(loss, labels, scores, mask, *, weights=None, by_list=None, noise=None):
    """The derivatives of the sum of one loss a list, document by document.

    For scores s and the losses L of the lists, each times its weight,

        gradient_i = dL/ds_i,    curvature_i = d^2L/ds_i^2

    the ranks in lambda weights held fixed. Where the function of the loss has a `curvature` of its own, see
    `RankingLoss`, that is the curvature; else it is computed document by document.

    Args:
        loss: a `RankingLoss` of one score a document.
        labels, scores, mask: clean lists, [lists, list_size] each.
        weights: [lists, list_size], weights of documents, of a loss that weighs them. None = 1.
        by_list: [lists, 1], the weight of each list. None = 1.
        noise: [lists, samples, list_size], of a loss that draws some.

    Returns:
        (gradient, curvature), [lists, list_size] each; 0 at padding.

    Cost: that of the loss, its gradient and its curvature; without one of its own, list_size times that of the
    gradient.
    """
    fixed = loss.copy()
    if noise is not None:
        fixed.draw_noise = lambda labels, scores: noise
    _, gradient = backend.value_and_slope(lambda x: fixed._losses(labels, x, mask, weights), scores)
    curvature = _curvature(loss, labels, scores, mask, weights, noise)
    return (gradient, curvature) if by_list is None else (by_list * gradient, by_list * curvature)


def _curvature(loss, labels, scores, mask, weights, noise):
    options = loss.options | ({"weights": weights} if loss.weighs_documents else {})
    if noise is None or loss.takes_noise:
        if noise is not None:
            options |= {"noise": noise}
        scale = 1.0 / loss.temperature
        return scale**2 * _of_function(loss, labels, scale * scores, mask, options)
    scale = 1.0 / (loss.gumbel_temperature * loss.temperature)
    perturbed = scale * (from_median(scores, mask)[..., None, :] + gumbel(noise, scores))
    labels, mask = (per_sample(x, perturbed) for x in (labels, mask))
    if weights is not None:
        options["weights"] = per_sample(weights, perturbed)
    perturbed = ops.where(mask, perturbed, 0.0)
    return scale**2 * backend.mean(_of_function(loss, labels, perturbed, mask, options), axis=-2)


def _of_function(loss, labels, scores, mask, options):
    if loss.curvature is not None:
        return loss.curvature(labels, scores, mask=mask, **options)
    return hessian_diagonal(lambda x: loss.fn(labels, x, mask=mask, **options), scores)
