"""From any format to Parquet, as a stream, with a summary of the data."""

import os
import pathlib
from collections.abc import Callable, Iterator
from typing import Unpack

import numpy as np

from plackett._files import errors_of_writing, make_folder
from plackett.data._free_memory import check_fits
from plackett.data._ranking_lists import RankingLists
from plackett.data._reading import Paths, Reading, as_list, check_is_no_input, options_of
from plackett.data._sources import align, choose_form, open_sources
from plackett.data._tables import check_new, from_tables
from plackett.data._words import some
from plackett.data.formats.parquet import write_tables

LARGE = 2**27  # from this number of bytes of one query on, free memory is checked
WRITING = 5  # bytes of memory per byte of features while Parquet is written


class Summary:
    """A summary of converted data: counts of queries, documents, grades and missing features, and feature ranges.

    >>> from plackett.data import RankingLists
    >>> summary = Summary()
    >>> summary.add(RankingLists.from_arrays([[1], [float("nan")]], [1, 0], group=[2]))
    >>> dict(summary.rows())["missing values"]
    '1: 1 (1 in all)'
    """

    def __init__(self) -> None:
        self.lengths: list[np.ndarray] = []
        self.grades: dict[float, int] = {}
        self.feature_names: tuple[str, ...] = ()
        self.ids: tuple[str, ...] = ()
        self.columns: tuple[str, ...] = ()
        self.listed = np.ones(0, bool)  # for sparse LETOR files: whether some line lists each feature
        self.missing = self.lowest = self.highest = np.zeros(0)

    def add(self, lists: RankingLists) -> None:
        """Adds lists to the counts."""
        self.lengths.append(lists.lengths)
        for grade, count in zip(*np.unique(lists.labels, return_counts=True), strict=True):
            self.grades[float(grade)] = self.grades.get(float(grade), 0) + int(count)
        if len(self.lengths) == 1:
            self.feature_names = lists.feature_names
            self.ids, self.columns = tuple(lists.ids), (*lists.columns, *lists.query_columns)
            width = len(self.feature_names)
            self.missing = np.zeros(width, "int64")
            self.lowest, self.highest = np.full(width, np.inf), np.full(width, -np.inf)
        if len(lists.features):
            self.missing += np.isnan(lists.features).sum(axis=0)
            self.lowest = np.fmin(self.lowest, np.fmin.reduce(lists.features, axis=0))
            self.highest = np.fmax(self.highest, np.fmax.reduce(lists.features, axis=0))

    def rows(self) -> Iterator[tuple[str, str]]:
        """(what, how much), as text."""
        lengths = np.concatenate(self.lengths)
        low, middle, high = np.quantile(lengths, [0, 0.5, 1], method="higher")
        grades = sorted(self.grades.items())
        shown = ", ".join(f"{grade:g}: {count:,}" for grade, count in grades[:10])
        yield "queries", f"{len(lengths):,}"
        yield "documents", f"{lengths.sum():,}"
        yield "list size", f"{low} to {high}, median {middle}"
        yield "empty lists", f"{(lengths == 0).sum():,}"
        yield "grades", shown + (f" and {len(grades) - 10:,} others" if len(grades) > 10 else "")
        yield "range of grades", f"{grades[0][0]:g} to {grades[-1][0]:g}" if grades else "none"
        in_no_line = f", of which {(~self.listed).sum():,} are in no line and 0" if not self.listed.all() else ""
        yield "features", f"{len(self.feature_names):,}{in_no_line}"
        yield "id features", _count(self.ids)
        yield "columns", _count(self.columns)
        yield "missing values", self._name(self.missing > 0) + f" ({self.missing.sum():,} in all)"
        yield "constant features", self._name(self.lowest >= self.highest)

    def _name(self, which):
        return _count([name for name, true in zip(self.feature_names, which, strict=True) if true])


def _count(names):
    """The number of names, and the names."""
    return f"{len(names)}: {some(names)}" if names else "none"


def convert(
    paths: Paths,
    output: str | os.PathLike,
    *,
    missing: bool = False,
    overwrite: bool = False,
    progress: Callable[[RankingLists], None] = lambda lists: None,
    **reading: Unpack[Reading],
) -> Summary:
    """Writes files of any known format as one Parquet file, one row per query.

    >>> import tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "train.txt").write_text("2 qid:7 1:.5 2:1\\n0 qid:7 1:.1 2:1\\n")
    >>> dict(convert([folder / "train.txt"], folder / "train.parquet").rows())["constant features"]
    '1: 2'

    Args:
        paths: a file, or several of one format; for Parquet also folders and URLs.
        output: the Parquet file. It is written completely or not at all.
        missing: whether features may be missing; False = a missing feature is an error.
        overwrite: whether `output` may be replaced, even if it appears during the conversion.
        progress: function that is called with each part of the lists after it is read.
        reading: the format and the options of its reader, see `Reading`. An option without effect is an error.

    Raises:
        FileExistsError: `output` exists and may not be replaced.
        FileNotFoundError: a file does not exist.
        OSError: `output` cannot be written.
        ValueError: `output` is one of the files, a file is not of this format, or its data is invalid; the error says
            where.

    Cost: about 200 MB of memory with `together`, whatever the size of the files; for a query with more than 10 MB of
    features, about ten times its size.
    """
    output, summary = pathlib.Path(output), Summary()
    paths = as_list(paths)
    form = choose_form(paths, reading)
    if output.exists() and not overwrite:
        raise FileExistsError(f"{output} exists: choose another output or allow overwriting")
    if output.suffix != ".parquet":
        raise ValueError(f"the output must be a file NAME.parquet, but got {output}")
    check_is_no_input(output, paths)
    with errors_of_writing(output):
        make_folder(output.parent)

    options = options_of(form, reading)
    if form == "letor" and "features" in options:
        options["listed"] = summary.listed = np.zeros(options["features"], bool)
    sources = align(open_sources(paths, form, options))
    write_tables(_look(sources, summary, missing, progress), output, overwrite=overwrite)
    return summary


def _look(sources, summary, missing, progress):
    """The tables as they stream by, checked and counted."""
    known: set[str] = set()
    for source in sources:
        row = 0
        for table in source.tables:
            lists = from_tables(table, source.where, row)
            check_new(lists.queries, known, source.where)
            summary.add(lists)
            _check_fits(lists, source, row)
            if not missing and summary.missing.any():
                raise _missing(lists, source, row)
            row += len(lists)
            progress(lists)
            yield table


def _check_fits(lists, source, first_row):
    """Checks that a query of many features fits into memory while it is written."""
    sizes = lists.lengths * lists.features.shape[1] * lists.features.itemsize
    longest = int(sizes.argmax()) if len(sizes) else 0
    if len(sizes) and sizes[longest] > LARGE:
        query, documents = str(lists.queries[longest]), lists.lengths[longest]
        what = (
            f"{source.where}, row {first_row + longest + 1}, query {query!r}: {documents:,} documents, to be written,"
        )
        check_fits(WRITING * sizes[longest], what, "a query must fit into memory: split it, or leave out features")


def _missing(lists, source, first_row):
    """The error with the place of the first missing feature."""
    if source.first_missing is not None:
        line, query, name = source.first_missing()
        place, name = f"line {line}", f"feature {name}" if isinstance(name, int) else name
    else:
        absent = np.isnan(lists.features)
        document, column = np.unravel_index(absent.argmax(), absent.shape)
        row = int(np.searchsorted(lists.row_splits, document, side="right")) - 1
        query, place = str(lists.queries[row]), f"row {first_row + row + 1}"
        name = lists.feature_names[column] if lists.has_feature_names else f"feature {column + 1}"
    return ValueError(
        f"{source.where}, {place}, query {query!r}: {name} is missing; if features may be missing, use missing=True "
        "(--missing on the command line)"
    )
