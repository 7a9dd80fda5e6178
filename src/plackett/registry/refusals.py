"""Errors that are raised both by what knows Keras and, before it is imported, by the command line."""

from collections.abc import Collection


def unfit_lambda_weight(names: Collection[str], method: str | None, given: object) -> ValueError:
    """The error that a lambda weight has no meaning for a loss.

    Args:
        names: of the weights that have one.
        method: by which a class of one's own has one. None = it has none.
        given: the weight.
    """
    wording = f"None or one of {', '.join(names)}" if names else "None"
    wording += f", or a class of your own with {method}" if method else ""
    return ValueError(f"lambda_weight must be {wording}, but got {given}")


def loss_of_pairs(name: str) -> ValueError:
    """The error that a loss of pairs cannot train a ranker of lists."""
    return ValueError(f"{name} takes similarities of pairs, not the scores of lists: use it with fit")
