"""Losses and metrics inside Keras models, and without them in each backend's own training loop."""

import itertools
import subprocess
import sys

import keras
import numpy as np
import pytest
from backends import BACKEND
from conftest import stir
from keras import ops

from plackett import losses, metrics, scorers
from plackett.data import Batches

WEIGHTED = [
    "approx_ndcg",
    "calibrated_softmax",
    "gumbel_approx_ndcg",
    "mixture_em",
    "neural_sort_ndcg",
    "pairwise_hinge",
    "pairwise_logistic",
    "pairwise_mse",
    "pairwise_soft_zero_one",
    "pairwise_squared_hinge",
    "poly_one_softmax",
    "softmax",
    "unique_softmax",
    "yeti_logistic",
]
UNWEIGHTED = [
    "approx_average_precision",
    "approx_mrr",
    "approx_precision",
    "approx_recall",
    "circle",
    "click_em",
    "coupled_rank_distil",
    "list_mle",
    "list_net",
    "margin_mse",
    "mean_squared",
    "multi_class",
    "neural_sort_cross_entropy",
    "ordinal",
    "sigmoid_cross_entropy",
]
NOISY = ["coupled_rank_distil", "gumbel_approx_ndcg", "list_mle", "neural_sort_ndcg", "yeti_logistic"]
OUTPUTS = {"mixture_em": 3, "click_em": 2, "ordinal": 3, "multi_class": 3}
SIZES = {"ordinal": {"ordinal_size": 3}, "multi_class": {"num_classes": 3}}
FORMS = {None: WEIGHTED + UNWEIGHTED, (24,): ["softmax"], (24, 1): ["mixture_em"], (24, 6): ["softmax", "ordinal"]}
RANDOM = np.random.default_rng(0)
FEATURES = RANDOM.normal(size=(24, 6, 3)).astype("float32")
LABELS = np.where(RANDOM.random((24, 6)) < 0.2, -1, RANDOM.integers(0, 4, (24, 6)))


def linear(outputs=1):
    """A scorer of 3 features, without masks."""
    x = keras.Input((6, 3))
    scores = keras.layers.Dense(outputs)(x)
    return keras.Model(x, keras.layers.Reshape((6,))(scores) if outputs == 1 else scores)


@pytest.mark.parametrize("weights, name", [(form, name) for form, names in FORMS.items() for name in names])
def test_fit_save_load(name, weights, tmp_path):
    keras.utils.set_random_seed(0)
    options = {"lambda_weight": losses.NDCGLambdaWeight(topn=3)} if name in WEIGHTED else {}
    model = linear(OUTPUTS.get(name, 1))
    loss = losses.get(name, **options | SIZES.get(name, {}))
    measured = [] if weights is None else [metrics.NDCG(topn=3)]
    model.compile("adam", loss=loss, metrics=measured)
    labels = np.minimum(LABELS, 1) if name.endswith("_em") else LABELS
    sample_weight = None if weights is None else RANDOM.random(weights).astype("float32")
    history = model.fit(FEATURES, labels, sample_weight=sample_weight, batch_size=6, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert all(0 <= value <= 1 for metric in measured for value in history[metric.name])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.loss.get_config() == loss.get_config()
    assert type(loaded.loss) is type(loss)
    scores = ops.convert_to_numpy(model(FEATURES))
    np.testing.assert_array_equal(ops.convert_to_numpy(loaded(FEATURES)), scores)
    if name not in NOISY:
        assert float(loaded.loss(labels, scores)) == float(loss(labels, scores))


def test_what_is_loaded_is_compiled(tmp_path):
    model = linear()
    model.compile("adam", loss=losses.SoftmaxLoss(), metrics=[metrics.NDCG(topn=3), metrics.MRR(topn=2)])
    measured = model.evaluate(FEATURES, LABELS, return_dict=True, verbose=0)
    assert measured.keys() == {"loss", "ndcg@3", "mrr@2"}
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.evaluate(FEATURES, LABELS, return_dict=True, verbose=0) == pytest.approx(measured)


@pytest.mark.parametrize("name, best", [("ndcg@10", max), ("arp", min)])
def test_callbacks_know_the_direction_of_a_metric(name, best, tmp_path):
    """A model learns the reverse of what it is measured by: the first epoch is the best, and nothing improves on it."""
    keras.utils.set_random_seed(0)
    metric, model = metrics.get(name), linear()
    monitor = f"val_{metric.name}"
    model.layers[1].set_weights([np.array([[1.0], [0.0], [0.0]]), np.zeros(1)])
    model.compile(keras.optimizers.SGD(0.01), loss=losses.SoftmaxLoss(), metrics=[metric])
    stop = keras.callbacks.EarlyStopping(monitor, mode="auto", patience=3)
    slower = keras.callbacks.ReduceLROnPlateau(monitor, mode="auto", patience=1, factor=0.5)
    saved = keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", monitor, mode="auto", save_best_only=True)
    labels = np.where(LABELS < 0, LABELS, np.digitize(FEATURES[..., 0], [0.0, 1.0]))
    data = {"validation_data": (FEATURES, labels), "batch_size": 6, "epochs": 9, "verbose": 0}
    history = model.fit(
        FEATURES, np.where(LABELS < 0, LABELS, 2 - labels), callbacks=[stop, slower, saved], **data
    ).history
    assert history[monitor][0] == best(history[monitor]) == saved.best == stop.best
    assert len(history[monitor]) == 4
    assert history["learning_rate"] == pytest.approx([0.01, 0.01, 0.005, 0.0025])
    kept = keras.models.load_model(tmp_path / "best.keras").evaluate(FEATURES, labels, return_dict=True, verbose=0)
    assert kept[metric.name] == pytest.approx(history[monitor][0], rel=1e-5)


def test_a_model_that_diverged_measures_nan():
    model = linear()
    model.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])
    model.compile("sgd", loss=losses.SoftmaxLoss(), metrics=[metrics.NDCG(topn=3), metrics.MRR(), metrics.ARP()])
    measured = model.evaluate(FEATURES, LABELS, return_dict=True, verbose=0)
    assert np.isnan(list(measured.values())).all()


def test_six_lists_of_six_documents_take_weights_of_documents():
    """[B, n] weights with B == n: Keras alone would spread them over [B, B]."""
    model = linear()
    model.compile("sgd", loss=losses.UniqueSoftmaxLoss())
    weights = RANDOM.random((6, 6)).astype("float32")
    scores = model.predict(FEATURES[:6], verbose=0)
    expected = losses.UniqueSoftmaxLoss()(LABELS[:6], scores, sample_weight=weights)
    got = model.evaluate(FEATURES[:6], LABELS[:6], sample_weight=weights, batch_size=6, verbose=0)
    np.testing.assert_allclose(got, float(expected), rtol=1e-5)


WEIGHTS = {
    "none": None,
    "lists": RANDOM.random(24).astype("float32"),
    "column": RANDOM.random((24, 1)).astype("float32"),
    "documents": RANDOM.random((24, 6)).astype("float32"),
    "documents in a column": RANDOM.random((24, 6, 1)).astype("float32"),
}
LABEL_FORMS = {
    "grades": LABELS,
    "floats": LABELS.astype("float32"),
    "column": LABELS[..., None],
    "booleans": np.abs(LABELS) > 1,
    "column of booleans": np.abs(LABELS[..., None]) > 1,
}


@pytest.mark.parametrize(
    "labels, weights",
    [
        ("grades", "none"),
        ("floats", "lists"),
        ("column", "column"),
        ("booleans", "documents"),
        ("column of booleans", "documents in a column"),
    ],
)
def test_what_people_pass(labels, weights):
    """Scores of Dense(1), [lists, list_size, 1], give the numbers of scores, labels and weights without columns."""
    given, weights = LABEL_FORMS[labels], WEIGHTS[weights]
    plain = given.reshape(24, 6).astype("float32")
    plain_weights = weights[..., 0] if np.ndim(weights) == 3 else weights
    x = keras.Input((6, 3))
    model = keras.Model(x, keras.layers.Dense(1)(x))
    loss, measures = losses.UniqueSoftmaxLoss(), {"weighted_metrics": [metrics.NDCG(topn=3)]}
    model.compile(keras.optimizers.SGD(0.0), loss=loss, **measures)
    scores = ops.convert_to_numpy(model(FEATURES))
    metric = metrics.NDCG(topn=3)
    metric.update_state(plain, scores[..., 0], plain_weights)
    expected = {"loss": float(loss(plain, scores[..., 0], plain_weights)), "ndcg@3": float(metric.result())}
    got = model.evaluate(FEATURES, given, sample_weight=weights, batch_size=6, return_dict=True, verbose=0)
    assert got == pytest.approx(expected, rel=1e-5)
    history = model.fit(FEATURES, given, sample_weight=weights, batch_size=6, verbose=0).history
    assert {name: value for name, (value,) in history.items()} == pytest.approx(expected, rel=1e-5)
    assert float(loss(given, scores, weights)) == pytest.approx(expected["loss"], rel=1e-5)
    metric.reset_state()
    metric.update_state(given, scores, weights)
    assert float(metric.result()) == pytest.approx(expected["ndcg@3"], rel=1e-5)


@pytest.mark.parametrize("layers", ["Dense(1)", "Masking, Dense(1)"])
def test_a_masking_layer_says_who_is_real(layers):
    """From the front of the model to Dense(1) at its end, in `fit` and `evaluate`: labels of 0 at padding are none."""
    real = np.arange(6) < RANDOM.choice([1, 4, 6], (24, 1))
    features, grades = np.where(real[..., None], FEATURES, 0), np.where(real, np.abs(LABELS), 0)
    masking = [keras.layers.Masking()] if "Masking" in layers else []
    model = keras.Sequential([keras.Input((6, 3)), *masking, keras.layers.Dense(4, "relu"), keras.layers.Dense(1)])
    loss = losses.UniqueSoftmaxLoss()
    model.compile(keras.optimizers.SGD(0.0), loss=loss, metrics=[metrics.NDCG()])
    scores = ops.convert_to_numpy(model(features))[..., 0]
    lists = [(grades[b][real[b]], scores[b][real[b]]) for b in range(24)]
    unpadded = np.mean([float(loss(labels, scores)) for labels, scores in lists])
    values = [float(metrics.ndcg(labels, scores)) for labels, scores in lists]
    labels = grades if masking else np.where(real, grades, -1)
    expected = {"loss": unpadded, "ndcg": np.mean(values)}
    got = model.evaluate(features, labels, batch_size=6, return_dict=True, verbose=0)
    assert got == pytest.approx(expected, rel=1e-5)
    history = model.fit(features, labels, batch_size=6, verbose=0).history
    assert {name: value for name, (value,) in history.items()} == pytest.approx(expected, rel=1e-5)


def test_models_are_no_column():
    """The axis of models stays, of one model too; N-pairs similarities of one row stay a matrix."""
    labels, scores = np.minimum(np.abs(LABELS), 1), FEATURES[..., :1]
    for loss, fn in ((losses.MixtureEMLoss(), losses.mixture_em), (losses.OrdinalLoss(), losses.ordinal)):
        for given in (labels, labels[..., None], labels > 0):
            expected = np.mean(ops.convert_to_numpy(fn(labels, scores)))
            assert float(loss(given, scores)) == pytest.approx(expected, rel=1e-5)
    mean, several = metrics.NDCG(), metrics.NDCG()
    mean.update_state(labels, FEATURES.mean(axis=-1))
    several.update_state(labels[..., None] > 0, FEATURES)
    assert float(several.result()) == pytest.approx(float(mean.result()), rel=1e-5)
    assert float(losses.NpairsLoss()([0], [[0.5]])) == 0
    assert float(losses.NpairsLoss()([[0]], [[0.5]])) == 0
    assert losses.SoftmaxLoss(reduction="none")([[1], [2]], [[0.5], [0.2]]).shape == (2,)


def test_losses_and_metrics_by_name(tmp_path):
    """Keras looks strings up among its own alone; ours are looked up by ours."""
    model = linear()
    model.compile("adam", loss=losses.get("unique_softmax"), metrics=[metrics.get("ndcg@3")])
    model.fit(FEATURES, LABELS, batch_size=6, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    measured = loaded.evaluate(FEATURES, LABELS, return_dict=True, verbose=0)
    assert measured == pytest.approx(model.evaluate(FEATURES, LABELS, return_dict=True, verbose=0))
    assert measured.keys() == {"loss", "ndcg@3"}
    loss = keras.losses.get({"class_name": "plackett>UniqueSoftmaxLoss", "config": {}})
    metric = keras.metrics.get({"class_name": "plackett>NDCG", "config": {"topn": 3}})
    assert type(loss) is losses.UniqueSoftmaxLoss
    assert metric.name == "ndcg@3"


def test_npairs_under_fit_compares_large_classes_as_integers(tmp_path):
    classes = np.repeat([2**24, 2**24 + 1, 2**24 + 2, 2**24 + 3], 2)
    x = RANDOM.normal(size=(8, 8)).astype("float32")
    inputs = keras.Input((8,))
    model = keras.Model(inputs, keras.layers.Dense(8, use_bias=False, kernel_initializer="identity")(inputs))
    model.compile("sgd", loss=losses.NpairsLoss())
    same = classes[:, None] == classes[None, :]
    log_softmax = x - np.log(np.exp(x).sum(axis=1, keepdims=True))
    expected = -(log_softmax * same / same.sum(axis=1, keepdims=True)).sum(axis=1)
    got = model.evaluate(x, classes, batch_size=8, verbose=0)
    np.testing.assert_allclose(got, expected.mean(), rtol=1e-5)
    weights = RANDOM.random(8).astype("float32")
    got = model.evaluate(x, classes[:, None], sample_weight=weights, batch_size=8, verbose=0)
    np.testing.assert_allclose(got, (weights * expected).mean(), rtol=1e-5)
    assert np.isfinite(model.fit(x, classes, batch_size=8, verbose=0).history["loss"]).all()
    model.save(tmp_path / "model.keras")
    assert isinstance(keras.models.load_model(tmp_path / "model.keras").loss, losses.NpairsLoss)


def test_the_mask_on_the_scores_decides(training_lists):
    """A scorer's mask reaches loss and metric in `fit`: negative labels are numbers, padding of any label is not."""
    model = stir(scorers.mlp(training_lists, hidden=(4,)))
    inputs, labels, _ = Batches(training_lists, 8)[0]
    shifted = np.where(inputs["mask"], labels - 1, 7)
    model.compile("sgd", loss=losses.SoftmaxLoss(), metrics=[metrics.NDCG(gain=ops.abs)])
    got = model.evaluate(inputs, shifted, batch_size=8, return_dict=True, verbose=0)
    scores = model.predict_on_batch(inputs)
    per_list = losses.softmax(shifted, scores, mask=inputs["mask"])
    np.testing.assert_allclose(got["loss"], ops.convert_to_numpy(per_list).mean(), rtol=1e-5)
    values = metrics.ndcg(shifted, scores, mask=inputs["mask"], gain=ops.abs)
    np.testing.assert_allclose(got["ndcg"], ops.convert_to_numpy(values).mean(), rtol=1e-5)
    assert np.isfinite(model.fit(inputs, shifted, batch_size=8, verbose=0).history["loss"]).all()


def test_a_model_loads_in_a_new_process(training_lists, tmp_path):
    model = scorers.mlp(training_lists, hidden=(4,))
    model.compile("adam", loss=losses.ApproxNDCGLoss(lambda_weight=losses.DCGLambdaWeight(topn=5)))
    model.save(tmp_path / "model.keras")
    code = f"import keras, plackett; print(keras.models.load_model({str(tmp_path / 'model.keras')!r}).loss.temperature)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "0.1", done.stderr


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(policy):
    keras.config.set_dtype_policy(policy)
    try:
        model = linear()
    finally:
        keras.config.set_dtype_policy("float32")
    model.compile("adam", loss=losses.UniqueSoftmaxLoss(), metrics=[metrics.NDCG(topn=3)])
    history = model.fit(FEATURES, LABELS, batch_size=8, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()


def test_every_metric_in_one_model(tmp_path):
    model = linear()
    others = {"AlphaDCG", "PrecisionIA", "Ranked", "RankingMetric", "get"}
    kinds = [getattr(metrics, name) for name in metrics.__all__ if name[0].isupper() and name not in others]
    every = [kind(ragged=False) for kind in kinds]
    model.compile("adam", loss=losses.UniqueSoftmaxLoss(), metrics=every)
    history = model.fit(FEATURES, LABELS, batch_size=8, verbose=0).history
    assert set(history) == {"loss", *(metric.name for metric in every)}
    assert len(history) == 14
    assert np.isfinite(list(history.values())).all()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras").evaluate(FEATURES, LABELS, return_dict=True, verbose=0)
    assert loaded == pytest.approx(model.evaluate(FEATURES, LABELS, return_dict=True, verbose=0))


@pytest.mark.parametrize("name", ["gumbel_approx_ndcg", "coupled_rank_distil", "list_mle"])
def test_fit_draws_fresh_noise_at_each_step_and_a_seed_repeats_a_run(name):
    drawn = []

    def run(seed):
        keras.utils.set_random_seed(3)
        model = linear()
        loss = losses.get(name, seed=seed)
        model.compile(keras.optimizers.SGD(1e-3), loss=loss)
        same = FEATURES[:1].repeat(4, axis=0), np.abs(LABELS[:1]).repeat(4, axis=0)
        recorded = keras.callbacks.LambdaCallback(on_train_batch_end=lambda _, logs: drawn.append(float(logs["loss"])))
        model.fit(*same, batch_size=1, shuffle=False, epochs=2, verbose=0, callbacks=[recorded])
        return drawn[-8:]

    first = run(5)
    running = np.array(first).reshape(2, 4) * np.arange(1, 5)
    steps = np.diff(running, axis=1, prepend=0).ravel()
    assert len(set(steps.round(4))) == 8
    assert run(5) == first
    assert run(6) != first


def test_without_fit():
    """Each backend's own loop: jit and value_and_grad, GradientTape under tf.function, plain PyTorch."""
    loss = losses.UniqueSoftmaxLoss()
    w = np.zeros((3,), "float32")
    match BACKEND:
        case "jax":
            import jax

            step = jax.jit(jax.value_and_grad(lambda w: loss(LABELS, FEATURES @ w)))
            values = []
            for _ in range(5):
                value, gradient = step(w)
                w, _ = w - 0.01 * gradient, values.append(float(value))
        case "torch":
            import torch

            w, x = torch.zeros(3, requires_grad=True), torch.tensor(FEATURES)
            optimizer, values = torch.optim.SGD([w], 0.01), []
            for _ in range(5):
                optimizer.zero_grad()
                value = loss(torch.tensor(LABELS), x @ w)
                value.backward()
                optimizer.step()
                values.append(float(value.detach()))
        case _:
            import tensorflow as tf

            w = tf.Variable(w)

            def step(labels, features):
                with tf.GradientTape() as tape:
                    value = loss(labels, tf.linalg.matvec(features, w))
                w.assign_sub(0.01 * tape.gradient(value, w))
                return value

            dynamic = [tf.TensorSpec([None, None], tf.int64), tf.TensorSpec([None, None, 3], tf.float32)]
            values = []
            for function in (
                tf.function(step),
                tf.function(step, input_signature=dynamic, autograph=False),
                tf.function(step, jit_compile=True, autograph=False),
            ):
                values += [float(function(tf.constant(LABELS), tf.constant(FEATURES))) for _ in range(3)]
    assert all(later < earlier for earlier, later in itertools.pairwise(values))
