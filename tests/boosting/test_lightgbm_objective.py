"""Our losses as objectives of `lightgbm.train`."""

import lightgbm
import numpy as np
import pytest
from sklearn.model_selection import GroupKFold
from small_trees import LISTS, OTHERS, TREES, dataset, ndcg, train_lightgbm

from plackett import losses
from plackett.boosting import lightgbm_metric, lightgbm_objective

NOISY = "gumbel_approx_ndcg"


@pytest.mark.parametrize(
    "objective",
    [
        lightgbm_objective("softmax"),
        lightgbm_objective("unique_softmax"),
        lightgbm_objective(NOISY, seed=0),
        lightgbm_objective("yeti_logistic", seed=0),
        lightgbm_objective("pairwise_logistic"),
    ],
    ids=repr,
)
def test_trees_learn_to_rank(objective):
    learnt = ndcg(train_lightgbm(objective).predict(OTHERS.features))
    assert learnt > ndcg(np.zeros(len(OTHERS.labels))) + 0.15
    assert learnt > ndcg(train_lightgbm("rank_xendcg").predict(OTHERS.features)) - 0.03


def test_a_lambda_weight_is_that_of_the_loss():
    loss = losses.PairwiseLogisticLoss(lambda_weight=losses.NDCGLambdaWeight(topn=3))
    weighed, plain = (train_lightgbm(lightgbm_objective(one)) for one in (loss, losses.PairwiseLogisticLoss()))
    assert np.abs(weighed.predict(LISTS.features) - plain.predict(LISTS.features)).max() > 0.01
    assert ndcg(weighed.predict(OTHERS.features)) > 0.8


def test_a_function_without_a_name_is_a_loss_too():
    ours = train_lightgbm(lightgbm_objective(lambda labels, scores: (scores - labels) ** 2 / 2), 3)
    theirs = train_lightgbm(
        "l2", 3, dataset(weight=1 / np.repeat(LISTS.lengths, LISTS.lengths)), {"boost_from_average": False}
    )
    np.testing.assert_allclose(ours.predict(OTHERS.features), theirs.predict(OTHERS.features), rtol=1e-5)


@pytest.mark.parametrize(
    "loss",
    [
        losses.PairwiseSoftZeroOneLoss(),
        losses.ApproxPrecisionLoss(topn=3, temperature=1.0),
        losses.ApproxRecallLoss(topn=3, temperature=1.0),
    ],
    ids=repr,
)
def test_losses_that_are_steep_and_hardly_bent_at_equal_scores_take_no_leap_from_there(loss):
    booster = train_lightgbm(lightgbm_objective(loss))
    assert np.abs(booster.predict(OTHERS.features)).max() < 20
    assert ndcg(booster.predict(OTHERS.features)) > ndcg(np.zeros(len(OTHERS.labels))) + 0.15


def test_a_seed_repeats_a_training_to_the_bit():
    texts = [train_lightgbm(lightgbm_objective(NOISY, seed=seed)).model_to_string() for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]


@pytest.mark.parametrize("name", ["softmax", NOISY])
def test_training_goes_on_from_a_model_as_if_it_had_not_stopped(name, tmp_path):
    objective = lightgbm_objective(name)
    whole, half = (train_lightgbm(objective, rounds, dataset(free_raw_data=False)) for rounds in (20, 10))
    half.save_model(tmp_path / "half.txt")
    for start in (half, tmp_path / "half.txt"):
        rest = train_lightgbm(objective, 10, dataset(free_raw_data=False), init_model=start)
        np.testing.assert_allclose(rest.predict(LISTS.features), whole.predict(LISTS.features), rtol=1e-6, atol=1e-6)


def test_validation_lists_have_groups_of_their_own_and_stop_training():
    data = dataset()
    told = {}
    booster = train_lightgbm(
        lightgbm_objective("unique_softmax"),
        200,
        data,
        {"learning_rate": 0.5, "metric": ["ndcg"], "eval_at": [10]},
        valid_sets=[data, dataset(OTHERS, reference=data)],
        valid_names=["train", "others"],
        feval=[lightgbm_metric("ndcg@10", like="lightgbm"), lightgbm_metric("mrr")],
        callbacks=[lightgbm.early_stopping(5, verbose=False), lightgbm.record_evaluation(told)],
    )
    assert 0 < booster.best_iteration < 195
    for name in ("train", "others"):
        ours, theirs = (told[name][metric] for metric in ("ndcg@10[exp2,empty=1,ties=position]", "ndcg@10"))
        np.testing.assert_allclose(ours, theirs, atol=1e-9)
    assert booster.best_score["others"]["mrr[empty=0,ties=position]"] > 0.5


def test_our_metric_alone_stops_training():
    data = dataset()
    feval = lightgbm_metric("ndcg@10")
    booster = train_lightgbm(
        lightgbm_objective("softmax"),
        200,
        data,
        {"first_metric_only": True, "early_stopping_round": 5, "learning_rate": 0.5},
        valid_sets=[dataset(OTHERS, reference=data)],
        feval=feval,
    )
    best = booster.predict(OTHERS.features, num_iteration=booster.best_iteration)
    assert booster.current_iteration() < 200
    assert booster.best_score["valid_0"][feval.name] == pytest.approx(ndcg(best))


def test_a_query_of_weight_2_counts_as_if_it_were_there_twice():
    x = LISTS.features.round()  # few values, of which both datasets make the same bins
    first = LISTS.lengths[0]
    params = {"min_data_in_leaf": 1, "min_data_in_bin": 1}
    twice = lightgbm.Dataset(
        np.concatenate([x[:first], x]),
        label=np.concatenate([LISTS.labels[:first], LISTS.labels]),
        group=[first, *LISTS.lengths],
    )
    weights = np.repeat([2.0, 1.0], [first, len(x) - first])
    weighed = lightgbm.Dataset(x, label=LISTS.labels, group=LISTS.lengths, weight=weights)
    plain = lightgbm.Dataset(x, label=LISTS.labels, group=LISTS.lengths)
    scores = [
        train_lightgbm(lightgbm_objective("softmax"), 5, data, params).predict(x) for data in (twice, weighed, plain)
    ]
    np.testing.assert_allclose(scores[0], scores[1], rtol=1e-4, atol=1e-4)
    assert np.abs(scores[0] - scores[2]).max() > 1e-3


def test_dart_drops_trees_and_learns():
    objective = lightgbm_objective("unique_softmax")
    dart = train_lightgbm(objective, 30, params={"boosting": "dart", "drop_rate": 0.3})
    plain = train_lightgbm(objective, 30)
    assert ndcg(dart.predict(OTHERS.features)) > 0.8
    shrunk = [tree["shrinkage"] for tree in dart.dump_model()["tree_info"]]
    assert len(set(shrunk)) > len({tree["shrinkage"] for tree in plain.dump_model()["tree_info"]})


def test_cross_validation_by_groups():
    told = lightgbm.cv(
        TREES | {"objective": lightgbm_objective(NOISY)},
        dataset(),
        5,
        folds=GroupKFold(3),
        feval=lightgbm_metric("ndcg@10"),
    )
    (means,) = (values for name, values in told.items() if name.endswith("-mean"))
    assert len(means) == 5
    assert means[-1] > 0.7


@pytest.mark.parametrize("params", [{"objective": lightgbm_objective("softmax")}, {"objective": "l2"}])
def test_folds_that_cut_through_lists_are_refused(params):
    with pytest.raises(
        ValueError, match=r"cuts .* lists in all: give lightgbm.cv folds that keep lists whole, folds=skl"
    ):
        lightgbm.cv(TREES | params, dataset(), 5, nfold=3, stratified=False, feval=lightgbm_metric("ndcg@10"))


@pytest.mark.parametrize("lists, whole", [(slice(10, 30), True), (slice(10, 31), False)])
def test_a_part_of_a_dataset_keeps_its_lists_whole(lists, whole):
    ends = np.cumsum(LISTS.lengths)
    rows = np.arange(ends[lists.start - 1], ends[29] + (0 if whole else 1))
    part = dataset().construct().subset(rows)
    if not whole:
        with pytest.raises(
            ValueError, match=r"has 1 of the \d+ documents of list 30 \(from 0\), and cuts 1 lists in all"
        ):
            train_lightgbm(lightgbm_objective("softmax"), 3, part)
    else:
        assert train_lightgbm(lightgbm_objective("softmax"), 3, part).num_trees() == 3


@pytest.mark.parametrize(
    "sampling",
    [{"bagging_fraction": 0.5, "bagging_freq": 1, "feature_fraction": 0.6}, {"data_sample_strategy": "goss"}],
    ids=["bagging", "goss"],
)
def test_trees_of_samples(sampling):
    assert ndcg(train_lightgbm(lightgbm_objective("softmax"), params=sampling).predict(OTHERS.features)) > 0.75


def test_bagging_by_query_is_refused_since_lightgbm_does_it_wrong():
    params = {"bagging_by_query": True, "bagging_fraction": 0.5, "bagging_freq": 1}
    with pytest.raises(
        ValueError, match="LightGBM grows wrong trees if bagging_by_query is used with a custom objective"
    ):
        train_lightgbm(lightgbm_objective("softmax"), params=params)
