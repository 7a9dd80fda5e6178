"""Values and gradients that TensorFlow Ranking 0.5.5 and TensorFlow Addons 0.23 returned.

Where plackett differs on purpose, the reference's number is carried over to ours first.
"""

import json
import pathlib

import numpy as np
import pytest
from backends import ragged, value_and_grad
from keras import ops

import plackett
from plackett import gains, losses

GOLDEN = pathlib.Path(__file__).parent / "golden"
LOSSES = [path.stem for path in sorted(GOLDEN.glob("*Loss.json"))]
CASES = [(name, i) for name in LOSSES for i in range(len(json.loads((GOLDEN / f"{name}.json").read_text())))]


def lambda_weight(config):
    arguments = {k: getattr(gains, v) if k.endswith("_fn") else v for k, v in config["config"].items()}
    return getattr(losses, config["class_name"])(**arguments)


def make(name, case):
    config = dict(case["config"])
    if "lambda_weight" in config:
        config["lambda_weight"] = lambda_weight(config["lambda_weight"])
    loss = getattr(losses, name)(**config, **({"ragged": True} if case["ragged"] else {}))
    if case["uniform"]:
        loss.draw_noise = lambda labels, scores: np.array(case["uniform"][0], "float32")
    return loss


SAMPLED = ("GumbelApproxNDCGLoss", "YetiLogisticLoss")
BY_DOCUMENT = [
    name for name in LOSSES if name.startswith(("Pairwise", "Yeti", "Sigmoid", "Mean", "Ordinal", "ClickEM"))
]


def ours(name, case):
    """The reference's (loss, gradient) under the differences that plackett makes on purpose."""
    value, gradient = np.array(case["loss"]), np.array([x for row in case["grad"] for x in np.ravel(row)])
    samples = np.shape(case["uniform"])[2] if name in SAMPLED else 1
    list_size = max(len(row) for row in case["y_true"]) if name in BY_DOCUMENT or "Pairwise" in name else 1
    match case["config"].get("reduction", "auto"):
        case "none":
            return value.reshape(-1, samples, list_size).sum(axis=2).mean(axis=1), gradient / samples
        case "sum":
            return value / samples, gradient / samples
        case _:
            return value * list_size, gradient * list_size


@pytest.mark.parametrize("name, i", CASES)
def test_reference(name, i):
    case = json.loads((GOLDEN / f"{name}.json").read_text())[i]
    loss = make(name, case)
    weight = None if case["sample_weight"] is None else np.array(case["sample_weight"], "float32")
    if case["ragged"]:
        lengths = [len(row) for row in case["y_true"]]
        flat = np.concatenate([np.array(row, "float32") for row in case["y_pred"]])
        labels = ragged(np.concatenate(case["y_true"]).astype("float32"), lengths)

        def fn(scores):
            return loss(labels, ragged(scores, lengths), sample_weight=weight)

        got, gradient = value_and_grad(fn, flat)
        of_rows = ops.convert_to_numpy(loss(case["y_true"], case["y_pred"], sample_weight=weight))
        np.testing.assert_allclose(of_rows, got, rtol=1e-5)
    else:
        labels = np.array(case["y_true"])
        got, gradient = value_and_grad(
            lambda scores: loss(labels, scores, sample_weight=weight), np.array(case["y_pred"], "float32")
        )
    value, expected = ours(name, case)
    np.testing.assert_allclose(np.ravel(got), np.ravel(value), rtol=2e-5, atol=1e-6)
    np.testing.assert_allclose(gradient.ravel(), expected, rtol=2e-4, atol=2e-6 * max(1, np.abs(expected).max()))


def test_exported():
    assert plackett.losses is losses


METRICS = list(enumerate(json.loads((GOLDEN / "metrics.json").read_text())))
METRIC_CLASSES = {"MeanAveragePrecisionMetric": "MAP"}


@pytest.mark.parametrize("i, case", METRICS, ids=[f"{case['metric']}-{i}" for i, case in METRICS])
def test_reference_metric(i, case):
    config = {"gain" if k == "gain_fn" else k: v for k, v in case["config"].items()}
    if "gain" in config:
        config["gain"] = getattr(gains, config["gain"])
    metric = getattr(plackett.metrics, METRIC_CLASSES.get(case["metric"], case["metric"].removesuffix("Metric")))(
        **config
    )
    weight = None if case["sample_weight"] is None else np.array(case["sample_weight"], "float32")
    metric.update_state(np.array(case["y_true"]), np.array(case["y_pred"], "float32"), sample_weight=weight)
    np.testing.assert_allclose(float(metric.result()), case["result"], rtol=1e-6)


ONE = ([[1, 0]], [[0.6, 0.8]])
TWO = ([[1, 0], [0, 1, 0]], [[0.6, 0.8], [0.5, 0.8, 0.4]])
DOCUMENTED = [
    (losses.MixtureEMLoss(), [[1, 0]], [[[0.6, 0.9], [0.8, 0.2]]], 1.3198698),
    (
        losses.MixtureEMLoss(ragged=True),
        [[1, 0], [0, 1, 0]],
        [[[0.6, 0.9], [0.8, 0.2]], [[0.5, 0.9], [0.8, 0.2], [0.4, 0.8]]],
        1.909512,
    ),
    (losses.UniqueSoftmaxLoss(), [[1, 0]], [[0.6, 0.8]], 0.7981389),
    (losses.UniqueSoftmaxLoss(ragged=True), [[1, 0], [0, 1, 0]], [[0.6, 0.8], [0.5, 0.8, 0.4]], 0.83911896),
    (losses.ApproxNDCGLoss(), [[1, 0]], [[0.6, 0.8]], -0.655107),
    (losses.ApproxNDCGLoss(ragged=True), *TWO, -0.80536866),
    (losses.ApproxMRRLoss(), *ONE, -0.53168947),
    (losses.ApproxMRRLoss(ragged=True), *TWO, -0.73514676),
    (losses.SoftmaxLoss(), *ONE, 0.7981389),
    (losses.SoftmaxLoss(ragged=True), *TWO, 0.83911896),
    (losses.CalibratedSoftmaxLoss(virtual_label=0.1), *ONE, 1.1808171),
    (losses.ListMLELoss(), *ONE, 0.7981389),
    (losses.PairwiseHingeLoss(), *ONE, 2 * 0.6),
    (losses.PairwiseHingeLoss(ragged=True), *TWO, 3 * 0.41666666),
    (losses.PairwiseLogisticLoss(), *ONE, 2 * 0.39906943),
    (losses.PairwiseLogisticLoss(ragged=True), *TWO, 3 * 0.3109182),
    (losses.PairwiseSoftZeroOneLoss(), *ONE, 2 * 0.274917),
    (losses.PairwiseSoftZeroOneLoss(ragged=True), *TWO, 3 * 0.22945064),
    (losses.PairwiseMSELoss(), *ONE, 2 * 1.44),
    (losses.PairwiseMSELoss(ragged=True), *TWO, 3 * 0.7666667),
    (losses.ClickEMLoss(), [[1, 0]], [[[0.6, 0.9], [0.8, 0.2]]], 2 * 1.1462884),
    (
        losses.ClickEMLoss(ragged=True),
        [[1, 0], [0, 1, 0]],
        [[[0.6, 0.9], [0.8, 0.2]], [[0.5, 0.9], [0.8, 0.2], [0.4, 0.8]]],
        3 * 1.0770882,
    ),
    (losses.SigmoidCrossEntropyLoss(), *ONE, 2 * 0.8042943),
    (losses.SigmoidCrossEntropyLoss(ragged=True), *TWO, 3 * 0.64446354),
    (losses.MeanSquaredLoss(), *ONE, 2 * 0.4),
    (losses.MeanSquaredLoss(ragged=True), *TWO, 3 * 0.20833336),
    (losses.OrdinalLoss(ordinal_size=2), [[1, 0]], [[[0.6, 0.2], [0.8, 0.3]]], 2 * 1.6305413),
    (
        losses.OrdinalLoss(ordinal_size=2, ragged=True),
        [[2, 1], [0]],
        [[[0.6, 0.2], [0.8, 0.3]], [[0.0, -0.2]]],
        2 * 0.88809216,
    ),
]


@pytest.mark.parametrize("loss, labels, scores, value", DOCUMENTED, ids=lambda part: getattr(part, "name", ""))
def test_documented(loss, labels, scores, value):
    """The values in TensorFlow Ranking's documentation; those of its noise are in test_tensorflow.py."""
    np.testing.assert_allclose(float(loss(labels, scores)), value, rtol=1e-6)
