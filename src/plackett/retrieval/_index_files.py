"""The folder of an index: its files, and whether they are complete."""

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

FORMAT = 1  # rises with each change that an older version cannot read
FACTS = "index.yaml"  # written last
EMBEDDINGS = "embeddings.npy"
IDS = "ids.parquet"
APPROXIMATE = "approximate.usearch"
FILES = (FACTS, EMBEDDINGS, IDS, APPROXIMATE)
NEEDED = ("documents", "dimension", "dtype", "similarity", "document_tower", "files")
AGAIN = "copy the folder again, or build the index anew"


def check_new_folder(path: str | os.PathLike, *, overwrite: bool) -> pathlib.Path:
    """Returns the path of an index, after checking that it may be written.

    Raises:
        FileExistsError: something is there, and `overwrite` is False, or it is not an index, or holds other files too.
        FileNotFoundError: the parent folder does not exist.
        TypeError: this is not a path.
    """
    check_path(path)
    path = pathlib.Path(path)
    check_parent(path)
    if not path.exists():
        return path
    if not (path / FACTS).is_file():
        raise FileExistsError(f"{path} exists and is not an index of plackett: choose another folder")
    if not overwrite:
        raise FileExistsError(
            f"{path} exists: choose another folder, or replace the index with overwrite=True (--overwrite)"
        )
    if others := sorted({file.name for file in path.iterdir()} - set(FILES)):
        raise FileExistsError(
            f"{path} holds other files than those of an index, {', '.join(others)}, which would be lost: move them, or "
            "choose another folder"
        )
    return path


def write_facts(folder: pathlib.Path, facts: Mapping[str, Any]) -> None:
    """Writes the description of an index and the sizes of its files, once these are there."""
    sizes = {path.name: path.stat().st_size for path in sorted(folder.iterdir())}
    whole = {"format": FORMAT, "plackett": plackett.__version__, **facts, "files": sizes}
    (folder / FACTS).write_text(yaml.safe_dump(whole, sort_keys=False), encoding="utf-8")


def read_facts(folder: pathlib.Path) -> dict[str, Any]:
    """Reads the description of an index, after checking that its files have the sizes that were written.

    Raises:
        FileNotFoundError: the folder, or a file of the index, does not exist.
        ValueError: this is not an index, it is of a later plackett, or one of its files is not complete.
    """
    if not folder.exists():
        raise FileNotFoundError(f"there is no index {folder}")
    if not (folder / FACTS).is_file():
        raise ValueError(f"{folder} is not an index of plackett: it has no file {FACTS}")
    facts = read_yaml(folder / FACTS)
    number = facts.get("format")
    if isinstance(number, int) and number > FORMAT:
        raise ValueError(
            f"{folder} was written by plackett {facts.get('plackett')}, as index format {number}, and this one, "
            f"{plackett.__version__}, reads {FORMAT}: update plackett, or build the index anew"
        )
    if number != FORMAT or any(name not in facts for name in NEEDED) or not isinstance(facts["files"], dict):
        raise ValueError(f"{folder / FACTS} does not describe an index: {AGAIN}")
    for name, size in facts["files"].items():
        file = folder / name
        if not file.is_file():
            raise FileNotFoundError(f"the index {folder} is not complete, its file {name} is missing: {AGAIN}")
        if file.stat().st_size != size:
            raise ValueError(
                f"the index {folder} is not complete, its file {name} has {file.stat().st_size:,} bytes and should "
                f"have {size:,}: {AGAIN}"
            )
    return facts


def write_ids(folder: pathlib.Path, ids: Strings) -> None:
    """Writes the ids of the documents."""
    pq.write_table(pa.table({"id": to_arrow(ids)}), folder / IDS)


def read_ids_of(folder: pathlib.Path, number: int) -> Strings:
    """Reads the ids of the documents.

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
    """Opens the embeddings without reading them into memory until they are used.

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
