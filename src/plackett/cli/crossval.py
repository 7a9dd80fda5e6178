"""`plackett crossval`."""

import functools
import pathlib
from typing import Annotated

import typer

from plackett.cli import _checks
from plackett.cli._backend import choose_backend
from plackett.cli._configurations import OF_THE_RUNS, read_configurations
from plackett.cli._flags import Backend, with_reading, with_settings
from plackett.cli._reading import find_reading
from plackett.cli._request import flags_given
from plackett.cli._tables import say
from plackett.cli._training_lists import in_words
from plackett.cli.evaluate import ALL, check_baseline
from plackett.data._suffixes import MOVIELENS
from plackett.training import _folds
from plackett.training._crossval_folder import RESULTS, TABLE, check_crossval_output
from plackett.training._interrupt import check_interrupts
from plackett.training._lock import check_free
from plackett.training._settings import VALIDATION_LOSS, Settings

OF_THE_CUT = {"folds": "--folds", "fold_seed": "--fold-seed", "group_by": "--group-by"}


@functools.partial(with_settings, but=OF_THE_RUNS)
@with_reading
def crossval(
    ctx: typer.Context,
    output: Annotated[
        pathlib.Path, typer.Option("--output", "-o", help=f"The folder for {RESULTS}, {TABLE} and the runs.")
    ],
    data: Annotated[
        list[str] | None, typer.Argument(help="Files of one format, as for train, which are cut into folds by query.")
    ] = None,
    fold: Annotated[
        list[str] | None,
        typer.Option(
            help="Instead of DATA: the file of one fold; once for each fold, in order. With five folds, turn k trains "
            "on k, k+1, k+2, chooses the epoch on k+3 and tests on k+4, as in LETOR."
        ),
    ] = None,
    folds: Annotated[int, typer.Option(help="The number of folds that DATA are cut into, by query.")] = _folds.DEFAULT,
    fold_seed: Annotated[int, typer.Option(help="The seed that draws the folds.")] = 0,
    group_by: Annotated[
        str | None, typer.Option(help="A column of queries, such as the user: equal values go into the same fold.")
    ] = None,
    seeds: Annotated[
        int, typer.Option(help="The number of seeds: 0, 1 and so on; with --ensemble K 0, K and so on.")
    ] = 3,
    config: Annotated[
        list[str] | None,
        typer.Option(
            help="A configuration: the config.yaml or the folder of a run, as [NAME=]PATH; may be repeated. Its "
            "settings are used unless flags give others. Its data and its seed are not used."
        ),
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            help="SETTING=VALUE,VALUE: a configuration for each value, such as loss=softmax,list_mle or "
            "scorer_options.dropout=0,0.2. Several make all combinations."
        ),
    ] = None,
    test_metric: Annotated[
        list[str] | None,
        typer.Option(help="A metric on the test folds; may be repeated. Default: the one that chooses the epoch."),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(help=f"The configuration to compare with, or {ALL}: all with all. Default: the first."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the cross-validation in the output folder, if there is one.")
    ] = False,
    backend: Backend = None,
    **flags,
):
    """Train configurations over folds and seeds, and compare them on held-out queries."""
    given = flags_given(ctx)
    if seeds < 1:
        raise ValueError(f"--seeds must be at least 1, but got {seeds}")
    sources = _check_sources(data or [], fold or [], given)
    _checks.check_installed("polars", f"{RESULTS} is written with polars", "'plackett[data]'")
    configurations = read_configurations(given, choose_backend(backend))
    metrics = _check_metrics(test_metric, configurations)
    check_baseline(baseline, configurations)
    reading = find_reading(given, sources)
    _checks.check_sources(sources, reading=reading)
    _checks.check_folder(output, may_hold=True, way_out="")
    check_crossval_output(output, resume=resume)
    check_free(output)
    cut = {"folds": folds, "fold_seed": fold_seed, "group_by": group_by}
    lists = _read_folds(fold, reading) if fold else _read_whole(data, reading, cut)
    _check_targets(lists[0] if fold else lists, configurations)
    check_interrupts()
    apart = max(Settings.from_dict(settings).ensemble for settings in configurations.values())
    say(f"{len(configurations)} configuration{'s' * (len(configurations) > 1)}: {', '.join(configurations)}")
    provenance = {"folds" if fold else "data": sources} | ({"reading": reading} if reading else {})
    found = run(
        lists,
        configurations,
        metrics,
        **({} if fold else cut),
        seeds=[number * apart for number in range(seeds)],
        output=output,
        resume=resume,
        provenance=provenance,
    )
    say(f"\n{found!r}")
    say(f"\n{found.compare(baseline)!r}")
    say(f"\nwritten to {output}: {RESULTS}, one row per query and configuration, and {TABLE}, one row per training")


def run(lists, configurations: dict, metrics: list, **options):
    """Runs `plackett.crossval`, and prints the result of each training; Ctrl-C says how to continue."""
    import plackett

    def tell(training, means):
        values = ", ".join(f"{name} {value:.4f}" for name, value in means.items())
        say(f"{training.configuration}, fold {training.fold}, seed {training.seed}: {values}")

    try:
        return plackett.crossval(lists, configurations, metrics, after=tell, **options)
    except KeyboardInterrupt:
        say("\nstopped: --resume continues, and does not repeat finished runs")
        raise typer.Exit(130) from None


def _check_sources(data, fold, given):
    """Returns the files to read."""
    if bool(data) == bool(fold):
        raise ValueError(
            "name either DATA, which is cut into folds, or each fold by --fold" + ", not both" * bool(data)
        )
    if MOVIELENS in [*data, *fold]:
        raise ValueError(f"{MOVIELENS} is split by time, and brings its own validation and test lists: name files")
    for name, flag in OF_THE_CUT.items():
        if fold and name in given:
            raise ValueError(f"{flag} is for DATA that are cut into folds, but the folds are given: leave it out")
    number = len(fold) if fold else given.get("folds", _folds.DEFAULT)
    if number < _folds.LEAST:
        flag = "--fold must name" if fold else "--folds must be"
        raise ValueError(f"{flag} at least {_folds.LEAST}, to train, validate and test on, but got {number}")
    return data or fold


def _check_metrics(given, configurations):
    """Returns the names of the metrics on the test folds."""
    chosen = [x.get("metric", Settings.metric) for x in configurations.values()]
    # A loss of validation lists can choose an epoch, but does not measure rankings.
    names = list(given or dict.fromkeys(str(Settings.metric if x == VALIDATION_LOSS else x) for x in chosen))
    for name in names:
        _checks.check_metric(name)
        if names.count(name) > 1:
            raise ValueError(f"--test-metric {name} is given twice")
    return names


def _check_targets(lists, configurations):
    """Raises a ValueError unless the lists have the targets of each configuration."""
    from plackett.data._batches import columns_of_targets

    for settings in configurations.values():
        whole = Settings.from_dict(settings)
        columns_of_targets(lists, [task["target"] for task in whole.tasks.values()] if whole.tasks else [whole.target])


def _read_whole(paths, reading, cut):
    """Reads all lists, checks that they can be cut, and prints their numbers."""
    from plackett.data._sources import read_acting

    lists = read_acting(paths, reading)
    sizes = _folds.queries_of_folds(_folds.cut(lists, cut["folds"], cut["fold_seed"], cut["group_by"]))
    say(f"{in_words(lists)}, in folds of {', '.join(map(str, sizes))}")
    return lists


def _read_folds(paths, reading):
    """Reads the lists of each fold, with the features of the first, and prints their numbers."""
    from plackett.data._features import match_features
    from plackett.data._sources import read_acting, split_reading

    folds: list = []
    for path in paths:
        own, reading = split_reading(reading, 1)
        if not folds:
            folds.append(read_acting([path], own))
            width = folds[0].features.shape[1]
            names = folds[0].feature_names if folds[0].has_feature_names else ()
            continue
        folds.append(match_features(read_acting([path], own, features=width), names, width, f"the fold {paths[0]}"))
    _folds.check_folds(folds, paths)
    for path, lists in zip(paths, folds, strict=True):
        say(f"{path}: {in_words(lists)}")
    say(", ".join(f"fold {k} tests on {paths[k - 2]}" for k in range(1, len(paths) + 1)))
    return folds
