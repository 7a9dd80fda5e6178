"""The search for good settings with Optuna. Trials survive being killed, and the best one becomes a config."""

import dataclasses
import inspect
import pathlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Literal, Unpack

import keras
import yaml

from plackett import scorers
from plackett._files import MODEL, WHOLE_MODEL, remove_partial, write_whole
from plackett.data import RankingLists
from plackett.evaluation._scoring import check_lists
from plackett.registry import classes_by_name
from plackett.scorers._mlp import dropout_for
from plackett.scorers.preprocessing.inputs import prepare
from plackett.training._budget import budget_of, with_budget
from plackett.training._config_file import read_yaml
from plackett.training._interrupt import catch_interrupts
from plackett.training._lock import hold
from plackett.training._loop import train
from plackett.training._objective import chooses_by_labels, make_metric
from plackett.training._objects import as_config, check_made_anew, make_object
from plackett.training._output_folder import check_search_output
from plackett.training._run_folder import environment, features_of, with_features
from plackett.training._same_run import BEFORE, FREE, check_same, without_names
from plackett.training._settings import Settings, SettingsKeywords
from plackett.training._space import SPACE, check_single, check_space, with_choices
from plackett.training._studies import (
    Trial,
    choice_of,
    distributions,
    next_number,
    open_study,
    past_trials,
    trials_outside,
)
from plackett.training._target_check import check_targets
from plackett.training._validation_share import hold_out
from plackett.training.callbacks.checkpoints import CHECKPOINTS, clear
from plackett.training.callbacks.divergence import TrainingDivergedError


def tune(
    lists: RankingLists,
    validation: RankingLists | None = None,
    *,
    output: str | pathlib.Path,
    trials: int,
    space: Mapping | None = None,
    provenance: dict | None = None,
    callbacks: Callable[[int], list[keras.callbacks.Callback]] | None = None,
    after: Callable[[Trial], None] | None = None,
    **settings: Unpack[SettingsKeywords],
) -> list[Trial]:
    """Searches for the settings with the best validation metric.

    Called again with the same arguments, it continues until there are `trials` trials in all. A trial that was killed
    continues from its last checkpoint. The settings that a trial tries depend only on `seed` and on the trials before
    it.

    When the search continues, the space may be wider or narrower than before. Trials whose settings lie in the new
    space count as if they belonged to it. A name that a trial did not choose has the value that the trial ran with:
    that of `settings`, or the default of the scorer or loss. A warning says how many trials lie outside the space;
    their records stay in `trials/`. Another warning names the best of them if it is better than all trials that count.
    `config.yaml` always holds the best trial that counts. All other settings, `epochs` and `patience` among them, must
    not change: trials of different lengths cannot be compared, and a finished trial keeps no checkpoint to continue
    from.

    Args:
        lists: the training lists.
        validation: the lists that trials are measured on. None = a share `validation_share` of the queries, drawn by
            the seed, is held out.
        output: a folder for `trials.db`, the records of Optuna, `search.yaml`, the description of the search,
            `trials/`, the record of each trial without its model, and `config.yaml`, the best settings, for `train`.
        trials: the number of trials.
        space: name -> {low, high, log} or a list of choices. A name is that of a setting, or of an option, as in
            "scorer_options.dropout". None = those entries of `SPACE` that the scorer knows.
        provenance: entries that come first in `config.yaml`: where the data came from.
        callbacks: a function of the number of a trial that returns further Keras callbacks.
        after: is called after each trial.
        settings: fields of `plackett.training.Settings` that are the same in all trials. Each trial makes its own model
            and optimizer, so these are given by name. The scorer may be a function that makes a model.

    Returns:
        All trials, the best first and those that diverged last.

    Raises:
        BlockingIOError: another process holds `output`; the message names it.
        FileExistsError: `output` holds something else.
        ImportError: Optuna is not installed.
        ValueError: a wrong setting or space, or `output` holds another search.

    Reference: Akiba et al., "Optuna: A Next-generation Hyperparameter Optimization Framework", KDD 2019; its sampler is
    that of Bergstra et al., "Algorithms for Hyper-Parameter Optimization", NIPS 2011 (TPE).
    """
    check_lists("lists", lists)
    if trials < 1:
        raise ValueError(f"trials must be at least 1, but got {trials}")
    base, provenance = Settings.from_dict(settings), provenance or {}
    keywords = {field.name: getattr(base, field.name) for field in dataclasses.fields(base)}
    metric = make_metric(base)
    check_made_anew(base, "each trial of a search")
    check_single(base)
    space = check_space(_default_space(base, lists) if space is None else space)
    folder = pathlib.Path(output)
    before = read_yaml(folder / "search.yaml") if (folder / "search.yaml").is_file() else {}
    lists = with_features(lists, before.get("features"), f"the search in {output}")
    if validation is not None:
        validation = with_features(validation, features_of(lists), "the training data")
    else:
        lists, validation = hold_out(lists, base)
        provenance = provenance | {"validation": f"{base.validation_share:.0%} of the queries"}
    check_targets(lists, validation, base, on_labels=chooses_by_labels(base))
    search = {"space": space} | as_config(base) | {"backend": keras.backend.backend()}
    search |= environment(lists, validation)["data"]
    check_search_output(folder)
    with catch_interrupts() as interrupt, hold(folder):
        _open_folder(folder, search)
        direction: Literal["minimize", "maximize"] = "minimize" if metric.less_is_better else "maximize"
        whole = keywords | budget_of(base, len(lists))._asdict()  # the settings of a trial that chose nothing
        study = open_study(folder, direction, space, whole, lambda *option: _default_option(lists, *option))
        write_whole(folder / "search.yaml", yaml.safe_dump(search, sort_keys=False))
        run = _Trials(study, space, keywords, (lists, validation), folder, metric.name, callbacks)
        while len(done := past_trials(study)) < trials:
            interrupt.check()
            trial = run.next(next_number(study))
            if after:
                after(trial)
        sign = 1 if metric.less_is_better else -1
        best = sorted(done, key=lambda trial: (trial.value is None, sign * (trial.value or 0)))
        if best[0].value is not None:
            config = as_config(with_budget(Settings(**with_choices(keywords, best[0].settings)), len(lists)))
            config = provenance | {"backend": keras.backend.backend()} | config
            write_whole(folder / "config.yaml", yaml.safe_dump(config, sort_keys=False))
            _warn_of_better(best[0], trials_outside(study), metric, folder)
        return best


def _warn_of_better(best, outside, metric, folder):
    """Warns if the best trial that does not count is better than all that do."""
    better = [trial for trial in outside if trial.value is not None and metric.improves(trial.value, best.value)]
    if better:
        sign = 1 if metric.less_is_better else -1
        other = min(better, key=lambda trial: sign * trial.value)
        warnings.warn(
            f"trial {other.number}, whose settings lie outside the space, has {metric.name} {other.value:.4f}, better "
            f"than {best.value:.4f} of trial {best.number}, the best trial that counts, whose settings are in "
            f"{folder / 'config.yaml'}. "
            f"The settings of the better one are in {folder / 'trials' / f'{other.number:04d}' / 'config.yaml'}; give "
            "a space that contains them to make it count again",
            stacklevel=3,
        )


def _default_space(base, lists):
    scorer = _scorer_of(base.scorer, lists)
    options = inspect.signature(scorer).parameters if callable(scorer) else ()
    return {name: x for name, x in SPACE.items() if "." not in name or name.partition(".")[2] in options}


def _scorer_of(given, lists):
    """Returns the function that makes the scorer. Another object is returned unchanged."""
    given = make_object("scorer", given) or ("embeddings" if lists.ids else "mlp")
    return scorers.SCORERS[given] if isinstance(given, str) else given


def _default_option(lists: RankingLists, settings: Mapping, name: str) -> Any:
    """The value of an option of the scorer or the loss that settings do not give; ... if it has no default."""
    outer, _, option = name.partition(".")
    if outer == "scorer_options":
        makers = [_scorer_of(settings["scorer"], lists), prepare]
    else:
        known = classes_by_name(keras.losses.Loss, suffix="Loss")
        makers = [known[settings["loss"]]] if isinstance(settings["loss"], str) and settings["loss"] in known else []
    parameters = [inspect.signature(maker).parameters.get(option) for maker in makers if callable(maker)]
    defaults = [x.default for x in parameters if x is not None and x.default is not x.empty]
    if defaults == [None] and name == "scorer_options.dropout":
        return dropout_for(len(lists))
    return defaults[0] if defaults else ...


def _open_folder(folder, search):
    """Checks that the search in the folder, if any, is this one, whatever its space."""
    check_search_output(folder)
    remove_partial(folder, ["search.yaml", "config.yaml"])
    if (folder / "search.yaml").is_file():
        check_same(folder, "search.yaml", _to_compare(search), _to_compare, "choose another output folder")


def _to_compare(search):
    return without_names({name: value for name, value in (BEFORE | search).items() if name not in ("space", *FREE)})


class _Trials:
    """The trials of a search. A trial uses the folder of a killed trial of the same number, if there is one."""

    def __init__(self, study, space, base, lists, folder, metric, callbacks):
        self.study, self.space, self.base, self.lists = study, space, base, lists
        self.folder, self.metric, self.callbacks = folder, metric, callbacks

    def next(self, number):
        """Trains and returns the trial of this number."""
        import optuna

        self.study.sampler = optuna.samplers.TPESampler(seed=self.base["seed"] + number)
        trial = self.study.ask(distributions(self.space))
        chosen = {name: choice_of(given, trial.params[name]) for name, given in self.space.items()}
        trial.set_user_attr("settings", chosen)
        trial.set_user_attr("number", number)
        run = self.folder / "trials" / f"{number:04d}"
        value = self._train(run, number, with_choices(self.base, chosen))
        state = optuna.trial.TrialState
        self.study.tell(trial, value, state=state.PRUNED if value is None else state.COMPLETE)
        for name in (MODEL, WHOLE_MODEL):
            (run / name).unlink(missing_ok=True)
        clear(run / CHECKPOINTS)
        return Trial(number, chosen, value)

    def _train(self, run, number, settings):
        """Returns the metric of the best epoch; None if training diverged."""
        callbacks = self.callbacks(number) if self.callbacks else None
        try:
            return train(*self.lists, output=run, resume=True, callbacks=callbacks, **settings).best[self.metric]
        except TrainingDivergedError:
            return None
