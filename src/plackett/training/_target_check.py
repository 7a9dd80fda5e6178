"""Lists from which nothing can be learnt, or no epoch chosen: said before training starts. Needs no Keras."""

import warnings

from plackett.data import RankingLists
from plackett.training._settings import Settings


def check_targets(lists: RankingLists, validation: RankingLists, settings: Settings, *, on_labels: bool = True) -> None:
    """Checks that somebody has judged what is learnt from and validated on.

    >>> from plackett.data import RankingLists
    >>> lists = RankingLists.from_arrays([[0.5], [0.1]], group=[2])
    >>> check_targets(lists, lists, Settings(epochs=3))
    Traceback (most recent call last):
    ValueError: nobody judged the documents of the training lists, so there are no labels to learn from: read them, or \
learn from another column, by target (--target)

    Args:
        lists: the training lists.
        validation: the validation lists.
        settings: say what is learnt from.
        on_labels: whether the epoch is chosen by labels. False = by a loss of what is learnt from.

    Raises:
        ValueError: no document of the validation lists is judged, or none of the training lists, whose labels are a
            target. Where a target is 0 in all documents there is a warning.
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
            "labels, give other lists as validation (--validation), or choose it by the loss of another target, with "
            "metric='validation_loss' (--metric validation_loss)"
        )
    for target in targets:
        values = lists.labels if target == "label" else lists.columns.get(target)  # one that is not there is refused
        if values is not None and len(values) and not values.any():
            warnings.warn(
                f"the target {target} is 0 in all documents of the training lists, from which nothing can be learnt",
                stacklevel=3,
            )


def _nobody_judged(lists: RankingLists) -> bool:
    return "judged" in lists.columns and not (lists.columns["judged"] > 0).any()
