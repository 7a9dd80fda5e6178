"""Linear models of scikit-learn, possibly at the end of a pipeline."""

from typing import Any

import numpy as np

from plackett.export.search_engines.layers import Layer, Layers

SCALES = (1e-3, 1.0, 1e3, 1e6)  # scales of the points at which linearity is tested


def read_linear(model: Any) -> Layers:
    """Reads the weights of a model with `coef_`, or of a pipeline that ends with one, including all earlier steps.

    They are found from the model's scores for 0 and for each feature by itself, so a pipeline may scale, shift and mix
    features in any way.

    Raises:
        ValueError: it has no weights, or is not a linear function of its features.
    """
    name = type(model).__name__
    last = model.steps[-1][1] if hasattr(model, "steps") else model
    width = getattr(model, "n_features_in_", None)
    if not hasattr(last, "coef_") or width is None:
        raise ValueError(
            f"the model {name} is not a fitted linear model: it has no coef_. These engines take trees of "
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
            raise ValueError(
                f"the model {name} is not a linear function of its features, so these engines cannot express it"
            )
    if not weights.any():
        raise ValueError(f"the model {name} gives all documents the same score: it ranks nothing")
    layer = Layer(weights[None], np.array([bias]), "identity")
    names = tuple(map(str, getattr(model, "feature_names_in_", ())))
    return Layers(np.zeros(width), np.ones(width), [layer], names, predict)


def _scores_of(model, name):
    """The scores that the model ranks by, as a function of [documents, features] that returns [documents]."""
    classes = getattr(model, "classes_", None)
    if classes is not None and len(classes) != 2:
        raise ValueError(f"the model {name} predicts {len(classes)} classes, but a ranker gives one score")
    function = model.predict if classes is None else model.decision_function
    names = getattr(model, "feature_names_in_", None)

    def scores_of(x):
        if names is not None:  # otherwise it warns
            import pandas

            x = pandas.DataFrame(x, columns=list(names))
        scores = np.asarray(function(x), "float64")
        if scores.size != len(x):
            raise ValueError(f"the model {name} gives a document {scores.size // len(x)} scores, but engines rank by 1")
        return scores.reshape(-1)

    return scores_of
