"""Losses that teach a student the rankings of a teacher."""

import keras
from keras import ops

from plackett.backend import cumulative_logsumexp
from plackett.lists import ascending_order, below_top, clean, count, gumbel, per_sample, take
from plackett.losses.base import RankingLoss, check_options


def coupled_rank_distil(labels, scores, *, noise, mask=None, topk: int | None = None):
    """Coupled RankDistil: the likelihood of the teacher's sampled rankings under the student's Plackett-Luce model.

    For one list with teacher scores y, student scores s and uniform noise u,

        g = -log(-log u)
        pi = the order of falling y + g
        loss = mean over samples of sum_{i <= k} (log sum_{j >= i} e^s_pi(j) - s_pi(i))

    Sorted by rising y + g, the documents that a choice is made from are a prefix, so one cumulative log-sum-exp
    serves all positions.

    Args:
        labels: [..., list_size], the teacher's scores.
        scores: [..., list_size], the student's scores; higher ranks first.
        noise: [..., samples, list_size], uniform on [0, 1).
        mask: [..., list_size] bool, True = real document. None = all real.
        topk: k, the positions that count, from the top; clipped to the list. None = all.

    Returns:
        [...], one loss a list, in nats; 0 where every teacher score is 0.

    Raises:
        ValueError: the shapes do not fit, or topk < 1.

    Cost: O(list_size log list_size) time and O(list_size) memory a sample.

    Reference: Reddi et al., "RankDistil: Knowledge Distillation for Ranking", AISTATS 2021, section 4.2.
    """
    check_options(topk=topk)
    labels, scores, mask = clean(labels, scores, mask)
    teacher = labels[..., None, :] + gumbel(noise, scores)
    scores, real = per_sample(below_top(scores, mask), teacher), per_sample(mask, teacher)
    chosen = take(scores, ascending_order(teacher, real))
    place = ops.arange(ops.shape(chosen)[-1], dtype="int32")
    documents = count(real)[..., None]
    counts = place < documents
    if topk is not None:
        counts = counts & (place >= documents - topk)
    losses = ops.sum(ops.where(counts, cumulative_logsumexp(chosen) - chosen, 0.0), axis=-1)
    return ops.where(ops.any(labels != 0, axis=-1), ops.mean(losses, axis=-1), 0.0)


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
