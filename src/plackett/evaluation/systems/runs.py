"""Runs of TREC and files of scores. They know documents by the ids of query and document."""

import copy
import os
from collections.abc import Iterator
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from plackett.data import RankingLists, Strings
from plackett.data._row_splits import rows_of, splits
from plackett.data._schema import to_arrow
from plackett.data._sources import tables_as_lists
from plackett.data._strings import concatenate_strings
from plackett.evaluation._scored import Beyond, Scored
from plackett.evaluation.systems.base import OpenSystem, count

CHUNK = 2**18  # the number of documents that are aligned together


class Run(OpenSystem):
    """Scores by the ids of query and document. Each call aligns them with the lists again.

    Args:
        name: the name of the run in notes.
        queries: the ids of its queries, each once.
        row_splits: [queries + 1]; the documents of query q are row_splits[q]:row_splits[q + 1].
        documents: the ids of its documents, each once in its query.
        scores: [documents] float64.
    """

    by_ids = True

    def __init__(self, name: str, queries: Strings, row_splits: np.ndarray, documents: Strings, scores: np.ndarray):
        self.name, self.queries, self.row_splits = name, queries, row_splits
        self.documents, self.scores = documents, scores
        self._ids = _texts(queries)
        self._forget()

    def __call__(self, lists: RankingLists) -> Scored:
        """Returns the scores of the documents, -inf if the run lacks them, and its documents beyond the lists."""
        places = pc.index_in(_texts(lists.queries), value_set=self._ids).fill_null(-1).to_numpy()
        known = places >= 0
        lengths = np.where(known, np.diff(self.row_splits)[places], 0) if len(self.queries) else np.zeros_like(places)
        scores = np.full(len(lists.labels), -np.inf)
        rows_beyond, queries_beyond = [np.zeros(0, "int64")], [np.zeros(0, "int64")]
        for start, stop in _chunks(lists.lengths + lengths, CHUNK):
            here = slice(int(lists.row_splits[start]), int(lists.row_splits[stop]))
            rows = rows_of(self.row_splits, places[start:stop][known[start:stop]])
            query = np.repeat(np.arange(start, stop), lengths[start:stop])
            asked = np.repeat(np.arange(start, stop), lists.lengths[start:stop])
            match = _match(asked - start, lists.documents[here], query - start, self.documents[rows])
            found = match >= 0
            scores[here][found] = self.scores[rows[match[found]]]
            left = np.ones(len(rows), bool)
            left[match[found]] = False
            rows_beyond.append(rows[left])
            queries_beyond.append(query[left])
        beyond = np.bincount(np.concatenate(queries_beyond), minlength=len(lists))
        nowhere = np.bincount(np.repeat(np.arange(len(lists)), lists.lengths), scores == -np.inf, len(lists))
        self._remember(lists.queries, places, beyond, nowhere)
        rows = np.concatenate(rows_beyond)
        return Scored(scores, Beyond(self.scores[rows], splits(beyond), self.documents[rows]) if len(rows) else None)

    def _remember(self, queries, places, beyond, nowhere):
        known = places >= 0
        self._asked[places[known]] = True
        self._beyond[places[known]] = beyond[known]
        self._nowhere[places[known]] = nowhere[known]
        self._lacked |= dict.fromkeys(queries[~known].tolist())

    def _forget(self):
        self._asked = np.zeros(len(self.queries), bool)
        self._beyond = np.zeros(len(self.queries), "int64")
        self._nowhere = np.zeros(len(self.queries), "int64")
        self._lacked: dict[str, None] = {}

    def afresh(self) -> Self:
        """Returns the same run as if it had not been called yet. Its arrays are shared."""
        fresh = copy.copy(self)
        fresh._forget()
        return fresh

    def notes(self) -> list[str]:
        """Says what the run lacks, and what it has that the lists lack."""
        notes, asked = [], int(self._asked.sum())
        if lacked := len(self._lacked):
            notes.append(
                f"{self.name} lacks {lacked} of {count(lacked + asked, 'query', 'queries')}, such as "
                f"{next(iter(self._lacked))!r}: it retrieved nothing for them"
            )
        if nowhere := int(self._nowhere.sum()):
            notes.append(
                f"{self.name} lacks {count(nowhere, 'document')} of the data in "
                f"{count(int((self._nowhere > 0).sum()), 'query', 'queries')} that it has, such as in query "
                f"{self.queries[int(self._nowhere.argmax())]!r}: they are not retrieved"
            )
        if beyond := int(self._beyond.sum()):
            notes.append(
                f"{self.name} has {count(beyond, 'document')} in "
                f"{count(int((self._beyond > 0).sum()), 'query', 'queries')} that the data lacks, such as in query "
                f"{self.queries[int(self._beyond.argmax())]!r}; they take ranks and are not relevant"
            )
        if unknown := len(self._asked) - asked:
            notes.append(
                f"{self.name} has {count(unknown, 'query', 'queries')} that the data lacks, such as "
                f"{self.queries[int(self._asked.argmin())]!r}, left out"
            )
        return notes


def _chunks(sizes, most) -> Iterator[tuple[int, int]]:
    """Yields (first, one past the last) of queries whose sizes sum up to about `most`."""
    ends, start, done = np.cumsum(sizes), 0, 0
    while start < len(sizes):
        stop = max(start + 1, int(np.searchsorted(ends, done + most, side="right")))
        yield start, stop
        start, done = stop, int(ends[stop - 1])


def _texts(strings):
    """The strings as an Arrow array with 64-bit offsets."""
    return pc.cast(to_arrow(strings), pa.large_string())


def _match(asked, wanted, query, documents):
    """Returns the position of each pair of (query, document) in the run, [wanted]; -1 = it is not there."""
    (texts, wanted), (more, documents) = _used(wanted), _used(documents)
    codes = pa.concat_arrays([texts, more]).dictionary_encode().indices.to_numpy().astype("int64")
    number, own = max(len(codes), 1), len(texts)
    left = asked * number + codes[:own][wanted]
    right = query * number + codes[own:][documents]
    return pc.index_in(pa.array(left), value_set=pa.array(right)).fill_null(-1).to_numpy()


def _used(strings):
    """Returns (the texts of a few strings as an Arrow array, [n] the index of each), without unused texts."""
    codes, places = strings.codes, np.arange(len(strings))
    if (codes[1:] <= codes[:-1]).any():
        codes, places = np.unique(codes, return_inverse=True)
    dictionary = strings.dictionary
    text = np.concatenate([np.zeros(0, "uint8"), *dictionary.pieces(codes)])
    offsets = splits(dictionary.lengths[codes])
    return pa.LargeStringArray.from_buffers(len(codes), pa.py_buffer(offsets), pa.py_buffer(text)), places


def open_run(path: str | os.PathLike) -> Run:
    """Opens the run of TREC in a file, plain or compressed.

    Raises:
        ValueError: a line is malformed, or a document occurs twice; the message names the file and line.
    """
    try:
        parts = _compact(path, together=True)
    except ValueError:  # perhaps the lines of a query are apart; any other error is raised again
        parts = _compact(path, together=False)
    queries, documents, lengths, scores = zip(*parts, strict=True)
    return Run(
        str(path),
        concatenate_strings(queries),
        splits(np.concatenate(lengths)),
        concatenate_strings(documents),
        np.concatenate(scores),
    )


def _compact(path, together):
    """Returns (queries, documents, lengths, scores) of the parts of a run."""
    found = tables_as_lists([path], "trec", {"together": together}, labelled=False)
    return [(part.queries, part.documents, part.lengths, part.columns["run_score"]) for part in found]
