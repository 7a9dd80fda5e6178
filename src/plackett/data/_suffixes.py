"""The formats of files, by name and by suffix. Imports no reader."""

import os
import pathlib
from collections.abc import Iterable

MOVIELENS = "movielens-100k"  # a name for downloaded data
SUFFIXES = {
    "letor": (".txt", ".letor", ".svm", ".svmlight", ".libsvm", ".dat"),
    "csv": (".csv", ".tsv"),
    "parquet": (".parquet",),
    "trec": (".run",),
    "qrels": (".qrels",),
}
FORMATS = ("letor", "csv", "parquet", "trec", "qrels", "elwc", "sequence_example")
PACKED = (".gz", ".zst", ".bz2")
OF_SCORES = (".parquet", ".csv", ".run")


def form_of(paths: Iterable[str | os.PathLike]) -> str:
    """The format of the suffixes of all files. A folder, or a URL without a suffix, holds Parquet files.

    Raises:
        ValueError: a suffix is not known, or the formats differ.
    """
    forms = {str(path): _form_of(str(path)) for path in paths}
    for path, form in forms.items():
        if form is None:
            raise ValueError(
                f"the suffix of {path} is not that of a known format: give form, one of {', '.join(FORMATS)} "
                "(--format on the command line)"
            )
    if len(set(forms.values())) > 1:
        found = ", ".join(f"{path} ({form})" for path, form in forms.items())
        raise ValueError(f"files that are read together must be of one format, but got {found}")
    return str(next(iter(forms.values())))


def _form_of(path):
    suffixes = [suffix for suffix in pathlib.PurePath(path).suffixes if suffix not in PACKED]
    last = suffixes[-1].lower() if suffixes else None
    form = next((form for form, known in SUFFIXES.items() if last in known), None)
    return "parquet" if form is None and ("://" in path or os.path.isdir(path)) else form
