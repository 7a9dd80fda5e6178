"""Diverged training: found at the step where it happens, with the data of that step."""

import copy
import json
import math
import pathlib

import keras
import numpy as np
from keras import ops

from plackett import backend
from plackett._files import write_whole
from plackett.training._feed import Feed

SHOWN = 5
DIVERGENCE = "divergence.json"


class TrainingDivergedError(ValueError):
    """The loss or a gradient of a step, a validation score after it, or the metric is not finite.

    >>> error = TrainingDivergedError("the loss is nan", 2, 7, ["q1"], {"label": (0.0, 4.0, 0)})
    >>> str(error).partition(";")[0]
    'training stopped in epoch 2, step 7: the loss is nan'

    Args:
        cause: what is not finite.
        epoch: the epoch, from 1.
        step: the step in its epoch, from 1.
        queries: the ids of the queries of the step, or of the validation lists whose scores are not finite.
        ranges: name -> (least, greatest, number of NaN) of each feature of the documents of the step, and of the labels
            and weights; or of the labels and scores of the validation lists. NaN does not count for least and greatest,
            which are None if all values are NaN.
        path: the file that holds all of this, or None.
    """

    def __init__(
        self,
        cause: str,
        epoch: int,
        step: int,
        queries: list[str],
        ranges: dict[str, tuple],
        path: pathlib.Path | None = None,
    ) -> None:
        self.cause = cause
        self.epoch = epoch
        self.step = step
        self.queries = queries
        self.ranges = ranges
        self.path = path
        more = "" if path is None else f"; all are in {path}"
        super().__init__(f"training stopped in epoch {epoch}, step {step}: {cause}; {self._of_the_batch()}{more}")

    def __reduce__(self):
        return type(self), (self.cause, self.epoch, self.step, self.queries, self.ranges, self.path)

    def _of_the_batch(self):
        more = f" and {len(self.queries) - SHOWN} more" if len(self.queries) > SHOWN else ""
        words = f"its queries are {', '.join(self.queries[:SHOWN])}{more}"
        known = {name: (least, greatest) for name, (least, greatest, _) in self.ranges.items() if least is not None}
        widest = sorted(known, key=lambda name: -max(map(abs, known[name])))[:SHOWN]
        words += f"; of {len(self.ranges)} ranges the widest are "
        words += ", ".join(f"{name} from {known[name][0]:.4g} to {known[name][1]:.4g}" for name in widest)
        missing = {name: count for name, (_, _, count) in self.ranges.items() if count}
        if missing:
            words += f"; NaN in {', '.join(f'{name} ({count})' for name, count in list(missing.items())[:SHOWN])}"
        return words


def report_divergence(folder: pathlib.Path | None, **facts) -> TrainingDivergedError:
    """Makes the error of these facts, and writes them to `DIVERGENCE` in the folder, if there is one."""
    path = None if folder is None else folder / DIVERGENCE
    if path is not None:
        write_whole(path, json.dumps(facts, indent=2) + "\n")
    return TrainingDivergedError(**facts, path=path)


class Watch(keras.callbacks.Callback):
    """Stops at the first step whose loss is not finite, and when a weight that is not finite is found.

    A gradient that is not finite makes such a weight, while the loss of its own step may be finite. Weights are checked
    outside of the compiled step and not at each step, since a check of embedding tables costs as much as the step.

    Args:
        feed: the batches of the steps.
        every: weights are checked each time this many steps are done, and at the end of an epoch; 0 = by
            `check_weights` alone.
        folder: the folder of `DIVERGENCE`, which says what was found, or None.
    """

    def __init__(self, feed: Feed, every: int, folder: pathlib.Path | None = None) -> None:
        super().__init__()
        self.feed = feed
        self.every = every
        self.folder = folder
        self.checked = 0  # the last step of this epoch after which all weights were finite

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.checked = self.feed.batches.step

    def on_train_batch_end(self, batch: int, logs: dict) -> None:
        step = self._step(batch)
        if not math.isfinite(logs["loss"]):
            cause = f"the loss is {logs['loss']}"
            if step - self.checked > 1:
                cause += f", or a weight is not finite since {self._last_steps(step)}"
            raise self._report(batch, cause)
        if self.every and (step % self.every == 0 or batch + 1 == len(self.feed)):
            self.check_weights(batch)

    def check_weights(self, batch: int) -> None:
        """Raises a TrainingDivergedError unless all weights are finite after this batch, which has ended."""
        step = self._step(batch)
        if step > self.checked and not _are_finite(self.model):
            cause = "a weight is no longer finite, although the loss is: a gradient is not, or the step is too large"
            if step - self.checked > 1:
                cause += f", in {self._last_steps(step)}"
            raise self._report(batch, cause)
        self.checked = step

    def _step(self, batch):
        return self.feed.batches.step + batch + 1

    def _last_steps(self, step):
        return f"one of the last {step - self.checked} steps (check_weights=1, --check-weights 1, finds which)"

    def _report(self, batch, cause):
        batches = self.feed.batches
        return report_divergence(
            self.folder,
            cause=cause,
            epoch=batches.epoch + 1,
            step=self._step(batch),
            queries=batches.lists.queries[batches.plan[batch]].tolist(),
            ranges=_ranges(batches, batch),
        )


def _are_finite(model):
    """Whether all weights are finite. It computes their sum, which reads each weight once."""
    weights = [*model.trainable_variables, *model.non_trainable_variables]
    floats = [backend.local_value(ops.stop_gradient(x.value)) for x in weights if keras.backend.is_float_dtype(x.dtype)]
    return math.isfinite(float(sum(map(ops.sum, floats))))


def _ranges(batches, batch):
    """The `ranges` of a `TrainingDivergedError` for batch number `batch`. A process may have only a part of it."""
    batches = copy.copy(batches)
    batches.shard = (0, 1)
    inputs, labels, weights = batches[batch]
    mask = inputs["mask"]
    columns = {}
    if "features" in inputs:
        names = [f"feature {name}" for name in batches.lists.feature_names]
        columns |= dict(zip(names, inputs["features"][mask].T, strict=True))
    for what, given in (("label", labels), ("weight", weights)):
        for name, values in given.items() if isinstance(given, dict) else [("", given)]:
            columns[f"{what} {name}".strip()] = values[mask] if values.ndim == 2 else values
    return {name: range_of(column) for name, column in columns.items()}


def range_of(values: np.ndarray) -> tuple[float | None, float | None, int]:
    """Returns (least, greatest, number of NaN) of a column; least and greatest are None if all values are NaN."""
    known = values[~np.isnan(values)]
    ends = (float(known.min()), float(known.max())) if len(known) else (None, None)
    return *ends, int(np.isnan(values).sum())
