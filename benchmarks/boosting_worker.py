"""Boosts with one objective, in this process, and prints a line of JSON; see `boosting.py`.

    KERAS_BACKEND=BACKEND python benchmarks/boosting_worker.py OBJECTIVE DOCUMENTS

OBJECTIVE is one of LightGBM's own, or the config of a loss of plackett: a list of its name and options, in JSON. Times
are those between the ends of rounds, as `lightgbm.train` calls its callbacks. Memory needs Linux.
"""

import contextlib
import importlib.metadata
import json
import pathlib
import resource
import sys
import time

import lightgbm
import numpy as np

LIST_SIZE, FEATURES = 100, 136
GRADES_ABOVE = (0.5, 0.8, 0.93, 0.98)
WARM, MEASURED = 2, 10
PARAMS = {"num_leaves": 255, "learning_rate": 0.1, "num_threads": 2, "verbosity": -1, "seed": 0}
PACKAGES = ("lightgbm", "jax", "tensorflow-cpu", "torch", "keras", "numpy")


def make_data(documents):
    """(features, labels, group): grades that depend on the features."""
    random = np.random.default_rng(0)
    features = random.standard_normal((documents, FEATURES), "float32")
    worth = features[:, :8].sum(axis=1) + random.standard_normal(documents)
    labels = np.digitize(worth, np.quantile(worth, GRADES_ABOVE))
    return features, labels, np.full(documents // LIST_SIZE, LIST_SIZE)


def objective_of(given):
    """What `lightgbm.train` takes as the objective."""
    if not given.startswith("["):
        return given
    from plackett import boosting, losses

    name, options = json.loads(given)
    return boosting.lightgbm_objective(losses.get(name, **options))


def peak():
    """The high-water mark of this process's resident memory, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main():
    """Measures as the command line says."""
    objective, documents = objective_of(sys.argv[1]), int(sys.argv[2])
    features, labels, group = make_data(documents)
    data = lightgbm.Dataset(features, labels, group=group).construct()
    of_data = peak()
    with contextlib.suppress(OSError):  # where Linux lets us: forget what binning the features took
        pathlib.Path("/proc/self/clear_refs").write_text("5")
    ends = [(time.perf_counter(), time.process_time())]
    lightgbm.train(
        PARAMS | {"objective": objective},
        data,
        WARM + MEASURED,
        callbacks=[lambda _: ends.append((time.perf_counter(), time.process_time()))],
    )
    seconds, cores = np.diff(ends, axis=0).T.tolist()
    versions = {}
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    of_training = peak()
    print(
        json.dumps(
            {
                "first": sum(seconds[:WARM]),
                "seconds": sum(seconds[WARM:]) / MEASURED,
                "cores": sum(cores[WARM:]) / MEASURED,
                "bytes": max(of_data, of_training),
                "bytes_of_training": of_training,
                "versions": versions,
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    main()
