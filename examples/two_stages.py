"""Two stages: an index finds candidates in a catalogue, and a ranker orders them.

    KERAS_BACKEND=torch python examples/two_stages.py

Two towers embed queries and products; they learn from pairs of a query and a product that answers it. An index finds
the products nearest to a query. A ranker, which also reads the stars of a product, orders what was found.
"""

import pathlib
import tempfile

import keras
import numpy as np

import plackett
from plackett import losses, retrieval

# Queries and products of one topic belong together. Among them, more stars are better: these are the grades.
random = np.random.default_rng(0)
topics = np.eye(8)[random.integers(0, 8, 200)]  # of 120 products and 80 queries
text = topics + random.normal(0, 0.3, topics.shape)
products = retrieval.Table.of(
    {"id": [f"p{i}" for i in range(120)], "text": text[:120], "stars": random.integers(1, 6, 120)}
)
queries = retrieval.Table.of({"id": [f"q{i}" for i in range(80)], "text": text[120:]})
grades = (topics[120:] @ topics[:120].T) * products["stars"]
judged = {f"q{q}": {f"p{p}": grades[q, p] for p in np.flatnonzero(grades[q])} for q in range(80)}
learn, test = queries.take(slice(60)), queries.take(slice(60, 80))

# The towers. The other products of a batch are the wrong answers.
asked, answers = (grades[:60] > 0).nonzero()  # a row for each pair of a query and an answer
tower = retrieval.make_tower(queries, dimension=8, hidden=[])
model = retrieval.TwoTowerModel(tower, retrieval.make_tower(products, dimension=8, hidden=[], columns=["text"]))
x = {"query": {"text": queries["text"][asked]}, "document": {"text": products["text"][answers]}}
model.compile(keras.optimizers.Adam(0.01), losses.InBatchSoftmaxLoss())
model.fit(x, losses.in_batch_labels(answers, queries=asked), batch_size=64, epochs=10, verbose=0)

# The first stage, and the second one, which learns from what the first one finds.
index = retrieval.build_index(model, products, pathlib.Path(tempfile.mkdtemp()) / "index")
retriever = retrieval.Retriever(model, index)
options = {"documents": products, "candidates": 30, "features": ["similarity", "document.stars"]}
lists = retrieval.Pipeline(retriever, **options).training_lists(learn, judged)
ranker = plackett.train(lists, loss="unique_softmax", epochs=10, learning_rate=0.02, scorer_options={"hidden": [8]})
ranked = retrieval.Pipeline(retriever, ranker, **options).rank(test, k=10)

stages = {"found": retriever.search(test, k=30), "ranked": ranked}
results = retrieval.evaluate(stages, {query: judged[query] for query in test.ids}, ["ndcg@10"])
print(plackett.compare(results))
ndcg = dict(zip(stages, results.means()[:, 0], strict=True))
