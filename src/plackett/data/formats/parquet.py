"""Parquet, one row a query: how ranking data is kept. `plackett.data._schema` says what its columns are."""

import collections
import contextlib
import hashlib
import json
import os
import pathlib
import shutil
from collections.abc import Iterable, Iterator, Sequence

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem

from plackett._files import errors_of_writing, replace
from plackett.data._ranking_lists import Missed, RankingLists
from plackett.data._schema import lists_of, table_of

ROW_GROUP = 64 * 2**20  # bytes in memory
TABLE = 32 * 2**20

NAMED = ("ids", "columns", "query_columns")  # the fields of `RankingLists` that hold arrays by name

Paths = str | os.PathLike | Sequence[str | os.PathLike]


def write_parquet(tables: pa.Table | RankingLists | Iterable[pa.Table], path: str | os.PathLike) -> None:
    """Writes lists, or tables of the form of `plackett.data._schema` as they come, to one file.

    The file is whole or not there. Row groups have about 64 MB. The tables must have the columns of the first.
    """
    if isinstance(tables, RankingLists):
        tables = table_of(tables)
    tables = iter([tables] if isinstance(tables, pa.Table) else tables)
    path = pathlib.Path(path)
    first = next(tables, None)
    if first is None:
        raise ValueError(f"{path}: there are no queries to write")
    with replace(path) as partial, _writer(path, partial, first.schema) as writer:
        for table in _of_row_groups(first, tables):
            with errors_of_writing(path):
                writer.write_table(table, row_group_size=max(len(table), 1))


@contextlib.contextmanager
def _writer(path, partial, schema):
    """Opens and closes the file; what fails between is not for it to say."""
    with errors_of_writing(path):
        writer = pq.ParquetWriter(partial, schema, **_encoding(schema))
    try:
        yield writer
    finally:
        with errors_of_writing(path):
            writer.close()


def _encoding(schema):
    """Numbers are seldom the same twice, so only strings get a dictionary."""
    texts = [field.name for field in schema if "string" in str(field.type)]
    names = [f"{name}.list.element" for name in texts if name != "query"] + ["query"]
    return {"compression": "zstd", "compression_level": 1, "use_dictionary": names, "write_page_checksum": True}


def _of_row_groups(first, tables):
    """The same rows in tables of about `ROW_GROUP` bytes."""
    waiting, size = [first], first.nbytes
    for table in tables:
        if size + table.nbytes > ROW_GROUP:
            yield pa.concat_tables(waiting)
            waiting, size = [], 0
        waiting.append(table)
        size += table.nbytes
    yield pa.concat_tables(waiting)


def parquet_tables(paths: Paths, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """The rows of Parquet files, in tables of about 32 MB.

    Args:
        paths: files, folders of files, or URLs that fsspec opens (`s3://...`), one or several; the files of a folder
            are read in the order of their names.
        columns: which. None = all.

    Raises:
        FileNotFoundError: there is no such file, or none in a folder.
        ValueError: a file is not Parquet.
    """
    for name, file in _files(paths):
        with _opened(name, file) as parquet:
            rows = parquet.metadata.num_rows
            size = sum(parquet.metadata.row_group(i).total_byte_size for i in range(parquet.num_row_groups))
            at_a_time = max(1, int(TABLE * rows / max(size, 1)))
            try:
                for batch in parquet.iter_batches(at_a_time, columns=columns):
                    yield pa.table(batch)
            except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
                raise ValueError(f"{name}: the Parquet file is damaged: {error}") from None


def read_parquet(paths: Paths, *, missing: bool = False, cache: str | os.PathLike | None = None) -> RankingLists:
    """The lists of Parquet files; see `parquet_tables` for what `paths` may be.

    Args:
        paths: the files.
        missing: whether features may be missing.
        cache: a folder where the arrays are kept as files, which are mapped into memory, so that lists may be larger
            than memory; they are used again for as long as the files do not change. None = the lists are read into
            memory.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the files do not have the form of `plackett.data._schema`; says file, row and query.
    """
    if cache is None:
        return lists_of(parquet_tables(paths), missing=missing, where=str(paths))
    folder = pathlib.Path(cache) / _key(paths, missing)
    if not folder.exists():
        partial = folder.with_name(f"{folder.name}.{os.getpid()}")
        partial.mkdir(parents=True, exist_ok=True)
        try:
            _write_arrays(partial, paths, missing)
            partial.replace(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return _mapped(folder)


def parquet_bytes(paths: Paths) -> int:
    """The size of Parquet files; see `parquet_tables` for what `paths` may be."""
    return sum(system.size(place) for _, (system, place) in _files(paths))


def _files(paths):
    """(name, path or file system and path) of each file."""
    for path in [paths] if isinstance(paths, str | os.PathLike) else paths:
        system, place = fsspec.core.url_to_fs(str(path))
        if not system.exists(place):
            raise FileNotFoundError(f"there is no file or folder {path}")
        found = sorted(system.glob(f"{place}/**/*.parquet")) if system.isdir(place) else [place]
        if not found:
            raise FileNotFoundError(f"there is no Parquet file (*.parquet) in the folder {path}")
        yield from (
            (file if isinstance(system, LocalFileSystem) else system.unstrip_protocol(file), (system, file))
            for file in found
        )


def _opened(name, file):
    system, place = file
    source = place if isinstance(system, LocalFileSystem) else system.open(place)
    try:
        return pq.ParquetFile(source, memory_map=isinstance(source, str), page_checksum_verification=True)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{name}: this is not a Parquet file: {error}") from None


def _key(paths, missing):
    """Digits that change with any of the files."""
    known = [(name, system.size(place), system.ukey(place)) for name, (system, place) in _files(paths)]
    return hashlib.sha256(repr((known, missing)).encode()).hexdigest()[:24]


def _write_arrays(folder, paths, missing):
    """A file for each array, written table by table, strings at the end; `arrays.json` says what they are."""
    known, texts, row = {}, collections.defaultdict(list), 0
    for table in parquet_tables(paths):
        lists = lists_of(table, missing=missing, where=str(paths), first_row=row)
        row += len(lists)
        for name, column in _arrays(lists).items():
            if column.dtype.kind in "UO":
                texts[name].append(column.astype(str))
                continue
            kind = known.setdefault(name, {"dtype": column.dtype.str, "row": column.shape[1:], "rows": 0})
            if kind["dtype"] != column.dtype.str or tuple(kind["row"]) != column.shape[1:]:
                raise ValueError(f"{paths}, row {row}: {name} is not what it was in the rows before")
            kind["rows"] += len(column)
            with (folder / f"{name}.numbers").open("ab") as file:
                np.ascontiguousarray(column).tofile(file)
    if not row:
        raise ValueError(f"{paths}: there are no queries")
    for name, parts in texts.items():
        np.save(folder / f"{name}.npy", np.concatenate(parts))
    kinds = {"numbers": known, "texts": list(texts), "feature_names": lists.feature_names}
    (folder / "arrays.json").write_text(json.dumps(kinds))


def _arrays(lists):
    """All arrays of some lists, by names that say where they belong."""
    fixed = {name: getattr(lists, name) for name in ("labels", "queries", "documents", "features", "lengths")}
    if lists.missed is not None:
        fixed |= {"missed": lists.missed.grades, "missed_lengths": np.diff(lists.missed.row_splits)}
    return fixed | {f"{kind}.{name}": x for kind in NAMED for name, x in getattr(lists, kind).items()}


def _mapped(folder):
    """The lists of a folder that `_write_arrays` wrote."""
    kinds = json.loads((folder / "arrays.json").read_text())
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in kinds["texts"]}
    for name, kind in kinds["numbers"].items():
        shape = (kind["rows"], *kind["row"])
        file = folder / f"{name}.numbers"
        mapped = np.memmap(file, kind["dtype"], "r", shape=shape) if 0 not in shape else np.zeros(shape, kind["dtype"])
        arrays[name] = mapped
    named = {kind: {} for kind in NAMED}
    for name in [name for name in arrays if "." in name]:
        kind, _, column = name.partition(".")
        named[kind][column] = arrays.pop(name)
    row_splits = np.concatenate([[0], np.cumsum(arrays.pop("lengths"))])
    if "missed" in arrays:
        splits = np.concatenate([[0], np.cumsum(arrays.pop("missed_lengths"))])
        arrays["missed"] = Missed(arrays["missed"], splits)
    return RankingLists(row_splits=row_splits, feature_names=tuple(kinds["feature_names"]), **arrays, **named)
