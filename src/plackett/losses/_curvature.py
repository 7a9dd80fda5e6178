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

    the ranks in lambda weights held fixed. Where the function of the loss has `derivatives` or a `curvature` of its
    own, see `RankingLoss`, that is the curvature; else it is computed document by document.

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
    lists = loss, labels, scores, mask, weights, noise
    if loss.derivatives is not None:
        gradient, curvature = _of_function(loss.derivatives, (1, 2), *lists)
    else:
        fixed = loss.copy()
        if noise is not None:
            fixed.draw_noise = lambda labels, scores: noise
        _, gradient = backend.value_and_slope(lambda x: fixed._losses(labels, x, mask, weights), scores)
        if loss.curvature is not None:
            (curvature,) = _of_function(lambda *args, **options: [loss.curvature(*args, **options)], (2,), *lists)
        else:
            curvature = hessian_diagonal(lambda x: fixed._losses(labels, x, mask, weights), scores)
    return (gradient, curvature) if by_list is None else (by_list * gradient, by_list * curvature)


def derivatives_of(fn, scores):
    """(gradient, curvature) of `fn`, of which nothing is known: [..., list_size] -> [...]."""
    return backend.value_and_slope(fn, scores)[1], hessian_diagonal(fn, scores)


def _of_function(fn, orders, loss, labels, scores, mask, weights, noise):
    """The derivatives of these orders by the scores, out of those by what the function of the loss is told."""
    options = loss.options | ({"weights": weights} if loss.weighs_documents else {})
    if noise is None or loss.takes_noise:
        if noise is not None:
            options |= {"noise": noise}
        scale = 1.0 / loss.temperature
        found = fn(labels, scale * scores, mask=mask, **options)
        return [scale**order * x for order, x in zip(orders, found, strict=True)]
    scale = 1.0 / (loss.gumbel_temperature * loss.temperature)
    perturbed = scale * (from_median(scores, mask)[..., None, :] + gumbel(noise, scores))
    labels, mask = (x[..., None, :] if loss.shares_labels else per_sample(x, perturbed) for x in (labels, mask))
    if weights is not None:
        options["weights"] = per_sample(weights, perturbed)
    found = fn(labels, ops.where(mask, perturbed, 0.0), mask=mask, **options)
    return [scale**order * backend.mean(x, axis=-2) for order, x in zip(orders, found, strict=True)]
