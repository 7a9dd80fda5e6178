"""Id features of text and of 64 bits, from the lists to the scores."""

import dataclasses

import keras
import numpy as np
import pytest
from conftest import made_lists
from keras import ops

import plackett
from plackett.data import Batches, RankingLists, Strings, concatenate, hash_strings
from plackett.scorers import SCORERS, Vocabulary, as_scorer, curves, unseen_ids
from plackett.scorers.preprocessing import statistics
from plackett.scorers.preprocessing.statistics import known_ids

COLOURS = ["red", "blé", "", "plumless", "buckeroo"]  # of the last two the CRC-32 is the same
SHOPS = [7 * 2**32, 8 * 2**32, 2**63 - 1, -(2**63), -7]


def with_ids(lists, colours=COLOURS, shops=SHOPS):
    place = np.arange(len(lists.labels))
    shops = np.array(shops, "int64")
    return dataclasses.replace(
        lists, ids={"colour": np.array(colours)[place % len(colours)], "shop": shops[place // 2 % len(shops)]}
    )


@pytest.fixture(scope="module")
def lists():
    """40 queries with an id feature of text and one of 64 bits."""
    return with_ids(made_lists(40, seed=0))


def looked_up(values, ids):
    """What a vocabulary of these values makes of some ids of 64 bits, after its way through its config."""
    layer = Vocabulary.from_config(Vocabulary(values, kind="int64").get_config())
    halves = np.array(ids, "int64").view("int32").reshape(1, -1, 2)
    return ops.convert_to_numpy(layer(halves))[0]


@pytest.mark.parametrize("number", [1, 2, 3, 5, 8, 40])
def test_a_vocabulary_of_64_bits_tells_all_numbers_apart(number):
    """Those that share a half, negative ones, and the ends of int64."""
    random = np.random.default_rng(number)
    ends = [-(2**63), 2**63 - 1, 0, -1, 1, 2**32 - 1, 2**32, -(2**32), 2**31, -(2**31), 2**31 - 1]
    like = random.integers(-3, 3, 40) * 2**32 + random.integers(-3, 3, 40)
    pool = np.unique(np.concatenate([np.array(ends, "int64"), like, random.integers(-(2**63), 2**63 - 1, 20)]))
    known = np.sort(random.choice(pool, number, replace=False))
    expected = [1 + known.tolist().index(x) if x in known else 0 for x in pool.tolist()]
    assert looked_up(random.permutation(known), pool).tolist() == expected


def test_a_vocabulary_keeps_64_bits_in_a_saved_model(tmp_path):
    ids = keras.Input((None, 2), dtype="int32", name="ids")
    keras.Model(ids, Vocabulary(SHOPS, kind="int64")(ids)).save(tmp_path / "a.keras")
    (layer,) = keras.models.load_model(tmp_path / "a.keras").layers[1:]
    assert layer.get_config()["values"] == sorted(SHOPS)


def test_texts_are_counted_by_their_text(lists):
    colours = concatenate([lists, made_with("rare")]).ids["colour"]
    known = known_ids("colour", colours, 1)
    assert sorted(known) == sorted(hash_strings([*COLOURS, "rare"]))
    assert sorted(known_ids("colour", colours, 13)) == sorted(hash_strings(COLOURS))
    with pytest.raises(ValueError, match=r"no value of colour is in min_count=10000 documents; the most frequent: \d+"):
        known_ids("colour", colours, 10_000)


def made_with(colour):
    lists = with_ids(made_lists(1, seed=5), colours=[colour])
    return dataclasses.replace(lists, queries=["another"])


def test_two_texts_of_the_same_number_are_refused(lists, monkeypatch):
    def by_length(strings):
        return np.array([len(text) for text in strings], "int64")

    monkeypatch.setattr(statistics, "hash_strings", by_length)
    with pytest.raises(
        ValueError, match=r"a model cannot tell '(red|blé)' and '(red|blé)' of colour apart, since both"
    ):
        SCORERS["embeddings"](lists)


def test_batches_hold_the_halves_of_ids(lists):
    inputs, _, _ = Batches(lists, len(lists))[0]
    mask = inputs["mask"]
    assert inputs["colour"].shape == inputs["shop"].shape == (*mask.shape, 2)
    assert inputs["colour"].dtype == inputs["shop"].dtype == "int32"
    of_real = {name: np.ascontiguousarray(inputs[name][mask]).view("int64")[:, 0].tolist() for name in lists.ids}
    assert of_real == {"colour": hash_strings(lists.ids["colour"]).tolist(), "shop": lists.ids["shop"].tolist()}
    assert not inputs["colour"][~mask].any()
    assert not inputs["shop"][~mask].any()


def scores_by_id(model, lists, name, value):
    """The scores where each document has this id."""
    column = lists.ids[name]
    same = Strings.of([value] * len(column)) if isinstance(column, Strings) else np.full_like(column, value)
    return plackett.score(model, dataclasses.replace(lists, ids=lists.ids | {name: same}))


@pytest.mark.parametrize("name, known, unknown", [("colour", COLOURS, ["grey", "Red"]), ("shop", SHOPS, [7, 8, 0])])
def test_scorers_know_each_text_and_number(name, known, unknown, lists, tmp_path):
    keras.utils.set_random_seed(0)
    model = SCORERS["embeddings"](lists, hidden=(4,), dimension=2)
    model.save(tmp_path / "a.keras")
    model = keras.models.load_model(tmp_path / "a.keras")
    scores = [scores_by_id(model, lists, name, value) for value in known]
    of_unknown = [scores_by_id(model, lists, name, value) for value in unknown]
    for i, one in enumerate([*scores, of_unknown[0]]):
        assert all(np.abs(one - other).max() > 1e-6 for other in scores[:i])
    assert all(np.array_equal(one, of_unknown[0]) for one in of_unknown)


def test_training_learns_from_text():
    lists = made_lists(60, seed=0)
    place = np.random.default_rng(0).integers(0, 3, len(lists.labels))
    lists = dataclasses.replace(
        lists, labels=place.astype("float32"), ids={"size": np.array(["small", "medium", "large"])[place]}
    )
    trained = plackett.train(lists[:40], lists[40:], scorer="embeddings", epochs=3, learning_rate=0.05, seed=0)
    assert plackett.evaluate(trained.model, lists[40:], ["ndcg@5"])["ndcg@5"] > 0.99


def test_a_point_may_be_in_the_name_of_a_feature(lists, tmp_path):
    named = dataclasses.replace(lists, ids={"of.shop": lists.ids["shop"], "of_shop": lists.ids["colour"]})
    trained = plackett.train(named, epochs=1, scorer_options={"hidden": [4]}, output=tmp_path / "run")
    scores = plackett.score(plackett.load(tmp_path / "run"), named)
    np.testing.assert_allclose(scores, plackett.score(trained.ranker, named), rtol=1e-5)


def test_small_numbers_are_fed_to_a_model_of_large_ones(lists):
    model = SCORERS["embeddings"](lists, hidden=(4,), dimension=2)
    small = dataclasses.replace(lists, ids=lists.ids | {"shop": np.full(len(lists.labels), -7, "int32")})
    np.testing.assert_array_equal(plackett.score(model, small), scores_by_id(model, lists, "shop", -7))


@pytest.mark.parametrize(
    "name, words", [("colour", "as text, but these lists hold numbers"), ("shop", "as numbers, but")]
)
def test_text_is_not_taken_for_numbers(name, words, lists):
    """Each id would be unknown, and nobody would be told."""
    model = SCORERS["embeddings"](lists, hidden=(4,), dimension=2)
    other = "shop" if name == "colour" else "colour"
    wrong = dataclasses.replace(lists, ids=lists.ids | {name: lists.ids[other]})
    with pytest.raises(ValueError, match=f"the scorer knows {name} {words}"):
        plackett.score(model, wrong)


def test_kinds_of_vocabularies():
    with pytest.raises(ValueError, match="kind must be one of int32, int64, text, but got 'int16'"):
        Vocabulary([1], kind="int16")


def of_small_numbers(lists):
    return dataclasses.replace(lists, ids={"shop": np.ones(len(lists.labels), "int32")})


@pytest.mark.parametrize("name, kind", [("shop", "numbers beyond int32"), ("colour", "strings")])
def test_large_numbers_and_text_do_not_go_into_a_model_of_small_ones(name, kind, lists):
    """It is a model of one's own, and nobody knows which number is unknown to it."""
    ids = keras.Input((None,), dtype="int32", name="shop")
    model = keras.Model({"shop": ids}, keras.layers.Embedding(3, 1)(ids))
    other = dataclasses.replace(lists, ids={"shop": lists.ids[name]})
    with pytest.raises(ValueError, match=rf"takes one int32 as shop, which in these lists holds {kind}, fed as halves"):
        plackett.score(model, other)


@pytest.mark.parametrize("known", [[1], [0, 1, 2], [-(2**31), 2**31 - 1]])
def test_a_number_beyond_int32_is_unseen_where_int32_is_known(known, lists):
    shops = np.resize(np.array(known, "int32"), len(lists.labels))
    model = SCORERS["embeddings"](dataclasses.replace(lists, ids={"shop": shops}), hidden=(4,), dimension=2)
    large = shops.astype("int64")
    large[[3, 5, 8]] = [99_999_999_999, -(2**31) - 1, 99_999_999_999]
    other = dataclasses.replace(lists, ids={"shop": large})
    small = dataclasses.replace(lists, ids={"shop": np.where(np.isin(large, known), large, 77).astype("int32")})
    np.testing.assert_array_equal(plackett.score(model, other), plackett.score(model, small))
    assert plackett.evaluate(model, other, ["ndcg@5"]) == plackett.evaluate(model, small, ["ndcg@5"])
    assert unseen_ids(model, other) == {"shop": (2, 3, 99_999_999_999)}


def test_models_of_ones_own_with_a_vocabulary_take_large_numbers_for_unseen(lists):
    ids = keras.Input((None,), dtype="int32", name="shop")
    own = keras.Model({"shop": ids}, keras.layers.Embedding(3, 1)(Vocabulary([0, 5], name="shop_vocabulary")(ids)))
    large = dataclasses.replace(lists, ids={"shop": np.resize([5, 2**40], len(lists.labels))})
    small = dataclasses.replace(lists, ids={"shop": np.resize(np.array([5, 1], "int32"), len(lists.labels))})
    for model in (own, as_scorer(own, small)):
        np.testing.assert_array_equal(plackett.score(model, large), plackett.score(model, small))
        assert unseen_ids(model, large)["shop"].example == 2**40
        with pytest.raises(ValueError, match=r"^the scorer knows shop as numbers, but these lists hold text"):
            plackett.score(model, dataclasses.replace(lists, ids={"shop": lists.ids["colour"]}))


def test_a_curve_names_numbers_beyond_int32(lists):
    shops = np.resize(np.array([1, 2], "int32"), len(lists.labels))
    model = SCORERS["additive"](dataclasses.replace(lists, ids={"shop": shops}), hidden=(4,))
    large = shops.astype("int64")
    large[0] = 2**40
    values, added = curves(model, dataclasses.replace(lists, ids={"shop": large}))["shop"]
    assert values.tolist() == [1, 2, 2**40]
    assert len(set(added.tolist())) == 3


@pytest.mark.parametrize(
    "name, words",
    [
        (
            "colour",
            r"as numbers, but these lists hold text: .* ids=\['shop'\] \(--ids shop\), or give from_arrays whole",
        ),
        (
            "shop",
            r"as text, but .* hold numbers: .* categorical=\['shop'\] \(--categorical shop\), or give from_arrays str",
        ),
    ],
)
def test_text_and_numbers_are_told_apart_in_words_of_reading(name, words, lists):
    """Of whatever size the numbers are, and before any advice on the inputs of Keras."""
    known = (
        of_small_numbers(lists)
        if name == "colour"
        else dataclasses.replace(lists, ids={"shop": ["a"] * len(lists.labels)})
    )
    model = SCORERS["embeddings"](known, hidden=(4,), dimension=2)
    given = [lists.ids["colour"]] if name == "colour" else [lists.ids["shop"], of_small_numbers(lists).ids["shop"]]
    for ids in given:
        with pytest.raises(ValueError, match=f"^the scorer knows shop {words}"):
            plackett.score(model, dataclasses.replace(lists, ids={"shop": ids}))


@pytest.mark.parametrize(
    "of",
    [lambda lists: lists, lambda lists: dataclasses.replace(lists, ids=lists.ids | of_small_numbers(lists).ids)],
    ids=["large", "small"],
)
def test_models_of_ones_own_take_the_halves(of, lists):
    lists = of(lists)
    inputs = {name: keras.Input((None, 2), dtype="int32", name=name) for name in ("colour", "shop")}
    colour = Vocabulary(hash_strings(COLOURS), kind="text")(inputs["colour"])
    own = keras.Model(inputs, keras.layers.Embedding(6, 1)(colour))
    scores = plackett.score(as_scorer(own, lists), lists)
    assert len({float(x) for x in scores}) == len(COLOURS)


def test_curves_name_texts_and_numbers(lists):
    model = SCORERS["additive"](lists, hidden=(4,))
    found = curves(model, lists)
    assert found["colour"][0].tolist() == sorted(COLOURS)
    assert found["shop"][0].tolist() == sorted(SHOPS)
    few = curves(model, lists, points=2)
    assert [len(values) for values, _ in few.values()] == [2] * len(few)
    for name, (values, added) in found.items():
        if name in lists.ids:
            scores = [scores_by_id(model, lists, name, value) for value in values]
            np.testing.assert_allclose(np.diff(scores, axis=0), np.diff(added)[:, None] + 0 * scores[0], atol=1e-4)


def test_ties_are_broken_by_the_bytes_of_ids():
    """U+FFFF stands before U+1D11E by code points and by bytes, and behind it in UTF-16."""
    from plackett import metrics

    lists = RankingLists.from_arrays(np.zeros((2, 0)), [1, 0], group=[2], documents=["\uffff", "\U0001d11e"])
    metric = metrics.NDCG(topn=1, ties="trec", name="ndcg@1")
    assert plackett.evaluate_scores([0.5, 0.5], lists, [metric]) == {"ndcg@1": 0}
    assert plackett.evaluate_scores([0.5, 0.5], dataclasses.replace(lists, labels=lists.labels[::-1]), [metric]) == {
        "ndcg@1": 1
    }
