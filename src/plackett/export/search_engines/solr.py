"""Models for the learning to rank module of Solr.

A file is the body for `schema/model-store`. A document goes left if its value is at most `threshold`. Solr adds 1e-6 to
thresholds, in float32, when it reads a model.

Reference: https://solr.apache.org/guide/solr/latest/query-guide/learning-to-rank.html
"""

from typing import Any

import numpy as np

from plackett.export.search_engines.layers import Layers
from plackett.export.search_engines.numbers import float32, text_of
from plackett.export.search_engines.trees import Forest, Leaf

PACKAGE = "org.apache.solr.ltr"
SLACK = np.float32(1e-6)  # Solr adds this to each threshold
NEAREST = 1e-6  # how far a threshold may be off, relative to it
ZERO = 1.1e-35  # LightGBM takes values nearer to 0 than 1e-35 as 0, and has such thresholds


def write_forest(forest: Forest, names: list[str], missing: bool) -> tuple[str, dict]:
    """Returns (the class of the model, its params).

    Args:
        forest: the trees.
        names: the names of its features.
        missing: whether to say where documents with missing features go.

    Raises:
        ValueError: a threshold cannot be expressed.
    """
    trees = [{"weight": "1", "root": _node(tree, names, missing)} for tree in forest.trees]
    if forest.constant:
        trees.append({"weight": "1", "root": {"value": text_of(forest.constant)}})
    null = {"isNullSameAsZero": False} if missing else {}
    return f"{PACKAGE}.model.MultipleAdditiveTreesModel", null | {"trees": trees}


def write_linear(layers: Layers, names: list[str]) -> tuple[str, dict]:
    """Returns (the class of the model, its params): only weights."""
    weights = {name: float32(weight) for name, weight in zip(names, layers.layers[0].matrix[0], strict=True)}
    return f"{PACKAGE}.model.LinearModel", {"weights": weights}


def write_network(layers: Layers) -> tuple[str, dict]:
    """Returns (the class of the model, its params)."""
    written = [
        {
            "matrix": [[float32(x) for x in row] for row in matrix],
            "bias": [float32(x) for x in bias],
            "activation": activation,
        }
        for matrix, bias, activation in layers.layers
    ]
    return f"{PACKAGE}.model.NeuralNetworkModel", {"layers": written}


def norms(layers: Layers) -> list[dict] | None:
    """How Solr standardises each feature; None = it does not."""
    if not layers.is_standardised:
        return None
    return [
        {"class": f"{PACKAGE}.norm.StandardNormalizer", "params": {"avg": text_of(mean), "std": text_of(deviation)}}
        for mean, deviation in zip(layers.mean, layers.deviation, strict=True)
    ]


def body(name: str, kind: str, params: dict, names: list[str], norms: list[dict] | None) -> dict[str, Any]:
    """Returns the body for the model store."""
    features: list[dict[str, Any]] = [{"name": feature} for feature in names]
    if norms is not None:
        features = [feature | {"norm": norm} for feature, norm in zip(features, norms, strict=True)]
    return {"class": kind, "name": name, "features": features, "params": params}


def _node(node, names, missing):
    if isinstance(node, Leaf):
        return {"value": text_of(node.value)}
    return {
        "feature": names[node.feature],
        "threshold": text_of(_threshold(node.below, names[node.feature])),
        **({"missing": "left" if node.missing_left else "right"} if missing else {}),
        "left": _node(node.left, names, missing),
        "right": _node(node.right, names, missing),
    }


def _threshold(below, name):
    """The threshold from which Solr, by its addition, makes the greatest float32 that goes left."""
    wanted = np.nextafter(np.float32(below), np.float32(-np.inf))
    start = wanted - SLACK
    near = [start, np.nextafter(start, np.float32(np.inf)), np.nextafter(start, np.float32(-np.inf))]
    if abs(wanted) <= ZERO:  # 0 stays on its side
        near = [x for x in near if (x + SLACK >= 0) == (wanted >= 0)]
        return min(near, key=lambda x: abs(x + SLACK))
    best = min(near, key=lambda x: abs(x + SLACK - wanted))
    if abs(float(best + SLACK) - float(wanted)) > NEAREST * abs(float(wanted)):
        raise ValueError(
            f"Solr adds 1e-6 to each threshold, so it cannot tell apart values of the feature {name} as near to 0 "
            f"as {wanted:.3g}: multiply the feature, by 1e6 perhaps, before it is indexed and trained on"
        )
    return best
