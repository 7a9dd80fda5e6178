"""What an objective or a metric refuses, and in which words."""

import re

import lightgbm
import numpy as np
import pytest
from keras import ops
from small_trees import LISTS, TREES, dataset, train_lightgbm

from plackett import losses, metrics
from plackett.boosting import Objective, catboost_objective, lightgbm_metric, lightgbm_objective, xgboost_objective
from plackett.registry import register

LABELS, SCORES, GROUP = [1.0, 0.0, 2.0], [0.0, 0.0, 0.0], [2, 1]


@register
class OwnCall(losses.RankingLoss):
    """A loss that computes all by itself."""

    fn = staticmethod(losses.softmax)

    def call(self, y_true, y_pred):
        return ops.sum(y_pred, axis=-1)


@pytest.mark.parametrize(
    "loss, wrong",
    [
        ("mixture_em", "trees give one score per document, but MixtureEMLoss() takes several scores per document"),
        ("npairs", "trees give one score per document, but NpairsLoss() takes similarities of rows"),
        ("ordinal", "trees give one score per document, but OrdinalLoss() takes several scores per document"),
        ("softmx", "unknown loss 'softmx'; did you mean 'softmax'?"),
        (OwnCall(), "has a `call` of its own, which is not told which documents are padding"),
        (losses.SoftmaxLoss, "loss must be an object, SoftmaxLoss(...), but got the class SoftmaxLoss"),
        (3, "loss must be a loss of Keras or a function of labels and scores, but got 3"),
    ],
)
@pytest.mark.parametrize("make", [Objective, lightgbm_objective, xgboost_objective, catboost_objective])
def test_losses_that_trees_cannot_learn_by(make, loss, wrong):
    with pytest.raises(ValueError, match=re.escape(wrong)):
        make(loss)


def test_options_go_with_a_name():
    with pytest.raises(ValueError, match=re.escape("temperature goes with the name of a loss, but SoftmaxLoss() is")):
        lightgbm_objective(losses.SoftmaxLoss(), temperature=2.0)
    assert lightgbm_objective("softmax", temperature=2.0).loss == losses.SoftmaxLoss(temperature=2.0)


@pytest.mark.parametrize(
    "changed, wrong",
    [
        ({"group": None}, "there are no groups: give the number of documents of each list, group=[...]"),
        ({"group": []}, "there are no groups: give the number of documents of each list, group=[...]"),
        (
            {"group": [2, 2]},
            "the groups must add up to the number of documents, but those of 2 lists add up to 4 and there are 3",
        ),
        ({"group": [1, 1, 2]}, "group gives the number of documents of each list, not the list of each document"),
        ({"group": [4, -1]}, "group must be [lists] whole numbers of at least 0"),
        ({"group": [1.5, 1.5]}, "group must be [lists] whole numbers of at least 0"),
        ({"group": [[2, 1]]}, "group must be [lists] whole numbers of at least 0"),
        (
            {"labels": [1, 0, np.nan]},
            "labels must be finite numbers, but that of row 2, of list 1 (both from 0), is nan",
        ),
        (
            {"labels": [1, -1, 0]},
            "softmax_loss reads labels as grades, >= 0, but that of row 1, of list 0 (both from 0)",
        ),
        (
            {"labels": [2**24, 2**24 + 1, 0]},
            "softmax_loss reads labels as grades, below 2^24, beyond which float32 rounds, but that of row 0, of",
        ),
        ({"labels": ["a", "b", "c"]}, "labels must be [documents] numbers, but got <U1 of shape (3,)"),
        ({"labels": None}, "labels must be [documents] numbers, but got object of shape ()"),
        ({"scores": [0j, 1j, 0j]}, "scores must be [documents] numbers, but got complex128 of shape (3,)"),
        ({"weights": ["a", "b", "c"]}, "weights must be [documents] numbers, but got <U1 of shape (3,)"),
        ({"scores": [0, np.inf, 0]}, "scores must be finite, but that of row 1 is inf: training has diverged"),
        ({"scores": np.zeros((3, 2))}, "there must be one score per document, but got scores of shape (3, 2)"),
        ({"scores": [0, 0]}, "there must be one score per document, but got 2 scores for 3"),
        ({"weights": [1, 2, 3, 4]}, "weights must be one a document, (3,), or one a list, (2,), but got (4,)"),
        ({"weights": [1, -2, 3]}, "weights must be finite and >= 0, but weight 1 (from 0) is -2"),
        (
            {"group": [2, 1, 0], "weights": [1, 2, 3]},
            "weights may be one a document or one a list, but there are 3 of both: leave the lists without",
        ),
        ({"weights": [np.nan, 1]}, "weights must be finite and >= 0, but weight 0 (from 0) is nan"),
    ],
)
def test_arrays_that_do_not_fit(changed, wrong):
    arguments = {"labels": LABELS, "scores": SCORES, "group": GROUP} | changed
    with pytest.raises(ValueError, match=re.escape(wrong)):
        Objective("softmax")(**arguments)


def test_labels_below_0_are_refused_where_a_lambda_weight_makes_gains_of_them():
    labels = [1, -1, 0]
    for weight in (None, losses.LabelDiffLambdaWeight()):
        gradient, _ = Objective(losses.PairwiseMSELoss(lambda_weight=weight))(labels, SCORES, GROUP)
        assert gradient[0] < 0 < gradient[1]
    with pytest.raises(ValueError, match="pairwise_mse_loss reads labels as grades, >= 0, but that of row 1"):
        Objective(losses.PairwiseMSELoss(lambda_weight=losses.NDCGLambdaWeight()))(labels, SCORES, GROUP)


@pytest.mark.parametrize("weights", [[], 1.0])
def test_wrong_weights_are_refused_after_a_round_without_weights(weights):
    objective = Objective("softmax")
    objective([1.0], [0.0], [1])
    objective([1.0], [0.0], [1], [1.0])
    with pytest.raises(ValueError, match=r"weights must be one a document, \(1,\), or one a list, \(1,\), but got \("):
        objective([1.0], [0.0], [1], weights)


def test_derivatives_that_are_not_finite():
    labels, scores = [0, 1, 200, 1], [0.0, 0.0, 0.0, 1.0]
    with pytest.raises(
        ValueError,
        match=r"the derivatives of unique_softmax_loss must be finite, but those of row 1, of list 1 \(both from 0\)",
    ):
        Objective("unique_softmax")(labels, scores, group=[1, 3])
    with pytest.raises(ValueError, match=r"its scores are too large for the loss in float32"):
        Objective("mean_squared")([1, 0], [3e38, -3e38], group=[2])


def test_a_label_whose_gain_is_too_large_is_no_model_of_nothing():
    data = lightgbm.Dataset(LISTS.features, label=LISTS.labels * 100, group=LISTS.lengths)
    with pytest.raises(ValueError, match="the derivatives of unique_softmax_loss must be finite, but those of row"):
        train_lightgbm(lightgbm_objective("unique_softmax"), data=data)


def test_a_dataset_without_groups():
    data = lightgbm.Dataset(LISTS.features, label=LISTS.labels)
    with pytest.raises(ValueError, match=r"the Dataset of LightGBM has no groups: make it with lightgbm.Dataset\(X"):
        train_lightgbm(lightgbm_objective("softmax"), data=data)
    with pytest.raises(ValueError, match="the Dataset of LightGBM has no groups"):
        lightgbm.LGBMRegressor(objective=lightgbm_objective("softmax"), **TREES).fit(LISTS.features, LISTS.labels)
    with pytest.raises(ValueError, match="the Dataset of LightGBM has no groups"):
        train_lightgbm("l2", data=data, valid_sets=[data], feval=lightgbm_metric("mrr"))


def test_a_booster_of_classes():
    with pytest.raises(ValueError, match=r"there must be one score per document, but got scores of shape \(\d+, 3\)"):
        train_lightgbm(lightgbm_objective("softmax"), params={"num_class": 3})


def test_scores_to_start_from_that_are_not_finite():
    start = np.zeros(len(LISTS.labels))
    start[3] = 1e300
    with pytest.raises(
        ValueError, match=r"scores must be finite, but that of row 3 is 1e\+300: training has diverged, or"
    ):
        train_lightgbm(lightgbm_objective("softmax"), data=dataset(init_score=start))


@pytest.mark.parametrize(
    "metric, like, wrong",
    [
        ("ndgc@10", None, "unknown metric 'ndgc'"),
        ("ndcg@10", "solr", "unknown peer 'solr'"),
        ("mrr", "lightgbm", "lightgbm has no mrr; it has map@k, ndcg@k"),
        (metrics.NDCG(10), "lightgbm", "like='lightgbm' sets the convention of each metric: give its name"),
        (3, None, "metric must be a name such as ndcg@10, or a metric of plackett.metrics, but got 3"),
        ("alpha_dcg", None, "alpha_dcg needs labels with an axis of subtopics"),
    ],
)
def test_metrics_that_there_are_not(metric, like, wrong):
    with pytest.raises(ValueError, match=re.escape(wrong)):
        lightgbm_metric(metric, like=like)
