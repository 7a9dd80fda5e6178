"""Losses that teach a student the rankings of a teacher."""

from keras import ops

from plackett import backend
from plackett._types import Tensor
from plackett.lists import ascending_order, clean, gumbel
from plackett.lists._order import from_median
from plackett.lists._samples import per_sample
from plackett.losses._base import RankingLoss, Reduction
from plackett.losses._listmle import choices, derivatives_of_choices, positions_of
from plackett.registry import check_options, register
from plackett.registry.options import Count, Positive, Whole


def coupled_rank_distil(
    labels: Tensor, scores: Tensor, *, noise: Tensor, mask: Tensor | None = None, topk: Count | None = None
) -> Tensor:
    """Coupled RankDistil: the likelihood of the teacher's sampled rankings under the student's Plackett-Luce model.

    For one list with teacher scores y, student scores s and uniform noise u,

        g = -log(-log u)
        pi = the order of falling y + g
        loss = mean over samples of sum_{i <= k} (log sum_{j >= i} e^s_pi(j) - s_pi(i))

    Args:
        labels: [..., list_size], the teacher's scores.
        scores: [..., list_size], the student's scores; higher ranks first.
        noise: [..., samples, list_size], uniform on [0, 1).
        mask: [..., list_size] bool, True = real document. None = where the label is not below 0.
        topk: k, the positions that count, from the top; clipped to the list. None = all.

    Returns:
        [...], one loss a list, in nats; 0 where every teacher score is 0.

    Raises:
        ValueError: the shapes do not fit, or topk < 1.

    Cost: O(list_size log list_size) time and O(list_size) memory a sample.

    Derivatives: of any order and mode, see `plackett.losses`.

    When: a better ranker's scores are at hand, and a smaller or faster one shall rank alike.

    Reference: Reddi et al., "RankDistil: Knowledge Distillation for Ranking", AISTATS 2021.
    """
    check_options(coupled_rank_distil, topk=topk)
    labels, scores, mask = clean(labels, scores, mask)
    return _coupled_rank_distil(labels, scores, mask=mask, noise=noise, topk=topk)


def _coupled_rank_distil(labels, scores, *, mask, noise, topk):
    scores, real, order = _rankings(labels, scores, mask, noise)
    surprisals, positions = choices(scores, order, real)
    losses = ops.sum(ops.where(_counts(positions, topk), surprisals, 0.0), axis=-1)
    return ops.where(ops.any(labels != 0, axis=-1), backend.mean(losses, axis=-1), 0.0)


def _coupled_rank_distil_derivatives(labels, scores, *, mask, noise, topk):
    scores, real, order = _rankings(labels, scores, mask, noise)
    weights = ops.cast(_counts(positions_of(order, real), topk), scores.dtype)
    teaches = ops.any(labels != 0, axis=-1, keepdims=True)
    found = derivatives_of_choices(scores, order, real, weights)
    return [ops.where(teaches, backend.mean(x, axis=-2), 0.0) for x in found]


def _rankings(labels, scores, mask, noise):
    """(scores, mask, order) of each sample, [..., samples, list_size] each; the teacher's ranking from its end."""
    teacher = from_median(labels, mask)[..., None, :] + gumbel(noise, scores)
    real = per_sample(mask, teacher)
    return per_sample(scores, teacher), real, ascending_order(teacher, real)


def _counts(positions, topk):
    return positions >= 1 if topk is None else (positions >= 1) & (positions <= topk)


@register
class CoupledRankDistilLoss(RankingLoss):
    """Coupled RankDistil: rankings sampled from a teacher's scores, and their likelihood under the student's scores.

        loss = mean over samples of sum_{i <= topk} (log sum_{j >= i} e^s_pi(j) - s_pi(i))
        pi = the order of falling y + Gumbel noise

    Take it where a better ranker's scores are at hand, as labels, and a smaller or faster one shall rank alike. The
    noise of a step is drawn anew. `coupled_rank_distil` is the function.

    >>> loss = CoupledRankDistilLoss(topk=2)
    >>> teacher, student = [[9.0, 5.0, 0.0]], [[2.0, 1.0, 0.0]]
    >>> float(loss(teacher, student)) < float(loss(teacher, [[0.0, 1.0, 2.0]]))
    True
    """

    fn = staticmethod(_coupled_rank_distil)
    derivatives = staticmethod(_coupled_rank_distil_derivatives)
    takes_noise = True

    def __init__(
        self,
        reduction: Reduction = "auto",
        name: str | None = None,
        ragged: bool = False,
        sample_size: Count = 8,
        topk: Count | None = None,
        temperature: Positive = 1.0,
        seed: Whole | None = 37,
    ):
        super().__init__(reduction, name, None, temperature, ragged, sample_size, seed=seed, topk=topk)
