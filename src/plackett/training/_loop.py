"""Training a ranker: lists and a loss in, the best model and its record out."""

import dataclasses
import pathlib

import keras

from plackett import backend, metrics
from plackett.data import RankingLists
from plackett.scorers.preprocessing.missing import check_missing
from plackett.training._feed import Feed
from plackett.training._labels import check_labels
from plackett.training._objective import compile_for, made_losses, made_scorer
from plackett.training._run_folder import opened
from plackett.training._settings import settings_of
from plackett.training.callbacks.best_epoch import Record, read_history
from plackett.training.callbacks.checkpoints import CHECKPOINTS, Checkpoints, clear
from plackett.training.callbacks.divergence import Watch, watched
from plackett.training.callbacks.randomness import EpochSeeds


@dataclasses.dataclass(frozen=True)
class Trained:
    """What `train` returns.

    Args:
        model: the scorer with the weights of its best epoch.
        history: one dict an epoch: epoch, loss, the validation metric.
        best: the entry of `history` that the weights are from.
        output: the folder that holds them, or None.
    """

    model: keras.Model
    history: list[dict]
    best: dict
    output: pathlib.Path | None


def train(
    lists: RankingLists,
    validation: RankingLists,
    *,
    output: str | pathlib.Path | None = None,
    overwrite: bool = False,
    resume: bool = False,
    provenance: dict | None = None,
    callbacks: list[keras.callbacks.Callback] | None = None,
    **settings,
) -> Trained:
    """Trains a ranker and keeps the weights of the epoch with the best validation metric.

    A run that was killed at any moment and is then resumed ends with the weights, bit for bit, that it would have
    ended with undisturbed, on the same backend and machine. What callbacks of your own remember is not kept.

    Args:
        lists: the training lists; what a scorer knows of features is fitted on them alone.
        validation: the lists that the best epoch is chosen on.
        output: a folder for `config.yaml`, `environment.yaml`, `model.keras`, `metrics.json`, `history.csv` and,
            until the run is finished, `checkpoints/`. None = nothing is written. Each of them is whole at any moment:
            what is finished stays when training is interrupted.
        overwrite: whether an earlier run in `output` may be replaced.
        resume: goes on with the run in `output` from its last checkpoint; from the beginning where there is none; a
            finished run is given back as it is.
        provenance: entries to put first in `config.yaml`: where the data came from.
        callbacks: further Keras callbacks.
        settings: fields of `Settings`.

    Raises:
        FileExistsError: `output` holds an earlier run, and neither `overwrite` nor `resume` is True.
        OSError: `output` cannot be written; the last checkpoint and the files of the finished epochs are whole.
        TrainingDivergedError: the loss, a gradient or the validation metric is not finite; likewise, and
            `divergence.json` tells of it.
        ValueError: an unknown name or an option out of range, labels too high for the loss or the metric, or a run to
            resume had other settings or data.
    """
    settings = settings_of(settings)
    metrics.get(settings.metric)
    keras.utils.set_random_seed(settings.seed)
    losses = made_losses(settings)
    model = made_scorer(lists, settings, losses)
    feed = _feed(lists.with_ids(model.input), settings)
    targets = feed.batches.targets if settings.tasks else {None: settings.target}
    check_labels(lists, validation, losses, targets, settings.metric)
    check_missing(model, validation)
    compile_for(model, settings, losses, settings.epochs * len(feed))
    folder = None
    if output is not None:
        folder = opened(
            output, settings, lists, validation, overwrite=overwrite, resume=resume, provenance=provenance or {}
        )
    record = Record(validation, settings.metric, settings.patience, folder)
    if folder is not None and record.take(read_history(folder)).finished(settings.epochs):
        model.optimizer.build(model.trainable_variables)
        model.load_weights(folder / "model.keras")
    else:
        record.take([])
        _fit(model, feed, record, settings, losses, callbacks or [])
    if folder is not None:
        clear(folder / CHECKPOINTS)
    return Trained(model, record.history, record.best, folder)


def _feed(lists, settings):
    targets = settings.target
    if settings.tasks:
        targets = {name: task["target"] for name, task in settings.tasks.items()}
    return Feed(lists, settings.batch_size, seed=settings.seed, max_list_size=settings.max_list_size, targets=targets)


def _fit(model, feed, record, settings, losses, callbacks):
    """Epochs by one call of Keras's `fit` each, since the first may be what a checkpoint left of one."""
    seeds = EpochSeeds(settings.seed, feed)
    ours, first, step = [seeds, Watch(feed, record.folder), record], 0, 0
    if record.folder is not None:
        checkpoints = Checkpoints(record.folder / CHECKPOINTS, settings, feed, record, seeds, list(losses.values()))
        first, step = checkpoints.resume(model)
        ours.append(checkpoints)
    params = {"epochs": settings.epochs, "steps": len(feed), "history": list(record.history)}
    heard = Callbacks([*ours, *callbacks], add_history=True, model=model, **params)
    with watched(model):
        heard.begin()
        for epoch in range(first, settings.epochs):
            feed.start(epoch, step)
            step = 0
            model.fit(
                backend.fed(feed), initial_epoch=epoch, epochs=epoch + 1, shuffle=False, callbacks=heard, verbose=0
            )
            if model.stop_training:
                break
    model.set_weights(record.best_weights)
    heard.end()


class Callbacks(keras.callbacks.CallbackList):
    """Callbacks of several calls of `fit`, which hear of one beginning and one end of training."""

    def on_train_begin(self, logs=None):
        """Of one call of `fit` alone."""

    def on_train_end(self, logs=None):
        """Of one call of `fit` alone."""

    def begin(self):
        """Tells of the beginning."""
        super().on_train_begin()

    def end(self):
        """Tells of the end."""
        super().on_train_end()
