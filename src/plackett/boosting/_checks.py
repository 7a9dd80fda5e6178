"""Checks what a booster passes to an objective or a metric, and converts it to the types of the computation."""

import numpy as np
import numpy.typing as npt

from plackett.lambdas._uses import reads_grades
from plackett.losses._base import RankingLoss

NO_GROUPS = (
    "a loss of lists needs to know which documents belong to one list, but there are no groups: give the number of "
    "documents of each list, group=[...]"
)


def check_groups(group: npt.ArrayLike | None, documents: int) -> np.ndarray:
    """Returns the number of documents of each list, [lists] int64.

    Raises:
        ValueError: there are no groups, they are not whole numbers of at least 0, or they do not add up.
    """
    if group is None:
        raise ValueError(NO_GROUPS)
    given = np.asarray(group)
    with np.errstate(invalid="ignore"):
        lengths = given.astype("int64") if given.dtype.kind in "iuf" else None
    if lengths is None or given.ndim != 1 or (lengths != given).any() or (lengths < 0).any():
        raise ValueError(
            f"group must be [lists] whole numbers of at least 0, the number of documents of each, but got {given!r}"
        )
    if not len(lengths) and documents:
        raise ValueError(NO_GROUPS)
    if lengths.sum() != documents:
        raise ValueError(
            f"the groups must add up to the number of documents, but those of {len(lengths)} lists add up to "
            f"{lengths.sum()} and there are {documents}: group gives the number of documents of each list, not the "
            "list of each document"
        )
    return lengths


def check_numbers(values: npt.ArrayLike, name: str) -> np.ndarray:
    """Returns the values unchanged, [documents].

    Raises:
        ValueError: there is not one number per document.
    """
    given = np.asarray(values)
    if given.ndim != 1 or given.dtype.kind not in "biuf":
        raise ValueError(f"{name} must be [documents] numbers, but got {given.dtype} of shape {given.shape}")
    return given


def check_labels(given: np.ndarray, lengths: np.ndarray, loss: RankingLoss) -> np.ndarray:
    """Returns the labels, [documents] float32.

    Raises:
        ValueError: a label is not finite in float32 or, if the loss reads grades, is below 0 or so large that float32
            rounds it; the message names it.
    """
    with np.errstate(over="ignore"):
        labels = given.astype("float32")
    if (wrong := ~np.isfinite(labels)).any():
        raise ValueError(f"labels must be finite numbers, but {_row(given, wrong, lengths)}")
    of_grades = not loss.any_labels or reads_grades(loss.options.get("lambda_weight"), loss.lambda_weights)
    if of_grades and (wrong := labels < 0).any():
        raise ValueError(
            f"{loss.name} reads labels as grades, >= 0, but {_row(given, wrong, lengths)}: there is no padding here, "
            "so leave such documents out, or take a loss of numbers of any sign, such as CoupledRankDistilLoss"
        )
    if of_grades and (wrong := labels >= 2**24).any():
        raise ValueError(
            f"{loss.name} reads labels as grades, below 2^24, beyond which float32 rounds, but "
            f"{_row(given, wrong, lengths)}: number the grades anew, from 0"
        )
    return labels


def check_scores(scores: npt.ArrayLike) -> np.ndarray:
    """Returns the scores, [documents] float32.

    Raises:
        ValueError: there are several scores per document, or one is not finite in float32; the message names the row.
    """
    given = np.asarray(scores)
    if given.ndim != 1:
        raise ValueError(
            f"there must be one score per document, but got scores of shape {given.shape}: a booster of several "
            "classes (num_class) gives several"
        )
    with np.errstate(over="ignore"):
        scores = check_numbers(given, "scores").astype("float32")
    if not np.isfinite(scores).all():
        row = int(np.argmin(np.isfinite(scores)))
        raise ValueError(
            f"scores must be finite, but that of row {row} is {given[row]}: training has diverged, or started from "
            "such scores (init_score, base_margin); lower learning_rate, or set max_delta_step"
        )
    return np.ascontiguousarray(scores)


def check_weights(weights: npt.ArrayLike | None, labels: np.ndarray, lengths: np.ndarray) -> np.ndarray | None:
    """Returns the weights, [documents] or [lists] float32; None = 1 for all.

    Raises:
        ValueError: there is neither one a document nor one a list, or it could be either; a weight is negative or not
            finite.
    """
    if weights is None:
        return None
    given = np.asarray(weights)
    if given.shape not in (labels.shape, lengths.shape):
        raise ValueError(
            f"weights must be one a document, {labels.shape}, or one a list, {lengths.shape}, but got {given.shape}"
        )
    if labels.shape == lengths.shape and (lengths != 1).any():
        raise ValueError(
            f"weights may be one a document or one a list, but there are {len(lengths)} of both: leave the lists "
            "without documents out of group"
        )
    with np.errstate(over="ignore"):
        weights = check_numbers(given, "weights").astype("float32")
    if (wrong := ~(np.isfinite(weights) & (weights >= 0))).any():
        row = int(np.argmax(wrong))
        raise ValueError(f"weights must be finite and >= 0, but weight {row} (from 0) is {given[row]}")
    return weights


def check_derivatives(
    gradient: np.ndarray, curvature: np.ndarray, labels: np.ndarray, lengths: np.ndarray, name: str
) -> None:
    """Checks derivatives, since boosters grow trees of NaN, or of nothing, without an error.

    Raises:
        ValueError: a derivative is not finite; the message names the row.
    """
    if (wrong := ~(np.isfinite(gradient) & np.isfinite(curvature))).any():
        row, which = _first(wrong, lengths)
        raise ValueError(
            f"the derivatives of {name} must be finite, but those of row {row}, of list {which} (both from 0), are "
            f"{gradient[row]:g} and {curvature[row]:g}: the labels of this list (here {labels[row]:g}) or its scores "
            "are too large for the loss in float32"
        )


def _first(wrong, lengths):
    """The (row, list) of the first wrong value."""
    row = int(np.argmax(wrong))
    return row, int(np.searchsorted(np.cumsum(lengths), row, side="right"))


def _row(values, wrong, lengths):
    """Describes the first wrong value."""
    row, which = _first(wrong, lengths)
    return f"that of row {row}, of list {which} (both from 0), is {values[row]:g}"
