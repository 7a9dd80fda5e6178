"""Searching among embeddings, beside faiss in one measurement.

    python benchmarks/search.py [--documents N] [--queries N] [--dimension N] [--k N] [--rounds N]

The documents are made up: 200 clusters, once of unit length and once of lengths that spread as a lognormal of 0.25.
Each library of `search_worker.py` runs in a process of its own with one thread, faiss in an environment of its own; the
rounds take turns over all of them. Build, all queries and one query are seconds of the processor, medians over the
rounds; recall is the share of the exact best k.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

import environments
import numpy as np
from rich.console import Console
from rich.table import Table

from plackett.retrieval import search

FAISS = "faiss"
LIBRARIES = {  # its environment, None = this one
    "plackett_exact": None,
    "faiss_exact": FAISS,
    "plackett_approximate": None,
    "faiss_hnsw": FAISS,
}
environments.INSTALLS[FAISS] = (("faiss-cpu==1.15.1",),)
LENGTHS = {"of unit length": 0.0, "of differing length": 0.25}


def make_files(folder, documents, queries, dimension, k, spread, seed=0):
    """Documents and queries around the same centers, and the places of the best k documents of each query."""
    random = np.random.default_rng(seed)
    centers = random.normal(size=(200, dimension))
    x, asked = (centers[random.integers(0, 200, n)] + random.normal(size=(n, dimension)) for n in (documents, queries))
    x = x * random.lognormal(0, spread, (documents, 1)) if spread else x / np.linalg.norm(x, axis=1, keepdims=True)
    x, asked = x.astype("float32"), asked.astype("float32")
    for name, array in {"documents": x, "queries": asked, "best": search(asked, x, k).places}.items():
        np.save(folder / f"{name}.npy", array)


def measure(library, folder, k):
    """What `search_worker.py` prints, or an error."""
    environment = LIBRARIES[library]
    python = sys.executable if environment is None else environments.made(environment)
    command = [python, pathlib.Path(__file__).with_name("search_worker.py"), library, folder, str(k)]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    done = subprocess.run(command, env=os.environ | threads, capture_output=True, text=True)
    results = [json.loads(text) for text in done.stdout.splitlines() if text.startswith('{"build"')]
    return results[0] if results else {"error": (done.stderr.strip().splitlines() or ["no result"])[-1][:200]}


def table_of(title, results):
    """One row a library."""
    table = Table("library", "build", "all queries", "one query, ms", "recall", title=title)
    for library, rounds in results.items():
        if errors := [each["error"] for each in rounds if "error" in each]:
            table.add_row(library, errors[0])
            continue
        build, seconds, one, recall = (
            statistics.median(each[name] for each in rounds) for name in ("build", "seconds", "one", "recall")
        )
        table.add_row(library, f"{build:.2f}", f"{seconds:.3f}", f"{one * 1e3:.2f}", f"{recall:.4f}")
    return table


def main():
    """Measures as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=50_000)
    parser.add_argument("--queries", type=int, default=2_000)
    parser.add_argument("--dimension", type=int, default=64)
    parser.add_argument("--k", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    console = Console(width=120)
    for kind, spread in LENGTHS.items():
        results = {library: [] for library in LIBRARIES}
        with tempfile.TemporaryDirectory() as scratch:
            folder = pathlib.Path(scratch)
            make_files(folder, given.documents, given.queries, given.dimension, given.k, spread)
            for _ in range(given.rounds):
                for library in LIBRARIES:
                    results[library].append(measure(library, folder, given.k))
        title = f"{given.queries:,} queries, {given.documents:,} documents {kind}, k = {given.k}"
        console.print(table_of(title, results))


if __name__ == "__main__":
    main()
