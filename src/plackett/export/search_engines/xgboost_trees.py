"""The trees of XGBoost."""

import json
import math
from typing import Any

import numpy as np

from plackett.evaluation.systems.models import need
from plackett.export.search_engines.trees import LARGEST, Forest, Leaf, Link, Node, Split

LINKS: dict[str, Link] = {
    "binary:logistic": "sigmoid",
    "reg:logistic": "sigmoid",
    "count:poisson": "exp",
    "reg:gamma": "exp",
    "reg:tweedie": "exp",
    "survival:cox": "exp",
}  # all others have none, or are refused
LOGITS = ("binary:logistic", "reg:logistic", "binary:logitraw")  # their base_score is a probability


def read_xgboost(booster: Any) -> Forest:
    """Reads the trees of a Booster, up to its best iteration if training stopped early.

    Raises:
        ValueError: it has no trees, or splits or scores that no search engine supports.
    """
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    objective, names = learner["objective"]["name"], tuple(learner["feature_names"])
    trees, weights = _trees(learner["gradient_booster"])
    best = booster.attr("best_iteration")
    rounds = (0, 0 if best is None else int(best) + 1)
    model = learner["gradient_booster"].get("gbtree", learner["gradient_booster"])["model"]
    several = max(model["tree_info"], default=0) > 0 or int(learner["learner_model_param"].get("num_target", 1)) > 1
    if several:
        raise ValueError(
            f"this XGBoost model gives several scores per document (objective {objective}), but search engines rank by "
            "one: train it with an objective such as rank:ndcg"
        )
    if best is not None:
        starts = model.get("iteration_indptr") or list(range(len(trees) + 1))
        trees, weights = trees[: starts[rounds[1]]], weights[: starts[rounds[1]]]
    xgboost = need("xgboost", "a Booster of XGBoost")

    def margins(x):
        data = xgboost.DMatrix(x, feature_names=booster.feature_names, feature_types=booster.feature_types)
        return booster.predict(data, output_margin=True, iteration_range=rounds)

    return Forest(
        trees=tuple(_Tree(tree, weight, names).node() for tree, weight in zip(trees, weights, strict=True)),
        constant=_constant(learner["learner_model_param"]["base_score"], objective),
        link=LINKS.get(objective, "identity"),
        names=names,
        width=int(learner["learner_model_param"]["num_feature"]),
        margins=margins,
    )


def _trees(booster):
    """Returns (the trees, the factor of each)."""
    if booster["name"] == "gbtree":
        return booster["model"]["trees"], [1.0] * len(booster["model"]["trees"])
    if booster["name"] == "dart":
        return booster["gbtree"]["model"]["trees"], booster["weight_drop"]
    raise ValueError(
        f"this XGBoost model is of the booster {booster['name']}, which has no trees: train it with gbtree or dart, or "
        "give a linear model of scikit-learn"
    )


def _constant(base, objective):
    """The score without any trees."""
    read = json.loads(base)  # a number, or since XGBoost 3.1 a list of them
    base = float(read[0] if isinstance(read, list) else read)
    if objective in LOGITS:
        return math.log(base / (1 - base))
    return math.log(base) if LINKS.get(objective) == "exp" else base


class _Tree:
    """A tree as XGBoost writes it, in columns with one row a node."""

    def __init__(self, columns, weight, names):
        self.columns, self.weight, self.names = columns, weight, names
        if int(columns["tree_param"].get("size_leaf_vector", 1)) > 1:
            raise ValueError(
                "this XGBoost model has several values in a leaf, but search engines support one: train it with "
                "multi_strategy='one_output_per_tree'"
            )

    def node(self, row=0) -> Node:
        """The node in this row, with the nodes below it."""
        columns = self.columns
        threshold = np.float32(columns["split_conditions"][row])
        if columns["left_children"][row] < 0:
            return Leaf(float(threshold) * self.weight)
        feature = columns["split_indices"][row]
        if any(columns.get("split_type", ())) and columns["split_type"][row]:
            name = self.names[feature] if self.names else feature + 1
            raise ValueError(
                f"this XGBoost model splits the categorical feature {name} by sets of its values, but search engines "
                "support only thresholds: train it on numbers, without enable_categorical"
            )
        left, right = (self.node(columns[side][row]) for side in ("left_children", "right_children"))
        below = float(np.clip(threshold, -LARGEST, LARGEST))
        return Split(feature, below, bool(columns["default_left"][row]), left, right)
