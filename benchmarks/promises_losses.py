"""The losses and metrics of each library, called as its own documentation calls them, for `promises_worker.py`.

A `Library` has, of each kind, `loss(labels, scores, weights) -> a number`. Labels are arrays of numpy with -1 at
padding; scores are tensors of the library's framework. Each library marks padding in its own way: rax by `where`,
keras-rs by the mask in its dictionary, the others by the label.
"""

import contextlib
import dataclasses
import functools
import json
import sys
import types
from collections.abc import Callable

import numpy as np


@dataclasses.dataclass
class Library:
    """What a library offers of what the cases ask for; what is missing is not there.

    Args:
        losses: {kind: (its name, function of (labels, scores, weights))}.
        ndcg: function of (labels, scores, topn) that returns the mean over lists.
        weighted: function of (labels, scores, weights), the sum over lists of a softmax loss with one weight per list.
        weighted_pairs: likewise of a pairwise loss.
        topk: function of (labels, scores, k): a distillation loss of the first k places.
        reloaded: function of (kind, labels, scores): the losses of an object, and of what is made of its config.
        stochastic: function of (labels, scores): a loss that draws, of a new object with the seed 1.
        seed: function that sets the global seed to 1.
        seeded: the stochastic loss has a seed, or a key, of its own.
        padded: lists are padded by who calls.
        vectors: one weight per list may be a vector, as in all of Keras.
        targets: {kind: function of two labels}: the distribution that the loss compares with, where it is not them.
    """

    losses: dict = dataclasses.field(default_factory=dict)
    ndcg: Callable | None = None
    ndcg_expected: Callable | None = None
    weighted: Callable | None = None
    weighted_pairs: Callable | None = None
    topk: Callable | None = None
    reloaded: Callable | None = None
    stochastic: Callable | None = None
    seed: Callable = lambda: None
    seeded: bool = True
    padded: bool = True
    vectors: bool = True
    targets: dict = dataclasses.field(default_factory=dict)


def of_keras(losses):
    """(the pairwise loss, losses to save, losses to compare) of a module with the names of TensorFlow Ranking."""
    pairs = functools.partial(losses.PairwiseLogisticLoss, lambda_weight=losses.NDCGLambdaWeight())
    kept = {
        "softmax": losses.SoftmaxLoss,
        "pairwise": functools.partial(losses.PairwiseLogisticLoss, lambda_weight=losses.NDCGLambdaWeight(topn=2)),
        "list_mle": lambda: losses.ListMLELoss(lambda_weight=losses.ListMLELambdaWeight()),
        "ordinal": functools.partial(losses.OrdinalLoss, ordinal_size=3),
    }
    kinds = {
        "softmax": losses.SoftmaxLoss,
        "pairwise": pairs,
        "approx_ndcg": losses.ApproxNDCGLoss,
        "list_mle": losses.ListMLELoss,
        "distillation": losses.CoupledRankDistilLoss,
    }
    return pairs, kept, kinds


def plackett_library(backend):
    """plackett on one backend."""
    import keras

    import plackett
    from plackett import losses

    pairs, kept, kinds = of_keras(losses)

    def mean_ndcg(labels, scores, topn=None, **options):
        return float(plackett.metrics.NDCG(topn=topn, **options)(labels, scores))

    return Library(
        {kind: (name_of(loss), call_of(loss())) for kind, loss in kinds.items()},
        mean_ndcg,
        functools.partial(mean_ndcg, ties="expected"),
        call_of(losses.SoftmaxLoss(reduction="sum")),
        call_of(pairs(reduction="sum")),
        lambda labels, scores, k: losses.CoupledRankDistilLoss(topk=k)(labels, scores),
        keras_reloaded(keras, kept),
        lambda labels, scores: losses.GumbelApproxNDCGLoss(seed=1)(labels, scores),
        lambda: keras.utils.set_random_seed(1),
    )


def tf_ranking(backend):
    """TensorFlow Ranking's Keras API."""
    import tensorflow as tf
    import tensorflow_ranking as tfr

    losses = tfr.keras.losses
    pairs, kept, kinds = of_keras(losses)
    total = tf.losses.Reduction.SUM

    def call_in_either_dtype(loss):
        """With labels in float32 or, where that raises, in the scores' dtype, which some of the losses want."""

        def call(labels, scores, weights=None):
            try:
                return loss(labels, scores, sample_weight=weights)
            except tf.errors.InvalidArgumentError:
                return loss(tf.cast(labels, scores.dtype), scores, sample_weight=weights)

        return call

    def mean_ndcg(labels, scores, topn=None):
        return float(tfr.keras.metrics.NDCGMetric(topn=topn)(labels, scores))

    return Library(
        {kind: (name_of(loss), call_in_either_dtype(loss())) for kind, loss in kinds.items()},
        mean_ndcg,
        None,
        call_of(losses.SoftmaxLoss(reduction=total)),
        call_of(pairs(reduction=total)),
        lambda labels, scores, k: losses.CoupledRankDistilLoss(topk=k)(labels, scores),
        keras_reloaded(tf.keras, kept),
        lambda labels, scores: losses.GumbelApproxNDCGLoss(seed=1)(labels, scores),
        lambda: tf.random.set_seed(1),
    )


def rax_library(backend):
    """rax: functions, with padding in `where`."""
    import jax
    import jax.numpy as jnp
    import rax

    weight = functools.partial(rax.dcg2_lambdaweight, normalize=True)
    kinds = {
        "softmax": rax.softmax_loss,
        "pairwise": functools.partial(rax.pairwise_logistic_loss, lambdaweight_fn=weight),
        "approx_ndcg": rax.approx_t12n(rax.ndcg_metric),
        "list_mle": rax.listmle_loss,
    }
    names = {
        "softmax": "`softmax_loss`",
        "pairwise": "`pairwise_logistic_loss` with `dcg2_lambdaweight`",
        "approx_ndcg": "`approx_t12n(ndcg_metric)`",
        "list_mle": "`listmle_loss`",
    }

    def call(function, labels, scores, weights=None, sign=1, **options):
        labels = jnp.asarray(labels)
        weights = {} if weights is None else {"weights": jnp.broadcast_to(weights, labels.shape)}
        return sign * function(scores, labels, where=~(labels < 0), **weights, **options)

    def stochastic(labels, scores):
        sampled = rax.gumbel_t12n(rax.approx_t12n(rax.ndcg_metric))
        return sampled(scores, jnp.asarray(labels), key=jax.random.PRNGKey(1))

    return Library(
        {
            kind: (names[kind], functools.partial(call, loss, sign=-1 if kind == "approx_ndcg" else 1))
            for kind, loss in kinds.items()
        },
        lambda labels, scores, topn=None: float(call(rax.ndcg_metric, labels, jnp.asarray(scores), topn=topn)),
        None,
        functools.partial(call, rax.softmax_loss, reduce_fn=jnp.sum),
        functools.partial(call, kinds["pairwise"], reduce_fn=jnp.sum),
        vectors=False,
        stochastic=stochastic,
    )


def keras_rs_library(backend):
    """keras-rs, with padding in the mask beside the labels."""
    import keras
    import keras_rs

    losses = keras_rs.losses

    def call(loss, labels, scores, weights=None):
        given = {"labels": np.maximum(labels, 0), "mask": ~(np.asarray(labels) < 0)}
        return loss(given, scores) if weights is None else loss(given, scores, sample_weight=weights)

    def mean_ndcg(labels, scores, topn=None, **options):
        metric = keras_rs.metrics.NDCG(k=topn, **options)
        metric.update_state({"labels": np.maximum(labels, 0), "mask": np.asarray(labels) >= 0}, scores)
        return float(metric.result())

    kinds = {"pairwise": losses.PairwiseLogisticLoss, "list_mle": losses.ListMLELoss}
    names = {"pairwise": "`PairwiseLogisticLoss`, without a weight", "list_mle": "`ListMLELoss`"}
    return Library(
        {kind: (names[kind], functools.partial(call, loss())) for kind, loss in kinds.items()},
        mean_ndcg,
        weighted=functools.partial(call, losses.ListMLELoss(reduction="sum")),
        weighted_pairs=functools.partial(call, losses.PairwiseLogisticLoss(reduction="sum")),
        reloaded=keras_reloaded(keras, kinds),
    )


def all_rank(backend):
    """allRank. What its readers import and its losses do not use is stood in for where it is missing."""
    for name in ("torchvision", "torchvision.transforms", "gcsfs", "pkg_resources"):
        with contextlib.suppress(ImportError):
            __import__(name)
        if name not in sys.modules:
            sys.modules[name] = types.ModuleType(name)
    vision = sys.modules["torchvision"]
    vision.transforms = sys.modules["torchvision.transforms"]
    vision.transforms.Compose = object
    for name in ("Requirement", "resource_filename"):
        setattr(sys.modules["pkg_resources"], name, None)
    import torch
    from allrank.models import losses, metrics

    pairs = functools.partial(losses.lambdaLoss, weighing_scheme="lambdaRank_scheme")
    kinds = {
        "softmax": losses.listNet,
        "pairwise": pairs,
        "approx_ndcg": losses.approxNDCGLoss,
        "list_mle": losses.listMLE,
    }
    names = {
        "softmax": "`listNet`",
        "pairwise": "`lambdaLoss`, `lambdaRank_scheme`",
        "approx_ndcg": "`approxNDCGLoss`",
        "list_mle": "`listMLE`",
    }

    def call(function, labels, scores, weights=None):
        return function(scores, torch.as_tensor(labels, dtype=torch.float32))

    def mean_ndcg(labels, scores, topn=None):
        ats = None if topn is None else [topn]
        return float(metrics.ndcg(torch.as_tensor(scores), torch.as_tensor(labels), ats=ats).mean())

    def stochastic(labels, scores):
        labels = torch.as_tensor(labels, dtype=torch.float32)
        return losses.neuralNDCG(scores, labels, stochastic=True, n_samples=8)

    return Library(
        {kind: (names[kind], functools.partial(call, loss)) for kind, loss in kinds.items()},
        mean_ndcg,
        stochastic=stochastic,
        seed=lambda: torch.manual_seed(1),
        seeded=False,
        targets={"softmax": lambda labels: np.exp(labels) / np.exp(labels).sum()},
    )


class ScoresAsModel:
    """In the place of a cross-encoder: a pair of texts is the place of its score."""

    num_labels, device = 1, "cpu"

    def __init__(self, scores):
        self.scores = scores

    def preprocess(self, pairs, **options):
        return {"places": [pair[1] for pair in pairs]}

    def __call__(self, tokens):
        import torch

        return {"scores": torch.stack([self.scores[place] for place in tokens["places"]])}


def sentence_transformers(backend):
    """The losses of cross-encoders, which pad by themselves, and those of embeddings."""
    import torch
    from sentence_transformers.cross_encoder import losses

    def call(loss, labels, scores, weights=None):
        places = [[(i, int(j)) for j in np.flatnonzero(~(row < 0))] for i, row in enumerate(labels)]
        given = [torch.as_tensor(row[~(row < 0)]) for row in labels]
        return loss(ScoresAsModel(scores))([[str(i) for i in range(len(labels))], places], given)

    kinds = {
        "softmax": losses.ListNetLoss,
        "pairwise": functools.partial(losses.LambdaLoss, weighting_scheme=losses.LambdaRankScheme()),
        "list_mle": functools.partial(losses.ListMLELoss, respect_input_order=False),
    }
    names = {
        "softmax": "`ListNetLoss`",
        "pairwise": "`LambdaLoss` with `LambdaRankScheme`",
        "list_mle": "`ListMLELoss`",
    }
    return Library(
        {kind: (names[kind], functools.partial(call, loss)) for kind, loss in kinds.items()},
        padded=False,
        targets={"softmax": lambda labels: np.exp(labels) / np.exp(labels).sum()},
    )


def call_of(loss):
    """A Keras loss as a function of (labels, scores, weights)."""
    return lambda labels, scores, weights=None: loss(labels, scores, sample_weight=weights)


def name_of(loss):
    """The class, and its lambda weight."""
    if isinstance(loss, functools.partial):
        return f"`{loss.func.__name__}` with `NDCGLambdaWeight`"
    return f"`{loss.__name__}`"


def keras_reloaded(keras, kinds):
    """A function that calls a loss, and what Keras makes of its config."""

    def reloaded(kind, labels, scores):
        loss = kinds[kind]()
        config = json.loads(json.dumps(keras.losses.serialize(loss)))
        return loss(labels, scores), keras.losses.deserialize(config)(labels, scores)

    reloaded.kinds = tuple(kinds)
    return reloaded


LIBRARIES = {
    "plackett": plackett_library,
    "TF-Ranking": tf_ranking,
    "rax": rax_library,
    "keras-rs": keras_rs_library,
    "allRank": all_rank,
    "sentence-transformers": sentence_transformers,
}
