"""A step of two towers by pieces against the plain step: time, memory of the process, and the losses of both.

    python benchmarks/cached_gradients.py [--pairs 4096 16384] [--micro-batch 512] [--backends torch jax tensorflow]

Each case runs in a process of its own. The towers are dense, 256 -> 512 -> 512 -> 128, and the loss is N-pairs over all
pairs of the batch. A step is `train_on_batch`; the first, which compiles, is not timed.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time

INPUTS, HIDDEN, DIMENSION = 256, 512, 128


def measured(pairs, micro_batch, steps):
    """Takes the steps of one case in this process."""
    import keras
    import numpy as np

    from plackett.losses import NpairsLoss
    from plackett.retrieval import TwoTowerModel

    def tower():
        layers = [keras.layers.Dense(HIDDEN, "relu"), keras.layers.Dense(HIDDEN, "relu"), keras.layers.Dense(DIMENSION)]
        return keras.Sequential([keras.Input((INPUTS,)), *layers])

    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    queries = random.normal(size=(pairs, INPUTS)).astype("float32")
    documents = queries + random.normal(size=queries.shape).astype("float32")
    classes = np.arange(pairs, dtype="int32")
    model = TwoTowerModel(tower(), tower(), temperature=0.1, micro_batch=micro_batch)
    model.compile(keras.optimizers.Adam(1e-3), NpairsLoss())
    before, losses, seconds = peak(), [], []
    for _ in range(steps + 1):
        start = time.perf_counter()
        loss = model.train_on_batch({"query": queries, "document": documents}, classes)
        losses.append(float(loss))
        seconds.append(time.perf_counter() - start)
    return {"seconds": sorted(seconds[1:])[steps // 2], "before": before, "peak": peak(), "losses": losses}


def peak():
    """The most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def case(backend, pairs, micro_batch, steps):
    """What `measured` gives, of a process of its own."""
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, __file__, "--case", str(pairs), str(micro_batch), str(steps)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    if run.returncode:
        print(f"{backend}, {pairs} pairs, micro_batch {micro_batch}: {run.stderr.strip().splitlines()[-1:]}")
        return None
    return json.loads(run.stdout.splitlines()[-1])


def row(backend, pairs, name, result, plain):
    """A line of the table."""
    if result is None:
        return f"| {backend} | {pairs:,} | {name} | failed | | | |"
    ratio = f"{result['seconds'] / plain['seconds']:.2f}" if plain else ""
    step = result["peak"] - result["before"]
    difference = max(abs(a - b) for a, b in zip(result["losses"], plain["losses"], strict=True)) if plain else 0.0
    memory = f"{step:,.0f} | {result['peak']:,.0f}"
    return f"| {backend} | {pairs:,} | {name} | {result['seconds']:.2f} | {ratio} | {memory} | {difference:.1e} |"


def main():
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--pairs", nargs="+", type=int, default=[4096, 16384])
    parser.add_argument("--micro-batch", type=int, default=512)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--backends", nargs="+", default=["torch", "jax", "tensorflow"])
    parser.add_argument("--skip-plain", action="store_true", help="where memory is short")
    options = parser.parse_args()
    if options.case:
        pairs, micro_batch, steps = (None if x == "None" else int(x) for x in options.case)
        print(json.dumps(measured(pairs, micro_batch, steps)))
        return
    print("| backend | pairs | step | seconds | of plain | MB of the step | MB of the process | loss differs by |")
    print("|---|---|---|---|---|---|---|---|")
    for backend in options.backends:
        for pairs in options.pairs:
            plain = None if options.skip_plain else case(backend, pairs, None, options.steps)
            if not options.skip_plain:
                print(row(backend, pairs, "plain", plain, plain), flush=True)
            by_pieces = case(backend, pairs, options.micro_batch, options.steps)
            print(row(backend, pairs, f"by pieces of {options.micro_batch:,}", by_pieces, plain), flush=True)


if __name__ == "__main__":
    main()
