"""What a trained model says of its users: how often documents at each position are looked at."""

import keras
import numpy as np

from plackett.clicks.models import PositionBasedModel
from plackett.clicks.propensities._links import note_of_unlinked
from plackett.clicks.propensities._pairs import DEEPEST, pairs_of
from plackett.clicks.training._methods import find_method
from plackett.data import ClickCounts, Sessions
from plackett.losses import ClickEMLoss, SigmoidCrossEntropyLoss


def relative_examination(model: keras.Model) -> np.ndarray | None:
    """[positions], the examination of a trained model of two towers at each position, relative to the first.

    For `pbm` and `click_em` the ratio of P(seen), for `two_tower` that of the odds of a click. None where the model has
    not one number a position: other losses, and towers with context.

    Args:
        model: the whole model, as `plackett.clicks.train` gives it.
    """
    names = {layer.name for layer in model.layers}
    loss = getattr(model, "loss", None)
    if "examination" not in names or not isinstance(loss, PositionBasedModel | ClickEMLoss | SigmoidCrossEntropyLoss):
        return None
    layer = model.get_layer("examination")
    if not isinstance(layer, keras.layers.Embedding) or layer.output_dim != 1:
        return None
    rates = [other.scale for other in model.layers if isinstance(other, keras.layers.Rescaling)]
    logits = keras.ops.convert_to_numpy(layer.embeddings)[1:, 0].astype("float64") * (rates[0] if rates else 1.0)
    logs = logits if isinstance(loss, SigmoidCrossEntropyLoss) else -np.logaddexp(0, -logits)
    return np.exp(logs - logs[0])


def note_of_log(log: Sessions | ClickCounts, method: str) -> str | None:
    """What must be known of the examination that a method learns: where the log alone does not tell it.

    None where it does, for methods without a number a position, and for logs too deep to compare each two positions.
    """
    how = find_method(method)
    if not how.towers or how.gapless or not 2 <= log.positions.max(initial=1) <= DEEPEST:
        return None
    return note_of_unlinked(pairs_of(log)[0])
