"""Losses that teach a student the rankings of a teacher."""

import keras
from keras import ops

from plackett import backend
from plackett.lists import ascending_order, clean, gumbel
from plackett.lists._order import from_median
from plackett.lists._samples import per_sample
from plackett.losses._base import RankingLoss
from plackett.losses._listmle import choices
from plackett.losses._options import check_options


def coupled_rank_distil(labels, scores, *, noise, mask=None, topk: int | None = None):
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
    check_options(topk=topk)
    labels, scores, mask = clean(labels, scores, mask)
    teacher = from_median(labels, mask)[..., None, :] + gumbel(noise, scores)
    scores, real = per_sample(scores, teacher), per_sample(mask, teacher)
    surprisals, positions = choices(scores, ascending_order(teacher, real), real)
    counts = positions >= 1 if topk is None else (positions >= 1) & (positions <= topk)
    losses = ops.sum(ops.where(counts, surprisals, 0.0), axis=-1)
    return ops.where(ops.any(labels != 0, axis=-1), backend.mean(losses, axis=-1), 0.0)


@keras.saving.register_keras_serializable("plackett")
class CoupledRankDistilLoss(RankingLoss):
    """`coupled_rank_distil` as a Keras loss, with noise of its own."""

    def __init__(self, reduction="auto", name=None, ragged=False, sample_size=8, topk=None, temperature=1.0, seed=37):
        super().__init__(
            coupled_rank_distil,
            reduction,
            name,
            temperature=temperature,
            ragged=ragged,
            sample_size=sample_size,
            seed=seed,
            topk=topk,
        )
