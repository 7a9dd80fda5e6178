"""Systems in files, which their content tells apart."""

import functools
import os
import pathlib
from collections.abc import Callable

from plackett._files import check_file, find_model
from plackett.data._numbers import NUMBER
from plackett.data._streams import MAGIC, blocks_of_lines
from plackett.data._suffixes import PACKED
from plackett.evaluation._saved import load
from plackett.evaluation.systems import models
from plackett.evaluation.systems.base import OpenSystem
from plackett.evaluation.systems.models import KerasModel
from plackett.evaluation.systems.onnx_files import open_onnx
from plackett.evaluation.systems.runs import open_run
from plackett.evaluation.systems.score_files import COLUMNS, open_scores

HEAD = 4096  # bytes that tell what a file is
BEGINS = {
    b"PK\x03\x04": "keras",
    b"PAR1": "parquet",
    b"CBM1": "cbm",
    b"tree\n": "lightgbm",
    b"tree\r\n": "lightgbm",
    b"{L": "xgboost",
    b"\x08": "onnx",  # the number of the field ir_version, which is the first
}
OF_CATBOOST = (b'"oblivious_trees"', b'"features_info"', b'"ctr_data"', b'"scale_and_bias"')
ALLOWED = (
    "an output folder of `plackett train`, a .keras file, a model file of LightGBM (text), XGBoost (.json, .ubj) or "
    "CatBoost (.cbm, .json), an .onnx file, a run of TREC (.run), or scores in .csv or .parquet as `plackett score` "
    "writes them"
)
OPEN: dict[str, Callable[[str], OpenSystem]] = {
    "keras": lambda path: KerasModel(load(path)),
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
    """The system in a file, or in the output folder of a run.

    Raises:
        FileNotFoundError: there is no such file, or no run in the folder.
        ImportError: the library of its kind is not installed.
        ValueError: it is of no kind that is known, or malformed.
    """
    path = os.fspath(path)
    if os.path.isdir(path):
        return KerasModel(load(find_model(path)))
    check_file(path)
    return OPEN[kind_of(path)](path)


def kind_of(path: str) -> str:
    """What a file holds, a key of `OPEN`, by its first bytes.

    Raises:
        ValueError: it is empty, or of no kind that is known.
    """
    with pathlib.Path(path).open("rb") as file:
        head = file.read(HEAD)
    if not head.strip():
        raise ValueError(f"{path} is empty: a system is {ALLOWED}")
    for begin, kind in BEGINS.items():
        if head.startswith(begin):
            return kind
    if head.lstrip().startswith(b"{"):
        if b'"learner"' in head:
            return "xgboost"
        if any(key in head for key in OF_CATBOOST):
            return "catboost json"
    if kind := _kind_of_text(path, head):
        return kind
    raise ValueError(
        f"{path} is no system of a known kind, by its first bytes: it must be {ALLOWED}. Load any other model in "
        "Python, and give it, or a function of lists"
    )


def _kind_of_text(path, head):
    suffixes = [suffix for suffix in pathlib.PurePath(path).suffixes if suffix not in PACKED]
    suffix = suffixes[-1].lower() if suffixes else ""
    if suffix in (".run", ".csv"):
        return suffix[1:]
    if b"\x00" in head and not head.startswith(tuple(MAGIC)):
        return None
    lines = next(blocks_of_lines(path, HEAD), b"").splitlines()
    fields = next((line.split() for line in lines if line.strip() and not line.startswith(b"#")), [])
    if len(fields) == 6 and NUMBER.fullmatch(fields[4].decode(errors="replace")):
        return "run"
    names = [name.strip().strip(b'"').decode(errors="replace") for name in lines[0].split(b",")] if lines else []
    return "csv" if set(COLUMNS) <= set(names) else None
