"""The parts of a function with a fast gradient."""

import dataclasses
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Rule:
    """A function of tensors, a fast way to its gradient, and a plain form for all other derivatives.

    All tensors, and the outputs of the functions, have the same leading axes. For a batch of calls the functions are
    called once, with one more leading axis. None of them may close over a tensor.

    Args:
        value: `value(*options, variables, constants)` -> (the value, a tuple of tensors that the gradient needs).
        pull: `pull(*options, variables, constants, held, upstream)` -> a tuple of the gradients of sum(upstream *
            value) with respect to each of the variables; `held` is the tuple that `value` returned.
        plain: `plain(*options, variables, constants)` -> the value, in operations that the backend differentiates. All
            derivatives except the first gradient come from this form. It may be slow, but must be right.
        options: the first arguments of the functions; hashable.
    """

    value: Callable
    pull: Callable
    plain: Callable
    options: tuple = ()

    def value_and_held(self, variables, constants):
        """(the value, the tensors that its gradient needs)."""
        value, held = self.value(*self.options, variables, constants)
        return value, tuple(held)

    def gradients(self, variables, constants, held, upstream):
        """The gradients with respect to the variables, computed the fast way."""
        return tuple(self.pull(*self.options, variables, constants, held, upstream))

    def plain_of(self, constants):
        """The value as a function of the variables only, which the backend differentiates."""
        return lambda *variables: self.plain(*self.options, variables, constants)
