"""Scorers: what they compute, that padding and order change nothing, and that a saved one takes raw features."""

import dataclasses
import itertools
import sys

import keras
import numpy as np
import pytest
from conftest import made_lists, stir
from keras import ops

import plackett
from plackett import losses, scorers
from plackett.data import Batches
from plackett.scorers import SCORERS, Cross, LogAndBins, Quantiles, Vocabulary, _explain, curves, plot_curves
from plackett.scorers._additive import FeatureNetworks
from plackett.scorers.preprocessing import statistics
from plackett.scorers.preprocessing.inputs import prepare
from plackett.scorers.preprocessing.layers import Filled

SMALL = {
    "mlp": {"hidden": (8,), "dropout": 0.0},
    "embeddings": {"hidden": (8,), "dimension": 4},
    "dcn": {"crosses": 2, "hidden": (8,), "dimension": 4},
    "self_attention": {"hidden": (8,), "blocks": 1, "feed_forward": 8, "dropout": 0.0, "dimension": 4},
    "additive": {"hidden": (8,)},
}
WHO = np.array([-(2**31), -50, 0, 3, 70, 2**31 - 1], "int32")


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


@pytest.fixture(scope="module")
def lists():
    """60 queries with two id features."""
    return with_ids(made_lists(60, seed=0))


def with_ids(lists):
    number = np.arange(len(lists.labels))
    return dataclasses.replace(lists, ids={"who": WHO[number % len(WHO)], "what": (number % 3).astype("int32")})


def with_missing(lists, share=0.2):
    """The same lists, the second and the last feature missing in some documents."""
    features = lists.features.copy()
    gone = np.random.default_rng(5).random((len(features), 2)) < share
    features[:, [1, -1]] = np.where(gone, np.float32("nan"), features[:, [1, -1]])
    return dataclasses.replace(lists, features=features)


def made(name, lists, **options):
    return stir(SCORERS[name](lists, **SMALL[name] | options))


def batch(lists, model):
    """(inputs, labels) of all lists at once."""
    return Batches(lists.with_ids(model.input), len(lists))[0][:2]


def scored(model, inputs, **options):
    return ops.convert_to_numpy(model(inputs, **options))


def dense_columns(lists, **options):
    """What the network of a scorer is fed, of real documents."""
    prepared = prepare(lists.with_ids(()), **options)
    model = keras.Model(prepared.inputs, prepared.dense)
    inputs, _ = batch(lists, model)
    return scored(model, inputs)[inputs["mask"]]


def pairs_in_order(labels, scores):
    """The share of pairs of a list, of different labels, that the scores put in order; .5 by chance."""
    apart = (labels[:, :, None] > labels[:, None, :]) & (labels[:, None, :] >= 0)
    return (scores[:, :, None] > scores[:, None, :])[apart].mean()


@pytest.mark.parametrize("name", SMALL)
def test_each_scorer_learns_and_a_saved_one_takes_raw_features(name, lists, tmp_path):
    """Features of many scales, some of them missing; NaN in all padding."""

    def raw(lists):
        features = lists.features * [1, 1, 1e4, 1e-4, 1] + [0, 0, 0, 0, 300]
        return with_missing(dataclasses.replace(lists, features=features.astype("float32")), share=0.05)

    def raw_batch(lists):
        inputs, labels = batch(lists, model)
        gone = np.where(inputs["mask"][..., None], inputs["features"], np.float32("nan"))
        return inputs | {"features": gone}, labels

    model = made(name, raw(lists), transform=None, missing=True)
    inputs, labels = raw_batch(raw(lists))
    model.compile(keras.optimizers.SGD(0.1), loss=losses.SoftmaxLoss())
    history = [float(model.train_on_batch(inputs, labels)) for _ in range(30)]
    assert history[-1] < 0.7 * history[0]
    inputs, labels = raw_batch(raw(with_ids(made_lists(60, seed=1))))
    scores = scored(model, inputs)
    assert pairs_in_order(labels, scores) > 0.9
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(scored(loaded, inputs), scores, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", SMALL)
def test_padding_changes_nothing(name, lists):
    gappy = with_missing(lists)
    model = made(name, gappy, missing=True)
    inputs, _ = batch(gappy, model)
    inputs["mask"] = mask = inputs["mask"].copy()
    mask[3] = False
    # Attention alone can see how wide a list is.
    wider = np.pad(mask, ((0, 0), (0, 5 if name == "self_attention" else 0)))
    dirty = {"mask": wider}
    for key in set(inputs) - {"mask"}:
        shape = (*wider.shape, *inputs[key].shape[2:])
        dirty[key] = np.resize(WHO if inputs[key].dtype == "int32" else np.float32([1e6, np.nan, np.inf]), shape)
        dirty[key][:, : mask.shape[1]][mask] = inputs[key][mask]
    for training in (False, True) if name == "mlp" else (False,):
        clean, found = model(inputs, training=training), scored(model, dirty, training=training)
        assert np.array_equal(ops.convert_to_numpy(clean._keras_mask), mask)
        clean = ops.convert_to_numpy(clean)
        assert not clean[~mask].any()
        assert not found[~wider].any()
        assert np.isfinite(clean).all()
        assert clean[mask].std() > 0.01
        np.testing.assert_allclose(found[wider], clean[mask], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("missing", [False, True])
def test_padding_is_0_at_the_door(missing):
    mask = np.array([[True, False, False, False, True]])
    features = np.array([[[1.0], [np.nan], [np.inf], [5.0], [np.nan]]], "float32")
    filled = ops.convert_to_numpy(Filled(missing)((features, mask)))[0, :, 0]
    np.testing.assert_array_equal(filled, [1, 0, 0, 0, 0 if missing else np.nan])


def test_missing_features_must_be_allowed(lists):
    gappy = with_missing(lists)
    number = int(np.isnan(gappy.features[:, 1]).sum())
    with pytest.raises(
        ValueError, match=rf"features are missing.* of {len(gappy.labels)} documents: 2 \({number}\), 5"
    ):
        made("dcn", gappy)
    named = dataclasses.replace(gappy, feature_names=("age", "price", "stars", "clicks", "size"))
    with pytest.raises(ValueError, match=rf"price \({number}\), size \(\d+\); .*the option missing=True"):
        made("mlp", named)
    wide = dataclasses.replace(gappy, features=np.full((len(gappy.labels), 9), np.nan, "float32"))
    with pytest.raises(ValueError, match=r"5 \(\d+\) and 4 more features; if"):
        made("mlp", wide)


def test_missing_features_must_be_allowed_where_the_scorer_is_used(lists, monkeypatch):
    gappy = with_missing(lists)
    wrong = rf"features are missing \(NaN\), in this many of {len(gappy.labels)} documents: 2 \(\d+\), 5 \(\d+\); if"
    with pytest.raises(ValueError, match=wrong):
        plackett.score(made("mlp", lists), gappy)
    assert np.isfinite(plackett.score(made("mlp", lists, missing=True), gappy)).all()
    monkeypatch.setattr(keras.Model, "fit", None)  # said before the first epoch
    with pytest.raises(ValueError, match=wrong):
        plackett.train(lists, gappy)


@pytest.mark.parametrize("transform", ["log1p", "quantile", None])
def test_a_missing_feature_is_the_mean_and_is_marked(transform, lists):
    gappy = with_missing(lists)
    gone = np.isnan(gappy.features)
    x = dense_columns(gappy, transform=transform, missing=True)
    assert x.shape == (len(gappy.labels), 7)
    assert not x[:, :5][gone].any()
    np.testing.assert_array_equal(x[:, 5:], gone[:, [1, 4]])
    known = np.where(gone, np.nan, x[:, :5])
    np.testing.assert_allclose(np.nanmean(known, axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(np.nanstd(known, axis=0), 1, atol=1e-5)


def test_bins_of_a_missing_feature_are_the_mean_too(lists):
    gappy = with_missing(lists)
    gone = np.isnan(gappy.features)
    x = dense_columns(gappy, transform="bins", missing=True)
    assert x.shape == (len(gappy.labels), 5 + 4 * 5 + 2)
    np.testing.assert_array_equal(x[:, -2:], gone[:, [1, 4]])
    of_columns = np.concatenate([gone, np.repeat(gone, 4, axis=1)], axis=1)
    assert not x[:, :-2][of_columns].any()
    known = np.where(of_columns, np.nan, x[:, :-2])
    np.testing.assert_allclose(np.nanmean(known, axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(np.nanstd(known[:, :5], axis=0), 1, atol=1e-5)


def test_bins_in_the_layer_are_those_of_numpy():
    """Also of a feature that does not vary, of values that float32 cannot tell apart, and far outside."""
    largest = float(np.finfo("float32").max)
    edges = [[0.0, 1.0, 3.0], [5.0], [-largest, 0.0, largest], [-1.0, -0.5, 0.0, 0.5, 1.0]]
    layer = LogAndBins(edges)
    assert layer.sources == [0, 1, 2, 3, 0, 0, 2, 2, 3, 3, 3, 3]
    x = np.array([[2.0, 5.0, largest, -0.75], [-9.0, 1e30, -largest, 0.5], [0.0, 0.0, 0.0, 7.0]], "float32")
    found = ops.convert_to_numpy(layer(x))
    np.testing.assert_allclose(found, layer.in_numpy(x.astype("float64")), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found[0, 4:], [1, 0.5, 1, 1, 0.5, 0, 0, 0])
    np.testing.assert_allclose(found[1, 4:], [0, 0, 0, 0, 1, 1, 1, 0])
    assert LogAndBins.from_config(layer.get_config()).edges == layer.edges
    np.testing.assert_array_equal(ops.convert_to_numpy(LogAndBins([[3.0]])(np.zeros((2, 1), "float32"))), 0)


def test_edges_are_quartiles_each_once():
    known = np.concatenate([np.zeros(60), np.arange(1, 42)])
    assert statistics.edges(known).tolist() == [0, 16, 41]
    assert statistics.edges(np.array([1e-45, 2e-45, np.nan])).size == 1
    assert statistics.edges(np.full(3, np.nan)).tolist() == [0]


def test_missing_may_be_allowed_where_nothing_is_missing(lists):
    model = made("mlp", lists, missing=True)
    inputs, _ = batch(lists, model)
    inputs["features"][0, 0, 2] = np.nan
    assert np.isfinite(scored(model, inputs)).all()
    assert not np.isfinite(scored(made("mlp", lists), inputs)).all()


def test_each_transform(lists):
    raw = dataclasses.replace(lists, features=lists.features * np.float32(50) + np.float32(20))
    x = raw.features.astype("float64")
    sorted_x = np.sort(x, axis=0)[np.round(np.linspace(0, len(x) - 1, 64)).astype(int)]
    expected = {
        None: x,
        "log1p": np.sign(x) * np.log1p(np.abs(x)),
        "quantile": np.stack([np.interp(x[:, k], sorted_x[:, k], np.linspace(0, 1, 64)) for k in range(5)], axis=-1),
    }
    quarters = np.round(np.linspace(0, len(x) - 1, 5)).astype(int)
    ends = np.sort(x, axis=0)[quarters]
    bins = [np.clip((x[:, k] - a) / (b - a), 0, 1) for k in range(5) for a, b in itertools.pairwise(ends[:, k])]
    expected["bins"] = np.concatenate([expected["log1p"], np.stack(bins, axis=-1)], axis=-1)
    for transform, known in expected.items():
        columns = dense_columns(raw, transform=transform)
        spread = known.std(axis=0)
        spread[5:] = 1  # of bins
        np.testing.assert_allclose(columns, (known - known.mean(axis=0)) / spread, rtol=1e-3, atol=2e-5)


@pytest.mark.parametrize("transform", ["log1p", "quantile", "bins", None])
def test_a_constant_feature_is_0(transform, lists):
    constant = lists.features.copy()
    constant[:, 0], constant[:, 1] = 0, 0.1
    columns = dense_columns(dataclasses.replace(lists, features=constant), transform=transform)
    np.testing.assert_allclose(columns[:, :2], 0, atol=1e-6)
    assert np.isfinite(columns).all()


@pytest.mark.parametrize("rows", [7, 10**6])
def test_moments_are_merged_over_slices(rows, lists, monkeypatch):
    monkeypatch.setattr(statistics, "ROWS", rows)
    far = dataclasses.replace(with_missing(lists), features=with_missing(lists).features + np.float32(1000))
    mean, variance, missing = statistics.moments(far, np.sqrt)
    known = np.sqrt(far.features.astype("float64"))
    np.testing.assert_allclose(mean, np.nanmean(known, axis=0), rtol=1e-12)
    np.testing.assert_allclose(variance, np.nanvar(known, axis=0), rtol=1e-9)
    np.testing.assert_array_equal(missing, np.isnan(known).sum(axis=0))
    empty = dataclasses.replace(far, features=np.full_like(far.features, np.nan))
    mean, variance, missing = statistics.moments(empty, np.sqrt)
    assert (mean.any(), (variance == 1).all(), (missing == len(far.labels)).all()) == (False, True, True)


def test_a_sample_is_a_part_and_repeats_itself(lists, monkeypatch):
    assert statistics.sample(lists.features) is lists.features
    monkeypatch.setattr(statistics, "SAMPLE", 50)
    drawn = statistics.sample(lists.features)
    assert len(np.unique(drawn, axis=0)) == 50
    assert {tuple(row) for row in drawn} < {tuple(row) for row in lists.features}
    np.testing.assert_array_equal(drawn, statistics.sample(lists.features))


def test_infinite_features_are_refused(lists, monkeypatch):
    monkeypatch.setattr(statistics, "ROWS", 8)
    features = lists.features.copy()
    features[11, 2] = -np.inf
    for transform in ("log1p", "quantile", "bins", None):
        with pytest.raises(ValueError, match="features must be finite, but feature 3 of document d11 is -inf"):
            prepare(dataclasses.replace(lists, features=features), transform=transform)


def test_quantiles_interpolate_as_numpy():
    boundaries = [[0.0, 1.0, 3.0, 10.0], [0.0, 0.0, 0.0, 2.0], [5.0, 5.0, 5.0, 5.0], [-1e30, -2.0, -2.0, 1e30]]
    knots = [
        ([0, 1, 3, 10], [0, 1 / 3, 2 / 3, 1]),
        ([0, 2], [1 / 3, 1]),
        ([5], [0.5]),
        ([-1e30, -2, 1e30], [0, 0.5, 1]),
    ]
    layer = Quantiles(boundaries)
    layer = type(layer).from_config(layer.get_config())
    largest = np.finfo("float32").max
    x = np.concatenate([np.linspace(-3, 12, 301), [-largest, largest, -2e30, 2e30, -1e29, 1e29]]).astype("float32")
    y = ops.convert_to_numpy(layer(np.repeat(x[:, None], 4, axis=1)))
    for k, (values, levels) in enumerate(knots):
        np.testing.assert_allclose(y[:, k], np.interp(x.astype("float64"), values, levels), atol=1e-6)
    assert (np.diff(y[np.argsort(x)], axis=0) >= 0).all()
    infinite = ops.convert_to_numpy(layer(np.array([[-np.inf] * 4, [np.inf] * 4], "float32")))
    np.testing.assert_allclose(infinite, [[0, 1 / 3, 0.5, 0], [1, 1, 0.5, 1]], atol=1e-6)
    missing = np.full((1, 4), np.nan, "float32")
    assert np.isnan(ops.convert_to_numpy(layer(missing))).all()
    assert np.isnan(layer.in_numpy(missing)).all()
    np.testing.assert_allclose(layer.in_numpy(np.repeat(x[:, None], 4, axis=1)), y, atol=1e-6)


@pytest.mark.parametrize("points", [1, 2, 63, 64, 65])
def test_quantiles_of_any_number(points):
    boundaries = np.sort(np.random.default_rng(points).normal(size=points))
    x = np.linspace(-3, 3, 200, dtype="float32")
    expected = (
        np.interp(x, boundaries.astype("float32"), np.linspace(0, 1, points)) if points > 1 else np.full(200, 0.5)
    )
    layer = Quantiles([boundaries.tolist()])
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x[:, None]))[:, 0], expected, atol=1e-5)


def test_a_vocabulary_numbers_what_it_knows():
    layer = Vocabulary([70, -50, 3, -(2**31), 2**31 - 1])
    layer = Vocabulary.from_config(layer.get_config())
    ids = np.array([[3, 70, -50], [2**31 - 1, -(2**31), 0], [4, 71, -51]], "int32")
    np.testing.assert_array_equal(ops.convert_to_numpy(layer(ids)), [[3, 4, 2], [5, 1, 0], [0, 0, 0]])


def test_unknown_ids_are_all_alike(lists):
    model = made("embeddings", lists)
    inputs, _ = batch(lists, model)

    def with_who(value):
        return scored(model, inputs | {"who": np.full_like(inputs["who"], value)})

    np.testing.assert_array_equal(with_who(12345), with_who(-1))
    assert all(np.abs(with_who(known) - with_who(-1)).max() > 1e-3 for known in WHO)


def test_rare_ids_are_unknown_with_min_count(lists):
    who = lists.ids["who"].copy()
    who[:4], who[4:9] = 777, 888
    rare = dataclasses.replace(lists, ids=lists.ids | {"who": who})
    model = made("embeddings", rare, min_count=5)
    assert model.get_layer("who_embedding").input_dim == len(WHO) + 2
    inputs, _ = batch(rare, model)
    others = {value: inputs | {"who": np.full_like(inputs["who"], value)} for value in (777, 888, 5)}
    np.testing.assert_array_equal(scored(model, others[777]), scored(model, others[5]))
    assert np.abs(scored(model, others[888]) - scored(model, others[5])).max() > 1e-3
    with pytest.raises(ValueError, match=r"no value of who is in min_count=10000 documents; the most frequent: \d+"):
        made("embeddings", rare, min_count=10_000)


@pytest.mark.parametrize("rank", [None, 2])
def test_cross_layers_are_those_of_the_paper(rank):
    random = np.random.default_rng(0)
    start = random.normal(size=(2, 3, 4)).astype("float32")
    layers = [Cross(rank), Cross(rank)]
    x = start
    for layer in layers:
        x = layer((start, x))
        layer.bias.assign(random.normal(size=4))
    result, expected = start, start.astype("float64")
    for layer in layers:
        result = layer((start, result))
        w = (
            np.linalg.multi_dot([ops.convert_to_numpy(f) for f in layer.factors])
            if rank
            else ops.convert_to_numpy(layer.factors[0])
        )
        for document in np.ndindex(2, 3):
            row = expected[document].copy()
            expected[document] = start[document] * (row @ w + ops.convert_to_numpy(layer.bias)) + row
    np.testing.assert_allclose(ops.convert_to_numpy(result), expected, rtol=1e-4, atol=1e-5)


def test_the_deep_part_stands_behind_or_beside_the_crosses(lists):
    def rows_of_head(**options):
        return made("dcn", lists.with_ids(()), **options).get_layer("head").kernel.shape[0]

    assert rows_of_head(structure="stacked") == 8
    assert rows_of_head(structure="parallel") == 5 + 8
    assert rows_of_head(structure="stacked", hidden=()) == rows_of_head(structure="parallel", hidden=()) == 5


def test_attention_knows_the_list_but_not_its_order(lists):
    model = made("self_attention", lists, blocks=2)
    inputs, _ = batch(lists, model)
    size = inputs["mask"].shape[1]
    order = np.random.default_rng(0).permutation(size)
    scores = scored(model, inputs)
    shuffled = scored(model, {name: column[:, order] for name, column in inputs.items()})
    np.testing.assert_allclose(shuffled, scores[:, order], rtol=1e-4, atol=1e-5)
    alone = inputs["mask"] & (np.arange(size) == 0)
    assert np.abs(scored(model, inputs | {"mask": alone}) - scores)[:, 0].max() > 1e-3


def test_feature_networks_do_not_mix_features():
    layer = FeatureNetworks((6, 5), 2)
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    y = ops.convert_to_numpy(layer(x))
    assert y.shape == (2, 3, 4, 2)
    kernels = [ops.convert_to_numpy(kernel) for kernel in layer.kernels]
    biases = [ops.convert_to_numpy(bias) for bias in layer.biases]
    for lst, document, feature in np.ndindex(2, 3, 4):
        row = x[lst, document, feature][None]
        for place, (kernel, bias) in enumerate(zip(kernels, biases, strict=True)):
            row = (np.maximum(row, 0) if place else row) @ kernel[feature] + bias[feature]
        np.testing.assert_allclose(y[lst, document, feature], row, rtol=1e-4, atol=1e-5)


def of_few_values(lists):
    """The same lists, each feature of a dozen values."""
    return dataclasses.replace(lists, features=np.round(lists.features * 2) / 2, feature_names=tuple("abcde"))


def added_up(found, lists):
    """[documents, ...], the sum of the curves at the values of each document."""
    columns = dict(zip("abcde", lists.features.T, strict=True)) | lists.ids
    total = 0
    for name, (values, added) in found.items():
        places = np.searchsorted(values, columns[name])
        np.testing.assert_array_equal(values[places], columns[name])
        total = total + added[places]
        np.testing.assert_allclose(added[places].mean(axis=0), 0, atol=1e-4)
    return total


@pytest.mark.parametrize("options", [{"missing": True}, {"models": 3, "tasks": ["click", "sale"]}])
def test_the_curves_of_an_additive_model_add_up_to_its_score(options, lists, monkeypatch):
    monkeypatch.setattr(statistics, "ROWS", len(lists.labels) // 2 + 1)
    lists = of_few_values(with_missing(lists) if "missing" in options else lists)
    model = made("additive", lists, **options)
    inputs, _ = batch(lists, model)
    task = "sale" if "tasks" in options else None
    scores = model(inputs) if task is None else model(inputs)[task]
    found = curves(model, lists, task=task)
    assert list(found) == [*"abcde", "who", "what"]
    unknown = [name for name, (values, _) in found.items() if np.isnan(values).any()]
    assert unknown == (["b", "e"] if "missing" in options else [])
    rest = ops.convert_to_numpy(scores)[inputs["mask"]] - added_up(found, lists)
    np.testing.assert_allclose(rest, np.broadcast_to(rest.mean(axis=0), rest.shape), atol=1e-4)


def test_a_curve_has_at_most_so_many_points(lists):
    found = curves(made("additive", lists), lists, points=4)
    assert {len(values) for values, _ in found.values()} == {3, 4}
    x = lists.features[:, 2]
    assert found["3"][0][[0, -1]].tolist() == [x.min(), x.max()]
    bare = dataclasses.replace(lists, features=lists.features[:, :0])
    found = curves(made("additive", bare), bare)
    np.testing.assert_array_equal(found["who"][0], WHO)


def test_errors_of_curves(lists):
    with pytest.raises(ValueError, match="curves are those of the scorer additive, but the model is mlp"):
        curves(made("mlp", lists), lists)
    with pytest.raises(ValueError, match="task must be None for this model, but got 'click'"):
        curves(made("additive", lists), lists, task="click")
    model = made("additive", lists, tasks=["click", "sale"])
    for task in (None, "x"):
        with pytest.raises(ValueError, match=f"task must be one of click, sale for this model, but got {task!r}"):
            curves(model, lists, task=task)
    with pytest.raises(ValueError, match="points must be at least 1, but got 0"):
        curves(model, lists, task="sale", points=0)


def test_curves_are_drawn(lists, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    dense = np.array([-1, 2, np.nan]), np.array([[0.5, 0.1], [-0.2, 0.3], [0.0, 0.2]])
    drawn = {"1": dense, "2": (dense[0][:2], dense[1][:2]), "who": (WHO, np.array([[0.1, 0.2]] * len(WHO)))}
    monkeypatch.setattr(_explain, "curves", lambda *arguments, **options: drawn)
    plot_curves(None, lists, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"plots need matplotlib: pip install 'plackett\[plot\]'"):
        plot_curves(None, lists, tmp_path / "curves.png")


def test_each_task_has_a_head(lists, tmp_path):
    model = made("mlp", lists, tasks=["sale", "click"])
    inputs, labels = batch(lists, model)
    both = {"sale": losses.SoftmaxLoss(), "click": losses.SigmoidCrossEntropyLoss()}
    model.compile(keras.optimizers.Adam(0.03), loss=both)
    targets = {"sale": labels, "click": np.where(labels >= 0, 1 - np.minimum(labels, 1), -1)}
    for _ in range(20):
        model.train_on_batch(inputs, targets)
    scores = model(inputs)
    assert set(scores) == {"sale", "click"}
    share = {}
    for task, output in scores.items():
        assert np.array_equal(ops.convert_to_numpy(output._keras_mask), inputs["mask"])
        share[task] = pairs_in_order(labels, ops.convert_to_numpy(output))
    assert share["sale"] > 0.75
    assert share["click"] < 0.25
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")(inputs)
    for task, output in scores.items():
        np.testing.assert_allclose(
            ops.convert_to_numpy(loaded[task]), ops.convert_to_numpy(output), rtol=1e-5, atol=1e-6
        )


@pytest.mark.parametrize("name", SMALL)
def test_models_and_tasks_together(name, lists):
    model = made(name, lists, models=3, tasks=["click", "sale"])
    assert {task: output.shape for task, output in model.output.items()} == {
        "click": (None, None, 3),
        "sale": (None, None, 3),
    }
    assert made(name, lists, models=1).output.shape == (None, None, 1)
    assert made(name, lists).output.shape == (None, None)


def shapes(model):
    return [weights.shape for weights in model.weights]


@pytest.fixture(scope="module")
def default_shapes(lists):
    return {name: shapes(made(name, lists)) for name in SMALL}


@pytest.mark.parametrize(
    "name, options",
    [
        ("mlp", {"hidden": (8, 4)}),
        ("mlp", {"normalization": None}),
        ("mlp", {"normalization": "layer"}),
        ("embeddings", {"hidden": (8, 4)}),
        ("embeddings", {"normalization": "batch"}),
        ("embeddings", {"dimension": 3}),
        ("dcn", {"crosses": 3}),
        ("dcn", {"rank": 2}),
        ("dcn", {"hidden": ()}),
        ("dcn", {"dimension": 3}),
        ("dcn", {"normalization": "layer"}),
        ("self_attention", {"hidden": (6, 8)}),
        ("self_attention", {"blocks": 2}),
        ("self_attention", {"heads": 4}),
        ("self_attention", {"feed_forward": 7}),
        ("self_attention", {"dimension": 3}),
        ("self_attention", {"normalization": "layer"}),
        ("additive", {"hidden": ()}),
    ],
)
def test_each_option_changes_the_network(name, options, lists, default_shapes):
    assert shapes(made(name, lists, **options)) != default_shapes[name]


@pytest.mark.parametrize("name", ["mlp", "embeddings", "dcn", "self_attention"])
def test_dropout(name, lists):
    model = made(name, lists, dropout=0.5)
    inputs, _ = batch(lists, model)
    np.testing.assert_array_equal(scored(model, inputs), scored(model, inputs))
    assert np.abs(scored(model, inputs, training=True) - scored(model, inputs, training=True)).max() > 1e-3


@pytest.mark.parametrize("name", ["embeddings", "dcn", "self_attention", "additive"])
def test_l2_weighs_the_embeddings(name, lists):
    model = made(name, lists, l2=0.5)
    tables = [layer.embeddings for layer in model.layers if isinstance(layer, keras.layers.Embedding)]
    squares = sum(np.square(ops.convert_to_numpy(table)).sum() for table in tables)
    assert float(ops.convert_to_numpy(sum(model.losses))) == pytest.approx(0.5 * squares, rel=1e-5)
    assert made(name, lists, l2=0).losses == []


@pytest.mark.parametrize("name", ["self_attention", "additive"])
def test_raw_features_do_not_overflow_in_half_precision(name, lists):
    huge = dataclasses.replace(lists, features=lists.features * np.float32(1e6))
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = made(name, huge)
    finally:
        keras.config.set_dtype_policy(policy)
    inputs, _ = batch(huge, model)
    scores = model(inputs)
    assert keras.backend.standardize_dtype(scores.dtype) == "float32"
    assert any(layer.compute_dtype == "float16" for layer in model.layers)
    scores = ops.convert_to_numpy(scores)
    assert np.isfinite(scores).all()
    assert scores.std() > 0.01


@pytest.mark.parametrize(
    "name, options, wrong",
    [
        ("mlp", {"hidden": 8}, "hidden must be a list of whole numbers of at least 1, but got hidden=8"),
        ("mlp", {"hidden": (8, 0)}, "hidden must be a list of whole numbers"),
        (
            "mlp",
            {"transform": "log"},
            r"transform must be one of \('log1p', 'quantile', 'bins'\), or None, but got transform='log'",
        ),
        ("mlp", {"missing": "yes"}, "missing must be True or False, but got missing='yes'"),
        ("mlp", {"normalization": "x"}, r"normalization must be one of \('batch', 'layer'\), or None, but got"),
        ("mlp", {"dropout": 1.0}, "dropout must be a number of at least 0 and below 1, or None, but got dropout=1.0"),
        ("mlp", {"models": 0}, "models must be a whole number of at least 1, or None, but got models=0"),
        ("mlp", {"tasks": "click"}, "tasks must be a list of different names, or None, but got tasks='click'"),
        ("mlp", {"tasks": []}, r"tasks must be a list of different names, or None, but got tasks=\[\]"),
        ("mlp", {"tasks": ["a", "a"]}, "tasks must be a list of different names"),
        ("embeddings", {"dimension": 0}, "dimension must be a whole number of at least 1, but got dimension=0"),
        ("embeddings", {"l2": -1}, "l2 must be a number of at least 0, but got l2=-1"),
        ("embeddings", {"min_count": True}, "min_count must be a whole number of at least 1, but got min_count=True"),
        ("dcn", {"crosses": 0}, "crosses must be a whole number of at least 1, but got crosses=0"),
        ("dcn", {"rank": 0}, "rank must be a whole number of at least 1, or None, but got rank=0"),
        ("dcn", {"structure": "wide"}, r"structure must be one of \('stacked', 'parallel'\), but got structure='wide'"),
        ("self_attention", {"blocks": 0}, "blocks must be a whole number"),
        ("self_attention", {"heads": 1.5}, "heads must be a whole number"),
        ("self_attention", {"feed_forward": 0}, "feed_forward must be a whole number"),
        ("self_attention", {"heads": 3}, r"last width of hidden must be a multiple of heads=3, but got hidden=\(8,\)"),
        ("self_attention", {"hidden": ()}, r"last width of hidden must be a multiple of heads=2, but got hidden=\(\)"),
    ],
)
def test_errors_say_what_is_allowed(name, options, wrong, lists):
    with pytest.raises(ValueError, match=wrong):
        made(name, lists, **options)


@pytest.mark.parametrize("name", SMALL)
def test_an_unknown_option_is_a_type_error(name, lists):
    with pytest.raises(TypeError, match="unexpected keyword argument 'deep'"):
        made(name, lists, deep=3)


def test_dense_features_alone_take_no_options_of_ids(lists):
    with pytest.raises(TypeError, match="unexpected keyword argument 'min_count'"):
        made("mlp", lists, min_count=2)


def test_lists_without_some_kind_of_features(lists):
    bare = dataclasses.replace(lists, features=lists.features[:, :0])
    with pytest.raises(ValueError, match="these lists have no dense features"):
        made("mlp", bare)
    with pytest.raises(ValueError, match="these lists have no id features"):
        made("embeddings", lists.with_ids(()))
    for name in ("embeddings", "dcn", "self_attention", "additive"):
        model = made(name, bare)
        assert set(model.input) == {"mask", "who", "what"}
        inputs, _ = batch(bare, model)
        assert scored(model, inputs).std() > 0
    for name in ("dcn", "self_attention", "additive"):
        with pytest.raises(ValueError, match="these lists have neither dense nor id features"):
            made(name, bare.with_ids(()))
        with pytest.raises(ValueError, match="these have no documents"):
            made(name, lists.select(np.zeros(0, "int64")))


def test_mlp_takes_dense_features_alone(lists):
    assert set(made("mlp", lists).input) == {"features", "mask"}


def test_the_names_of_scorers():
    assert {name: scorer.__name__ for name, scorer in SCORERS.items()} == {name: name for name in SCORERS}
    assert all(getattr(scorers, name) is scorer for name, scorer in SCORERS.items())
    assert set(SCORERS) - set(SMALL) == {"table", "two_tower"}  # see tests/test_two_tower.py


@pytest.mark.parametrize("edges", [(1.0, 1.0), (3.0, 1.0), (0.0, np.nan), ()])
def test_edges_of_bins_that_do_not_rise_are_refused(edges):
    """A bin without a width would divide by 0, and one of a negative width would turn its feature round."""
    with pytest.raises(ValueError, match="must be strictly increasing numbers, but those of feature 1 are"):
        plackett.scorers.LogAndBins([(0.0, 1.0), edges])


def test_the_widest_bins_have_a_middle_in_a_batch():
    """Where XLA multiplies by the inverse of a width, that must not be below the least number of float32."""
    layer = plackett.scorers.LogAndBins([(-3e38, 3e38), (1.0, 2e38), (0.0, 1.0)])
    bins = keras.ops.convert_to_numpy(layer(np.tile(np.array([0.0, 1e38, 0.5], "float32"), (1, 240, 1))))[..., 3:]
    np.testing.assert_allclose(bins, 0.5, rtol=1e-6)
