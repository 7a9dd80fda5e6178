"""Searches once with one library, in this process; prints a line of JSON.

    python benchmarks/search_worker.py LIBRARY FOLDER K

FOLDER holds documents.npy, queries.npy, and best.npy, the places of the best K. `search.py` calls it. Seconds are those
of the processor, whatever else runs.
"""

import json
import pathlib
import statistics
import sys
import tempfile
import time

import numpy as np


def plackett_exact(documents, k):
    """Exact search by plackett."""
    from plackett.retrieval import search

    return lambda queries: search(queries, documents, k).places


def plackett_approximate(documents, k):
    """The graph that plackett writes, with the exact scores of what it leads to."""
    from plackett.retrieval._approximate import Approximate, write_approximate
    from plackett.retrieval._exact import best_first, score_places
    from plackett.retrieval._index import EXPANSION

    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "graph.usearch"
        write_approximate(documents, path)
        graph = Approximate(path, *documents.shape, EXPANSION)  # whose file stays mapped

    def find(queries):
        places = graph.find(queries, k)
        return best_first(places, score_places(queries, documents, places)).places

    return find


def faiss_exact(documents, k):
    """faiss's IndexFlatIP."""
    import faiss

    index = faiss.IndexFlatIP(documents.shape[1])
    index.add(documents)
    return lambda queries: index.search(queries, k)[1]


def faiss_hnsw(documents, k):
    """faiss's IndexHNSWFlat, as wide as the graph of plackett."""
    import faiss

    index = faiss.IndexHNSWFlat(documents.shape[1], 32, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction, index.hnsw.efSearch = 128, 256
    index.add(documents)
    return lambda queries: index.search(queries, k)[1]


def main():
    """Measures as the command line says."""
    library, folder, k = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
    documents, queries, best = (np.load(folder / f"{name}.npy") for name in ("documents", "queries", "best"))
    start = time.process_time()
    find = globals()[library](documents, k)
    built = time.process_time() - start
    find(queries[:64])
    times, single = [], []
    for _ in range(3):
        start = time.process_time()
        places = find(queries)
        times.append(time.process_time() - start)
    for query in queries[:100]:
        start = time.process_time()
        find(query[None])
        single.append(time.process_time() - start)
    recall = np.mean([len(set(one) & set(of)) / k for one, of in zip(places.tolist(), best.tolist(), strict=True)])
    found = {"build": built, "seconds": min(times), "one": statistics.median(single), "recall": recall}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
