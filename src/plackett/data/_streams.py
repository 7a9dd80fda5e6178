"""Files as streams of UTF-8, decompressed and transcoded while reading."""

import codecs
import io
import itertools
import os
import pathlib
from collections.abc import Iterator

import pyarrow as pa

from plackett._files import check_file

CHUNK = 2**20  # bytes read at a time
MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2"}
MARKS = {  # the mark of UTF-32 begins with the mark of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
NAMES = {
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "utf-32": "UTF-32",
    "latin-1": "Latin-1",
    "cp1252": "Windows-1252",
}


def open_unpacked(path: str | os.PathLike, encoding: str = "utf-8") -> io.BufferedReader:
    """The text of a file as UTF-8, without a byte-order mark at the beginning.

    Args:
        path: the file. gzip, zstd and bzip2 are recognised by their first bytes and decompressed.
        encoding: the encoding of the file, as in Python's `open`. UTF-8 is not checked here; see `decode_line`.

    Raises:
        FileNotFoundError: a file does not exist.
        ValueError: the encoding does not exist or, while reading, the file is not in this encoding.
    """
    check_file(path)
    _check_encoding(encoding)
    with pathlib.Path(path).open("rb") as file:
        first = file.read(4)
    packed = next((kind for magic, kind in MAGIC.items() if first.startswith(magic)), None)
    return io.BufferedReader(_Text(pa.input_stream(str(path), compression=packed), path, encoding), CHUNK)


def blocks_of_lines(path: str | os.PathLike, size: int, encoding: str = "utf-8") -> Iterator[bytes]:
    """The text of a file as UTF-8 in blocks of whole lines, about `size` bytes each.

    Raises:
        FileNotFoundError: a file does not exist.
        ValueError: a compressed file is damaged, or not in this encoding.
    """
    with open_unpacked(path, encoding) as file:
        try:
            while block := file.read(size):
                yield block if block.endswith(b"\n") else block + file.readline()
        except OSError as error:
            raise ValueError(f"{path}: the compressed file is damaged: {error}") from None


def is_text(block: bytes) -> bool:
    """Is it UTF-8, without a NUL character?"""
    try:
        return "\x00" not in block.decode()
    except UnicodeDecodeError:
        return False


def decode_line(line: bytes) -> str:
    """The text of a line.

    Raises:
        ValueError: it is not UTF-8, or holds a NUL character or a byte-order mark; the error says what else it looks
            like.
    """
    if looks := _utf_16(line):
        raise ValueError(f"this is not UTF-8 text; {_advice(looks)}")
    if b"\x00" in line:
        raise ValueError("there is a NUL character")
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        looks = "cp1252" if line[error.start] in range(0x80, 0xA0) else "latin-1"  # bytes where Latin-1 has no letters
        raise ValueError(f"this is not UTF-8 text: {error.reason}; {_advice(looks)}") from None
    if text.startswith("\ufeff"):
        raise ValueError("there is a byte-order mark inside the file: remove it, for example where files were joined")
    return text


def _utf_16(line):
    """The encoding with two or four bytes per character that a line looks like, or None."""
    if mark := next((mark for mark in MARKS if line.startswith(mark)), None):
        return MARKS[mark]
    if len(line) <= 3 * line.count(b"\x00") <= 2 * len(line) and line:  # ASCII in UTF-16 has a NUL in every second byte
        return "utf-16-be" if line.startswith(b"\x00") else "utf-16-le"
    return None


def _advice(encoding):
    option = f"encoding={encoding!r} (--encoding {encoding} on the command line)"
    return f"it looks like {NAMES[encoding]}: read it with {option}"


def _check_encoding(encoding):
    try:
        "".encode(encoding)
        codecs.getincrementaldecoder(encoding)
    except (LookupError, ValueError, TypeError):
        known = "one that Python knows, such as utf-8, utf-16, latin-1 or cp1252"
        raise ValueError(f"the encoding must be {known}, but got {encoding!r}") from None


class _Text(io.RawIOBase):
    """The chunks of a text stream as UTF-8, without a byte-order mark."""

    def __init__(self, stream, path, encoding):
        chunks = iter(lambda: stream.read(CHUNK), b"")
        if codecs.lookup(encoding).name not in ("utf-8", "utf-8-sig"):
            chunks = _transcode(chunks, path, encoding)
        self.stream, self.chunks, self.rest = stream, _without_mark(chunks), memoryview(b"")

    def readable(self):
        return True

    def readinto(self, buffer):
        while not self.rest:
            chunk = next(self.chunks, None)
            if chunk is None:
                return 0
            self.rest = memoryview(chunk)
        size = min(len(buffer), len(self.rest))
        buffer[:size] = self.rest[:size]
        self.rest = self.rest[size:]
        return size

    def close(self):
        self.stream.close()
        super().close()


def _without_mark(chunks):
    start = b""
    for chunk in chunks:
        start += chunk
        if len(start) >= len(codecs.BOM_UTF8):
            break
    yield start.removeprefix(codecs.BOM_UTF8)
    yield from chunks


def _transcode(chunks, path, encoding):
    decoder, line = codecs.getincrementaldecoder(encoding)(), 1
    for chunk in itertools.chain(chunks, [b""]):
        state = decoder.getstate()
        try:
            text = decoder.decode(chunk, final=not chunk)
            block = text.encode()
        except UnicodeError as error:
            if isinstance(error, UnicodeDecodeError):
                decoder.setstate(state)
                line += decoder.decode(chunk[: max(error.start - len(state[0]), 0)]).count("\n")
            reason = getattr(error, "reason", f"{error}; without a byte-order mark say {encoding}-le or {encoding}-be")
            raise ValueError(f"{path}, line {line}: this is not {encoding} text: {reason}") from None
        line += text.count("\n")
        yield block
