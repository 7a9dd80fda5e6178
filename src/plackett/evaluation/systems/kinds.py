"""Tells the kind of system in a file by its first bytes. Does not import Keras."""

import pathlib
import re

from plackett.data._numbers import NUMBER
from plackett.data._streams import MAGIC, blocks_of_lines
from plackett.data._suffixes import PACKED
from plackett.evaluation.systems.score_files import COLUMNS

PART = re.compile(r"part-\d+\.parquet")  # the names of the files in a folder of scores
HEAD = 4096  # the number of bytes that tell the kind of a file
BEGINS = {
    b"PK\x03\x04": "keras",
    b"PAR1": "parquet",
    b"CBM1": "cbm",
    b"tree\n": "lightgbm",
    b"tree\r\n": "lightgbm",
    b"{L": "xgboost",
    b"\x08": "onnx",  # the number of the field ir_version, which comes first
}
OF_CATBOOST = (b'"oblivious_trees"', b'"features_info"', b'"ctr_data"', b'"scale_and_bias"')
ALLOWED = (
    "an output folder of `plackett train`, a .keras file, a model file of LightGBM (text), XGBoost (.json, .ubj) or "
    "CatBoost (.cbm, .json), an .onnx file, a run of TREC (.run), or scores in .csv, .parquet or a folder of them as "
    "`plackett score` writes them"
)


def holds_scores(folder: str) -> bool:
    """Whether a folder holds scores by workers, as `plackett score --workers` writes them."""
    return any(PART.fullmatch(path.name) for path in pathlib.Path(folder).iterdir())


def kind_of(path: str) -> str:
    """Returns the kind of a file, a key of `files.OPEN`, by its first bytes.

    Raises:
        ValueError: the file is empty, or of no known kind.
    """
    with pathlib.Path(path).open("rb") as file:
        head = file.read(HEAD)
    if not head.strip():
        raise ValueError(f"{path} is empty: a system must be {ALLOWED}")
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
        f"the first bytes of {path} are not those of a known kind of system: it must be {ALLOWED}. Load any other "
        "model in Python, and give the model, or a function of lists"
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
