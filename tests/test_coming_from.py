"""The tables of docs/from_*.md: the numbers of plackett beside those of the old libraries.

`benchmarks/coming_from.py` writes the numbers of the old libraries.
"""

import json
import pathlib
import sys

import numpy as np
import pytest
from keras import ops

from plackett import gains, losses, metrics
from plackett.losses import NDCGLambdaWeight, NDCGLambdaWeightV2

ROOT = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks/before"))
from values import CLASSES, EMBEDDINGS, LABELS, SCORES, SEVERAL, SIMILARITIES, WHOLE_LABELS  # noqa: E402

KNOWN = json.loads((ROOT / "tests/golden/coming_from.json").read_text())


def mean(loss):
    """A function of labels and scores -> the mean over its lists, without padding."""
    return lambda: ops.mean(loss(WHOLE_LABELS, SCORES))


def by_size(name, weight=None):
    """A loss of TensorFlow Ranking that is a mean over documents: ours is the sum."""
    return lambda: getattr(losses, name)(**({"lambda_weight": weight} if weight else {}))(WHOLE_LABELS, SCORES) / 7


def metric(kind, **options):
    return lambda: measure(kind(**options), WHOLE_LABELS)


def measure(made, labels):
    made.update_state(labels, SCORES)
    return made.result()


def padded(loss, **options):
    """The mean over all lists, with padding."""
    return lambda: ops.mean(loss(LABELS, SCORES, **options))


def summed(loss, **options):
    return lambda: ops.sum(loss(LABELS, SCORES, **options))


def pairs():
    """How many pairs of different labels there are, in all lists."""
    return sum((np.subtract.outer(y, y) > 0).sum() for y in (row[row >= 0] for row in LABELS))


def over_pairs(loss, **options):
    return lambda: summed(loss, **options)() / pairs()


def quantile(scores, labels):
    """What rax's `pairwise_qr_loss` sums over pairs."""
    return 0.5 * ops.relu(labels - scores) + 0.5 * ops.relu(scores - labels)


def documents():
    return (LABELS >= 0).sum()


def pairs_of_all():
    """How many pairs there are, in both orders, and each document with itself."""
    return ((LABELS >= 0).sum(axis=1) ** 2).sum()


def by_size_of_list(weight, factor):
    """Pairwise logistic under a weight, where each list is multiplied by a function of its number of documents."""
    factors = factor((LABELS >= 0).sum(axis=1)).astype("float32")
    return lambda: (
        ops.convert_to_numpy(losses.pairwise_logistic(LABELS, SCORES, lambda_weight=weight)) * factors
    ).sum()


def by_padded_size(weight):
    """Weights of rax scale with the padded size, ours with the number of documents."""
    return by_size_of_list(weight, lambda n: LABELS.shape[1] / n)


def shares():
    """The labels, divided by their sum in each list; padding stays."""
    total = np.maximum(WHOLE_LABELS.sum(axis=1, keepdims=True), 1)
    return np.where(LABELS >= 0, LABELS / total, -1)


AS_NDCG = {"gain_fn": gains.pow_minus_1, "rank_discount_fn": gains.log2_inverse}
TENSORFLOW_RANKING = {
    "PairwiseLogisticLoss": by_size("PairwiseLogisticLoss"),
    "PairwiseLogisticLoss NDCGLambdaWeight": by_size("PairwiseLogisticLoss", NDCGLambdaWeight()),
    "PairwiseLogisticLoss NDCGLambdaWeight(smooth_fraction=1)": by_size(
        "PairwiseLogisticLoss", NDCGLambdaWeight(smooth_fraction=1.0)
    ),
    "PairwiseLogisticLoss NDCGLambdaWeightV2(topn=3)": by_size("PairwiseLogisticLoss", NDCGLambdaWeightV2(topn=3)),
    "PairwiseLogisticLoss LabelDiffLambdaWeight": by_size("PairwiseLogisticLoss", losses.LabelDiffLambdaWeight()),
    **{
        name: by_size(name)
        for name in (
            *("PairwiseHingeLoss", "PairwiseSoftZeroOneLoss", "PairwiseMSELoss"),
            *("SigmoidCrossEntropyLoss", "MeanSquaredLoss"),
        )
    },
    **{
        name: mean(getattr(losses, name)())
        for name in ("SoftmaxLoss", "CalibratedSoftmaxLoss", "UniqueSoftmaxLoss", "ApproxMRRLoss", "ApproxNDCGLoss")
    },
    "NDCGMetric": metric(metrics.NDCG, topn=5),
    "DCGMetric": metric(metrics.DCG, topn=5),
    "MRRMetric": metric(metrics.MRR),
    "MeanAveragePrecisionMetric": metric(metrics.MAP),
    "PrecisionMetric": metric(metrics.Precision, topn=5),
    "RecallMetric": metric(metrics.Recall, topn=5),
    "HitsMetric": metric(metrics.Hits, topn=1),
    "ARPMetric": metric(metrics.ARP),
    "OPAMetric": metric(metrics.OPA),
}
ADDONS = {
    "NpairsLoss": lambda: losses.NpairsLoss()(CLASSES, SIMILARITIES),
    "NpairsMultilabelLoss": lambda: losses.NpairsMultilabelLoss()(SEVERAL, SIMILARITIES),
}
RAX = {
    "softmax_loss": padded(losses.softmax),
    "unique_softmax_loss": padded(losses.unique_softmax),
    "listmle_loss": padded(losses.list_mle),
    "pairwise_hinge_loss": over_pairs(losses.pairwise_hinge),
    "pairwise_logistic_loss": over_pairs(losses.pairwise_logistic),
    "pairwise_soft_zero_one_loss": over_pairs(losses.pairwise_soft_zero_one),
    "pairwise_qr_loss": over_pairs(lambda labels, scores: losses.pairwise(quantile, labels, scores)),
    "pointwise_sigmoid_loss": lambda: (
        ops.sum(losses.sigmoid_cross_entropy(np.minimum(LABELS, 1), SCORES)) / documents()
    ),
    "pointwise_mse_loss": lambda: ops.sum(losses.mean_squared(LABELS, SCORES)) / documents(),
    "pairwise_logistic_loss sum": summed(losses.pairwise_logistic),
    "labeldiff_lambdaweight sum": summed(losses.pairwise_logistic, lambda_weight=losses.LabelDiffLambdaWeight()),
    "ap_metric": padded(metrics.average_precision),
    "dcg_metric": padded(metrics.dcg),
    "mrr_metric": padded(metrics.reciprocal_rank),
    "ndcg_metric": padded(metrics.ndcg),
    "ndcg_metric topn=5": padded(metrics.ndcg, topn=5),
    "precision_metric topn=5": padded(metrics.precision, topn=5),
    "recall_metric": padded(metrics.recall),
    "opa_metric": lambda: measure(metrics.OPA(average="lists", empty=0), LABELS),
    "pairwise_mse_loss": lambda: summed(losses.pairwise_mse)() / pairs_of_all(),
    "approx_t12n(ap) 1.0": padded(losses.ApproxAveragePrecisionLoss(temperature=1.0)),
    "bound_t12n(ap)": padded(losses.ApproxAveragePrecisionLoss(temperature=1.0, bound=True)),
    "approx_t12n(precision) topn=3": mean(losses.ApproxPrecisionLoss(topn=3, temperature=1.0)),
    "approx_t12n(recall) topn=3": mean(losses.ApproxRecallLoss(topn=3, temperature=1.0)),
    "bound_t12n(recall) topn=3": mean(losses.ApproxRecallLoss(topn=3, temperature=1.0, bound=True)),
    "dcg_lambdaweight sum": by_padded_size(losses.DCGLambdaWeight(**AS_NDCG, smooth_fraction=1.0)),
    "dcg2_lambdaweight sum": by_padded_size(losses.DCGLambdaWeightV2(**AS_NDCG)),
    "approx_t12n(ndcg) 1.0": padded(losses.ApproxNDCGLoss(temperature=1.0)),
    "approx_t12n(ndcg) 0.1": padded(losses.ApproxNDCGLoss()),
    "bound_t12n(ndcg)": padded(losses.ApproxNDCGLoss(bound=True, temperature=1.0)),
}
ALLRANK = {
    "listNet": padded(losses.list_net),
    "approxNDCGLoss": padded(losses.ApproxNDCGLoss(temperature=1.0)),
    "rankNet": over_pairs(losses.pairwise_logistic),
    "rankNet_weightByGTDiff": over_pairs(losses.pairwise_logistic, lambda_weight=losses.LabelDiffLambdaWeight()),
    "binary_listNet": lambda: ops.mean(losses.softmax(shares(), SCORES)),
    "bce": lambda: ops.mean(losses.sigmoid_cross_entropy(np.minimum(WHOLE_LABELS, 1), SCORES)),
    "ordinal": lambda: (
        ops.sum(losses.ordinal(WHOLE_LABELS, SCORES[..., None] - np.arange(4, dtype="float32"))) / LABELS.size
    ),
    "lambdaLoss lambdaRank_scheme": by_size_of_list(NDCGLambdaWeight(smooth_fraction=1.0), lambda n: 1 / n),
    "lambdaLoss ndcgLoss2_scheme": by_size_of_list(NDCGLambdaWeight(), lambda n: 1 / n),
    "lambdaLoss ndcgLoss2PP_scheme": by_size_of_list(NDCGLambdaWeight(smooth_fraction=1 / 11), lambda n: 11 / n),
    "ndcg@5": lambda: measure(metrics.NDCG(topn=5, empty=1), LABELS),
    "lambdaLoss None": summed(losses.pairwise_logistic),
    "lambdaLoss binary": lambda: summed(losses.pairwise_logistic)() / np.log(2),
}
QUERIES, ANSWERS, NEGATIVES = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in EMBEDDINGS)
IN_BATCH = {"temperature": 1 / 20}
ROWS = np.arange(len(QUERIES))
SENTENCE_TRANSFORMERS = {
    "MultipleNegativesRankingLoss": lambda: losses.InBatchSoftmaxLoss(**IN_BATCH)(ROWS, QUERIES @ ANSWERS.T),
    "MultipleNegativesRankingLoss symmetric": lambda: losses.InBatchSoftmaxLoss(**IN_BATCH, symmetric=True)(
        ROWS, QUERIES @ ANSWERS.T
    ),
    "MultipleNegativesRankingLoss with negatives": lambda: losses.InBatchSoftmaxLoss(**IN_BATCH)(
        losses.in_batch_labels(ROWS, negatives=ROWS[:, None] + 100), QUERIES @ np.concatenate([ANSWERS, NEGATIVES]).T
    ),
}
SAME = {
    "tensorflow_ranking": TENSORFLOW_RANKING,
    "tensorflow_addons": ADDONS,
    "rax": RAX,
    "allrank": ALLRANK,
    "sentence_transformers": SENTENCE_TRANSFORMERS,
}
CASES = [(library, name) for library, table in SAME.items() for name in table]


@pytest.mark.parametrize("library, name", CASES, ids=[" ".join(case) for case in CASES])
def test_the_number_of_the_old_library(library, name):
    value = float(ops.convert_to_numpy(SAME[library][name]()))
    assert value == pytest.approx(KNOWN[library]["values"][name], rel=1e-5, abs=1e-6)
