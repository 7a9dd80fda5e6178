"""Training on clicks: an epoch chosen by their loss, what is saved to rank with, and runs that go on."""

import csv
import dataclasses

import keras
import numpy as np
import pytest
import yaml
from conftest import made_lists
from keras import ops

import plackett
from plackett import losses
from plackett.data import Batches, RankingLists


def with_clicks(lists, seed):
    """Lists that nobody judged, with clicks on what is seen, P = 1 / position, and relevant."""
    random = np.random.default_rng(seed)
    position = np.concatenate([1 + random.permutation(n) for n in lists.lengths]).astype("float32")
    click = ((random.random(len(position)) < 1 / position) & (lists.labels > 0)).astype("float32")
    return RankingLists.from_arrays(lists.features, group=lists.lengths, columns={"position": position, "click": click})


JUDGED = made_lists(20, seed=1)
LISTS, VALIDATION = with_clicks(made_lists(48, seed=0), 0), with_clicks(JUDGED, 1)
QUICK = {
    "loss": "click_em",
    "target": "click",
    "metric": "validation_loss",
    "scorer": "two_tower",
    "scorer_options": {"relevance_options": {"hidden": [4]}},
    "epochs": 3,
    "batch_size": 16,
    "learning_rate": 0.03,
}


def train(lists=LISTS, validation=VALIDATION, **settings):
    return plackett.train(lists, validation, **QUICK | settings)


def mean_loss(loss, model, lists=VALIDATION):
    """The mean over lists, each taken alone."""
    found = []
    for one in lists:
        fed, clicks, weights = Batches(one, 1, targets="click", inputs=("position",))[0]
        found.append(float(ops.convert_to_numpy(loss(clicks, model.predict_on_batch(fed), sample_weight=weights))))
    return np.mean(found)


def test_the_validation_loss_is_the_mean_of_the_loss_over_validation_lists():
    trained = train()
    values = [row["validation_loss"] for row in trained.history]
    assert list(trained.history[0]) == ["epoch", "loss", "validation_loss"]
    assert trained.best["validation_loss"] == min(values) < max(values)
    assert mean_loss(losses.ClickEMLoss(), trained.model) == pytest.approx(min(values), rel=1e-5)


def test_it_is_the_same_for_any_reduction_and_heeds_weights():
    random = np.random.default_rng(0)
    weighed = dataclasses.replace(
        VALIDATION, columns=VALIDATION.columns | {"weight": random.integers(1, 5, len(VALIDATION.labels)) / 1.0}
    )
    values = [
        train(validation=weighed, metric=losses.ClickEMLoss(reduction=reduction), epochs=1).best["validation_loss"]
        for reduction in ("auto", "sum", "none")
    ]
    np.testing.assert_allclose(values, values[0], rtol=1e-5)
    trained = train(validation=weighed, epochs=1)
    assert trained.best["validation_loss"] == pytest.approx(values[0], rel=1e-5)
    assert mean_loss(losses.ClickEMLoss(), trained.model, weighed) == pytest.approx(values[0], rel=1e-5)
    assert train(epochs=1).best["validation_loss"] != pytest.approx(values[0], rel=1e-2)


def test_a_loss_of_plackett_may_stand_in_place_of_the_metric(tmp_path):
    other = losses.ClickEMLoss(exam_loss_weight=0.0)
    trained = train(metric=other, output=tmp_path / "run")
    assert mean_loss(other, trained.model) == pytest.approx(trained.best["validation_loss"], rel=1e-5)
    config = yaml.safe_load((tmp_path / "run/config.yaml").read_text())
    again = train(metric=config["metric"])
    assert again.history == trained.history


def test_noise_is_the_same_in_each_epoch():
    lists = made_lists(30, seed=0)
    plain = {"loss": "gumbel_approx_ndcg", "metric": "validation_loss", "scorer_options": {"hidden": []}}
    still = {"optimizer": keras.optimizers.SGD(0.0), "epochs": 2, "batch_size": 8}
    first, second = plackett.train(lists, JUDGED, **plain, **still).history
    assert first["validation_loss"] == second["validation_loss"]


def test_the_losses_of_tasks_are_added_up_by_their_weights():
    clicked = [
        dataclasses.replace(lists, columns={"click": (lists.labels > 1).astype("float32")})
        for lists in (made_lists(30, seed=0), JUDGED)
    ]
    tasks = {"grade": {"loss": "softmax"}, "click": {"target": "click", "loss": "softmax", "weight": 0.5}}
    trained = plackett.train(*clicked, tasks=tasks, metric="validation_loss", epochs=1, scorer_options={"hidden": [4]})
    inputs, labels, weights = Batches(clicked[1], 20, targets={"grade": "label", "click": "click"})[0]
    outputs = trained.model.predict_on_batch(inputs)
    grade, click = (
        float(ops.convert_to_numpy(losses.SoftmaxLoss()(labels[name], outputs[name], sample_weight=weights[name])))
        for name in tasks
    )
    assert trained.best["validation_loss"] == pytest.approx(grade + 0.5 * click, rel=1e-5)


def test_judgements_are_needed_only_where_the_metric_is_of_them():
    with pytest.raises(ValueError, match=r"nobody judged .* of the validation lists.* \(--metric validation_loss\)"):
        train(metric="ndcg@10")
    with pytest.raises(ValueError, match="nobody judged the documents of the validation lists"):
        plackett.train(made_lists(20, seed=0), VALIDATION, metric="validation_loss")
    judged = dataclasses.replace(JUDGED, columns={})  # which have no positions either
    assert train(validation=judged, metric="ndcg@10", epochs=1).best["ndcg@10"] > 0


def columns_without(lists, name):
    return dataclasses.replace(lists, columns={key: x for key, x in lists.columns.items() if key != name})


def test_what_validation_by_clicks_needs_is_said_before_training(tmp_path):
    deep = dataclasses.replace(
        VALIDATION, columns=VALIDATION.columns | {"position": VALIDATION.columns["position"] + 9}
    )
    cases = {
        "position is missing": columns_without(VALIDATION, "position"),
        "unknown target of these lists 'click'": columns_without(VALIDATION, "click"),
        "position must be at most 12, the last one that the examination tower knows, but it is": deep,
    }
    for words, validation in cases.items():
        with pytest.raises(ValueError, match=words):
            train(validation=validation, output=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(ValueError, match=r"or validation_loss or a loss of plackett\.losses, but got"):
        train(validation=JUDGED, metric=keras.saving.serialize_keras_object(keras.losses.MeanSquaredError()))


@pytest.mark.parametrize("loss", ["click_em", "mixture_em"])
def test_losses_that_need_positions_say_so_without_them(loss):
    for scorer in (None, "mlp"):
        with pytest.raises(ValueError, match=rf"{loss} needs the position .* give scorer='two_tower' \(--scorer two_"):
            train(loss=loss, scorer=scorer, scorer_options={})
    clicked = dataclasses.replace(JUDGED, columns={"position": VALIDATION.columns["position"]})
    with pytest.raises(ValueError, match=f"{loss} needs the position"):
        plackett.train(clicked, clicked, loss=loss)
    with pytest.raises(ValueError, match="position is missing"):
        train(columns_without(LISTS, "position"), loss=loss)


def files_of(folder):
    return {path.name for path in folder.iterdir()} - {".lock", "checkpoints"}


def test_what_ranks_is_saved_alone_and_the_whole_beside_it(tmp_path):
    trained = train(output=tmp_path / "run")
    assert files_of(tmp_path / "run") == {
        "config.yaml", "environment.yaml", "model.keras", "whole_model.keras", "metrics.json", "history.csv"
    }  # fmt: skip
    ranker, whole = (plackett.load(tmp_path / "run" / name) for name in ("", "whole_model.keras"))
    assert sorted(ranker.input) == sorted(trained.ranker.input) == ["features", "mask"]
    assert sorted(whole.input) == sorted(trained.model.input) == ["features", "mask", "position"]
    bare = dataclasses.replace(VALIDATION, columns={})
    scores = plackett.score(trained.model, bare)
    for model in (ranker, whole, trained.ranker):
        np.testing.assert_allclose(plackett.score(model, bare), scores, rtol=1e-5, atol=1e-6)
    value = mean_loss(losses.ClickEMLoss(), whole)
    with (tmp_path / "run/history.csv").open() as file:
        assert min(float(row["validation_loss"]) for row in csv.DictReader(file)) == pytest.approx(value, rel=1e-5)
    plackett.train(JUDGED, JUDGED, output=tmp_path / "run", overwrite=True, epochs=1)
    assert "whole_model.keras" not in files_of(tmp_path / "run")


class KilledError(Exception):
    """Stands for a process that ends."""


class KillAtStep(keras.callbacks.Callback):
    def __init__(self, epoch, batch):
        super().__init__()
        self.moment, self.epoch = (epoch, batch), 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.moment:
            raise KilledError


def test_a_killed_run_of_two_towers_ends_as_an_undisturbed_one(tmp_path):
    confounded = {"combine": "add", "examination_dropout": 0.5, "gradient_reversal": 0.1}
    settings = {
        "loss": "sigmoid_cross_entropy",
        "checkpoint_steps": 2,
        "patience": 9,
        "scorer_options": QUICK["scorer_options"] | confounded,
    }
    undisturbed = train(**settings)
    with pytest.raises(KilledError):
        train(**settings, output=tmp_path / "run", callbacks=[KillAtStep(1, 1)])
    for _ in range(2):  # the second time it is finished, and read from its files
        resumed = train(**settings, output=tmp_path / "run", resume=True)
        assert resumed.history == undisturbed.history
        for a, b in zip(resumed.model.get_weights(), undisturbed.model.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_evaluation_ranks_by_the_relevance_tower():
    """`evaluate` makes one system of a model of two towers, which needs no positions."""
    trained = train()
    found = plackett.evaluate(trained.model, JUDGED, ["ndcg@10"])
    assert found["ndcg@10"] == plackett.evaluate(trained.ranker, JUDGED, ["ndcg@10"])["ndcg@10"] > 0.5
