"""From any format to Parquet, as a stream, with a summary of what went by."""

import os
import pathlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from plackett._files import errors_of_writing
from plackett.data._ranking_lists import RankingLists
from plackett.data._roles import Roles
from plackett.data._suffixes import FORMATS, form_of
from plackett.data._tables import check_new, from_tables
from plackett.data._words import some
from plackett.data.formats.delimited import delimited_tables
from plackett.data.formats.letor import count_features, first_missing, letor_tables
from plackett.data.formats.parquet import parquet_tables, write_tables
from plackett.data.formats.tfrecord import tfrecord_tables
from plackett.data.formats.trec import trec_tables
from plackett.registry.names import check_known


class Summary:
    """What `convert` saw go by: counts of queries, documents, grades and missing features, the range of each feature.

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
        self.missing = self.lowest = self.highest = np.zeros(0)

    def add(self, lists: RankingLists) -> None:
        """Counts these lists too."""
        self.lengths.append(lists.lengths)
        for grade, count in zip(*np.unique(lists.labels, return_counts=True), strict=True):
            self.grades[float(grade)] = self.grades.get(float(grade), 0) + int(count)
        if not self.feature_names:
            self.feature_names = lists.feature_names
            width = len(self.feature_names)
            self.missing = np.zeros(width, "int64")
            self.lowest, self.highest = np.full(width, np.inf), np.full(width, -np.inf)
        if len(lists.features):
            self.missing += np.isnan(lists.features).sum(axis=0)
            self.lowest = np.fmin(self.lowest, np.fmin.reduce(lists.features, axis=0))
            self.highest = np.fmax(self.highest, np.fmax.reduce(lists.features, axis=0))

    def rows(self) -> Iterator[tuple[str, str]]:
        """(what, how much), in words."""
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
        yield "features", f"{len(self.feature_names):,}"
        yield "missing values", self._name(self.missing > 0) + f" ({self.missing.sum():,} in all)"
        yield "constant features", self._name(self.lowest >= self.highest)

    def _name(self, which):
        names = [name for name, true in zip(self.feature_names, which, strict=True) if true]
        return f"{len(names)}: {some(names)}" if names else "none"


def convert(
    paths: Iterable[str | os.PathLike],
    output: str | os.PathLike,
    *,
    form: str | None = None,
    missing: bool = False,
    together: bool = True,
    overwrite: bool = False,
    progress: Callable[[RankingLists], None] = lambda lists: None,
    **options: Any,
) -> Summary:
    """Writes files of any known format as one Parquet file, one row a query.

    >>> import tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "train.txt").write_text("2 qid:7 1:.5 2:1\\n0 qid:7 1:.1 2:1\\n")
    >>> dict(convert([folder / "train.txt"], folder / "train.parquet").rows())["constant features"]
    '1: 2'

    Args:
        paths: files of one format; of Parquet also folders and URLs.
        output: the Parquet file. It is whole or not there.
        form: one of `FORMATS`. None = by the suffixes of the files.
        missing: whether features may be missing, which is an error otherwise.
        together: whether the documents of a query must stand together. False = they are grouped, in memory.
        overwrite: whether `output` may be replaced.
        progress: is called with each part of the lists once it is read.
        options: of the format: `features` of letor; of csv what `read_delimited` takes; `columns` and `ids` of parquet;
            `qrels` of trec; what `read_tfrecord` takes for elwc and sequence_example.

    Raises:
        FileExistsError: `output` exists and may not be replaced.
        FileNotFoundError: there is no such file.
        OSError: `output` could not be written.
        ValueError: a file is not of this format, or its data not as it must be; says where.

    Cost: some 100 MB of memory, whatever the size of the files, with `together`.
    """
    paths, output, summary = list(paths), pathlib.Path(output), Summary()
    form = form or form_of(paths)
    check_known("format", form, FORMATS)
    if output.exists() and not overwrite:
        raise FileExistsError(f"{output} exists: choose another output or allow overwriting")
    if output.suffix != ".parquet":
        raise ValueError(f"the output must be a file NAME.parquet, but got {output}")
    with errors_of_writing(output):
        output.parent.mkdir(parents=True, exist_ok=True)

    write_tables(_look(_tables(form, paths, together, options), summary, form, missing, progress), output)
    return summary


def _look(sources, summary, form, missing, progress):
    """The tables as they go by, checked and counted."""
    known: set[str] = set()
    for path, tables in sources:
        row = 0
        for table in tables:
            lists = from_tables(table, str(path), row)
            check_new(lists.queries, known, str(path))
            summary.add(lists)
            if not missing and summary.missing.any():
                raise _missing(lists, form, path, row)
            row += len(lists)
            progress(lists)
            yield table


def _missing(lists, form, path, first_row):
    """The error that says where the first feature is missing."""
    if form == "letor":
        line, query, feature = first_missing(path)
        place, name = f"line {line}", f"feature {feature}"
    else:
        absent = np.isnan(lists.features)
        document, column = np.unravel_index(absent.argmax(), absent.shape)
        row = int(np.searchsorted(lists.row_splits, document, side="right")) - 1
        query, place = str(lists.queries[row]), f"row {first_row + row + 1}"
        name = lists.feature_names[column] if lists.has_feature_names else f"feature {column + 1}"
    return ValueError(
        f"{path}, {place}, query {query!r}: {name} is missing; where features may be missing, say so by missing=True "
        "(--missing on the command line)"
    )


def _tables(form, paths, together, options) -> Sequence[tuple[str | os.PathLike, Iterator[pa.Table]]]:
    """(what errors call it, its tables), of each file where they are read one by one."""
    all_files = ", ".join(map(str, paths))
    try:
        match form:
            case "letor":
                return _letor_tables(paths, together, **options)
            case "csv":
                return _csv_tables(paths, together, **options)
            case "parquet":
                return [(path, parquet_tables(path, **options)) for path in paths]
            case "trec":
                return [(all_files, trec_tables(paths, together=together, **options))]
            case _:
                return [(all_files, tfrecord_tables(paths, form=form, **options))]
    except TypeError as error:
        raise ValueError(f"the options of the format {form}: {error}") from None


def _letor_tables(paths, together, features=None):
    features = max(map(count_features, paths)) if features is None else features
    return [(path, letor_tables(path, features=features, together=together)) for path in paths]


def _csv_tables(paths, together, separator=None, **roles):
    return [(path, delimited_tables(path, Roles(**roles), separator=separator, together=together)) for path in paths]
