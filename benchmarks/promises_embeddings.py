"""The cases of losses that compare embeddings within a batch, for `promises_worker.py`.

A loss is called with classes and with the embeddings of anchors and of positives, [rows, size] each: by similarities
a b^T where the library takes those. Anchors are given as parameters of the gradient; their similarities are dot
products, without a scale, in every library.
"""

import numpy as np

ANCHORS = np.float32([[2, 0, 1, 0], [0, 2, 0, 1], [1, 0, 2, 0], [0, 1, 0, 2]]) / 2
POSITIVES = np.float32([[3, 1, 0, 0], [0, 3, 1, 0], [0, 0, 3, 1], [1, 0, 0, 3]]) / 2
CLASSES = np.array([3, 5, 7, 9])
TWICE = np.array([3, 5, 3, 9])


def plackett():
    """`NpairsLoss`, of similarities."""
    import plackett

    loss = plackett.losses.NpairsLoss()

    def fit(rows, similarities):
        return keras_fit(loss, rows, similarities)

    return {
        "loss": lambda classes, a, b, weights=None: loss(classes, matmul(a, b), weights),
        "fit": fit,
        "reload": lambda: plackett.losses.deserialize(keras_config(loss)) == loss,
        "weights": True,
    }


def addons():
    """`NpairsLoss`, of similarities."""
    import tensorflow as tf
    import tensorflow_addons as tfa

    loss = tfa.losses.NpairsLoss()

    def reload():
        return tf.keras.losses.deserialize(tf.keras.losses.serialize(loss)) is not None

    return {
        "loss": lambda classes, a, b, weights=None: loss(classes, matmul(a, b), weights),
        "fit": lambda rows, similarities: keras_fit(loss, rows, similarities),
        "reload": reload,
        "weights": True,
    }


def sentence_transformers():
    """`MultipleNegativesRankingLoss`, whose classes are the rows."""
    from sentence_transformers import losses, util

    loss = losses.MultipleNegativesRankingLoss(None, scale=1.0, similarity_fct=util.dot_score)
    return {"loss": lambda classes, a, b, weights=None: loss.compute_loss_from_embeddings([a, b], None)}


def metric_learning():
    """`NPairsLoss`, of embeddings that it does not normalise."""
    import torch
    from pytorch_metric_learning import distances, losses

    loss = losses.NPairsLoss(distance=distances.DotProductSimilarity(normalize_embeddings=False))

    def call(classes, a, b, weights=None):
        labels = torch.as_tensor(np.concatenate([classes, classes]))
        return loss(torch.cat([a, b]), labels)

    return {"loss": call}


EMBEDDINGS = {
    "plackett": plackett,
    "TF-Addons": addons,
    "sentence-transformers": sentence_transformers,
    "pytorch-metric-learning": metric_learning,
}


def matmul(a, b):
    """a b^T in the framework of a."""
    if type(a).__module__.startswith("tensorflow"):
        import tensorflow as tf

        return tf.matmul(a, tf.cast(b, a.dtype), transpose_b=True)
    return a @ b.T


def keras_config(loss):
    """A config through JSON."""
    import json

    import keras

    return json.loads(json.dumps(keras.losses.serialize(loss)))


def keras_fit(loss, classes, similarities):
    """The loss that `fit` logs of a model whose output are the similarities."""
    if "tensorflow_addons" in type(loss).__module__:
        from tensorflow import keras
    else:
        import keras

    model = keras.Sequential([keras.layers.Input((len(classes),)), keras.layers.Dense(len(classes), use_bias=False)])
    model.layers[-1].set_weights([np.eye(len(classes), dtype="float32")])
    model.compile(keras.optimizers.SGD(0.0), loss)
    return model.fit(similarities, classes, batch_size=len(classes), shuffle=False, verbose=0).history["loss"][0]


def npairs(classes, similarities, weights=None):
    """The loss in float64: the cross-entropy of each row with the rows of its class."""
    same = np.float64(classes[:, None] == classes)
    peak = similarities.max(-1, keepdims=True)
    logs = similarities - peak - np.log(np.exp(similarities - peak).sum(-1, keepdims=True))
    rows = -(same / same.sum(-1, keepdims=True) * logs).sum(-1)
    return np.average(rows, weights=weights) if weights is None else np.mean(rows * weights)


def embedding_rows(library, framework):
    """(row, function that returns words and numbers) of each case."""
    loss = library["loss"]

    def value(classes, a, b, dtype="float32", weights=None):
        return framework.gradient(lambda a: loss(classes, a, framework.tensor(b, dtype), weights), a, dtype)

    def compare(found, right, close=1e-5):
        numbers = {"found": float(found), "right": float(right)}
        if not np.isfinite(found):
            return ("NaN" if np.isnan(found) else "infinite"), numbers
        by = abs(found / right - 1)
        return "right" if by < close else f"{found:.3g} for {right:.3g}", numbers

    similarities = np.float64(ANCHORS) @ np.float64(POSITIVES).T

    def permuted():
        order = [2, 0, 3, 1]
        found, _ = value(CLASSES[order], ANCHORS[order], POSITIVES[order])
        return compare(found, npairs(CLASSES, similarities))

    def twice():
        found, _ = value(TWICE, ANCHORS, POSITIVES)
        words, numbers = compare(found, npairs(TWICE, similarities))
        return words, numbers

    def gap(size):
        anchors, others = ANCHORS * size, POSITIVES[[1, 2, 3, 0]]
        found, gradient = value(CLASSES, anchors, others)
        words, numbers = compare(found, npairs(CLASSES, np.float64(anchors) @ np.float64(others).T))
        return words + ("" if np.isfinite(gradient).all() else ", gradient NaN"), numbers

    def half(dtype, close):
        rng = np.random.default_rng(0)
        a, b = (np.float32(rng.normal(size=(256, 16))) for _ in "ab")
        a, b = framework.rounded(a, dtype), framework.rounded(b, dtype)
        found, _ = value(np.arange(256), a, b, dtype)
        return compare(found, npairs(np.arange(256), np.float64(a) @ np.float64(b).T), close)

    def large_classes():
        classes = np.array([2048, 2049, 2050, 2051])
        found, _ = value(classes, ANCHORS, POSITIVES, "float16")
        return compare(found, npairs(classes, similarities), 2e-3)

    def weights():
        given = np.float32([2, 1, 1, 0])
        return compare(value(CLASSES, ANCHORS, POSITIVES, weights=given)[0], npairs(CLASSES, similarities, given))

    def fit():
        return compare(library["fit"](CLASSES, np.float32(similarities)), npairs(CLASSES, similarities))

    def reload():
        return ("equal" if library["reload"]() else "another loss"), None

    yield "plain", lambda: compare(value(CLASSES, ANCHORS, POSITIVES)[0], npairs(CLASSES, similarities))
    yield "rows in another order", permuted
    yield "two rows of a class", twice
    yield "a gap of 200", lambda: gap(100)
    yield "256 rows in float16", lambda: half("float16", 5e-3)
    yield "256 rows in bfloat16", lambda: half("bfloat16", 2e-2)
    yield "classes above 2048 in float16", large_classes
    yield "one weight per row", "weights" in library and weights
    yield "under fit", "fit" in library and fit
    yield "config", "reload" in library and reload
