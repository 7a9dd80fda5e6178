"""Lists from files of any format."""

import functools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Unpack

import pyarrow as pa

from plackett import data
from plackett._files import list_paths
from plackett.data._ranking_lists import RankingLists
from plackett.data._reading import Reading, check_reading, check_they_act, options_of
from plackett.data._roles import Roles
from plackett.data._suffixes import MOVIELENS, form_of
from plackett.data._tables import join, parts
from plackett.data.datasets.movielens import cache_folder
from plackett.data.formats.delimited import delimited_tables
from plackett.data.formats.letor import count_features, count_groups, first_missing, letor_tables
from plackett.data.formats.parquet import parquet_bytes, parquet_tables, read_parquet
from plackett.data.formats.tfrecord import tfrecord_tables
from plackett.data.formats.trec import trec_tables

IN_MEMORY = 2**30  # bytes of Parquet files, of which the arrays are kept as files where there are more

Paths = str | os.PathLike | Sequence[str | os.PathLike]


class Source(NamedTuple):
    """A file, or several that are read as one.

    Args:
        where: what errors call it.
        tables: its tables of the form of `plackett.data._schema`.
        first_missing: function that finds (line, query, feature) of the first missing value. None = it has no lines.
    """

    where: str
    tables: Iterator[pa.Table]
    first_missing: Callable[[], tuple[int, str, int]] | None = None


def read(paths: Paths, **reading: Unpack[Reading]) -> RankingLists:
    """The lists of one or several files of any known format, one behind the other.

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
        All lists. Parquet files of more than 1 GiB are unpacked once into `$PLACKETT_CACHE/lists` and mapped into
        memory, see `read_parquet`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: an option is unknown or would not act; or a file is not of this format, or its data not as it must
            be: says where.
    """
    paths = as_list(paths)
    form = choose_form(paths, reading)
    return _read(paths, form, options_of(form, reading), labelled=True)


def as_list(paths: Paths) -> list[str | os.PathLike]:
    """One path or several, as a list.

    Raises:
        TypeError: one is no path.
        ValueError: there is none.
    """
    paths = list_paths(paths)
    if not paths:
        raise ValueError("there must be at least one file to read, but paths is empty")
    return paths


def choose_form(paths: Sequence[str | os.PathLike], reading: Mapping[str, Any]) -> str:
    """The format of files: the one that is given, else that of their suffixes.

    Raises:
        ValueError: an option of reading is unknown, or does not act on it.
    """
    form = check_reading(reading).get("form") or form_of(paths)
    check_they_act(reading, [form])
    return form


def open_sources(
    paths: Sequence[str | os.PathLike], form: str, options: Mapping[str, Any], *, labelled: bool = True
) -> list[Source]:
    """The source of each file, or one of all where they are read as one; nothing is read yet but to count features.

    Args:
        paths: the files.
        form: their format.
        options: those that act on it, see `options_of`.
        labelled: whether there must be labels.
    """
    names, optional = list(map(str, paths)), not labelled
    match form:
        case "letor":
            return _letor_sources(paths, **options)
        case "csv":
            return [Source(name, _csv_tables(name, to_rank=optional, **options)) for name in names]
        case "parquet":
            return [Source(name, parquet_tables(name, to_rank=optional, **options)) for name in names]
        case "trec":
            return [Source(", ".join(names), trec_tables(paths, **{"qrels": None, **options}))]
        case _:
            return [Source(", ".join(names), tfrecord_tables(paths, form=form, **options))]


def _letor_sources(paths, features=None, group_files=None, **options):
    groups = group_files or [None] * len(paths)
    if len(groups) != len(paths):
        raise ValueError(
            f"group_files (--group-file) must name one file for each of the {len(paths)} files, but got {len(groups)}"
        )
    of_lines = {name: value for name, value in options.items() if name not in ("comment_ids", "together")}
    if features is None:
        features = max(
            count_features(path, group_file=group, **of_lines) for path, group in zip(paths, groups, strict=True)
        )
    first, sources = 1, []
    for path, group in zip(paths, groups, strict=True):
        layout = {"features": features, "group_file": group, "first_query": first}
        find = functools.partial(first_missing, path, **layout, **of_lines)
        sources.append(Source(str(path), letor_tables(path, **layout, **options), find))
        first += 0 if group is None else count_groups(group, encoding=options.get("encoding", "utf-8"))
    return sources


def _csv_tables(path, separator=None, decimal=".", encoding="utf-8", missing_values=(), together=True, **roles):
    return delimited_tables(
        path,
        Roles(**roles),
        separator=separator,
        decimal=decimal,
        encoding=encoding,
        missing_values=missing_values,
        together=together,
    )


def read_training(
    paths: Sequence[str],
    validation: Sequence[str],
    *,
    reading: Mapping[str, Any],
    shared_queries: bool = False,
) -> tuple[RankingLists, RankingLists | None, dict]:
    """(training lists, validation lists, what config.yaml says of them).

    Args:
        paths: what to train on, or MovieLens alone, which brings its own validation lists.
        validation: what the best epoch is chosen on. () = None in the place of the validation lists.
        reading: how the files are read; group files first of the one, then of the other.
        shared_queries: whether a query may be both in training and in validation, as where a list is split by time.

    Raises:
        ValueError: a query is in both and must not be.
    """
    if MOVIELENS in paths:
        if list(paths) != [MOVIELENS] or validation:
            raise ValueError(f"{MOVIELENS} stands alone: it brings its own validation lists")
        lists, held_out, _ = data.movielens_100k()
        return lists, held_out, {"data": [MOVIELENS]}
    provenance: dict[str, Any] = {"data": list(map(os.fspath, paths)), "validation": list(map(os.fspath, validation))}
    provenance |= {"reading": dict(reading)} if reading else {}
    of_training, of_validation = split_reading(reading, len(paths))
    lists = read_acting(paths, of_training)
    if not validation:
        return lists, None, provenance
    held_out = read_acting(validation, of_validation, features=lists.features.shape[1])
    if not shared_queries and (shared := set(lists.queries.tolist()).intersection(held_out.queries.tolist())):
        first = next(query for query in lists.queries.tolist() if query in shared)
        words = f"query {first!r} is" if len(shared) == 1 else f"{len(shared)} queries, such as {first!r}, are"
        raise ValueError(
            f"{words} in both training and validation data, which makes the measure too good; give "
            "--shared-queries where this is meant, as where lists are split by time"
        )
    return lists, held_out, provenance


def split_reading(reading: Mapping[str, Any], number: int) -> tuple[dict, dict]:
    """How the first `number` files are read, and how the others: each file has its own group file."""
    groups = reading.get("group_files")
    if not groups:
        return dict(reading), dict(reading)
    return dict(reading) | {"group_files": groups[:number]}, dict(reading) | {"group_files": groups[number:]}


def read_acting(
    paths: Sequence[str], reading: Mapping[str, Any], *, features: int | None = None, labelled: bool = True
) -> RankingLists:
    """The lists of files, by those options that act on their format.

    Args:
        paths: the files.
        reading: see `Reading`.
        features: how many features the lists must have, where LETOR files may leave out the last ones.
        labelled: whether there must be labels. False = where there are none, they are 0, and nobody judged the
            documents.
    """
    form = choose_form(paths, {"form": reading["form"]} if "form" in reading else {})
    options = options_of(form, reading, labelled=labelled)
    if form == "letor" and features is not None:
        options["features"] = features
    return _read(list(paths), form, options, labelled)


def _read(paths, form, options, labelled):
    if form == "parquet" and labelled and parquet_bytes(paths) > IN_MEMORY:
        return read_parquet(paths, cache=cache_folder() / "lists", **options)
    if form == "letor":
        options = {"together": False} | options
    sources, known = open_sources(paths, form, options, labelled=labelled), set[str]()
    return join(lists for source in sources for lists in parts(source.tables, source.where, known=known))
