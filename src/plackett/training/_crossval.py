"""Cross-validation: trains several configurations over folds and seeds, and measures them on held-out queries."""

import contextlib
import dataclasses
import importlib.util
import os
import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence

import keras
import numpy as np

from plackett.data import RankingLists
from plackett.evaluation import evaluate
from plackett.evaluation._results import Results, mean
from plackett.evaluation._scoring import check_lists
from plackett.metrics._base import RankingMetric
from plackett.training import _folds
from plackett.training._crossval_folder import RESULTS as RESULTS_FILE
from plackett.training._crossval_folder import (
    Outcome,
    Run,
    check_crossval_output,
    check_names,
    check_nothing_lost,
    keep,
    kept,
    open_crossval_folder,
    write_table,
)
from plackett.training._crossval_results import CrossValidation
from plackett.training._interrupt import catch_interrupts
from plackett.training._lock import hold
from plackett.training._loop import train
from plackett.training._objective import make_losses, make_metric
from plackett.training._objects import as_config, check_made_anew
from plackett.training._optimizers import make_optimizer
from plackett.training._run_folder import features_of
from plackett.training._settings import Seed, Settings, SettingsKeywords, check_value
from plackett.training.callbacks.divergence import TrainingDivergedError

OF_THE_RUNS = {
    "seed": "each configuration is trained with every seed of seeds (--seeds)",
    "validation_share": "each run is validated on a fold",
}


def crossval(
    lists: RankingLists | Sequence[RankingLists],
    configurations: Mapping[str, SettingsKeywords],
    metrics: Sequence[str | RankingMetric] = ("ndcg@10",),
    *,
    folds: int | None = None,
    fold_seed: int = 0,
    group_by: str | None = None,
    seeds: Sequence[int] | None = None,
    output: str | os.PathLike | None = None,
    resume: bool = False,
    provenance: Mapping | None = None,
    after: Callable[[Run, dict[str, float]], None] | None = None,
) -> CrossValidation:
    """Trains each configuration on each turn of the folds with each seed, and measures it on the test fold.

    >>> import numpy as np
    >>> from plackett.data import RankingLists
    >>> x = np.random.default_rng(0).normal(size=(48, 3))
    >>> lists = RankingLists.from_arrays(x, x[:, 0] > 0, group=[4] * 12)
    >>> quick = {"epochs": 1, "scorer_options": {"hidden": [4]}}
    >>> found = crossval(lists, {"softmax": quick | {"loss": "softmax"}, "mse": quick | {"loss": "mean_squared"}},
    ...                  folds=3, seeds=[0])
    >>> found.results.systems, found.results.values.shape, len(found.runs)
    (('softmax', 'mse'), (2, 1, 12), 6)

    Turn k of n trains on the folds S_k to S_k+n-3, chooses the epoch on S_k+n-2 and tests on S_k+n-1, cyclically. This
    is the rotation of the five folds of LETOR: S_k, S_k+1, S_k+2; S_k+3; S_k+4. Each seed tests each query once. The
    value of a query is its mean over seeds. `compare` and the paired tests use these values.

    Args:
        lists: the lists, which are cut into folds by query; or the folds themselves, S_1 to S_n, at least three.
        configurations: name -> settings of `train`, except `seed` and `validation_share`. Each run makes its own model
            and optimizer, so these are given by name. The scorer may be a function that makes a model.
        metrics: the metrics on the test folds: names, such as "ndcg@10", or metric objects with their own conventions.
        folds: the number of folds that `lists` are cut into. None = 5.
        fold_seed: the seed that draws the folds.
        group_by: a column of queries. Queries with equal values, such as those of one user, go into the same fold, and
            so do all queries whose value is missing. None = each query is drawn on its own.
        seeds: the seeds that each configuration is trained with. For an ensemble, seeds must be as far apart as it has
            members, since otherwise two ensembles would share a member. None = three seeds from 0 on: 0, 1 and 2, or
            farther apart.
        output: a folder for `crossval.yaml`, which describes the cross-validation, `results.parquet`, one row for each
            query and configuration, and `crossval.csv`, one row a run. NAME/fold-1/seed-0 is the output folder of
            `train` for one run, and `seed-0.npz` beside it has its values by query. None = nothing is written.
        resume: continues the cross-validation in `output`, if there is one. Finished runs are kept, and a killed run
            continues from its last checkpoint. Seeds, metrics and configurations may be added, but none may be left
            out. The settings of an existing configuration must not change.
        provenance: entries that come first in `crossval.yaml`: where the data came from.
        after: is called after each run that is trained now, with the run and the means of its metrics over its test
            fold.

    Raises:
        BlockingIOError: another process holds `output`; the message names it.
        FileExistsError: `output` holds something, and `resume` does not allow it.
        ImportError: `output` is given, but polars is not installed.
        TrainingDivergedError: a run diverged; the message names it. With `output`, finished runs are kept.
        ValueError: a wrong fold, metric, setting, name or seed; a query is in two folds; or `output` holds another
            cross-validation.

    Cost: configurations x folds x seeds trainings, one after the other; memory for the lists twice.

    Reference: the rotation is that of Qin & Liu, "Introducing LETOR 4.0 Datasets", 2013,
    https://arxiv.org/abs/1306.2597
    """
    if resume and output is None:
        raise ValueError("resume=True continues the cross-validation in output, but output is None: give its folder")
    whole, fold, cut = _cut(lists, folds, fold_seed, group_by)
    chosen = _check_configurations(configurations)
    seeds = _check_seeds(seeds, chosen)
    if isinstance(metrics, str):
        raise ValueError(f"metrics must be a list of names, but got {metrics!r}; write [{metrics!r}]")
    # Anything wrong with the metrics or the labels is reported before the first training.
    blank = evaluate({"none": lambda lists: np.zeros(len(lists.labels))}, whole, metrics)
    folder = None if output is None else pathlib.Path(output)
    if folder is not None:
        record = dict(provenance or {}) | _record(whole, fold, cut, chosen)
        _check_parquet(blank)
        check_crossval_output(folder, resume=resume)
    trainings = _Trainings(whole, fold, chosen, metrics, blank.stated, folder)
    outcomes: dict[Run, Outcome] = {}

    def means(run):
        return mean(outcomes[run].values, blank.weights_of(_folds.turn(fold, run.fold).test))

    with catch_interrupts() as interrupt, contextlib.nullcontext() if folder is None else hold(folder):
        if folder is not None:
            check_nothing_lost(folder, chosen, seeds, blank.stated)
            open_crossval_folder(folder, record, resume=resume)
        for run in (Run(name, k, seed) for k in range(1, fold.max() + 1) for name in chosen for seed in seeds):
            interrupt.check()
            before = None if folder is None else kept(folder, run, blank.stated)
            outcomes[run] = trainings.outcome(run) if before is None else before
            if before is None and after is not None:
                after(run, dict(zip(blank.metrics, means(run).tolist(), strict=True)))
        found = _gather(blank, fold, list(chosen), seeds, outcomes, folder)
        if folder is not None:
            write_table(folder, blank.stated, [(run, x, means(run)) for run, x in outcomes.items()])
            found.results.write(folder / RESULTS_FILE)
    return found


def _cut(lists, folds, seed, group_by):
    """Returns (all lists, [queries] the fold of each query, how the lists were cut)."""
    if isinstance(lists, RankingLists):
        seed = check_value("fold_seed", seed, Seed)
        fold = _folds.cut(lists, _folds.DEFAULT if folds is None else folds, seed, group_by)
        return lists, fold, {"seed": seed, "group_by": group_by}
    if not isinstance(lists, Sequence):
        check_lists("lists", lists)
    for number, part in enumerate(lists, 1):
        check_lists(f"fold {number}", part)
    for name, given, default in (("folds", folds, None), ("fold_seed", seed, 0), ("group_by", group_by, None)):
        if given != default:
            raise ValueError(
                f"{name}={given!r} applies when lists are cut into folds, but the folds are given: leave it out"
            )
    _folds.check_folds(lists)
    return *_folds.join(lists), "as given"


def _check_configurations(given):
    """Returns name -> settings, after checking that each setting can be made."""
    if not isinstance(given, Mapping) or not given:
        raise ValueError(f"configurations must be a dict of names to settings, but got {given!r}")
    check_names(list(given))
    return {name: _check_configuration(name, settings) for name, settings in given.items()}


def _check_configuration(name, given):
    if not isinstance(given, Mapping):
        raise ValueError(f"the configuration {name} must be a dict of settings, but got {given!r}")
    for setting, why in OF_THE_RUNS.items():
        if setting in given:
            raise ValueError(f"the configuration {name} must not set {setting}: {why}")
    try:
        settings = Settings.from_dict(given)
        make_losses(settings)
        make_metric(settings)
        check_made_anew(settings, "each run of a cross-validation")
        make_optimizer(settings, steps=1)
    except ValueError as error:
        raise ValueError(f"the configuration {name}: {error}") from error
    return settings


def _check_seeds(given, chosen):
    apart = max(settings.ensemble for settings in chosen.values())
    given = range(0, 3 * apart, apart) if given is None else given
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise ValueError(f"seeds must be a list of whole numbers, such as range(3), but got {given!r}")
    given = list(given)
    seeds = [check_value("a seed", seed, Seed) for seed in given]
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds must be different whole numbers, at least one, but got {given!r}")
    first, *others = sorted(seeds)
    for seed in others:
        if seed - first < apart:
            raise ValueError(
                f"seeds must be at least {apart} apart, since an ensemble of {apart} members uses the seeds that "
                f"follow its own, but got {first} and {seed}: give, for example, {list(range(0, 3 * apart, apart))}"
            )
        first = seed
    return tuple(seeds)


def _check_parquet(blank):
    """Raises an error if `results.parquet` cannot be written, either at all or with these metrics."""
    if importlib.util.find_spec("polars") is None:
        raise ImportError("output writes results.parquet, which needs polars: pip install 'plackett[data]'")
    blank.to_frame()


def _record(whole, fold, cut, chosen):
    """Returns the content of `crossval.yaml`."""
    settings = {name: as_config(settings) for name, settings in chosen.items()}
    return {
        "backend": keras.backend.backend(),
        "lists": whole.fingerprint(),
        "features": features_of(whole),
        "queries_of_folds": _folds.queries_of_folds(fold),
        "cut": cut,
        "configurations": {
            name: {setting: x for setting, x in config.items() if setting not in OF_THE_RUNS}
            for name, config in settings.items()
        },
    }


class _Trainings:
    """The runs of a cross-validation, one after the other. The lists of a turn are selected once."""

    def __init__(self, whole, fold, settings, metrics, stated, folder):
        self.whole, self.fold, self.settings = whole, fold, settings
        self.metrics, self.stated, self.folder = metrics, stated, folder
        self.number, self.parts = 0, []

    def outcome(self, run):
        """Trains a run and returns its outcome. With a folder, the outcome is also saved there."""
        if self.number != run.fold:
            self.number = run.fold
            self.parts = [self.whole.select(queries) for queries in _folds.turn(self.fold, run.fold)]
        training, validation, test = self.parts
        trained = self._train(run, training, validation)
        values = evaluate({run.configuration: trained.model}, test, self.metrics).values[0]
        runs = trained.members or (trained,)
        best_epoch, epochs = (max(x) for x in zip(*((x.best["epoch"], len(x.history)) for x in runs), strict=True))
        outcome = Outcome(best_epoch, epochs, values)
        if self.folder is not None:
            keep(self.folder, run, self.stated, outcome)
        return outcome

    def _train(self, run, training, validation):
        settings = self.settings[run.configuration]
        keywords = {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}
        output = {} if self.folder is None else {"output": self.folder / run.place, "resume": True}
        try:
            return train(training, validation, **output, **keywords | {"seed": run.seed})
        except TrainingDivergedError as error:
            cause = f"{error.cause}, in the run {run.place}"
            raise TrainingDivergedError(
                cause, error.epoch, error.step, error.queries, error.ranges, error.path
            ) from error


def _gather(blank: Results, fold, names, seeds, outcomes, folder) -> CrossValidation:
    """Puts the values of all runs in the places of their queries."""
    by_seed = np.full((len(names), len(blank.metrics), len(seeds), len(fold)), np.nan)
    for run, outcome in outcomes.items():
        test = _folds.turn(fold, run.fold).test
        by_seed[names.index(run.configuration), :, seeds.index(run.seed), test] = outcome.values.T
    facts = {f"{name} (column)" if name == "fold" else name: x for name, x in blank.facts.items()}
    # Which queries count depends on their labels alone, so it is the same for all seeds.
    results = dataclasses.replace(
        blank,
        systems=tuple(names),
        values=by_seed.mean(axis=2),
        facts=facts | {"fold": _folds.turn_of_test(fold)},
        notes=(*blank.notes, _note(seeds)),
    )
    return CrossValidation(results, by_seed, seeds, outcomes, folder)


def _note(seeds):
    return (
        f"The value of a query is its mean over the seeds {', '.join(map(str, seeds))}. Intervals and tests treat the "
        "trained models as fixed: the spread over folds and seeds shows how far another training would move a mean."
    )
