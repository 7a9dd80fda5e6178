"""Checks that a written file gives the same scores as Keras."""

from collections.abc import Callable, Iterator, Mapping

import keras
import numpy as np
from keras import ops

from plackett.export._needs import another_backend
from plackett.export._ranker import ExportedRanker
from plackett.scorers._any_model import layers_of, vocabularies
from plackett.scorers.preprocessing.layers import LogAndBins, Quantiles, SignedLog1p

TOLERANCE = 1e-5  # of scores, relative if they are above 1
SHAPES = ((1, 1), (2, 7), (3, 64), (1, 200))  # (lists, list size)
INT32 = np.iinfo("int32")


def largest_difference(
    ranker: ExportedRanker,
    run: Callable[[Mapping[str, np.ndarray]], list[np.ndarray]],
    what: str,
    tolerance: float,
) -> float:
    """Measures how far the scores of a file are from those of Keras, relatively if above 1, over lists of many sizes.

    Raises:
        ValueError: they differ by more than the tolerance, have another shape, or are missing; the message says for
            which lists.
    """
    worst = 0.0
    for given in made_inputs(ranker):
        wanted = [ops.convert_to_numpy(x) for x in ranker(*given.values())]
        lists = f"{' x '.join(map(str, given['mask'].shape))} documents"
        try:
            found = run(given)
        except Exception as error:  # runtimes have many errors without a common base
            raise ValueError(
                f"{what} cannot score {lists}, so nothing is written: {error}. "
                f"{another_backend(keras.backend.backend())}"
            ) from error
        for name, ours, theirs in zip(ranker.signature.outputs, wanted, found, strict=True):
            if ours.shape != theirs.shape:
                raise ValueError(f"{what} gives {name} of shape {theirs.shape} for {lists}, but Keras {ours.shape}")
            distance = _distance(ours, theirs)
            largest = float(distance.max(initial=0.0))
            worst = max(worst, largest)
            if not largest <= tolerance:  # NaN too
                place = np.unravel_index(np.nan_to_num(distance, nan=np.inf).argmax(), distance.shape)
                raise ValueError(
                    f"{what} gives {name} {theirs[place]:.9g} where Keras gives {ours[place]:.9g}, for {lists}: this "
                    f"is more than {tolerance:g} off, so nothing is written. If it is rounding, for example of an "
                    "untrained "
                    "network that amplifies the last bit, a larger tolerance (tolerance, --tolerance) accepts it"
                )
    return worst


def _distance(ours, theirs):
    """The distance of scores, relative if they are above 1."""
    return np.where(ours == theirs, 0.0, np.abs(ours - theirs) / np.maximum(1, np.abs(ours)))


def made_inputs(ranker: ExportedRanker) -> Iterator[dict[str, np.ndarray]]:
    """Makes lists of many sizes: full, padded, and empty ones. Their padding holds anything, NaN too."""
    random = np.random.default_rng(0)
    for number, (lists, size) in enumerate(SHAPES):
        lengths = random.integers(0, size + 1, lists) if number % 2 else np.full(lists, size)
        if lists > 1:
            lengths[0] = 0
        mask = np.arange(size) < lengths[:, None]
        yield {one.name: _made(ranker, one, mask, random) for one in ranker.inputs}


def _made(ranker, one, mask, random):
    """Makes values of one input."""
    if one.name == "mask":
        return mask
    shape = (*mask.shape, *one.shape)
    if one.name == "features":
        x = _features(ranker.scorer, shape, random)
        if ranker.signature.missing:
            x[random.random(shape) < 0.1] = np.nan
        x[~mask] = np.nan
        return x
    if one.dtype == "float32":
        return np.where(mask, random.normal(size=shape), np.nan).astype("float32")
    numbers = random.integers(INT32.min, INT32.max, shape).astype("int32")
    if one.name in ranker.signature.columns and not one.shape:  # a position
        return np.where(mask, random.integers(1, 50, shape), numbers).astype("int32")
    vocabulary = vocabularies(ranker.scorer).get(one.name)
    if vocabulary is not None:
        known = random.choice(vocabulary.values, mask.shape)
        halves = known if not one.shape else np.ascontiguousarray(known, "<i8").view("<i4").reshape(shape)
        is_known = mask & (random.random(mask.shape) < 0.8)
        numbers = np.where(is_known[..., None] if one.shape else is_known, halves, numbers)
    elif not one.shape:  # a column of your own model, which may use it without a change
        numbers = random.integers(0, 2, shape).astype("int32")
    return numbers.astype("int32")


def _features(scorer, shape, random):
    """Makes features like those of the training lists, as far as the layers of the scorer know their spread."""
    layers = {type(layer): layer for layer in layers_of(scorer)}
    if quantiles := layers.get(Quantiles):
        levels = random.uniform(-0.05, 1.05, shape)
        known = [np.interp(levels[..., k], np.linspace(0, 1, len(x)), x) for k, x in enumerate(quantiles.boundaries)]
        return np.stack(known, axis=-1).astype("float32")
    x = random.normal(size=shape)
    if normalization := layers.get(keras.layers.Normalization):
        mean, deviation = (
            ops.convert_to_numpy(x).reshape(-1)[: shape[-1]]  # bins follow after these
            for x in (normalization.mean, ops.sqrt(normalization.variance))
        )
        x = mean + x * deviation
    if SignedLog1p in layers or LogAndBins in layers:
        x = np.sign(x) * np.expm1(np.abs(x))
    return x.astype("float32")
