"""Compressed data in the page, which the browser unpacks on demand."""

import base64
import zlib
from collections.abc import Iterable
from typing import NamedTuple

from markupsafe import Markup

GZIP = 31  # zlib's number for the gzip format
CHUNK = 2**16
END = 32  # bytes at the end of the format


class Blob(NamedTuple):
    """Some text, compressed by gzip."""

    data: bytes

    def script(self, name: str) -> Markup:
        """Returns it as an element of the page. Base64 has no characters that are special in HTML."""
        text = base64.b64encode(self.data).decode()
        return Markup('<script type="application/octet-stream" data-blob="{}">{}</script>').format(name, text)


def blob_of(text: str, name: str) -> Markup:
    """Returns a text as an element of the page."""
    blob, _ = lines_within([text], None)
    return blob.script(name)


def lines_within(lines: Iterable[str], budget: int | None) -> tuple[Blob, int]:
    """Compresses the first lines whose size, in base64, stays within a budget.

    >>> blob, number = lines_within(["a", "b", "c"], 100)
    >>> zlib.decompress(blob.data, GZIP), number
    (b'a\\nb\\nc\\n', 3)
    >>> lines_within(["a", "b", "c"], 0)[1]
    0

    Args:
        lines: the lines. Few more are read than fit.
        budget: the size in bytes. None = no limit.

    Returns:
        (the compressed lines, their number).
    """
    packer, number = _Packer(), 0
    for chunk in _chunks(lines):
        fitting = chunk
        while fitting and not packer.take(fitting, budget):
            fitting = fitting[: len(fitting) // 2]
        number += len(fitting)
        if len(fitting) < len(chunk):
            break
    return Blob(packer.finish()), number


class _Packer:
    """Compresses lines, and leaves out those that do not fit."""

    def __init__(self):
        self.packer = zlib.compressobj(9, zlib.DEFLATED, GZIP)
        self.data: list[bytes] = []

    def take(self, lines: list[str], budget: int | None) -> bool:
        """Adds some lines. Returns False and changes nothing if they do not fit."""
        trial = self.packer.copy()
        new = trial.compress("".join(lines).encode()) + trial.flush(zlib.Z_SYNC_FLUSH)
        if budget is not None and (sum(map(len, self.data)) + len(new) + END) * 4 / 3 > budget:
            return False
        self.packer = trial
        self.data.append(new)
        return True

    def finish(self) -> bytes:
        """Returns all lines that were taken, compressed."""
        return b"".join([*self.data, self.packer.flush()])


def _chunks(lines):
    """Joins lines to chunks of `CHUNK` characters, and the rest."""
    chunk: list[str] = []
    size = 0
    for line in lines:
        chunk.append(f"{line}\n")
        size += len(line)
        if size >= CHUNK:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
