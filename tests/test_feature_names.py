"""A ranker knows its features by name, and finds them in whatever order lists have them."""

import dataclasses

import keras
import numpy as np
import pytest
from conftest import made_lists, plackett_warns

import plackett

NAMES = ("price", "stars", "clicks", "age", "size")
SHUFFLED = [3, 1, 4, 0, 2]


def with_names(lists, names=NAMES):
    return dataclasses.replace(lists, feature_names=names)


def shuffle(lists):
    features = lists.features[:, SHUFFLED]
    return dataclasses.replace(lists, features=features, feature_names=tuple(NAMES[i] for i in SHUFFLED))


def without(lists, name):
    left = [i for i, known in enumerate(lists.feature_names) if known != name]
    names = tuple(lists.feature_names[i] for i in left)
    return dataclasses.replace(lists, features=lists.features[:, left], feature_names=names)


LISTS, OTHERS = with_names(made_lists(30, seed=0)), with_names(made_lists(12, seed=1))


def own_model():
    return keras.Sequential([keras.layers.Dense(4, "relu"), keras.layers.Dense(1)])


@pytest.fixture(scope="module", params=["mlp", "a model of one's own"])
def trained(request, tmp_path_factory):
    """A ranker and the folder that it is saved in."""
    scorer = "mlp" if request.param == "mlp" else own_model()
    options = {"scorer_options": {"hidden": [4]}} if request.param == "mlp" else {}
    folder = tmp_path_factory.mktemp("run")
    return plackett.train(LISTS, OTHERS, scorer=scorer, epochs=1, output=folder / "run", **options)


def test_the_order_of_features_changes_no_score(trained):
    expected = plackett.score(trained.model, OTHERS)
    np.testing.assert_array_equal(plackett.score(trained.model, shuffle(OTHERS)), expected)
    assert plackett.evaluate(trained.model, shuffle(OTHERS)) == plackett.evaluate(trained.model, OTHERS)


def test_a_saved_ranker_knows_them_too(trained):
    loaded = plackett.load(trained.output)
    np.testing.assert_array_equal(plackett.score(loaded, shuffle(OTHERS)), plackett.score(trained.model, OTHERS))
    with pytest.raises(ValueError, match="the model has features that these lists lack: stars"):
        plackett.score(loaded, without(OTHERS, "stars"))


def test_a_feature_that_is_lacking_is_named_and_so_is_what_stands_in_its_place(trained):
    renamed = dataclasses.replace(OTHERS, feature_names=("price", "stars", "clicks", "years", "size"))
    wrong = "the model has features that these lists lack: age; those that they have besides are years"
    with pytest.raises(ValueError, match=wrong):
        plackett.evaluate(trained.model, renamed)


def test_a_feature_that_is_new_is_left_out_with_a_warning(trained):
    features = np.column_stack([OTHERS.labels, OTHERS.features]).astype("float32")
    wider = dataclasses.replace(OTHERS, features=features, feature_names=("margin", *NAMES))
    with plackett_warns("the model does not know these features, which are left out: margin"):
        found = plackett.score(trained.model, wider)
    np.testing.assert_array_equal(found, plackett.score(trained.model, OTHERS))


def test_names_and_numbers_do_not_match(trained):
    numbered = dataclasses.replace(OTHERS, feature_names=())
    with pytest.raises(ValueError, match=r"knows its features by name, price, .* numbers alone: .*feature_names"):
        plackett.score(trained.model, numbered)
    of_numbers = plackett.scorers.mlp(made_lists(12, seed=1), hidden=(4,))
    with pytest.raises(ValueError, match="knows its 5 features by numbers alone, but those of these lists have names"):
        plackett.score(of_numbers, OTHERS)
    with pytest.raises(ValueError, match="the model has 5 features, but these lists have 4"):
        plackett.score(of_numbers, dataclasses.replace(numbered, features=numbered.features[:, :4]))


def test_validation_lists_are_matched():
    options = {"scorer_options": {"hidden": [4]}, "epochs": 2}
    same = plackett.train(LISTS, OTHERS, **options)
    swapped = plackett.train(LISTS, shuffle(OTHERS), **options)
    assert swapped.history == same.history
    with pytest.raises(ValueError, match="the model has features that these lists lack: size"):
        plackett.train(LISTS, without(OTHERS, "size"), **options)


def test_a_run_is_resumed_with_features_in_another_order(tmp_path):
    options = {"scorer_options": {"hidden": [4]}, "epochs": 2, "output": tmp_path / "run"}
    first = plackett.train(LISTS, OTHERS, **options)
    again = plackett.train(shuffle(LISTS), shuffle(OTHERS), resume=True, **options)
    assert again.history == first.history
    np.testing.assert_array_equal(plackett.score(again.model, shuffle(OTHERS)), plackett.score(first.model, OTHERS))
    with pytest.raises(ValueError, match="features that these lists lack: price"):
        plackett.train(without(LISTS, "price"), without(OTHERS, "price"), resume=True, **options)


def test_the_effects_of_features_are_those_of_their_names():
    """`curves` of an additive scorer are drawn of the lists that it is given."""
    scorer = plackett.scorers.additive(LISTS)
    for name, (values, effects) in plackett.scorers.curves(scorer, OTHERS).items():
        again = plackett.scorers.curves(scorer, shuffle(OTHERS))[name]
        np.testing.assert_array_equal(again[0], values)
        np.testing.assert_allclose(again[1], effects, atol=1e-6)
