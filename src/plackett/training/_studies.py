"""The records that Optuna keeps of a search: one study for each space, with the trials that lie in it."""

import dataclasses
import json
import pathlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Literal

from plackett.training._space import choices_in


@dataclasses.dataclass(frozen=True)
class Trial:
    """One run of a search.

    >>> Trial(number=0, settings={"learning_rate": 0.01}, value=0.7).settings
    {'learning_rate': 0.01}

    Args:
        number: the number of the trial, from 0.
        settings: the values that were chosen, by the names of the space.
        value: the metric of the best epoch; None = training diverged.
    """

    number: int
    settings: dict
    value: float | None


def open_study(
    folder: pathlib.Path,
    direction: Literal["minimize", "maximize"],
    space: Mapping,
    base: Mapping,
    default: Callable[[Mapping, str], Any],
):
    """Opens the study of this space in `trials.db`. A new study takes over the earlier trials that fit.

    A study has one space, since Optuna accepts only the choices that a name has had before.

    Args:
        folder: the folder of the search.
        direction: the direction of better values.
        space: the space to search.
        base: the settings that are the same in all trials.
        default: a function of settings and the name of an option that they do not give, which returns its value; see
            `choices_in`.

    Raises:
        ImportError: Optuna is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise ImportError("a search needs Optuna: pip install 'plackett[tune]'") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = optuna.storages.RDBStorage(f"sqlite:///{(folder / 'trials.db').as_posix()}")
    names = optuna.get_all_study_names(storage)
    studies = [optuna.load_study(study_name=name, storage=storage) for name in names]
    written = json.dumps(space)
    if studies and studies[-1].user_attrs.get("space") == written:
        for trial in studies[-1].get_trials(states=[optuna.trial.TrialState.RUNNING]):
            studies[-1].tell(trial.number, state=optuna.trial.TrialState.FAIL)
        return studies[-1]
    study = optuna.create_study(storage=storage, study_name=f"plackett {len(studies)}", direction=direction)
    _take_over(study, studies, space, base, default)
    folders = [int(path.name) for path in (folder / "trials").glob("[0-9]*")]
    study.set_user_attr("first", max(folders, default=-1) + 1)
    study.set_user_attr("space", written)  # last: a study without it is not complete
    return study


def past_trials(study) -> list[Trial]:
    """The trials of a study that have ended, in order."""
    return [
        Trial(trial.user_attrs["number"], trial.user_attrs["settings"], trial.value)
        for trial in study.get_trials(deepcopy=False)
        if trial.state.name in ("COMPLETE", "PRUNED")
    ]


def trials_outside(study) -> list[Trial]:
    """The trials of earlier studies that do not lie in the space of this one."""
    return [Trial(**trial) for trial in study.user_attrs["outside"]]


def next_number(study) -> int:
    """The number of the next trial: that of a killed trial, if there is one, else the first free number."""
    return max([study.user_attrs["first"], *(trial.number + 1 for trial in past_trials(study))])


def distributions(space: Mapping) -> dict:
    """Returns the space in the form of Optuna, which does not accept lists as choices, but their JSON."""
    from optuna import distributions as of_optuna

    made: dict[str, Any] = {}
    for name, given in space.items():
        if isinstance(given, list):
            made[name] = of_optuna.CategoricalDistribution([json.dumps(choice) for choice in given])
        else:
            kind = of_optuna.IntDistribution if isinstance(given["low"], int) else of_optuna.FloatDistribution
            made[name] = kind(**given)
    return made


def choice_of(given: Mapping | list, chosen):
    """Returns the choice that Optuna made for a name."""
    return json.loads(chosen) if isinstance(given, list) else chosen


def _take_over(study, studies, space, base, default):
    """Adds the trials of earlier studies that lie in the space, as if they had been made in it."""
    import optuna

    trials = {trial.number: trial for earlier in studies for trial in past_trials(earlier)}
    retold = {number: choices_in(space, base, trial.settings, default) for number, trial in sorted(trials.items())}
    for number, settings in retold.items():
        if settings is None:
            continue
        value = trials[number].value
        params = {name: json.dumps(x) if isinstance(space[name], list) else x for name, x in settings.items()}
        state = optuna.trial.TrialState.PRUNED if value is None else optuna.trial.TrialState.COMPLETE
        study.add_trial(
            optuna.trial.create_trial(
                state=state,
                value=value,
                params=params,
                distributions=distributions(space),
                user_attrs={"settings": settings, "number": number},
            )
        )
    outside = [str(number) for number, settings in retold.items() if settings is None]
    study.set_user_attr("outside", [dataclasses.asdict(trials[int(number)]) for number in outside])
    if outside:
        warnings.warn(
            f"{len(outside)} of {len(trials)} earlier trials lie outside the space and do not count: "
            f"{', '.join(outside)}",
            stacklevel=4,
        )
