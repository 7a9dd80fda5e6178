"""Ensembles of scorers: the mean of their scores, each standardised within its list."""

import dataclasses

import keras
import numpy as np
import pytest
from conftest import made_lists
from keras import ops

import plackett
from plackett import scorers
from plackett.scorers import StandardizedMean

LISTS = made_lists(20, seed=0)
TEST = made_lists(7, seed=1)
RANDOM = np.random.default_rng(0)
MASK = np.array([[True] * 4, [True, True, True, False], [True, False, False, False], [False] * 4])


def mean(*members, mask=MASK):
    scores = [np.asarray(x, "float32") for x in members]
    return ops.convert_to_numpy(StandardizedMean()((*scores, mask)))


def by_hand(scores, row_splits):
    """The scores of documents, standardised within their lists in float64."""
    parts = np.split(scores.astype("float64"), row_splits[1:-1])
    return np.concatenate([(x - x.mean()) / x.std() for x in parts])


def mean_by_hand(models, lists):
    """The mean of `by_hand` over models."""
    return np.mean([by_hand(plackett.score(model, lists), lists.row_splits) for model in models], axis=0)


def small(**options):
    """A scorer that tells documents apart, though the last layers of an MLP start at 0."""
    return tell_apart(scorers.mlp(LISTS, hidden=(4,), **options))


def tell_apart(model):
    for variable in model.trainable_variables:
        variable.assign(RANDOM.normal(size=variable.shape))
    return model


def test_an_ensemble_gives_the_mean_of_what_its_members_say_within_a_list():
    members = [small(), scorers.self_attention(LISTS, hidden=(4,), blocks=1, feed_forward=4), small(transform=None)]
    found = plackett.score(scorers.ensemble(members), TEST)
    wanted = np.mean([by_hand(plackett.score(x, TEST), TEST.row_splits) for x in members], axis=0)
    np.testing.assert_allclose(found, wanted, atol=2e-5)


def test_the_scale_of_a_member_does_not_count():
    x = np.random.default_rng(0).normal(size=(2, 4, 4))
    np.testing.assert_allclose(mean(x[0], 1e3 * x[1] - 7.0), mean(*x), atol=1e-4)
    np.testing.assert_allclose(mean(1e30 * x[0], 1e-30 * x[1]), mean(*x), atol=1e-4)


def test_padding_changes_nothing_whatever_it_holds():
    x = np.random.default_rng(0).normal(size=(2, 4, 4))
    spoilt = np.where(MASK, x, [[[np.nan]], [[np.inf]]])
    np.testing.assert_array_equal(mean(*spoilt), mean(*x))
    wider = np.concatenate([x, np.full_like(x, 1e9)], axis=-1)
    found = mean(*wider, mask=np.concatenate([MASK, np.zeros_like(MASK)], axis=-1))
    np.testing.assert_allclose(found[:, :4], mean(*x), atol=1e-6)
    assert (mean(*x)[~MASK] == 0).all()


def test_the_order_of_documents_changes_nothing():
    x = np.random.default_rng(0).normal(size=(2, 4, 4))
    np.testing.assert_allclose(mean(*x[..., ::-1], mask=MASK[:, ::-1])[:, ::-1], mean(*x), atol=1e-6)


@pytest.mark.parametrize("score", [0.0, 0.1, -3.3e7, 1e38])
def test_a_member_that_tells_nothing_apart_adds_0(score):
    assert (mean(np.full((4, 4), score)) == 0).all()
    x = np.random.default_rng(0).normal(size=(4, 4))
    np.testing.assert_allclose(mean(x, np.full((4, 4), score)), mean(x) / 2, atol=1e-6)


@pytest.mark.parametrize("score", [np.nan, np.inf, -np.inf])
def test_a_score_that_is_not_finite_is_not_hidden(score):
    x = np.random.default_rng(0).normal(size=(4, 4))
    spoilt = x.copy()
    spoilt[0, 1] = score
    found = mean(x, spoilt)
    assert np.isnan(found[0]).all()
    np.testing.assert_array_equal(found[1:], mean(x, x)[1:])


def test_the_rounding_of_scores_that_are_equal_is_not_made_large():
    """As one score of two shapes of a batch is."""
    scores = np.full((1, 4), 0.3, "float32")
    scores[0, 2] = np.nextafter(scores[0, 2], np.float32(1))
    assert (mean(scores, mask=MASK[:1]) == 0).all()


def test_each_task_is_averaged_by_itself_and_keeps_its_mask():
    members = [small(tasks=("grade", "click")) for _ in range(2)]
    both = scorers.ensemble(members)
    assert list(both.output) == ["grade", "click"]
    inputs, _, _ = plackett.data.Batches(TEST, len(TEST))[0]
    found, given = both(inputs), [x(inputs) for x in members]
    for task in ("grade", "click"):
        mask = inputs["mask"]
        wanted = mean(*(ops.convert_to_numpy(x[task]) for x in given), mask=mask)
        np.testing.assert_allclose(ops.convert_to_numpy(found[task]), wanted, atol=1e-6)
        np.testing.assert_array_equal(ops.convert_to_numpy(plackett.backend.keras_mask(found[task])), mask)


def test_several_scores_of_a_member_are_averaged_as_they_rank():
    models = [small(models=3), small(models=3)]
    both = scorers.ensemble(models)
    assert len(both.output.shape) == 2
    np.testing.assert_allclose(plackett.score(both, TEST), mean_by_hand(models, TEST), atol=2e-5)
    for model in models:
        model.get_layer("scores").ranking = first_of
    found = plackett.score(scorers.ensemble(models), TEST)
    np.testing.assert_allclose(found, mean_by_hand(models, TEST), atol=2e-5)


@keras.saving.register_keras_serializable("tests")
def first_of(scores):
    return scores[..., 0]


def test_a_saved_ensemble_is_loaded_by_keras_alone(tmp_path):
    several = small(models=2)
    several.get_layer("scores").ranking = first_of
    both = scorers.ensemble([small(), several, scorers.ensemble([small(), small()])])
    both.save(tmp_path / "both.keras")
    again = keras.models.load_model(tmp_path / "both.keras")
    np.testing.assert_array_equal(plackett.score(again, TEST), plackett.score(both, TEST))


def test_what_members_know_of_ids_and_features_the_ensemble_knows():
    lists = dataclasses.replace(LISTS, ids={"film": (np.arange(len(LISTS.labels)) % 7).astype("int32")})
    lists = dataclasses.replace(lists, feature_names=tuple("abcde"))
    both = scorers.ensemble([scorers.embeddings(lists, hidden=(4,), dimension=2), scorers.mlp(lists, hidden=(4,))])
    unseen = dataclasses.replace(lists, ids={"film": lists.ids["film"] + 1})
    assert scorers.unseen_ids(both, unseen)["film"].values == 1
    turned = dataclasses.replace(lists, features=lists.features[:, ::-1].copy(), feature_names=tuple("edcba"))
    np.testing.assert_array_equal(plackett.score(both, turned), plackett.score(both, lists))
    lacking = dataclasses.replace(
        lists, features=np.where(lists.features == lists.features[0, 0], np.nan, lists.features)
    )
    with pytest.raises(ValueError, match="missing"):
        plackett.score(both, lacking)


def test_of_two_towers_relevance_is_averaged():
    places = np.arange(len(LISTS.labels)) - np.repeat(LISTS.row_splits[:-1], LISTS.lengths) + 1.0
    lists = dataclasses.replace(LISTS, columns={"position": places})
    options = {"relevance_options": {"hidden": (4,)}, "combine": "add"}
    models = [tell_apart(scorers.two_tower(lists, **options)) for _ in range(2)]
    both = scorers.ensemble(models)
    assert sorted(both.input) == ["features", "mask"]
    np.testing.assert_allclose(plackett.score(both, TEST), mean_by_hand(models, TEST), atol=2e-5)


OTHER = made_lists(20, seed=0, features=4)
TWICE = small()
MEMBER_1 = dataclasses.replace(LISTS, ids={"member_1": np.arange(len(LISTS.labels), dtype="int32") % 7})
NAMED = dataclasses.replace(LISTS, feature_names=tuple("abcde"))
TURNED = dataclasses.replace(LISTS, feature_names=tuple("edcba"))


@pytest.mark.parametrize(
    ("members", "words"),
    [
        (list, "an ensemble needs at least one scorer"),
        (small, "made of a list of scorers, but got <Functional name=mlp"),
        (lambda: None, "made of a list of scorers, but got None"),
        (lambda: [scorers.embeddings(MEMBER_1)], "the input member_1 has the name of a layer of the ensemble"),
        (lambda: [small(), keras.Sequential([keras.layers.Dense(1)])], "number 2 is .*as_scorer"),
        (lambda: [small(), scorers.mlp(OTHER)], "the same features, but the first takes float32 x 5 and number 2"),
        (lambda: [scorers.mlp(NAMED), scorers.mlp(TURNED)], "same order, but the first takes a, b, .* takes e, d"),
        (lambda: [small(), small(tasks=("a", "b"))], "the same tasks, but the first has one output and number 2 has a"),
        (lambda: [scorers.ensemble([TWICE]), TWICE], "weights of their own, but number 2 shares some with number 1"),
        (lambda: [small(tasks=("member_1", "b"))], "the task member_1 has the name of a layer of the ensemble"),
    ],
)
def test_what_makes_no_ensemble_is_refused(members, words):
    with pytest.raises(ValueError, match=words):
        scorers.ensemble(members())


def test_curves_are_those_of_a_member():
    model = scorers.additive(LISTS, hidden=())
    both = scorers.ensemble([model, scorers.additive(LISTS, hidden=())])
    with pytest.raises(ValueError, match=r"an ensemble standardises scores .* model.get_layer\('member_1'\)"):
        scorers.curves(both, LISTS)
    found = scorers.curves(both.get_layer("member_1"), LISTS, points=4)
    for name, (_, adds) in scorers.curves(model, LISTS, points=4).items():
        np.testing.assert_array_equal(found[name][1], adds)
