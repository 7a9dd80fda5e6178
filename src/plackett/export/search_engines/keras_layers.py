"""Layers of a Keras model that scores each document by itself, such as `plackett.scorers.mlp`."""

import keras
import numpy as np

from plackett.data import RankingLists
from plackett.evaluation._scoring import score
from plackett.export.search_engines.layers import Layer, Layers
from plackett.scorers._any_model import feature_names
from plackett.scorers._ensemble import StandardizedMean
from plackett.scorers._outputs import MaskedScores
from plackett.scorers._two_tower import ranker_of
from plackett.scorers.preprocessing.layers import Filled, Indicators, LogAndBins, Quantiles, SignedLog1p
from plackett.training._output_folder import MEMBERS

WAY_OUT = "train an mlp with transform None, normalization batch or None and missing False, or export to ONNX"
WITHOUT_PART = keras.layers.InputLayer | keras.layers.Dropout  # they do nothing in scoring
NAMES = {"linear": "identity", "relu": "relu", "tanh": "tanh", "sigmoid": "sigmoid"}  # of activations
REFUSED = {
    SignedLog1p: "the transform log1p",
    Quantiles: "the transform quantile",
    LogAndBins: "the transform bins",
    Indicators: "features that may be missing",
    keras.layers.LayerNormalization: "layer normalization",
    keras.layers.MultiHeadAttention: "attention, by which a document's score depends on the others",
}


def read_keras(model: keras.Model) -> Layers:
    """Reads the layers of a model; for two towers, those of the one that ranks.

    Raises:
        ValueError: search engines lack a layer, the model takes more than features, or it gives several scores.
    """
    model = ranker_of(model)
    inputs = getattr(model, "input", None)
    if not isinstance(inputs, dict) or set(inputs) != {"features", "mask"}:
        given = sorted(inputs) if isinstance(inputs, dict) else "others"
        raise ValueError(f"search engines know only features, but this model takes {given}: {WAY_OUT}")
    if any(isinstance(layer, StandardizedMean) for layer in model.layers):
        raise ValueError(
            "search engines score each document by itself, but this model is an ensemble, which standardises scores "
            f"within each list: export a member, {MEMBERS}/1 of the output folder or model.get_layer('member_1'), or "
            "export to ONNX"
        )
    if not isinstance(model.layers[-1], MaskedScores) or isinstance(model.output, dict):
        raise ValueError(f"search engines rank by one score, but this model has several outputs: {WAY_OUT}")
    if model.layers[-1].axis_of_models:
        raise ValueError(f"search engines rank by one score, but this model gives a document several: {WAY_OUT}")
    chain = _Chain(inputs["features"].shape[-1])
    for layer in model.layers[:-1]:
        chain.add(layer)
    names = feature_names(model) or ()

    def scores_of(x):
        lists = RankingLists.from_arrays(x, np.zeros(len(x)), group=[len(x)], feature_names=names or None)
        return score(model, lists)

    layers = Layers(chain.mean, chain.deviation, chain.layers, names, scores_of)
    layers.check(layers.probes())  # checks that the layers form one chain
    return layers


class _Chain:
    """Layers one after another, and a linear path beside them."""

    def __init__(self, width):
        self.mean, self.deviation, self.layers = np.zeros(width), np.ones(width), []
        self.start, self.linear = None, None  # the input of the first layer, and the weights of the path from there

    def add(self, layer):
        """One more."""
        for kind, words in REFUSED.items():
            if isinstance(layer, kind):
                raise ValueError(f"search engines do not know {words}, which this model has: {WAY_OUT}")
        if isinstance(layer, WITHOUT_PART):
            return
        if isinstance(layer, Filled):
            if layer.missing:
                raise ValueError(f"search engines do not know {REFUSED[Indicators]}, which this model has: {WAY_OUT}")
        elif isinstance(layer, keras.layers.Normalization) and not self.layers:
            self.mean = _numbers(layer.mean).reshape(-1)
            self.deviation = np.maximum(np.sqrt(_numbers(layer.variance).reshape(-1)), keras.config.epsilon())
        elif isinstance(layer, keras.layers.Dense):
            if self.layers and layer.input is self.start and self.linear is None and not layer.use_bias:
                self.linear = _numbers(layer.kernel).T
            else:
                self._add_dense(layer)
        elif isinstance(layer, keras.layers.Add) and self.linear is not None:
            self._join_paths()
        elif isinstance(layer, keras.layers.BatchNormalization) and self.layers:
            self._scale(layer)
        elif isinstance(layer, keras.layers.Activation) and self.layers:
            self._activate(layer.activation)
        else:
            raise ValueError(
                f"search engines do not know the layer {layer.name} ({type(layer).__name__}) of this model: {WAY_OUT}"
            )

    def _add_dense(self, layer):
        matrix = _numbers(layer.kernel).T
        bias = _numbers(layer.bias) if layer.use_bias else np.zeros(len(matrix))
        self.start = self.start if self.layers else layer.input
        self.layers.append(Layer(matrix, bias, "identity"))
        self._activate(layer.activation)

    def _join_paths(self):
        """Adds two units to each hidden layer, which carry the linear path, since relu(x) - relu(-x) = x."""
        *hidden, head = self.layers
        if any(layer.activation != "relu" for layer in hidden):
            raise ValueError(f"search engines support a linear path only beside relu units: {WAY_OUT}")
        carried = np.concatenate([self.linear, -self.linear])
        for i, (matrix, bias, activation) in enumerate(hidden):
            if i:
                matrix = np.pad(matrix, ((0, 0), (0, 2)))
                carried = np.eye(2, matrix.shape[1], matrix.shape[1] - 2)
            self.layers[i] = Layer(np.concatenate([matrix, carried]), np.append(bias, [0.0, 0.0]), activation)
        self.layers[-1] = head._replace(matrix=np.concatenate([head.matrix, [[1.0, -1.0]]], axis=1))

    def _scale(self, layer):
        """Puts batch normalization, with the statistics of training, into the weights of the layer before."""
        matrix, bias, activation = self.layers[-1]
        if activation != "identity":
            raise ValueError(f"search engines do not know normalization after an activation: {WAY_OUT}")
        factor = 1 / np.sqrt(_numbers(layer.moving_variance) + layer.epsilon)
        factor = factor * _numbers(layer.gamma) if layer.scale else factor
        bias = (bias - _numbers(layer.moving_mean)) * factor
        bias = bias + _numbers(layer.beta) if layer.center else bias
        self.layers[-1] = Layer(matrix * factor[:, None], bias, "identity")

    def _activate(self, function):
        name = getattr(function, "__name__", str(function))
        if name not in NAMES:
            allowed = ", ".join(NAMES)
            raise ValueError(f"search engines do not know the activation {name}, only {allowed}: {WAY_OUT}")
        if self.layers[-1].activation != "identity" and NAMES[name] != "identity":
            raise ValueError(f"search engines do not know two activations after each other: {WAY_OUT}")
        if NAMES[name] != "identity":
            self.layers[-1] = self.layers[-1]._replace(activation=NAMES[name])


def _numbers(variable):
    return keras.ops.convert_to_numpy(variable).astype("float64")
