"""Opens systems in files. The content of a file tells its kind."""

import functools
import os
from collections.abc import Callable

from plackett._files import check_file, find_model
from plackett.evaluation._saved import load
from plackett.evaluation.systems import models
from plackett.evaluation.systems.base import OpenSystem
from plackett.evaluation.systems.kinds import holds_scores, kind_of
from plackett.evaluation.systems.models import KerasModel
from plackett.evaluation.systems.onnx_files import open_onnx
from plackett.evaluation.systems.runs import open_run
from plackett.evaluation.systems.score_files import open_scores

OPEN: dict[str, Callable[[str], OpenSystem]] = {
    "keras": lambda path: KerasModel(path, load(path)),
    "lightgbm": models.open_lightgbm,
    "xgboost": models.open_xgboost,
    "cbm": functools.partial(models.open_catboost, form="cbm"),
    "catboost json": functools.partial(models.open_catboost, form="json"),
    "onnx": open_onnx,
    "run": open_run,
    "csv": functools.partial(open_scores, form="csv"),
    "parquet": functools.partial(open_scores, form="parquet"),
}


def open_file(path: str | os.PathLike) -> OpenSystem:
    """Opens the system in a file, in the output folder of a run, or in a folder of scores.

    Raises:
        FileNotFoundError: there is no such file, or the folder holds no run.
        ImportError: the library of its kind is not installed.
        ValueError: the file is of no known kind, or malformed.
    """
    path = os.fspath(path)
    if os.path.isdir(path) and holds_scores(path):
        return open_scores(path, "parquet")
    if os.path.isdir(path):
        return KerasModel(path, load(find_model(path)))
    check_file(path)
    return OPEN[kind_of(path)](path)
