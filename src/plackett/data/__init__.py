"""Reading ranking data and cutting it into batches. Nothing here needs Keras or a backend.

Reading and writing files and frames needs `pip install 'plackett[data]'`. All names are imported on first use.
"""

from plackett import _lazy

_NAMES = {
    "Batches": "_batches",
    "ClickCounts": "_click_counts",
    "Missed": "_missed",
    "RankingLists": "_ranking_lists",
    "Reading": "_reading",
    "SessionWriter": "formats.click_logs",
    "Sessions": "_sessions",
    "Strings": "_strings",
    "Summary": "_conversion",
    "best_sizes": "_batches",
    "concatenate": "_parts",
    "convert": "_conversion",
    "hash_strings": "_strings",
    "lists_of_counts": "_click_lists",
    "lists_of_sessions": "_click_lists",
    "movielens_100k": "datasets.movielens",
    "plan": "_batches",
    "read": "_sources",
    "read_clicks": "formats.click_logs",
    "read_delimited": "formats.delimited",
    "read_letor": "formats.letor",
    "read_parquet": "formats.parquet",
    "read_qrels": "formats.trec",
    "read_sessions": "formats.click_logs",
    "read_tfrecord": "formats.tfrecord",
    "read_trec": "formats.trec",
    "split_queries": "_parts",
    "stream": "_sources",
    "write_parquet": "formats.parquet",
    "write_scores": "_scores",
    "write_sessions": "formats.click_logs",
}
__all__ = list(_NAMES)
__getattr__, __dir__ = _lazy.attach(__name__, _NAMES, extra="data")
