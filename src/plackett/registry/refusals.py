"""Errors that are raised both by code that uses Keras and, before Keras is imported, by the command line."""

from collections.abc import Collection


def unfit_lambda_weight(names: Collection[str], method: str | None, given: object) -> ValueError:
    """The error that a loss does not take a lambda weight.

    Args:
        names: the names of the weights that the loss takes.
        method: the method with which a class of your own is allowed. None = no such class is allowed.
        given: the weight that was given.
    """
    wording = f"None or one of {', '.join(names)}" if names else "None"
    wording += f", or a class of your own with {method}" if method else ""
    return ValueError(f"lambda_weight must be {wording}, but got {given}")


def loss_of_pairs(name: str) -> ValueError:
    """The error that a loss of pairs cannot train a ranker on lists."""
    return ValueError(f"{name} takes similarities of pairs, not the scores of lists: use it with fit")
