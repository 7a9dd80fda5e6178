"""Whether the score of a document depends on the rest of the list: other documents, or padding."""

import contextlib
from collections.abc import Iterator, Mapping

import keras
import numpy as np
from keras import ops

from plackett.data import Batches, RankingLists
from plackett.scorers._any_model import column_inputs, in_plain_words, inputs_for

FEW = 4  # the number of lists that are enough to tell
TOLERANCE = 1e-4  # relative to the spread of scores within their lists
ROUNDING = 2e-6  # relative to the largest score, which may be far from 0
HALF = {"float16": 4e-3, "bfloat16": 3e-2}  # the tolerance where a layer computes in 16 bits
NOISE = 10  # a difference this much larger than the noise of the machine is real
SHIFT = 0.1  # the change of a weight that shows its effect


def check_padding(scorer: keras.Model, lists: RankingLists) -> None:
    """Scores a few lists with padding and with more padding. The scorer stays unchanged.

    Raises:
        ValueError: padding changes a score, or the model fails.
    """
    inputs = _few(scorer, lists)
    wider = {name: np.concatenate([x, np.zeros_like(x)], axis=1) for name, x in inputs.items()}
    for training in (True, False):
        if _scores_differ(scorer, inputs, wider, training=training):
            raise ValueError(
                f"padding changes the scores of the model{' in training' if training else ''}: one of its layers takes "
                "other documents into account and does not know which are real; pass it the mask, as in "
                'BatchNormalization()(x, mask=inputs["mask"]), or use a layer that looks at each document by itself, '
                "such as LayerNormalization"
            )


def looks_at_neighbours(scorer: keras.Model, lists: RankingLists) -> bool:
    """Whether the score of a document depends on the other documents of its list."""
    inputs = _few(scorer, lists)
    alone = {name: x[inputs["mask"]][:, None] for name, x in inputs.items()}
    # With padding, since Keras warns about a softmax over one document.
    alone = {name: np.concatenate([x, np.zeros_like(x)], axis=1) for name, x in alone.items()}
    return _scores_differ(scorer, inputs, alone, training=False)


def _few(scorer, lists):
    """A batch of a few lists."""
    few = inputs_for(scorer, lists.select(np.arange(min(len(lists), FEW))))
    inputs, _, _ = Batches(few, len(few), inputs=column_inputs(scorer, few))[0]
    return inputs


def _scores_differ(scorer, inputs, others, *, training):
    """Whether documents get different scores in `others`, with these weights or with weights near them.

    With its initial weights a layer may have no effect yet, such as a gate that starts at 0.
    """
    twice = {name: np.concatenate([x, x]) for name, x in inputs.items()}
    rounded = {name: _rounded(x) for name, x in inputs.items()}
    with _variables_kept(scorer):
        for shift in (False, True):
            if shift:
                _shift_weights(scorer)
            scores, again = (_scores(scorer, inputs, training) for _ in range(2))
            allowed = _tolerance(scorer) * _spread(scores, inputs["mask"]) + ROUNDING * _largest(scores)
            if training and (_largest(scores - again) > allowed).any():
                return False  # dropout changes the scores each time; then inference must tell
            # The same lists twice in a batch: sums of another shape round differently.
            noise = _largest(scores - _scores(scorer, twice, training)[: len(scores)])
            allowed = np.maximum(allowed, np.minimum(NOISE * noise, 100 * allowed))
            # Features that differ in their last bit: large ones less their mean keep few digits.
            noise = _largest(scores - _scores(scorer, rounded, training))
            allowed = np.maximum(allowed, NOISE * noise)
            difference = scores - _scores(scorer, others, training)
            # Missing features may make some scores NaN.
            if not (np.abs(np.where(np.isfinite(scores), difference, 0)).max(axis=0, initial=0) <= allowed).all():
                return True
    return False


def _rounded(x):
    """The numbers next to those of `x`, below or above, if they are floats."""
    if x.dtype.kind != "f":
        return x
    up = np.random.default_rng(0).random(x.shape) < 0.5
    return np.nextafter(x, np.where(up, np.inf, -np.inf).astype(x.dtype))


@contextlib.contextmanager
def _variables_kept(scorer: keras.Model) -> Iterator[None]:
    """Restores the variables of the scorer at the end, bit for bit."""
    before = [ops.convert_to_numpy(variable.value) for variable in scorer.variables]
    try:
        yield
    finally:
        for variable, value in zip(scorer.variables, before, strict=True):
            variable.assign(value)


def _shift_weights(scorer):
    """Adds noise to each weight, the same in each call; weights without negative values stay that way."""
    random = np.random.default_rng(0)
    for variable in scorer.trainable_variables:
        if "float" not in keras.backend.standardize_dtype(variable.dtype):
            continue
        value = ops.convert_to_numpy(variable.value).astype("float32")
        scale = np.sqrt(np.square(value).mean()) if value.any() else 1.0
        noise = SHIFT * scale * random.normal(size=value.shape)
        variable.assign(value + (np.abs(noise) if (value >= 0).all() else noise))


def _scores(scorer: keras.Model, inputs: Mapping[str, np.ndarray], training: bool) -> np.ndarray:
    """[real documents, scores of all tasks]."""
    try:
        found = scorer(inputs, training=training)
    except Exception as error:
        raise ValueError(f"the model fails on these lists: {in_plain_words(error)}") from error
    tasks = found.values() if isinstance(found, dict) else [found]
    scores = [ops.convert_to_numpy(x)[inputs["mask"]] for x in tasks]
    return np.concatenate([x.reshape(len(x), -1) for x in scores], axis=1).astype("float64")


def _largest(scores):
    """[scores of all tasks], the largest absolute score that is not NaN."""
    return np.abs(np.where(np.isfinite(scores), scores, 0)).max(axis=0, initial=0)


def _spread(scores, mask):
    """[scores of all tasks], the largest distance of a score from the mean of its list."""
    known = np.isfinite(scores)
    query = np.nonzero(mask)[0]
    totals, counts = np.zeros((2, len(mask), scores.shape[1]))
    np.add.at(totals, query, np.where(known, scores, 0))
    np.add.at(counts, query, known)
    return _largest(scores - (totals / np.maximum(counts, 1))[query])


def _tolerance(scorer):
    return max([TOLERANCE, *(HALF.get(layer.compute_dtype, 0.0) for layer in scorer._flatten_layers())])
