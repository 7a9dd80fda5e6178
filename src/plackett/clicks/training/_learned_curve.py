"""What a trained model has learnt about its users: how often documents at each position are looked at."""

import keras
import numpy as np

from plackett.clicks.models import PositionBasedModel
from plackett.clicks.propensities._links import note_of_unlinked
from plackett.clicks.propensities._pairs import DEEPEST, pairs_of
from plackett.clicks.training._methods import find_method
from plackett.data import ClickCounts, Sessions
from plackett.losses import ClickEMLoss, SigmoidCrossEntropyLoss
from plackett.scorers._towers import examination_by_position


def relative_examination(model: keras.Model) -> np.ndarray | None:
    """Returns the examination of a trained two-tower model at each position, [positions], relative to the first.

    For `pbm` and `click_em` it is the ratio of P(seen), for `two_tower` that of the odds of a click. None = the model
    does not have one number per position, as with other losses and towers with context.

    Args:
        model: the whole model, as `plackett.clicks.train` returns it.
    """
    loss, table = getattr(model, "loss", None), examination_by_position(model)
    if table is None or not isinstance(loss, PositionBasedModel | ClickEMLoss | SigmoidCrossEntropyLoss):
        return None
    if table.shape[1] != 1:
        return None
    logits = table[:, 0]
    logs = logits if isinstance(loss, SigmoidCrossEntropyLoss) else -np.logaddexp(0, -logits)
    return np.exp(logs - logs[0])


def note_of_log(log: Sessions | ClickCounts, method: str) -> str | None:
    """Returns a note on the examination that a method learns, if the log alone does not determine it.

    None if it does, for methods without one number per position, and for logs too deep to compare all positions.
    """
    how = find_method(method)
    if not how.towers or how.gapless or not 2 <= log.positions.max(initial=1) <= DEEPEST:
        return None
    return note_of_unlinked(pairs_of(log)[0])
