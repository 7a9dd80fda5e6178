"""Parquet with one row per query, the main form of ranking data. `plackett.data._schema` defines its columns."""

import contextlib
import hashlib
import os
import pathlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem

from plackett._files import errors_of_writing, list_paths, missing_file, replace
from plackett.data._cache import read_cached
from plackett.data._ranking_lists import RankingLists
from plackett.data._schema import in_order_of, rename, to_be_ranked, to_table
from plackett.data._tables import from_tables, parts

ROW_GROUP = 64 * 2**20  # bytes in memory
TABLE = 32 * 2**20

Paths = str | os.PathLike | Sequence[str | os.PathLike]


def write_parquet(lists: RankingLists, path: str | os.PathLike) -> None:
    """Writes lists to one Parquet file, one row per query. The file is written completely or not at all.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "lists.parquet"
    >>> lists = RankingLists.from_arrays([[0.5], [0.1]], [1, 0], group=[2], columns={"teacher_a": [3, 2]})
    >>> write_parquet(lists, path)
    >>> read_parquet(path).columns["teacher_a"].tolist()
    [3.0, 2.0]

    Raises:
        OSError: the file cannot be written.
    """
    write_tables([to_table(lists)], path)


def write_tables(tables: Iterable[pa.Table], path: str | os.PathLike, *, overwrite: bool = True) -> None:
    """Writes a stream of tables in the form of `plackett.data._schema`, in row groups of about 64 MB.

    Raises:
        FileExistsError: `overwrite` is False, and the file exists when all is written.
        OSError: the file could not be written.
        ValueError: there are no tables, or one has other columns than the first.
    """
    tables, path = iter(tables), pathlib.Path(path)
    first = next(tables, None)
    if first is None:
        raise ValueError(f"{path}: there are no queries to write")
    with replace(path, overwrite=overwrite) as partial, _writer(path, partial, first.schema) as writer:
        for table in _of_row_groups(first, tables):
            with errors_of_writing(path):
                writer.write_table(table, row_group_size=max(len(table), 1))


@contextlib.contextmanager
def _writer(path, partial, schema):
    """Opens and closes the file, and reports only errors of the file itself."""
    with errors_of_writing(path):
        writer = pq.ParquetWriter(partial, schema, **_encoding(schema))
    try:
        yield writer
    finally:
        with errors_of_writing(path):
            writer.close()


def _encoding(schema):
    """Only strings get a dictionary, since numbers rarely repeat."""
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


def parquet_tables(
    paths: Paths, columns: Mapping[str, str] | None = None, ids: Sequence[str] = (), *, to_rank: bool = False
) -> Iterator[pa.Table]:
    """The rows of Parquet files, in tables of about 32 MB; see `read_parquet`.

    With `to_rank`, labels and other columns of documents are not read.
    """
    if not isinstance(columns, Mapping | None):
        raise ValueError(f"columns must be a dict, {{name it gets: column}}, but got {columns!r}")
    if isinstance(ids, str) or not isinstance(ids, Collection):
        raise ValueError(f"ids must be a sequence of names, but got {ids!r}")
    first: list[pa.Schema] = []
    for name, file in parquet_files(paths):
        with open_parquet(name, file) as parquet:
            for rows in tables_of_file(name, parquet):
                table = rename(rows, {} if to_rank else columns or {}, ids, name)
                table = to_be_ranked(table, (columns or {}).values(), name) if to_rank else table
                first.extend([] if first else [table.schema])
                yield in_order_of(table, first[0], name)


def tables_of_file(name: str, parquet: pq.ParquetFile, row_groups: Sequence[int] | None = None) -> Iterator[pa.Table]:
    """The rows of an open file, or of some of its row groups, unchanged, in tables of about 32 MB.

    Raises:
        ValueError: the file is damaged.
    """
    groups = range(parquet.num_row_groups) if row_groups is None else row_groups
    rows, size = parquet.metadata.num_rows, sum(bytes_of_groups(parquet))
    at_a_time = max(1, int(TABLE * rows / max(size, 1)))
    try:
        for batch in parquet.iter_batches(at_a_time, row_groups=list(groups)):
            yield pa.table(batch)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{name}: the Parquet file is damaged: {error}") from None


def bytes_of_groups(parquet: pq.ParquetFile) -> list[int]:
    """The uncompressed size of each row group of an open file, in bytes."""
    return [parquet.metadata.row_group(i).total_byte_size for i in range(parquet.num_row_groups)]


def read_parquet(
    paths: Paths,
    *,
    columns: Mapping[str, str] | None = None,
    ids: Sequence[str] = (),
    cache: str | os.PathLike | None = None,
    cache_bytes: int | None = None,
) -> RankingLists:
    """Reads lists from Parquet files with one row per query, written by plackett or by others.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "lists.parquet"
    >>> table = pa.table({"query": ["a"], "label": [[1, 0]], "price": [[9.5, 3.0]], "score_of_a": [[0.2, 0.1]]})
    >>> pq.write_table(table, path)
    >>> lists = read_parquet(path, columns={"teacher_a": "score_of_a"})
    >>> lists.feature_names, list(lists.columns)
    (('price',), ['teacher_a'])

    Args:
        paths: one or several files, folders of files, or URLs that fsspec opens (`s3://...`). The files of a folder are
            read in the order of their names.
        columns: other columns of documents, {new name: column}, such as `{"teacher_a": "score_of_a"}`. Columns that
            plackett wrote, and columns named `click`, `propensity`, `position`, `teacher`, `weight`, `judged` or
            `run_score`, are read without it.
        ids: the id features that are whole numbers, read as int32 if all of them fit, else as int64. Those that
            plackett wrote, and strings, are read without it.
        cache: a folder that keeps the arrays as files, which are mapped into memory, so that lists may be larger than
            memory. They are reused as long as the files do not change. Several processes may share the folder. None =
            the lists are read into memory.
        cache_bytes: the size limit of the cache; beyond it, the least recently read entries are removed. None =
            `$PLACKETT_CACHE_BYTES`, a number of bytes, or 50 GB.

    Raises:
        FileNotFoundError: a file does not exist, or a folder has no Parquet file.
        NotADirectoryError: `cache` is a file.
        TypeError: a path is not a string or an os.PathLike.
        ValueError: a file is not Parquet, or does not have the form in docs/data.md; the error gives the file, the row
            and the query.
    """
    where = ", ".join(map(str, list_paths(paths)))
    if cache is None:
        return from_tables(parquet_tables(paths, columns, ids), where)
    key = _key(paths, columns, ids)
    return read_cached(cache, key, lambda: parts(parquet_tables(paths, columns, ids), where), cache_bytes)


def parquet_bytes(paths: Paths) -> int:
    """The size of Parquet files; see `read_parquet` for what `paths` may be."""
    return sum(system.size(place) for _, (system, place) in parquet_files(paths))


def parquet_files(paths: Paths) -> Iterator[tuple[str, tuple[fsspec.AbstractFileSystem, str]]]:
    """(name, (file system, path)) for each file; see `read_parquet` for what `paths` may be."""
    for path in list_paths(paths):
        system, place = fsspec.core.url_to_fs(str(path))
        if not system.exists(place):
            raise missing_file(path)
        found = sorted(system.glob(f"{place}/**/*.parquet")) if system.isdir(place) else [place]
        if not found:
            raise FileNotFoundError(f"there is no Parquet file (*.parquet) in the folder {path}")
        yield from (
            (file if isinstance(system, LocalFileSystem) else system.unstrip_protocol(file), (system, file))
            for file in found
        )


def open_parquet(name: str, file: tuple[fsspec.AbstractFileSystem, str]) -> pq.ParquetFile:
    """Opens a file from `parquet_files`.

    Raises:
        ValueError: it is not Parquet.
    """
    system, place = file
    source = place if isinstance(system, LocalFileSystem) else system.open(place)
    try:
        return pq.ParquetFile(source, memory_map=isinstance(source, str), page_checksum_verification=True)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{name}: this is not a Parquet file: {error}") from None


def _key(paths, *roles):
    """Digits that depend on all files and on the roles of their columns."""
    known = [(name, system.size(place), system.ukey(place)) for name, (system, place) in parquet_files(paths)]
    return hashlib.sha256(repr((known, roles)).encode()).hexdigest()[:24]
