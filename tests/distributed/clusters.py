"""A Ray cluster for a module of tests, which nobody else reaches."""

import contextlib
import os
import tempfile

import numpy as np

from plackett.data import RankingLists

OFF = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
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
def cluster(cpus):
    """A cluster of this machine alone."""
    os.environ.update(OFF)
    import ray

    with tempfile.TemporaryDirectory(prefix="ray_train_", dir="/tmp", ignore_cleanup_errors=True) as folder:
        ray.init(num_cpus=cpus, include_dashboard=False, log_to_driver=False, logging_level="ERROR", _temp_dir=folder)
        try:
            yield ray
        finally:
            ray.shutdown()
