"""Evaluating a run, beside pytrec_eval and ranx in one measurement, all from files to numbers.

    python benchmarks/evaluation.py [--queries N] [--list-size N] [--judged N] [--rounds N] [--folder FOLDER]

The run and its qrels are made up: 100,000 queries of 100 documents, of which 50 are judged, and as many judged ones
that the run lacks. Each library of `evaluation_worker.py` runs in a process of its own, ranx in an environment of its
own; the rounds take turns over all of them. A number is the median over the rounds, its spread the lowest and the
highest; a ratio is the median over the rounds of a library's seconds by those of plackett in the same round. MB is the
rise of the peak of resident memory above where it stood after the imports. The numbers of all must agree.
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
from training import QUIET

RANX = "ranx"
LIBRARIES = {  # its environment, None = this one
    "plackett": None,
    "plackett_reading": None,
    "plackett_streaming": None,
    "pytrec_eval": None,
    "ranx": RANX,
}
environments.INSTALLS[RANX] = (("ranx==0.3.21",),)
IDS = 9_000_000  # so many documents there are to be retrieved
HEADER = ("library", "seconds", "lowest to highest", "cores' seconds", "ratio", "MB")


def make_files(folder, queries, list_size, judged, seed=0):
    """A run, whose scores differ in each query, and its qrels."""
    random = np.random.default_rng(seed)
    with (folder / "a.run").open("w") as run, (folder / "a.qrels").open("w") as qrels:
        for query in range(queries):
            pool = np.unique(random.integers(0, IDS, 2 * (list_size + judged)))
            pool = random.permutation(pool)[: list_size + judged // 2]
            scores = np.sort(random.choice(40 * 10**6, list_size, replace=False))[::-1] / 1e6
            lines = enumerate(zip(pool.tolist(), scores.tolist(), strict=False), 1)
            run.write("".join(f"{query} Q0 D{name:07} {rank} {score:.6f} bm25\n" for rank, (name, score) in lines))
            of_qrels = np.concatenate([random.permutation(pool[:list_size])[: judged - judged // 2], pool[list_size:]])
            grades = random.choice([0, 0, 0, 1, 2], len(of_qrels)).tolist()
            pairs = zip(of_qrels.tolist(), grades, strict=True)
            qrels.write("".join(f"{query} 0 D{name:07} {grade}\n" for name, grade in pairs))


def measure(library, folder):
    """What `evaluation_worker.py` prints, or an error."""
    environment = LIBRARIES[library]
    python = sys.executable if environment is None else environments.made(environment)
    command = [python, pathlib.Path(__file__).with_name("evaluation_worker.py"), library, folder]
    done = subprocess.run(command, env={"KERAS_BACKEND": "torch"} | os.environ | QUIET, capture_output=True, text=True)
    results = [json.loads(text) for text in done.stdout.splitlines() if text.startswith('{"values"')]
    return results[0] if results else {"error": (done.stderr.strip().splitlines() or ["no result"])[-1][:200]}


def check_same(results):
    """Raises a ValueError unless all libraries have the same numbers."""
    of_plackett = results["plackett"][0]["values"]
    for library, rounds in results.items():
        for name, value in rounds[0]["values"].items():
            if name in of_plackett and abs(value - of_plackett[name]) > 1e-5:
                raise ValueError(f"{name} is {value} by {library}, but {of_plackett[name]} by plackett")


def table_of(results):
    """One row a library."""
    table = Table(*HEADER)
    ours = [each["seconds"] for each in results["plackett"]]
    for library, rounds in results.items():
        seconds = [each["seconds"] for each in rounds]
        ratio = statistics.median(one / other for one, other in zip(seconds, ours, strict=True))
        cores, megabytes = (statistics.median(each[name] for each in rounds) for name in ("cores", "bytes"))
        spread = f"{min(seconds):.2f} to {max(seconds):.2f}"
        numbers = f"{statistics.median(seconds):.2f}", spread, f"{cores:.2f}", f"{ratio:.2f}", f"{megabytes / 1e6:.0f}"
        table.add_row(library, *numbers)
    return table


def main():
    """Measures as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=100_000)
    parser.add_argument("--list-size", type=int, default=100)
    parser.add_argument("--judged", type=int, default=100, help="how many documents of a query")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=pathlib.Path, help="where files are kept that are made once")
    given = parser.parse_args()
    console = Console(width=120)
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.folder or pathlib.Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "a.qrels").exists():
            make_files(folder, given.queries, given.list_size, given.judged)
        results = {library: [] for library in LIBRARIES}
        for _ in range(given.rounds):
            for library in LIBRARIES:
                results[library].append(measure(library, folder))
    for library in [library for library, rounds in results.items() if any("error" in each for each in rounds)]:
        console.print(f"{library}: {next(each['error'] for each in results.pop(library) if 'error' in each)}")
    check_same(results)
    console.print(table_of(results))
    for library, rounds in results.items():
        console.print(library, rounds[0]["values"], rounds[0]["versions"])


if __name__ == "__main__":
    main()
