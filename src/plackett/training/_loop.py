"""Training a ranker: lists and a loss in, the best model and its record out."""

import dataclasses
import functools
import pathlib
import warnings
from typing import Unpack

import keras

from plackett import backend
from plackett._files import MODEL, WHOLE_MODEL
from plackett.data import RankingLists
from plackett.evaluation._scoring import check_lists
from plackett.scorers._any_model import column_inputs, inputs_for, match_to
from plackett.scorers._outputs import share_head
from plackett.scorers._two_tower import ranker_of
from plackett.scorers.preprocessing.missing import check_missing
from plackett.training._feed import Feed
from plackett.training._interrupt import catch_interrupts
from plackett.training._label_check import check_labels
from plackett.training._lock import hold
from plackett.training._objective import chooses_by_labels, compile_model, make_losses, make_metric, make_scorer
from plackett.training._objects import as_config
from plackett.training._optimizers import make_optimizer
from plackett.training._output_folder import check_output, holds_run, read_history
from plackett.training._run_folder import data_of_run, environment, open_run_folder, with_features, write_changes
from plackett.training._settings import Settings, SettingsKeywords
from plackett.training._target_check import check_targets
from plackett.training._validation_loss import ValidationLoss
from plackett.training._validation_share import hold_out
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
            `plackett.scorers`, a scorer that it stands in, see `plackett.scorers.as_scorer`.
        history: one dict an epoch: epoch, loss, the validation metric.
        best: the entry of `history` that the weights are from.
        validation: the lists that the best epoch was chosen on.
        output: the folder that holds them, or None.
    """

    model: keras.Model
    history: list[dict]
    best: dict
    validation: RankingLists
    output: pathlib.Path | None

    @functools.cached_property
    def ranker(self) -> keras.Model:
        """What ranks: of a model of two towers the relevance tower alone, which needs no position; else the model."""
        return ranker_of(self.model)

    @property
    def still_improving(self) -> bool:
        """Whether the last epoch was the best: more epochs may help."""
        return self.best["epoch"] == self.history[-1]["epoch"]


def train(
    lists: RankingLists,
    validation: RankingLists | None = None,
    *,
    output: str | pathlib.Path | None = None,
    overwrite: bool = False,
    resume: bool = False,
    provenance: dict | None = None,
    callbacks: list[keras.callbacks.Callback] | None = None,
    **settings: Unpack[SettingsKeywords],
) -> Trained:
    """Trains a ranker and keeps the weights of the epoch with the best validation metric.

    >>> import numpy as np
    >>> from plackett.data import RankingLists
    >>> x = np.random.default_rng(0).normal(size=(40, 3))
    >>> lists = RankingLists.from_arrays(x, x[:, 0] > 0, group=[8] * 5)
    >>> trained = train(lists, loss="softmax", epochs=1, scorer_options={"hidden": [4]})
    >>> list(trained.best), len(trained.validation)
    (['epoch', 'loss', 'ndcg@10'], 1)

    A run that was killed at any moment and is then resumed ends with the weights, bit for bit, that it would have
    ended with undisturbed, on the same backend and machine. So does one, finished or not, that is resumed with other
    `epochs` or `patience`, where the learning rate does not depend on the number of epochs. What callbacks of your own
    remember is not kept. All randomness comes from `seed`; the global generators of Python, NumPy, Keras and the
    backend go on afterwards as if nothing had been.

    What has a name may be an object of your own:

    - `loss`: a loss of plackett or Keras, or a function, see `plackett.losses.as_ranking_loss`.
    - `metric`: a metric of plackett with conventions of its own, such as `NDCG(topn=10, empty="skip")`; or a loss of
      plackett, whose mean over the validation lists is then `validation_loss`.
    - `scorer`: a Keras model, see `plackett.scorers.as_scorer`; it is trained in place, from the weights that it has,
      and by the steps of `train`, not by a `train_step` of its own. Or a function of the training lists that makes one
      and is handed `scorer_options`, and also `models` and `tasks` where there are such, as those of
      `plackett.scorers` are.
    - `optimizer`: an optimizer of Keras; it is used as it is. `learning_rate_schedule`: a schedule of Keras.

    With `output`, an object must be registered with Keras: `config.yaml` holds its config, though no weights, from
    which `resume` and a later run make it again.

    Args:
        lists: the training lists; what a scorer knows of features is fitted on them alone.
        validation: the lists that the best epoch is chosen on. None = the share `validation_share` of the queries,
            drawn by the seed, is held out.
        output: a folder for `config.yaml`, `environment.yaml`, `model.keras`, `metrics.json`, `history.csv` and
            `checkpoints/`, of which the last stays. Of a model of two towers `model.keras` is the relevance tower
            alone, and `whole_model.keras` the model. None = nothing is written. Each of them is whole at any moment:
            what is finished stays when training is interrupted. No other process writes there by plackett meanwhile.
        overwrite: whether an earlier run in `output` may be replaced; nothing else is.
        resume: goes on with the run in `output` from its last checkpoint; where it has none, it begins again, of which
            a warning tells; a finished run is given back as it is.
        provenance: entries to put first in `config.yaml`: where the data came from.
        callbacks: further Keras callbacks. At the end of an epoch they see the loss and, under its own name, the
            validation metric, as in `EarlyStopping(monitor="ndcg@10", mode="max")`; Keras does not know of itself which
            way is better, so say `mode`.
        settings: fields of `Settings`.

    Raises:
        BlockingIOError: another process holds `output`; says which one.
        FileExistsError: `output` holds an earlier run, and neither `overwrite` nor `resume` is True; or something else.
        KeyboardInterrupt: after the step in which Ctrl-C came, or the epoch that this step ends, and the checkpoint
            that is then written into `output`; at once at a second one.
        OSError: `output` cannot be written; the last checkpoint and the files of the finished epochs are whole.
        TrainingDivergedError: the loss, a gradient or the validation metric is not finite; likewise, and
            `divergence.json` says what was found.
        ValueError: no `RankingLists`, lists that nobody judged, an unknown name or an option out of range, an object
            that cannot be written into `output`, a model that does not fit the lists, labels too high for the loss or
            the metric, `resume` with `overwrite` or without `output`, or a run to resume had other settings or data.
    """
    check_lists("lists", lists)
    if validation is not None:
        check_lists("validation", validation)
    callbacks = _check_callbacks(callbacks)
    chosen = Settings.from_dict(settings)
    provenance = provenance or {}
    if resume and overwrite:
        raise ValueError("resume=True goes on with a run and overwrite=True replaces it: give one of the two")
    if resume and output is None:
        raise ValueError("resume=True goes on with the run in output, but output is None: give its folder")
    if output is not None and resume:
        lists = with_features(lists, data_of_run(pathlib.Path(output)).get("features"), f"the run in {output}")
    if validation is None:
        lists, validation = hold_out(lists, chosen)
        provenance = provenance | {"validation": f"{chosen.validation_share:.0%} of the queries"}
    check_targets(lists, validation, chosen, on_labels=chooses_by_labels(chosen))
    with catch_interrupts() as interrupt, backend.keep_generators():
        backend.seed_all_generators(chosen.seed)
        run = _Run(lists, validation, chosen, interrupt)
        interrupt.check()
        if output is None:
            return run.to_its_end(None, callbacks)
        config = provenance | {"backend": keras.backend.backend()} | as_config(chosen)
        surroundings = environment(lists, run.validation)
        folder = pathlib.Path(output)
        check_output(folder, overwrite=overwrite, resume=resume)
        with hold(folder):
            goes_on = resume and holds_run(folder)
            open_run_folder(folder, config, surroundings, overwrite=overwrite, resume=resume)
            return run.to_its_end(folder, callbacks, config, goes_on=goes_on)


def _check_callbacks(given):
    """The callbacks as a list."""
    given = [] if given is None else given
    if not isinstance(given, list | tuple) or not all(isinstance(x, keras.callbacks.Callback) for x in given):
        raise ValueError(f"callbacks must be a list of Keras callbacks, but got {given!r}")
    return list(given)


class _Run:
    """All that takes part in one run, made and checked before anything is written."""

    def __init__(self, lists, validation, settings, interrupt):
        self.settings, self.interrupt = settings, interrupt
        for name, given in {"lists": lists, "validation": validation}.items():
            if len(given) == 0:
                raise ValueError(f"{name} must have at least one query to train with, but there is none")
        self.metric = make_metric(settings)
        batch_size = min(settings.batch_size, len(lists))  # of which more would be padding
        optimizer = make_optimizer(settings, settings.epochs * -(-len(lists) // batch_size))
        losses = make_losses(settings)
        self.losses = list(losses.values())
        self.scorer = make_scorer(lists, settings, losses)
        self.model = share_head(self.scorer, losses) if settings.shared_head else self.scorer  # what is trained
        self.validation = validation = match_to(self.model, validation)
        self.ranker = ranker_of(self.scorer)
        inputs_for(self.ranker, validation)
        if isinstance(self.metric, ValidationLoss):
            self.metric.check(self.model, validation)
        check_missing(self.model, validation)
        lists = inputs_for(self.model, lists)
        self.feed = _make_feed(lists, settings, batch_size, column_inputs(self.model, lists))
        targets = self.feed.batches.targets if settings.tasks else {None: settings.target}
        check_labels(lists, validation, losses, targets, self.metric)
        compile_model(self.model, settings, losses, optimizer)

    def to_its_end(self, folder, callbacks, config=None, *, goes_on=False):
        """Trains, or goes on, or finds that nothing is left to do; `config` is what `config.yaml` is to say."""
        record = Record(self.validation, self.metric, self.settings.patience, folder, self.scorer, self.ranker)
        if folder is not None:
            record.take(read_history(folder)).check_patience()
            write_changes(folder, config)
        if record.ends(self.settings.epochs):
            self.model.optimizer.build(self.model.trainable_variables)
            self.scorer.load_weights(folder / (MODEL if self.ranker is self.scorer else WHOLE_MODEL))
        else:
            if goes_on and not positions(folder / CHECKPOINTS):
                warnings.warn(
                    f"there is no checkpoint in {folder / CHECKPOINTS}, so the run begins again, and what it had "
                    "written is replaced by what the same steps give",
                    stacklevel=3,
                )
            record.take([])
            self._fit(record, callbacks)
        if folder is not None:
            clear(folder / CHECKPOINTS, keep=1)
        return Trained(self.scorer, record.history, record.best, self.validation, folder)

    def _fit(self, record, callbacks):
        """Epochs by one call of Keras's `fit` each, since the first may be what a checkpoint left of one."""
        model, feed, settings = self.model, self.feed, self.settings
        seeds = EpochSeeds(settings.seed, feed)
        watch = Watch(feed, settings.check_weights, record.folder)
        ours, checkpoints, first, step = [seeds, watch, record], None, 0, 0
        if record.folder is not None:
            root, given = record.folder / CHECKPOINTS, _has_state(settings)
            checkpoints = Checkpoints(root, settings, feed, record, watch, seeds, self.losses, given)
            first, step = checkpoints.resume(model)
            ours.append(checkpoints)
        params = {"epochs": settings.epochs, "steps": len(feed), "history": list(record.history)}
        calls = Callbacks(
            [*ours, *callbacks, StopAtInterrupt(self.interrupt, checkpoints)], add_history=True, model=model, **params
        )
        calls.begin()
        for epoch in range(first, settings.epochs):
            feed.start(epoch, step)
            step, batches = 0, backend.for_fit(feed)
            model.fit(batches, initial_epoch=epoch, epochs=epoch + 1, shuffle=False, callbacks=calls, verbose=0)
            if model.stop_training:
                break
        if checkpoints is not None:
            checkpoints.write_the_end()
        model.set_weights(record.best_weights)
        calls.end()


def _make_feed(lists, settings, batch_size, inputs):
    targets = settings.target
    if settings.tasks:
        targets = {name: task["target"] for name, task in settings.tasks.items()}
    cut = settings.max_list_size
    return Feed(lists, batch_size, seed=settings.seed, max_list_size=cut, targets=targets, inputs=inputs)


def _has_state(settings):
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
