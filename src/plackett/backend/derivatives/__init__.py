"""Functions with a fast gradient, which can be differentiated any number of times, in any mode.

Each backend has its own way to register a gradient, in a module of its own.
"""

import importlib

import keras

from plackett.backend.derivatives.rule import Rule

__all__ = ["Rule", "differentiable"]


def differentiable(rule: Rule, variables: tuple, constants: tuple = ()):
    """The value of a rule. Its gradient uses the fast way, all other derivatives the plain form.

    Args:
        rule: the function and its derivatives.
        variables: the tensors to differentiate with respect to.
        constants: all other tensors.
    """
    if 0 in variables[0].shape:
        return rule.plain_of(constants)(*variables)  # no fast way applies here
    of_backend = importlib.import_module(f"plackett.backend.derivatives.on_{keras.backend.backend()}")
    return of_backend.differentiable(rule, tuple(variables), tuple(constants))
