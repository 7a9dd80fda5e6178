"""Ranking losses: each a pure function of one batch of lists, and a thin Keras class of the same name + `Loss`.

A function returns one number a list. What all the classes share:

- `reduction`: `"auto"` or `"sum_over_batch_size"` or `"mean"`, the mean over lists; `"sum"`; `"none"` or None, one
  number a list; `"mean_with_sample_weight"`, the weighted mean over the lists that have a relevant document.
- `name`: the name of the loss; None = from the class.
- `lambda_weight`: see `plackett.lambdas`.
- `temperature`: the scores are divided by it.
- labels, when called: numbers or booleans, [lists, list_size] or [lists, list_size, 1]; scores: likewise, so that a
  model may end in `Dense(1)`, or [lists, list_size, models] where the loss takes several scores a document. N-pairs
  losses take classes and similarities as they are.
- `ragged`: accept ragged labels, scores and weights: `tf.RaggedTensor`, jagged `torch.nested` tensors, `Ragged`
  (a JAX pytree), lists of lists.
- `sample_weight`, when called: [lists] or [lists, 1], a weight a list; [lists, list_size], a weight a document,
  which becomes the list weight sum_i w_i y_i / sum_i y_i (under a Keras mask: the mean of the w_i). Functions with a
  parameter `weights` weigh each document's own terms instead; N-pairs losses take a weight a row.

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
from plackett.losses.approx import (
    ApproxMRRLoss,
    ApproxNDCGLoss,
    GumbelApproxNDCGLoss,
    approx_mrr,
    approx_ndcg,
    approx_ranks,
    gumbel_approx_ndcg,
)
from plackett.losses.circle import CircleLoss, circle
from plackett.losses.clicks import ClickEMLoss, MixtureEMLoss, click_em, mixture_em
from plackett.losses.distill import CoupledRankDistilLoss, coupled_rank_distil
from plackett.losses.listmle import ListMLELoss, list_mle
from plackett.losses.lookup import deserialize, get
from plackett.losses.neuralsort import NeuralSortNDCGLoss, neural_sort, neural_sort_ndcg
from plackett.losses.npairs import NpairsLoss, NpairsMultilabelLoss, npairs, npairs_multilabel
from plackett.losses.pairwise import (
    PairwiseHingeLoss,
    PairwiseLogisticLoss,
    PairwiseMSELoss,
    PairwiseSoftZeroOneLoss,
    YetiLogisticLoss,
    pairwise,
    pairwise_hinge,
    pairwise_logistic,
    pairwise_mse,
    pairwise_soft_zero_one,
    yeti_logistic,
)
from plackett.losses.pointwise import (
    MeanSquaredLoss,
    OrdinalLoss,
    SigmoidCrossEntropyLoss,
    mean_squared,
    ordinal,
    sigmoid_cross_entropy,
)
from plackett.losses.sampled import sampled
from plackett.losses.softmax import (
    CalibratedSoftmaxLoss,
    PolyOneSoftmaxLoss,
    SoftmaxLoss,
    UniqueSoftmaxLoss,
    calibrated_softmax,
    poly_one_softmax,
    softmax,
    unique_softmax,
)

__all__ = [
    "ApproxMRRLoss",
    "ApproxNDCGLoss",
    "CalibratedSoftmaxLoss",
    "CircleLoss",
    "ClickEMLoss",
    "CoupledRankDistilLoss",
    "DCGLambdaWeight",
    "GumbelApproxNDCGLoss",
    "LabelDiffLambdaWeight",
    "ListMLELambdaWeight",
    "ListMLELoss",
    "MeanSquaredLoss",
    "MixtureEMLoss",
    "NDCGLambdaWeight",
    "NDCGLambdaWeightV2",
    "NeuralSortNDCGLoss",
    "NpairsLoss",
    "NpairsMultilabelLoss",
    "OrdinalLoss",
    "PairwiseHingeLoss",
    "PairwiseLogisticLoss",
    "PairwiseMSELoss",
    "PairwiseSoftZeroOneLoss",
    "PolyOneSoftmaxLoss",
    "PrecisionLambdaWeight",
    "SigmoidCrossEntropyLoss",
    "SoftmaxLoss",
    "UniqueSoftmaxLoss",
    "YetiDCGLambdaWeight",
    "YetiLogisticLoss",
    "approx_mrr",
    "approx_ndcg",
    "approx_ranks",
    "calibrated_softmax",
    "circle",
    "click_em",
    "coupled_rank_distil",
    "deserialize",
    "get",
    "gumbel_approx_ndcg",
    "list_mle",
    "mean_squared",
    "mixture_em",
    "neural_sort",
    "neural_sort_ndcg",
    "npairs",
    "npairs_multilabel",
    "ordinal",
    "pairwise",
    "pairwise_hinge",
    "pairwise_logistic",
    "pairwise_mse",
    "pairwise_soft_zero_one",
    "poly_one_softmax",
    "sampled",
    "sigmoid_cross_entropy",
    "softmax",
    "unique_softmax",
    "yeti_logistic",
]
