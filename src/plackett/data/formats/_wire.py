"""The features of a TensorFlow Example, found in its bytes if they have the form that nearly all writers use."""

from typing import NamedTuple

import numpy as np

# A field of bytes begins with its number times 8, plus 2.
FIRST, SECOND = 1 << 3 | 2, 2 << 3 | 2
KINDS = {FIRST: "string", SECOND: "float", 3 << 3 | 2: "int64"}


class Entry(NamedTuple):
    """A feature: its name, "float", "int64" or "string", and (start, stop) of each value; all floats are one."""

    name: str
    kind: str | None
    spans: list[tuple[int, int]]


class _OtherwiseError(Exception):
    """The bytes have another form, or are not an Example."""


def read_entries(data: bytes) -> list[Entry] | None:
    """The features of an Example, from its bytes; None if protobuf must read or reject it.

    Numbers must be packed, names must come before values, and nothing else may be present.
    """
    try:
        return list(_entries(data))
    except (_OtherwiseError, UnicodeDecodeError):
        return None


def of_varints(tails: np.ndarray) -> np.ndarray:
    """[n] the int64 numbers with their lowest 7 bits in the first byte of each row."""
    bits = (tails & 127).astype("uint64") << np.arange(0, 7 * tails.shape[1], 7, dtype="uint64")
    return np.bitwise_or.reduce(bits, axis=1).view("int64")


def _entries(data):
    at, end = _field(data, 0, len(data), FIRST, whole=True)
    while at < end:
        start, stop = _field(data, at, end, FIRST)
        name = _field(data, start, stop, FIRST)
        feature = _field(data, name[1], stop, SECOND, whole=True)
        yield Entry(data[slice(*name)].decode(), *_values(data, *feature))
        at = stop


def _values(data, start, stop):
    if start == stop:
        return None, []
    kind = KINDS.get(data[start])
    start, stop = _field(data, start, stop, data[start], whole=True)
    if kind is None:
        raise _OtherwiseError
    if start == stop:
        return kind, []
    if kind == "string":
        return kind, list(_strings(data, start, stop))
    start, stop = _field(data, start, stop, FIRST, whole=True)
    if kind == "int64":
        return kind, list(_varints(data, start, stop))
    if (stop - start) % 4:
        raise _OtherwiseError
    return kind, [(start, stop)] if start < stop else []


def _strings(data, start, stop):
    while start < stop:
        span = _field(data, start, stop, FIRST)
        yield span
        start = span[1]


def _varints(data, start, stop):
    """(start, stop) of each, of ten bytes at most."""
    while start < stop:
        end = start + 1
        while data[end - 1] > 127:
            end += 1
            if end > stop:
                raise _OtherwiseError
        if end - start > 10:
            raise _OtherwiseError
        yield start, end
        start = end


def _field(data, at, end, tag, whole=False):
    """(start, stop) of the content of the field at a place, which ends before `end`, or there if it is the whole."""
    if at >= end or data[at] != tag:
        raise _OtherwiseError
    size, start = 0, at + 1
    for shift in range(0, 28, 7):
        if start >= end:
            raise _OtherwiseError
        size |= (data[start] & 127) << shift
        start += 1
        if data[start - 1] < 128:
            break
    else:
        raise _OtherwiseError
    stop = start + size
    if stop > end or (whole and stop < end):
        raise _OtherwiseError
    return start, stop
