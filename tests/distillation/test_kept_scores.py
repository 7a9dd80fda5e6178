"""Scores of a teacher are computed once, and anew when the teacher or the lists changed."""

import concurrent.futures
import dataclasses
import json
import multiprocessing
import pickle
import warnings

import keras
import numpy as np
import onnx
import pytest
from conftest import plackett_warns, stir
from onnx import helper
from sklearn.linear_model import LinearRegression
from teachers_data import EXTRA, LISTS, QUICK, best, trees, with_column

import plackett
from plackett.distillation import Teacher, _fingerprints, _score_cache, with_teacher
from plackett.distillation._teachers import Member


@pytest.fixture
def asked(monkeypatch):
    """The names of the teachers that computed scores, in their order."""
    names, compute = [], Member.compute

    def told(member, lists):
        names.append(member.name)
        return compute(member, lists)

    monkeypatch.setattr(Member, "compute", told)
    return names


@pytest.fixture
def teacher(tmp_path):
    """The file of a model."""
    trees().save_model(tmp_path / "trees.txt")
    return tmp_path / "trees.txt"


@pytest.fixture
def cache(tmp_path):
    """A folder that is not there yet."""
    return tmp_path / "below" / "kept"


def scores(lists, what, cache):
    """The teacher's scores; a warning is an error."""
    return with_teacher(lists, what, standardize=False, cache=cache).columns["teacher"]


def test_a_teacher_is_asked_once_about_the_same_lists(teacher, cache, asked):
    first, second = (scores(LISTS, teacher, cache) for _ in range(2))
    assert first.tolist() == second.tolist() == trees().predict(LISTS.features).astype("float32").tolist()
    assert asked == ["trees"]


def test_the_scale_is_no_part_of_what_is_kept(teacher, cache, asked):
    for temperature in (1, 2):
        with_teacher(LISTS, teacher, temperature=temperature, cache=cache)
    scores(LISTS, teacher, cache)
    assert asked == ["trees"]


def test_a_teacher_that_changed_is_noticed(teacher, cache, asked):
    scores(LISTS, teacher, cache)
    trees(rounds=9).save_model(teacher)
    with plackett_warns("the teacher trees changed after the scores were kept"):
        found = scores(LISTS, teacher, cache)
    assert found.tolist() == trees(rounds=9).predict(LISTS.features).astype("float32").tolist()
    scores(LISTS, teacher, cache)
    assert len(asked) == 2


def test_weights_beside_an_onnx_file_that_changed_are_noticed(tmp_path, cache):
    network, weights = tmp_path / "network.onnx", np.ones((LISTS.features.shape[1], 1), "float32")
    linear_onnx(network, weights)
    first = scores(LISTS, network, cache)
    linear_onnx(network, -weights)
    with plackett_warns("the teacher network changed"):
        second = scores(LISTS, network, cache)
    assert first.tolist() == (-second).tolist()


def linear_onnx(path, weights):
    """Writes a linear network, whose weights are in a file of their own, in the place of an earlier one."""
    features, scores = (
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None, width])
        for name, width in (("features", len(weights)), ("scores", 1))
    )
    product = helper.make_node("MatMul", ["features", "weights"], ["scores"])
    graph = helper.make_graph(
        [product], "linear", [features], [scores], [onnx.numpy_helper.from_array(weights, "weights")]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    beside = path.with_suffix(".weights")
    beside.unlink(missing_ok=True)
    onnx.save_model(model, path, save_as_external_data=True, location=beside.name, size_threshold=0)


def test_lookups_that_adapted_to_other_values_are_other_teachers():
    known = []
    for values in ([7, 7, 8], [8, 8, 7]):
        lookup = keras.layers.IntegerLookup()
        lookup.adapt(np.array(values))
        shop = keras.Input((None,), dtype="int64")
        known.append(_fingerprints.of_teacher(keras.Model(shop, lookup(shop))))
    assert None not in known
    assert known[0] != known[1]


def test_lists_that_changed_are_noticed(teacher, cache, asked):
    scores(LISTS, teacher, cache)
    renewed = dataclasses.replace(LISTS, features=LISTS.features[::-1].copy())
    with plackett_warns("the features, ids or columns of the lists changed after the scores were kept"):
        found = scores(renewed, teacher, cache)
    assert found.tolist() == trees().predict(renewed.features).astype("float32").tolist()
    assert len(asked) == 2


def test_it_is_said_where_both_changed(teacher, cache):
    scores(LISTS, teacher, cache)
    trees(rounds=9).save_model(teacher)
    with plackett_warns("the teacher trees and the features, ids or columns of the lists changed"):
        scores(with_column(LISTS, price=best(LISTS)), teacher, cache)


def test_other_lists_and_another_order_are_other_scores(teacher, cache, asked):
    order = np.arange(len(LISTS))[::-1]
    for lists in (LISTS, EXTRA, LISTS.select(order), LISTS[:3]):
        assert scores(lists, teacher, cache).tolist() == trees().predict(lists.features).astype("float32").tolist()
    assert len(asked) == 4


def test_new_judgements_leave_the_scores_as_they_are(teacher, cache, asked):
    judged = with_column(dataclasses.replace(LISTS, labels=LISTS.labels + 1), judged=np.ones_like(LISTS.labels))
    for lists in (LISTS, judged, with_column(LISTS, teacher=best(LISTS))):
        scores(lists, teacher, cache)
    assert len(asked) == 1


def test_each_ranker_of_an_ensemble_is_kept(teacher, cache, asked):
    scores(LISTS, teacher, cache)
    scores(LISTS, [teacher, trees(rounds=9)], cache)
    scores(LISTS, [trees(rounds=9), teacher], cache)
    assert len(asked) == 2


def test_what_cannot_be_told_apart_is_not_kept(cache, asked):
    for what in (best, "feature:1", "random:3", best(LISTS), LinearRegression().fit(LISTS.features, LISTS.labels)):
        scores(LISTS, what, cache)
        scores(LISTS, what, cache)
    assert len(asked) == 10
    assert not cache.exists()


def test_nothing_is_kept_where_that_is_asked_for(teacher, cache, monkeypatch, asked):
    monkeypatch.setenv("PLACKETT_CACHE", str(cache))
    scores(LISTS, teacher, False)
    assert not cache.exists()
    scores(LISTS, teacher, None)
    assert list((cache / "teachers").glob("*.npy"))


def test_a_copy_of_a_model_is_the_same_teacher(cache, asked):
    network = stir(plackett.scorers.mlp(LISTS, hidden=[3]))
    copy = plackett.scorers.mlp(LISTS, hidden=[3])
    copy.set_weights(network.get_weights())
    for same in ((network, copy), (trees(), pickle.loads(pickle.dumps(trees())))):
        asked.clear()
        for what in same:
            scores(LISTS, what, cache)
        assert len(asked) == 1
    copy.set_weights([weight + 1 for weight in network.get_weights()])
    asked.clear()
    scores(LISTS, copy, cache)
    assert len(asked) == 1


def test_a_run_and_its_model_are_the_same_teacher(tmp_path, cache, asked):
    plackett.train(LISTS, output=tmp_path / "run", **QUICK)
    for what in (tmp_path / "run", tmp_path / "run" / "model.keras"):
        scores(LISTS, what, cache)
    assert len(asked) == 1


def damage_scores(cache):
    (path,) = cache.glob("*.npy")
    np.save(path, np.zeros(len(LISTS.labels)))


def cut_scores(cache):
    (path,) = cache.glob("*.npy")
    path.write_bytes(path.read_bytes()[:-8])


def remove_scores(cache):
    next(iter(cache.glob("*.npy"))).unlink()


def damage_facts(cache):
    (path,) = cache.glob("*.json")
    path.write_text(path.read_text()[:40])


def change_facts(cache):
    (path,) = cache.glob("*.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"teacher": "another"}))


@pytest.mark.parametrize("damage", [damage_scores, cut_scores, remove_scores, damage_facts, change_facts])
def test_a_damaged_entry_is_noticed_and_computed_anew(damage, teacher, cache, asked):
    before = scores(LISTS, teacher, cache)
    damage(cache)
    with plackett_warns("the scores of the teacher trees in") as told:
        again = scores(LISTS, teacher, cache)
    assert len(told) == 1
    assert again.tolist() == before.tolist()
    assert scores(LISTS, teacher, cache).tolist() == before.tolist()
    assert len(asked) == 2


def test_what_a_teacher_says_of_its_scores_is_kept_too(tmp_path, cache):
    (tmp_path / "all.csv").write_text("query,document,score\nq0,d0,1\nother,d,1\n")
    one = LISTS.take(slice(0, 1), np.array([1]), slice(0, 1))
    notes = [Teacher(tmp_path / "all.csv").scores(one, cache).notes for _ in range(2)]
    assert notes[0] == notes[1]
    assert "has 1 query that the data lacks" in notes[0][0]


def _score(arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return scores(*arguments).tolist()


def test_processes_that_score_at_once_do_not_hurt_each_other(teacher, cache, monkeypatch):
    monkeypatch.delenv("PYTHONPATH")  # these import scikit-learn, as this file does
    with concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        first, second = pool.map(_score, [(LISTS, teacher, cache)] * 2)
    assert first == second == scores(LISTS, teacher, cache).tolist()
    assert sorted({path.suffix for path in cache.iterdir()} - {".lock"}) == [".json", ".npy"]


def test_a_file_is_no_folder_of_scores(teacher, tmp_path):
    with pytest.raises(NotADirectoryError, match=r"cache must be a folder, but .*trees.txt is a file"):
        scores(LISTS, teacher, teacher)


def test_a_folder_that_cannot_be_written_is_told_of_before_the_teacher_is_asked(teacher, cache, asked, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(_score_cache, "make_folder", refuse)
    with pytest.raises(PermissionError, match=r"kept could not be written: Permission denied.*--teacher-cache"):
        scores(LISTS, teacher, cache)
    assert not asked


def test_lists_are_looked_at_once_for_all_rankers(teacher, cache, monkeypatch):
    seen, of_lists = [], _fingerprints.of_lists
    monkeypatch.setattr(_fingerprints, "of_lists", lambda lists: seen.append(1) or of_lists(lists))
    scores(LISTS, [teacher, trees(rounds=9), best], cache)
    scores(LISTS, best, cache)
    assert len(seen) == 1
