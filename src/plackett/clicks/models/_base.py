"""What all click models share: the log-likelihood of clicks as a Keras loss, its probabilities, and samples of it."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from keras import ops

from plackett._types import Tensor
from plackett.lists import clean
from plackett.losses._base import RankingLoss, Reduction


class ClickModel(RankingLoss):
    """A click model as a Keras loss: the negative log-likelihood of each list's clicks.

    It is called as any loss, with clicks, [lists, list_size], 0 or 1, and parameters, [lists, list_size, columns]:
    logits, one column for each name in `columns`. The documents of a list stand in the order in which they were shown.

    A subclass names its parameters, by what they depend on, and gives the functions of its probabilities.
    """

    # Parameters that are the same for all documents and positions; that depend on the position and context; that
    # depend on the document, which rank it.
    constants: ClassVar[tuple[str, ...]] = ()
    of_positions: ClassVar[tuple[str, ...]] = ()
    of_documents: ClassVar[tuple[str, ...]] = ("attraction",)
    # Users come past all documents from the first one on, so that all of them must be there.
    sequential: ClassVar[bool] = False
    # Function of clean clicks, the mask, and the parameters by name -> [...].
    log_likelihood_fn: ClassVar[Callable[..., Tensor]]
    # Function of the mask and the parameters -> [..., list_size], log P(click).
    log_probability_fn: ClassVar[Callable[..., Tensor]]
    # Function of clicks, the mask and the parameters -> log P(click | the clicks before), log P(none | them).
    log_conditional_fn: ClassVar[Callable[..., tuple[Tensor, Tensor]]]
    # Function of uniform noise, [..., list_size], the mask and the parameters -> [..., list_size], 0 or 1.
    sample_fn: ClassVar[Callable[..., Tensor]]

    def __init__(self, reduction: Reduction = "auto", name: str | None = None, ragged: bool = False):
        super().__init__(reduction, name, ragged=ragged)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the last axis of the parameters."""
        return (*self.constants, *self.of_positions, *self.of_documents)

    @property
    def models(self) -> int:
        """How many columns the parameters have."""
        return len(self.columns)

    def stack(self, **parameters: Tensor) -> Tensor:
        """[..., list_size, columns] of parameters by their names, which broadcast against each other."""
        given = [ops.convert_to_tensor(parameters[name]) for name in self.columns]
        shape = given[0].shape
        for one in given[1:]:
            shape = ops.broadcast_shapes(shape, one.shape)
        return ops.stack([ops.broadcast_to(one, shape) for one in given], axis=-1)

    def split(self, parameters: Tensor) -> Mapping[str, Tensor]:
        """name -> [..., list_size], the columns of the parameters."""
        return {name: parameters[..., place] for place, name in enumerate(self.columns)}

    def fn(self, labels, scores, *, mask, **options: Any) -> Tensor:
        return -self.log_likelihood_fn(labels, mask, **self.split(scores), **options)

    def log_likelihood(self, clicks: Tensor, parameters: Tensor, *, mask: Tensor | None = None) -> Tensor:
        """[...], log P(the clicks of the list)."""
        clicks, parameters, mask = clean(clicks, parameters, mask, models=True)
        return self.log_likelihood_fn(clicks, mask, **self.split(parameters))

    def click_probability(self, parameters: Tensor, *, mask: Tensor | None = None) -> Tensor:
        """[..., list_size], P(click), whatever is clicked before; 0 at padding."""

    def conditional_click_probability(
        self, clicks: Tensor, parameters: Tensor, *, mask: Tensor | None = None
    ) -> Tensor:
        """[..., list_size], P(click | the clicks before it); 0 at padding."""

    def sample(self, parameters: Tensor, *, noise: Tensor, mask: Tensor | None = None) -> Tensor:
        """[..., list_size], clicks drawn: 0 or 1, 0 at padding.

        Args:
            noise: [..., list_size], uniform on [0, 1): a document is clicked where it is below P(click | the clicks
                drawn before it).
        """
