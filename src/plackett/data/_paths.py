"""What the paths of a command line stand for. Imports nothing that reads them."""

import os
import pathlib

MOVIELENS = "movielens-100k"


def is_parquet(path: str | os.PathLike) -> bool:
    """Whether this is Parquet: a folder, a URL or what ends in .parquet; anything else is LETOR text."""
    return str(path).endswith(".parquet") or "://" in str(path) or pathlib.Path(path).is_dir()
