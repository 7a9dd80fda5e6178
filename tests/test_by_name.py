"""Losses by name, and from configs that others wrote."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from plackett import gains, losses

DCG = {
    "class_name": "tensorflow_ranking>DCGLambdaWeight",
    "config": {
        "topn": 3,
        "gain_fn": "tensorflow_ranking>pow_minus_1",
        "rank_discount_fn": "tensorflow_ranking>inverse",
        "normalized": False,
        "smooth_fraction": 0.25,
    },
}
NDCG = {
    "class_name": "tensorflow_ranking>NDCGLambdaWeight",
    "config": DCG["config"] | {"rank_discount_fn": "tensorflow_ranking>log2_inverse", "normalized": True},
}
PRECISION = {
    "class_name": "tensorflow_ranking>PrecisionLambdaWeight",
    "config": {"topn": 2, "positive_fn": "tensorflow_ranking>is_greater_equal_1"},
}
LIST_MLE = {
    "class_name": "tensorflow_ranking>ListMLELambdaWeight",
    "config": {"rank_discount_fn": "tensorflow_ranking>inverse"},
}
SHARED = {"reduction": "auto", "name": None, "ragged": False}
WEIGHTED = SHARED | {"lambda_weight": None, "temperature": 1.0}
GUMBEL = {"sample_size": 8, "gumbel_temperature": 1.0, "seed": 3}
# What `tf.keras.losses.serialize` writes for the losses of TensorFlow Ranking 0.5.5: class -> (config, ours).
WRITTEN = {
    "ApproxMRRLoss": (WEIGHTED | {"temperature": 0.1}, losses.ApproxMRRLoss()),
    "ApproxNDCGLoss": (WEIGHTED | {"temperature": 0.1}, losses.ApproxNDCGLoss()),
    "CalibratedSoftmaxLoss": (WEIGHTED | {"virtual_label": 0.1}, losses.CalibratedSoftmaxLoss(virtual_label=0.1)),
    "ClickEMLoss": (
        SHARED | {"exam_loss_weight": 0.5, "rel_loss_weight": 2.0},
        losses.ClickEMLoss(exam_loss_weight=0.5, rel_loss_weight=2.0),
    ),
    "CoupledRankDistilLoss": (
        SHARED | {"sample_size": 4, "topk": 2, "temperature": 0.5},
        losses.CoupledRankDistilLoss(sample_size=4, topk=2, temperature=0.5),
    ),
    "GumbelApproxNDCGLoss": (WEIGHTED | GUMBEL | {"temperature": 0.1}, losses.GumbelApproxNDCGLoss(seed=3)),
    "ListMLELoss": (
        WEIGHTED | {"lambda_weight": LIST_MLE},
        losses.ListMLELoss(lambda_weight=losses.ListMLELambdaWeight(gains.inverse)),
    ),
    "MeanSquaredLoss": (SHARED | {"ragged": True}, losses.MeanSquaredLoss(ragged=True)),
    "MixtureEMLoss": (WEIGHTED | {"alpha": 0.5}, losses.MixtureEMLoss(alpha=0.5)),
    "OrdinalLoss": (SHARED, losses.OrdinalLoss(ordinal_size=None)),
    "PairwiseHingeLoss": (
        WEIGHTED | {"lambda_weight": PRECISION},
        losses.PairwiseHingeLoss(lambda_weight=losses.PrecisionLambdaWeight(topn=2)),
    ),
    "PairwiseLogisticLoss": (
        WEIGHTED | {"lambda_weight": NDCG, "temperature": 2.0},
        losses.PairwiseLogisticLoss(
            temperature=2.0, lambda_weight=losses.NDCGLambdaWeight(topn=3, smooth_fraction=0.25)
        ),
    ),
    "PairwiseMSELoss": (
        WEIGHTED | {"lambda_weight": {"class_name": "tensorflow_ranking>LabelDiffLambdaWeight", "config": {}}},
        losses.PairwiseMSELoss(lambda_weight=losses.LabelDiffLambdaWeight()),
    ),
    "PairwiseSoftZeroOneLoss": (
        WEIGHTED | {"lambda_weight": DCG, "reduction": "sum"},
        losses.PairwiseSoftZeroOneLoss(
            reduction="sum", lambda_weight=losses.DCGLambdaWeight(3, gains.pow_minus_1, smooth_fraction=0.25)
        ),
    ),
    "SigmoidCrossEntropyLoss": (SHARED | {"reduction": "none"}, losses.SigmoidCrossEntropyLoss(reduction="none")),
    "SoftmaxLoss": (WEIGHTED | {"name": "mine"}, losses.SoftmaxLoss(name="mine")),
    "UniqueSoftmaxLoss": (WEIGHTED, losses.UniqueSoftmaxLoss()),
    "YetiLogisticLoss": (
        WEIGHTED
        | GUMBEL
        | {
            "lambda_weight": {
                "class_name": "tensorflow_ranking>YetiDCGLambdaWeight",
                "config": {k: v for k, v in NDCG["config"].items() if k != "smooth_fraction"} | {"normalized": False},
            }
        },
        losses.YetiLogisticLoss(seed=3, lambda_weight=losses.YetiDCGLambdaWeight(topn=3)),
    ),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_configs_of_tensorflow_ranking(name):
    config, ours = WRITTEN[name]
    forms = [
        {"class_name": name, "config": config},
        {"class_name": f"tensorflow_ranking>{name}", "config": config},
        {
            "module": "tensorflow_ranking.python.keras.losses",
            "class_name": name,
            "config": config,
            "registered_name": f"tensorflow_ranking>{name}",
        },
    ]
    for form in forms:
        loss = losses.deserialize(json.loads(json.dumps(form)))
        assert type(loss) is type(ours)
        unnamed = {} if config["name"] else {"name": None}
        assert loss.get_config() | unnamed == ours.get_config() | unnamed


def test_a_config_of_tensorflow_ranking_gives_the_number_of_tensorflow_ranking():
    """Its default, the mean over the 2 documents of the list, is half the sum per list."""
    loss = losses.deserialize({"class_name": "tensorflow_ranking>PairwiseLogisticLoss", "config": WEIGHTED})
    np.testing.assert_allclose(float(loss([[1, 0]], [[0.6, 0.8]])), 2 * 0.39906943, rtol=1e-6)


@pytest.mark.parametrize("kind", [losses.NpairsLoss, losses.NpairsMultilabelLoss])
def test_configs_of_addons(kind):
    config = {"reduction": "none", "name": "pairs"}
    loss = losses.deserialize({"class_name": f"Addons>{kind.__name__}", "config": config})
    assert type(loss) is kind
    assert loss.get_config() == {"name": "pairs"}


def test_an_ordinal_loss_takes_as_many_levels_as_the_scores_have():
    """TensorFlow Ranking leaves `ordinal_size` out of the config, and reloads it as 1."""
    loss = losses.deserialize({"class_name": "tensorflow_ranking>OrdinalLoss", "config": SHARED})
    labels, scores = [[1, 0]], [[[0.6, 0.2], [0.8, 0.3]]]
    np.testing.assert_allclose(float(loss(labels, scores)), 2 * 1.6305413, rtol=1e-6)
    reloaded = losses.OrdinalLoss.from_config(losses.OrdinalLoss(ordinal_size=3).get_config())
    with pytest.raises(ValueError, match=r"ordinal_size=3 needs 3 scores per document, but got scores \[1, 2, 2\]"):
        reloaded(labels, scores)


@pytest.mark.parametrize("name", WRITTEN)
def test_our_own_configs(name):
    loss = WRITTEN[name][1]
    read = losses.deserialize(json.loads(json.dumps(keras.saving.serialize_keras_object(loss))))
    assert type(read) is type(loss)
    assert read.get_config() == loss.get_config()


def cubed(label):
    return label**3


def test_functions_of_your_own():
    weight = {"class_name": "tensorflow_ranking>DCGLambdaWeight", "config": {"gain_fn": "cubed"}}
    config = {"class_name": "SoftmaxLoss", "config": {"lambda_weight": weight}}
    loss = losses.deserialize(config, custom_objects={"cubed": cubed})
    assert loss.options["lambda_weight"].gain_fn is cubed
    with pytest.raises(ValueError, match="gain_fn='cubed' names no known function: register it with Keras"):
        losses.deserialize(config)


@pytest.mark.parametrize(
    "config, wrong",
    [
        ({"class_name": "HingeLoss", "config": {}}, "unknown loss 'HingeLoss'; did you mean 'PairwiseHingeLoss'"),
        ({"class_name": "SoftmaxLoss", "config": {"beta": 1}}, "unknown option of SoftmaxLoss: 'beta'; known are"),
        ("softmax", "a config must be a dict with class_name and config, but got 'softmax'"),
        (
            {"class_name": "SoftmaxLoss", "config": {"lambda_weight": {"class_name": "X", "config": {}}}},
            "unknown lambda weight 'X'; known are DCGLambdaWeight",
        ),
        (
            {"class_name": "SoftmaxLoss", "config": {"lambda_weight": "DCGLambdaWeight"}},
            "lambda_weight must be None or a dict with class_name and config, but got 'DCGLambdaWeight'",
        ),
        ({"class_name": "SoftmaxLoss", "config": {"temperature": -1}}, "temperature must be a number greater than 0"),
    ],
)
def test_what_cannot_be_read_is_refused(config, wrong):
    with pytest.raises(ValueError, match=wrong):
        losses.deserialize(config)


def test_every_loss_has_the_name_of_its_function():
    classes = [name for name in losses.__all__ if name.endswith("Loss") and name != "RankingLoss"]
    assert len(classes) == 32
    names = "approx_average_precision approx_mrr approx_ndcg approx_precision approx_recall calibrated_softmax circle"
    names += " click_em coupled_rank_distil gumbel_approx_ndcg in_batch_softmax list_mle list_net margin_mse"
    names += " mean_squared mixture_em multi_class neural_sort_ndcg npairs npairs_multilabel ordinal pairwise_hinge"
    names += " pairwise_logistic pairwise_mse pairwise_soft_zero_one poly_one_softmax sigmoid_cross_entropy softmax"
    names += " neural_sort_cross_entropy pairwise_squared_hinge unique_softmax yeti_logistic"
    made = {name: losses.get(name, name="mine") for name in names.split()}
    assert {loss.name for loss in made.values()} == {"mine"}
    assert sorted(type(loss).__name__ for loss in made.values()) == sorted(classes)
    for name in made:
        assert callable(getattr(losses, name))


def test_a_lambda_weight_by_its_name():
    weighted = losses.get("softmax", lambda_weight="DCGLambdaWeight")
    assert isinstance(weighted.options["lambda_weight"], losses.DCGLambdaWeight)
    weighted = losses.get("pairwise_hinge", lambda_weight={"NDCGLambdaWeight": {"topn": 3}})
    assert weighted.options["lambda_weight"].topn == 3
    weighted = losses.get("softmax", lambda_weight={"DCGLambdaWeight": {"gain_fn": "pow_minus_1"}})
    assert weighted.options["lambda_weight"].gain_fn is gains.pow_minus_1
    with pytest.raises(ValueError, match="gain_fn='square' names no known function"):
        losses.get("softmax", lambda_weight={"DCGLambdaWeight": {"gain_fn": "square"}})
    with pytest.raises(ValueError, match="unknown lambda weight 'X'; known are DCGLambdaWeight"):
        losses.get("softmax", lambda_weight="X")
    with pytest.raises(ValueError, match="lambda_weight must be the name of a class or"):
        losses.get("softmax", lambda_weight={"A": None, "B": None})


def test_a_loss_of_your_own_does_not_take_a_name():
    @keras.saving.register_keras_serializable("mine")
    class HalfLoss(losses.SoftmaxLoss):
        pass

    assert float(ops.convert_to_numpy(HalfLoss()([[1.0, 0.0]], [[0.0, 0.0]]))) > 0
    with pytest.raises(ValueError, match="unknown loss 'half'"):
        losses.get("half")


@pytest.mark.parametrize("name", [1, None, ["softmax"]])
def test_a_name_is_a_string(name):
    with pytest.raises(ValueError, match="the name of a loss must be a string, but got"):
        losses.get(name)


@keras.saving.register_keras_serializable("mine")
class WarmLoss(losses.SoftmaxLoss):
    def __init__(self, warmth=1.0, **kwargs):
        super().__init__(temperature=warmth, **kwargs)


@keras.saving.register_keras_serializable("mine")
class Power:
    """A gain that is an object and not a function."""

    def __init__(self, power=2.0):
        self.power = power

    def __call__(self, label):
        return label**self.power

    def get_config(self):
        return {"power": self.power}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class Unsaved:
    def document_weights(self, labels, ranks):
        return labels


def test_a_subclass_with_further_arguments_reloads():
    first = WarmLoss(warmth=2.0, reduction="sum", ragged=True)
    read = keras.saving.deserialize_keras_object(json.loads(json.dumps(keras.saving.serialize_keras_object(first))))
    assert type(read) is WarmLoss
    assert (read.temperature, read.reduction, read.ragged) == (2.0, "sum", True)
    assert read.get_config() == first.get_config()


def test_a_gain_may_be_an_object():
    weight = losses.DCGLambdaWeight(gain_fn=Power(3.0))
    read = losses.DCGLambdaWeight.from_config(json.loads(json.dumps(weight.get_config())))
    assert read.gain_fn.power == 3.0


def test_a_weight_that_no_file_can_hold_is_refused_when_written():
    with pytest.raises(ValueError, match=r"lambda_weight=.*cannot be saved"):
        losses.SoftmaxLoss(lambda_weight=Unsaved()).get_config()
