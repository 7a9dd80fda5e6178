"""What is learnt from and validated on, where nobody judged it."""

import dataclasses
import warnings

import numpy as np
import pytest
from conftest import made_lists, plackett_warns

import plackett
from plackett.data import RankingLists, concatenate

LISTS, VALIDATION = made_lists(20, seed=0), made_lists(10, seed=1)
QUICK = {"epochs": 1, "scorer_options": {"hidden": []}}
NO_LABELS = (
    "nobody judged the documents of the training lists, so there are no labels to learn from: read them, or learn"
)
NO_BEST = "nobody judged the documents of the validation lists, so that no epoch is better than another"


def not_judged(lists, **columns):
    """The same documents, as they are before anybody has judged them."""
    return RankingLists.from_arrays(lists.features, group=lists.lengths, columns=columns)


def test_lists_that_nobody_judged_are_not_learnt_from(tmp_path):
    for lists, validation in ((not_judged(LISTS), None), (not_judged(LISTS), VALIDATION)):
        with pytest.raises(ValueError, match=NO_LABELS):
            plackett.train(lists, validation, output=tmp_path / "run", **QUICK)
        with pytest.raises(ValueError, match=NO_LABELS):
            plackett.tune(lists, validation, output=tmp_path / "run", trials=1, space={"batch_size": [4]}, **QUICK)
    assert not (tmp_path / "run").exists()


def test_no_epoch_is_chosen_by_lists_that_nobody_judged(tmp_path):
    clicks = (LISTS.labels > 0).astype("float32")
    with pytest.raises(ValueError, match=NO_BEST):
        plackett.train(LISTS, not_judged(VALIDATION), output=tmp_path / "run", **QUICK)
    with pytest.raises(ValueError, match=NO_BEST):
        plackett.train(not_judged(LISTS, click=clicks), target="click", **QUICK)
    assert not (tmp_path / "run").exists()
    trained = plackett.train(not_judged(LISTS, click=clicks), VALIDATION, target="click", **QUICK)
    assert 0 < trained.best["ndcg@10"] <= 1


def test_lists_of_which_a_part_is_judged_are_learnt_from():
    some = (np.arange(len(LISTS.labels)) % 2).astype("float32")
    plackett.train(dataclasses.replace(LISTS, columns={"judged": some}), VALIDATION, **QUICK)


@pytest.mark.parametrize("loss", ["mean_squared", "softmax"])
def test_a_list_that_nobody_judged_teaches_no_label_0(loss):
    judged = dataclasses.replace(LISTS, columns={"judged": np.ones_like(LISTS.labels)})
    lists = concatenate([judged, not_judged(LISTS)])
    one_batch = QUICK | {"batch_size": 40, "optimizer": "adam", "loss": loss}
    learnt, alone = (plackett.train(given, VALIDATION, **one_batch) for given in (lists, judged))
    assert learnt.history[0]["loss"] == pytest.approx(alone.history[0]["loss"] / 2, rel=1e-4)


def test_no_list_that_nobody_judged_is_in_a_validation_loss():
    hidden = not_judged(VALIDATION)
    judged = dataclasses.replace(VALIDATION, columns={"judged": np.ones_like(VALIDATION.labels)})
    settings = QUICK | {"loss": "mean_squared", "metric": "validation_loss"}
    both, alone = (plackett.train(LISTS, x, **settings).best for x in (concatenate([judged, hidden]), judged))
    assert both["validation_loss"] == pytest.approx(alone["validation_loss"] / 2, rel=1e-4)


def test_a_target_of_zeros_alone_is_warned_of():
    nothing = dataclasses.replace(LISTS, labels=np.zeros_like(LISTS.labels))
    with plackett_warns("the target label is 0 in all documents of the training lists, so nothing can be"):
        plackett.train(nothing, VALIDATION, **QUICK)
    tasks = {"grade": {}, "click": {"target": "click", "loss": "softmax"}}
    clicked = dataclasses.replace(LISTS, columns={"click": np.zeros_like(LISTS.labels)})
    with plackett_warns("the target click is 0 in all documents"):
        plackett.train(clicked, VALIDATION, tasks=tasks, **QUICK)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        plackett.train(clicked, VALIDATION, **QUICK)
    assert not [one for one in told if "target" in str(one.message)]
