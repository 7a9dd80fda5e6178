"""One run of training: its parts and its epochs."""

import dataclasses
import functools
import pathlib
import warnings

import keras

from plackett import backend
from plackett._files import MODEL, WHOLE_MODEL
from plackett.data import RankingLists
from plackett.scorers._any_model import column_inputs, inputs_for, match_to
from plackett.scorers._outputs import share_head
from plackett.scorers._two_tower import ranker_of
from plackett.scorers.preprocessing.missing import check_missing
from plackett.training._budget import budget_of
from plackett.training._feed import Feed
from plackett.training._group import Group
from plackett.training._interrupt import Interrupt
from plackett.training._label_check import check_labels
from plackett.training._objective import compile_model, make_losses, make_metric, make_scorer
from plackett.training._optimizers import make_optimizer
from plackett.training._output_folder import read_history
from plackett.training._run_folder import write_changes
from plackett.training._settings import Settings
from plackett.training._validation_loss import ValidationLoss
from plackett.training._weight_average import WeightAverage
from plackett.training.callbacks.best_epoch import Record
from plackett.training.callbacks.checkpoints import CHECKPOINTS, Checkpoints, clear, positions
from plackett.training.callbacks.divergence import Watch
from plackett.training.callbacks.interrupt import StopAtInterrupt
from plackett.training.callbacks.randomness import EpochSeeds


@dataclasses.dataclass(frozen=True)
class Trained:
    """The result of `train`.

    >>> first, second = {"epoch": 1, "loss": 2.0, "ndcg": 0.5}, {"epoch": 2, "loss": 1.0, "ndcg": 0.7}
    >>> Trained(None, [first, second], best=second, validation=None, output=None).still_improving
    True

    Args:
        model: the scorer with the weights of its best epoch. With several tasks it has an output for each, unless they
            share a head. If a Keras model was given that is not a scorer of `plackett.scorers`, it is a scorer that
            contains the model; see `plackett.scorers.as_scorer`. For an ensemble it is the scorer that averages its
            members; see `plackett.scorers.ensemble`.
        history: one dict an epoch: epoch, loss, the validation metric. For an ensemble, the epochs of all members, one
            member after the other, each with the number of its `member`, from 1.
        best: the entry of `history` that the weights come from. For an ensemble, the validation metric of the ensemble
            itself, under its name, and `members`: one dict a member with its seed and the entry of its best epoch. If a
            loss chooses the epoch, the ensemble has no metric of its own, since its scores are not on the scale of the
            loss.
        validation: the lists that the best epoch was chosen on.
        output: the folder that holds the run, or None.
        members: the result of each run of an ensemble; () for a single run.
    """

    model: keras.Model
    history: list[dict]
    best: dict
    validation: RankingLists
    output: pathlib.Path | None
    members: tuple["Trained", ...] = ()

    @functools.cached_property
    def ranker(self) -> keras.Model:
        """The model that ranks: the relevance tower alone of a two-tower model, which needs no position; else the "
        "model."""
        return ranker_of(self.model)

    @property
    def still_improving(self) -> bool:
        """Whether the last epoch was the best, for the run or for a member. If so, more epochs may help."""
        if self.members:
            return any(member.still_improving for member in self.members)
        return self.best["epoch"] == self.history[-1]["epoch"]


class Run:
    """All parts of one run, which are made and checked before anything is written.

    Args:
        lists: the training lists.
        validation: the validation lists.
        settings: the settings of the run.
        interrupt: remembers Ctrl-C.
        group: the processes that share the run. The first one measures and writes.
    """

    def __init__(
        self,
        lists: RankingLists,
        validation: RankingLists,
        settings: Settings,
        interrupt: Interrupt,
        group: Group | None = None,
    ) -> None:
        self.settings, self.interrupt, self.group = settings, interrupt, (group := group or Group())
        for name, given in {"lists": lists, "validation": validation}.items():
            if len(given) == 0:
                raise ValueError(f"{name} must have at least one query to train with, but have none")
        self.metric = make_metric(settings)
        self.budget = budget_of(settings, len(lists), group.size)
        # A larger batch would be padding.
        batch_size = min(self.budget.batch_size, -(-len(lists) // group.size) * group.size)
        self.steps = -(-len(lists) // batch_size)
        with group.together():
            optimizer = self._make_optimizer()
            losses = make_losses(settings)  # their noise is part of the step
        self.losses = list(losses.values())
        with group.together():
            self.scorer, self.model = self._make_model(lists, losses)
        self.validation = validation = match_to(self.model, validation)
        self.ranker = ranker_of(self.scorer)
        inputs_for(self.ranker, validation)
        if isinstance(self.metric, ValidationLoss):
            self.metric.check(self.model, validation)
        check_missing(self.model, validation)
        lists = inputs_for(self.model, lists)
        self.feed = _make_feed(lists, settings, batch_size, column_inputs(self.model, lists), group)
        targets = self.feed.batches.targets if settings.tasks else {None: settings.target}
        check_labels(lists, validation, losses, targets, self.metric)
        with group.together():  # the means of losses must be made here too
            compile_model(self.model, settings, losses, optimizer)
            self.average = self._make_average(self.model)
        group.average_gradients(self.model)
        self.twin = None if not group.needs_twin else self._make_twin(lists)

    def _make_model(self, lists, losses):
        """Returns (the scorer, the model that is trained)."""
        scorer = make_scorer(lists, self.settings, losses)
        return scorer, share_head(scorer, losses) if self.settings.shared_head else scorer

    def _make_twin(self, lists):
        """Makes (the scorer, the model, the average of its weights) again, for this process alone."""
        with backend.alone():
            losses = make_losses(self.settings)
            scorer, model = self._make_model(lists, losses)
            compile_model(model, self.settings, losses, self._make_optimizer())
            average = self._make_average(model)
        return scorer, model, average

    def _make_average(self, model):
        most = self.settings.weight_average
        return WeightAverage(model, most) if most else None

    def end(self) -> None:
        """Removes the run's own part from the steps of the optimizer."""
        if self.average is not None:
            self.average.end()
            self.average = None

    def _make_optimizer(self):
        return make_optimizer(self.settings, self.budget.epochs * self.steps)

    def to_its_end(
        self,
        folder: pathlib.Path | None,
        callbacks: list[keras.callbacks.Callback],
        config: dict | None = None,
        *,
        goes_on: bool = False,
    ) -> Trained:
        """Trains the run, continues it, or finds that it is done. `config` is the new content of `config.yaml`."""
        record = self.read_record(folder, config)
        if record.ends(self.budget.epochs):
            return self.take_trained(record)
        if goes_on and folder is not None:
            warn_of_no_checkpoint(folder)
        self.fit(record, callbacks)
        return self._end(record)

    def read_record(self, folder: pathlib.Path | None, config: dict | None = None) -> Record:
        """Reads the record of a run so far, and writes changes of `config`, unless it is None, to `config.yaml`."""
        record = self.make_record(folder)
        if folder is not None:
            record.take(read_history(folder)).check_patience()
            if config is not None:
                write_changes(folder, config)
        return record

    def make_record(self, folder: pathlib.Path | None) -> Record:
        """Makes the record of a run that begins."""
        scorer, twin, average = (self.scorer, None, self.average) if self.twin is None else self.twin
        of_run = (self.validation, self.metric, self.budget.patience, folder)
        return Record(*of_run, scorer, ranker_of(scorer) if twin else self.ranker, self.group, twin, average)

    def take_trained(self, record: Record) -> Trained:
        """Reads what a finished run has written."""
        self.end()
        assert record.folder is not None
        self.scorer.load_weights(record.folder / (MODEL if self.ranker is self.scorer else WHOLE_MODEL))
        return self._end(record)

    def _end(self, record):
        if record.folder is not None:
            clear(record.folder / CHECKPOINTS, keep=1)
        return Trained(self.scorer, record.history, record.best, self.validation, record.folder)

    def make_checkpoints(self, record: Record, seeds: EpochSeeds, watch: Watch) -> Checkpoints:
        """Makes the callback that writes the checkpoints of the run into the folder of its record, and resumes from "
        "them."""
        assert record.folder is not None
        root, given = record.folder / CHECKPOINTS, has_state(self.settings)
        return Checkpoints(root, self.settings, self.feed, record, watch, seeds, self.losses, given)

    def write_start(self, record: Record) -> None:
        """Writes a checkpoint of the weights and the optimizer before the first step."""
        watch = Watch(self.feed, self.settings.check_weights, record.folder)
        self.make_checkpoints(record, EpochSeeds(self.settings.seed, self.feed), watch).write_start(self.model)

    def fit(self, record: Record, callbacks: list[keras.callbacks.Callback]) -> None:
        """Trains from the last checkpoint on. Alone, the model ends with the weights of the best epoch.

        Each epoch is one call of Keras's `fit`, since the first may be the rest of an epoch after a checkpoint.
        """
        record.take([])
        model, feed, settings, epochs = self.model, self.feed, self.settings, self.budget.epochs
        seeds = EpochSeeds(settings.seed, feed)
        watch = Watch(feed, settings.check_weights, record.folder)
        ours, checkpoints, first, step = [seeds, watch, record], None, 0, 0
        if record.folder is not None:
            checkpoints = self.make_checkpoints(record, seeds, watch)
            with self.group.together():
                first, step = checkpoints.resume(model)
            ours.append(checkpoints)
        params = {"epochs": epochs, "steps": len(feed), "history": list(record.history), "seed": settings.seed}
        calls = Callbacks(
            [*ours, *callbacks, StopAtInterrupt(self.interrupt, checkpoints)], add_history=True, model=model, **params
        )
        calls.begin()
        noise = [loss.seed_generator for loss in self.losses if loss.seed_generator is not None]
        for epoch in range(first, epochs):
            feed.start(epoch, step)
            step, batches = 0, backend.for_fit(feed)
            with self.group.together(), backend.carry_generators(model, noise):
                model.fit(batches, initial_epoch=epoch, epochs=epoch + 1, shuffle=False, callbacks=calls, verbose=0)
            if model.stop_training:
                break
        if checkpoints is not None:
            checkpoints.write_the_end()
        self._take_best(record)
        calls.end()
        self._take_best(record)  # again, since a callback may have restored weights that are not the average

    def _take_best(self, record):
        """Gives the model, if it is trained alone, the weights of the best epoch."""
        if self.group.size == 1:
            self.model.set_weights(record.best_weights)


def _make_feed(lists, settings, batch_size, inputs, group):
    targets = settings.target
    if settings.tasks:
        targets = {name: task["target"] for name, task in settings.tasks.items()}
    cut = settings.max_list_size
    shard = (group.number, group.size)
    return Feed(lists, batch_size, seed=settings.seed, max_list_size=cut, targets=targets, inputs=inputs, shard=shard)


def warn_of_no_checkpoint(folder: pathlib.Path) -> None:
    """Warns if a run that should be resumed has no checkpoint."""
    if not positions(folder / CHECKPOINTS):
        warnings.warn(
            f"there is no checkpoint in {folder / CHECKPOINTS}, so the run begins again and replaces what it had "
            "written by the results of the same steps",
            stacklevel=6,
        )


def has_state(settings: Settings) -> bool:
    """Whether a model or an optimizer was given whose state no seed can make again."""
    given = (settings.scorer, settings.optimizer)
    return any(isinstance(x, keras.Model | keras.optimizers.Optimizer) for x in given)


class Callbacks(keras.callbacks.CallbackList):
    """Callbacks of several calls of `fit` that see one beginning and one end of training."""

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Ignores the beginning of a single call of `fit`."""

    def on_train_end(self, logs: dict | None = None) -> None:
        """Ignores the end of a single call of `fit`."""

    def begin(self) -> None:
        """Reports the beginning to the callbacks."""
        super().on_train_begin()

    def end(self) -> None:
        """Reports the end to the callbacks."""
        super().on_train_end()
