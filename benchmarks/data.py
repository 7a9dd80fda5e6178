"""Reading and converting, beside scikit-learn, Hugging Face datasets and TensorFlow Ranking in one run.

    python benchmarks/data.py [--rounds N] [--folder FOLDER] [--mq2008 FOLDER] [--markdown FILE]

All files hold the made-up lists of `training.py`: 100 MB of LETOR text, 136 features, list lengths log-normal with mean
120. Each reader of `data_worker.py` runs in a process and an environment of its own; the rounds take turns over all of
them. A number is the median over the rounds. The cores' seconds are those that all threads of the process took
together, which hardly change where the machine has other work to do. MB is the rise of the peak of resident memory
above where it stood after the imports; what is mapped from a file counts.
"""

import argparse
import collections
import gzip
import importlib.metadata
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import environments
import numpy as np
from data_worker import BATCH_SIZE, FEATURES, NAMES, VECTOR
from rich.console import Console
from rich.table import Table
from training import QUIET, made_file

TEXT, SPARSE, PACKED, CSV, PARQUET = "train.txt", "sparse.txt", "train.txt.gz", "train.csv", "train.parquet"
OLD, READERS = "tensorflow-ranking", "readers"
TABLES = {  # of each run: its environment, None = this one, its reader and its file
    "Text": {
        "plackett, read_letor": (None, "read_letor", TEXT),
        "plackett, convert": (None, "convert", TEXT),
        "plackett, read_letor, a feature left out a line": (None, "read_letor", SPARSE),
        "plackett, read_letor, gzip": (None, "read_letor", PACKED),
        "plackett, convert, CSV": (None, "convert", CSV),
        "scikit-learn, load_svmlight_file": (READERS, "load_svmlight_file", TEXT),
        "polars alone, no checks": (None, "plain_polars", TEXT),
    },
    "Parquet": {
        "plackett, read_parquet": (None, "read_parquet", PARQUET),
        "plackett, read_parquet with a cache, first opening": (None, "cache_first", PARQUET),
        "plackett, read_parquet with a cache, second opening": (None, "cache_again", PARQUET),
        "datasets, load_dataset": (READERS, "load_dataset", PARQUET),
    },
    f"Batches of {BATCH_SIZE} lists that are loaded": {
        "plackett, padded": (None, "batches", PARQUET),
        "datasets, an array a list": (READERS, "iterate_dataset", PARQUET),
    },
    "ExampleListWithContext, a feature for each number": {
        "plackett, tfrecord_tables": (None, "tfrecord_tables", NAMES),
        "plackett, convert": (None, "convert", NAMES),
        "TF-Ranking, build_ranking_dataset": (OLD, "build_ranking_dataset", NAMES),
    },
    f"ExampleListWithContext, one feature of {FEATURES} numbers": {
        "plackett, tfrecord_tables": (None, "tfrecord_tables", VECTOR),
        "plackett, convert": (None, "convert", VECTOR),
        "TF-Ranking, build_ranking_dataset": (OLD, "build_ranking_dataset", VECTOR),
    },
}
TIMES = (4, 10)  # as much text, for the memory
HEADER = ("reader", "documents/s", "quartiles", "cores' seconds", "MB")
DATASETS = importlib.metadata.version("datasets")
environments.INSTALLS[READERS] = (("scikit-learn==1.9.1", f"datasets=={DATASETS}"),)


def read(environment, reader, folder, name):
    """What `data_worker.py` prints, or an error."""
    python = sys.executable if environment is None else environments.made(environment)
    command = [python, pathlib.Path(__file__).with_name("data_worker.py"), reader, folder, name]
    quiet = QUIET | {"HF_HUB_OFFLINE": "1"}
    try:
        done = subprocess.run(command, env=os.environ | quiet, capture_output=True, text=True, timeout=1800)
    except (OSError, subprocess.TimeoutExpired) as error:
        return {"error": type(error).__name__}
    results = [json.loads(text) for text in done.stdout.splitlines() if text.startswith('{"documents"')]
    return results[0] if results else {"error": (done.stderr.strip().splitlines() or ["no result"])[-1][:80]}


def prepare(folder: pathlib.Path) -> None:
    """Writes all files: those of plackett anew, the others if they are missing."""
    from plackett.data import convert, read_parquet

    text = made_file(folder / TEXT)
    for name, make in ((SPARSE, leave_out), (PACKED, pack), (CSV, to_csv)):
        if not (folder / name).exists():
            partial = folder / f"{name}.partial"
            make(text, partial)
            partial.replace(folder / name)
    for name in (NAMES, VECTOR):
        if not (folder / name).exists():
            read(OLD, "write_elwc", folder, name)
    shutil.rmtree(folder / "cache", ignore_errors=True)
    convert([text], folder / PARQUET, overwrite=True)
    read_parquet(folder / PARQUET, cache=folder / "cache")


def leave_out(text, path):
    """The text where each line leaves out one feature, the next line the next."""
    with text.open() as file, path.open("w") as out:
        for number, line in enumerate(file):
            fields = line.split(" ")
            missing = 2 + number % (FEATURES - 1)  # the last one ends the line
            out.write(" ".join(fields[:missing] + fields[missing + 1 :]))


def pack(text, path):
    """The text, compressed."""
    with text.open("rb") as file, gzip.open(path, "wb", compresslevel=6) as out:
        shutil.copyfileobj(file, out, 2**20)


def to_csv(text, path):
    """The text as CSV with a header."""
    with text.open() as file, path.open("w") as out:
        out.write(",".join(["label", "query", *(f"f{k}" for k in range(1, FEATURES + 1))]) + "\n")
        for line in file:
            label, *fields = line.split()
            out.write(",".join([label, *(field.partition(":")[2] for field in fields)]) + "\n")


def repeat(text, path, times):
    """The text several times over, with queries of their own."""
    content = text.read_bytes()
    with path.open("wb") as out:
        for number in range(times):
            out.write(content.replace(b" qid:", b" qid:%d-" % number))


class Measured:
    """What the rounds of one run gave."""

    def __init__(self):
        self.error, self.versions, self.values = None, {}, collections.defaultdict(list)

    def add(self, result: dict) -> None:
        """Takes in one round."""
        self.error = result.pop("error", self.error)
        self.versions = result.pop("versions", self.versions)
        for name, value in result.items():
            self.values[name].append(value)

    def median(self, name: str) -> float:
        """The median of a quantity, NaN if there is none."""
        return float(np.median(self.values[name])) if self.values[name] else float("nan")

    def row(self) -> tuple[str, ...]:
        """documents/s, its quartiles, the cores' seconds, MB."""
        if not self.values:
            return self.error or "not run", "", "", ""
        rates = np.divide(self.values["documents"], self.values["seconds"])
        low, middle, high = np.quantile(rates, [0.25, 0.5, 0.75])
        memory = f"{self.median('bytes') / 1e6:,.0f}"
        return f"{middle:,.0f}", f"{low:,.0f}..{high:,.0f}", f"{self.median('cores'):.2f}", memory


def compared(runs):
    """The rows of one table of readers, each with its time beside that of the first."""
    first = next(iter(runs.values()))
    for name, run in runs.items():
        ratios = (run.median(of) / first.median(of) for of in ("seconds", "cores"))
        yield name, *run.row(), *(f"{ratio:.2f}" for ratio in ratios)


def sizes(folder, measured):
    """The rows of the table of memory: `convert` on the text, and on several times as much."""
    runs = [((folder / TEXT).stat().st_size, measured["Text"]["plackett, convert"])]
    for times in TIMES:
        with tempfile.TemporaryDirectory(dir=folder) as place:
            large, run = pathlib.Path(place) / TEXT, Measured()
            repeat(folder / TEXT, large, times)
            run.add(read(None, "convert", place, TEXT))
            runs.append((large.stat().st_size, run))
    for size, run in runs:
        yield f"{size / 1e6:,.0f} MB", f"{run.median('documents'):,.0f}", *run.row()


def shares(folder, mq2008):
    """The rows of the table of real documents among the slots of an epoch's batches."""
    from plackett.data import Batches, concatenate, read_letor, read_parquet

    data = {"log-normal": read_parquet(folder / PARQUET)}
    if mq2008:
        data["MQ2008"] = concatenate([read_letor(path) for path in sorted(mq2008.glob("S*.txt"))])
    for name, lists in data.items():
        lengths, documents = lists.lengths, len(lists.labels)
        mixed = np.random.default_rng(0).permutation(lengths)
        shuffled = [mixed[i : i + BATCH_SIZE] for i in range(0, len(mixed), BATCH_SIZE)]
        slots = (
            sum(labels.size for _, labels, _ in Batches(lists, BATCH_SIZE, seed=0)),
            sum(len(batch) * batch.max() for batch in shuffled),
            len(lists) * lengths.max(),
        )
        yield name, f"{len(lists):,}", f"{lengths.max()}", *(f"{documents / each:.2f}" for each in slots)


def tables(measured, folder, mq2008):
    """(title, header, rows) of each table."""
    for title, runs in measured.items():
        yield title, (*HEADER, "time / the first", "cores / the first"), list(compared(runs))
    header = ("text", "documents", *HEADER[1:])
    yield "Memory of convert", header, list(sizes(folder, measured))
    batch, file = "shuffled, padded to the longest of a batch", "padded to the longest of all"
    header = ("lists", "queries", "longest", "plackett.data.Batches", batch, file)
    yield f"Real documents among the slots of batches of {BATCH_SIZE}", header, list(shares(folder, mq2008))


def markdown(shown, versions, rounds):
    """The tables and what they are of, as Markdown."""
    lines = [f"{rounds} round{'s' * (rounds > 1)}, {os.cpu_count()} cores."]
    for title, header, rows in shown:
        lines += ["", f"### {title}", ""]
        lines += ["| " + " | ".join(row) + " |" for row in (header, ["---"] * len(header), *rows)]
    lines += [""]
    for environment, found in versions.items():
        found = ", ".join(f"{name} {version}" for name, version in found.items())
        lines += [f"- the environment of {environment or 'plackett'}: {found}"]
    return "\n".join(lines) + "\n"


def main():
    """Measures and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    default = pathlib.Path(tempfile.gettempdir()) / "plackett-data"
    parser.add_argument("--folder", type=pathlib.Path, default=default, help="where the made-up files are kept")
    parser.add_argument("--mq2008", type=pathlib.Path, help="a folder with S1.txt to S5.txt")
    parser.add_argument("--markdown", type=pathlib.Path)
    given = parser.parse_args()
    os.environ["KERAS_BACKEND"] = "torch"
    console = Console(highlight=False, markup=False, width=150)
    prepare(given.folder)
    measured = {title: {name: Measured() for name in runs} for title, runs in TABLES.items()}
    for number in range(given.rounds):
        for title, runs in TABLES.items():
            for name, (environment, reader, file) in runs.items():
                run = measured[title][name]
                run.add(read(environment, reader, given.folder, file))
                console.print(f"round {number + 1}/{given.rounds}  {name}, {file}: {run.row()[0]} documents/s")
    counts = {count for runs in measured.values() for run in runs.values() for count in run.values["documents"]}
    if len(counts) > 1:
        raise SystemExit(f"the readers do not agree how many documents there are: {sorted(counts)}")
    shown = list(tables(measured, given.folder, given.mq2008))
    for title, header, rows in shown:
        table = Table(*header, title=title)
        for row in rows:
            table.add_row(*row)
        console.print(table)
    if given.markdown:
        versions = {
            environment: measured[title][name].versions
            for title, runs in TABLES.items()
            for name, (environment, *_) in runs.items()
        }
        given.markdown.write_text(markdown(shown, versions, given.rounds))


if __name__ == "__main__":
    main()
