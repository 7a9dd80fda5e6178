"""Search: Optuna tries settings of a ranker, and a search that was stopped goes on.

    KERAS_BACKEND=torch python examples/tune_settings.py

It runs three trials, then asks for five in all, which runs only two more. The best settings
train the ranker that is measured on test lists.
"""

import pathlib
import tempfile

import numpy as np
import yaml

import plackett
from plackett.data import RankingLists

random = np.random.default_rng(0)
features = random.normal(size=(3600, 5))
grades = np.digitize(features[:, 0] + features[:, 1] * features[:, 2] + 0.3 * random.normal(size=3600), [0, 1, 2])
lists = RankingLists.from_arrays(features, grades, group=[12] * 300)
train, validation, test = lists[:200], lists[200:250], lists[250:]

folder = pathlib.Path(tempfile.mkdtemp()) / "search"
space = {
    "learning_rate": {"low": 1e-4, "high": 3e-2, "log": True},
    "loss": ["unique_softmax", "approx_ndcg"],
    "scorer_options.hidden": [[8], [16]],
}
search = {"output": folder, "space": space, "epochs": 3, "batch_size": 16}
plackett.tune(train, validation, trials=3, **search)
trials = plackett.tune(train, validation, trials=5, **search)
for trial in trials:
    print(f"trial {trial.number}: NDCG@10 {trial.value:.3f} with {trial.settings}")

config = yaml.safe_load((folder / "config.yaml").read_text())  # the best, for `plackett train --config` too
settings = {name: config[name] for name in ("learning_rate", "loss", "scorer_options", "epochs", "batch_size")}
trained = plackett.train(train, validation, **settings)
ndcg = plackett.evaluate(trained.model, test, ["ndcg@10"])["ndcg@10"]
chance = plackett.evaluate("random:0", test, ["ndcg@10"])["ndcg@10"]
print(f"NDCG@10 on test lists: {ndcg:.3f}, by chance {chance:.3f}")
