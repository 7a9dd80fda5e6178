"""One process of a group on this machine, for `scale_out.py`: `python this NUMBER SIZE PORT JOB`, a job as JSON.

The first prints what it measured as a line of JSON.
"""

import json
import os
import pathlib
import statistics
import sys
import time

os.environ |= {"KERAS_BACKEND": "torch", "OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}

import keras
import numpy as np
import pyarrow as pa
import torch
from scale_out_plan import queries_of_window, windows_of_parts
from torch import distributed

from plackett import backend, losses, scorers
from plackett.data import RankingLists
from plackett.data.formats.parquet import parquet_files, read_parquet
from plackett.training.callbacks.checkpoints import write


class Adam(keras.optimizers.Adam):
    """Along the mean over processes."""

    def apply(self, grads, trainable_variables=None):
        super().apply(backend.average_gradients(grads, trainable_variables), trainable_variables)


def all_reduce(bytes_each, seconds=1.0):
    """Median seconds of an all-reduce of so many bytes."""
    x, found, start = torch.zeros(bytes_each // 4), [], time.perf_counter()
    distributed.all_reduce(x)
    distributed.barrier()
    for _ in range(max(5, min(200, int(2e8 / bytes_each)))):
        begin = time.perf_counter()
        distributed.all_reduce(x)
        found.append(time.perf_counter() - begin)
    return {"bytes": bytes_each, "seconds": statistics.median(found), "wall": time.perf_counter() - start}


def model_of(hidden, features):
    """A multilayer perceptron, compiled."""
    random = np.random.default_rng(0)
    lists = RankingLists.from_arrays(random.normal(size=(8, features)), np.arange(8) % 2, group=[4, 4])
    keras.utils.set_random_seed(1)
    model = scorers.mlp(lists, hidden=tuple(hidden), normalization=None, dropout=0.0, transform=None)
    model.compile(Adam(1e-3), losses.SoftmaxLoss())
    return model


def step(hidden, queries, documents, features, times):
    """Seconds of each step."""
    model, random, found = model_of(hidden, features), np.random.default_rng(0), []
    x = random.normal(size=(queries, documents, features)).astype("float32")
    batch = {"features": x, "mask": np.ones(x.shape[:2], bool)}, (x[..., 0] > 0).astype("float32")
    for _ in range(times + 2):
        begin = time.perf_counter()
        model.train_on_batch(*batch)
        found.append(time.perf_counter() - begin)
    return {"parameters": model.count_params(), "documents": queries * documents, "seconds": found[2:]}


def epoch(number, size, folder, hidden, batch, window, save_every):
    """Seconds of an epoch of Parquet files, a row group each, by the plan of plans; reads and trains in turn."""
    pa.set_cpu_count(1)
    files = [place for _, (_, place) in parquet_files(folder)]
    (mine,) = [x for i, x in enumerate(windows_of_parts(len(files), size, window, seed=0, epoch=0)) if i == number]
    one = read_parquet(files[0])
    model = model_of(hidden, one.features.shape[1])
    rows, documents, share = len(one), int(one.lengths[0]), batch // size
    warm = one.features.reshape(rows, documents, -1)[:share]
    model.train_on_batch({"features": warm, "mask": np.ones(warm.shape[:2], bool)}, warm[..., 0])
    distributed.barrier()
    start, parts, steps = time.perf_counter(), dict.fromkeys(("reading", "computing", "saving"), 0.0), 0
    for place, groups in enumerate(mine):
        begin = time.perf_counter()
        lists = [read_parquet(files[group]) for group in groups]
        x = np.concatenate([one.features.reshape(rows, documents, -1) for one in lists])
        labels = np.concatenate([one.labels.reshape(rows, documents) for one in lists])
        order = queries_of_window(np.full(len(groups), rows), number, place, seed=0, epoch=0)
        order = order[:, 0] * rows + order[:, 1]
        parts["reading"] += time.perf_counter() - begin
        for i in range(0, len(order) - share + 1, share):
            begin = time.perf_counter()
            of_batch = order[i : i + share]
            model.train_on_batch({"features": x[of_batch], "mask": np.ones((share, documents), bool)}, labels[of_batch])
            parts["computing"] += time.perf_counter() - begin
            steps += 1
            if number == 0 and steps % save_every == 0:
                begin = time.perf_counter()
                arrays = {str(i): np.asarray(v) for i, v in enumerate([*model.variables, *model.optimizer.variables])}
                write(folder / "checkpoints", (0, steps), arrays, {})
                parts["saving"] += time.perf_counter() - begin
    distributed.barrier()
    return {"seconds": time.perf_counter() - start, "steps": steps, "parameters": model.count_params(), **parts}


def main():
    """Joins the group and measures."""
    number, size, port, job = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], json.loads(sys.argv[4])
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=number, world_size=size)
    kind = job.pop("kind")
    if kind == "all_reduce":
        found = [all_reduce(n) for n in job["sizes"]]
    elif kind == "steps":
        found = [step(**case) for case in job["cases"]]
    else:
        found = epoch(number, size, pathlib.Path(job.pop("folder")), **job)
    if number == 0:
        print(json.dumps(found))
    distributed.barrier()
    distributed.destroy_process_group()


if __name__ == "__main__":
    main()
