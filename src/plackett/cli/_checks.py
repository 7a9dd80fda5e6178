"""Checks a command as far as possible before Keras is imported and anything is read."""

import difflib
import importlib.util
import inspect
import os
import pathlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from plackett._files import check_parent, missing_file
from plackett.cli import _known
from plackett.cli._flags import flag_of, flag_of_reading
from plackett.cli._request import Request
from plackett.data._reading import as_list, check_they_act, options_of
from plackett.data._suffixes import MOVIELENS, form_of
from plackett.registry import check_known, check_options
from plackett.registry.refusals import loss_of_pairs, unfit_lambda_weight
from plackett.training import _space
from plackett.training._settings import VALIDATION_LOSS, Settings, is_options


def check_training(request: Request, *, shared_queries: bool, labelled: bool = True) -> None:
    """Checks the names, options and files of a training, and that they fit together.

    Args:
        request: the request.
        shared_queries: whether a query may be in both training and validation data.
        labelled: whether there must be labels.

    Raises:
        FileNotFoundError: a file does not exist.
        ValueError: something is unknown or out of range, or has no effect.
    """
    check_settings(request.whole)
    own = request.data == [MOVIELENS] or request.validation
    if own and "validation_share" in request.given:
        raise ValueError(
            "--validation-share is for lists that are held out, but validation lists are given: leave it out"
        )
    shared = {"shared_queries": shared_queries, "labelled": labelled}
    check_sources(request.data, request.validation, request.reading, **shared)


def check_sources(
    data: Collection[str],
    validation: Collection[str] = (),
    reading: Mapping[str, Any] | None = None,
    *,
    shared_queries: bool = False,
    labelled: bool = True,
) -> None:
    """Checks that the files of a command exist and fit together.

    Raises:
        FileNotFoundError: a file does not exist.
        ImportError: what reads data is not installed.
        ValueError: MovieLens is given beside other files, files have several formats, or an option has no effect.
    """
    check_installed("pyarrow", "data is read with pyarrow", "'plackett[data]'")
    reading = reading or {}
    if MOVIELENS in [*data, *validation]:
        if list(data) != [MOVIELENS] or validation:
            raise ValueError(f"{MOVIELENS} must be given alone, since it brings its own validation lists")
        if shared_queries:
            raise ValueError(
                f"--shared-queries has no effect on {MOVIELENS}, whose queries are always shared: leave it out"
            )
        if reading:
            raise ValueError(
                f"{', '.join(map(flag_of_reading, reading))} has no effect on {MOVIELENS}, which is not a file: leave "
                "it out"
            )
        return
    if (near := difflib.get_close_matches(MOVIELENS, map(str, data), n=1)) and not os.path.exists(near[0]):
        raise FileNotFoundError(f"there is no file {near[0]}: did you mean {MOVIELENS}?")
    if shared_queries and not validation:
        raise ValueError("--shared-queries is for --validation files, but there are none: leave it out")
    groups = as_list(reading["group_file"]) if reading.get("group_file") else []
    check_files([*data, *validation, *groups, *filter(None, [reading.get("qrels")])])
    forms = [reading.get("form") or form_of(paths) for paths in (data, validation) if paths]
    check_they_act(reading, forms, flag_of_reading)
    for form in forms:
        options_of(form, reading, flag_of_reading, labelled=labelled)
    if groups and len(groups) != len(data) + len(validation):
        raise ValueError(
            f"--group-file must be given once for each of the {len(data) + len(validation)} files, in order, but is "
            f"given {len(groups)} times"
        )


def check_files(paths: Iterable[str | os.PathLike]) -> None:
    """Checks that each path is a file, a folder, or a URL of a kind that can be read.

    Raises:
        FileNotFoundError: a file does not exist.
        ValueError: a URL is of another kind.
        ImportError: a package for this kind of URL is not installed.
    """
    for path in paths:
        if "://" in str(path):
            _check_url(str(path))
        elif not os.path.exists(path):
            raise missing_file(path)


def check_settings(settings: Settings) -> None:
    """Checks the names in settings, and their options.

    Names of classes that a user has registered, such as "mine>my_loss", and configs of objects are accepted.

    Raises:
        ValueError: an unknown name, or an option out of range.
    """
    parts = settings.tasks or {None: {"loss": settings.loss, "loss_options": settings.loss_options}}
    for part in parts.values():
        _check_call("loss", part["loss"], part["loss_options"], _known.losses())
        if part["loss"] in _known.losses_of_pairs():
            raise loss_of_pairs(part["loss"])
        _check_lambda_weight(part["loss_options"].get("lambda_weight"), part["loss"])
    if settings.metric != VALIDATION_LOSS:
        check_metric(settings.metric)
    if "tasks" in settings.scorer_options:
        raise ValueError(
            "tasks are a setting of their own and not an option of the scorer: write them into a file for --config"
        )
    scorers = _known.scorers()
    if settings.scorer is not None:
        _check_call("scorer", settings.scorer, settings.scorer_options, scorers, "the scorer ")
    else:
        with_option = {option: known for known in scorers.values() for option in inspect.signature(known).parameters}
        for option, value in settings.scorer_options.items():
            check_known("option of a scorer:", option, with_option)
            check_options(with_option[option], **{option: value})
    _check_name("optimizer", settings.optimizer, _known.optimizers())


def check_metric(name: object) -> None:
    """Raises a ValueError unless a metric has this name, possibly with a cut-off."""
    if not isinstance(name, str) or ">" in name:
        return
    base, at, topn = name.partition("@")
    check_known("metric", base, _known.metrics())
    if at and not (topn.isdecimal() and int(topn) > 0):
        raise ValueError(
            f"the cut-off of a metric must be a whole number of at least 1, as in ndcg@10, but got {name!r}"
        )


def check_space(space: Mapping | None, settings: Mapping, given: Collection[str]) -> None:
    """Checks that each choice of a search is allowed, and that no setting is both searched and given by a flag.

    Args:
        space: the space of the search. None = the default.
        settings: the settings that are the same in all trials.
        given: the names of the settings that flags give.

    Raises:
        ValueError: a choice is not allowed, or a flag has no effect.
    """
    _space.check_single(Settings.from_dict(dict(settings)))
    searched = _space.SPACE if space is None else _space.check_space(space)
    for name in given:
        if name in searched:
            flag, _, option = name.partition(".")
            shown = f"{flag_of(flag)} {option}".strip()
            way_out = "leave it out, or give a --space without it" if space is None else "leave out one of the two"
            raise ValueError(f"{shown} is given, but {name} is searched: {way_out}")
    if space is None:
        return
    base: dict[str, Any] = {"loss_options": {}, "scorer_options": {}} | dict(settings)
    choices = {name: x if isinstance(x, list) else [x["low"], x["high"]] for name, x in searched.items()}
    first = {name: of_one[0] for name, of_one in choices.items()}
    for name, of_one in choices.items():
        for choice in of_one:
            check_settings(Settings.from_dict(_space.with_choices(base, first | {name: choice})))


def check_folder(folder: pathlib.Path, *, may_hold: bool, way_out: str) -> None:
    """Checks that a command can write into a folder.

    Args:
        folder: the folder. It need not exist yet.
        may_hold: whether there may be anything in it.
        way_out: what to do if it holds something that it must not hold.

    Raises:
        FileExistsError: it holds something.
        OSError: it cannot be written.
    """
    above = next(path for path in [folder, *folder.absolute().parents] if path.exists())
    if not above.is_dir():
        raise NotADirectoryError(f"{folder} could not be written: {above} is a file")
    if above == folder and not may_hold and any(folder.iterdir()):
        raise FileExistsError(f"{folder} exists and is not empty: {way_out}")
    if not os.access(above, os.W_OK | os.X_OK):
        raise PermissionError(f"{folder} could not be written: there is no permission to write into {above}")


def check_new_file(path: pathlib.Path, overwrite: bool, *, makes_folder: bool = False) -> None:
    """Checks that a command can write a file. Its folder need not exist if the command makes it.

    Raises:
        FileExistsError: the file exists, and may not be replaced.
        FileNotFoundError: the folder does not exist.
        OSError: there is no permission to write the file.
    """
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists: choose another output, or replace it (--overwrite)")
    if not makes_folder:
        check_parent(path)
    check_folder(path.absolute().parent, may_hold=True, way_out="")


def check_installed(module: str, what: str, install: str) -> None:
    """Raises an ImportError unless a module that a flag or command needs is installed."""
    if importlib.util.find_spec(module) is None:
        raise ImportError(f"{what}, which is not installed: pip install {install}")


def _check_url(url):
    check_installed("fsspec", "URLs are read with fsspec", "'plackett[data]'")
    import fsspec

    try:
        fsspec.core.url_to_fs(url)
    except ValueError as error:
        raise ValueError(f"{url}: {error}") from None


def _check_call(what, name, options, known, article=""):
    """Checks the name of an object and its options, if plackett has one of this name."""
    if isinstance(name, str) and ">" not in name:
        check_known(what, name, known)
        allowed = inspect.signature(known[name]).parameters
        for option in options:
            check_known(f"option of {article}{name}:", option, allowed)
        by_name = [option for option, x in options.items() if option.endswith("_fn") and isinstance(x, str)]
        check_options(known[name], **{option: x for option, x in options.items() if option not in by_name})


def _check_name(what, name, known):
    if isinstance(name, str) and ">" not in name:
        check_known(what, name, known)


def _check_lambda_weight(given, loss):
    """Checks `given`: the name of a class, {name: options} or None. The config of an object is accepted."""
    if given is not None and not isinstance(given, str | dict):
        raise ValueError(f"lambda_weight must be the name of a class or {{name: options}}, but got {given!r}")
    if isinstance(given, dict) and not is_options(given):
        return
    for name, options in {given: {}}.items() if isinstance(given, str) else (given or {}).items():
        if not isinstance(options, dict | None):
            raise ValueError(f"the options of {name} must be {{name: value}}, but got {options!r}")
        _check_call("lambda weight", name, options or {}, _known.lambda_weights())
        weights, method = _known.lambda_weights_of_losses().get(str(loss), ([name], None))
        if ">" not in name and name not in weights:
            raise unfit_lambda_weight(weights, method, name)
