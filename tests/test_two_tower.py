"""Two towers: what ranks, what it needs, and what its options do."""

import dataclasses

import keras
import numpy as np
import pytest
from backends import value_and_grad
from conftest import made_lists
from keras import ops

import plackett
from plackett import losses, scorers
from plackett.data import Batches, RankingLists

POSITIONS = 12


def with_clicks(lists, seed):
    """The lists as they were shown in some order, with clicks on what is seen, P = 1 / position, and relevant."""
    random = np.random.default_rng(seed)
    position = np.concatenate([1 + random.permutation(n) for n in lists.lengths]).astype("float32")
    seen = random.random(len(position)) < 1 / position
    click = (seen & (lists.labels > 0)).astype("float32")
    device = np.where(np.arange(len(lists)) % 2, "phone", "desk")
    shown = {"position": position, "click": click, "height": 2 * position}
    return dataclasses.replace(lists, columns=shown, query_columns={"device": device})


LISTS, VALIDATION = with_clicks(made_lists(60, seed=0), 0), with_clicks(made_lists(20, seed=1), 1)
QUICK = {"target": "click", "epochs": 2, "batch_size": 16, "learning_rate": 0.02, "scorer": "two_tower"}
SMALL = {"relevance_options": {"hidden": [4], "linear": False}}


def without_positions(lists):
    return dataclasses.replace(lists, columns={})


def train(lists=LISTS, validation=VALIDATION, *, loss="click_em", options=None, **settings):
    return plackett.train(lists, validation, loss=loss, scorer_options=SMALL | (options or {}), **QUICK | settings)


def outputs(model, lists):
    """[documents, ...], what a model of positions gives."""
    inputs, _, _ = Batches(lists, len(lists), inputs=("position",))[0]
    return ops.convert_to_numpy(model(inputs))[inputs["mask"]]


@pytest.mark.parametrize("loss", ["click_em", "mixture_em", "sigmoid_cross_entropy"])
def test_the_relevance_tower_ranks_without_positions(loss):
    trained = train(loss=loss)
    tower = scorers.relevance_tower(trained.model)
    assert sorted(tower.input) == ["features", "mask"]
    scores = plackett.score(trained.model, without_positions(VALIDATION))
    np.testing.assert_array_equal(scores, plackett.score(tower, VALIDATION))
    whole = outputs(trained.model, VALIDATION)
    if loss == "click_em":
        np.testing.assert_allclose(whole[:, 1], scores, rtol=1e-5, atol=1e-6)
    else:
        table = ops.convert_to_numpy(trained.model.get_layer("examination").embeddings)
        seen = table[VALIDATION.columns["position"].astype("int32")]
        by_model = whole.reshape(len(scores), -1) - seen
        np.testing.assert_allclose(by_model.mean(axis=1), scores, rtol=1e-4, atol=1e-5)
    assert trained.best["ndcg@10"] == pytest.approx(plackett.evaluate(tower, VALIDATION, ["ndcg@10"])["ndcg@10"])


def test_examination_is_learnt_to_fall_with_the_position():
    table = train(epochs=20).model.get_layer("examination").get_weights()[0][:, 0]
    assert table[1] > table[2] > table[4:].mean()
    assert table[0] == 0  # of padding


def test_scores_of_a_stack_stand_in_the_order_that_the_loss_says():
    model = scorers.two_tower(LISTS, constant_scores=1, examination_scores=2, models=5, **SMALL)
    model.get_layer("constants").values.assign([3.0])
    table = np.arange(2 * (POSITIONS + 1), dtype="float32").reshape(-1, 2)
    model.get_layer("examination").set_weights([table])
    found = outputs(model, LISTS)
    assert (found[:, 0] == 3).all()
    np.testing.assert_array_equal(found[:, 1:3], table[LISTS.columns["position"].astype("int32")])
    tower = scorers.relevance_tower(model)
    inputs, _, _ = Batches(LISTS, len(LISTS))[0]
    found[:, 1:3] = 0  # which a position gives
    np.testing.assert_allclose(found, ops.convert_to_numpy(tower(inputs))[inputs["mask"]], rtol=1e-5, atol=1e-6)


def test_padding_is_fed_position_0_and_scores_0():
    inputs, _, _ = Batches(LISTS, 64, inputs=("position", "device", "height"))[0]
    assert inputs["position"].dtype == "int32"
    assert inputs["device"].shape == (64, 16, 2)
    for name in ("position", "height"):
        assert (inputs[name][inputs["mask"]] > 0).all()
        assert not inputs[name][~inputs["mask"]].any()
    model = scorers.two_tower(LISTS, models=2, context=["device", "height"], **SMALL)
    assert not ops.convert_to_numpy(model(inputs))[~inputs["mask"]].any()


def test_examination_depends_on_its_context():
    model = scorers.two_tower(LISTS, models=2, context=["device", "height"], **SMALL)
    inputs, _, _ = Batches(LISTS, 64, inputs=("position", "device", "height"))[0]
    before = ops.convert_to_numpy(model(inputs))
    for name in ("device", "height"):
        after = ops.convert_to_numpy(model(inputs | {name: inputs[name][::-1]}))
        assert np.abs(after[..., 0] - before[..., 0]).max() > 1e-4
        np.testing.assert_array_equal(after[..., 1], before[..., 1])
    narrow = scorers.two_tower(
        LISTS, models=2, context=["device"], examination_hidden=[3], examination_dimension=5, **SMALL
    )
    assert narrow.get_layer("examination").kernel.shape == (3, 1)
    assert narrow.get_layer("position_embedding").embeddings.shape == (POSITIONS + 1, 5)


def test_dropout_leaves_out_the_examination_of_whole_lists_in_training():
    model = scorers.two_tower(LISTS, combine="add", examination_dropout=0.5, **SMALL)
    model.get_layer("examination").set_weights([np.full((POSITIONS + 1, 1), 100.0, "float32")])
    inputs, _, _ = Batches(LISTS, 60, inputs=("position",))[0]
    seen = ops.convert_to_numpy(model(inputs, training=True)) > 50
    whole = seen.sum(axis=1) == inputs["mask"].sum(axis=1)
    assert (whole | ~seen.any(axis=1)).all()
    assert 10 < whole.sum() < 50
    assert (ops.convert_to_numpy(model(inputs)) > 50)[inputs["mask"]].all()


def test_reversal_adds_a_guess_of_relevance_and_turns_its_gradient():
    layer = scorers._towers.Reversal(3.0)
    examination, relevance = np.array([[[1.0], [2.0]]], "float32"), np.array([[[5.0], [9.0]]], "float32")
    mask = np.array([[True, False]])
    layer((examination, relevance, mask))
    layer.kernel.assign([[2.0]])
    layer((examination, relevance, mask), training=True)
    assert float(ops.convert_to_numpy(layer.losses[0])) == (2 * 1 - 5) ** 2
    history = [train(options={"gradient_reversal": scale}, epochs=1).history for scale in (0.0, 0.5)]
    assert history[1][0]["loss"] > history[0][0]["loss"]


def test_the_gradient_of_the_guess_is_reversed_and_scaled():
    relevance, mask = np.array([[[5.0]]], "float32"), np.array([[True]])
    layer = scorers._towers.Reversal(3.0)
    layer((relevance, relevance, mask))
    layer.kernel.assign([[2.0]])

    def guess(examination):
        layer((examination, relevance, mask), training=True)
        return layer.losses[-1]

    value, gradient = value_and_grad(guess, np.array([[[1.0]]], "float32"))
    assert value == (2 * 1 - 5) ** 2
    np.testing.assert_allclose(gradient, [[[-3 * 2 * (2 * 1 - 5) * 2]]], rtol=1e-6)


@keras.saving.register_keras_serializable("test_two_tower")
class ThreeCausesLoss(losses.RankingLoss):
    """Of clicks with one number for all documents, two of the position and one of the document."""

    fn = staticmethod(lambda labels, scores, *, mask: ops.sum(ops.square(scores), axis=(-2, -1)))
    models = 4
    constants = ("patience",)
    of_positions = ("examination", "trust")


def test_a_loss_says_which_of_its_columns_each_tower_gives():
    options = {"relevance_options": SMALL["relevance_options"] | {"transform": "log1p"}}
    model = train(loss=ThreeCausesLoss(), options=options, metric="validation_loss", epochs=1).model
    assert model.output.shape == (None, None, 4)
    assert model.get_layer("examination").output.shape == (None, None, 2)
    np.testing.assert_allclose(outputs(model, VALIDATION)[:, 3], plackett.score(model, VALIDATION), rtol=1e-5)
    with pytest.raises(ValueError, match="three_causes needs the position at which each document was shown"):
        plackett.train(LISTS, VALIDATION, **QUICK | {"loss": ThreeCausesLoss(), "scorer": "mlp"})


def test_a_model_of_ones_own_may_take_positions_and_other_columns():
    inputs = {
        "features": keras.Input((None, 5)),
        "position": keras.Input((None,)),
        "height": keras.Input((None,)),
        "device": keras.Input((None, 2)),
    }
    shown = ops.stack([inputs["position"], inputs["height"]], axis=-1)
    x = keras.layers.Concatenate()([inputs["features"], shown, inputs["device"] / 2.0**31])
    model = keras.Model(inputs, keras.layers.Dense(1)(x))
    trained = plackett.train(LISTS, VALIDATION, target="click", scorer=model, epochs=1)
    assert sorted(trained.model.input) == ["device", "features", "height", "mask", "position"]
    moved = dataclasses.replace(VALIDATION, columns=VALIDATION.columns | {"position": VALIDATION.columns["height"]})
    assert (plackett.score(trained.model, moved) != plackett.score(trained.model, VALIDATION)).all()
    with pytest.raises(ValueError, match="the model takes text as device, which in these lists holds numbers"):
        plackett.score(trained.model, dataclasses.replace(VALIDATION, query_columns={"device": np.zeros(20)}))
    with pytest.raises(ValueError, match="position is missing"):
        plackett.score(trained.model, without_positions(VALIDATION))


def test_options_of_confounding_change_what_is_learnt():
    add = {"combine": "add"}
    found = [
        plackett.score(train(loss="sigmoid_cross_entropy", options=add | options).model, VALIDATION)
        for options in ({}, {"examination_dropout": 0.5}, {"gradient_reversal": 2.0})
    ]
    assert np.abs(found[0] - found[1]).max() > 1e-3
    assert np.abs(found[0] - found[2]).max() > 1e-3


def cases_of_errors():
    short = dataclasses.replace(LISTS, columns=LISTS.columns | {"position": LISTS.columns["position"] + 0.5})
    deep = dataclasses.replace(
        VALIDATION, columns=VALIDATION.columns | {"position": VALIDATION.columns["position"] + 20}
    )
    missing = without_positions(LISTS)
    missing.columns["click"] = LISTS.columns["click"]
    return [
        (lambda: train(missing), "position is missing: these lists have no column `position`"),
        (lambda: train(short), "position must be a whole number of at least 1, but it is .* in query 'q0', document"),
        (lambda: train(deep, VALIDATION, options={"positions": 12}), "position must be at most 12, .* in query 'q0'"),
        (lambda: train(tasks={"a": {}, "b": {}}), "two_tower has one output, not the tasks a, b"),
        (lambda: train(options={"context": ["position"]}), "context must not hold position, which the examination"),
        (lambda: train(options={"context": ["click"]}), "context must not hold click, which it is to explain"),
        (lambda: train(options={"context": "device"}), "context must be a list of different names, or none, but got"),
        (lambda: train(options={"context": ["device"] * 2}), "context must be a list of different names, or none, but"),
        (lambda: train(options={"relevance": "two_tower"}), "unknown scorer of relevance 'two_tower'"),
        (
            lambda: train(options={"relevance_options": {"hiden": 3}}),
            "unknown relevance_options of the scorer mlp: 'hiden'; did you mean 'hidden'",
        ),
        (lambda: train(options={"relevance_options": {"models": 3}}), "relevance_options must not hold models"),
        (
            lambda: train(options={"examination_dropout": 0.5}),
            "examination_dropout leaves the examination out of a sum",
        ),
        (
            lambda: train(options={"context": ["devise"]}),
            "unknown column of these lists 'devise'; did you mean 'device'",
        ),
        (
            lambda: scorers.two_tower(LISTS),
            r"a stack of 0 constant scores, 1 of the position and at least 1 of the doc",
        ),
        (lambda: scorers.two_tower(LISTS, combine="add", constant_scores=1), "constant_scores=1 needs combine='stack'"),
        (lambda: scorers.two_tower(LISTS, combine="add", examination_scores=3, models=2), "must be 1 or models, which"),
        (
            lambda: scorers.two_tower(LISTS, examination_scores=0, models=2, context=["device"]),
            "context, positions, examination_dropout and gradient_reversal act on examination_scores > 0",
        ),
        *(
            (lambda option=option: scorers.two_tower(LISTS, models=2, **option), "act only with context")
            for option in ({"examination_hidden": [3]}, {"examination_dimension": 5})
        ),
        (lambda: scorers.relevance_tower(scorers.mlp(LISTS)), "the model mlp has no relevance tower"),
    ]


@pytest.mark.parametrize("place", range(len(cases_of_errors())))
def test_what_two_towers_cannot_take_is_said(place):
    make, words = cases_of_errors()[place]
    with pytest.raises(ValueError, match=words):
        make()


def test_without_examination_no_position_is_needed():
    model = scorers.two_tower(without_positions(LISTS), constant_scores=1, examination_scores=0, models=3, **SMALL)
    assert sorted(model.input) == ["features", "mask"]
    assert model.output.shape == (None, None, 3)
    assert scorers.relevance_tower(model).output.shape == (None, None, 3)


def test_both_models_are_saved_and_loaded(tmp_path):
    model = train(options={"context": ["device", "height"]}).model
    tower = scorers.relevance_tower(model)
    scores = plackett.score(model, VALIDATION)
    for name, one in {"whole": model, "tower": tower}.items():
        one.save(tmp_path / f"{name}.keras")
        found = plackett.score(plackett.load(tmp_path / f"{name}.keras"), without_positions(VALIDATION))
        np.testing.assert_allclose(found, scores, rtol=1e-5, atol=1e-6)
    loaded = plackett.load(tmp_path / "whole.keras")
    inputs, _, _ = Batches(VALIDATION, 32, inputs=("position", "device", "height"))[0]
    np.testing.assert_allclose(*(ops.convert_to_numpy(one(inputs)) for one in (loaded, model)), rtol=1e-5, atol=1e-6)


def rank_by_three(columns):
    return columns[..., 0] * columns[..., -1] + columns[..., -2]


def test_several_scores_of_relevance_rank_by_all_columns_of_the_stack(tmp_path):
    rank = keras.saving.register_keras_serializable("test_two_tower")(rank_by_three)
    model = scorers.two_tower(LISTS, constant_scores=1, models=4, **SMALL)
    next(iter(scorers._any_model.output_layers(model).values())).ranking = rank
    tower = scorers.relevance_tower(model)
    model.get_layer("constants").values.assign([5.0])  # which the towers share
    columns = outputs(model, VALIDATION)
    scores = plackett.score(model, VALIDATION)
    np.testing.assert_allclose(scores, 5 * columns[:, 3] + columns[:, 2], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(scores, plackett.score(tower, VALIDATION))
    tower.save(tmp_path / "tower.keras")
    found = plackett.score(plackett.load(tmp_path / "tower.keras"), VALIDATION)
    np.testing.assert_allclose(found, scores, rtol=1e-5, atol=1e-6)


def test_scores_are_float32_in_mixed_precision():
    model = train(mixed_precision=True, options={"context": ["device"]}).model
    assert model.output.dtype == "float32"
    assert scorers.relevance_tower(model).get_layer("scores").compute_dtype == "float32"


def pairs_of(lists):
    queries = np.repeat(np.arange(len(lists)), lists.lengths)
    return [f"{q} {d}" for q, d in zip(queries.tolist(), lists.documents.tolist(), strict=True)]


@pytest.mark.parametrize("options", [{}, {"buckets": 1000}, {"min_count": 2}])
def test_a_table_has_a_number_for_each_value(options):
    ids = {"pair": plackett.data.Strings.of(["a", "b", "a", "c"]), "other": np.arange(4)}
    lists = RankingLists.from_arrays(np.zeros((4, 0)), [1, 0, 1, 0], group=[2, 2], ids=ids)
    model = scorers.table(lists, **options)
    assert sorted(model.input) == ["mask", "pair"]
    scores = plackett.score(model, lists)
    assert scores[0] == scores[2] != scores[1]
    assert (scores[1] == scores[3]) == (options == {"min_count": 2})


@pytest.mark.parametrize("name", ["all", "rank"])
def test_a_table_learns_click_through_rates_of_all_and_by_rank(name):
    clicked = np.array([1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0])
    ids = {"all": np.zeros(12, int), "rank": np.tile([1, 2, 3], 4)}
    lists = RankingLists.from_arrays(np.zeros((12, 0)), group=[3] * 4, ids=ids, columns={"click": clicked})
    rates = plackett.train(
        lists,
        lists,
        loss=plackett.clicks.ClickThroughRateModel(),
        scorer="table",
        scorer_options={"id": name},
        target="click",
        metric="validation_loss",
        learning_rate=0.1,
        epochs=60,
        patience=60,
    )
    rate = np.array([clicked[ids[name] == value].mean() for value in ids[name]])
    expected = np.exp(-np.where(clicked, np.log(rate), np.log(1 - rate)).mean())
    assert plackett.clicks.measure(rates.model, lists).perplexity == pytest.approx(expected, rel=1e-3)


def test_rows_take_the_steps_of_adam_however_often_a_batch_holds_them():
    """Those of the sum of the gradients of a row, on every backend."""
    ids, epsilon = np.array([0, 0, 0, 1]), 1e-7
    lists = RankingLists.from_arrays(np.zeros((4, 0)), group=[4], ids={"pair": ids}, columns={"click": [1, 0, 0, 1]})
    model = scorers.table(lists, models=1)
    model.compile(keras.optimizers.Adam(0.1, epsilon=epsilon), loss=plackett.clicks.ClickThroughRateModel(name="ctr"))
    row, first, second = np.zeros(2), np.zeros(2), np.zeros(2)
    (table,) = [weight for weight in model.trainable_weights if "table" in weight.path]
    table.assign(np.zeros(table.shape))
    for step in range(1, 5):
        clicks = np.array([1, step > 2, 1, step % 2])
        columns = {"click": clicks}
        inputs, labels, weights = Batches(dataclasses.replace(lists, columns=columns), 1, targets="click")[0]
        model.train_on_batch(inputs, labels, weights)
        gradient = np.bincount(ids, 1 / (1 + np.exp(-row[ids])) - clicks)
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        row -= 0.1 * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + epsilon)
    found = np.array(keras.ops.convert_to_numpy(table))[1:, 0]
    np.testing.assert_allclose(found, row, rtol=1e-3)


def test_a_table_of_pairs_is_a_relevance_tower():
    lists = dataclasses.replace(LISTS, ids={"pair": pairs_of(LISTS)})
    trained = train(lists, lists, options={"relevance": "table", "relevance_options": {"l2": 0.01}})
    assert sorted(trained.model.input) == ["mask", "pair", "position"]
    assert len(np.unique(plackett.score(trained.model, lists))) == len(lists.labels)


def test_what_a_table_cannot_take_is_said():
    with pytest.raises(ValueError, match="unknown id feature of these lists 'pair'; known are none"):
        scorers.table(LISTS)
    numbers = dataclasses.replace(LISTS, ids={"film": np.arange(len(LISTS.labels), dtype="int32")})
    with pytest.raises(ValueError, match="min_count acts on values that have rows of their own"):
        scorers.table(numbers, id="film", buckets=3, min_count=2)
    text = dataclasses.replace(LISTS, ids={"film": pairs_of(LISTS)})
    with pytest.raises(ValueError, match="the scorer knows film as numbers, but these lists hold text"):
        plackett.score(scorers.table(numbers, id="film", buckets=3), text)
