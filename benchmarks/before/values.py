"""What the losses and metrics of the old libraries give, on the same labels and scores, as one line of JSON.

    python benchmarks/before/values.py LIBRARY

Three lists of up to seven documents; a label of -1 is padding. The third list has no relevant document.
"""

import json
import sys

import numpy as np

LABELS = np.array([[3, 0, 2, 0, 1, 4, 0], [0, 1, 0, 0, 2, -1, -1], [0, 0, 0, 0, 0, 0, -1]], "float32")
SCORES = np.random.default_rng(1).normal(size=(3, 7)).astype("float32")
WHOLE_LABELS = np.maximum(LABELS, 0)  # without padding
CLASSES = np.array([0, 1, 1, 2])
SIMILARITIES = np.random.default_rng(2).normal(size=(4, 4)).astype("float32")
SEVERAL = np.array([[1, 0, 1], [0, 1, 0], [1, 1, 0], [0, 0, 1]], "float32")
EMBEDDINGS = np.random.default_rng(3).normal(size=(3, 4, 8)).astype("float32")  # queries, answers, hard negatives


def tensorflow_ranking():
    """TensorFlow Ranking without padding, so that the mean over documents is the sum over the list size."""
    import tensorflow as tf
    import tensorflow_ranking as tfr

    of = tfr.keras.losses
    labels, scores = tf.constant(WHOLE_LABELS), tf.constant(SCORES)
    weights = {
        "": None,
        "NDCGLambdaWeight": of.NDCGLambdaWeight(),
        "NDCGLambdaWeight(smooth_fraction=1)": of.NDCGLambdaWeight(smooth_fraction=1.0),
        "NDCGLambdaWeightV2(topn=3)": of.NDCGLambdaWeightV2(topn=3),
        "LabelDiffLambdaWeight": of.LabelDiffLambdaWeight(),
    }
    for name, weight in weights.items():
        yield f"PairwiseLogisticLoss {name}".strip(), of.PairwiseLogisticLoss(lambda_weight=weight)(labels, scores)
    for name in (
        *("PairwiseHingeLoss", "PairwiseSoftZeroOneLoss", "PairwiseMSELoss", "SoftmaxLoss", "CalibratedSoftmaxLoss"),
        *("UniqueSoftmaxLoss", "ApproxMRRLoss", "ApproxNDCGLoss", "SigmoidCrossEntropyLoss", "MeanSquaredLoss"),
    ):
        yield name, getattr(of, name)()(labels, scores)
    of = tfr.keras.metrics
    named = {"NDCGMetric": {"topn": 5}, "DCGMetric": {"topn": 5}, "MRRMetric": {}, "MeanAveragePrecisionMetric": {}}
    named |= {"PrecisionMetric": {"topn": 5}, "RecallMetric": {"topn": 5}, "HitsMetric": {"topn": 1}}
    for name, options in (named | {"ARPMetric": {}, "OPAMetric": {}}).items():
        yield name, getattr(of, name)(**options)(labels, scores)


def tensorflow_addons():
    """TensorFlow Addons, called by itself: its N-pairs losses give NaN under `fit`."""
    import tensorflow_addons as tfa

    yield "NpairsLoss", tfa.losses.NpairsLoss()(CLASSES, SIMILARITIES)
    yield "NpairsMultilabelLoss", tfa.losses.NpairsMultilabelLoss()(SEVERAL, SIMILARITIES)


def rax():
    """rax, with its default reduction, the mean."""
    import jax
    import jax.numpy as jnp
    import rax
    from jax._src import util

    jax.util = util  # rax 0.4 makes its losses of metrics by `jax.util.wraps`, which JAX 0.10 no longer has
    labels, scores, where = jnp.maximum(LABELS, 0), jnp.asarray(SCORES), jnp.asarray(LABELS >= 0)
    for name in sorted(rax.__all__):
        if name.endswith(("_loss", "_metric")) and name != "precision_metric":
            yield name, getattr(rax, name)(scores, labels, where=where)
    yield "precision_metric topn=5", rax.precision_metric(scores, labels, where=where, topn=5)
    yield "ndcg_metric topn=5", rax.ndcg_metric(scores, labels, where=where, topn=5)
    for name, temperature in (("ndcg", 1.0), ("ndcg", 0.1), ("mrr", 1.0), ("ap", 1.0)):
        loss = rax.approx_t12n(getattr(rax, f"{name}_metric"), temperature=temperature)
        yield f"approx_t12n({name}) {temperature}", loss(scores, labels, where=where)
    for name in ("ndcg", "mrr", "ap"):
        yield f"bound_t12n({name})", rax.bound_t12n(getattr(rax, f"{name}_metric"))(scores, labels, where=where)
    for name in ("precision", "recall"):  # without padding, which takes places in rax
        for by in (rax.approx_t12n, rax.bound_t12n):
            yield f"{by.__name__}({name}) topn=3", by(getattr(rax, f"{name}_metric"))(scores, labels, topn=3)
    summed = {"where": where, "reduce_fn": jnp.sum}
    yield "pairwise_logistic_loss sum", rax.pairwise_logistic_loss(scores, labels, **summed)
    for name in ("labeldiff_lambdaweight", "dcg_lambdaweight", "dcg2_lambdaweight"):
        weight = getattr(rax, name)
        yield f"{name} sum", rax.pairwise_logistic_loss(scores, labels, lambdaweight_fn=weight, **summed)


def allrank():
    """allRank; it pads with -1 too."""
    import torch
    from allrank.models import losses, metrics

    labels, scores = torch.tensor(LABELS), torch.tensor(SCORES)
    first = labels[:2], scores[:2]  # RankNet and LambdaLoss add up over all lists
    for name in ("listNet", "binary_listNet", "approxNDCGLoss", "neuralNDCG", "neuralNDCG_transposed", "rankNet"):
        yield name, getattr(losses, name)(scores, labels)
    yield "rankNet_weightByGTDiff", losses.rankNet_weightByGTDiff(scores, labels)
    yield "pointwise_rmse", losses.pointwise_rmse(torch.sigmoid(scores), labels, 5)
    whole = torch.tensor(WHOLE_LABELS)  # PyTorch refuses the padding of these two
    yield "bce", losses.bce(torch.sigmoid(scores), torch.clamp(whole, max=1))
    yield "ordinal", losses.ordinal(torch.sigmoid(scores[..., None] - torch.arange(4.0)), whole, 4)
    for scheme in (None, "lambdaRank_scheme", "ndcgLoss1_scheme", "ndcgLoss2_scheme", "ndcgLoss2PP_scheme"):
        given = {"weighing_scheme": scheme, "reduction_log": "natural", "reduction": "sum"}
        yield f"lambdaLoss {scheme}", losses.lambdaLoss(first[1], first[0], **given)
    yield "lambdaLoss binary", losses.lambdaLoss(first[1], first[0])
    yield "ndcg@5", metrics.ndcg(scores, labels, ats=[5]).mean()
    yield "mrr", metrics.mrr(scores, labels).mean()


def sentence_transformers():
    """sentence-transformers, from embeddings."""
    import torch
    from sentence_transformers.sentence_transformer import losses

    queries, answers, negatives = torch.tensor(EMBEDDINGS)
    options = {
        "": {},
        "symmetric": {"directions": ("query_to_doc", "doc_to_query"), "partition_mode": "per_direction"},
    }
    for name, given in options.items():
        loss = losses.MultipleNegativesRankingLoss(None, **given)
        yield (
            f"MultipleNegativesRankingLoss {name}".strip(),
            loss.compute_loss_from_embeddings([queries, answers], None),
        )
    loss = losses.MultipleNegativesRankingLoss(None)
    yield (
        "MultipleNegativesRankingLoss with negatives",
        loss.compute_loss_from_embeddings([queries, answers, negatives], None),
    )


if __name__ == "__main__":
    print(json.dumps({name: float(value) for name, value in globals()[sys.argv[1]]()}))
