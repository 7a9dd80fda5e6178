"""Training that has gone astray: found at the step at which it does, with what that step was made of."""

import contextlib
import json
import math
import pathlib
from collections.abc import Iterator

import keras
import numpy as np
from keras import ops

from plackett._files import write_whole
from plackett.training._feed import Feed

SHOWN = 5
DIVERGENCE = "divergence.json"


class TrainingDivergedError(ValueError):
    """The loss or a gradient of a step is not finite, or the validation metric after it.

    >>> error = TrainingDivergedError("the loss is nan", 2, 7, ["q1"], {"label": (0.0, 4.0, 0)})
    >>> str(error).partition(";")[0]
    'training stopped in epoch 2, step 7: the loss is nan'

    Args:
        cause: what is not finite.
        epoch: from 1.
        step: from 1, in its epoch.
        queries: the ids of the queries of the step, or of the validation lists.
        ranges: name -> (least, greatest, how many NaN) of each feature of its documents, and of the labels and
            weights; least and greatest are over what is not NaN, and None where all is.
        path: the file that has all of this, or None.
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
        more = "" if path is None else f"; all are in {path}"
        super().__init__(f"training stopped in epoch {epoch}, step {step}: {cause}; {self._of_the_batch()}{more}")

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
    """The error of these facts, once `DIVERGENCE` in the folder holds them, if there is one."""
    path = None if folder is None else folder / DIVERGENCE
    if path is not None:
        write_whole(path, json.dumps(facts, indent=2) + "\n")
    return TrainingDivergedError(**facts, path=path)


class Watch(keras.callbacks.Callback):
    """Stops at the first step after which the loss or a weight is not finite.

    Args:
        feed: what the steps are made of.
        folder: where `DIVERGENCE` then says what was found, or None.
    """

    def __init__(self, feed: Feed, folder: pathlib.Path | None = None) -> None:
        super().__init__()
        self.feed = feed
        self.folder = folder

    def on_train_batch_end(self, batch: int, logs: dict) -> None:
        if math.isfinite(logs["loss"]):
            return
        loss = float(self.model.get_metrics_result()["loss"])
        cause = f"the loss is {loss}"
        if math.isfinite(loss):
            cause = "a weight is not finite any more, though the loss is: a gradient is not, or the step is too large"
        batches = self.feed.batches
        queries = batches.lists.queries[batches.plan[batch]].tolist()
        raise report_divergence(
            self.folder,
            cause=cause,
            epoch=batches.epoch + 1,
            step=self.feed.batches.step + batch + 1,
            queries=queries,
            ranges=_ranges(batches, batch),
        )


@contextlib.contextmanager
def watch_weights(model: keras.Model) -> Iterator[None]:
    """Within this, each step of the model logs a loss of NaN if a weight is not finite after it.

    A gradient that is not finite makes such a weight, while the loss of its own step may be finite.
    """
    step = model.train_step

    def train_step(*arguments):
        done = step(*arguments)
        # On JAX a step takes and gives the state of the model; elsewhere its variables hold it.
        logs, state = done if isinstance(done, tuple) else (done, _weights(model))
        floats = [x for part in state[:2] for x in part if keras.backend.is_float_dtype(x.dtype)]
        logs["loss"] = ops.where(ops.isfinite(sum(map(ops.sum, floats))), logs["loss"], math.nan)
        return done

    model.train_step = train_step
    try:
        yield
    finally:
        del model.train_step


def _weights(model):
    return model.trainable_variables, model.non_trainable_variables


def _ranges(batches, batch):
    """The `ranges` of a `TrainingDivergedError` for batch number `batch`."""
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
    """(least, greatest, how many NaN) of a column; least and greatest are None where all of it is NaN."""
    known = values[~np.isnan(values)]
    ends = (float(known.min()), float(known.max())) if len(known) else (None, None)
    return *ends, int(np.isnan(values).sum())
