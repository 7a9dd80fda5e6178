"""Lambda weights: how much a metric changes when two documents swap places, or how much one document adds to it.

Where they act:

- pairwise losses and `MixtureEMLoss`: every weight with `pair_weights`;
- softmax losses: the DCG family (`DCGLambdaWeight`, `NDCGLambdaWeight`, `DCGLambdaWeightV2`, `NDCGLambdaWeightV2`,
  `YetiDCGLambdaWeight`), whose `document_weights` replace the gain;
- losses that approximate NDCG: the DCG family, whose gain, discount, cut-off and normalisation define the metric to
  approximate;
- `ListMLELoss`: `ListMLELambdaWeight`, a weight of each position.

Any other combination raises a ValueError. A weight of your own is a class with `pair_weights(labels, ranks)` -> [...,
list_size, list_size], or `document_weights(labels, ranks)` -> [..., list_size], or both. It acts in the losses that use
that method. Labels and ranks are [..., list_size]. Ranks start at 1, by descending score; padding has label 0 and ranks
after all real documents. Weights of padding are ignored, and no gradient flows through a weight. A method with a third
parameter `mask`, [..., list_size] bool, also gets which documents are real. An `of_pairs` with a fourth parameter
`weights` also gets the weights of the documents.

>>> import keras
>>> from keras import ops
>>> from plackett.lambdas import LambdaWeight
>>> from plackett.losses import PairwiseLogisticLoss
>>> @keras.saving.register_keras_serializable("mine")
... class TopWeight(LambdaWeight):
...     def __init__(self, power=1.0):
...         self.power = power
...
...     def pair_weights(self, labels, ranks):
...         "A pair counts by its higher rank."
...         return 1.0 / ops.minimum(ranks[..., :, None], ranks[..., None, :]) ** self.power
>>> loss = PairwiseLogisticLoss(lambda_weight=TopWeight(power=2.0))
>>> round(float(loss([[0.0, 1.0, 0.0]], [[0.3, 0.2, 0.1]])), 6)
0.905496

The base class `LambdaWeight` adds `get_config` and `from_config`, so that the weight is saved with the loss. The base
class is optional. Such a weight makes a matrix of all pairs, which is too large for long lists. If the weight of a pair
is a function of values of its two documents, derive from `PairWeight`: its `of_pairs` returns these values and the
function, and no matrix is made.

>>> from plackett.lambdas import PairWeight
>>> class LeanTopWeight(PairWeight):
...     def of_pairs(self, labels, ranks, mask):
...         return [ranks], lambda i, j: 1.0 / ops.minimum(i[0], j[0]) ** 2.0
>>> round(float(PairwiseLogisticLoss(lambda_weight=LeanTopWeight())([[0.0, 1.0, 0.0]], [[0.3, 0.2, 0.1]])), 6)
0.905496
"""

from plackett import _keras
from plackett.lambdas._dcg import (
    DCGFamily,
    DCGLambdaWeight,
    DCGLambdaWeightV2,
    NDCGLambdaWeight,
    NDCGLambdaWeightV2,
    YetiDCGLambdaWeight,
)
from plackett.lambdas._pairs import (
    DocumentWeight,
    LabelDiffLambdaWeight,
    LambdaWeight,
    PairWeight,
    PrecisionLambdaWeight,
)
from plackett.lambdas._positions import ListMLELambdaWeight

__all__ = [
    "DCGFamily",
    "DCGLambdaWeight",
    "DCGLambdaWeightV2",
    "DocumentWeight",
    "LabelDiffLambdaWeight",
    "LambdaWeight",
    "ListMLELambdaWeight",
    "NDCGLambdaWeight",
    "NDCGLambdaWeightV2",
    "PairWeight",
    "PrecisionLambdaWeight",
    "YetiDCGLambdaWeight",
]
