"""A common form for linear models and for networks that score each document by itself."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "identity": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "leakyrelu": lambda x: np.where(x < 0, 0.01 * x, x),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}
ROWS = 256  # the number of documents on which layers are compared with their model


class Layer(NamedTuple):
    """activation(matrix x + bias).

    Args:
        matrix: [outputs, inputs].
        bias: [outputs].
        activation: a key of `ACTIVATIONS`.
    """

    matrix: np.ndarray
    bias: np.ndarray
    activation: str


@dataclasses.dataclass(frozen=True)
class Layers:
    """Layers over standardised features. The last one gives one score.

    Args:
        mean: [features], what is subtracted from each feature.
        deviation: [features], what each is then divided by.
        layers: the layers, in order.
        names: the names of the features; () = they have only numbers.
        scores_of: a function of [documents, features] float32: the model's own scores, for comparison.
    """

    mean: np.ndarray
    deviation: np.ndarray
    layers: Sequence[Layer]
    names: tuple[str, ...]
    scores_of: Callable[[np.ndarray], np.ndarray]

    @property
    def width(self) -> int:
        """The number of features."""
        return len(self.mean)

    @property
    def is_linear(self) -> bool:
        """Whether the score is a weighted sum of the features plus a constant."""
        return len(self.layers) == 1 and self.layers[0].activation == "identity"

    @property
    def is_standardised(self) -> bool:
        """Whether features are standardised first."""
        return bool(self.mean.any() or (self.deviation != 1).any())

    def unstandardised(self) -> "Layers":
        """Returns equal layers over raw features, with other weights in the first layer."""
        matrix, bias, activation = self.layers[0]
        matrix = matrix / self.deviation
        first = Layer(matrix, bias - matrix @ self.mean, activation)
        nothing, one = np.zeros(self.width), np.ones(self.width)
        return dataclasses.replace(self, mean=nothing, deviation=one, layers=[first, *self.layers[1:]])

    def without_constant(self) -> tuple["Layers", float]:
        """Returns, for a linear model, (the weighted sum alone, the constant)."""
        matrix, bias, activation = self.layers[0]
        return dataclasses.replace(self, layers=[Layer(matrix, np.zeros(1), activation)]), float(bias[0])

    def scores(self, x: np.ndarray) -> np.ndarray:
        """[documents, features] -> [documents], all in float32, as in search engines."""
        x = (x - self.mean.astype("float32")) / self.deviation.astype("float32")
        for matrix, bias, activation in self.layers:
            x = ACTIVATIONS[activation](x @ matrix.T.astype("float32") + bias.astype("float32"))
        return x[:, 0]

    def probes(self) -> np.ndarray:
        """Returns [documents, features] float32 with the spread of the features that these layers standardise."""
        spread = np.random.default_rng(0).normal(size=(ROWS, self.width))
        return (self.mean + self.deviation * spread).astype("float32")

    def check(self, x: np.ndarray, constant: float = 0.0) -> None:
        """Compares the layers, in float32, with their model.

        Args:
            x: [documents, features] float32, the documents to compare on.
            constant: a constant that only the scores of the model contain.

        Raises:
            ValueError: the scores differ by more than a thousandth of their spread among documents.
        """
        wanted = np.asarray(self.scores_of(x), "float64") - constant
        worst, among = np.abs(self.scores(x) - wanted).max(), wanted.std()
        if not worst <= 1e-3 * among + 1e-6:
            raise ValueError(
                f"in float32, as in search engines, the scores of this model would be off by up to {worst:.3g}, "
                f"while those of its documents spread by {among:.3g}: its features are far from 0, so bring them "
                "near 0 before they are indexed and trained on"
            )
