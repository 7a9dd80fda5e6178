"""A Ray cluster for a module of tests, which nobody else reaches."""

import contextlib
import os
import pathlib
import tempfile

import numpy as np
import ray

from plackett.data import RankingLists
from plackett.distributed._cluster import _init, _on_this_machine_alone

SETTINGS = {
    "loss": "softmax",
    "optimizer": "sgd",
    "epochs": 3,
    "batch_size": 8,
    "scorer_options": {"hidden": [8]},
    "learning_rate": 0.01,
    "checkpoint_steps": 1,
}
# Runs whose losses draw noise, by name.
OF_NOISE = SETTINGS | {"scorer_options": {"hidden": [8], "dropout": 0.3}}
SAMPLES = {"loss": "gumbel_approx_ndcg", "loss_options": {"seed": 3}}
NOISY = {
    "gumbel_approx_ndcg": OF_NOISE | {"loss": "gumbel_approx_ndcg"},
    "coupled_rank_distil": OF_NOISE | {"loss": "coupled_rank_distil"},
    "two tasks": OF_NOISE | {"tasks": {"first": SAMPLES, "second": SAMPLES}},
    "one head": OF_NOISE | {"tasks": {"first": SAMPLES, "second": {"loss": "list_mle"}}, "shared_head": True},
}


def make_lists(weighted=False):
    """40 lists of 4 to 12 documents, of which the first feature says most."""
    random = np.random.default_rng(0)
    lengths = random.integers(4, 13, size=40)
    x = random.normal(size=(lengths.sum(), 5))
    labels = (x[:, 0] + 0.3 * random.normal(size=len(x)) > 0.5) + 1.0 * (x[:, 1] > 1)
    columns = {"weight": random.uniform(0.5, 2, size=len(x))} if weighted else {}
    return RankingLists.from_arrays(x, labels, group=lengths, columns=columns)


@contextlib.contextmanager
def of_this_machine():
    """Within this, Ray listens on this machine alone."""
    before = dict(os.environ)
    # A worker imports the modules of tests.
    paths = [str(pathlib.Path(__file__).parents[1]), before.get("PYTHONPATH", "")]
    os.environ |= {"RAY_AUTH_MODE": "disabled", "PYTHONPATH": os.pathsep.join(paths)}
    try:
        with _on_this_machine_alone():
            yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def cluster(cpus):
    """A cluster of this machine alone."""
    # Its name must be short: it holds sockets.
    folder = tempfile.TemporaryDirectory(prefix="ray_", dir="/tmp", ignore_cleanup_errors=True)
    with of_this_machine(), folder as place:
        _init("local", num_cpus=cpus, include_dashboard=False, _temp_dir=place)
        try:
            yield ray
        finally:
            ray.shutdown()
