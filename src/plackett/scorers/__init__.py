"""Networks that score documents: Keras models that turn the features of a batch of lists into masked scores.

A scorer is a function of the training lists and of options, `scorer(lists, *, ...) -> keras.Model`. The inputs of the
model are a dict: `features`, [lists, list_size, features], `mask`, [lists, list_size] bool, and the id features by
their names, each [lists, list_size] int32. All inputs are raw. Preprocessing is fitted on the training lists and is
part of the model, see `plackett.scorers.preprocessing.inputs.prepare`. Padding may hold anything, even NaN.

The output is [lists, list_size] or, with `models`, [lists, list_size, models]. With `tasks` it is a dict with one such
output per task. Scores are 0 at padding and carry `mask` as their Keras mask, so that losses and metrics know which
documents are real.

Options of all scorers: transform: how dense features are transformed before they are standardised: "log1p", sign(x)
    log(1 + |x|); "quantile", the share of training values below the value; "bins", log1p plus the position of the value
    within each quarter of the training values, up to five columns per feature; or None. missing: False = a dense
    feature that is missing (NaN) in the training lists raises a ValueError; True = a missing value counts as the
    training mean, and an added column says where the feature is missing. models: the number of scores per document, for
    losses that take several. None = one, without an axis of models. tasks: the names of several outputs, each with its
    own head on the shared network. None = one output.

Options of scorers that take id features: dimension: the dimension of the embedding of each id feature. l2: the weight
    of the sum of squared embeddings in the loss. min_count: an id with fewer training documents counts as unknown, and
    the embedding of unknown ids is learnt from these documents. With 1 no training document has an unknown id, and the
    embedding of unknown ids only shrinks towards 0 by `l2`.
"""

from collections.abc import Mapping

from plackett import _keras
from plackett.scorers._additive import additive
from plackett.scorers._any_model import as_scorer
from plackett.scorers._attention import self_attention
from plackett.scorers._cross import Cross, dcn
from plackett.scorers._ensemble import StandardizedMean, ensemble
from plackett.scorers._explain import curves, plot_curves
from plackett.scorers._mlp import embeddings, mlp
from plackett.scorers._outputs import MaskedScores
from plackett.scorers._table import table
from plackett.scorers._two_tower import relevance_tower, two_tower
from plackett.scorers._unseen import Unseen, unseen_ids
from plackett.scorers.preprocessing.layers import LogAndBins, Quantiles, SignedLog1p, Vocabulary

SCORERS: Mapping = {
    "mlp": mlp,
    "embeddings": embeddings,
    "dcn": dcn,
    "self_attention": self_attention,
    "additive": additive,
    "table": table,
    "two_tower": two_tower,
}

__all__ = [
    "SCORERS",
    "Cross",
    "LogAndBins",
    "MaskedScores",
    "Quantiles",
    "SignedLog1p",
    "StandardizedMean",
    "Unseen",
    "Vocabulary",
    "additive",
    "as_scorer",
    "curves",
    "dcn",
    "embeddings",
    "ensemble",
    "mlp",
    "plot_curves",
    "relevance_tower",
    "self_attention",
    "table",
    "two_tower",
    "unseen_ids",
]
