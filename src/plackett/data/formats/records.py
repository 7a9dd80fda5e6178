"""The records of TFRecord files, as bytes."""

import os
import pathlib
import struct
from collections.abc import Iterator

import google_crc32c
import pyarrow as pa

from plackett._files import check_file

PIECE = 1 << 24


def read_records(path: str | os.PathLike) -> Iterator[bytes]:
    """The records of a TFRecord file, plain or compressed with gzip or zlib.

    A record is its length (uint64, little-endian), the masked CRC-32C of that, its bytes, and the masked CRC-32C of
    them.

    Raises:
        FileNotFoundError: a file does not exist.
        ValueError: the file has no records, or is truncated or damaged; the error gives the file, the number of the
            record, from 1, and what is wrong.

    Cost: the memory of one record.
    """
    check_file(path)
    path, number = pathlib.Path(path), 0
    with pa.input_stream(str(path), compression=_compression(path), buffer_size=1 << 20) as file:
        while True:
            try:
                record = _next_record(file)
            except (OSError, ValueError) as error:
                raise ValueError(f"{path}, record {number + 1}: {error}") from None
            if record is None:
                break
            number += 1
            yield record
    if not number:
        raise ValueError(f"{path}: there are no records in this file")


def _compression(path):
    """Arrow's name for the compression of this file; its gzip reads zlib too."""
    with path.open("rb") as file:
        start = file.read(12)
    if len(start) == 12 and _masked_crc(start[:8]) == int.from_bytes(start[8:], "little"):
        return None  # a length may look like the first bytes of a compressed file
    zlib = start[:1] == b"\x78" and int.from_bytes(start[:2], "big") % 31 == 0
    return "gzip" if zlib or start[:2] == b"\x1f\x8b" else None


def _masked_crc(data):
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _next_record(file):
    """The bytes of the next record; None at the end of the file."""
    head = _next_bytes(file, 12)
    if not head:
        return None
    if len(head) < 12:
        raise ValueError(f"the file ends within the record's length: 12 bytes are due, but {len(head)} are there")
    length, crc = struct.unpack("<QI", head)
    if crc != _masked_crc(head[:8]):
        raise ValueError("the CRC of the record's length is wrong: the file is damaged, or not a TFRecord file")
    data, tail = _next_bytes(file, length), _next_bytes(file, 4)
    if (there := len(data) + len(tail)) < length + 4:
        raise ValueError(f"the file ends within the record: {length + 4} bytes are due, but {there} are there")
    if _masked_crc(data) != int.from_bytes(tail, "little"):
        raise ValueError("the CRC of the record's bytes is wrong: the file is damaged")
    return data


def _next_bytes(file, count):
    """The next `count` bytes, or all that are left; in pieces, so that a wrong, huge length takes no memory."""
    pieces = []
    while count and (piece := file.read(min(count, PIECE))):
        pieces.append(piece)
        count -= len(piece)
    return b"".join(pieces)
