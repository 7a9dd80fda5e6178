"""Documents a second and core of scoring by workers on Ray Data, beside one plain process in the same run.

    python benchmarks/ray_scoring.py [--workers N] [--rounds N] [--queries N] [--folder FOLDER] [--markdown FILE]

The data is made up once: Parquet files with one row per query, 136 features, list lengths log-normal with mean 120, in
row groups of 200 queries. The ranker is a perceptron, 136-256-128-1 with relu, as an ONNX file and as a Keras model on
PyTorch and JAX. Both sides read, score and write the same pieces by the same code; the plain process has one thread, as
each worker has. What counts is the rate once running: the documents of all pieces but the first of each process, over
the time from the end of that one to the end of the last. What stands before it, the start of Ray and of the libraries,
is given by itself. The sides take turns; a ratio is the median over the rounds. That of documents a CPU second of the
process holds on a machine that others use too, and leaves out what a worker waits.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

QUERIES, FEATURES, MEAN, SPREAD, GROUP = 6000, 136, 120, 0.6, 200
GOAL = 0.8
RANKERS = {
    "ONNX": ("torch", "model.onnx"),
    "Keras, PyTorch": ("torch", "model.keras"),
    "Keras, JAX": ("jax", "model.keras"),
}
ONE_THREAD = {"OMP_NUM_THREADS": "1", "NPROC": "1", "JAX_PLATFORMS": "cpu", "TF_CPP_MIN_LOG_LEVEL": "3"}
QUIET = {"RAY_AUTH_MODE": "disabled", "PYTHONWARNINGS": "ignore"}


def make_data(folder, queries):
    """The Parquet files and the ranker, where they are not there yet."""
    import pyarrow.parquet as pq

    import plackett
    from plackett.data._schema import to_table

    if (folder / "model.onnx").exists():
        return
    (folder / "data").mkdir(exist_ok=True)
    random = np.random.default_rng(0)
    for place, start in enumerate(range(0, queries, 1000)):
        number = min(1000, queries - start)
        lengths = np.maximum(random.lognormal(np.log(MEAN) - SPREAD**2 / 2, SPREAD, number), 1).astype(int)
        features = random.standard_normal((lengths.sum(), FEATURES), "float32")
        names = np.repeat([f"q{start + i}" for i in range(number)], lengths)
        lists = plackett.data.RankingLists.from_arrays(features, features[:, 0] > 1, query=names)
        pq.write_table(to_table(lists), folder / "data" / f"{place}.parquet", compression="zstd", row_group_size=GROUP)
    model = plackett.scorers.mlp(lists, hidden=[256, 128])
    model.save(folder / "model.keras")
    plackett.export.write_onnx(model, folder / "model.onnx")


def measure(folder, ranker, workers):
    """{process: [(begin, end, CPU seconds, documents) of each piece]} of one side; 0 workers = this process alone."""
    import functools

    from plackett.data.formats import _parquet_pieces
    from plackett.data.formats._parquet_pieces import Layout, lists_of_piece, pieces_of
    from plackett.distributed._piece_answers import answers_of
    from plackett.distributed._piece_worker import PieceTask
    from plackett.evaluation import open_systems

    _parquet_pieces.ROW_GROUP = 0  # each row group is a piece
    pieces, layout = pieces_of(folder / "data", Layout({}, (), labelled=False))
    found = {}
    with tempfile.TemporaryDirectory(dir=folder) as output:
        open_it = functools.partial(open_systems, {"ranker": str(folder / ranker)})
        write = functools.partial(timed_piece, folder=output)
        if workers:
            task = PieceTask(open_it, layout, write)
            answers = (one.found for one in answers_of(task, pieces, workers=workers, address=None))
        else:
            systems = open_it()
            answers = (write(piece, lists_of_piece(piece, layout), systems) for piece in pieces)
        for process, *of_piece in answers:
            found.setdefault(process, []).append(of_piece)
    return found


def timed_piece(piece, lists, systems, *, folder):
    """(process, begin, end, CPU seconds so far, documents) of what `plackett.distributed.score` does with a piece."""
    from plackett.distributed._score import write_piece

    begin = time.time()
    _, documents = write_piece(piece, lists, systems, folder=pathlib.Path(folder), digits=5)
    return os.getpid(), begin, time.time(), time.process_time(), documents


def run(folder, name, workers):
    """[documents a second and process once running, those a CPU second, seconds until the first piece] of one side."""
    backend, ranker = RANKERS[name]
    command = [sys.executable, __file__, "--measure", ranker, "--workers", str(workers), "--folder", str(folder)]
    environment = os.environ | ONE_THREAD | QUIET | {"KERAS_BACKEND": backend}
    start = time.time()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    rates = []
    for pieces in map(sorted, found.values()):
        if len(pieces) > 1:
            documents = sum(of_piece[-1] for of_piece in pieces[1:])
            rates.append([documents / (pieces[-1][place] - pieces[0][place]) for place in (1, 2)])
    first = min(begin for pieces in found.values() for begin, *_ in pieces)
    return [*map(statistics.mean, zip(*rates, strict=True)), first - start]


def main():
    """Both sides of each ranker, in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ranker", choices=RANKERS, action="append")
    parser.add_argument("--queries", type=int, default=QUERIES)
    parser.add_argument("--folder", type=pathlib.Path)
    parser.add_argument("--markdown", type=pathlib.Path)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measure(given.folder, given.measure, given.workers)))
        return
    with tempfile.TemporaryDirectory() as made:
        folder = given.folder or pathlib.Path(made)
        folder.mkdir(exist_ok=True)
        make_data(folder, given.queries)
        lines = [
            f"| ranker | documents/s, plain process | documents/s a worker, {given.workers} workers | ratio | ratio a "
            "CPU second | goal | seconds before the first piece: plain, Ray |",
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        ]
        for name in given.ranker or RANKERS:
            rounds = [(run(folder, name, 0), run(folder, name, given.workers)) for _ in range(given.rounds)]
            plain, shared = (
                [statistics.median(x) for x in zip(*side, strict=True)] for side in zip(*rounds, strict=True)
            )
            ratio, of_cpu = (statistics.median(two[i] / one[i] for one, two in rounds) for i in (0, 1))
            rates = f"{plain[0]:,.0f} | {shared[0]:,.0f} | {ratio:.2f} | {of_cpu:.2f}"
            lines.append(f"| {name} | {rates} | {GOAL} | {plain[2]:.1f}, {shared[2]:.1f} |")
            print(lines[-1], flush=True)
    text = "\n".join(lines)
    print(text)
    if given.markdown:
        given.markdown.write_text(text + "\n")


if __name__ == "__main__":
    main()
