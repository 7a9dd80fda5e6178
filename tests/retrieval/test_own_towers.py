"""What users' own towers are fed of a table."""

import keras
import numpy as np
import pytest
from keras import layers

from plackett.data import hash_strings
from plackett.retrieval import Table, make_tower

TABLE = Table.of(
    {
        "id": ["a", "b"],
        "age": [20.0, 30.0],
        "user": [5, 2**40],
        "clicks": [3, 4],
        "words": [["x", "y"], ["z"]],
        "tokens": [[4, 5, 6], [7]],
        "image": np.arange(8, dtype="uint8").reshape(2, 2, 2),
    }
)


def tower_of(*inputs, **named):
    return keras.Model(
        named or list(inputs), layers.Concatenate()([layers.Flatten()(x) for x in named.values() or inputs])
    )


def test_the_type_and_the_shape_of_an_input_decide_what_it_is_fed():
    tower = tower_of(
        keras.Input((1,), name="age"),
        keras.Input((), dtype="int32", name="clicks"),
        keras.Input((2,), dtype="int32", name="user"),
        keras.Input((2, 2), name="image"),
        keras.Input((None,), dtype="int32", name="tokens"),
        keras.Input((None, 2), dtype="int32", name="words"),
        keras.Input((2,), dtype="int32", name="id"),
    )
    fed = TABLE.inputs(tower)
    assert fed["age"].tolist() == [[20.0], [30.0]]
    assert fed["clicks"].tolist() == [3, 4]
    assert fed["user"].view("int64").ravel().tolist() == [5, 2**40]
    assert fed["image"].dtype == "float32"
    assert fed["image"].shape == (2, 2, 2)
    assert fed["tokens"].tolist() == [[4, 5, 6, 0], [7, 0, 0, 0]]
    hashes = hash_strings(["x", "y", "z"]).tolist()
    assert fed["words"].view("int64")[..., 0].tolist() == [hashes[:2], [hashes[2], 0]]
    assert fed["id"].view("int64").ravel().tolist() == hash_strings(["a", "b"]).tolist()


def test_an_input_of_a_dict_is_known_by_its_key():
    tower = tower_of(age=keras.Input((1,), name="x"), clicks=keras.Input((1,), name="y"))
    fed = TABLE.inputs(tower)
    assert sorted(fed) == ["age", "clicks"]
    assert tower.predict(fed, verbose=0).tolist() == [[20.0, 3.0], [30.0, 4.0]]


def test_one_input_without_a_name_takes_the_one_column():
    tower = keras.Sequential([keras.Input((2,)), layers.Dense(3)])
    pixels = Table.of({"id": [1, 2], "pixels": np.zeros((2, 2))})
    assert tower.predict(pixels.inputs(tower), verbose=0).shape == (2, 3)
    with pytest.raises(ValueError, match=r"name each input by its column: keras.Input\(..., name=COLUMN\)"):
        TABLE.inputs(tower)


def test_lists_longer_than_the_input_are_refused_by_row():
    with pytest.raises(
        ValueError, match=r"row 1 \(id 'a'\): the tower takes lists of at most 2 as tokens, but this has 3"
    ):
        TABLE.inputs(tower_of(keras.Input((2,), dtype="int32", name="tokens")))
    assert TABLE.inputs(tower_of(keras.Input((3,), dtype="int32", name="tokens")))["tokens"][1].tolist() == [7, 0, 0]


def test_an_id_of_0_is_refused_where_lists_end_with_0():
    table = Table.of({"tokens": [[1, 0], [2]]}, id=None)
    with pytest.raises(ValueError, match=r"row 1: tokens holds 0, which pads shorter lists"):
        table.inputs(tower_of(keras.Input((None,), dtype="int32", name="tokens")))
    assert table.take([0]).inputs(tower_of(keras.Input((None,), dtype="int32", name="tokens")))["tokens"].tolist() == [
        [1, 0]
    ]


def test_numbers_that_the_type_of_an_input_cannot_hold_are_refused():
    with pytest.raises(ValueError, match=r"takes user as int32, but the table holds 5 to 1099511627776"):
        TABLE.inputs(tower_of(keras.Input((), dtype="int32", name="user")))
    with pytest.raises(ValueError, match="takes whole numbers as age"):
        TABLE.inputs(tower_of(keras.Input((), dtype="int32", name="age")))
    with pytest.raises(ValueError, match="takes numbers as tokens"):
        TABLE.inputs(tower_of(keras.Input((4,), name="tokens")))


def test_what_is_missing_is_refused_by_row():
    table = Table.of({"age": [1.0, np.nan]}, id=None)
    with pytest.raises(ValueError, match="row 2: age is missing, as in 1 of 2 rows"):
        table.inputs(tower_of(keras.Input((1,), name="age")))


def test_a_made_tower_inside_of_another_model_is_fed_as_by_itself():
    inner = make_tower(TABLE, columns=["tokens", "clicks"])
    outer = keras.Model(inner.input, layers.Dense(2)(inner(inner.input)))
    for name, fed in TABLE.inputs(outer).items():
        np.testing.assert_array_equal(fed, TABLE.inputs(inner)[name])


def test_a_model_that_says_no_inputs_is_refused():
    class Own(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ValueError, match="a tower must be a functional model with named inputs"):
        TABLE.inputs(Own())
