"""What paths stand for: the formats, by name and by the suffixes of files. Imports nothing that reads them."""

import os
import pathlib
from collections.abc import Iterable

MOVIELENS = "movielens-100k"  # stands for data that is downloaded
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
    """The format that the suffixes of all files have; a folder and a URL without a suffix hold Parquet files.

    Raises:
        ValueError: they do not say, or differ.
    """
    forms = {str(path): _form_of(str(path)) for path in paths}
    for path, form in forms.items():
        if form is None:
            raise ValueError(
                f"the format of {path} is not known by its suffix: say which of {', '.join(FORMATS)} it is by form "
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
