"""What all click models share: the log-likelihood of clicks as a Keras loss, probabilities, and samples."""

import itertools
from collections.abc import Mapping
from typing import Any

from keras import ops

from plackett import backend
from plackett._types import Tensor
from plackett.clicks.models import _walks
from plackett.clicks.models._logs import IMPOSSIBLE
from plackett.lists import clean, weights_of_documents
from plackett.lists._shapes import computable, shape_text
from plackett.losses._base import RankingLoss, Reduction
from plackett.registry import register

BELOW_1 = 1.0 - 2.0**-24  # the largest float32 below 1; noise in float64 may round to 1


@register
def attraction_logits(scores: Tensor) -> Tensor:
    """The last column of the parameters, [..., list_size]: the logits of attraction, which rank."""
    return scores[..., -1]


class ClickModel(RankingLoss):
    """A click model as a Keras loss: the negative log-likelihood of each list's clicks.

    It is called like any loss, with clicks, [lists, list_size], 0 or 1, and parameters, [lists, list_size, columns]:
    logits, one column for each name in `columns`. The documents of a list are in the order in which they were shown.

    Its methods take parameters that `stack` makes from names, or that a scorer gives.

    >>> from plackett.clicks import PositionBasedModel
    >>> model = PositionBasedModel()
    >>> parameters = model.stack(attraction=[0.0, 0.0], examination=[30.0, 0.0])
    >>> [round(float(p), 2) for p in model.click_probability(parameters)]
    [0.5, 0.25]
    >>> [float(click) for click in model.sample(parameters, noise=[0.1, 0.7])]
    [1.0, 0.0]

    A subclass names its parameters by what they depend on, and gives their probabilities: `_log_likelihood`,
    `_log_probability` and `_walk`.
    """

    # Parameters that are the same for all documents and positions; parameters that depend on the position and context;
    # parameters that depend on the document, which rank it. The columns have this order.
    constants: Any = ()
    of_positions: Any = ()
    of_documents: Any = ("attraction",)
    # Whether users pass all documents from the first one on, so that none may be missing.
    sequential: Any = True
    # Function of the parameters -> the logit to rank by.
    ranking: Any = staticmethod(attraction_logits)

    def __init__(self, reduction: Reduction = "auto", name: str | None = None, ragged: bool = False):
        super().__init__(reduction, name, ragged=ragged)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns on the last axis of the parameters."""
        return (*self.constants, *self.of_positions, *self.of_documents)

    @property
    def models(self) -> int:
        """The number of columns of the parameters."""
        return len(self.columns)

    def stack(self, **parameters: Tensor) -> Tensor:
        """Stacks parameters by name to [..., list_size, columns]. They broadcast against each other.

        Raises:
            ValueError: the names are not those of `columns`, or the shapes do not broadcast.
        """
        parameters = self._by_column(parameters)
        if set(parameters) != set(self.columns):
            given, name = ", ".join(sorted(parameters)), type(self).__name__
            raise ValueError(f"{name} has the parameters {', '.join(self.columns)}, but got {given}")
        return _side_by_side({name: computable(parameters[name]) for name in self.columns})

    def split(self, parameters: Tensor) -> Mapping[str, Tensor]:
        """Splits the parameters into columns: name -> [..., list_size].

        Raises:
            ValueError: the last axis has another size.
        """
        self._check_columns(parameters)
        return {name: parameters[..., place] for place, name in enumerate(self.columns)}

    def log_likelihood(self, clicks: Tensor, parameters: Tensor, *, mask: Tensor | None = None) -> Tensor:
        """Returns log P(the clicks of the list), [...], in nats; 0 for an empty list.

        Args:
            clicks: [..., list_size], 0 or 1, in the order shown. Values of at least 1 are clicks.
            parameters: [..., list_size, columns], logits; or what broadcasts to it.
            mask: [..., list_size] bool, True = real document. None = where the click is not below 0.

        Raises:
            ValueError: the shapes do not fit.
        """
        clicks, parameters, mask = self._clean(clicks, parameters, mask)
        return self._log_likelihood(clicks >= 1, mask, **self.split(parameters))

    def click_probability(self, parameters: Tensor, *, mask: Tensor | None = None) -> Tensor:
        """Returns P(click), [..., list_size], whatever else is clicked; 0 at padding.

        Args:
            parameters: [..., list_size, columns], logits.
            mask: [..., list_size] bool, True = real document. None = all.
        """
        return ops.exp(self.log_click_probability(parameters, mask=mask)[0])

    def log_click_probability(self, parameters: Tensor, *, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Returns (log P(click), log P(no click)), [..., list_size] each, whatever else is clicked; -inf and 0 at
        padding.

        Cost: list_size steps, one after another, if clicks depend on each other.
        """
        parameters = computable(parameters)
        _, parameters, mask = self._clean(ops.zeros_like(parameters[..., 0]), parameters, mask)
        if mask.shape[-1] == 0:
            return parameters[..., 0], parameters[..., 0]
        click, none = self._log_probability(mask, **self.split(parameters))
        return ops.where(mask, click, IMPOSSIBLE), ops.where(mask, none, 0.0)

    def conditional_click_probability(
        self, clicks: Tensor, parameters: Tensor, *, mask: Tensor | None = None
    ) -> Tensor:
        """Returns P(click | the clicks before it), [..., list_size]; 0 at padding.

        Args:
            clicks, parameters, mask: as in `log_likelihood`.

        Cost: list_size steps, one after another.
        """
        return ops.exp(self.log_conditional_probability(clicks, parameters, mask=mask)[0])

    def log_conditional_probability(
        self, clicks: Tensor, parameters: Tensor, *, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Returns (log P(click | the clicks before), log P(no click | them)), [..., list_size]; -inf, 0 at padding."""
        clicks, parameters, mask = self._clean(clicks, parameters, mask)
        if mask.shape[-1] == 0:
            return parameters[..., 0], parameters[..., 0]
        return _walks.predictions(self._walk(mask, **self.split(parameters)), clicks >= 1, mask)

    def sample(self, parameters: Tensor, *, noise: Tensor, mask: Tensor | None = None) -> Tensor:
        """Draws clicks, [..., list_size]: 0 or 1, 0 at padding.

        Args:
            parameters: [..., list_size, columns], logits; or what broadcasts to the noise.
            noise: [..., list_size], uniform on [0, 1). A document is clicked if its noise is below P(click | the clicks
                drawn before it), so the same noise gives the same clicks on every backend.
            mask: [..., list_size] bool, True = real document. None = all.
        """
        noise, parameters, mask = self._clean(noise, parameters, mask)
        if mask.shape[-1] == 0:
            return parameters[..., 0]
        noise = backend.minimum(noise, BELOW_1)
        drawn = _walks.draw(self._walk(mask, **self.split(parameters)), noise, mask)
        return ops.cast(drawn, parameters.dtype)

    def fn(self, labels: Tensor, scores: Tensor, *, mask: Tensor, **options: Any) -> Tensor:
        """Returns the negative log-likelihood of clean clicks, [...]."""
        return -self._log_likelihood(labels >= 1, mask, **self.split(scores), **options)

    def _by_column(self, parameters):
        """Returns the parameters by the names of their columns. One name may stand for several columns."""
        return parameters

    def _log_likelihood(self, clicked, mask, **parameters):
        """The log-likelihood, [...], of clicks as bool and the parameters that `split` returns."""
        raise NotImplementedError

    def _log_probability(self, mask, **parameters):
        """(log P(click), log P(no click)), [..., list_size] each; anything at padding."""
        raise NotImplementedError

    def _walk(self, mask, **parameters):
        """The `Walk` of the user down the list."""
        raise NotImplementedError

    def _clean(self, clicks, parameters, mask):
        clicks, parameters = ops.convert_to_tensor(clicks), computable(parameters)
        self._check_columns(parameters)
        if not _broadcasts(parameters.shape, (*clicks.shape, self.models)):
            raise ValueError(
                f"parameters must have the shape of the clicks and a last axis of columns, but got parameters "
                f"{shape_text(parameters.shape)} and clicks {shape_text(clicks.shape)}"
            )
        if tuple(parameters.shape) != (*clicks.shape, self.models):
            parameters = ops.broadcast_to(parameters, (*ops.shape(clicks), self.models))
        if mask is not None:
            mask = ops.convert_to_tensor(mask)
            if not _broadcasts(mask.shape, clicks.shape):
                raise ValueError(
                    f"mask must have the shape of the clicks, {shape_text(clicks.shape)}, but got "
                    f"{shape_text(mask.shape)}"
                )
            mask = ops.broadcast_to(mask, ops.shape(clicks))
        return clean(clicks, parameters, mask, models=True)

    def _check_columns(self, parameters):
        if parameters.shape[-1] not in (self.models, None):
            raise ValueError(
                f"{type(self).__name__} takes {self.models} parameters a document, {', '.join(self.columns)}, but got "
                f"{shape_text(parameters.shape)}"
            )


class IndependentModel(ClickModel):
    """Base of models in which a click depends on no other click. A subclass gives `_log_probabilities`."""

    sequential = False
    weighs_documents = True

    def _log_probabilities(self, **parameters):
        """(log P(click), log P(no click)), [..., list_size] each."""
        raise NotImplementedError

    def _log_likelihood(self, clicked, mask, *, weights=None, **parameters):
        click, none = self._log_probabilities(**parameters)
        by_document = ops.where(mask, ops.where(clicked, click, none), 0.0)
        return ops.sum(weights_of_documents(weights, click, mask) * by_document, axis=-1)

    def _log_probability(self, mask, **parameters):
        return self._log_probabilities(**parameters)

    def _walk(self, mask, **parameters):
        click, none = self._log_probabilities(**parameters)
        return _walks.Walk((), lambda state, i: (click[..., i], none[..., i]), lambda state, i, clicked: state)


def _side_by_side(parameters):
    """Stacks tensors by name to [..., columns], broadcast against each other, in one dtype."""
    for first, second in itertools.combinations(parameters, 2):
        if not _meet(parameters[first].shape, parameters[second].shape):
            raise ValueError(
                f"the parameters must broadcast against each other, but got {first} "
                f"{shape_text(parameters[first].shape)} and {second} {shape_text(parameters[second].shape)}"
            )
    parameters = list(parameters.values())
    dtype = "float64" if "float64" in map(ops.dtype, parameters) else "float32"
    parameters = [ops.cast(one, dtype) for one in parameters]
    zeros = sum(map(ops.zeros_like, parameters))
    return ops.stack([one + zeros for one in parameters], axis=-1)


def _broadcasts(shape, to):
    """Whether one shape broadcasts to another, as far as they are known while a graph is traced."""
    pairs = zip(reversed(tuple(shape)), reversed(tuple(to)), strict=False)
    return len(shape) <= len(to) and all(one in (1, None, size) or size is None for one, size in pairs)


def _meet(shape, other):
    """Whether two shapes broadcast against each other, as far as they are known."""
    pairs = zip(reversed(tuple(shape)), reversed(tuple(other)), strict=False)
    return all(one == size or one in (1, None) or size in (1, None) for one, size in pairs)
