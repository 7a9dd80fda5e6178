"""Click models of plackett on each backend beside those of CLAX, on one simulated log, in one measurement.

    python benchmarks/click_models.py [--models MODEL...] [--sessions N] [--epochs N] [--rounds N] [--backends B...]

A user of a dynamic Bayesian network clicks, for the cascade model one of that model; nobody else did. CLAX 0.1.1 runs
in an environment of its own, with two loaders: `collator` is PyTorch's DataLoader with CLAX's collator, `arrays` cuts
batches from arrays, as plackett does.

First the log-likelihoods of the test sessions at the same parameters must agree to 1e-5. Those of CLAX are computed in
double precision: in single precision its dcm and sdbn are up to 9e-5 off in sessions without a click, where plackett,
here in single precision, is not. Two conventions differ.
Cascade: CLAX puts P(click at i), whatever came before, where the likelihood of the model has P(click at i | none
before); its number is held against the same sum of plackett's probabilities. The models that train thus are not the
same. After a click it holds another one for 1e-8 likely, and plackett for impossible; so the log of this model has one
click a session at most. User browsing: CLAX has a table of pairs of positions, at position * positions + last;
plackett has a column for each last position. The same pairs have the same numbers.

Then both train with Adam from their own start, and are measured at the epoch of the least validation loss. The
conditional perplexity is the mean over ranks, as CLAX has it. Sessions a second leave out the first epoch, which
compiles, and count the validation in. A ratio is plackett's number by that of CLAX in the same round: the median over
the rounds, with the lowest and the highest.
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

CLAX = "clax"
environments.INSTALLS[CLAX] = (("clax-models==0.1.1", "flax<0.12", "jax==0.7.2"),)
MODELS = ("ctr", "pbm", "cascade", "dcm", "ubm", "dbn", "sdbn", "ccm")
LOADERS = ("collator", "arrays")
BACKENDS = ("jax", "tensorflow", "torch")
POSITIONS, DOCUMENTS = 10, 16  # shown of a query, and that it has
CLOSE = 1e-5  # how far log-likelihoods may be apart, relative


def sigmoid(x):
    """1 / (1 + e^-x)."""
    return 1 / (1 + np.exp(-x))


def make_truth(random, queries):
    """The logits of all models; pairs and positions count from 1."""
    pairs, positions = 1 + queries * DOCUMENTS, 1 + POSITIONS
    by_position = np.log(1 / np.maximum(np.arange(positions), 1) ** 0.7 + 1e-3) + 2
    truth = {
        "attraction": random.normal(-1.0, 1.2, pairs),
        "satisfaction": random.normal(0.0, 1.0, pairs),
        "examination": by_position,
        "continuation_by_position": by_position,
        "examination_by_last": random.normal(1.0, 0.5, (POSITIONS, POSITIONS)),
    }
    truth |= {"continuation": 2.0, "skip": 2.5, "irrelevant": 1.0, "relevant": -0.5}
    return {name: np.asarray(value, "float32") for name, value in truth.items()}


def make_log(random, truth, sessions, queries):
    """Sessions of 10 documents by a ranker that varies: (the log of a dynamic Bayesian user, that of a cascade)."""
    share = 1 / np.arange(1, queries + 1) ** 0.7
    query = random.choice(queries, sessions, p=share / share.sum())
    pairs = 1 + query[:, None] * DOCUMENTS + np.arange(DOCUMENTS)
    order = np.argsort(-truth["attraction"][pairs] - random.gumbel(size=pairs.shape), axis=1)[:, :POSITIONS]
    pairs = np.take_along_axis(pairs, order, axis=1).astype("int32")
    attracts = random.random(pairs.shape) < sigmoid(truth["attraction"][pairs])
    satisfies = random.random(pairs.shape) < sigmoid(truth["satisfaction"][pairs])
    goes_on = random.random(pairs.shape) < sigmoid(truth["continuation"])
    stops = (attracts & satisfies) | ~goes_on
    seen = np.cumsum(stops, axis=1) - stops == 0
    positions = np.tile(np.arange(1, POSITIONS + 1, dtype="int32"), (sessions, 1))
    first = attracts & (np.cumsum(attracts, axis=1) == 1)
    return [{"pairs": pairs, "positions": positions, "clicks": x.astype("int32")} for x in (attracts & seen, first)]


def make_files(folder, given):
    """The log and its parameters; the cascade model has a log of its own."""
    random = np.random.default_rng(0)
    truth = make_truth(random, given.queries)
    np.savez(folder / "truth.npz", **truth)
    for name, sessions in (("train", given.sessions), ("test", given.sessions // 5)):
        log, of_cascade = make_log(random, truth, sessions, given.queries)
        np.savez(folder / f"{name}.npz", **log)
        np.savez(folder / f"{name}_cascade.npz", **of_cascade)
    plan = {"epochs": given.epochs, "batch_size": given.batch_size, "learning_rate": given.learning_rate}
    (folder / "plan.json").write_text(json.dumps(plan))


def run(python, script, arguments, backend="jax"):
    """What a script prints: {model: numbers}."""
    command = [python, pathlib.Path(__file__).with_name(script), *arguments]
    environment = os.environ | QUIET | {"KERAS_BACKEND": backend}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{script} {' '.join(map(str, arguments))} on {backend} failed: {done.stderr[-2000:]}")
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"model"')]
    return {each["model"]: each for each in found}


def apart(folder, name):
    """How far the log-likelihoods of test sessions are apart at most, relative."""
    ours, theirs = (np.load(folder / f"{library}_{name}.npy").astype("float64") for library in ("plackett", "clax"))
    return float((np.abs(ours - theirs) / np.abs(theirs)).max())


def ratio(ours, theirs, what):
    """The median over the rounds, and the lowest and the highest, of plackett's number by that of CLAX."""
    found = [one[what] / other[what] for one, other in zip(ours, theirs, strict=True)]
    digits = 4 if what == "perplexity" else 2
    return f"{statistics.median(found):.{digits}f} ({min(found):.{digits}f} to {max(found):.{digits}f})"


def main():
    """Measures as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--backends", nargs="+", choices=BACKENDS, default=BACKENDS)
    parser.add_argument("--sessions", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=512)
    parser.add_argument("--learning-rate", type=float, default=0.01)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clax", default=None, help="the Python that has CLAX; an environment is made without it")
    given = parser.parse_args()
    console = Console(width=140)
    python = given.clax or environments.made(CLAX)
    theirs, ours, far = {loader: [] for loader in LOADERS}, {backend: [] for backend in given.backends}, {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        make_files(folder, given)
        for _ in range(given.rounds):
            for loader in LOADERS:
                theirs[loader].append(run(python, "click_models_of_clax.py", [folder, loader, *given.models]))
            for backend in given.backends:
                ours[backend].append(run(sys.executable, "click_models_worker.py", [folder, *given.models], backend))
                far |= {(name, backend): apart(folder, name) for name in given.models}
    table = Table("model", "backend", "apart", "perplexity", "sessions/s", *(f"by CLAX, {name}" for name in LOADERS))
    for name in given.models:
        of_clax = {loader: [each[name] for each in rounds] for loader, rounds in theirs.items()}
        for backend in given.backends:
            found = [each[name] for each in ours[backend]]
            speed = statistics.median(each["sessions_per_second"] for each in found)
            ratios = [ratio(found, of_clax[loader], "sessions_per_second") for loader in LOADERS]
            perplexity = ratio(found, of_clax["arrays"], "perplexity")
            table.add_row(name, backend, f"{far[name, backend]:.1e}", perplexity, f"{speed:.0f}", *ratios)
    console.print(table)
    if wrong := [f"{name} on {backend}" for (name, backend), one in far.items() if not one <= CLOSE]:
        sys.exit(f"log-likelihoods are more than {CLOSE} apart: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
