"""`plackett score` by whatever ranks."""

import numpy as np
import onnx
import polars as pl
import pytest
from command_line import run, words
from onnx import TensorProto, helper

import plackett
from plackett.data import RankingLists, write_parquet


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Some lists, without labels in one file and with them in the other."""
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).normal(size=(12, 2)).astype("float32")
    known = {"query": np.repeat(["a", "b", "c"], 4), "documents": [f"d{i}" for i in range(12)]}
    lists = RankingLists.from_arrays(
        x, x[:, 0] > 0, feature_names=["price", "age"], columns={"bm25": np.arange(12.0)}, **known
    )
    write_parquet(lists, "labelled.parquet")
    frame = pl.read_parquet("labelled.parquet")
    frame.drop("label", "bm25").write_parquet("new.parquet")
    return lists


def scores_of(output="scores.parquet"):
    return pl.read_parquet(output)["score"].to_numpy()


def test_an_onnx_file_ranks_and_says_how_it_took_the_features(here):
    node = helper.make_node("MatMul", ["x", "w"], ["scores"])
    weights = onnx.numpy_helper.from_array(np.array([[2.0], [0.5]], "float32"), "w")
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["documents", 2])
    made = helper.make_tensor_value_info("scores", TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "ranker", [given], [made], [weights])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), "net.onnx")
    done = run("score", "net.onnx", "new.parquet", "-o", "scores.parquet")
    assert done.exit_code == 0, done.output
    np.testing.assert_allclose(scores_of(), here.features @ [2.0, 0.5], rtol=1e-5)
    assert "knows its features by number" in words(done)


def test_words_rank_by_a_feature_or_by_a_column(here):
    assert run("score", "feature:-age", "new.parquet", "-o", "scores.parquet").exit_code == 0
    np.testing.assert_array_equal(scores_of(), -here.features[:, 1])
    done = run("score", "column:bm25", "labelled.parquet", "-o", "others.parquet")
    assert done.exit_code == 0, done.output
    np.testing.assert_array_equal(scores_of("others.parquet"), np.arange(12.0))


def test_a_run_ranks_the_documents_of_the_data_alone(here, tmp_path):
    lines = [f"{query} Q0 {document} 1 {score} x" for query, document, score in (("a", "d1", 0.5), ("a", "new", 0.7))]
    (tmp_path / "other.run").write_text("\n".join(lines) + "\n")
    done = run("score", "other.run", "new.parquet", "-o", "scores.parquet")
    assert done.exit_code == 0, done.output
    assert scores_of()[1] == 0.5
    assert np.isneginf(np.delete(scores_of(), 1)).all()
    assert "other.run ranks 1 documents that the data lacks, which are left out" in words(done)


def test_any_keras_model_ranks(here):
    import keras

    model = keras.Sequential([keras.Input((None, 2)), keras.layers.Dense(1)])
    model.save("own.keras")
    done = run("score", "own.keras", "new.parquet", "-o", "scores.parquet")
    assert done.exit_code == 0, done.output
    np.testing.assert_allclose(scores_of(), plackett.score(model, here), rtol=1e-5)


def test_a_file_of_no_kind_is_refused(here, tmp_path):
    (tmp_path / "notes.txt").write_text("not a ranker\n")
    done = run("score", "notes.txt", "new.parquet", "-o", "scores.parquet")
    assert done.exit_code == 2
    assert "notes.txt are not those of a known kind of system" in words(done)


@pytest.mark.parametrize(
    "command, wrong",
    [
        ("score feature:1 new.parquet -o out --address auto", "with --workers it is a folder"),
        ("score feature:1 new.parquet -o out.csv --address auto", "--address is the cluster of --workers"),
        ("score feature:1 new.parquet -o out.csv --workers 2", "--output must be a folder if there are --workers"),
        ("score feature:1 new.parquet -o out --workers 0", "--workers must be at least 1, but got 0"),
        ("score feature:1 new.csv -o out --workers 2", "make it Parquet with plackett convert, or leave out --workers"),
        ("evaluate feature:1 labelled.parquet --workers 2 --worst 3", "--worst needs the value of each query"),
        ("evaluate feature:1 labelled.parquet --workers 2 --slice relevant", "--slice needs the value of each query"),
        (
            "evaluate feature:1 labelled.parquet --workers 2 --output a.parquet",
            "--output needs the value of each query",
        ),
    ],
)
@pytest.mark.usefixtures("here")
def test_flags_of_workers_that_do_not_act_are_refused(command, wrong):
    pl.DataFrame({"query": [1], "x": [0.5]}).write_csv("new.csv")
    done = run(*command.split())
    assert done.exit_code == 2
    assert wrong in words(done)
