"""Functions with a fast way to their gradient, which can be differentiated any number of times, in any mode.

Each backend has its own way to be told of a gradient: a module for each.
"""

import importlib

import keras

from plackett.backend.derivatives.rule import Rule

__all__ = ["Rule", "differentiable"]


def differentiable(rule: Rule, variables: tuple, constants: tuple = ()):
    """The value of a rule. Its gradient by the variables takes the fast way, all other derivatives the plain one.

    Args:
        rule: what is computed, and how.
        variables: the tensors to differentiate by.
        constants: all other tensors.
    """
    if 0 in variables[0].shape:
        return rule.plain_of(constants)(*variables)  # there is nothing to be fast with
    of_backend = importlib.import_module(f"plackett.backend.derivatives.on_{keras.backend.backend()}")
    return of_backend.differentiable(rule, tuple(variables), tuple(constants))
