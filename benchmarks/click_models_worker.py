"""Trains click models with plackett on a log, and prints a line of JSON a model; see `click_models.py`.

python benchmarks/click_models_worker.py FOLDER MODEL...
"""

import json
import pathlib
import sys
import time

import keras
import numpy as np

import plackett
from plackett.clicks import MODELS
from plackett.data import RankingLists

OF_LOG = {  # parameters of the models -> the entries of `truth.npz`, where they are called otherwise
    "continuation_skip": "skip",
    "continuation_irrelevant": "irrelevant",
    "continuation_relevant": "relevant",
}


def path_of(folder, split, name):
    """The log of a model; a session of the cascade model ends with its first click."""
    return folder / f"{split}{'_cascade' if name == 'cascade' else ''}.npz"


def read_log(path):
    """The sessions of a log as lists whose documents are known by the pair of their query and themselves."""
    log = np.load(path)
    sessions, positions = log["clicks"].shape
    columns = {"click": log["clicks"].reshape(-1), "position": log["positions"].reshape(-1)}
    return RankingLists.from_arrays(
        np.zeros((sessions * positions, 0), "float32"),
        group=[positions] * sessions,
        ids={"pair": log["pairs"].reshape(-1)},
        columns=columns,
    )


def make(name, positions):
    """The click model of this name."""
    return MODELS[name](positions=positions) if name == "ubm" else MODELS[name]()


def parameters_of(model, name, log, truth):
    """[sessions, positions, columns], the parameters that the log was drawn by, as the model has them."""
    of_pairs = {part: truth[part][log["pairs"]] for part in ("attraction", "satisfaction")}
    known = of_pairs | {part: np.float32(truth[OF_LOG.get(part, part)]) for part in model.constants}
    if name == "ubm":
        known["examination"] = truth["examination_by_last"]
    elif model.of_positions:
        (part,) = model.of_positions
        table = truth["examination"] if part == "examination" else truth["continuation_by_position"]
        known[part] = table[log["positions"]]
    names = {"examination"} if name == "ubm" else {*model.constants, *model.of_positions}
    names |= set(model.of_documents)
    return model.stack(**{part: np.asarray(known[part], "float32") for part in names})


def log_likelihoods(model, name, path, truth):
    """[sessions], the log-likelihood of each at the parameters of the log."""
    log = np.load(path)
    found = []
    for start in range(0, len(log["clicks"]), 4096):
        part = {key: column[start : start + 4096] for key, column in log.items()}
        parameters = parameters_of(model, name, part, truth)
        clicks = part["clicks"].astype("float32")
        of_part = model.log_likelihood(clicks, parameters) if name != "cascade" else as_clax(model, clicks, parameters)
        found.append(keras.ops.convert_to_numpy(of_part))
    return np.concatenate(found)


def as_clax(model, clicks, parameters):
    """[sessions], what CLAX sums for the cascade model: P(click), whatever came before, to the first one."""
    click, none = map(keras.ops.convert_to_numpy, model.log_click_probability(parameters))
    to_the_first = np.cumsum(clicks, axis=1) - clicks == 0
    return np.sum(np.where(to_the_first, np.where(clicks > 0, click, none), 0.0), axis=1)


class Ends(keras.callbacks.Callback):
    """When each epoch ended, its validation too."""

    def __init__(self):
        super().__init__()
        self.ends = []

    def on_epoch_end(self, epoch, logs=None):
        """Remembers the time."""
        self.ends.append(time.perf_counter())


def measure(name, folder, plan):
    """What is printed of a model."""
    truth = dict(np.load(folder / "truth.npz"))
    positions = len(truth["examination"]) - 1
    model = make(name, positions)
    np.save(folder / f"plackett_{name}.npy", log_likelihoods(model, name, path_of(folder, "test", name), truth))
    train, test = (read_log(path_of(folder, split, name)) for split in ("train", "test"))
    options = {"relevance": "table", "constant_scores": len(model.constants)}
    options |= {"examination_scores": len(model.of_positions)}
    if not model.of_positions:
        options |= {"positions": None}
    ends = Ends()
    trained = plackett.train(
        train,
        test,
        loss=model,
        scorer="two_tower" if model.models > 1 else "table",
        scorer_options=options if model.models > 1 else {},
        target="click",
        metric="validation_loss",
        epochs=plan["epochs"],
        patience=plan["epochs"],
        batch_size=plan["batch_size"],
        learning_rate=plan["learning_rate"],
        check_weights=0,
        callbacks=[ends],
    )
    measured = plackett.clicks.measure(trained.model, test, model)
    sessions = len(train) * (plan["epochs"] - 1)
    return {
        "model": name,
        "perplexity": float(measured.conditional_perplexity_by_rank.mean()),
        "epoch": trained.best["epoch"],
        "sessions_per_second": sessions / (ends.ends[-1] - ends.ends[0]),
    }


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    for name in sys.argv[2:]:
        print(json.dumps(measure(name, folder, json.loads((folder / "plan.json").read_text()))), flush=True)
