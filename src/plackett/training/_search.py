"""The search for good settings, by Optuna: trials that survive being killed, and the best of them as a config."""

import dataclasses
import inspect
import json
import pathlib
import shutil
from collections.abc import Callable, Mapping

import keras
import yaml

from plackett import metrics, scorers
from plackett._files import write_whole
from plackett.data import RankingLists
from plackett.training._loop import train
from plackett.training._run_folder import check_same, environment
from plackett.training._settings import settings_of
from plackett.training._space import SPACE, checked_space, with_choices
from plackett.training.callbacks.divergence import TrainingDivergedError


@dataclasses.dataclass(frozen=True)
class Trial:
    """One run of a search.

    Args:
        number: from 0.
        settings: what was chosen, by the names of the space.
        value: the metric of its best epoch; None = training diverged.
    """

    number: int
    settings: dict
    value: float | None


def tune(
    lists: RankingLists,
    validation: RankingLists,
    *,
    output: str | pathlib.Path,
    trials: int,
    space: Mapping | None = None,
    provenance: dict | None = None,
    callbacks: Callable[[int], list[keras.callbacks.Callback]] | None = None,
    after: Callable[[Trial], None] | None = None,
    **settings,
) -> list[Trial]:
    """Searches for the settings with the best validation metric.

    Called again with the same arguments, it goes on until there are `trials` in all. A trial that was killed goes on
    from its last checkpoint. Which settings a trial tries depends on `seed` and on the trials before it alone.

    Args:
        lists: the training lists.
        validation: the lists that are measured on.
        output: a folder for `trials.db`, what Optuna knows, `search.yaml`, what is searched, `trials/`, the record of
            each without its model, and `config.yaml`, the best settings, for `train`.
        trials: how many.
        space: name -> {low, high, log} or a list of choices; a name is that of a setting, or of an option, as in
            "scorer_options.dropout". None = what in `SPACE` the scorer knows.
        provenance: entries to put first in `config.yaml`: where the data came from.
        callbacks: of the number of a trial: further Keras callbacks.
        after: is called after each trial.
        settings: fields of `plackett.training.Settings` that are as given in all trials.

    Returns:
        All trials, the best first; those that diverged last.

    Raises:
        ImportError: Optuna is not installed.
        ValueError: a wrong setting or space, or `output` holds another search.
    """
    if trials < 1:
        raise ValueError(f"trials must be at least 1, but got {trials}")
    base = dataclasses.asdict(settings_of(settings))
    space = checked_space(_default_space(base, lists) if space is None else space)
    less_is_better = metrics.get(base["metric"]).less_is_better
    folder = _opened(output, {"space": space} | base, environment(lists, validation)["data"])
    study = _study(folder, "minimize" if less_is_better else "maximize", base["seed"])
    while len(done := _finished(study)) < trials:
        _try(study, len(done), space, base, lists, validation, folder, (callbacks, after))
    best = sorted(done, key=lambda trial: (trial.value is None, trial.value if less_is_better else -(trial.value or 0)))
    if best[0].value is not None:
        config = {"backend": keras.backend.backend()} | with_choices(base, best[0].settings)
        write_whole(folder / "config.yaml", yaml.safe_dump((provenance or {}) | config, sort_keys=False))
    return best


def _default_space(base, lists):
    scorer = base["scorer"] or ("embeddings" if lists.ids else "mlp")
    options = inspect.signature(scorers.SCORERS[scorer]).parameters
    return {name: x for name, x in SPACE.items() if "." not in name or name.partition(".")[2] in options}


def _opened(output, search, data):
    """The folder of the search; what it holds must be the same one."""
    folder = pathlib.Path(output)
    search = search | {"backend": keras.backend.backend()} | data
    if (folder / "search.yaml").is_file():
        check_same(folder, "search.yaml", search, lambda before: before)
        return folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} exists and holds no search: choose another output folder")
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "search.yaml", yaml.safe_dump(search, sort_keys=False))
    return folder


def _study(folder, direction, seed):
    try:
        import optuna
    except ImportError as error:
        raise ImportError("a search needs Optuna: pip install 'plackett[tune]'") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        storage=f"sqlite:///{(folder / 'trials.db').as_posix()}",
        study_name="plackett",
        direction=direction,
        load_if_exists=True,
    )
    for trial in study.get_trials(states=[optuna.trial.TrialState.RUNNING]):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    return study


def _finished(study):
    """The trials that came to an end, in their order."""
    ended = [trial for trial in study.get_trials(deepcopy=False) if "settings" in trial.user_attrs and _ended(trial)]
    return [Trial(i, trial.user_attrs["settings"], trial.value) for i, trial in enumerate(ended)]


def _ended(trial):
    return trial.state.name in ("COMPLETE", "PRUNED")


def _try(study, number, space, base, lists, validation, folder, calls):
    """One trial, in a folder that a trial of the same number left that was killed, if one was."""
    import optuna

    callbacks, after = calls
    study.sampler = optuna.samplers.TPESampler(seed=base["seed"] + number)
    trial = study.ask()
    chosen = {name: _chosen(trial, name, given) for name, given in space.items()}
    trial.set_user_attr("settings", chosen)
    run, value, state = folder / "trials" / f"{number:04d}", None, optuna.trial.TrialState.PRUNED
    try:
        trained = train(
            lists,
            validation,
            output=run,
            resume=True,
            callbacks=callbacks(number) if callbacks else None,
            **with_choices(base, chosen),
        )
        value, state = trained.best[base["metric"]], optuna.trial.TrialState.COMPLETE
    except TrainingDivergedError:
        shutil.rmtree(run / "checkpoints", ignore_errors=True)
    study.tell(trial, value, state=state)
    (run / "model.keras").unlink(missing_ok=True)
    if after:
        after(Trial(number, chosen, value))


def _chosen(trial, name, given):
    if isinstance(given, list):
        # Optuna takes no lists for choices.
        return json.loads(trial.suggest_categorical(name, [json.dumps(choice) for choice in given]))
    suggest = trial.suggest_int if isinstance(given["low"], int) else trial.suggest_float
    return suggest(name, given["low"], given["high"], log=given["log"])
