"""Large files: data that does not fit into memory is written, mapped, fed to a Keras model and measured.

    KERAS_BACKEND=torch python examples/large_files.py

The files are written in parts. `read_parquet` with a cache maps them into memory. `Batches` pads lists of like length
together, and can start at any step of any epoch. `stream` measures part by part.
"""

import pathlib
import tempfile

import keras
import numpy as np

import plackett
from plackett.data import Batches, RankingLists, read_parquet, stream, write_parquet
from plackett.losses import UniqueSoftmaxLoss

folder = pathlib.Path(tempfile.mkdtemp())
for part in range(5):  # 4 files to train and 1 to test, of 250 lists of 2 to 40 documents each
    random = np.random.default_rng(part)
    lengths = random.integers(2, 41, 250)
    features = random.normal(size=(lengths.sum(), 6)).astype("float32")
    grades = np.digitize(features[:, 0] + features[:, 1] * features[:, 2], [0, 1, 2])
    query = np.repeat([f"{part}/{i}" for i in range(250)], lengths)
    write_parquet(RankingLists.from_arrays(features, grades, query=query), folder / f"part-{part}.parquet")

train_files = sorted(folder.glob("part-[0-3].parquet"))
lists = read_parquet(train_files, cache=folder / "cache")  # the columns are files that are mapped into memory
print(lists)

keras.utils.set_random_seed(0)
inputs = {"features": keras.Input((None, 6), name="features"), "mask": keras.Input((None,), dtype="bool", name="mask")}
hidden = keras.layers.Dense(32, "relu")(inputs["features"])
scores = keras.layers.Dense(1)(keras.layers.Dense(32, "relu")(hidden))
model = keras.Model(inputs, scores)
model.compile(keras.optimizers.Adam(0.005), UniqueSoftmaxLoss())

batches = Batches(lists, 32, seed=0)
shapes = set()
for epoch in range(4):
    batches.start(epoch)  # `start(epoch, step)` goes on from any step
    for x, labels, weights in batches:
        loss = model.train_on_batch(x, labels, sample_weight=weights)
        shapes.add(labels.shape[1])
print(f"lists were padded to {sorted(shapes)}; the last loss: {float(loss):.3f}")


def system(part):
    """The scores of the documents of one part."""
    return plackett.score(plackett.scorers.as_scorer(model, part), part)


systems = {"model": system, "chance": "random:0"}
results = plackett.evaluation.evaluate(systems, stream(folder / "part-4.parquet", documents=2000), ["ndcg@10"])
ndcg = dict(zip(systems, results.means()[:, 0], strict=True))
print(f"NDCG@10 on the last file: {ndcg['model']:.3f}, by chance {ndcg['chance']:.3f}")
