"""The first stage of a ranking system: embeddings of queries and documents, and search with them.

Names are imported when they are first used.
"""

from plackett import _lazy

_NAMES = {
    "DistinctBatches": "_distinct",
    "Index": "_index",
    "Pipeline": "_pipeline",
    "Retrieved": "_index",
    "Retriever": "_retriever",
    "Similarity": "_similarity",
    "Table": "_tables",
    "TwoTowerModel": "_two_towers",
    "batch_by_distinct": "_distinct",
    "build_index": "_build",
    "evaluate": "_evaluate",
    "make_tower": "_tower",
    "mine_negatives": "_negatives",
    "open_index": "_index",
    "pairs_by_class": "_distinct",
    "search": "_exact",
}
__all__ = list(_NAMES)
__getattr__, __dir__ = _lazy.attach(__name__, _NAMES, extra="retrieval")
