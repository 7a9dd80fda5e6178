"""Measures in-batch losses from embeddings: forward and backward, time and peak memory, beside their peers.

    python benchmarks/in_batch.py [ROWS ...]

Each way is measured in a process of its own, which may allocate 16 GB: queries and documents of 128 numbers are on the
device, and a step gives the loss and its gradient by both. Peak memory is what the process has beyond its imports.
sentence-transformers' formulation (`MultipleNegativesRankingLoss`) is the cross-entropy of `a @ b.T * scale`.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import time

import numpy as np
from environments import site_of

PEER = "pytorch-metric-learning==2.9.0"
DIMENSION, LIMIT, SECONDS = 128, 16 * 2**30, 6.0
BACKENDS = ("torch", "jax", "tensorflow")
PLACKETT = [("plackett", backend, way) for backend in BACKENDS for way in ("of_embeddings", "similarities")]
WAYS = {
    "npairs": [*PLACKETT, ("pytorch-metric-learning", "torch", "NPairsLoss")],
    "in_batch_softmax": [
        *PLACKETT,
        ("sentence-transformers", "torch", "formulation"),
        ("pytorch-metric-learning", "torch", "NTXentLoss"),
    ],
}


def main() -> None:
    """Prints a table of all ways for each number of rows."""
    site_of(PEER)  # installed before anything is measured
    for rows in map(int, sys.argv[1:] or ("1024", "4096", "16384")):
        for loss, ways in WAYS.items():
            print(f"\n{loss}, {rows} rows: loss, ms, peak MB", flush=True)
            for library, backend, way in ways:
                print(f"  {library} {backend} {way}: {measured(loss, rows, library, backend, way)}", flush=True)


def measured(loss, rows, library, backend, way) -> str:
    """What a process of its own finds."""
    command = [sys.executable, __file__, "--step", loss, str(rows), library, way]
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": backend}
    done = subprocess.run(command, env=os.environ | quiet, capture_output=True, text=True)
    if done.returncode:
        return (done.stderr.strip() or f"exit {done.returncode}").splitlines()[-1][:110]
    found = json.loads(done.stdout.splitlines()[-1])
    return f"{found['loss']:.5f} {1e3 * found['seconds']:.1f} {found['megabytes']:.0f}"


def step(loss, rows, library, way) -> None:
    """Measures one way in this process."""
    random = np.random.default_rng(0)
    a, b = (random.normal(size=(rows, DIMENSION)).astype("float32") for _ in range(2))
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b))
    classes = random.permutation(rows).astype("int32")
    run = make(loss, library, way, classes)(a, b)
    before = peak()
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
    value = run()
    times, start = [], time.perf_counter()
    while len(times) < 3 or time.perf_counter() - start < SECONDS:
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    print(json.dumps({"loss": value, "seconds": statistics.median(times), "megabytes": peak() - before}))


def peak() -> float:
    """The most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def make(loss, library, way, classes):
    """(queries, documents) -> a function that takes one step and gives the loss."""
    if library == "plackett":
        return of_backend(plackett_loss(loss, way, classes))
    import torch

    if library == "sentence-transformers":
        diagonal = torch.arange(len(classes))
        return of_backend(lambda a, b: torch.nn.functional.cross_entropy(a @ b.T * 20.0, diagonal))
    sys.path.insert(0, str(site_of(PEER)))
    from pytorch_metric_learning import losses

    peer = losses.NPairsLoss() if way == "NPairsLoss" else losses.NTXentLoss(temperature=0.05)
    twice = torch.tensor(np.tile(classes, 2))
    return of_backend(lambda a, b: peer(torch.cat([a, b]), twice))


def plackett_loss(loss, way, classes):
    """The loss as a function of embeddings."""
    from keras import ops

    from plackett import losses

    made = losses.NpairsLoss() if loss == "npairs" else losses.InBatchSoftmaxLoss(temperature=0.05)
    if way == "of_embeddings":
        return lambda a, b: made.of_embeddings(classes, a, b)
    return lambda a, b: made(classes, ops.matmul(a, ops.transpose(b)))


def of_backend(fn):
    """As `make`, of a loss of embeddings on the backend of Keras."""
    backend = os.environ["KERAS_BACKEND"]
    if backend == "torch":
        return lambda a, b: lambda: torch_step(fn, a, b)
    if backend == "jax":
        import jax

        compiled = jax.jit(jax.value_and_grad(fn, argnums=(0, 1)))
        return lambda a, b: lambda: float(jax.block_until_ready(compiled(a, b))[0])
    import tensorflow as tf

    @tf.function(jit_compile=True)
    def compiled(a, b):
        with tf.GradientTape() as tape:
            tape.watch((a, b))
            value = fn(a, b)
        return value, tape.gradient(value, (a, b))

    return lambda a, b: lambda: float(compiled(tf.constant(a), tf.constant(b))[0])


def torch_step(fn, a, b):
    """The loss, after its gradient was computed."""
    import torch

    a, b = (torch.from_numpy(x).requires_grad_() for x in (a, b))
    value = fn(a, b)
    value.backward()
    return float(value.detach())


if __name__ == "__main__":
    step(sys.argv[2], int(sys.argv[3]), *sys.argv[4:]) if sys.argv[1:2] == ["--step"] else main()
