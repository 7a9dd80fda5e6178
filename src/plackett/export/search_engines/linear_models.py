"""Linear models of scikit-learn, also at the end of a pipeline."""

from typing import Any

import numpy as np

from plackett.export.search_engines.layers import Layer, Layers

SCALES = (1e-3, 1.0, 1e3, 1e6)  # of the points at which a model is asked whether it is linear


def read_linear(model: Any) -> Layers:
    """The weights of a model with `coef_`, or of a pipeline that ends with one, and all that stands before it.

    They are found by what the model says of 0 and of each feature by itself, so that any pipeline will do which
    scales, shifts and mixes.

    Raises:
        ValueError: it has no weights, or is no linear function of its features.
    """
    name = type(model).__name__
    last = model.steps[-1][1] if hasattr(model, "steps") else model
    width = getattr(model, "n_features_in_", None)
    if not hasattr(last, "coef_") or width is None:
        raise ValueError(
            f"the model {name} is no linear model that was fitted: it has no coef_. These engines take trees of "
            "LightGBM and XGBoost, linear models of scikit-learn and networks of plackett"
        )
    predict = _scores_of(model, name)
    zero, units = np.zeros((1, width)), np.eye(width)
    bias = predict(zero)[0]
    weights = predict(units) - bias
    random = np.random.default_rng(0)
    for scale in SCALES:
        x = scale * random.normal(size=(64, width))
        wanted = x @ weights + bias
        if not np.allclose(predict(x), wanted, rtol=1e-6, atol=1e-6 * np.abs(wanted).max()):
            raise ValueError(f"the model {name} is no linear function of its features, which these engines cannot say")
    if not weights.any():
        raise ValueError(f"the model {name} gives all documents the same score: it ranks nothing")
    layer = Layer(weights[None], np.array([bias]), "identity")
    names = tuple(map(str, getattr(model, "feature_names_in_", ())))
    return Layers(np.zeros(width), np.ones(width), [layer], names, predict)


def _scores_of(model, name):
    """What the model ranks by, a function of [documents, features] that gives [documents]."""
    classes = getattr(model, "classes_", None)
    if classes is not None and len(classes) != 2:
        raise ValueError(f"the model {name} tells {len(classes)} classes apart, where a ranker gives one score")
    function = model.predict if classes is None else model.decision_function
    names = getattr(model, "feature_names_in_", None)

    def scores_of(x):
        if names is not None:  # else it warns
            import pandas

            x = pandas.DataFrame(x, columns=list(names))
        scores = np.asarray(function(x), "float64")
        if scores.size != len(x):
            raise ValueError(
                f"the model {name} gives a document {scores.size // len(x)} scores, where engines rank by 1"
            )
        return scores.reshape(-1)

    return scores_of
