"""A ranker that `plackett export` wrote is served as `plackett.score` has it, with ids, text and what is missing."""

import numpy as np
import pyarrow as pa
import pytest
from starlette.testclient import TestClient

import plackett
from plackett.data import RankingLists
from plackett.export import write_onnx
from plackett.serving import make_app
from plackett.serving._service import ARROW

DOCUMENTS = 60
IDS = [f"d{i}" for i in range(DOCUMENTS)]


@pytest.fixture(scope="module")
def values():
    """name -> the values of documents, None where one is missing."""
    random = np.random.default_rng(0)
    return {
        "bm25": random.normal(size=DOCUMENTS).astype("float32").tolist(),
        "age": [None if i % 7 == 0 else i / 8 for i in range(DOCUMENTS)],
        "film": random.choice(["Alien", "Brazil", "Delicatessen, 1991", "Kin-dza-dza! ☂"], DOCUMENTS).tolist(),
        "shop": (random.integers(-3, 3, DOCUMENTS) * 2**40).tolist(),
        "brand": random.integers(0, 6, DOCUMENTS).tolist(),
    }


@pytest.fixture(scope="module")
def scores(values, tmp_path_factory):
    """(a client of the served ranker, id -> its score by `plackett.score`)."""
    features = np.array([values["bm25"], values["age"]], "float32").T
    lists = RankingLists.from_arrays(
        features,
        features[:, 0] > 0,
        group=[DOCUMENTS],
        feature_names=["bm25", "age"],
        ids={name: values[name] for name in ("film", "shop", "brand")},
    )
    model = plackett.scorers.embeddings(lists, missing=True)
    path = tmp_path_factory.mktemp("model") / "ranker.onnx"
    write_onnx(model, path)
    with TestClient(make_app(path)) as client:
        yield client, dict(zip(IDS, plackett.score(model, lists).tolist(), strict=True))


def as_rows(client, values):
    rows = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
    documents = [{"id": id_, "features": row} for id_, row in zip(IDS, rows, strict=True)]
    return client.post("/rank", json={"documents": documents})


def as_columns(client, values):
    return client.post("/rank", json={"ids": IDS, "features": values})


def as_arrow(client, values):
    table = pa.table({"document": IDS, **values})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write(table)
    return client.post("/rank", content=sink.getvalue().to_pybytes(), headers={"content-type": ARROW})


@pytest.mark.parametrize("ask", [as_rows, as_columns, as_arrow])
def test_a_served_ranker_gives_the_scores_of_keras(ask, values, scores):
    client, wanted = scores
    ranking = ask(client, values).json()["ranking"]
    assert sorted(one["id"] for one in ranking) == sorted(IDS)
    found = {one["id"]: one["score"] for one in ranking}
    np.testing.assert_allclose([found[id_] for id_ in IDS], [wanted[id_] for id_ in IDS], rtol=1e-5, atol=1e-6)
    assert [one["score"] for one in ranking] == sorted(found.values(), reverse=True)
