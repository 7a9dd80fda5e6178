"""Networks that score documents: Keras models from the features of a batch of lists to masked scores.

A scorer is a function of the training lists and of options, `scorer(lists, *, ...) -> keras.Model`. The inputs of the
model are a dict: `features`, [lists, list_size, features], `mask`, [lists, list_size] bool, and the id features by
their names, each [lists, list_size] int32. All are taken raw: what is done to them is fitted on the training lists and
kept inside the model, see `plackett.scorers.preprocessing.inputs.prepare`. Padding may hold anything, NaN too.

The output is [lists, list_size]; [lists, list_size, models] with `models`; a dict of such, one a task, with `tasks`.
It is 0 at padding and carries `mask` as its Keras mask, so that losses and metrics know who is real.

Options of all scorers:
    transform: what is done to dense features before they are standardised: "log1p", sign(x) log(1 + |x|); "quantile",
        the share of training values below; "bins", log1p and beside it how far a value has come through each quarter
        of the training values, up to five columns a feature; or None.
    missing: False = a dense feature that is missing (NaN) in the training lists raises ValueError; True = it counts as
        its training mean, and a column is added that says where it is missing.
    models: how many scores a document gets, for losses that take several. None = one, without an axis of models.
    tasks: names of several outputs, each with a head of its own over the shared network. None = one output.

Of those that take id features:
    dimension: of the embedding of each id feature.
    l2: the weight of the squared embeddings in the loss.
    min_count: an id that fewer training documents have counts as unknown, so that the embedding of the unknown is
        learnt from them. With 1 no training document has an unknown id, and all that `l2` does to its embedding is to
        draw it to 0.
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
