"""Scores in CSV and Parquet files, as `plackett.data.write_scores` writes them."""

import os
import pathlib

import numpy as np
import polars as pl

from plackett.data import Strings
from plackett.data._numbers import first_inexact
from plackett.data._row_splits import splits
from plackett.data._schema import from_arrow
from plackett.data._words import some
from plackett.evaluation.systems.runs import Run

COLUMNS = ("query", "document", "score")


def open_scores(path: str | os.PathLike, form: str) -> Run:
    """Opens the scores in a file, or in the files of a folder. It reads the columns query, document and score alone.

    A score of -inf means that the document is not retrieved. The rows of a query may be in any order and apart.

    Args:
        path: the file.
        form: csv or parquet.

    Raises:
        ValueError: a column is missing, there are no rows, a score cannot be ranked, or a document occurs twice; the
            message names the file, the row, from 1, and the query.
    """
    try:
        rows = _Rows(path, _read(path, form))
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"{path} cannot be read as a {form} file of scores: {error}") from None
    return rows.run()


def _read(path, form):
    read, kinds = _read_rows, {}
    names = _scan(path).collect_schema().names() if form == "parquet" else pl.read_csv(path, n_rows=0).columns
    if lacking := [name for name in COLUMNS if name not in names]:
        raise ValueError(
            f"{path} lacks the column {', '.join(lacking)} of a file of scores, as plackett.data.write_scores writes "
            f"it: it has {some(names)}"
        )
    if form == "csv":
        read, kinds = pl.read_csv, {"schema_overrides": dict.fromkeys(COLUMNS, pl.String)}
    return read(path, columns=list(COLUMNS), **kinds).select(COLUMNS)


def _scan(path):
    files = sorted(pathlib.Path(path).glob("*.parquet")) if os.path.isdir(path) else path
    return pl.scan_parquet(files, glob=False)


def _read_rows(path, columns):
    """Reads the columns of a Parquet file, or of those in a folder, with one row per document or one row per query."""
    frame = _scan(path).select(columns).collect()
    lists = [name for name in columns if frame[name].dtype == pl.List]
    return frame.filter(pl.col(lists[0]).list.len() > 0).explode(lists) if lists else frame


class _Rows:
    """The rows of a file of scores, and how errors name them."""

    def __init__(self, path, frame):
        self.path, self.frame = path, frame
        if not len(frame):
            raise ValueError(f"{path} holds no scores: it has no rows")

    def run(self):
        """Returns the scores by query."""
        queries, documents = (self._ids(name) for name in COLUMNS[:2])
        self._check_once(queries, documents)
        scores = self._scores()
        codes, rows = queries.codes, np.flatnonzero(scores > -np.inf)
        rows = rows[np.argsort(codes[rows], kind="stable")]
        lengths = np.bincount(codes[rows], minlength=len(queries.dictionary))
        each = Strings(np.arange(len(lengths), dtype="int32"), queries.dictionary)
        return Run(str(self.path), each, splits(lengths), documents[rows], scores[rows])

    def _ids(self, name):
        column = self.frame[name]
        if not (column.dtype == pl.String or column.dtype.is_integer() or column.dtype == pl.Categorical):
            raise ValueError(
                f"{self.path}: the column {name} must hold text or whole numbers, but holds {column.dtype}"
            )
        column = column.cast(pl.String)
        if column.null_count():
            raise ValueError(f"{self.path}, row {column.is_null().arg_max() + 1}: the {name} has no id")
        return from_arrow(column.rechunk().to_arrow())

    def _scores(self):
        column = self.frame["score"]
        if column.dtype == pl.String:
            numbers = column.cast(pl.Int64, strict=False)
            numbers = column.cast(pl.Float64, strict=False) if numbers.null_count() else numbers
        elif column.dtype.is_numeric():
            numbers = column
        else:
            raise ValueError(f"{self.path}: the column score must hold numbers, but holds {column.dtype}")
        if numbers.null_count():
            row = numbers.is_null().arg_max()
            raise self._wrong(row, f"the score must be a number, but got {column[row]!r}")
        scores = numbers.cast(pl.Float64).to_numpy()
        if len(wrong := np.flatnonzero(np.isnan(scores) | (scores == np.inf))):
            raise self._wrong(wrong[0], f"the score is {scores[wrong[0]]}, which has no rank")
        if numbers.dtype.is_integer() and (wrong := first_inexact(numbers.to_numpy())) is not None:
            beyond = f"the score {numbers[wrong]} is a whole number that float64 rounds"
            raise self._wrong(wrong, f"{beyond}: subtract the same number from all scores")
        return scores

    def _check_once(self, queries, documents):
        pairs = queries.codes.astype("int64") * len(documents.dictionary) + documents.codes
        order = np.argsort(pairs, kind="stable")
        again = order[1:][pairs[order[1:]] == pairs[order[:-1]]]
        if len(again):
            raise self._wrong(again.min(), "this document occurs twice")

    def _wrong(self, row, what):
        query, document, _ = self.frame.row(int(row))
        return ValueError(f"{self.path}, row {row + 1}, query {str(query)!r}, document {str(document)!r}: {what}")
