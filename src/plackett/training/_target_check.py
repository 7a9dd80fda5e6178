"""Finds lists that nothing can be learnt from, or that cannot choose an epoch, before training starts. Does not need "
"Keras."""

import warnings

from plackett.data import RankingLists
from plackett.training._settings import Settings


def check_targets(lists: RankingLists, validation: RankingLists, settings: Settings, *, on_labels: bool = True) -> None:
    """Checks that the targets of training and validation are judged.

    >>> from plackett.data import RankingLists
    >>> lists = RankingLists.from_arrays([[0.5], [0.1]], group=[2])
    >>> check_targets(lists, lists, Settings(epochs=3))
    Traceback (most recent call last):
    ValueError: nobody judged the documents of the training lists, so there are no labels to learn from: read them, or \
learn from another column, by target (--target)

    Args:
        lists: the training lists.
        validation: the validation lists.
        settings: the settings, which name the targets.
        on_labels: whether the epoch is chosen by labels. False = by a loss of the targets.

    Raises:
        ValueError: no document of the validation lists is judged; or none of the training lists, and their labels are a
            target. There is a warning if a target is 0 in all documents.
    """
    parts = [vars(settings)] if settings.tasks is None else settings.tasks.values()
    targets = list(dict.fromkeys(part["target"] for part in parts))
    if "label" in targets and _nobody_judged(lists):
        raise ValueError(
            "nobody judged the documents of the training lists, so there are no labels to learn from: read them, or "
            "learn from another column, by target (--target)"
        )
    if (on_labels or "label" in targets) and _nobody_judged(validation):
        raise ValueError(
            "nobody judged the documents of the validation lists, so that no epoch is better than another: read their "
            "labels, give other lists as validation (--validation), or choose the epoch by the loss of another target, "
            "with metric='validation_loss' (--metric validation_loss)"
        )
    for target in targets:
        values = lists.labels if target == "label" else lists.columns.get(target)  # a missing column is refused later
        if values is not None and len(values) and not values.any():
            warnings.warn(
                f"the target {target} is 0 in all documents of the training lists, so nothing can be learnt from it",
                stacklevel=3,
            )


def _nobody_judged(lists: RankingLists) -> bool:
    return "judged" in lists.columns and not (lists.columns["judged"] > 0).any()
