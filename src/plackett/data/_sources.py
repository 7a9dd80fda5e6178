"""Lists from files of any format."""

import concurrent.futures
import functools
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Unpack

import numpy as np
import pyarrow as pa

from plackett import data
from plackett.data._columns import KNOWN
from plackett.data._features import match_features
from plackett.data._ranking_lists import RankingLists
from plackett.data._reading import ROLES, Paths, Reading, as_list, check_reading, check_they_act, options_of
from plackett.data._roles import Roles
from plackett.data._schema import in_order_of, with_judged, without_labels
from plackett.data._suffixes import MOVIELENS, form_of
from plackett.data._tables import join, parts
from plackett.data._words import some
from plackett.data.datasets.movielens import cache_folder
from plackett.data.formats import delimited, letor
from plackett.data.formats._csv_layout import find_layout
from plackett.data.formats.parquet import open_parquet, parquet_bytes, parquet_files, parquet_tables, read_parquet
from plackett.data.formats.tfrecord import tfrecord_tables
from plackett.data.formats.trec import qrels_tables, trec_tables

IN_MEMORY = 2**30  # Parquet files with more bytes than this are kept as files of arrays


class Source(NamedTuple):
    """A file, or several that are read as one.

    Args:
        where: its name in errors.
        tables: its tables in the form of `plackett.data._schema`.
        first_missing: function that finds (line, query, the name or number of the feature) of the first missing value.
            None = the file has no lines.
    """

    where: str
    tables: Iterator[pa.Table]
    first_missing: Callable[[], tuple[int, str, int | str]] | None = None


def read(paths: Paths, **reading: Unpack[Reading]) -> RankingLists:
    """Reads the lists of one or several files of any known format.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "shop.csv"
    >>> _ = path.write_text("session,clicked,price\\ns1,1,9.5\\ns1,0,3\\n")
    >>> read(path, query="session", label="clicked")
    RankingLists: 1 queries, 2 documents
      list size: 2 to 2, median 2
      labels: 0: 1, 1: 1
      features: 1: price

    Args:
        paths: a file, or several of one format; of Parquet also folders and URLs.
        reading: see `Reading`: the format and what its reader takes. An option that would not act is refused.

    Returns:
        All lists, in the order of the files. Parquet files of more than 1 GiB are unpacked once into
        `$PLACKETT_CACHE/lists` and mapped into memory, see `read_parquet`.

    Raises:
        FileNotFoundError: a file does not exist.
        ValueError: an option is unknown or has no effect, a file is not of this format, or its data is invalid; the
            error says where.
    """
    paths = as_list(paths)
    form = choose_form(paths, reading)
    return _read(paths, form, options_of(form, reading), labelled=True)


def stream(paths: Paths, *, documents: int = 2**20, **reading: Unpack[Reading]) -> Iterator[RankingLists]:
    """Reads the lists of files in parts, for data that does not fit into memory. `read` returns the same lists at once.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.csv"
    >>> _ = path.write_text("query,label,x\\n1,1,3\\n1,0,2\\n2,0,7\\n3,1,5\\n")
    >>> [part.queries.tolist() for part in stream(path, documents=2)]
    [['1'], ['2', '3']]

    Args:
        paths: a file, or several of one format; of Parquet also folders and URLs.
        documents: the largest number of documents of a part, unless one query alone has more; queries stay whole.
        reading: see `Reading`: the format and what its reader takes. An option that would not act is refused.

    Returns:
        The parts, in the order of the files. The next part is read while one is used.

    Raises:
        FileNotFoundError: a file does not exist.
        ValueError: an option is unknown or has no effect; or, when a part is read, a file is not of this format, a
            query begins again, or the data is invalid; the error says where.

    Cost: the memory of about two parts, of the ids of all queries, and of the judgements of a run. With
    `together=False`, the memory of a whole file.
    """
    if documents < 1:
        raise ValueError(f"documents must be at least 1, but got {documents}")
    paths = as_list(paths)
    form = choose_form(paths, reading)
    return _ahead(_in_parts(tables_as_lists(paths, form, options_of(form, reading), labelled=True), documents))


def _ahead(items):
    """The same items; a thread makes each one while the one before it is used."""
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = thread.submit(next, items, None)
            yield item


def _in_parts(found, documents):
    """The same lists in parts of at most this many documents, each as large as possible."""
    held, size = [], 0
    for lists in found:
        start = 0
        while start < len(lists):
            stop = int(np.searchsorted(lists.row_splits, lists.row_splits[start] + documents - size, side="right")) - 1
            if stop > start or not held:
                held.append(lists[start : max(stop, start + 1)])
                size += len(held[-1].labels)
                start += len(held[-1])
            if start < len(lists) or size >= documents:
                yield join(held)
                held, size = [], 0
    if held:
        yield join(held)


def choose_form(paths: Sequence[str | os.PathLike], reading: Mapping[str, Any]) -> str:
    """The format of files: the given one, else the one of their suffixes.

    Raises:
        ValueError: a reading option is unknown, or does not act on the format.
    """
    form = check_reading(reading).get("form") or form_of(paths)
    check_they_act(reading, [form])
    return form


def open_sources(
    paths: Sequence[str | os.PathLike], form: str, options: Mapping[str, Any], *, labelled: bool | None = True
) -> list[Source]:
    """The source of each file, or one for files that are read as one; nothing is read yet except to count features.

    Args:
        paths: the files.
        form: their format.
        options: the options for the format, see `options_of`.
        labelled: see `read_acting`.
    """
    names, optional = list(map(str, paths)), not labelled
    if labelled is None and form in ("csv", "parquet"):
        return _sources_as_they_are(names, form, options)
    match form:
        case "letor":
            return _letor_sources(paths, **options)
        case "csv":
            return [_csv_source(name, to_rank=optional, **options) for name in names]
        case "parquet":
            return [Source(name, parquet_tables(name, to_rank=optional, **options)) for name in names]
        case "trec":
            return [Source(", ".join(names), trec_tables(paths, **{"qrels": None, **options}))]
        case "qrels":
            return [Source(name, qrels_tables(name, **options)) for name in names]
        case _:
            return [Source(", ".join(names), tfrecord_tables(paths, form=form, to_rank=optional, **options))]


def align(sources: Sequence[Source]) -> list[Source]:
    """The sources, with all tables brought to the columns and the order of the first table.

    Raises:
        ValueError: raised while reading if a table has other columns than the first; the error says which.
    """
    first: list[pa.Schema] = []

    def tables(source):
        for table in source.tables:
            first.extend([] if first else [table.schema])
            yield in_order_of(table, first[0], source.where)

    return [source._replace(tables=tables(source)) for source in sources]


def _letor_sources(paths, features=None, group_file=None, fill=None, **options):
    groups = as_list(group_file) if group_file else [None] * len(paths)
    if len(groups) != len(paths):
        raise ValueError(
            f"group_file (--group-file) must name one file for each of the {len(paths)} files, but got {len(groups)}"
        )
    of_lines = {name: x for name, x in options.items() if name not in ("comment_ids", "together", "listed")}
    fill = fill or ("always" if features is None and len(paths) == 1 else "sparse")
    if features is None:
        features = max(
            letor.count_features(path, group_file=group, **of_lines) for path, group in zip(paths, groups, strict=True)
        )
    first, sources = 1, []
    for path, group in zip(paths, groups, strict=True):
        layout = {"features": features, "group_file": group, "first_query": first}
        find = functools.partial(letor.first_missing, path, **layout, **of_lines)
        sources.append(Source(str(path), letor.letor_tables(path, fill=fill, **layout, **options), find))
        first += 0 if group is None else letor.count_groups(group, encoding=options.get("encoding", "utf-8"))
    return sources


def _sources_as_they_are(names, form, options):
    """The sources of CSV or Parquet files; labels are read if a file has them, and `judged` says where."""
    labelled = [_has_labels(name, form, options) for name in names]
    sources = []
    for name, has_labels in zip(names, labelled, strict=True):
        if form == "csv":
            source = _csv_source(name, **(options if has_labels else {**options, "label": None}))
        else:
            tables = parquet_tables(name, **options)
            source = Source(name, tables if has_labels else (without_labels(table, name) for table in tables))
        if has_labels and not all(labelled):
            source = source._replace(tables=map(with_judged, source.tables))
        sources.append(source)
    return sources


def _has_labels(name, form, options):
    if form == "csv":
        layout = find_layout(name, options.get("separator"), options.get("encoding", "utf-8"))
        return options.get("label", "label") in layout.names
    with open_parquet(*next(parquet_files(name))) as parquet:
        return options.get("columns", {}).get("label", "label") in parquet.schema_arrow.names


def _csv_source(path, separator=None, decimal=".", encoding="utf-8", missing_values=(), together=True, **roles):
    layout = {"separator": separator, "decimal": decimal, "encoding": encoding, "missing_values": missing_values}
    tables = delimited.delimited_tables(path, Roles(**roles), together=together, **layout)
    return Source(path, tables, functools.partial(delimited.first_missing, path, Roles(**roles), **layout))


def read_training(
    paths: Sequence[str],
    validation: Sequence[str],
    *,
    reading: Mapping[str, Any],
    shared_queries: bool = False,
    labelled: bool | None = True,
) -> tuple[RankingLists, RankingLists | None, dict]:
    """(training lists, validation lists, their entries for config.yaml).

    Args:
        paths: the training files, or MovieLens alone, which has its own validation lists.
        validation: the files to choose the best epoch on. () = None instead of validation lists.
        reading: how the files are read; group files of training come first, then those of validation.
        shared_queries: whether a query may be in both training and validation, for example if lists are split by time.
        labelled: see `read_acting`.

    Raises:
        ValueError: a query is in both although it must not be.
    """
    if MOVIELENS in paths:
        if list(paths) != [MOVIELENS] or validation:
            raise ValueError(f"{MOVIELENS} stands alone: it brings its own validation lists")
        lists, held_out, _ = data.movielens_100k()
        return lists, held_out, {"data": [MOVIELENS]}
    provenance: dict[str, Any] = {"data": list(map(os.fspath, paths)), "validation": list(map(os.fspath, validation))}
    provenance |= {"reading": dict(reading)} if reading else {}
    of_training, of_validation = split_reading(reading, len(paths))
    lists = read_acting(paths, of_training, labelled=labelled)
    if not validation:
        return lists, None, provenance
    width = lists.features.shape[1]
    held_out = read_acting(validation, of_validation, features=width, labelled=labelled)
    held_out = match_features(
        held_out, lists.feature_names if lists.has_feature_names else (), width, "the training data"
    )
    if not shared_queries and (shared := set(lists.queries.tolist()).intersection(held_out.queries.tolist())):
        first = next(query for query in lists.queries.tolist() if query in shared)
        words = f"query {first!r} is" if len(shared) == 1 else f"{len(shared)} queries, such as {first!r}, are"
        raise ValueError(
            f"{words} in both training and validation data, which makes the metric too good; use --shared-queries if "
            "this is intended, for example if lists are split by time"
        )
    return lists, held_out, provenance


def split_reading(reading: Mapping[str, Any], number: int) -> tuple[dict, dict]:
    """The options for the first `number` files and for the others; each file has its own group file."""
    if not reading.get("group_file"):
        return dict(reading), dict(reading)
    groups = as_list(reading["group_file"])
    return dict(reading) | {"group_file": groups[:number]}, dict(reading) | {"group_file": groups[number:]}


def read_acting(
    paths: Sequence[str],
    reading: Mapping[str, Any],
    *,
    features: Sequence[str] | int | None = None,
    labelled: bool | None = True,
) -> RankingLists:
    """The lists of files, read with the options that act on their format.

    Args:
        paths: the files.
        reading: see `Reading`.
        features: the features that the lists must have: their names (a CSV file may have more columns), or their number
            (a LETOR file may leave some out, with a warning). None = any.
        labelled: whether labels are required. False = the documents are to be ranked: neither labels nor other columns
            of documents are read. None = labels are read if they exist. Labels that are not read are 0, and nobody
            judged the documents.
    """
    form = choose_form(paths, {"form": reading["form"]} if "form" in reading else {})
    options = options_of(form, reading, labelled=labelled)
    listed = np.zeros(features if form == "letor" and isinstance(features, int) else 0, bool)
    if len(listed):
        fill = "sparse" if "features" in options else "without zeros"
        options |= {"features": features, "fill": fill, "listed": listed}
    if form == "csv" and features is not None and not isinstance(features, int) and "features" not in options:
        options |= _only(features, paths, options)
    lists = _read(list(paths), form, options, labelled)
    if not listed.all():
        what = f"{listed.sum()} of {len(listed)} features are listed in {', '.join(map(str, paths))}"
        warnings.warn(f"{what}; the others are taken for zeros", stacklevel=2)
    return lists


def _only(features, paths, options):
    """The option to read only these features from CSV files that have all of them, with a notice."""
    roles = Roles(**{name: x for name, x in options.items() if name in ROLES} | {"features": features}, to_rank=True)
    new: dict[str, None] = {}
    for path in paths:
        names = find_layout(path, options.get("separator"), options.get("encoding", "utf-8")).names
        if not set(features) <= set(names):
            return {}  # the error of the lists says what is missing
        new |= dict.fromkeys(names)
        for role in roles.of_columns(names, str(path)):
            new.pop(role.column, None)
    for name in (
        *KNOWN,
        *options.get("columns", {}).values(),
        options.get("label") or "label",
    ):  # which are not features
        new.pop(name, None)
    if new:
        warnings.warn(f"columns that the run did not read are left out: {some(new)}", stacklevel=2)
    return {"features": list(features)}


def _read(paths, form, options, labelled):
    if form == "parquet" and labelled and parquet_bytes(paths) > IN_MEMORY:
        return read_parquet(paths, cache=cache_folder() / "lists", **options)
    if form == "letor":
        options = {"together": False} | options
    return join(tables_as_lists(paths, form, options, labelled=labelled))


def tables_as_lists(
    paths: Sequence[str | os.PathLike], form: str, options: Mapping[str, Any], *, labelled: bool | None
) -> Iterator[RankingLists]:
    """The lists of each table of the files; a repeated query raises an error."""
    known = set[str]()
    for source in align(open_sources(paths, form, options, labelled=labelled)):
        yield from parts(source.tables, source.where, known=known)
