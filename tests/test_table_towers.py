"""Towers over tables, on each backend."""

import keras
import numpy as np

from plackett.data import hash_strings
from plackett.retrieval import Table, make_tower

TABLE = Table.of(
    {
        "age": [20.0, 30.0, 40.0, None],
        "shop": [1, 2**40, 1, 3],
        "film": [5, 7, 5, 5],
        "job": ["cook", None, "cook", "baker"],
        "genres": [["drama"], ["crime", "drama", "crime"], [], ["war"]],
        "bought": [[7, 9], [-1], [], [7]],
        "image": np.arange(16.0).reshape(4, 2, 2),
    },
    id=None,
)


def by_hand(tower):
    """The embeddings of the rows, by the weights of the tower."""
    weights = {layer.name: layer.get_weights() for layer in tower.layers}

    def mean(name, lists):
        known = tower.get_layer(f"{name}_vocabulary").values.tolist()
        table = weights[f"{name}_embedding"][0]
        rows = [[table[known.index(one) + 1 if one in known else 0] for one in row] for row in lists]
        return np.stack([np.mean(row, axis=0) if row else np.zeros(3) for row in rows])

    def texts(name, lists):
        return mean(name, [[int(hash_strings([text])[0]) for text in row] for row in lists])

    def standard(x):
        return (x - x.mean(axis=0)) / x.std(axis=0)

    age = np.append(standard(np.array([20.0, 30.0, 40.0])), 0)
    x = [
        np.stack([age, [0, 0, 0, 1]], axis=1),
        mean("shop", [[1], [2**40], [1], [3]]),
        mean("film", [[5], [7], [5], [5]]),
        texts("job", [["cook"], ["no such job"], ["cook"], ["baker"]]),
        texts("genres", TABLE["genres"].tolist()),
        mean("bought", TABLE["bought"].tolist()),
        standard(np.arange(16.0).reshape(4, 4)),
    ]
    kernel, bias = weights["hidden_1"]
    x = np.maximum(np.concatenate(x, axis=1) @ kernel + bias, 0)
    kernel, bias = weights["embedding"]
    return x @ kernel + bias


def test_a_tower_is_the_formula_of_its_columns_and_stays_so_in_a_file(tmp_path):
    tower = make_tower(TABLE, ids=["shop", "film"], missing=True, dimension=3, hidden=(8,), name="films")
    x = TABLE.inputs(tower)
    found = tower.predict(x, verbose=0)
    np.testing.assert_allclose(found, by_hand(tower), atol=1e-5)
    tower.save(tmp_path / "tower.keras")
    loaded = keras.models.load_model(tmp_path / "tower.keras")
    again = TABLE.inputs(loaded)
    np.testing.assert_equal(again, x)
    np.testing.assert_allclose(loaded.predict(again, verbose=0), found, atol=1e-6)


def test_a_tower_learns_by_fit():
    tower = make_tower(TABLE, ids=["shop", "film"], missing=True, dimension=1, hidden=(16,))
    tower.compile(keras.optimizers.Adam(0.05), "mse")
    losses = tower.fit(TABLE.inputs(tower), np.array([1.0, -1, 0, 2]), epochs=30, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 10


if keras.backend.backend() == "tensorflow":  # which alone has tensors of strings

    def test_a_tower_of_strings_is_fed_strings():
        given = keras.Input((), dtype="string", name="job")
        number = keras.layers.StringLookup(vocabulary=["cook", "baker"])(given)
        tower = keras.Model({"job": given}, keras.layers.Embedding(3, 2)(number))
        table = Table.of({"job": ["baker", "judge", "cook"]}, id=None)
        rows = tower.layers[-1].get_weights()[0]
        np.testing.assert_array_equal(tower.predict(table.inputs(tower), verbose=0), rows[[2, 0, 1]])
