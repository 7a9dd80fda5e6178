"""Data in the page, compressed; the browser takes it apart when it is asked for."""

import base64
import zlib
from collections.abc import Iterable
from typing import NamedTuple

from markupsafe import Markup

GZIP = 31  # what zlib calls its format
CHUNK = 2**16


class Blob(NamedTuple):
    """Some text, compressed by gzip."""

    data: bytes

    def script(self, name: str) -> Markup:
        """It as an element of the page; base64 has no character that HTML knows."""
        text = base64.b64encode(self.data).decode()
        return Markup('<script type="application/octet-stream" data-blob="{}">{}</script>').format(name, text)


def blob_of(text: str, name: str) -> Markup:
    """A text as an element of the page."""
    blob, _ = lines_within([text], None)
    return blob.script(name)


def lines_within(lines: Iterable[str], budget: int | None) -> tuple[Blob, int]:
    """The first lines whose compressed text, in base64, stays within a budget.

    >>> blob, number = lines_within(["a", "b", "c"], 100)
    >>> zlib.decompress(blob.data, GZIP), number
    (b'a\\nb\\nc\\n', 3)
    >>> lines_within(["a", "b", "c"], 0)[1]
    0

    Args:
        lines: no more of them are read than fit, and some.
        budget: in bytes. None = any.

    Returns:
        What they are compressed to, and how many there are.
    """
    packer, data, number, waiting = zlib.compressobj(9, zlib.DEFLATED, GZIP), [], 0, []

    def take(packer, size):
        """The packer with the lines that wait, or None where they do not fit."""
        trial = packer.copy()
        new = trial.compress("".join(waiting).encode()) + trial.flush(zlib.Z_SYNC_FLUSH)
        if budget is not None and (sum(map(len, data)) + len(new) + 32) * 4 / 3 > budget:
            return None
        data.append(new)
        return trial

    for line in lines:
        waiting.append(f"{line}\n")
        if sum(map(len, waiting)) < CHUNK:
            continue
        following = take(packer, budget)
        if following is None:
            break
        packer, number, waiting = following, number + len(waiting), []
    following = take(packer, budget) if waiting else None
    while waiting and following is None:  # the last lines in smaller parts, until they fit
        waiting = waiting[: len(waiting) // 2]
        following = take(packer, budget) if waiting else None
    if following is not None:
        packer, number = following, number + len(waiting)
    data.append(packer.flush())
    return Blob(b"".join(data)), number
