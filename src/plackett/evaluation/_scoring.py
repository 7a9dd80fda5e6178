"""Scores the documents of lists by a model."""

import keras
import numpy as np
from keras import ops

from plackett.data import Batches, RankingLists
from plackett.scorers import as_scorer
from plackett.scorers._any_model import column_inputs, inputs_for, output_layers
from plackett.scorers._two_tower import ranker_of
from plackett.scorers.preprocessing.missing import check_missing


def score(model: keras.Model, lists: RankingLists, *, batch_size: int = 64) -> np.ndarray:
    """Scores all documents of lists.

    >>> import numpy as np
    >>> from plackett.data import RankingLists
    >>> x = np.random.default_rng(0).normal(size=(40, 3))
    >>> lists = RankingLists.from_arrays(x, x[:, 0] > 0, group=[8] * 5)
    >>> from plackett import scorers
    >>> score(scorers.mlp(lists, hidden=[4]), lists).shape
    (40,)

    Args:
        model: a scorer of `plackett.scorers`, or any Keras model that `plackett.scorers.as_scorer` takes.
        lists: the lists to score.
        batch_size: the number of lists that are scored at a time.

    Returns:
        [documents], in the order of `lists`. With several tasks, these are the scores of the first. If a document has
        several scores, they are combined as the output layer of the model says, see `plackett.scorers.MaskedScores`;
        else as the loss says that the model was compiled with; else by their mean. For a two-tower model, these are the
        scores of the relevance tower, see `plackett.scorers.relevance_tower`.

    Raises:
        ValueError: `model` is not a model, or `lists` are not `RankingLists`; the model takes an input that the lists
            lack, its output is not one score per document, or features are missing and the model does not allow it.

    Cost: a model that is not a scorer, or has two towers, is compiled again at each call. To score many times, call
        `as_scorer(model, lists)` first, or take its relevance tower.
    """
    if not isinstance(model, keras.Model):
        raise ValueError(
            f"model must be a Keras model, such as trained.model, or plackett.load(path) of a file, but got {model!r}"
        )
    check_lists("lists", lists)
    scorer = ranker_of(as_scorer(model, lists))
    lists = inputs_for(scorer, lists)
    task, layer = next(iter(output_layers(scorer).items()))
    rule = ranking_rule(model, task, layer)
    scores = np.zeros(len(lists.labels), "float64" if layer.compute_dtype == "float64" else "float32")
    batches = Batches(lists, batch_size_for(lists, batch_size), inputs=column_inputs(scorer, lists))
    for (inputs, _, _), queries in zip(batches, batches.plan, strict=True):
        batch = scorer.predict_on_batch(inputs)
        batch = ops.convert_to_numpy(rule(batch if task is None else batch[task]))
        scores[lists.row_splits[queries[0]] : lists.row_splits[queries[-1] + 1]] = batch[inputs["mask"]]
    if np.isnan(scores).any():
        check_missing(scorer, lists)
    return scores


def batch_size_for(lists: RankingLists, most: int) -> int:
    """The number of lists in a batch: `most`, or for fewer lists the next power of two, so that shapes are few."""
    return min(most, 1 << max(len(lists) - 1, 0).bit_length())


def check_lists(name: str, given: object) -> None:
    """Raises a ValueError, with advice, unless these are `RankingLists`."""
    if not isinstance(given, RankingLists):
        raise ValueError(
            f"{name} must be RankingLists, which RankingLists.from_arrays(X, y, query=...) makes from arrays, but got "
            f"a {type(given).__name__}"
        )


def ranking_rule(model, task, layer):
    """Returns the function that turns the scores of one task into the scores to rank by."""
    loss = getattr(model, "loss", None)
    loss = loss.get(task) if isinstance(loss, dict) else loss
    if layer.axis_of_models and layer.ranking is None and hasattr(loss, "ranking_scores"):
        return loss.ranking_scores
    return layer.ranking_scores
