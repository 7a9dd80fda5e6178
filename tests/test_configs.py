"""The arguments and the configs of every loss and metric of the table in `laws`."""

import inspect
import json

import keras
import numpy as np
import pytest
from laws import MODELS, SAMPLES, TABLE, batch, number, over, to_class

from plackett import gains, losses
from plackett.lambdas import LambdaWeight

LAMBDA = "reduction='auto', name=None, lambda_weight=None"
GUMBEL_OPTION = "sample_size=None, gumbel_temperature=1.0, seed=None"
CUT_OPTIONS = f"temperature=0.1, ragged=False, {GUMBEL_OPTION}, bound=False, rank_temperature=1.0"
SIGNATURES = {
    losses.SoftmaxLoss: f"({LAMBDA}, temperature=1.0, ragged=False)",
    losses.CalibratedSoftmaxLoss: f"({LAMBDA}, temperature=1.0, virtual_label=0.0, ragged=False)",
    losses.PolyOneSoftmaxLoss: f"({LAMBDA}, epsilon=1.0, temperature=1.0, ragged=False)",
    losses.UniqueSoftmaxLoss: f"({LAMBDA}, temperature=1.0, ragged=False)",
    losses.ListMLELoss: f"({LAMBDA}, temperature=1.0, ragged=False, seed=37)",
    losses.ApproxNDCGLoss: f"({LAMBDA}, temperature=0.1, ragged=False, {GUMBEL_OPTION}, bound=False)",
    losses.ApproxMRRLoss: f"({LAMBDA}, temperature=0.1, ragged=False, {GUMBEL_OPTION}, bound=False)",
    losses.ApproxPrecisionLoss: f"(reduction='auto', name=None, topn=10, {CUT_OPTIONS})",
    losses.ApproxRecallLoss: f"(reduction='auto', name=None, topn=10, {CUT_OPTIONS})",
    losses.ApproxAveragePrecisionLoss: f"(reduction='auto', name=None, topn=None, {CUT_OPTIONS})",
    losses.NeuralSortCrossEntropyLoss: f"({LAMBDA}, temperature=1.0, ragged=False, {GUMBEL_OPTION})",
    losses.NeuralSortNDCGLoss: f"({LAMBDA}, temperature=1.0, ragged=False, {GUMBEL_OPTION})",
    losses.GumbelApproxNDCGLoss: (
        f"({LAMBDA}, temperature=0.1, sample_size=8, gumbel_temperature=1.0, seed=None, ragged=False)"
    ),
    losses.YetiLogisticLoss: (
        f"({LAMBDA}, temperature=1.0, sample_size=8, gumbel_temperature=1.0, seed=None, ragged=False)"
    ),
    losses.PairwiseHingeLoss: f"({LAMBDA}, temperature=1.0, ragged=False)",
    losses.PairwiseSquaredHingeLoss: f"({LAMBDA}, temperature=1.0, ragged=False)",
    losses.PairwiseLogisticLoss: f"({LAMBDA}, temperature=1.0, ragged=False)",
    losses.PairwiseSoftZeroOneLoss: f"({LAMBDA}, temperature=1.0, ragged=False)",
    losses.PairwiseMSELoss: f"({LAMBDA}, temperature=1.0, ragged=False)",
    losses.SigmoidCrossEntropyLoss: "(reduction='auto', name=None, ragged=False)",
    losses.MeanSquaredLoss: "(reduction='auto', name=None, ragged=False)",
    losses.OrdinalLoss: "(reduction='auto', name=None, ragged=False, ordinal_size=1, use_fraction_label=False)",
    losses.MultiClassLoss: "(reduction='auto', name=None, ragged=False, num_classes=2, label_smoothing=0.0)",
    losses.CircleLoss: "(reduction='auto', name=None, gamma=64.0, margin=0.25, ragged=False)",
    losses.ClickEMLoss: "(reduction='auto', name=None, exam_loss_weight=1.0, rel_loss_weight=1.0, ragged=False)",
    losses.CoupledRankDistilLoss: (
        "(reduction='auto', name=None, ragged=False, sample_size=8, topk=None, temperature=1.0, seed=37)"
    ),
    losses.ListNetLoss: "(reduction='auto', name=None, temperature=1.0, ragged=False)",
    losses.MarginMSELoss: "(reduction='auto', name=None, topk=1, temperature=1.0, ragged=False)",
    losses.MixtureEMLoss: f"({LAMBDA}, temperature=1.0, alpha=1.0, ragged=False)",
    losses.InBatchSoftmaxLoss: "(reduction='auto', name=None, temperature=1.0, symmetric=False)",
    losses.NpairsLoss: "(name='npairs_loss')",
    losses.NpairsMultilabelLoss: "(name='npairs_multilabel_loss')",
}


@pytest.mark.parametrize("keras_class", SIGNATURES, ids=lambda keras_class: keras_class.__name__)
def test_signature(keras_class):
    signature = inspect.signature(keras_class)
    bare = [parameter.replace(annotation=parameter.empty) for parameter in signature.parameters.values()]
    assert str(signature.replace(parameters=bare)) == SIGNATURES[keras_class]
    assert all(parameter.annotation is not parameter.empty for parameter in signature.parameters.values())


OTHER_VALUES = {
    "symmetric": True,
    "reduction": "sum",
    "name": "another",
    "lambda_weight": losses.NDCGLambdaWeight(topn=2, smooth_fraction=0.5),
    "temperature": 0.5,
    "alpha": 0.25,
    "sample_size": SAMPLES,
    "topk": 3,
    "gumbel_temperature": 2.0,
    "seed": 5,
    "ragged": True,
    "topn": 3,
    "gain": gains.identity,
    "discount": gains.inverse,
    "empty": "skip",
    "ties": "expected",
    "average": "relevance",
    "virtual_label": 0.5,
    "epsilon": -0.5,
    "gamma": 16.0,
    "margin": 0.4,
    "ordinal_size": None,
    "num_classes": MODELS,
    "label_smoothing": 0.1,
    "use_fraction_label": True,
    "exam_loss_weight": 0.5,
    "rel_loss_weight": 2.0,
    "bound": True,
    "rank_temperature": 0.25,
    "short": 0,
}
ONLY_WITH = {"short": {"topn": 3}}


def other_value(row, option):
    if option == "lambda_weight" and row.keras_class in (losses.ApproxMRRLoss, losses.NeuralSortCrossEntropyLoss):
        return None
    if option == "lambda_weight" and row.keras_class is losses.ListMLELoss:
        return losses.ListMLELambdaWeight(rank_discount_fn=gains.inverse)
    return OTHER_VALUES[option]


def with_samples(row, options):
    """The options, with a `sample_size` where they act on samples alone, and with what they act only with."""
    takes = "sample_size" in inspect.signature(row.keras_class).parameters
    options = {name: value for option in options for name, value in ONLY_WITH.get(option, {}).items()} | options
    return {"sample_size": SAMPLES} | options if takes else options


def value_of_class(row, made_class, given):
    labels, scores = to_class(row, given)
    if row.metric:
        made_class.update_state(labels, scores)
        return number(made_class.result())
    if made_class.sample_size is not None:
        made_class.draw_noise = lambda labels, scores: given.noise[:, : made_class.sample_size]
    return number(made_class(labels, scores))


@over(TABLE)
def test_config_holds_every_argument(row):
    given = batch(row)
    arguments = list(inspect.signature(row.keras_class).parameters)
    for option in [None, *arguments]:
        first = row.make(**({} if option is None else with_samples(row, {option: other_value(row, option)})))
        config = first.get_config()
        assert list(config) == arguments
        read = row.keras_class.from_config(json.loads(json.dumps(config)))
        assert type(read) is row.keras_class
        assert read.get_config() == config
        np.testing.assert_array_equal(value_of_class(row, read, given), value_of_class(row, first, given))
        written = keras.saving.serialize_keras_object(first)
        assert keras.saving.deserialize_keras_object(written).get_config() == config


@over(TABLE)
def test_config_keeps_each_option(row):
    arguments = list(inspect.signature(row.keras_class).parameters)
    first = row.make(**{option: other_value(row, option) for option in arguments})
    read = row.keras_class.from_config(json.loads(json.dumps(first.get_config())))
    assert read.name == "another"
    given = batch(row)
    np.testing.assert_array_equal(value_of_class(row, read, given), value_of_class(row, first, given))
    config = read.get_config()
    for option in arguments:
        value = other_value(row, option)
        assert config[option] == (keras.saving.serialize_keras_object(value) if needs_writing(value) else value)


def needs_writing(value):
    return callable(value) or isinstance(value, LambdaWeight)
