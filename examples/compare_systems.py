"""Evaluation: is one ranker better than another, or is the difference chance?

    KERAS_BACKEND=torch python examples/compare_systems.py

It measures three systems on the same queries, and compares them by intervals and the paired randomisation test. Then it
looks at slices of the queries, and at the queries where a system is worst.
"""

import numpy as np

import plackett
from plackett import evaluation
from plackett.data import RankingLists

random = np.random.default_rng(0)
features = random.normal(size=(2400, 2))
grades = np.clip(np.round(features[:, 0] + 0.1 * features[:, 1] + random.normal(size=2400)), 0, 4)
lists = RankingLists.from_arrays(features, grades, group=[12] * 200, feature_names=["text", "price"])

# A system is a feature, a function, a model, an output folder, a run of TREC or a file of scores.
systems = {"text": "feature:text", "cheapest": "feature:-price", "sum": lambda lists: lists.features.sum(axis=1)}
results = plackett.evaluate(systems, lists, ["ndcg@10", "mrr"])
print(results.to_frame().head())  # a row for each query and system

comparison = plackett.compare(results, baseline="text")
print(comparison)
p = {(pair.system, pair.metric): pair.p_holm for pair in comparison.pairs}
for (system, metric), value in p.items():
    print(f"{system} beside text, {metric}: p = {value:.4f}, corrected by Holm for several comparisons")

for part in evaluation.slices(results, "relevant", bins=2):
    print(
        f"{part.queries} queries with {part.name} relevant documents: {part.system} has {part.metric} {part.mean:.3f}"
    )
for one in evaluation.worst_queries(results, "sum", "ndcg@10", n=3, baseline="text"):
    print(f"query {one.query}: sum has ndcg@10 {one.value:.3f}, {one.difference:+.3f} beside text")
