"""Ranking losses: each a pure function of one batch of lists, and a thin Keras class of the same name + `Loss`.

A function returns one number a list. What all the classes share:

- `reduction`: `"auto"` or `"sum_over_batch_size"` or `"mean"`, the mean over lists; `"sum"`; `"none"` or None, one
  number a list; `"mean_with_sample_weight"`, the weighted mean over the lists that have a relevant document.
- `name`: the name of the loss; None = from the class.
- `lambda_weight`: see `plackett.lambdas`.
- `temperature`: the scores are divided by it.
- labels, when called: numbers or booleans, [lists, list_size] or [lists, list_size, 1]; scores: likewise, so that a
  model may end in `Dense(1)`, or [lists, list_size, models] where the loss takes several scores a document. In-batch
  losses (N-pairs, in-batch softmax) take labels of rows, see `in_batch_labels`, and similarities as they are.
- `ragged`: accept ragged labels, scores and weights: `tf.RaggedTensor`, jagged `torch.nested` tensors, `Ragged`
  (a JAX pytree), lists of lists.
- `sample_weight`, when called: a number for all lists; [lists] or [lists, 1], a weight a list; [lists, list_size], of
  a single list also [list_size], a weight a document, which becomes the list weight sum_i w_i y_i / sum_i y_i (under
  a Keras mask: the mean of the w_i). Most functions with a parameter `weights` weigh each document's own terms
  instead, in their classes too; `unique_softmax` and `approx_ndcg` do so as functions alone. In-batch losses take
  a weight a row.

Who is real: the Keras mask that the scores carry decides, or `mask` of a function, and then negative labels are
ordinary numbers; otherwise a label below 0 marks padding. A label of NaN or infinity is no padding: it is an error, or,
inside a compiled function, makes the loss of its list NaN.

Derivatives: every loss can be differentiated any number of times by its scores, and by the `weights` of its documents;
on JAX in forward mode and under `jax.vmap` too, on PyTorch under `torch.func`. What is held fixed in a gradient (lambda
weights, the responsibilities of an EM step, the weights a and b of `circle`) is so in all of them.

Numbers are float32, or float64 where the scores are; JAX itself makes float32 of float64 unless `jax_enable_x64` is
set.
"""

from plackett import _keras
from plackett.lambdas import (
    DCGLambdaWeight,
    DCGLambdaWeightV2,
    LabelDiffLambdaWeight,
    ListMLELambdaWeight,
    NDCGLambdaWeight,
    NDCGLambdaWeightV2,
    PrecisionLambdaWeight,
    YetiDCGLambdaWeight,
)
from plackett.losses._any_loss import as_ranking_loss
from plackett.losses._approx import (
    ApproxMRRLoss,
    ApproxNDCGLoss,
    GumbelApproxNDCGLoss,
    approx_mrr,
    approx_ndcg,
    approx_ranks,
    bound_ranks,
    gumbel_approx_ndcg,
)
from plackett.losses._base import RankingLoss
from plackett.losses._by_name import deserialize, get
from plackett.losses._circle import CircleLoss, circle
from plackett.losses._clicks import ClickEMLoss, MixtureEMLoss, click_em, mixture_em
from plackett.losses._cut_off import (
    ApproxAveragePrecisionLoss,
    ApproxPrecisionLoss,
    ApproxRecallLoss,
    approx_average_precision,
    approx_precision,
    approx_recall,
)
from plackett.losses._distillation import (
    CoupledRankDistilLoss,
    ListNetLoss,
    MarginMSELoss,
    coupled_rank_distil,
    list_net,
    margin_mse,
)
from plackett.losses._in_batch import InBatchSoftmaxLoss, in_batch_softmax
from plackett.losses._in_batch_labels import in_batch_labels
from plackett.losses._listmle import ListMLELoss, list_mle
from plackett.losses._neuralsort import (
    NeuralSortCrossEntropyLoss,
    NeuralSortNDCGLoss,
    neural_sort,
    neural_sort_cross_entropy,
    neural_sort_ndcg,
)
from plackett.losses._npairs import NpairsLoss, NpairsMultilabelLoss, npairs, npairs_multilabel
from plackett.losses._pairwise import (
    PairwiseHingeLoss,
    PairwiseLogisticLoss,
    PairwiseMSELoss,
    PairwiseSoftZeroOneLoss,
    PairwiseSquaredHingeLoss,
    pairwise,
    pairwise_hinge,
    pairwise_logistic,
    pairwise_mse,
    pairwise_soft_zero_one,
    pairwise_squared_hinge,
)
from plackett.losses._pointwise import (
    MeanSquaredLoss,
    MultiClassLoss,
    OrdinalLoss,
    SigmoidCrossEntropyLoss,
    mean_squared,
    multi_class,
    ordinal,
    sigmoid_cross_entropy,
)
from plackett.losses._sampled import sampled
from plackett.losses._softmax import (
    CalibratedSoftmaxLoss,
    PolyOneSoftmaxLoss,
    SoftmaxLoss,
    UniqueSoftmaxLoss,
    calibrated_softmax,
    poly_one_softmax,
    softmax,
    unique_softmax,
)
from plackett.losses._yeti import YetiLogisticLoss, yeti_logistic

__all__ = [
    "ApproxAveragePrecisionLoss",
    "ApproxMRRLoss",
    "ApproxNDCGLoss",
    "ApproxPrecisionLoss",
    "ApproxRecallLoss",
    "CalibratedSoftmaxLoss",
    "CircleLoss",
    "ClickEMLoss",
    "CoupledRankDistilLoss",
    "DCGLambdaWeight",
    "DCGLambdaWeightV2",
    "GumbelApproxNDCGLoss",
    "InBatchSoftmaxLoss",
    "LabelDiffLambdaWeight",
    "ListMLELambdaWeight",
    "ListMLELoss",
    "ListNetLoss",
    "MarginMSELoss",
    "MeanSquaredLoss",
    "MixtureEMLoss",
    "MultiClassLoss",
    "NDCGLambdaWeight",
    "NDCGLambdaWeightV2",
    "NeuralSortCrossEntropyLoss",
    "NeuralSortNDCGLoss",
    "NpairsLoss",
    "NpairsMultilabelLoss",
    "OrdinalLoss",
    "PairwiseHingeLoss",
    "PairwiseLogisticLoss",
    "PairwiseMSELoss",
    "PairwiseSoftZeroOneLoss",
    "PairwiseSquaredHingeLoss",
    "PolyOneSoftmaxLoss",
    "PrecisionLambdaWeight",
    "RankingLoss",
    "SigmoidCrossEntropyLoss",
    "SoftmaxLoss",
    "UniqueSoftmaxLoss",
    "YetiDCGLambdaWeight",
    "YetiLogisticLoss",
    "approx_average_precision",
    "approx_mrr",
    "approx_ndcg",
    "approx_precision",
    "approx_ranks",
    "approx_recall",
    "bound_ranks",
    "calibrated_softmax",
    "circle",
    "click_em",
    "coupled_rank_distil",
    "deserialize",
    "get",
    "gumbel_approx_ndcg",
    "in_batch_labels",
    "in_batch_softmax",
    "list_mle",
    "list_net",
    "margin_mse",
    "mean_squared",
    "mixture_em",
    "multi_class",
    "neural_sort",
    "neural_sort_cross_entropy",
    "neural_sort_ndcg",
    "npairs",
    "npairs_multilabel",
    "ordinal",
    "pairwise",
    "pairwise_hinge",
    "pairwise_logistic",
    "pairwise_mse",
    "pairwise_soft_zero_one",
    "pairwise_squared_hinge",
    "poly_one_softmax",
    "sampled",
    "sigmoid_cross_entropy",
    "softmax",
    "unique_softmax",
    "yeti_logistic",
]
