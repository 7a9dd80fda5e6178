"""Ranking losses: each a pure function of one batch of lists, and a thin Keras class of the same name + `Loss`.

A function returns one number a list. What all the classes share:

- `reduction`: `"auto"` or `"sum_over_batch_size"` or `"mean"`, the mean over lists; `"sum"`; `"none"` or None, one
  number a list; `"mean_with_sample_weight"`, the weighted mean over the lists that have a relevant document.
- `name`: the name of the loss; None = from the class.
- `lambda_weight`: see `plackett.lambdas`.
- `temperature`: the scores are divided by it.
- `ragged`: accept ragged labels, scores and weights: `tf.RaggedTensor`, jagged `torch.nested` tensors, `Ragged`
  (a JAX pytree), lists of lists.
- `sample_weight`, when called: [lists] or [lists, 1], a weight a list; [lists, list_size], a weight a document,
  which becomes the list weight sum_i w_i y_i / sum_i y_i (under a Keras mask: the mean of the w_i). `SoftmaxLoss`
  weighs each document's own term instead; `NpairsLoss` takes a weight a row.

Who is real: the Keras mask that the scores carry decides, and then negative labels are ordinary numbers;
otherwise a label below 0 marks padding.
"""

from plackett.lambdas import (
    DCGLambdaWeight,
    LabelDiffLambdaWeight,
    ListMLELambdaWeight,
    NDCGLambdaWeight,
    NDCGLambdaWeightV2,
    PrecisionLambdaWeight,
    YetiDCGLambdaWeight,
)
from plackett.losses.approx import ApproxNDCGLoss, GumbelApproxNDCGLoss, approx_ndcg, approx_ranks, gumbel_approx_ndcg
from plackett.losses.clicks import MixtureEMLoss, mixture_em
from plackett.losses.distill import CoupledRankDistilLoss, coupled_rank_distil
from plackett.losses.npairs import NpairsLoss, npairs
from plackett.losses.softmax import SoftmaxLoss, UniqueSoftmaxLoss, softmax, unique_softmax

__all__ = [
    "ApproxNDCGLoss",
    "CoupledRankDistilLoss",
    "DCGLambdaWeight",
    "GumbelApproxNDCGLoss",
    "LabelDiffLambdaWeight",
    "ListMLELambdaWeight",
    "MixtureEMLoss",
    "NDCGLambdaWeight",
    "NDCGLambdaWeightV2",
    "NpairsLoss",
    "PrecisionLambdaWeight",
    "SoftmaxLoss",
    "UniqueSoftmaxLoss",
    "YetiDCGLambdaWeight",
    "approx_ndcg",
    "approx_ranks",
    "coupled_rank_distil",
    "gumbel_approx_ndcg",
    "mixture_em",
    "npairs",
    "softmax",
    "unique_softmax",
]
