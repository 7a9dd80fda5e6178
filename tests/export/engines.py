"""What search engines make of a model's file, in loops written from what they document: all in float32.

Elasticsearch and OpenSearch: https://elasticsearch-learning-to-rank.readthedocs.io/en/latest/training-models.html.
Solr: https://solr.apache.org/guide/solr/latest/query-guide/learning-to-rank.html.
"""

import json
import math

import numpy as np

F = np.float32


def rank_in_elasticsearch(body, features, knows_missing=True):
    """[documents], of documents that are dicts of features by name; one that is not there is missing."""
    model = body["model"]["model"]
    definition = json.loads(model["definition"])
    if model["type"] == "model/linear":
        return [sum((F(w) * F(x.get(name, 0)) for name, w in definition.items()), F(0)) for x in features]
    assert model["type"] == "model/xgboost+json"
    trees, objective = definition, None
    if isinstance(definition, dict):
        trees, objective = definition["splits"], definition["objective"]
    scores = [sum((_walk(tree, x, knows_missing) for tree in trees), F(0)) for x in features]
    return [1 / (1 + math.exp(-s)) for s in scores] if objective in ("binary:logistic", "reg:logistic") else scores


def _walk(node, x, knows_missing):
    while "leaf" not in node:
        assert node["children"][0]["nodeid"] == node["yes"]
        assert node["children"][1]["nodeid"] == node["no"]
        assert isinstance(node["depth"], int)
        value = x.get(node["split"], math.nan if knows_missing else 0.0)
        if math.isnan(value):
            assert node["missing"] in (node["yes"], node["no"])
            node = node["children"][node["missing"] == node["no"]]
        else:
            node = node["children"][0 if F(node["split_condition"]) > F(value) else 1]
    return F(node["leaf"])


def rank_in_solr(body, features):
    """As `rank_in_elasticsearch`; a feature that is missing is 0, or NaN where the model asks for that."""
    params, kind = body["params"], body["class"].removeprefix("org.apache.solr.ltr.model.")
    default = 0.0 if params.get("isNullSameAsZero", True) else math.nan
    rows = [[_normal(feature, F(x.get(feature["name"], default))) for feature in body["features"]] for x in features]
    names = [feature["name"] for feature in body["features"]]
    score = {"LinearModel": _linear, "MultipleAdditiveTreesModel": _trees, "NeuralNetworkModel": _network}[kind]
    return [score(params, dict(zip(names, row, strict=True))) for row in rows]


def _normal(feature, value):
    if "norm" not in feature:
        return value
    assert feature["norm"]["class"] == "org.apache.solr.ltr.norm.StandardNormalizer"
    given = feature["norm"]["params"]
    return (value - F(given["avg"])) / F(given["std"])


def _linear(params, x):
    return sum((x[name] * F(params["weights"][name]) for name in x), F(0))


def _trees(params, x):
    return sum((F(tree["weight"]) * _descend(tree["root"], x) for tree in params["trees"]), F(0))


def _descend(node, x):
    while "feature" in node:
        value, threshold = x[node["feature"]], F(node["threshold"]) + F(1e-6)
        side = "left" if value <= threshold else "right"
        node = node[node["missing"] if math.isnan(value) else side]
    return F(node["value"])


def _network(params, x):
    x = list(x.values())
    functions = {
        "identity": lambda s: s,
        "relu": lambda s: max(s, F(0)),
        "tanh": np.tanh,
        "sigmoid": lambda s: F(1 / (1 + math.exp(-s))),
    }
    for layer in params["layers"]:
        outputs = []
        for row, bias in zip(layer["matrix"], layer["bias"], strict=True):
            assert all(type(number) is float for number in [*row, bias])  # Solr casts them to Double
            total = F(bias)
            for weight, value in zip(row, x, strict=True):
                total += F(weight) * F(value)
            outputs.append(functions[layer["activation"]](total))
        x = outputs
    assert len(x) == 1
    return x[0]


def named(x, names):
    """Documents by the names of their features; what is NaN is missing."""
    return [{name: F(v) for name, v in zip(names, row, strict=True) if not math.isnan(v)} for row in x]
