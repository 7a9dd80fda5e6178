"""Export and serve: a ranker as an ONNX file, behind HTTP.

    KERAS_BACKEND=torch python examples/export_and_serve.py

It trains a ranker, writes it as ONNX, and asks the service of `plackett serve` in this process, without a network. A
misspelt feature gets an answer that says so. On a server, run `plackett export RUN ranker.onnx` and
`plackett serve ranker.onnx`.
"""

import pathlib
import tempfile

import numpy as np
from starlette.testclient import TestClient

import plackett
from plackett.export import write_onnx
from plackett.serving import ServeSettings, make_app

random = np.random.default_rng(0)
features = random.normal(size=(2400, 2))
grades = np.clip(np.round(features[:, 0] - 0.5 * features[:, 1] + 0.5 * random.normal(size=2400)), 0, 4)
lists = plackett.data.RankingLists.from_arrays(features, grades, group=[12] * 200, feature_names=["bm25", "age"])
trained = plackett.train(lists[:150], lists[150:175], epochs=10, learning_rate=0.01, scorer_options={"hidden": [8]})

path = pathlib.Path(tempfile.mkdtemp()) / "ranker.onnx"
signature = write_onnx(trained.model, path)  # is checked against Keras before the file is there
print(
    f"{path.name} takes {signature.features}; its largest difference to Keras: {signature.facts['largest_difference']}"
)
exported = plackett.evaluation.open_system(path)
difference = float(np.abs(exported(lists[175:]) - plackett.score(trained.model, lists[175:])).max())
ndcg = plackett.evaluate(exported, lists[175:], ["ndcg@10"])["ndcg@10"]
print(f"NDCG@10 of the file: {ndcg:.3f}")

query = {
    "query": "alien",
    "documents": [
        {"id": "d1", "features": {"bm25": 0.1, "age": 1.0}},
        {"id": "d2", "features": {"age": -1.0, "bm25": 1.5}},  # features go by name, in any order
    ],
}
with TestClient(make_app(path, ServeSettings(log="text"))) as client:
    answer = client.post("/rank", json=query).json()
    refused = client.post("/rank", json={"ids": ["d1"], "features": {"bm25": [0.5], "agee": [1.0]}}).json()
print([(one["rank"], one["id"], round(one["score"], 3)) for one in answer["ranking"]])
print(refused["error"]["message"])
