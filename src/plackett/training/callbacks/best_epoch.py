"""What a run writes down of its epochs, and the best of them."""

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
        validation: what each epoch is measured on.
        metric: what each epoch is measured by; other callbacks see it by its name in their logs.
        patience: how many epochs without a better metric are allowed.
        folder: where `model.keras`, `metrics.json` and `history.csv` go, or None.
        scorer: what is trained, with one output where tasks share a head. None = the model.
        ranker: what is measured and saved; of a scorer of two towers the relevance tower. None = the scorer.
        group: the processes that share the run; the first alone measures and writes, and tells the others.
        twin: what stands for the model where the first process cannot compute with it alone; scorer and ranker are
            then those of the twin.
        average: of the weights of the model, or of its twin, which is measured and kept in their place. None = the
            weights are.

    Raises:
        TrainingDivergedError: at the end of an epoch whose scores or metric are not finite; nothing of that epoch is
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
        """Goes on from this history; the weights of its best epoch are not in it."""
        self.history, self.best = list(history), None
        for entry in history:
            if self._improves(entry):
                self.best = entry
        return self

    def ends(self, epochs: int) -> bool:
        """Whether a run of so many epochs at most ends here; one without a best epoch does not."""
        return self.best is not None and (len(self.history) >= epochs or self._out_of_patience())

    def check_patience(self) -> None:
        """Raises a ValueError where a run of this patience would have ended before its history does."""
        for done in range(1, len(self.history)):
            if Record(self.validation, self.metric, self.patience, None).take(self.history[:done])._out_of_patience():
                raise ValueError(
                    f"{self.folder} cannot be resumed with patience={self.patience}, by which the run had ended after "
                    f"epoch {done}, but {len(self.history)} are done: give a greater patience; to train anew, {WAY_OUT}"
                )

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        measured, stops = self.group.ask_first(lambda: self._take_epoch(epoch, dict(logs)))
        logs |= measured
        self.model.stop_training |= stops

    def _take_epoch(self, epoch, logs):
        """(the logs with the metric, whether training stops), of an epoch that is measured and written."""
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
        """The scores of the validation lists, which are finite."""
        scores = score(self.ranker or self.model, self.validation)
        overflows = ~(scores < np.inf)  # NaN, or inf, as finite weights that are too large make it
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
        """Last of the files of an epoch: what it tells of is there."""
        if self.folder is not None:
            text = io.StringIO(newline="")
            rows = csv.DictWriter(text, fieldnames=list(self.history[0]), lineterminator="\n")
            rows.writeheader()
            rows.writerows(self.history)
            write_whole(self.folder / "history.csv", text.getvalue())
