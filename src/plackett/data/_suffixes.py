"""The formats, by name and by the suffixes of files. Imports nothing that reads them."""

import os
import pathlib
from collections.abc import Iterable

SUFFIXES = {
    "letor": (".txt", ".letor", ".svm", ".svmlight", ".libsvm", ".dat"),
    "csv": (".csv", ".tsv"),
    "parquet": (".parquet",),
    "trec": (".run",),
}
FORMATS = ("letor", "csv", "parquet", "trec", "elwc", "sequence_example")
PACKED = (".gz", ".zst", ".bz2")


def form_of(paths: Iterable[str | os.PathLike]) -> str:
    """The format that the suffixes of all files have.

    Raises:
        ValueError: they do not say, or differ.
    """
    found = {_form_of(pathlib.PurePath(path)) for path in paths}
    if len(found) != 1 or None in found:
        raise ValueError(
            f"the format of {', '.join(map(str, paths))} is not known by its suffix: say which of {', '.join(FORMATS)}"
        )
    return found.pop()


def _form_of(path):
    suffixes = [suffix for suffix in path.suffixes if suffix not in PACKED]
    last = suffixes[-1].lower() if suffixes else ".parquet" if not path.suffixes else None
    return next((form for form, known in SUFFIXES.items() if last in known), None)
