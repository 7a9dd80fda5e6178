"""An index holds the embeddings of documents by their ids; it is whole, or an error says what is wrong with it."""

import pathlib

import keras
import numpy as np
import pytest
import yaml
from indexes import model, table, tower

from plackett.retrieval import Retriever, Table, _build, build_index, open_index, search
from plackett.retrieval._index_files import write_ids


@pytest.fixture
def path(tmp_path):
    return tmp_path / "index"


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
def test_what_is_found_is_what_the_embeddings_of_the_model_say(path, similarity):
    towers, documents, queries = model(similarity), table(300, "d"), table(7, "q", seed=1)
    build_index(towers, documents, path, batch_size=64)
    found = Retriever(towers, path).search(queries, k=10)
    of_documents = towers.embed_documents(documents.inputs(towers.document_tower))
    expected = search(towers.embed_queries(queries.inputs(towers.query_tower)), of_documents, 10)
    np.testing.assert_array_equal(found.places, expected.places)
    np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-5, atol=1e-6)
    assert found.ids[3, 2] == f"d{expected.places[3, 2]}"
    assert found.queries.tolist() == [f"q{row}" for row in range(7)]


@pytest.mark.parametrize("rows", [1, 63, 64, 65, 130])
def test_any_number_of_documents_is_embedded_in_their_order(path, rows):
    towers, documents = model(), table(rows, "d")
    index = build_index(towers, documents, path, batch_size=64)
    expected = towers.embed_documents(documents.inputs(towers.document_tower))
    np.testing.assert_allclose(index.embeddings, expected, rtol=1e-5, atol=1e-6)
    assert index.ids.tolist() == documents.ids.tolist()
    assert isinstance(index.embeddings, np.memmap)


def test_documents_may_be_ids_and_arrays_and_a_model_one_tower(path):
    one, x = tower(), np.random.default_rng(0).normal(size=(50, 6)).astype("float32")
    build_index(one, (np.arange(100, 150), {"x": x}), path)
    found = Retriever(one, path).search({"x": x[:3]}, k=1)
    embeddings = one.predict({"x": x}, verbose=0)
    best = (embeddings[:3] @ embeddings.T).argmax(axis=1)
    assert found.ids[:, 0].tolist() == [str(100 + place) for place in best]
    assert found.queries is None


def test_half_precision_takes_half_the_room_and_ranks_nearly_alike(path):
    towers, documents, queries = model(), table(200, "d"), table(5, "q", seed=1)
    whole = build_index(towers, documents, path)
    half = build_index(towers, documents, path.with_name("half"), dtype="float16")
    assert half.embeddings.dtype == np.float16
    scores = [Retriever(towers, index).search(queries, k=200).scores for index in (whole, half)]
    np.testing.assert_allclose(*scores, atol=1e-3)


def test_an_index_is_replaced_only_where_that_is_said(path):
    build_index(model(), table(20, "d"), path)
    with pytest.raises(FileExistsError, match=r"index exists: .*replace the index with overwrite=True"):
        build_index(model(), table(30, "d"), path)
    assert len(open_index(path)) == 20
    assert len(build_index(model(), table(30, "d"), path, overwrite=True)) == 30


def test_a_folder_that_is_no_index_is_never_replaced(path):
    path.mkdir()
    (path / "letter.txt").write_text("dear")
    with pytest.raises(FileExistsError, match="index exists and is not an index of plackett: choose another folder"):
        build_index(model(), table(20, "d"), path, overwrite=True)
    assert (path / "letter.txt").read_text() == "dear"


def test_a_file_of_the_user_in_an_index_is_never_lost(path):
    build_index(model(), table(20, "d"), path)
    (path / "towers.keras").write_text("precious")
    with pytest.raises(
        FileExistsError, match=r"index holds other files than those of an index, towers.keras, which would be lost"
    ):
        build_index(model(), table(30, "d"), path, overwrite=True)
    assert (path / "towers.keras").read_text() == "precious"
    assert len(open_index(path)) == 20


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_comes_while_an_index_is_built_is_not_lost(path, monkeypatch, overwrite):
    def write_late(folder, ids):
        write_ids(folder, ids)
        path.mkdir()
        (path / "letter.txt").write_text("dear")

    monkeypatch.setattr(_build, "write_ids", write_late)
    with pytest.raises(FileExistsError, match="index exists and is not an index of plackett"):
        build_index(model(), table(20, "d"), path, overwrite=overwrite)
    assert [one.name for one in path.parent.rglob("*")] == ["index", "letter.txt"]


def test_of_two_builds_at_once_the_later_one_is_refused(path, monkeypatch):
    def write_late(folder, ids):
        write_ids(folder, ids)
        monkeypatch.undo()
        build_index(model(), table(30, "d"), path)

    monkeypatch.setattr(_build, "write_ids", write_late)
    with pytest.raises(FileExistsError, match="index exists: choose another folder"):
        build_index(model(), table(20, "d"), path)
    assert len(open_index(path)) == 30


def test_the_index_that_a_link_names_is_replaced(path):
    build_index(model(), table(20, "d"), path)
    link = path.with_name("link")
    link.symlink_to(path)
    build_index(model(), table(30, "d"), link, overwrite=True)
    assert link.is_symlink()
    assert len(open_index(path)) == len(open_index(link)) == 30
    assert sorted(one.name for one in path.parent.iterdir()) == ["index", "link"]


def test_what_fails_leaves_the_index_as_it_was_and_nothing_beside_it(path):
    build_index(model(), table(20, "d"), path)
    bad = table(200, "e")
    bad["x"][150] = 3e38
    towers = model()
    kernel = towers.document_tower.layers[-1].kernel
    kernel.assign(np.ones_like(kernel))
    with pytest.raises(ValueError, match=r"embeddings must be finite, .* for document 'e150'"):
        build_index(towers, bad, path, overwrite=True, batch_size=64)
    assert len(open_index(path)) == 20
    assert [one.name for one in path.parent.iterdir()] == ["index"]


def test_an_embedding_that_is_too_large_for_half_precision_is_named(path):
    large = table(20, "d")
    large["x"][7] *= 1e6
    with pytest.raises(ValueError, match=r"embedding of document 'd7' is too large for float16.*dtype=\"float32\""):
        build_index(model("dot"), large, path, dtype="float16")


@pytest.mark.parametrize(
    ("documents", "words"),
    [
        (lambda x: (["a", "b", "a"], x), "must occur once, but 'a'"),
        (lambda x: (["a", "b"], x), "ids must have 3 entries"),
        (lambda x: Table.of({"x": x}, id=None), "has no ids"),
        (lambda x: ([], x[:0]), "documents must have at least one row"),
        (lambda x: (["a"], {"x": x[:1], "y": x}), "all inputs must have the same number of rows, but x has 1 and y 3"),
        (lambda x: (["a"], {"x": x[0, 0]}), "x must be an array whose first axis is the rows"),
        (lambda x: x, r"documents must be a Table, or a pair \(ids, inputs\), but got ndarray"),
    ],
)
def test_documents_that_cannot_be_indexed_are_told(path, documents, words):
    with pytest.raises(ValueError, match=words):
        build_index(model(), documents(np.zeros((3, 6), "float32")), path, batch_size=1)


def test_an_index_of_another_model_is_refused(path):
    towers, documents = model(), table(20, "d")
    build_index(towers, documents, path)
    with pytest.raises(ValueError, match=r"index .*index was built by another model, or by this one before"):
        Retriever(model(seed=5), path)
    kernel = towers.document_tower.layers[-1].kernel
    kernel.assign(kernel + 1e-3)
    with pytest.raises(ValueError, match="was built by another model"):
        Retriever(towers, path)


def test_a_model_of_the_other_similarity_is_refused(path):
    build_index(model("cosine"), table(20, "d"), path)
    with pytest.raises(ValueError, match="was built by another model"):
        Retriever(model("dot"), path)


def test_a_saved_and_loaded_model_is_the_same(path, tmp_path):
    towers = model()
    towers({"query": table(4, "q").inputs(towers.query_tower), "document": table(4, "d").inputs(towers.document_tower)})
    build_index(towers, table(20, "d"), path)
    towers.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    found = Retriever(loaded, path).search(table(3, "q"), k=4)
    assert found.ids.tolist() == Retriever(towers, path).search(table(3, "q"), k=4).ids.tolist()


def test_more_than_all_documents_gives_all(path):
    build_index(model(), table(20, "d"), path, approximate=True)
    found = open_index(path).search(np.ones((2, 5)), k=100)
    assert found.ids.shape == (2, 20)
    assert set(found.ids[1]) == {f"d{row}" for row in range(20)}


def test_queries_of_another_dimension_are_refused(path):
    index = build_index(model(), table(20, "d"), path)
    with pytest.raises(ValueError, match="queries have 4 and documents 5"):
        index.search(np.ones((2, 4)), k=3)


def break_file(name, change):
    def change_folder(folder: pathlib.Path):
        (folder / name).write_bytes(change((folder / name).read_bytes()))

    return change_folder


def change_facts(**facts):
    def change(folder):
        text = yaml.safe_load((folder / "index.yaml").read_text()) | facts
        (folder / "index.yaml").write_text(yaml.safe_dump(text))

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda folder: (folder / "index.yaml").unlink(), "is not an index of plackett: it has no file index.yaml"),
        (lambda folder: (folder / "ids.parquet").unlink(), "not complete, its file ids.parquet is missing: copy"),
        (break_file("embeddings.npy", lambda x: x[:-40]), "not complete, its file embeddings.npy has [0-9]+ bytes"),
        (break_file("approximate.usearch", lambda x: x[:-1]), "not complete, its file approximate.usearch has"),
        (break_file("approximate.usearch", lambda x: b"\0" * len(x)), "approximate.usearch .*build the index anew"),
        (break_file("embeddings.npy", lambda x: b"\0" * len(x)), "embeddings.npy is broken"),
        (break_file("ids.parquet", lambda x: b"\0" * len(x)), "ids.parquet is broken"),
        (change_facts(format=2, plackett="9.0"), "was written by plackett 9.0, as index format 2, and this one"),
        (change_facts(format="new"), "does not describe an index"),
        (change_facts(dimension=7), "embeddings.npy holds float32 .* and should hold"),
        (break_file("index.yaml", lambda x: b"{"), "index.yaml is not a YAML file"),
    ],
)
def test_a_folder_that_is_not_whole_is_told(path, change, words):
    build_index(model(), table(20, "d"), path, approximate=True)
    change(path)
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        open_index(path)


def test_no_folder_is_told(path):
    with pytest.raises(FileNotFoundError, match="there is no index "):
        open_index(path)
