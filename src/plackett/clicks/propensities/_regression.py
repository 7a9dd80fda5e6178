"""Regression EM: the position-based model with attraction as a regression on features of documents."""

import dataclasses

import numpy as np
from scipy import optimize, special

from plackett.clicks.propensities._curve import Propensities, with_band
from plackett.clicks.propensities._links import check_links, links
from plackett.clicks.propensities._pairs import Pairs, pairs_of
from plackett.clicks.propensities._position_based import fit_table
from plackett.data import ClickCounts, RankingLists, Sessions
from plackett.evaluation._scoring import check_lists

LEAST_OVERLAP = 0.05
WITHOUT_FEATURES = "no features were given (lists, --data): each document has its own attraction, as in position_based"
RIDGE = 1e-3  # the precision of the prior of each coefficient, which keeps coefficients finite


def regression_em(
    log: Sessions | ClickCounts,
    lists: RankingLists | None = None,
    *,
    positions: int | None = None,
    min_clicks: int = 20,
    resamples: int = 50,
    seed: int = 0,
) -> Propensities:
    """Estimates examination by position with attraction as a regression on features, for rarely repeated documents.

        P(click on document d of query q at position k) = examination_k sigmoid(b + w . features_qd)

    The expectation-maximisation of the paper alternates between what users saw, as far as clicks tell, and a regression
    of attraction on it. Here the same likelihood is maximised directly, by L-BFGS; its maximum is the fixed point of
    the paper. The regression is logistic, on standardised features; a missing value becomes the mean, with an
    indicator. The paper uses boosted trees. If attraction is not such a function of the features, the part that it
    misses is taken for examination, as far as the logging ranker knew it. So if documents were seen at several
    positions, take `intervention_harvesting` instead.

    Without lists, each document of a query has its own attraction, and the curve is that of `position_based`.

    It checks that the features do not reveal the position. For two positions to be comparable, the documents at both
    must look alike to a linear discriminant, with an overlap of at least 5 % (of two normal distributions with their
    means and their common covariance). A chain of such positions must lead from the first to each other.

    >>> from plackett.data import Sessions
    >>> random = np.random.default_rng(0)
    >>> lists = RankingLists.from_arrays(random.normal(size=(4000, 2)), np.zeros(4000), group=[2] * 2000)
    >>> attraction = special.expit(lists.features[:, 0])
    >>> log = Sessions.from_arrays(
    ...     query=np.repeat(lists.queries.tolist(), 2), session=np.repeat(np.arange(2000), 2), document=lists.documents,
    ...     position=[1, 2] * 2000, click=random.random(4000) < attraction * np.tile([1, 0.5], 2000))
    >>> regression_em(log, lists, resamples=0).examination.round(1).tolist()
    [1.0, 0.5]

    Args:
        log: sessions or their counts.
        lists: the features of each shown document of each query. None = no features.
        positions: the number of first positions that count. None = all, up to 1,000.
        min_clicks: the number of clicks that makes two positions comparable, see `UnidentifiedError`.
        resamples: the number of times that the queries are weighted anew for the 95 % band. 0 = no band.
        seed: the seed of the resamples.

    Raises:
        UnidentifiedError: the features reveal the position, or without lists too few documents were seen at several
            positions.
        ValueError: `lists` are not lists, a document has no features, no feature varies, an argument is out of range,
            or the log has no click.

    Cost: a fit for each resample, of some dozens of steps of O(rows + documents x features).

    Reference: Wang et al., "Position Bias Estimation for Unbiased Learning to Rank in Personal Search", WSDM 2018,
        section 4; the check follows Hager et al., "Unidentified and Confounded?", ICTIR 2025.
    """
    if lists is not None:
        check_lists("lists", lists)
    pairs, counts = pairs_of(log, positions)
    if lists is None:
        check_links(pairs, links(pairs), min_clicks)
        curve = fit_table(pairs, resamples, seed, "regression_em")
        return dataclasses.replace(curve, notes=(WITHOUT_FEATURES, *curve.notes))
    features = _standardise(lists.features[_rows_of(lists, counts, pairs)])
    if not features.shape[1]:
        raise ValueError(
            "no feature varies among the documents that were shown, so none says how attractive they are: give lists "
            "with features that vary, or take intervention_harvesting, which needs none"
        )
    clicks = np.bincount(pairs.position, pairs.clicked, pairs.positions)
    found = np.minimum(clicks, clicks[:, None]) * (_overlap(pairs, features) >= LEAST_OVERLAP)
    check_links(pairs, found, min_clicks, "document with such features")
    query = pairs.query[pairs.pair]
    best = _fit(pairs, features, np.ones(len(query)), np.zeros(pairs.positions + features.shape[1] + 1))

    def estimate(weights):
        return _relative(_fit(pairs, features, weights[query], best)[: pairs.positions])

    curve, notes = _relative(best[: pairs.positions]), _rests_on_form(pairs, min_clicks)
    return with_band(pairs, curve, estimate, resamples, seed, method="regression_em", notes=notes)


def _relative(logits):
    """Examination relative to the first position, [positions]."""
    return np.exp(special.log_expit(logits) - special.log_expit(logits[0]))


def _rests_on_form(pairs, min_clicks):
    """Returns a note if only the regression makes positions comparable."""
    try:
        check_links(pairs, links(pairs), min_clicks)
    except ValueError:
        return (
            "too few documents were seen at several positions: the curve depends on the regression alone, and is wrong "
            "as far as the regression is",
        )
    return ()


def _rows_of(lists, counts, pairs):
    """The row of each pair in the lists, [pairs]."""
    sizes = np.diff(lists.row_splits)
    names = zip(np.repeat(lists.queries.tolist(), sizes).tolist(), lists.documents.tolist(), strict=True)
    known = {name: row for row, name in enumerate(names)}
    wanted = list(zip(counts.queries[pairs.row].tolist(), counts.documents[pairs.row].tolist(), strict=True))
    rows = np.array([known.get(name, -1) for name in wanted])
    if (rows < 0).any():
        query, document = wanted[int((rows < 0).argmax())]
        raise ValueError(
            f"document {document!r} of query {query!r} was shown but has no features in the lists, and so have "
            f"{int((rows < 0).sum()) - 1} more: give all lists that the log shows, or leave them out of the log"
        )
    return rows


def _standardise(features):
    """Standardises features to mean 0 and variance 1, [pairs, columns]. A missing value gets an indicator."""
    features = np.asarray(features, "float64")
    missing = np.isnan(features)
    known = np.maximum((~missing).sum(axis=0), 1)
    means = np.where(missing, 0, features).sum(axis=0) / known
    columns = np.concatenate([np.where(missing, 0, features - means), missing], axis=1)
    columns = columns - columns.mean(axis=0)
    deviations = columns.std(axis=0)
    varies = deviations > 1e-9 * np.maximum(1, np.abs(np.concatenate([means, np.ones(len(means))])))
    return columns[:, varies] / deviations[varies]


def _overlap(pairs: Pairs, features: np.ndarray) -> np.ndarray:
    """How much the documents at two positions look alike, [positions, positions]: 2 Phi(-distance / 2), at most 1."""
    number, width = pairs.positions, features.shape[1]
    shown = np.bincount(pairs.position, pairs.shown, number)
    weighed = features[pairs.pair] * pairs.shown[:, None]
    means = np.zeros((number, width))
    np.add.at(means, pairs.position, weighed)
    means = means / np.maximum(shown, 1)[:, None]
    rest = features[pairs.pair] - means[pairs.position]
    within = (rest * pairs.shown[:, None]).T @ rest / shown.sum()
    # A direction in which documents at one position do not vary tells positions apart, however small the difference.
    values, directions = np.linalg.eigh(within)
    places = (means @ directions) / np.sqrt(np.maximum(values, 1e-9))
    distances = np.linalg.norm(places[:, None] - places[None], axis=-1)
    return 2 * special.ndtr(-distances / 2)


def _fit(pairs, features, weights, start):
    """Fits the most likely logits of examination, then the intercept and the coefficients of attraction."""
    clicked, missed = weights * pairs.clicked, weights * (pairs.shown - pairs.clicked)
    total = float((clicked + missed).sum())

    def loss(numbers):
        logits = numbers[: pairs.positions]
        coefficients = numbers[pairs.positions + 1 :]
        worth = features @ coefficients + numbers[pairs.positions]
        log_seen, log_attraction = special.log_expit(logits)[pairs.position], special.log_expit(worth)[pairs.pair]
        log_p = log_seen + log_attraction
        # 1 - p is computed as a sum, 1 - e + e (1 - a), so that nothing is lost when p is near 1.
        not_attracted = special.log_expit(-worth)[pairs.pair]
        log_none = np.logaddexp(special.log_expit(-logits)[pairs.position], log_seen + not_attracted)
        slope = clicked - missed * np.exp(log_p - log_none)
        at_position = np.bincount(pairs.position, slope, pairs.positions) * special.expit(-logits)
        of_pair = np.bincount(pairs.pair, slope) * special.expit(-worth)
        value = -(clicked @ log_p + missed @ log_none) + RIDGE / 2 * coefficients @ coefficients
        gradient = -np.concatenate([at_position, [of_pair.sum()], of_pair @ features])
        gradient[pairs.positions + 1 :] += RIDGE * coefficients
        return value / total, gradient / total

    return optimize.minimize(loss, start, jac=True, method="L-BFGS-B", options={"gtol": 1e-8, "ftol": 1e-12}).x
