"""The trees of LightGBM."""

from typing import Any

import numpy as np

from plackett.evaluation.systems.models import of_lightgbm
from plackett.export.search_engines.trees import Forest, Leaf, Link, Node, Split, below_of

LINKS: dict[str, Link] = {
    "binary": "sigmoid",
    "cross_entropy": "sigmoid",
    "poisson": "exp",
    "gamma": "exp",
    "tweedie": "exp",
}  # all others have none, or are refused
NOT_OF_SUMS = ("multiclass", "multiclassova", "cross_entropy_lambda")
ZERO = float(np.float32(1e-35))  # a value this close to 0 counts as 0


def read_lightgbm(booster: Any) -> Forest:
    """Reads the trees of a Booster, up to its best iteration if training stopped early.

    Raises:
        ValueError: there are splits, leaves or scores that no search engine supports.
    """
    model = booster.dump_model()
    objective, *options = (model.get("objective") or "custom").split()
    if model["num_tree_per_iteration"] > 1 or objective in NOT_OF_SUMS or "sqrt" in options:
        raise ValueError(
            f"a score of this LightGBM model is not the sum of its trees (objective {' '.join([objective, *options])})"
            ": train it with an objective that gives one score per document, such as lambdarank"
        )
    names = tuple(model["feature_names"])
    share = (
        1 / len(model["tree_info"]) if model["average_output"] else 1.0
    )  # a random forest averages its trees, but not in the raw score
    slope = next((float(x.removeprefix("sigmoid:")) for x in options if x.startswith("sigmoid:")), 1.0)
    return Forest(
        trees=tuple(_node(tree["tree_structure"], share * slope, names) for tree in model["tree_info"]),
        constant=0.0,
        link=LINKS.get(objective, "identity"),
        names=of_lightgbm(booster).names,
        width=len(names),
        margins=lambda x: booster.predict(x, raw_score=True) * share * slope,
    )


def _node(node, factor, names) -> Node:
    if "leaf_value" in node:
        if "leaf_coeff" in node:
            raise ValueError(
                "this LightGBM model has linear functions in its leaves, but search engines support only constants: "
                "train it without linear_tree"
            )
        return Leaf(node["leaf_value"] * factor)
    feature = node["split_feature"]
    if node["decision_type"] != "<=":
        raise ValueError(
            f"this LightGBM model splits the categorical feature {names[feature]} by sets of its values, but search "
            "engines support only thresholds: train it on numbers, without categorical_feature"
        )
    left, right = (_node(node[side], factor, names) for side in ("left_child", "right_child"))
    split = Split(feature, _below(node["threshold"]), node["default_left"], left, right)
    if node["missing_type"] == "None":  # a value that is missing nevertheless counts as 0
        return split._replace(missing_left=split.zero_left)
    if node["missing_type"] == "Zero" and split.missing_left != split.zero_left:
        raise ValueError(
            f"this LightGBM model takes 0 of the feature {names[feature]} as missing, and sends it to the side where "
            "its value does not belong, which search engines cannot do: train it without zero_as_missing"
        )
    return split


def _below(threshold):
    """The number that values must be less than, including values that count as 0."""
    return -ZERO if -ZERO <= threshold < 0 else below_of(max(threshold, ZERO) if threshold >= 0 else threshold)
