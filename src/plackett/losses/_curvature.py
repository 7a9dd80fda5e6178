"""The gradient of a loss with respect to its scores, and the diagonal of its Hessian, for Newton's method."""

from keras import ops

from plackett import backend
from plackett.backend.curvature import hessian_diagonal
from plackett.lists import gumbel
from plackett.lists._order import from_median
from plackett.lists._samples import per_sample


def gradient_and_curvature(loss, labels, scores, mask, *, weights=None, by_list=None, noise=None):
    """The derivatives of the sum of the losses of all lists, document by document.

    For scores s and the losses L of the lists, each times its weight,

        gradient_i = dL/ds_i,    curvature_i = d^2L/ds_i^2

    with the ranks in lambda weights held fixed. The curvature comes from the `derivatives` or the `curvature` of the
    loss, see `RankingLoss`; without either, it is computed document by document.

    Args:
        loss: a `RankingLoss` that takes one score per document.
        labels, scores, mask: clean lists, [lists, list_size] each.
        weights: [lists, list_size], document weights, for a loss that reads them. None = 1.
        by_list: [lists, 1], the weight of each list. None = 1.
        noise: [lists, samples, list_size], for a loss that draws noise, instead of what it would draw.

    Returns:
        (gradient, curvature), [lists, list_size] each; 0 at padding.

    Cost: that of the loss, its gradient and its curvature. For a loss without a curvature of its own, list_size times
    that of the gradient.
    """
    options = loss.options | ({"weights": weights} if loss.weighs_documents else {})
    if loss.sample_size is None or loss.takes_noise:
        scale, per_list = 1.0 / loss.temperature, lambda x: x
        given, scaled = (labels, mask), scale * scores
        options |= {"noise": noise} if loss.takes_noise else {}
    else:
        scale, per_list = 1.0 / (loss.gumbel_temperature * loss.temperature), lambda x: backend.mean(x, axis=-2)
        scaled = scale * (from_median(scores, mask)[..., None, :] + gumbel(noise, scores))
        given = [x[..., None, :] if loss.shares_labels else per_sample(x, scaled) for x in (labels, mask)]
        options |= {"weights": per_sample(weights, scaled)} if weights is not None else {}
        scaled = ops.where(given[1], scaled, 0.0)
    gradient, curvature = _derivatives(loss, *given, scaled, options)
    by_document = ops.cast(mask, scores.dtype) if by_list is None else ops.where(mask, by_list, 0.0)
    return by_document * scale * per_list(gradient), by_document * scale**2 * per_list(curvature)


def _derivatives(loss, labels, mask, scores, options):
    """(gradient, curvature) of the function of the loss with respect to the scores that it gets."""
    if loss.derivatives is not None:
        return loss.derivatives(labels, scores, mask=mask, **options)

    def fn(scores):
        return loss.fn(labels, scores, mask=mask, **options)

    if loss.curvature is None:
        return derivatives_of(fn, scores)
    return backend.value_and_slope(fn, scores)[1], loss.curvature(labels, scores, mask=mask, **options)


def derivatives_of(fn, scores):
    """(gradient, curvature) of any function `fn`: [..., list_size] -> [...]."""
    return backend.value_and_slope(fn, scores)[1], hessian_diagonal(fn, scores)
