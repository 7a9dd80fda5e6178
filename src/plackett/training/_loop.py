"""Training a ranker: lists and a loss in, the best model and its record out."""

import contextlib
import pathlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Unpack

import keras

from plackett import backend
from plackett.data import RankingLists
from plackett.evaluation._scoring import check_lists
from plackett.training._budget import with_budget
from plackett.training._ensemble import train_members
from plackett.training._interrupt import Interrupt, catch_interrupts
from plackett.training._lock import hold
from plackett.training._objective import chooses_by_labels
from plackett.training._objects import as_config
from plackett.training._output_folder import check_output, holds_run
from plackett.training._run import Run, Trained
from plackett.training._run_folder import data_of_run, environment, open_run_folder, with_features
from plackett.training._same_run import with_numbers_of
from plackett.training._settings import Settings, SettingsKeywords
from plackett.training._target_check import check_targets
from plackett.training._validation_share import hold_out


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
    remember is not kept; they hear of the runs of an ensemble one after the other. All randomness comes from `seed`;
    the global generators of Python, NumPy, Keras and the backend go on afterwards as if nothing had been.

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

    With `ensemble` above 1 so many runs are trained, one after the other, which differ in their seed alone, from `seed`
    on, and share the validation lists. The result is one model: the mean of their scores, each standardised within its
    list, see `plackett.scorers.ensemble`. `output` has the model and its metric, and `members/1`, `members/2` and so on
    the run of each, of which those that have finished are not trained again with `resume`.

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
    callbacks = _check_callbacks(callbacks)
    choices: dict[str, Any] = {"output": output, "overwrite": overwrite, "resume": resume, "provenance": provenance}

    def train_one(number, lists, validation, settings, **choices):
        with prepare(lists, validation, settings, **choices) as ready:
            return ready.run.to_its_end(ready.folder, callbacks, ready.config, goes_on=ready.goes_on)

    return train_all(train_one, lists, validation, dict(settings), **choices)


def train_all(
    train_one: Callable[..., Trained],
    lists: RankingLists,
    validation: RankingLists | None,
    settings: dict,
    *,
    output: str | pathlib.Path | None,
    overwrite: bool,
    resume: bool,
    provenance: dict | None,
    parts: int = 1,
) -> Trained:
    """One run by `train_one`, see `train_members`; or those of an ensemble, where the settings say so.

    A batch whose size is chosen here can be cut into so many equal `parts`.
    """
    choices: dict[str, Any] = {"overwrite": overwrite, "resume": resume}
    check_lists("lists", lists)
    if Settings.from_dict(settings).ensemble == 1:
        return train_one(1, lists, validation, settings, output=output, provenance=provenance, **choices)
    task = _check_task(lists, validation, settings, output=output, provenance=provenance, parts=parts, **choices)
    return train_members(train_one, *task, output=None if output is None else pathlib.Path(output), **choices)


class Ready(NamedTuple):
    """A run whose lists and settings are checked, and whose folder is held.

    Args:
        run: the run.
        lists: what it trains on.
        validation: what its epochs are chosen on.
        interrupt: what remembers Ctrl-C.
        folder: its output folder, or None.
        config: what its `config.yaml` says, or None.
        goes_on: whether there was such a run in the folder, which goes on.
    """

    run: Run
    lists: RankingLists
    validation: RankingLists
    interrupt: Interrupt
    folder: pathlib.Path | None = None
    config: dict | None = None
    goes_on: bool = False


@contextlib.contextmanager
def prepare(
    lists: RankingLists,
    validation: RankingLists | None,
    settings: dict,
    *,
    output: str | pathlib.Path | None,
    overwrite: bool,
    resume: bool,
    provenance: dict | None,
    parts: int = 1,
) -> Iterator[Ready]:
    """Gives what `train` trains; see there. Within this, Ctrl-C waits for the run.

    A batch whose size is chosen here can be cut into so many equal `parts`.
    """
    choices = {"output": output, "overwrite": overwrite, "resume": resume, "provenance": provenance}
    lists, validation, chosen, provenance = _check_task(lists, validation, settings, **choices, parts=parts)
    with catch_interrupts() as interrupt, backend.keep_generators(), contextlib.ExitStack() as at_the_end:
        backend.seed_all_generators(chosen.seed)
        run = Run(lists, validation, chosen, interrupt)
        at_the_end.callback(run.end)
        interrupt.check()
        if output is None:
            yield Ready(run, lists, validation, interrupt)
            return
        config = provenance | {"backend": keras.backend.backend()} | as_config(chosen)
        surroundings = environment(lists, run.validation)
        folder = pathlib.Path(output)
        check_output(folder, overwrite=overwrite, resume=resume)
        with hold(folder):
            goes_on = resume and holds_run(folder)
            open_run_folder(folder, config, surroundings, overwrite=overwrite, resume=resume)
            yield Ready(run, lists, validation, interrupt, folder, config, goes_on)


def _check_task(lists, validation, settings, *, output, overwrite, resume, provenance, parts):
    """(training lists, validation lists, settings, provenance) of what is to be trained, which is checked."""
    check_lists("lists", lists)
    if validation is not None:
        check_lists("validation", validation)
    chosen = Settings.from_dict(settings)
    provenance = provenance or {}
    if resume and overwrite:
        raise ValueError("resume=True goes on with a run and overwrite=True replaces it: give one of the two")
    if resume and output is None:
        raise ValueError("resume=True goes on with the run in output, but output is None: give its folder")
    if output is not None and resume:
        lists = with_features(lists, data_of_run(pathlib.Path(output)).get("features"), f"the run in {output}")
        chosen = with_numbers_of(pathlib.Path(output), chosen)
    if validation is None:
        lists, validation = hold_out(lists, chosen)
        provenance = provenance | {"validation": f"{chosen.validation_share:.0%} of the queries"}
    chosen = with_budget(chosen, len(lists), parts)
    check_targets(lists, validation, chosen, on_labels=chooses_by_labels(chosen))
    return lists, validation, chosen, provenance


def _check_callbacks(given):
    """The callbacks as a list."""
    given = [] if given is None else given
    if not isinstance(given, list | tuple) or not all(isinstance(x, keras.callbacks.Callback) for x in given):
        raise ValueError(f"callbacks must be a list of Keras callbacks, but got {given!r}")
    return list(given)
