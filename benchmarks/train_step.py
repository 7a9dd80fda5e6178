"""Trains one library on one file of lists, in its own environment, and prints its times as JSON; see `training.py`.

    python benchmarks/train_step.py LIBRARY SETTING FOLDER

LIBRARY is plackett with a backend as its SETTING, tensorflow-ranking or allrank. FOLDER holds `lists.npz` and
`train.txt`, the same lists.
"""

import itertools
import json
import os
import pathlib
import sys
import time
import types

import numpy as np

HIDDEN = (256, 128)
BATCH_SIZE = 32
LEARNING_RATE = 1e-3
WARM, TIMED = 2, 5


def plackett_epochs(backend, folder):
    """Epochs in the form of `plackett.train`: with its loader, and over the same batches held in memory."""
    os.environ["KERAS_BACKEND"] = backend
    import keras

    import plackett
    from plackett.backend import for_fit
    from plackett.training import Feed

    class Held(keras.utils.PyDataset):
        """Batches that are ready."""

        def __init__(self, batches):
            super().__init__()
            self.batches = batches

        def __len__(self):
            return len(self.batches)

        def __getitem__(self, i):
            return self.batches[i]

    class Clock(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.start = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            self.seconds = time.perf_counter() - self.start

    keras.utils.set_random_seed(0)
    lists = plackett.data.RankingLists(**np.load(folder / "lists.npz"))
    model = plackett.scorers.mlp(lists, hidden=HIDDEN, transform=None, normalization=None, dropout=0.0, linear=False)
    model.compile(keras.optimizers.Adam(LEARNING_RATE), loss=plackett.losses.UniqueSoftmaxLoss())
    feed, clock = Feed(lists, BATCH_SIZE, seed=0), Clock()

    def epoch(dataset):
        model.fit(for_fit(dataset), shuffle=False, verbose=0, callbacks=[clock])
        return clock.seconds

    for _ in itertools.count():
        start = time.perf_counter()
        slots = sum(labels.size for _, labels, _ in feed.batches)
        preparing = time.perf_counter() - start
        batches = Held(list(feed.batches))
        yield {"seconds": epoch(feed), "held": epoch(batches), "preparing": preparing, "slots": slots}


def tensorflow_ranking_epochs(setting, folder):
    """Epochs of Keras `fit` over `tf.data`, as TensorFlow Ranking's guides have it."""
    import tensorflow as tf
    import tensorflow_ranking as tfr

    given = np.load(folder / "lists.npz")
    tensors = tuple(
        tf.RaggedTensor.from_row_splits(given[name], given["row_splits"]) for name in ("features", "labels")
    )
    lists = tf.data.Dataset.from_tensor_slices(tensors).shuffle(len(given["row_splits"]))
    if setting == "ragged":
        batches = lists.ragged_batch(BATCH_SIZE)
    else:
        lists = lists.map(lambda x, y: (tf.convert_to_tensor(x), tf.convert_to_tensor(y)))
        padding = (0.0, -1.0)
        if setting == "padded":
            batches = lists.padded_batch(BATCH_SIZE, padding_values=padding)
        else:
            cuts = [64, 128, 256, 512]
            batches = lists.bucket_by_sequence_length(
                lambda x, y: tf.shape(y)[0], cuts, [BATCH_SIZE] * (len(cuts) + 1), padding_values=padding
            )
    layers = [tf.keras.layers.Dense(width, "relu") for width in HIDDEN]
    squeeze = tf.keras.layers.Lambda(lambda x: tf.squeeze(x, axis=-1))
    inputs = tf.keras.Input((None, given["features"].shape[1]), ragged=setting == "ragged")
    outputs = inputs
    for layer in (*layers, tf.keras.layers.Dense(1), squeeze):
        outputs = layer(outputs)
    model = tf.keras.Model(inputs, outputs)
    loss = tfr.keras.losses.UniqueSoftmaxLoss(ragged=setting == "ragged")
    model.compile(tf.keras.optimizers.Adam(LEARNING_RATE), loss=loss)
    batches = batches.prefetch(tf.data.AUTOTUNE)
    while True:
        start = time.perf_counter()
        model.fit(batches, verbose=0)
        yield {"seconds": time.perf_counter() - start}


def allrank_epochs(_, folder):
    """Epochs of the training half of allRank's `fit`, over its own loader.

    What it imports for clouds, boards and pictures stands in here; of it, lists need `Compose` alone.
    """

    class Compose:
        def __init__(self, steps):
            self.steps = steps

        def __call__(self, x):
            for step in self.steps:
                x = step(x)
            return x

    for name, held in (("gcsfs", {}), ("tensorboardX", {"SummaryWriter": None}), ("torchvision", {})):
        sys.modules[name] = types.ModuleType(name)
        vars(sys.modules[name]).update(held)
    sys.modules["torchvision.transforms"] = sys.modules["torchvision"].transforms = types.ModuleType("transforms")
    sys.modules["torchvision.transforms"].Compose = Compose
    import torch
    from allrank.data import dataset_loading
    from allrank.models.losses import listNet
    from allrank.models.model import make_model
    from allrank.training.train_utils import loss_batch

    torch.manual_seed(0)
    lists = dataset_loading.LibSVMDataset.from_svm_file(str(folder / "train.txt"))
    lists.transform = dataset_loading.fix_length_to_longest_slate(lists)
    loader, _ = dataset_loading.create_data_loaders(lists, lists, num_workers=0, batch_size=BATCH_SIZE)
    first = {"sizes": list(HIDDEN), "input_norm": False, "activation": "ReLU", "dropout": 0.0}
    model = make_model(first, None, {"d_output": 1, "output_activation": None}, lists.shape[-1])
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    while True:
        start = time.perf_counter()
        model.train()
        for x, y, indices in loader:
            loss_batch(model, listNet, x, y, indices, None, optimizer)
        yield {"seconds": time.perf_counter() - start}


EPOCHS = {
    "plackett": plackett_epochs,
    "tensorflow-ranking": tensorflow_ranking_epochs,
    "allrank": allrank_epochs,
}


def main():
    """Prints one JSON line: the first epoch, which compiles, and those in steady state."""
    library, setting, folder = sys.argv[1:]
    epochs = EPOCHS[library](setting, pathlib.Path(folder))
    first, *_ = itertools.islice(epochs, WARM)
    print(json.dumps({"first": first, "steady": list(itertools.islice(epochs, TIMED))}))


if __name__ == "__main__":
    main()
