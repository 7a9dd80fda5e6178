"""Several losses of the same scores: tasks that share a head, and the plain ranker that comes of them."""

import dataclasses

import keras
import numpy as np
import pytest
from conftest import made_lists
from test_resume import OF_A_RUN, KillAfter, KilledError
from test_two_tower import LISTS as SHOWN
from test_two_tower import VALIDATION as SHOWN_VALIDATION

import plackett
from plackett import losses
from plackett.data import Batches, concatenate


def with_teacher(lists):
    """The lists with the scores of a teacher, of any sign."""
    return dataclasses.replace(lists, columns={"teacher": (4 * lists.features[:, 0]).astype("float32")})


LISTS, VALIDATION = with_teacher(made_lists(40, seed=0)), with_teacher(made_lists(15, seed=1))
TASKS = {
    "label": {"loss": "gumbel_approx_ndcg"},
    "teacher": {"target": "teacher", "loss": "coupled_rank_distil", "weight": 0.5},
}
QUICK = {"epochs": 2, "batch_size": 8, "scorer_options": {"hidden": [4], "dropout": 0.3}}


def train(lists=LISTS, validation=VALIDATION, tasks=TASKS, **settings):
    return plackett.train(lists, validation, tasks=tasks, shared_head=True, **QUICK | settings)


def assert_same_run(first, second):
    assert first.history == second.history
    for a, b in zip(first.model.get_weights(), second.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_losses_are_of_the_same_scores():
    tasks = {
        "label": {"loss": "softmax"},
        "teacher": {"target": "teacher", "loss": losses.MeanSquaredLoss(), "weight": 0.1},
    }
    trained = train(tasks=tasks, metric="validation_loss", epochs=1)
    (entry,) = trained.history
    assert entry["loss"] == pytest.approx(entry["label_loss"] + 0.1 * entry["teacher_loss"], rel=1e-4)
    inputs, labels, _ = Batches(VALIDATION, len(VALIDATION), targets={"label": "label", "teacher": "teacher"})[0]
    scores = keras.ops.convert_to_numpy(trained.model(inputs))
    expected = losses.softmax(labels["label"], scores, mask=inputs["mask"])
    expected += 0.1 * losses.mean_squared(labels["teacher"], scores, mask=inputs["mask"])
    assert entry["validation_loss"] == pytest.approx(keras.ops.convert_to_numpy(expected).mean(), rel=1e-5)


def test_a_task_without_weight_changes_nothing():
    tasks = {"label": {"loss": "softmax"}, "teacher": {"target": "teacher", "weight": 0.0, "loss": "list_mle"}}
    alone = plackett.train(LISTS, VALIDATION, loss="softmax", **QUICK)
    for a, b in zip(train(tasks=tasks).model.get_weights(), alone.model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_the_ranker_has_one_output(tmp_path):
    trained = train(output=tmp_path / "run")
    assert trained.ranker is trained.model
    assert trained.model.output.shape == (None, None)
    assert {path.name for path in (tmp_path / "run").iterdir()} == {*OF_A_RUN, "checkpoints"}
    for model in (plackett.load(tmp_path / "run"), keras.models.load_model(tmp_path / "run/model.keras")):
        scores = plackett.score(model, VALIDATION)
        np.testing.assert_array_equal(scores, plackett.score(trained.model, VALIDATION))
    assert plackett.evaluate(trained.model, VALIDATION)["ndcg@10"] == pytest.approx(trained.best["ndcg@10"], abs=1e-5)


def test_a_run_that_is_killed_ends_as_an_undisturbed_one(tmp_path):
    settings = {"checkpoint_steps": 2}
    with pytest.raises(KilledError):
        train(output=tmp_path / "run", callbacks=[KillAfter(7)], **settings)
    undisturbed = train(**settings)
    assert_same_run(train(output=tmp_path / "run", resume=True, **settings), undisturbed)
    finished = train(output=tmp_path / "run", resume=True, callbacks=[KillAfter(0)], **settings)
    assert_same_run(finished, undisturbed)


def test_two_towers_rank_by_the_relevance_tower(tmp_path):
    tasks = {"first": {"loss": "click_em"}, "second": {"loss": "click_em", "loss_options": {"exam_loss_weight": 2.0}}}
    options = {"relevance_options": {"hidden": [4]}}
    towers = {"scorer": "two_tower", "target": "click", "scorer_options": options, "epochs": 1}
    trained = train(SHOWN, SHOWN_VALIDATION, tasks, output=tmp_path / "run", **towers)
    assert sorted(trained.ranker.input) == ["features", "mask"]
    np.testing.assert_array_equal(
        plackett.score(plackett.load(tmp_path / "run"), SHOWN), plackett.score(trained.ranker, SHOWN)
    )
    finished = train(SHOWN, SHOWN_VALIDATION, tasks, output=tmp_path / "run", resume=True, **towers)
    assert_same_run(finished, trained)


def test_lists_that_nobody_judged_teach_by_the_teacher_alone():
    nothing = np.zeros_like(LISTS.labels)
    hidden = dataclasses.replace(LISTS, labels=nothing, columns=LISTS.columns | {"judged": nothing})
    judged = dataclasses.replace(LISTS, columns=LISTS.columns | {"judged": nothing + 1})
    of_labels = {"label": {"loss": "mean_squared"}, "teacher": TASKS["teacher"] | {"weight": 0.0}}
    plain = QUICK | {"epochs": 1, "batch_size": 80, "optimizer": "sgd"}
    plain["scorer_options"] = {"hidden": [], "transform": "log1p"}  # which does not see that features stand there twice
    (entry,) = train(concatenate([judged, hidden]), judged, of_labels, **plain).history
    (alone,) = train(judged, judged, of_labels, **plain).history
    assert entry["label_loss"] == pytest.approx(alone["label_loss"] / 2, rel=1e-5)
    assert entry["teacher_loss"] == pytest.approx(alone["teacher_loss"], rel=0.2)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"tasks": None}, r"shared_head=True \(--shared-head\) needs tasks, but there are none: give tasks"),
        (
            {"tasks": {"a": {}, "b": {"loss": "click_em"}}},
            "must take the same number of scores a document, but take: a 1, b 2",
        ),
        ({"tasks": {"scores": {}, "b": {}}}, "the task scores has the name of a layer of the scorer"),
        (
            {"tasks": {"a": {"loss": "ordinal", "loss_options": {"ordinal_size": 2}}, "b": {"loss": "multi_class"}}},
            "must read the scores of a document in the same way, but ordinal of a and multi_class of b differ in their",
        ),
    ],
)
def test_what_cannot_share_a_head_is_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        train(**settings)


def test_a_model_of_two_outputs_shares_no_head():
    x = keras.Input((None, LISTS.features.shape[1]))
    model = keras.Model(x, {name: keras.layers.Dense(1)(x) for name in TASKS})
    with pytest.raises(ValueError, match="must have one output, as shared_head says, but has the outputs label, teach"):
        train(scorer=model, scorer_options={})
