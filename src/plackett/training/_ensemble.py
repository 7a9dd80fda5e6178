"""An ensemble: runs with consecutive seeds, joined into one ranker."""

import contextlib
import dataclasses
import json
import pathlib
from collections.abc import Callable
from typing import Any

import keras

from plackett import backend
from plackett._files import MODEL, errors_of_writing, remove_partial, replace, write_whole
from plackett.data import RankingLists
from plackett.evaluation import evaluate_scores, score
from plackett.scorers import ensemble
from plackett.training._interrupt import catch_interrupts
from plackett.training._lock import hold
from plackett.training._objects import as_config, check_made_anew
from plackett.training._output_folder import MEMBERS, check_output, holds_run, read_history
from plackett.training._run import Run, Trained
from plackett.training._run_folder import environment, open_run_folder, write_changes
from plackett.training._same_run import check_same_settings
from plackett.training._settings import Settings
from plackett.training._validation_loss import ValidationLoss
from plackett.training.callbacks.best_epoch import Record
from plackett.training.callbacks.divergence import TrainingDivergedError

METRICS = "metrics.json"


def train_members(
    train_one: Callable[..., Trained],
    lists: RankingLists,
    validation: RankingLists,
    settings: Settings,
    provenance: dict,
    *,
    output: pathlib.Path | None,
    overwrite: bool,
    resume: bool,
) -> Trained:
    """Trains the members of an ensemble, one after the other, and joins them.

    Each member is a run of its own, with its own seed and, with an output folder, its own folder in `members`. After a
    kill, finished members are kept, and the member that was being trained continues.

    Args:
        train_one: trains one member. It takes (the number of the member from 1, lists, validation, its settings by
            name, output, overwrite, resume, provenance).
        lists: the training lists.
        validation: the lists that all members are validated on.
        settings: the settings of the ensemble.
        provenance: entries that come first in each `config.yaml`.
        output, overwrite, resume: as in `plackett.train`.

    Raises:
        TrainingDivergedError: a member diverged; the message names it.
        ValueError: a model or an optimizer object was given, which all members would share; or as in `plackett.train`.
    """
    check_made_anew(settings, "each member of an ensemble")
    seeds = range(settings.seed, settings.seed + settings.ensemble)
    of_members = [dataclasses.replace(settings, seed=seed, ensemble=1) for seed in seeds]
    with catch_interrupts() as interrupt, contextlib.ExitStack() as held:
        # Anything that can be wrong with a run is reported before anything is written.
        metric, matched = _check(lists, validation, of_members, interrupt)
        interrupt.check()
        place: dict[str, Any] = {"output": None, "overwrite": False, "resume": False, "provenance": provenance}
        if output is not None:
            config = provenance | {"backend": keras.backend.backend()} | as_config(settings)
            check_output(output, overwrite=overwrite, resume=resume)
            held.enter_context(hold(output))
            goes_on = resume and holds_run(output)
            open_run_folder(output, config, environment(lists, matched), overwrite=overwrite, resume=resume)
            place["resume"] = True
            if isinstance(words := provenance.get("validation"), str):  # lists that were held out, not files
                place["provenance"] = provenance | {"validation": f"{words}, drawn by the seed {settings.seed}"}
            if goes_on:
                _check_begun(output, of_members, metric, matched, place["provenance"])
                write_changes(output, config)
        members = []
        for number, own in enumerate(of_members, 1):
            interrupt.check()
            if output is not None:
                place["output"] = output / MEMBERS / str(number)
            with _telling_of(number, own.seed):
                keywords = {field.name: getattr(own, field.name) for field in dataclasses.fields(own)}
                members.append(train_one(number, lists, validation, keywords, **place))
        interrupt.check()
        return _join(members, of_members, metric, matched, output)


def _check(lists, validation, of_members, interrupt):
    """Checks the members, and returns (their metric, the validation lists as the model takes them)."""
    first, *_ = of_members
    with backend.keep_generators():
        backend.seed_all_generators(first.seed)
        run = Run(lists, validation, first, interrupt)
        ensemble([run.ranker])
        run.end()
    return run.metric, run.validation


def _check_begun(output, of_members, metric, validation, provenance):
    """Raises a ValueError if a member that has begun cannot continue, before any member is trained or file written."""
    for number, own in enumerate(of_members, 1):
        folder = output / MEMBERS / str(number)
        if holds_run(folder):
            check_same_settings(folder, provenance | {"backend": keras.backend.backend()} | as_config(own))
            Record(validation, metric, own.patience, folder).take(read_history(folder)).check_patience()


@contextlib.contextmanager
def _telling_of(number, seed):
    """Adds to an error of divergence which member diverged."""
    try:
        yield
    except TrainingDivergedError as error:
        cause = f"{error.cause}, in member {number} of the ensemble, of seed {seed}"
        rest = (error.epoch, error.step, error.queries, error.ranges, error.path)
        raise TrainingDivergedError(cause, *rest) from error


def _join(members, of_members, metric, validation, folder):
    """Returns the members as one ranker. It is measured, and written if it is not there yet."""
    with backend.keep_generators():
        model = ensemble([member.ranker for member in members])
    told = [{"seed": own.seed} | member.best for own, member in zip(of_members, members, strict=True)]
    best = _measure(model, metric, validation) | {"members": told}
    history = [{"member": k} | entry for k, member in enumerate(members, 1) for entry in member.history]
    if folder is not None:
        _write(folder, model, best)
    return Trained(model, history, best, validation, folder, tuple(members))


def _measure(model, metric, validation):
    """Returns {name: value} of the ensemble's metric.

    The value is empty for a loss. A loss needs scores on the scale that a member learnt, and standardising removes it.
    """
    if isinstance(metric, ValidationLoss):
        return {}
    found = evaluate_scores(score(model, validation), validation, [metric])
    return {name: float(value) for name, value in found.items()}


def _write(folder, model, best):
    """Writes the model first and the metrics last, since the metrics say that the model is complete."""
    text, path = json.dumps(best, indent=2) + "\n", folder / METRICS
    if path.is_file() and path.read_text() == text and (folder / MODEL).is_file():
        return
    remove_partial(folder, [MODEL, METRICS])
    with replace(folder / MODEL) as partial, errors_of_writing(folder / MODEL):
        model.save(partial)
    write_whole(path, text)
