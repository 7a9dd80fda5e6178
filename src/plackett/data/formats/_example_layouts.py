"""Documents whose bytes are alike but for the values of their features: these are read where they lie, all at once."""

import dataclasses
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from plackett.data.formats._wire import of_varints, read_entries

LEAST = 8  # fewer documents of a layout are sooner read one by one
MOST = 8  # layouts of one length
ROOM = 1 << 18  # bytes of documents of which layouts are made before others are found that have them
START = 64  # bytes; documents that differ in them are not compared further
NEAR = 16  # bytes; what lies nearer to each other is compared in one piece


class Part(NamedTuple):
    """Some documents, by their numbers, and name -> [documents, width] numbers, or a list of strings."""

    rows: np.ndarray
    columns: dict[str, np.ndarray | list[str]]


@dataclasses.dataclass(frozen=True)
class _Layout:
    """Of documents of one length: the bits that all have, and where values lie.

    Args:
        bits: [length] uint8.
        mask: [length] uint8, 1 = a bit that all have, 0 = one of a value.
        pieces: where bytes are that all have, (start, stop) each, a short one first.
        values: name -> kind and (start, stop) of each value; all floats are one.
    """

    bits: np.ndarray
    mask: np.ndarray
    pieces: tuple[tuple[int, int], ...]
    values: dict[str, tuple[str, list[tuple[int, int]]]]

    def find(self, block):
        """The numbers of the rows of `block`, [documents, length] uint8, that have this layout."""
        rows = np.arange(len(block))
        for start, stop in self.pieces:
            found = block[:, start:stop] if len(rows) == len(block) else block[rows, start:stop]
            rows = rows[~((found ^ self.bits[start:stop]) & self.mask[start:stop]).any(axis=1)]
        return rows

    def read(self, block, document):
        """name -> column, of rows of this layout; those of `document` are strings."""
        return {name: _read(block, kind, spans, name == document) for name, (kind, spans) in self.values.items()}


def _read(block, kind, spans, is_id):
    if kind == "float":
        [(start, stop)] = spans
        return block[:, start:stop].view("<f4")
    if kind == "string":
        [(start, stop)] = spans
        return [text.decode() for text in _texts(block[:, start:stop])]
    numbers = np.stack([of_varints(block[:, start:stop]) for start, stop in spans], axis=1)
    return [str(number) for number in numbers[:, 0].tolist()] if is_id else numbers.astype("float64")


def _texts(block):
    text, size = block.tobytes(), block.shape[1]
    return [text[i * size : (i + 1) * size] for i in range(len(block))]


class Layouts:
    """The layouts of documents, met so far.

    Args:
        wanted: the features to read. None = all.
        document: the feature that is the id of a document: its int64 are read as strings.
    """

    def __init__(self, wanted: Collection[str] | None, document: str | None) -> None:
        self.wanted, self.document = wanted, document
        self.known: dict[int, list[_Layout | None]] = {}  # by length; None = one that could not be made
        self.room = ROOM

    def read(self, documents: Sequence[bytes]) -> tuple[list[Part], np.ndarray]:
        """(what was read, the numbers of the documents that are left), for bytes of Examples.

        Cost: some passes over the bytes, and some steps of Python for each feature of each layout.
        """
        lengths = np.fromiter(map(len, documents), "int64", len(documents))
        order = np.argsort(lengths, kind="stable")
        found, starts = np.unique(lengths[order], return_index=True)
        parts: list[Part] = []
        left = []
        for length, rows in zip(found.tolist(), np.split(order, starts[1:]), strict=True):
            may_be_alike = 0 < length <= self.room or length in self.known
            is_read = len(rows) >= LEAST and may_be_alike
            left.append(self._read_length(documents, length, rows, parts) if is_read else rows)
        return parts, np.sort(np.concatenate(left))

    def _read_length(self, documents, length, rows, parts):
        """Adds what is read of documents of one length to `parts`; the numbers of those that are left."""
        data = b"".join(documents if len(rows) == len(documents) else [documents[row] for row in rows.tolist()])
        block, known = np.frombuffer(data, "uint8").reshape(-1, length), self.known.setdefault(length, [])
        for layout in filter(None, known):
            rows, block = self._take(layout, rows, block, parts)
        while len(rows) >= LEAST and len(known) < MOST and length <= self.room:
            layout = _layout(documents[rows[0]], self.wanted, self.document)
            known.append(layout)
            self.room -= length
            if layout is None:
                break
            rows, block = self._take(layout, rows, block, parts)
        return rows

    def _take(self, layout, rows, block, parts):
        """Adds what is read of the rows of a layout to `parts`; the others."""
        hit = layout.find(block)
        if len(hit) < LEAST:
            return rows, block
        whole = len(hit) == len(rows)
        try:
            columns = layout.read(block if whole else block[hit], self.document)
        except UnicodeDecodeError:  # which is told by what reads those that are left
            return rows, block
        parts.append(Part(rows[hit], columns))
        self.room = min(ROOM, self.room + block.shape[1] * len(hit))
        others = np.delete(np.arange(len(rows)), hit)
        return rows[others], block[others]


def _layout(document, wanted, id_feature):
    """The layout of a document, bytes of an Example; None if it must be read otherwise."""
    entries = read_entries(document)
    if entries is None or len({entry.name for entry in entries}) < len(entries):
        return None
    bits, mask = np.frombuffer(document, "uint8"), np.full(len(document), 255, "uint8")
    values = {}
    for name, kind, spans in entries:
        for start, stop in spans:
            mask[start:stop] = 0
            if kind == "int64":
                mask[start:stop] = 128  # whether the number goes on
        if spans and (wanted is None or name in wanted):
            if (kind == "string" and len(spans) > 1) or (name == id_feature and (kind == "float" or len(spans) > 1)):
                return None
            values[name] = kind, spans
    return _Layout(bits, mask, tuple(_pieces(mask)), values)


def _pieces(mask):
    """(start, stop) of where the mask is not 0, joined where they are near, the first one cut off at `START`."""
    places = np.flatnonzero(mask)
    ends = np.flatnonzero(np.diff(places) > NEAR)
    starts = places[np.concatenate([[0], ends + 1])].tolist()
    stops = (places[np.concatenate([ends, [len(places) - 1]])] + 1).tolist()
    for start, stop in zip(starts, stops, strict=True):
        cut = min(stop, START) if start < START else stop
        yield start, cut
        if cut < stop:
            yield cut, stop
