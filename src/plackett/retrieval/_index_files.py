"""The folder of an index: what is in it, and whether that is whole."""

import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

import plackett
from plackett._files import check_parent, check_path
from plackett.data import Strings
from plackett.data._schema import array_of, from_arrow, to_arrow
from plackett.training._config_file import read_yaml

FORMAT = 1  # rises with each change that an older plackett cannot read
FACTS = "index.yaml"  # written last
EMBEDDINGS = "embeddings.npy"
IDS = "ids.parquet"
APPROXIMATE = "approximate.usearch"
FILES = (FACTS, EMBEDDINGS, IDS, APPROXIMATE)
NEEDED = ("documents", "dimension", "dtype", "similarity", "document_tower", "files")
AGAIN = "copy the folder again, or build the index anew"


def check_new_folder(path: str | os.PathLike, *, overwrite: bool) -> pathlib.Path:
    """The path of an index that may be written.

    Raises:
        FileExistsError: something is there, and not `overwrite`, or it is no index, or holds more than one.
        FileNotFoundError: there is no folder for it.
        TypeError: it is no path.
    """
    check_path(path)
    path = pathlib.Path(path)
    check_parent(path)
    if not path.exists():
        return path
    if not (path / FACTS).is_file():
        raise FileExistsError(f"{path} exists and is no index of plackett: choose another folder")
    if not overwrite:
        raise FileExistsError(
            f"{path} exists: choose another folder, or replace the index by overwrite=True (--overwrite)"
        )
    if others := sorted({file.name for file in path.iterdir()} - set(FILES)):
        raise FileExistsError(
            f"{path} holds more than an index, {', '.join(others)}, which would be lost: move it, or choose another "
            "folder"
        )
    return path


def write_facts(folder: pathlib.Path, facts: Mapping[str, Any]) -> None:
    """Writes what an index is, and how large its files are, once these are there."""
    sizes = {path.name: path.stat().st_size for path in sorted(folder.iterdir())}
    whole = {"format": FORMAT, "plackett": plackett.__version__, **facts, "files": sizes}
    (folder / FACTS).write_text(yaml.safe_dump(whole, sort_keys=False), encoding="utf-8")


def read_facts(folder: pathlib.Path) -> dict[str, Any]:
    """What an index is, once its files are seen to be as large as they were written.

    Raises:
        FileNotFoundError: there is no such folder, or a file of the index is not there.
        ValueError: it is no index, one of a later plackett, or one of its files is not whole.
    """
    if not folder.exists():
        raise FileNotFoundError(f"there is no index {folder}")
    if not (folder / FACTS).is_file():
        raise ValueError(f"{folder} is no index of plackett: it has no file {FACTS}")
    facts = read_yaml(folder / FACTS)
    number = facts.get("format")
    if isinstance(number, int) and number > FORMAT:
        raise ValueError(
            f"{folder} was written by plackett {facts.get('plackett')}, as index format {number}, and this one, "
            f"{plackett.__version__}, reads {FORMAT}: update plackett, or build the index anew"
        )
    if number != FORMAT or any(name not in facts for name in NEEDED) or not isinstance(facts["files"], dict):
        raise ValueError(f"{folder / FACTS} does not say what an index is: {AGAIN}")
    for name, size in facts["files"].items():
        file = folder / name
        if not file.is_file():
            raise FileNotFoundError(f"the index {folder} is not whole, its file {name} is not there: {AGAIN}")
        if file.stat().st_size != size:
            raise ValueError(
                f"the index {folder} is not whole, its file {name} has {file.stat().st_size:,} bytes and should have "
                f"{size:,}: {AGAIN}"
            )
    return facts


def write_ids(folder: pathlib.Path, ids: Strings) -> None:
    """Writes the ids of the documents."""
    pq.write_table(pa.table({"id": to_arrow(ids)}), folder / IDS)


def read_ids_of(folder: pathlib.Path, number: int) -> Strings:
    """The ids of the documents.

    Raises:
        ValueError: the file is broken.
    """
    try:
        ids = from_arrow(array_of(pq.read_table(folder / IDS)["id"]))
    except (pa.ArrowException, KeyError, OSError) as error:
        raise ValueError(f"{folder / IDS} is broken: {error}. {AGAIN[0].upper()}{AGAIN[1:]}") from error
    if len(ids) != number:
        raise ValueError(f"{folder / IDS} has {len(ids):,} ids and should have {number:,}: {AGAIN}")
    return ids


def read_embeddings(folder: pathlib.Path, facts: Mapping[str, Any]) -> np.ndarray:
    """The embeddings, of which nothing is in memory until it is used.

    Raises:
        ValueError: the file is broken.
    """
    path, shape = folder / EMBEDDINGS, (facts["documents"], facts["dimension"])
    try:
        embeddings = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path} is broken: {error}. {AGAIN[0].upper()}{AGAIN[1:]}") from error
    if embeddings.shape != shape or embeddings.dtype != facts["dtype"]:
        raise ValueError(
            f"{path} holds {embeddings.dtype} of the shape {embeddings.shape} and should hold {facts['dtype']} of "
            f"{shape}: {AGAIN}"
        )
    return embeddings
