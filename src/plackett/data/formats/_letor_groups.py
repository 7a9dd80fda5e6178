"""Files of group sizes, which LightGBM and XGBoost use with text without `qid:`."""

import os
import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from plackett.data._streams import blocks_of_lines, decode_line

BLOCK = 2**20
SIZE = re.compile(r"\s*\+?0*([1-9]\d{0,11})\s*", re.ASCII)


class Groups:
    """The queries of a file by their sizes, one whole number per line, in the order of the documents.

    Args:
        path: the file of sizes.
        first_query: the number of the first query; the others count on from it.
        encoding: of the file.

    Raises:
        ValueError: a line is not a whole number of at least 1, or there are no lines; the error says which.
    """

    def __init__(self, path: str | os.PathLike, first_query: int = 1, encoding: str = "utf-8") -> None:
        self.path, self.first_query = path, first_query
        self.ends = np.cumsum(_sizes(path, encoding))
        self.documents = int(self.ends[-1])

    def queries(self, start: int, stop: int) -> pa.Array:
        """The ids of the queries of the documents from `start` to `stop`."""
        places = np.searchsorted(self.ends, np.arange(start, stop), side="right")
        return pc.cast(pa.array(places + self.first_query), pa.string())


def _sizes(path, encoding):
    sizes, number = [], 0
    for block in blocks_of_lines(path, BLOCK, encoding):
        for line in block.removesuffix(b"\n").split(b"\n"):
            number += 1
            try:
                size = _size(line)
            except ValueError as error:
                raise ValueError(f"{path}, line {number}: {error}") from None
            sizes += [size] if size else []
    if not sizes:
        raise ValueError(f"{path}: there are no group sizes in this file")
    return sizes


def _size(line):
    """The number in a line; None if it is blank."""
    text = decode_line(line)
    if not line.strip():
        return None
    if found := SIZE.fullmatch(text):
        return int(found.group(1))
    raise ValueError(f"the size of a group must be a whole number of at least 1, but got {text.strip()!r}")
