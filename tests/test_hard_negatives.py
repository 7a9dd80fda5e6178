"""Hard negatives beside rows that share a query, in batches of two sizes, whose number TensorFlow does not know."""

import keras
import numpy as np

from plackett.losses import InBatchSoftmaxLoss, in_batch_labels
from plackett.retrieval import TwoTowerModel


def test_a_step_takes_hard_negatives_of_rows_that_share_a_query():
    random = np.random.default_rng(0)
    x = {
        "query": random.normal(size=(6, 3)).astype("float32"),
        "document": random.normal(size=(6, 3)).astype("float32"),
        "negatives": random.normal(size=(6, 2, 3)).astype("float32"),
    }
    labels = in_batch_labels([0, 1, 2, 3, 1, 4], queries=[7, 7, 7, 7, 8, 8], negatives=[[4, 5], [5, 0]] * 3)
    tower = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, use_bias=False)])
    model = TwoTowerModel(tower, tower)
    model.compile(keras.optimizers.SGD(0.0), InBatchSoftmaxLoss())
    found = model.fit(x, labels, batch_size=4, epochs=1, shuffle=False, verbose=0).history["loss"][0]
    loss = InBatchSoftmaxLoss()
    wanted = []
    for rows in (slice(4), slice(4, 6)):
        similarities = keras.ops.convert_to_numpy(model({name: column[rows] for name, column in x.items()}))
        wanted.append(float(loss(labels[rows], similarities)))
    np.testing.assert_allclose(found, np.average(wanted, weights=[4, 2]), rtol=1e-4)
