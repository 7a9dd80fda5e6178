"""One run of training: what takes part in it, and its epochs."""

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
    """What `train` returns.

    >>> first, second = {"epoch": 1, "loss": 2.0, "ndcg": 0.5}, {"epoch": 2, "loss": 1.0, "ndcg": 0.7}
    >>> Trained(None, [first, second], best=second, validation=None, output=None).still_improving
    True

    Args:
        model: the scorer with the weights of its best epoch; of several tasks it has an output for each, unless they
            share a head. Where a Keras model was given that is no scorer of
            `plackett.scorers`, a scorer that it stands in, see `plackett.scorers.as_scorer`. Of an ensemble the scorer
            that averages those of its members, see `plackett.scorers.ensemble`.
        history: one dict an epoch: epoch, loss, the validation metric. Of an ensemble the epochs of all members, one
            member behind the other, each with its number, `member`, from 1.
        best: the entry of `history` that the weights are from. Of an ensemble the validation metric of the ensemble
            itself, under its name, and `members`: one dict a member, its seed and the entry of its best epoch. Where a
            loss chooses the epoch, the ensemble has no metric of its own: its scores are on no scale that a loss knows.
        validation: the lists that the best epoch was chosen on.
        output: the folder that holds them, or None.
        members: of an ensemble what each run came to; () of one run.
    """

    model: keras.Model
    history: list[dict]
    best: dict
    validation: RankingLists
    output: pathlib.Path | None
    members: tuple["Trained", ...] = ()

    @functools.cached_property
    def ranker(self) -> keras.Model:
        """What ranks: of a model of two towers the relevance tower alone, which needs no position; else the model."""
        return ranker_of(self.model)

    @property
    def still_improving(self) -> bool:
        """Whether the last epoch was the best, or that of a member was: more epochs may help."""
        if self.members:
            return any(member.still_improving for member in self.members)
        return self.best["epoch"] == self.history[-1]["epoch"]


class Run:
    """All that takes part in one run, made and checked before anything is written.

    Args:
        lists: the training lists.
        validation: the validation lists.
        settings: of the run.
        interrupt: what remembers Ctrl-C.
        group: the processes that share the run. Its first one measures and writes.
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
                raise ValueError(f"{name} must have at least one query to train with, but there is none")
        self.metric = make_metric(settings)
        self.budget = budget_of(settings, len(lists), group.size)
        # More would be padding.
        batch_size = min(self.budget.batch_size, -(-len(lists) // group.size) * group.size)
        self.steps = -(-len(lists) // batch_size)
        with group.together():
            optimizer = self._make_optimizer()
            losses = make_losses(settings)  # whose noise is part of the step
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
        with group.together():  # where the means of losses are made too
            compile_model(self.model, settings, losses, optimizer)
            self.average = self._make_average(self.model)
        group.average_gradients(self.model)
        self.twin = None if not group.needs_twin else self._make_twin(lists)

    def _make_model(self, lists, losses):
        """(the scorer, what is trained)."""
        scorer = make_scorer(lists, self.settings, losses)
        return scorer, share_head(scorer, losses) if self.settings.shared_head else scorer

    def _make_twin(self, lists):
        """(the scorer, what would be trained, the average of its weights) once more, of this process alone."""
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
        """Leaves the optimizer as it would be without the run's own part in its steps."""
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
        """Trains, or goes on, or finds that nothing is left to do; `config` is what `config.yaml` is to say."""
        record = self.read_record(folder, config)
        if record.ends(self.budget.epochs):
            return self.take_trained(record)
        if goes_on and folder is not None:
            warn_of_no_checkpoint(folder)
        self.fit(record, callbacks)
        return self._end(record)

    def read_record(self, folder: pathlib.Path | None, config: dict | None = None) -> Record:
        """The record of what is done of a run; `config.yaml` then says what is new in `config`, unless that is None."""
        record = self.make_record(folder)
        if folder is not None:
            record.take(read_history(folder)).check_patience()
            if config is not None:
                write_changes(folder, config)
        return record

    def make_record(self, folder: pathlib.Path | None) -> Record:
        """The record of a run that begins."""
        scorer, twin, average = (self.scorer, None, self.average) if self.twin is None else self.twin
        of_run = (self.validation, self.metric, self.budget.patience, folder)
        return Record(*of_run, scorer, ranker_of(scorer) if twin else self.ranker, self.group, twin, average)

    def take_trained(self, record: Record) -> Trained:
        """What a run that ended has written."""
        self.end()
        assert record.folder is not None
        self.scorer.load_weights(record.folder / (MODEL if self.ranker is self.scorer else WHOLE_MODEL))
        return self._end(record)

    def _end(self, record):
        if record.folder is not None:
            clear(record.folder / CHECKPOINTS, keep=1)
        return Trained(self.scorer, record.history, record.best, self.validation, record.folder)

    def make_checkpoints(self, record: Record, seeds: EpochSeeds, watch: Watch) -> Checkpoints:
        """What writes the checkpoints of the run into the folder of its record, and takes them up."""
        assert record.folder is not None
        root, given = record.folder / CHECKPOINTS, has_state(self.settings)
        return Checkpoints(root, self.settings, self.feed, record, watch, seeds, self.losses, given)

    def write_start(self, record: Record) -> None:
        """Writes a checkpoint of the weights and the optimizer that the run begins with."""
        watch = Watch(self.feed, self.settings.check_weights, record.folder)
        self.make_checkpoints(record, EpochSeeds(self.settings.seed, self.feed), watch).write_start(self.model)

    def fit(self, record: Record, callbacks: list[keras.callbacks.Callback]) -> None:
        """Trains from the last checkpoint on; alone, the model then has the weights of the best epoch.

        Epochs are one call of Keras's `fit` each, since the first may be what a checkpoint left of one.
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
        self._take_best(record)  # once more, as a callback may have put back weights that are no average

    def _take_best(self, record):
        """Alone, the model has the weights of the best epoch."""
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
    """Warns where a run that is to go on has no checkpoint."""
    if not positions(folder / CHECKPOINTS):
        warnings.warn(
            f"there is no checkpoint in {folder / CHECKPOINTS}, so the run begins again, and what it had written is "
            "replaced by what the same steps give",
            stacklevel=6,
        )


def has_state(settings: Settings) -> bool:
    """Whether a model or an optimizer was given, whose state no seed makes again."""
    given = (settings.scorer, settings.optimizer)
    return any(isinstance(x, keras.Model | keras.optimizers.Optimizer) for x in given)


class Callbacks(keras.callbacks.CallbackList):
    """Callbacks of several calls of `fit`, which hear of one beginning and one end of training."""

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Of one call of `fit` alone."""

    def on_train_end(self, logs: dict | None = None) -> None:
        """Of one call of `fit` alone."""

    def begin(self) -> None:
        """Tells of the beginning."""
        super().on_train_begin()

    def end(self) -> None:
        """Tells of the end."""
        super().on_train_end()
