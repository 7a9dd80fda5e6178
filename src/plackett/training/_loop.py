"""Trains a ranker from lists and a loss, and returns the best model and a record."""

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

    A run that is killed at any moment and then resumed ends with the same weights, bit for bit, as an undisturbed run
    on the same backend and machine. This also holds for a run, finished or not, that is resumed with other `epochs` or
    `patience`, unless the learning rate depends on the number of epochs. The state of your own callbacks is not kept;
    in an ensemble they see one run after the other. All randomness comes from `seed`. The global generators of Python,
    NumPy, Keras and the backend are restored afterwards.

    Wherever a name is accepted, you may give an object of your own:

    - `loss`: a loss of plackett or Keras, or a function; see `plackett.losses.as_ranking_loss`.
    - `metric`: a metric of plackett with its own conventions, such as `NDCG(topn=10, empty="skip")`; or a loss of
      plackett, whose mean over the validation lists then is `validation_loss`.
    - `scorer`: a Keras model; see `plackett.scorers.as_scorer`. It is trained in place, from its current weights, by
      the steps of `train` and not by its own `train_step`. Or a function that makes a model from the training lists.
      It receives `scorer_options` and, where they apply, `models` and `tasks`, as the functions of
      `plackett.scorers` do.
    - `optimizer`: a Keras optimizer, which is used unchanged. `learning_rate_schedule`: a schedule of Keras.

    With `output`, an object must be registered with Keras. `config.yaml` holds its config but not its weights, and
    `resume` and later runs make the object again from it.

    With `ensemble` above 1, this many runs are trained, one after the other. They differ in their seed alone, which
    counts up from `seed`, and share the validation lists. The result is one model: the mean of the members' scores,
    each standardised within its list; see `plackett.scorers.ensemble`. `output` has the model and its metric, and
    `members/1`, `members/2` and so on hold the runs. With `resume`, finished members are not trained again.

    Args:
        lists: the training lists. Whatever a scorer fits on features is fitted on these lists alone.
        validation: the lists that the best epoch is chosen on. None = a share `validation_share` of the queries, drawn
            by the seed, is held out.
        output: a folder for `config.yaml`, `environment.yaml`, `model.keras`, `metrics.json`, `history.csv` and
            `checkpoints/`, which keeps the last checkpoint. For a two-tower model, `model.keras` is the relevance tower
            alone, and `whole_model.keras` is the full model. None = nothing is written. Each file is complete at any
            moment: finished work is kept when training is interrupted. No other process of plackett writes there
            meanwhile.
        overwrite: whether an earlier run in `output` may be replaced. Nothing else is replaced.
        resume: continues the run in `output` from its last checkpoint. Without a checkpoint the run begins again, with
            a warning. A finished run is returned unchanged.
        provenance: entries that come first in `config.yaml`: where the data came from.
        callbacks: further Keras callbacks. At the end of an epoch they see the loss and, under its own name, the
            validation metric, as in `EarlyStopping(monitor="ndcg@10", mode="max")`. Give `mode`, since Keras does not
            know which direction is better.
        settings: fields of `Settings`.
        settings: fields of `Settings`.

    Raises:
        BlockingIOError: another process holds `output`; the message names it.
        FileExistsError: `output` holds an earlier run, and neither `overwrite` nor `resume` is True; or it holds
            something else.
        KeyboardInterrupt: Ctrl-C was pressed. It is raised after the current step, or after the epoch that this step
            ends, once the checkpoint is written into `output`. A second Ctrl-C raises it at once.
        OSError: `output` cannot be written. The last checkpoint and the files of finished epochs are complete.
        TrainingDivergedError: the loss, a gradient or the validation metric is not finite. Files are kept as above, and
            `divergence.json` describes what was found.
        ValueError: `lists` are not `RankingLists`, nobody judged them, a name is unknown or an option out of range, an
            object cannot be written into `output`, a model does not fit the lists, labels are too high for the loss or
            the metric, `resume` is given with `overwrite` or without `output`, or the run to resume had other settings
            or data.
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
    """Trains one run by `train_one`, see `train_members`; or the runs of an ensemble if the settings ask for one.

    A batch size that is chosen here is divisible by `parts`.
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
        lists: the training lists.
        validation: the lists that the best epoch is chosen on.
        interrupt: remembers Ctrl-C.
        folder: the output folder, or None.
        config: the content of its `config.yaml`, or None.
        goes_on: whether the folder held this run already, so that it continues.
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
    """Prepares a run of `train`; see there. Within this context, Ctrl-C waits for the run.

    A batch size that is chosen here is divisible by `parts`.
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
    """Checks a task, and returns its (training lists, validation lists, settings, provenance)."""
    check_lists("lists", lists)
    if validation is not None:
        check_lists("validation", validation)
    chosen = Settings.from_dict(settings)
    provenance = provenance or {}
    if resume and overwrite:
        raise ValueError("resume=True continues a run and overwrite=True replaces it: give only one of the two")
    if resume and output is None:
        raise ValueError("resume=True continues the run in output, but output is None: give its folder")
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
    """Returns the callbacks as a list."""
    given = [] if given is None else given
    if not isinstance(given, list | tuple) or not all(isinstance(x, keras.callbacks.Callback) for x in given):
        raise ValueError(f"callbacks must be a list of Keras callbacks, but got {given!r}")
    return list(given)
