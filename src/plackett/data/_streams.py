"""Files as streams of bytes, unpacked as they come."""

import io
import os
import pathlib
from collections.abc import Iterator

import pyarrow as pa

from plackett._files import check_file

MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2"}


def open_unpacked(path: str | os.PathLike) -> io.BufferedReader:
    """The bytes of a file; gzip, zstd and bzip2 are known by their first bytes and unpacked.

    Raises:
        FileNotFoundError: there is no such file.
    """
    check_file(path)
    with pathlib.Path(path).open("rb") as file:
        first = file.read(4)
    packed = next((kind for magic, kind in MAGIC.items() if first.startswith(magic)), None)
    return io.BufferedReader(pa.input_stream(str(path), compression=packed), 2**20)


def blocks_of_lines(path: str | os.PathLike, size: int) -> Iterator[bytes]:
    """The text of a file in blocks of whole lines, about `size` bytes each.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a compressed file is damaged.
    """
    with open_unpacked(path) as file:
        try:
            while block := file.read(size):
                yield block if block.endswith(b"\n") else block + file.readline()
        except OSError as error:
            raise ValueError(f"{path}: the compressed file is damaged: {error}") from None
