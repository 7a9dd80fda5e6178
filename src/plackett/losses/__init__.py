"""Ranking losses. Each is a pure function of one batch of lists, and a thin Keras class of the same name + `Loss`.

A function returns one number per list. All classes share these options:

- `reduction`: `"auto"`, `"sum_over_batch_size"` or `"mean"`, the mean over lists; `"sum"`; `"none"` or None, one number
  per list; `"mean_with_sample_weight"`, the weighted mean over the lists that have a relevant document.
- `name`: the name of the loss; None = the name of the class in lower case.
- `lambda_weight`: see `plackett.lambdas`.
- `temperature`: the scores are divided by it.
- labels, in a call: numbers or booleans, [lists, list_size] or [lists, list_size, 1]. Scores have the same shapes, so
  that a model may end in `Dense(1)`; a loss that takes several scores per document takes [lists, list_size, models].
  In-batch losses (N-pairs, in-batch softmax) take one label per row (see `in_batch_labels`) and a matrix of
  similarities.
- `ragged`: accept ragged labels, scores and weights: `tf.RaggedTensor`, jagged `torch.nested` tensors, `Ragged`
  (a JAX pytree), lists of lists.
- `sample_weight`, in a call: one number for all lists; [lists] or [lists, 1], one weight per list; or [lists,
  list_size], one weight per document (for a single list also [list_size]). Weights of documents become the list weight
  sum_i w_i y_i / sum_i y_i, or, under a Keras mask, the mean of the w_i. Losses whose function has a parameter
  `weights` usually multiply each document's own terms instead; `unique_softmax` and `approx_ndcg` do so only as
  functions, not as classes. In-batch losses take one weight per row.

Which documents are real: the Keras mask that the scores carry decides, or the argument `mask` of a function. Negative
labels are then ordinary numbers. Without a mask, a label below 0 marks padding. A label of NaN or infinity is not
padding: it raises an error or, inside a compiled function, makes the loss of its list NaN.

Derivatives: every loss can be differentiated any number of times with respect to its scores and to the `weights` of its
documents. On JAX this includes forward mode and `jax.vmap`, on PyTorch `torch.func`. What a gradient holds fixed
(lambda weights, the responsibilities of an EM step, the weights a and b of `circle`), higher derivatives hold fixed
too.

Losses are computed in float32, or in float64 where the scores are float64. JAX turns float64 into float32 unless
`jax_enable_x64` is set.
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
