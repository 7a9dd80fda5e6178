"""Reading ranking data and cutting it into batches. Nothing here needs Keras or a backend.

What reads and writes files needs `pip install 'plackett[data]'`, and is imported when it is asked for.
"""

import importlib

from plackett.data.batches import Batches, best_sizes, bucket_size, plan
from plackett.data.movielens import movielens_100k
from plackett.data.ranking_lists import Missed, RankingLists, concatenate, split_queries

_READERS = {
    "Roles": "rows",
    "Summary": "conversion",
    "convert": "conversion",
    "delimited_tables": "rows",
    "from_frame": "rows",
    "hashed": "schema",
    "letor_tables": "letor",
    "lists_of": "schema",
    "parquet_bytes": "parquet",
    "parquet_tables": "parquet",
    "read_delimited": "rows",
    "read_letor": "letor",
    "read_parquet": "parquet",
    "read_trec": "trec",
    "table_of": "schema",
    "tfrecord_tables": "tfrecord",
    "trec_tables": "trec",
    "write_parquet": "parquet",
}

__all__ = [
    "Batches",
    "Missed",
    "RankingLists",
    "best_sizes",
    "bucket_size",
    "concatenate",
    "movielens_100k",
    "plan",
    "split_queries",
    *_READERS,
]


def __getattr__(name):
    if name not in _READERS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(f"{__name__}.{_READERS[name]}"), name)
    except ModuleNotFoundError as error:
        raise ImportError(f"plackett.data.{name} needs {error.name}: pip install 'plackett[data]'") from error
