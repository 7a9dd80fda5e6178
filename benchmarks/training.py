"""Documents a second in training, beside TensorFlow Ranking and allRank in one run.

    python benchmarks/training.py [--rounds N] [--folder FOLDER] [--markdown FILE]

The lists are made up once: 100 MB of LETOR text, 136 features, list lengths log-normal with mean 120, grades 0 to 4
that depend on the features. Each library trains the same perceptron, 136-256-128-1 with relu, with Adam on batches of
32 lists, in a process and an environment of its own; the rounds take turns over all of them. The loss is UniqueSoftmax,
for allRank ListNet. A time is the median over the epochs of all rounds, with its quartiles; the first epoch, which
compiles, stands apart. Documents are real ones, not padding.

plackett trains on `plackett.data.read_letor(FILE)` with the batches of `plackett.train`. TensorFlow Ranking has Keras
`fit` on `tf.data` with prefetch: batches padded to their longest list, the same bucketed by length, and ragged. allRank
has its own loader, which pads to the longest list of the file, and the training half of its `fit`.
"""

import argparse
import collections
import importlib.metadata
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import environments
import numpy as np
from rich.console import Console
from rich.table import Table

HERE = pathlib.Path(__file__).parent
QUERIES, FEATURES, MEAN, SPREAD = 660, 136, 120, 0.6
GRADES_ABOVE = (0.5, 0.8, 0.93, 0.98)
GOAL, GOAL_OF_LOADER = 2, 3
RUNS = {
    "plackett, JAX": ("plackett", "jax"),
    "plackett, TensorFlow": ("plackett", "tensorflow"),
    "plackett, PyTorch": ("plackett", "torch"),
    "TF-Ranking, padded": ("tensorflow-ranking", "padded"),
    "TF-Ranking, bucketed": ("tensorflow-ranking", "bucketed"),
    "TF-Ranking, ragged": ("tensorflow-ranking", "ragged"),
    "allRank": ("allrank", "padded"),
}
TORCH = importlib.metadata.version("torch").partition("+")[0]
environments.INSTALLS["allrank"] = (
    (f"torch=={TORCH}", "numpy", "scikit-learn", "attrs", "setuptools<81"),
    ("--no-deps", "allrank==1.4.3"),
)
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "JAX_PLATFORMS": "cpu", "PYTHONWARNINGS": "ignore"}


def made_file(path: pathlib.Path) -> pathlib.Path:
    """The LETOR file, written if it is missing."""
    if path.exists():
        return path
    random = np.random.default_rng(0)
    lengths = np.maximum(random.lognormal(np.log(MEAN) - SPREAD**2 / 2, SPREAD, QUERIES), 1).astype(int)
    features = random.standard_normal((lengths.sum(), FEATURES), "float32")
    worth = features[:, :8].sum(axis=1) + random.standard_normal(len(features))
    labels = np.digitize(worth, np.quantile(worth, GRADES_ABOVE))
    queries = np.repeat(np.arange(QUERIES), lengths)
    line = "%d qid:%d " + " ".join(f"{k}:%.4f" for k in range(1, FEATURES + 1)) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    with partial.open("w") as file:
        file.writelines(line % (y, q, *x) for y, q, x in zip(labels, queries, features.tolist(), strict=True))
    return partial.replace(path)


def read_file(path: pathlib.Path) -> tuple[int, float]:
    """(documents, seconds to read them); leaves the lists beside the file for the workers."""
    os.environ["KERAS_BACKEND"] = "torch"
    from plackett.data import read_letor

    start = time.perf_counter()
    lists = read_letor(path)
    seconds = time.perf_counter() - start
    arrays = {name: getattr(lists, name) for name in ("labels", "row_splits", "features")}
    ids = {name: np.array(getattr(lists, name).tolist()) for name in ("queries", "documents")}
    np.savez(path.with_name("lists.npz"), **arrays, **ids)
    return len(lists.labels), seconds


def worker(library: str, setting: str, folder: pathlib.Path) -> dict:
    """What `train_step.py` prints, or an error."""
    python = sys.executable if library == "plackett" else environments.made(library)
    command = [python, HERE / "train_step.py", library, setting, folder]
    try:
        done = subprocess.run(command, env=os.environ | QUIET, capture_output=True, text=True, timeout=1800)
    except (OSError, subprocess.TimeoutExpired) as error:
        return {"error": type(error).__name__}
    results = [json.loads(text) for text in done.stdout.splitlines() if text.startswith('{"first"')]
    return results[0] if results else {"error": (done.stderr.strip().splitlines() or ["no result"])[-1][:80]}


class Measured:
    """What the rounds of one run gave: the first epoch, and each quantity of the epochs in steady state."""

    def __init__(self):
        self.first, self.error, self.steady = [], None, collections.defaultdict(list)

    def add(self, result: dict) -> None:
        """Takes in one round."""
        self.error = result.get("error", self.error)
        self.first += [result["first"]["seconds"]] if "first" in result else []
        for epoch in result.get("steady", ()):
            for name, value in epoch.items():
                self.steady[name].append(value)

    def median(self, name: str = "seconds") -> float:
        """The median of a quantity, NaN if there is none."""
        return float(np.median(self.steady[name])) if self.steady[name] else float("nan")


def rates(measured, documents):
    """The rows of the table of all libraries."""
    for name, run in measured.items():
        if not run.first:
            yield name, run.error or "not run", "", "", *[""] * 3
            continue
        low, middle, high = (documents / np.quantile(run.steady["seconds"], q) for q in (0.75, 0.5, 0.25))
        ratios = (
            f"{run.median() / ours.median():.2f}" if ours.first else ""
            for other, ours in measured.items()
            if other.startswith("plackett")
        )
        yield name, f"{middle:,.0f}", f"{low:,.0f}..{high:,.0f}", f"{np.median(run.first):.1f}", *ratios


def loaders(measured, documents):
    """The rows of the table of plackett's loader: milliseconds a step, and what the loader takes of it."""
    for name, run in measured.items():
        if run.steady["held"]:
            steps = -(-QUERIES // 32)
            times = (f"{1e3 * run.median(of) / steps:.2f}" for of in ("seconds", "held", "preparing"))
            share = 100 * run.median("preparing") / run.median()
            yield name, *times, f"{share:.1f} %", f"{documents / run.median('slots'):.2f}"


def tables(measured, documents):
    """(title, header, rows) of each table."""
    ours = [name for name in measured if name.startswith("plackett")]
    header = ("library", "documents/s", "quartiles", "first epoch, s", *(f"time / {name}" for name in ours))
    yield "Training throughput", header, list(rates(measured, documents))
    header = ("backend", "ms a step", "batches in memory", "preparing a batch alone", "share of the step", "real slots")
    yield "plackett's loader", header, list(loaders(measured, documents))


def markdown(measured, documents, reading, rounds):
    """The tables and what they are of, as Markdown."""
    lines = [
        f"{documents:,} documents in {QUERIES} lists, {FEATURES} features, {rounds} rounds, {os.cpu_count()} cores. "
        f"`read_letor` read the file in {reading:.1f} s, {documents / reading:,.0f} documents/s. A time ratio above "
        f"{GOAL} against each peer, and a loader below {GOAL_OF_LOADER} % of a step, are the goals.",
    ]
    for title, header, rows in tables(measured, documents):
        lines += ["", f"### {title}", ""]
        lines += ["| " + " | ".join(row) + " |" for row in (header, ["---"] * len(header), *rows)]
    return "\n".join(lines) + "\n"


def main():
    """Measures and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--run", action="append", choices=list(RUNS), help="these runs only")
    default = pathlib.Path(tempfile.gettempdir()) / "plackett-training"
    parser.add_argument("--folder", type=pathlib.Path, default=default, help="where the made-up lists are kept")
    parser.add_argument("--markdown", type=pathlib.Path)
    given = parser.parse_args()
    console = Console(highlight=False, markup=False, width=150)
    documents, reading = read_file(made_file(given.folder / "train.txt"))
    console.print(f"read_letor: {documents:,} documents in {reading:.1f} s, {documents / reading:,.0f} documents/s")
    measured = {name: Measured() for name in given.run or RUNS}
    for number in range(given.rounds):
        for name, run in measured.items():
            run.add(worker(*RUNS[name], given.folder))
            rate = run.error or f"{documents / run.median():,.0f} documents/s"
            console.print(f"round {number + 1}/{given.rounds}  {name}: {rate}")
    for title, header, rows in tables(measured, documents):
        table = Table(*header, title=title)
        for row in rows:
            table.add_row(*row)
        console.print(table)
    if given.markdown:
        given.markdown.write_text(markdown(measured, documents, reading, given.rounds))


if __name__ == "__main__":
    main()
