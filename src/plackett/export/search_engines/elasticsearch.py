"""Models for the learning to rank plugin of Elasticsearch and OpenSearch.

A file is the body of `POST _ltr/_featureset/FEATURES/_createmodel`. A document goes to the child `yes` if its value is
less than `split_condition`, both in float32.

Reference: https://elasticsearch-learning-to-rank.readthedocs.io/en/latest/training-models.html
"""

import json
from typing import Any

from plackett.export.search_engines.layers import Layers
from plackett.export.search_engines.numbers import float32
from plackett.export.search_engines.trees import Forest, Leaf

TREES, LINEAR = "model/xgboost+json", "model/linear"


def write_forest(forest: Forest, names: list[str]) -> tuple[str, Any]:
    """Returns (the type of the model, its definition)."""
    trees = [_Numbering(names).node(tree) for tree in forest.trees]
    if forest.constant:
        trees.append({"nodeid": 0, "leaf": float32(forest.constant)})
    if forest.link == "sigmoid":
        return TREES, {"objective": "binary:logistic", "splits": trees}
    return TREES, trees


def write_linear(layers: Layers, names: list[str]) -> tuple[str, Any]:
    """Returns (the type of the model, its definition): only weights, of raw features."""
    return LINEAR, {name: float32(weight) for name, weight in zip(names, layers.layers[0].matrix[0], strict=True)}


def body(name: str, kind: str, definition: Any) -> dict:
    """Returns the request body for the plugin, in which the definition is text."""
    return {"model": {"name": name, "model": {"type": kind, "definition": json.dumps(definition)}}}


class _Numbering:
    """Numbers the nodes of a tree, as the plugin requires."""

    def __init__(self, names):
        self.names, self.next = names, 0

    def node(self, node, depth=0):
        """Returns the node in the form of the plugin."""
        number = self.next
        self.next += 1
        if isinstance(node, Leaf):
            return {"nodeid": number, "leaf": float32(node.value)}
        children = [self.node(child, depth + 1) for child in (node.left, node.right)]
        yes, no = (child["nodeid"] for child in children)
        return {
            "nodeid": number,
            "depth": depth,
            "split": self.names[node.feature],
            "split_condition": float32(node.below),
            "yes": yes,
            "no": no,
            "missing": yes if node.missing_left else no,
            "children": children,
        }
