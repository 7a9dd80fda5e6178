"""A teacher is anything that gives scores."""

import catboost
import numpy as np
import onnx
import xgboost
from conftest import stir
from onnx import TensorProto, helper, numpy_helper
from sklearn.linear_model import LinearRegression
from teachers_data import LISTS, QUICK, best, trees, with_column

import plackett
from plackett.data import write_scores
from plackett.distillation import Teacher, standardize, with_teacher
from plackett.distillation import _teachers as teachers

X, Y, QUERY = LISTS.features, LISTS.labels, np.repeat(np.arange(len(LISTS)), LISTS.lengths)


def objects():
    """(the teacher, its scores)."""
    boosters = trees(), xgboost.XGBRanker(n_estimators=3, n_jobs=1).fit(X, Y, qid=QUERY)
    forest = catboost.CatBoostRanker(iterations=3, verbose=0, allow_writing_files=False, thread_count=1)
    for model in (*boosters, forest.fit(X, Y, group_id=QUERY), LinearRegression().fit(X, Y)):
        yield model, model.predict(X)
    network = stir(plackett.scorers.mlp(LISTS, hidden=[3]))
    yield network, plackett.score(network, LISTS)
    yield best, best(LISTS)
    yield best(LISTS), best(LISTS)
    yield "feature:-2", -X[:, 1]


def test_models_functions_and_arrays_are_teachers(tmp_path):
    for what, scores in objects():
        lists = with_teacher(LISTS, what, cache=tmp_path)
        expected = standardize(scores, LISTS.row_splits)
        np.testing.assert_allclose(lists.columns["teacher"], expected, rtol=1e-5, atol=1e-6, err_msg=repr(what))
        assert lists.columns["teacher"].dtype == "float32"


def test_files_and_columns_are_teachers(tmp_path):
    trees().save_model(tmp_path / "trees.txt")
    write_scores(LISTS, best(LISTS), tmp_path / "scores.csv")
    run = plackett.train(LISTS, output=tmp_path / "run", **QUICK)
    expected = {"trees.txt": trees().predict(X), "scores.csv": best(LISTS), "run": plackett.score(run.model, LISTS)}
    for name, scores in expected.items():
        np.testing.assert_allclose(Teacher(tmp_path / name)(LISTS), scores, rtol=1e-5, atol=1e-6)
    assert Teacher("column:bm25")(with_column(LISTS, bm25=best(LISTS))).tolist() == best(LISTS).tolist()


def test_a_network_in_an_onnx_file_is_a_teacher(tmp_path):
    weights = np.arange(5, dtype="float32")[:, None]
    x, y = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", width]) for name, width in (("x", 5), ("y", 1))
    )
    node, initial = helper.make_node("MatMul", ["x", "w"], ["y"]), numpy_helper.from_array(weights, "w")
    graph = helper.make_graph([node], "linear", [x], [y], [initial])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "net.onnx"
    )
    for _ in range(2):
        lists = with_teacher(LISTS, tmp_path / "net.onnx", standardize=False, cache=tmp_path / "kept")
        np.testing.assert_allclose(lists.columns["teacher"], (X @ weights)[:, 0], rtol=1e-4, atol=1e-5)


def test_several_rankers_are_the_mean_of_their_standardised_scores():
    large, small = (lambda lists: 1e12 * lists.features[:, 0]), (lambda lists: -lists.features[:, 1])
    expected = [standardize(x, LISTS.row_splits) for x in (X[:, 0], -X[:, 1])]
    for what in ([large, small], {"large": large, "small": small}, ["feature:1", "feature:-2"]):
        np.testing.assert_allclose(Teacher(what)(LISTS), np.mean(expected, axis=0), rtol=1e-5, atol=1e-6)
    assert Teacher({"large": large, "small": small}).name == "large, small"
    assert Teacher(["mine=feature:1", "feature:2"]).name == "mine, feature:2"


def test_a_teacher_is_a_system_that_can_be_measured():
    both = Teacher([best, "feature:2"])
    alone = plackett.evaluate(both(LISTS), LISTS, ["ndcg@10"])
    assert plackett.evaluate(both, LISTS, ["ndcg@10"]) == alone


def test_scores_are_computed_in_parts(monkeypatch):
    sizes = []

    def of_parts(lists):
        sizes.append(len(lists.labels))
        return best(lists)

    monkeypatch.setattr(teachers, "PART", 20)
    assert Teacher(of_parts)(LISTS).tolist() == best(LISTS).astype("float64").tolist()
    assert max(sizes) <= 20 < sum(sizes)
    assert Teacher(best(LISTS))(LISTS).tolist() == best(LISTS).tolist()


def test_a_list_longer_than_a_part_is_scored_whole(monkeypatch):
    monkeypatch.setattr(teachers, "PART", 1)
    assert Teacher(lambda lists: np.full(len(lists.labels), len(lists)))(LISTS).max() == 1


def test_the_temperature_divides_what_is_standardised():
    warm, hot = (with_teacher(LISTS, best, temperature=t).columns["teacher"] for t in (1, 4))
    np.testing.assert_allclose(hot, warm / 4, rtol=1e-6)
    raw = with_teacher(LISTS, best, standardize=False, temperature=2).columns["teacher"]
    np.testing.assert_allclose(raw, best(LISTS) / 2, rtol=1e-6)


def test_an_earlier_column_is_replaced_and_may_be_the_teacher_itself():
    lists = with_column(LISTS, teacher=best(LISTS))
    assert (with_teacher(lists, "feature:3").columns["teacher"] != best(LISTS)).any()
    again = with_teacher(lists, "column:teacher", standardize=False)
    assert again.columns["teacher"].tolist() == best(LISTS).tolist()


def test_lists_without_documents_have_a_teacher():
    assert with_teacher(LISTS[:0], best).columns["teacher"].shape == (0,)
