"""Trains click models with CLAX on a log, and prints a line of JSON a model; see `click_models.py`.

    python benchmarks/click_models_of_clax.py FOLDER LOADER MODEL...

LOADER is `collator`, PyTorch's DataLoader with CLAX's own collator, or `arrays`, batches that are cut from arrays.
"""

import contextlib
import functools
import io
import json
import pathlib
import sys
import time

import clax
import jax.numpy as jnp
import numpy as np
from clax import models as clax_models
from clax.datasets.utils import SessionCollator
from clax.metrics import ConditionalPerplexity
from flax import nnx
from flax.training.early_stopping import EarlyStopping
from jax.experimental import enable_x64
from optax import adam
from torch.utils.data import DataLoader

CLASSES = {
    "ctr": clax_models.ctr.DocumentCTRModel,
    "pbm": clax_models.pbm.PositionBasedModel,
    "cascade": clax_models.cm.CascadeModel,
    "dcm": clax_models.dcm.DependentClickModel,
    "ubm": clax_models.ubm.UserBrowsingModel,
    "dbn": clax_models.dbn.DynamicBayesianNetwork,
    "sdbn": functools.partial(clax_models.dbn.DynamicBayesianNetwork, fix_continuation=True),
    "ccm": clax_models.ccm.ClickChainModel,
}
OF_POSITIONS = ("pbm", "dcm", "ubm")
# The constants of CLAX's models, by the names that the log's parameters have.
CONSTANTS = {
    "dbn": {"continuation": "continuation"},
    "ccm": {
        "continuation_exam_no_click": "skip",
        "continuation_click_not_satisfied": "irrelevant",
        "continuation_click_satisfied": "relevant",
    },
}


class Batches:
    """The batches of an epoch, sessions in another order each time where there is a seed."""

    def __init__(self, log, batch_size, seed=None):
        self.log, self.batch_size = log, batch_size
        self.random = None if seed is None else np.random.default_rng(seed)
        self.ends = []

    def __len__(self):
        return -(-len(self.log["clicks"]) // self.batch_size)

    def __iter__(self):
        number = len(self.log["clicks"])
        order = np.arange(number) if self.random is None else self.random.permutation(number)
        for start in range(0, number, self.batch_size):
            yield {name: column[order[start : start + self.batch_size]] for name, column in self.log.items()}
        self.ends.append(time.perf_counter())


class Collated(Batches):
    """The same batches, collated by CLAX from one dict a session."""

    def __init__(self, log, batch_size, seed=None):
        super().__init__(log, batch_size, seed)
        size = log["clicks"].shape[1]
        sessions = [{name: column[i] for name, column in log.items()} | {"n": size} for i in range(len(log["clicks"]))]
        collator = SessionCollator({"n": np.int32}, {name: column.dtype for name, column in log.items()})
        self.loader = DataLoader(sessions, batch_size, shuffle=seed is not None, collate_fn=collator)

    def __iter__(self):
        yield from self.loader
        self.ends.append(time.perf_counter())


def read_log(folder, split, name):
    """The log of a model as CLAX names its columns."""
    log = np.load(folder / f"{split}{'_cascade' if name == 'cascade' else ''}.npz")
    columns = {"query_doc_ids": log["pairs"], "positions": log["positions"], "clicks": log["clicks"].astype("float32")}
    return columns | {"mask": np.ones(log["clicks"].shape, bool)}


def make(name, truth):
    """A model of this name."""
    sizes = {"query_doc_pairs": len(truth["attraction"]) - 1}
    sizes |= {"positions": len(truth["examination"]) - 1} if name in OF_POSITIONS else {}
    return CLASSES[name](**sizes, rngs=nnx.Rngs(0))


def set_parameters(model, name, truth):
    """Gives a model the parameters of the log, in double precision where that is on; the baselines are 0."""

    def fill(parameter, table):
        parameter.baseline.value = jnp.zeros(1)
        parameter.embeddings.embedding.value = jnp.asarray(table, float)[:, None]

    for part, of_truth in (("attraction", "attraction"), ("satisfaction", "satisfaction"), ("ctr", "attraction")):
        if hasattr(model, part):
            fill(getattr(model, part), truth[of_truth])
    if name == "pbm":
        fill(model.examination, truth["examination"])
    if name == "dcm":
        fill(model.continuation, truth["continuation_by_position"])
    if name == "ubm":
        positions = len(truth["examination"]) - 1
        table = np.zeros((positions + 1) ** 2 + 1)
        for position in range(1, positions + 1):
            table[position * positions :][:position] = truth["examination_by_last"][position - 1, :position]
        fill(model.examination, table)
    for part, of_truth in CONSTANTS.get(name, {}).items():
        getattr(model, part).weight.value = jnp.asarray([truth[of_truth]], float)


def log_likelihoods(model, log):
    """[sessions], the log-likelihood of each."""
    losses = [model.compute_loss(batch, aggregate=False) for batch in Batches(log, 4096)]
    return np.concatenate([-np.asarray(jnp.sum(each, axis=-1)) for each in losses])


def measure(name, folder, plan, loader):
    """What is printed of a model."""
    truth = dict(np.load(folder / "truth.npz"))
    train, test = (read_log(folder, split, name) for split in ("train", "test"))
    with enable_x64():
        model = make(name, truth)
        set_parameters(model, name, truth)
        np.save(folder / f"clax_{name}.npy", log_likelihoods(model, test))
    model = make(name, truth)
    batches, held_out = loader(train, plan["batch_size"], seed=0), loader(test, plan["batch_size"])
    trainer = clax.Trainer(
        adam(plan["learning_rate"]), epochs=plan["epochs"], early_stopping=EarlyStopping(patience=plan["epochs"])
    )
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        table = trainer.train(model, batches, held_out, click_metrics={"cond_ppl": ConditionalPerplexity()})
    best = table["val_loss"].astype(float).to_numpy().argmin()
    ends = held_out.ends  # the first epoch compiles
    return {
        "model": name,
        "perplexity": float(table["val_cond_ppl"].iloc[best]),
        "epoch": int(best) + 1,
        "sessions_per_second": len(train["clicks"]) * (plan["epochs"] - 1) / (ends[-1] - ends[0]),
    }


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    plan, loader = (
        json.loads((folder / "plan.json").read_text()),
        {"collator": Collated, "arrays": Batches}[sys.argv[2]],
    )
    for name in sys.argv[3:]:
        print(json.dumps(measure(name, folder, plan, loader)), flush=True)
