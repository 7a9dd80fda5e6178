"""Reading ranking data and cutting it into batches. Nothing here needs Keras or a backend.

What reads and writes files needs `pip install 'plackett[data]'`. All names are imported when they are first used.
"""

from plackett import _lazy

_NAMES = {
    "Batches": "_batches",
    "Missed": "_ranking_lists",
    "RankingLists": "_ranking_lists",
    "Roles": "formats.delimited",
    "Summary": "_conversion",
    "best_sizes": "_batches",
    "bucket_size": "_batches",
    "concatenate": "_ranking_lists",
    "convert": "_conversion",
    "delimited_tables": "formats.delimited",
    "from_frame": "formats.delimited",
    "hashed": "_schema",
    "letor_tables": "formats.letor",
    "lists_of": "_schema",
    "movielens_100k": "datasets.movielens",
    "parquet_bytes": "formats.parquet",
    "parquet_tables": "formats.parquet",
    "plan": "_batches",
    "read_delimited": "formats.delimited",
    "read_letor": "formats.letor",
    "read_parquet": "formats.parquet",
    "read_trec": "formats.trec",
    "split_queries": "_ranking_lists",
    "table_of": "_schema",
    "tfrecord_tables": "formats.tfrecord",
    "trec_tables": "formats.trec",
    "write_parquet": "formats.parquet",
}
__all__ = list(_NAMES)
__getattr__, __dir__ = _lazy.attach(__name__, _NAMES, extra="data")
