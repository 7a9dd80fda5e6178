"""Measures how well a click model predicts the clicks of sessions."""

import dataclasses
from collections.abc import Iterator

import keras
import numpy as np
from keras import ops

from plackett._types import Tensor
from plackett.clicks.models import ClickModel
from plackett.data import Batches, RankingLists
from plackett.data._batches import pad
from plackett.evaluation import evaluate_scores
from plackett.scorers import as_scorer
from plackett.scorers._any_model import column_inputs, inputs_for, output_layers

CHUNK = 2**18  # the number of places in a padded batch of lists


@dataclasses.dataclass(frozen=True, eq=False)
class ClickMeasures:
    """How well a click model predicts the clicks of sessions.

    A perplexity is 2^(-mean of log2 P(outcome)), where the outcome is a click or no click. It is 1 for a model that is
    always right, 2 for one that tosses a coin, and infinite if the model held an outcome for impossible.

    >>> from plackett.clicks import CascadeModel
    >>> lists = RankingLists.from_arrays([[1.0]] * 2, [0, 0], group=[2], columns={"click": [0, 1]})
    >>> found = measure([[-1.0], [1.0]], lists, CascadeModel())
    >>> found.conditional_perplexity_by_rank.round(3).tolist(), found.sessions
    ([1.368, 1.368], 1)

    Args:
        sessions: the number of lists that were measured.
        log_likelihood: log P(all clicks of a session), the mean over sessions, in nats.
        perplexity: over all impressions, from P(click), whatever else is clicked.
        conditional_perplexity: over all impressions, from P(click | the clicks before it).
        ranks: [ranks], the positions at which something was shown, rising from 1.
        perplexity_by_rank: [ranks], over the impressions at each position.
        conditional_perplexity_by_rank: [ranks], the conditional perplexity at each position.
        ndcg: NDCG@10 of the scores that the click model ranks by, against the labels. None = no label is above 0.
    """

    sessions: int
    log_likelihood: float
    perplexity: float
    conditional_perplexity: float
    ranks: np.ndarray
    perplexity_by_rank: np.ndarray
    conditional_perplexity_by_rank: np.ndarray
    ndcg: float | None


def measure(
    model: keras.Model | Tensor,
    lists: RankingLists,
    click_model: ClickModel | None = None,
    *,
    click: str = "click",
    batch_size: int = 1024,
) -> ClickMeasures:
    """Measures how well a click model predicts clicks.

    >>> from plackett.clicks import ClickThroughRateModel
    >>> lists = RankingLists.from_arrays(
    ...     [[1.0]] * 4, [1, 0, 1, 0], group=[2, 2], columns={"click": [1, 0, 0, 1], "position": [1, 2, 1, 2]})
    >>> found = measure(np.zeros((4, 1)), lists, ClickThroughRateModel())
    >>> round(found.perplexity, 4), found.perplexity_by_rank.round(4).tolist(), round(found.log_likelihood, 4)
    (2.0, [2.0, 2.0], -1.3863)

    Args:
        model: a trained model whose scores are the parameters of the click model; or the parameters themselves, an
            array of [impressions, columns].
        lists: one list per session, with its documents in the order shown, and a column of clicks. A column `position`
            gives their ranks; without it, these are the places in the list. A column `weight` says how often each
            impression counts.
        click_model: the click model of the parameters. None = the loss that the model was compiled with.
        click: the name of the column of clicks, 0 or 1.
        batch_size: the number of lists that the model scores at a time.

    Returns:
        The measures, computed in float32 and added up in float64.

    Raises:
        ValueError: there is no such column, a click is not 0 or 1, a position is not a whole number of at least 1, or
            not the place in the list for models of users who go down the list, all weights are 0, the model was not
            compiled with a click model, or its parameters are NaN or have another size.

    Reference: Chuklin et al., "Click Models for Web Search", 2015, section 5. Its perplexity is the mean of the
        perplexities by rank; here all impressions count the same.
    """
    click_model = _click_model(model, click_model)
    if click not in lists.columns:
        raise ValueError(f"lists must have a column {click!r} of clicks, but their columns are {sorted(lists.columns)}")
    parameters = _parameters(model, lists, batch_size) if isinstance(model, keras.Model) else np.asarray(model)
    if parameters.shape != (expected := (len(lists.labels), click_model.models)):
        names = ", ".join(click_model.columns)
        raise ValueError(f"parameters must have the shape {expected}, the columns {names}, but got {parameters.shape}")
    _check_numbers(parameters)
    clicks, ranks_of_rows, weights = _clicks(lists, click), _ranks(lists, click_model.sequential), _weights(lists)
    logs = [np.concatenate(x) for x in zip(*_logs_of_chunks(click_model, parameters, clicks, lists), strict=True)]
    ranks, of_row = np.unique(ranks_of_rows, return_inverse=True)
    (marginal, by_rank), (conditional, conditional_by_rank) = (_perplexities(x, weights, of_row) for x in logs)
    return ClickMeasures(
        sessions=len(lists),
        log_likelihood=float(_weigh(logs[1], weights).sum() / len(lists)),
        perplexity=marginal,
        conditional_perplexity=conditional,
        ranks=ranks,
        perplexity_by_rank=by_rank,
        conditional_perplexity_by_rank=conditional_by_rank,
        ndcg=_ndcg(click_model, parameters, lists),
    )


def _click_model(model, given):
    given = getattr(model, "loss", None) if given is None else given
    if not isinstance(given, ClickModel):
        raise ValueError(f"click_model must be a click model, such as PositionBasedModel(), but got {given!r}")
    return given


def _clicks(lists, name):
    """[impressions] bool."""
    clicks = np.asarray(lists.columns[name])
    if len(wrong := np.flatnonzero((clicks != 0) & (clicks != 1))):
        at = _place(lists, wrong[0])
        raise ValueError(f"clicks must be 0 or 1, but {len(wrong)} are not: {name} is {clicks[wrong[0]]:g} {at}")
    if not len(clicks):
        raise ValueError("lists must have at least one document to measure, but have none")
    return clicks > 0


def _ranks(lists, sequential):
    """Returns the column `position`, [impressions] int64; without it the places in the lists. For a chain, the two must
    be equal.

    Raises:
        ValueError: a position is not a whole number of at least 1, or not the place in the list for a chain.
    """
    places = np.arange(len(lists.labels)) - np.repeat(lists.row_splits[:-1], lists.lengths) + 1
    ranks = np.asarray(lists.columns.get("position", places))
    if len(wrong := np.flatnonzero((ranks < 1) | (ranks != np.round(ranks)))):
        at = _place(lists, wrong[0])
        raise ValueError(f"positions must be whole numbers from 1, but position is {ranks[wrong[0]]:g} {at}")
    if sequential and len(wrong := np.flatnonzero(ranks != places)):
        row = wrong[0]
        query = int(np.searchsorted(lists.row_splits, row, side="right")) - 1
        raise ValueError(
            "a click model of users who go down the list needs all documents from position 1 on, in order, but "
            f"in query {lists.queries[query]!r} document {places[row]} of the list is at position {ranks[row]:g}"
        )
    return ranks.astype("int64")


def _weights(lists):
    """How often each impression counts, [impressions] float64."""
    weights = np.asarray(lists.columns.get("weight", np.ones(len(lists.labels))), "float64")
    if not (weights > 0).any():
        raise ValueError("at least one impression must have a weight above 0, but the weight of each is 0")
    return weights


def _check_numbers(parameters):
    if number := int(np.isnan(parameters).any(axis=-1).sum()):
        raise ValueError(f"parameters must be numbers, but those of {number} of {len(parameters)} impressions are NaN")


def _place(lists, row):
    """Describes the place of an impression for an error."""
    query = int(np.searchsorted(lists.row_splits, row, side="right")) - 1
    return f"in query {lists.queries[query]!r}, document {row - lists.row_splits[query] + 1} of it"


def _parameters(model, lists, batch_size):
    """The parameters that the model gives, [impressions, columns]."""
    scorer = as_scorer(model, lists)
    lists = inputs_for(scorer, lists)
    task = next(iter(output_layers(scorer)))
    batches = Batches(lists, min(batch_size, len(lists)), inputs=column_inputs(scorer, lists))
    found = []
    for inputs, _, _ in batches:
        batch = scorer.predict_on_batch(inputs)
        found.append(ops.convert_to_numpy(batch if task is None else batch[task])[inputs["mask"]])
    return np.concatenate(found).reshape(len(lists.labels), -1)


def _logs_of_chunks(click_model, parameters, clicks, lists) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields, for some lists at a time, log P(outcome) of their impressions, without and with the clicks before."""
    step = max(CHUNK // int(lists.lengths.max()), 1)
    for start in range(0, len(lists), step):
        lengths = lists.lengths[start : start + step]
        mask = np.arange(lengths.max()) < lengths[:, None]
        rows = slice(lists.row_splits[start], lists.row_splits[start] + lengths.sum())
        happened, given = clicks[rows], pad(parameters[rows], mask, 0.0)
        laid_out = pad(happened.astype(given.dtype), mask, 0.0)
        click, none = click_model.log_conditional_probability(laid_out, given, mask=mask)
        conditional = np.where(laid_out > 0, *map(ops.convert_to_numpy, (click, none)))[mask]
        click, none = click_model.log_click_probability(given, mask=mask)
        marginal = np.where(laid_out > 0, *map(ops.convert_to_numpy, (click, none)))[mask]
        yield marginal.astype("float64"), conditional.astype("float64")


def _weigh(logs, weights):
    """Returns weights times logs; 0 for an outcome that never happened, however improbable."""
    return np.where(weights > 0, weights * np.where(weights > 0, logs, 0.0), 0.0)


def _perplexities(logs, weights, of_row):
    """Returns (perplexity, [ranks] the perplexity at each rank)."""
    weighed = _weigh(logs, weights)
    by_rank, counts = np.bincount(of_row, weighed), np.bincount(of_row, weights)
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(np.exp(-weighed.sum() / weights.sum())), np.exp(-by_rank / counts)


def _ndcg(click_model, parameters, lists):
    if not (lists.labels > 0).any():
        return None
    scores = click_model.ranking_scores(ops.convert_to_tensor(parameters))
    return evaluate_scores(ops.convert_to_numpy(scores), lists, ["ndcg@10"])["ndcg@10"]
