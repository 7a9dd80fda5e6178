"""What a function with a fast way to its gradient consists of."""

import dataclasses
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Rule:
    """A function of tensors, the fast way to its gradient, and a plain form for everything else.

    All tensors, and what the functions return, are [..., something] with the same leading axes; for a batch of calls
    the functions are called once, with one more leading axis. None of them may close over a tensor.

    Args:
        value: `value(*options, variables, constants)` -> (the value, a tuple of tensors that the gradient needs).
        pull: `pull(*options, variables, constants, held, upstream)` -> a tuple of the gradients of
            sum(upstream * value) by each of the variables; `held` is the tuple that `value` returned.
        plain: `plain(*options, variables, constants)` -> the value, in operations that the backend differentiates. All
            derivatives but the first gradient are those of this form: it may be slow, and must be right.
        options: what the functions are told first; hashable.
    """

    value: Callable
    pull: Callable
    plain: Callable
    options: tuple = ()

    def value_and_held(self, variables, constants):
        """(the value, what its gradient needs)."""
        value, held = self.value(*self.options, variables, constants)
        return value, tuple(held)

    def gradients(self, variables, constants, held, upstream):
        """The gradients by the variables, in the fast way."""
        return tuple(self.pull(*self.options, variables, constants, held, upstream))

    def plain_of(self, constants):
        """The value as a function of the variables alone, which the backend differentiates."""
        return lambda *variables: self.plain(*self.options, variables, constants)
