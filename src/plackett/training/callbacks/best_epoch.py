"""The record of the epochs of a run, and the best of them."""

import contextlib
import csv
import io
import json
import math
import pathlib

import keras
import numpy as np

from plackett import backend
from plackett._files import MODEL, WHOLE_MODEL, errors_of_writing, replace, write_whole
from plackett.data import RankingLists
from plackett.evaluation import evaluate_scores, score
from plackett.metrics._base import RankingMetric
from plackett.training._group import Group, copy_variables
from plackett.training._same_run import WAY_OUT
from plackett.training._validation_loss import ValidationLoss
from plackett.training._weight_average import WeightAverage
from plackett.training.callbacks.divergence import range_of, report_divergence


class Record(keras.callbacks.Callback):
    """Measures each epoch, keeps the history and the best weights, and stops when nothing improves.

    Args:
        validation: the lists that each epoch is measured on.
        metric: the metric that each epoch is measured by. Other callbacks see it by its name in their logs.
        patience: the number of epochs without a better metric that are allowed.
        folder: the folder of `model.keras`, `metrics.json` and `history.csv`, or None.
        scorer: the model that is trained, with one output if tasks share a head. None = the model.
        ranker: the model that is measured and saved: the relevance tower of a two-tower scorer. None = the scorer.
        group: the processes that share the run. Only the first measures and writes, and it tells the others.
        twin: a copy of the model that the first process can compute with alone. Scorer and ranker are then those of the
            twin.
        average: the average of the weights of the model, or of its twin, which is measured and kept in place of the
            weights. None = the weights themselves.

    Raises:
        TrainingDivergedError: at the end of an epoch whose scores or metric are not finite. Nothing of that epoch is
            kept.
    """

    def __init__(
        self,
        validation: RankingLists,
        metric: RankingMetric | ValidationLoss,
        patience: int,
        folder: pathlib.Path | None,
        scorer: keras.Model | None = None,
        ranker: keras.Model | None = None,
        group: Group | None = None,
        twin: keras.Model | None = None,
        average: WeightAverage | None = None,
    ) -> None:
        super().__init__()
        self.validation = validation
        self.metric = metric
        self.patience = patience
        self.folder = folder
        self.scorer = scorer
        self.ranker = ranker or scorer
        self.group = group or Group()
        self.twin = twin
        self.average = average
        self.history: list[dict] = []
        self.best: dict | None = None
        self.best_weights: list[np.ndarray] | None = None

    def take(self, history: list[dict]) -> "Record":
        """Continues from this history, which does not hold the weights of its best epoch."""
        self.history, self.best = list(history), None
        for entry in history:
            if self._improves(entry):
                self.best = entry
        return self

    def ends(self, epochs: int) -> bool:
        """Whether a run of at most this many epochs ends here. A run without a best epoch does not."""
        return self.best is not None and (len(self.history) >= epochs or self._out_of_patience())

    def check_patience(self) -> None:
        """Raises a ValueError if a run of this patience would have ended earlier than its history."""
        for done in range(1, len(self.history)):
            if Record(self.validation, self.metric, self.patience, None).take(self.history[:done])._out_of_patience():
                raise ValueError(
                    f"{self.folder} cannot be resumed with patience={self.patience}: with it the run would have ended "
                    "after "
                    f"epoch {done}, but {len(self.history)} are done: give a greater patience; to train anew, {WAY_OUT}"
                )

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        measured, stops = self.group.ask_first(lambda: self._take_epoch(epoch, dict(logs)))
        logs |= measured
        self.model.stop_training |= stops

    def _take_epoch(self, epoch, logs):
        """Measures and writes an epoch. Returns (the logs with the metric, whether training stops)."""
        if self.twin is not None:
            copy_variables(self.model, self.twin)
        with backend.alone(), self.average.in_place() if self.average else contextlib.nullcontext():
            return self._measure(self.twin or self.model, epoch, logs)

    def _measure(self, model, epoch, logs):
        name = self.metric.name
        if isinstance(self.metric, ValidationLoss):
            logs |= {name: self.metric(model, self.validation)}
        else:
            logs |= evaluate_scores(self._scores(epoch), self.validation, [self.metric])
        entry = {"epoch": epoch + 1} | {key: float(value) for key, value in logs.items()}
        if not math.isfinite(entry[name]):
            scores = score(self.ranker or model, self.validation)
            what = f"{name} of the validation lists is {entry[name]}"
            raise self._report(epoch, what, scores, np.arange(len(self.validation)))
        self.history.append(entry)
        improves = self._improves(entry)
        if improves:
            self.best, self.best_weights = entry, model.get_weights()
            self._write_model()
        self._write_history()
        return logs, not improves and self._out_of_patience()

    def _scores(self, epoch):
        """Returns the scores of the validation lists, after checking that they are finite."""
        scores = score(self.ranker or self.model, self.validation)
        overflows = ~(scores < np.inf)  # NaN, or inf, which finite but too large weights can give
        if overflows.any():
            what = f"{overflows.sum()} of {len(scores)} scores of the validation lists are NaN or inf"
            queries = np.unique(np.searchsorted(self.validation.row_splits, np.flatnonzero(overflows), "right") - 1)
            raise self._report(epoch, f"{what}: the weights are too large", scores, queries)
        return scores

    def _report(self, epoch, cause, scores, queries):
        return report_divergence(
            self.folder,
            cause=cause,
            epoch=epoch + 1,
            step=self.params["steps"],
            queries=self.validation.queries[queries].tolist(),
            ranges={"label": range_of(self.validation.labels), "score": range_of(scores)},
        )

    def _improves(self, entry):
        name = self.metric.name
        return self.metric.improves(entry[name], self.best and self.best[name])

    def _out_of_patience(self):
        return bool(self.history) and self.history[-1]["epoch"] - self.best["epoch"] >= self.patience

    def _write_model(self):
        if self.folder is not None:
            scorer, ranker = self.scorer or self.model, self.ranker or self.model
            models = {MODEL: ranker} if ranker is scorer else {WHOLE_MODEL: scorer, MODEL: ranker}
            for name, model in models.items():
                path = self.folder / name
                with replace(path) as partial, errors_of_writing(path):
                    model.save(partial)
            write_whole(self.folder / "metrics.json", json.dumps(self.best, indent=2) + "\n")

    def _write_history(self):
        """Writes the history, last of the files of an epoch, since it says that the others are there."""
        if self.folder is not None:
            text = io.StringIO(newline="")
            rows = csv.DictWriter(text, fieldnames=list(self.history[0]), lineterminator="\n")
            rows.writeheader()
            rows.writerows(self.history)
            write_whole(self.folder / "history.csv", text.getvalue())
