"""Towers over the columns of a table, and what they are fed."""

import keras
import numpy as np
import pyarrow as pa
import pytest

from plackett.retrieval import Table, make_tower

COLUMNS = {
    "id": [10, 11, 12, 13],
    "age": [20.0, 30.0, 40.0, 50.0],
    "visits": [1, 2, 3, 4],
    "job": ["cook", "pilot", "cook", "baker"],
    "genres": [["drama"], ["crime", "drama"], [], ["war"]],
    "bought": [[7, 9], [2**40], [], [7]],
    "face": np.arange(8.0).reshape(4, 2),
}


def people(**others):
    return Table.of(COLUMNS | others)


def embed(tower, table, layer="embedding"):
    """What a layer of a tower gives."""
    return keras.Model(tower.input, tower.get_layer(layer).output).predict(table.inputs(tower), verbose=0)


def embedding_of(tower, name):
    return keras.ops.convert_to_numpy(tower.get_layer(f"{name}_embedding").embeddings)


def test_a_tower_has_an_input_for_each_column_but_the_ids():
    tower = make_tower(people(), dimension=5)
    assert sorted(tower.input) == ["age", "bought", "face", "genres", "job", "visits"]
    assert embed(tower, people()).shape == (4, 5)


def test_numbers_and_vectors_are_standardised():
    tower = make_tower(people(), columns=["visits", "age"])
    x = embed(tower, people(), "numbers")
    np.testing.assert_allclose(x, np.array([[-1.5, -0.5, 0.5, 1.5]] * 2).T / np.sqrt(1.25), atol=1e-6)
    x = embed(make_tower(people(), columns=["face"]), people(), "face_standard")
    np.testing.assert_allclose(x, np.array([[-1.5, -0.5, 0.5, 1.5]] * 2).T / np.sqrt(1.25), atol=1e-6)


def test_a_number_that_does_not_vary_becomes_0():
    tower = make_tower(people(age=[3.0] * 4), columns=["age"])
    assert embed(tower, people(age=[3.0] * 4), "numbers").tolist() == [[0.0]] * 4


def test_numbers_that_grow_over_orders_of_magnitude_are_tamed():
    table = Table.of({"price": [-1e6, 0.0, 1e6], "face": [[1.0], [2.0], [3.0]]}, id=None)
    tower = make_tower(table, transform="log1p")
    np.testing.assert_allclose(embed(tower, table, "numbers")[:, 0], np.array([-1, 0, 1]) * np.sqrt(1.5), atol=1e-6)
    np.testing.assert_allclose(
        embed(tower, table, "face_standard")[:, 0], np.array([-1, 0, 1]) * np.sqrt(1.5), atol=1e-6
    )


def test_true_and_false_are_numbers_of_which_one_may_be_missing():
    table = Table.of({"new": pa.array([True, False, None])}, id=None)
    np.testing.assert_allclose(embed(make_tower(table, missing=True), table, "numbers"), [[1, 0], [-1, 0], [0, 1]])


def test_a_list_becomes_the_mean_of_its_embeddings():
    tower = make_tower(people(), columns=["genres"], hidden=())
    rows = embedding_of(tower, "genres")
    crime, drama, war = rows[
        tower.get_layer("genres_vocabulary")(people().inputs(tower)["genres"])[[1, 1, 3], [0, 1, 0]]
    ]
    means = embed(tower, people(), "genres_mean")
    np.testing.assert_allclose(means, [drama, (crime + drama) / 2, 0 * war, war], atol=1e-7)


def test_what_is_unknown_has_a_row_of_its_own():
    tower = make_tower(people(), columns=["job", "genres", "bought", "id"], ids=["id"])
    new = Table.of({"id": [2**40], "job": ["judge"], "genres": [["new"]], "bought": [[-(2**63)]]})
    for name, layer in [
        ("job", "job_embedding"),
        ("id", "id_embedding"),
        ("genres", "genres_mean"),
        ("bought", "bought_mean"),
    ]:
        np.testing.assert_array_equal(embed(tower, new, layer)[0], embedding_of(tower, name)[0])


def test_an_unknown_id_in_a_list_counts_in_its_mean():
    tower = make_tower(people(bought=[[7], [7], [7], [7]]), columns=["bought"])
    rows = embedding_of(tower, "bought")
    mean = embed(tower, Table.of({"bought": [[7, 2**50, -(2**31)]]}, id=None), "bought_mean")
    np.testing.assert_allclose(mean[0], (rows[1] + 2 * rows[0]) / 3, atol=1e-7)


def test_ids_of_all_sizes_are_told_apart():
    users = [-(2**63) + 1, -(2**31), -1, 0, 2**31, 2**63 - 1]
    table = Table.of({"user": users}, id=None)
    tower = make_tower(table, ids=["user"])
    numbers = embed(tower, table, "user_vocabulary")
    assert numbers.tolist() == [1, 2, 3, 4, 5, 6]


def test_the_number_that_stands_for_no_id_is_refused():
    with pytest.raises(ValueError, match="user must not hold -9223372036854775808"):
        make_tower(Table.of({"user": [-(2**63), 1]}, id=None), ids=["user"])


def test_rare_ids_count_as_unknown():
    tower = make_tower(people(), columns=["job"], min_count=2)
    assert embedding_of(tower, "job").shape[0] == 2


def test_the_ids_of_the_table_are_taken_where_they_are_named():
    tower = make_tower(people(), ids=["id"])
    assert tower.input["id"].shape == (None,)
    table = Table.of({"id": ["a", "b"]})
    with pytest.raises(ValueError, match=r"give ids=\['id'\] to make a tower of the ids alone"):
        make_tower(table)
    assert embed(make_tower(table, ids=["id"], dimension=3), table).shape == (2, 3)


def test_the_ids_of_rows_that_are_taken_twice_are_no_numbers_either():
    assert "id" not in make_tower(people().take([0, 1, 1])).input


def test_missing_values_are_refused_by_row():
    with pytest.raises(ValueError, match=r"the table, row 2 \(id '11'\): age is missing, as in 1 of 4 rows"):
        make_tower(people(age=[1.0, None, 2.0, 3.0]))
    tower = make_tower(people())
    for name, values in {
        "age": [1, np.nan, 2, 3],
        "job": ["cook", None, "cook", "cook"],
        "genres": [[], None, [], []],
    }.items():
        with pytest.raises(ValueError, match=rf"row 2 \(id '11'\): {name} is missing"):
            people(**{name: values}).inputs(tower)


def test_a_tower_that_is_made_for_missing_values_takes_them():
    given = people(
        age=[20.0, None, 40.0, 60.0],
        visits=pa.array([1, None, 3, 4]),
        job=["cook", None, "pilot", "cook"],
        genres=[["drama"], None, [], ["war"]],
    )
    tower = make_tower(given, missing=True, dimension=3)
    x = embed(tower, given, "numbers")
    np.testing.assert_allclose(x[1], [0, 0, 1, 1], atol=1e-7)
    np.testing.assert_allclose(x[[0, 2, 3], 2:], 0)
    np.testing.assert_array_equal(embed(tower, given, "job_embedding")[1], embedding_of(tower, "job")[0])
    np.testing.assert_array_equal(embed(tower, given, "genres_mean")[1:3], 0)
    assert np.isfinite(embed(tower, given)).all()


def test_missing_vectors_are_always_refused():
    given = people(face=[[1.0, 2.0], [3.0, None], [5.0, 6.0], [7.0, 8.0]])
    with pytest.raises(ValueError, match=r"row 2 \(id '11'\): a vector may not be missing, but face is"):
        make_tower(given, missing=True)
    tower = make_tower(people(), missing=True)
    with pytest.raises(ValueError, match=r"row 2 \(id '11'\): face is missing"):
        given.inputs(tower)


@pytest.mark.parametrize("wrong", [np.inf, 1e39])
def test_numbers_beyond_float32_are_refused_by_row(wrong):
    tower, given = make_tower(people()), people(age=[1.0, 2.0, wrong, 3.0])
    with pytest.raises(ValueError, match=r"row 3 \(id '12'\): age must be finite in float32"):
        make_tower(given)
    with pytest.raises(ValueError, match=r"row 3 \(id '12'\): age must be finite in float32"):
        given.inputs(tower)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"columns": ["agee"]}, "unknown column 'agee'; did you mean 'age'"),
        ({"ids": ["age"]}, "column 'age' holds numbers with a fraction, which cannot be ids"),
        ({"ids": ["face"]}, "column 'face' holds vectors, which cannot be ids"),
        ({"columns": ["age"], "ids": ["visits"]}, "ids must be among the columns"),
        ({"columns": ["id", "age"]}, "id holds the ids of the rows, which are not quantities: name it in ids"),
        ({"columns": "age"}, "columns must be a sequence of names"),
        ({"columns": []}, "has no column for a tower"),
        ({"hidden": (0,)}, "hidden must be a list of whole numbers of at least 1"),
        ({"dropout": 1.0}, "dropout must be a number of at least 0 and below 1"),
        ({"min_count": 9}, "no value of job is in min_count=9"),
    ],
)
def test_options_that_cannot_be_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        make_tower(people(), **options)


def test_columns_that_a_tower_cannot_take_are_refused():
    with pytest.raises(ValueError, match="column 'born' holds times, which a tower does not take"):
        make_tower(people(born=np.array(["2000"] * 4, "datetime64[Y]")))
    with pytest.raises(ValueError, match="looks like the index of a data frame"):
        make_tower(people(__index_level_0__=[0, 1, 2, 3]))
    with pytest.raises(ValueError, match="has none"):
        make_tower(people().take([]))
    with pytest.raises(TypeError, match="table must be a Table"):
        make_tower(COLUMNS)


def test_a_table_that_lacks_a_column_or_holds_another_kind_is_refused():
    tower = make_tower(people())
    with pytest.raises(ValueError, match=r"the tower tower takes .*unknown column 'age'; did you mean 'aged'"):
        Table.of({"id": [1], "aged": [3]}).inputs(tower)
    for name, values, words in [
        ("age", ["old"] * 4, "takes numbers as age .*holds strings"),
        ("job", [1, 2, 3, 4], "takes strings as job .*holds numbers"),
        ("genres", ["a", "b", "c", "d"], "takes lists of strings as genres .*holds strings"),
        ("bought", [["a"], [], [], []], "takes lists of whole numbers as bought .*holds lists of strings"),
        ("face", np.zeros((4, 3)), r"takes numbers as face .*the shape \(2,\)\), but the table holds vectors \(3,\)"),
    ]:
        with pytest.raises(ValueError, match=words):
            people(**{name: values}).inputs(tower)


def test_lists_of_all_lengths_have_few_shapes():
    tower = make_tower(people(), columns=["genres"])
    lengths = {people(genres=[["drama"] * n, [], [], []]).inputs(tower)["genres"].shape[1] for n in range(40)}
    assert lengths == {1, 2, 4, 8, 16, 32, 64}


def test_columns_may_be_called_as_layers_are():
    names = ["embedding", "hidden_1", "numbers", "columns", "job_vocabulary", "job_embedding", "genres_mean"]
    given = people(**{name: [1.0, 2.0, 3.0, 4.0] for name in names})
    tower = make_tower(given)
    assert set(names) < set(tower.input)
    assert tower.predict(given.inputs(tower), verbose=0).shape == (4, 64)


def test_a_point_may_be_in_the_name_of_a_column():
    table = Table.of({"id": ["a", "b"], "made.by": ["x", "y"], "made_by": ["z", "z"], "price.net": [1.0, 2.0]})
    tower = make_tower(table, dimension=3, hidden=[])
    assert sorted(table.inputs(tower)) == ["made.by", "made_by", "price.net"]
    assert tower(table.inputs(tower)).shape == (2, 3)


def test_a_piece_of_a_table_that_has_nothing_in_a_column_is_fed_like_any_other():
    tower = make_tower(people(), missing=True)
    nothing = people(genres=[[]] * 4, bought=[None] * 4, job=[None] * 4, age=[None] * 4)
    assert np.isfinite(embed(tower, nothing)).all()
    np.testing.assert_array_equal(embed(tower, nothing, "job_embedding"), [embedding_of(tower, "job")[0]] * 4)
    assert people().take([]).inputs(tower)["genres"].shape == (0, 1, 2)


def test_a_tower_learns_from_its_columns_and_drops_units_in_training_alone():
    tower = make_tower(people(), hidden=(64,), dropout=0.5)
    x = people().inputs(tower)
    assert not np.array_equal(tower(x, training=True), tower(x, training=True))
    np.testing.assert_array_equal(tower.predict(x, verbose=0), tower.predict(x, verbose=0))
