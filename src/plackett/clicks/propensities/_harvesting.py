"""Intervention harvesting: different rankers have moved documents between positions, as in an experiment."""

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from plackett.clicks.propensities._curve import Propensities, with_band
from plackett.clicks.propensities._links import check_links, links
from plackett.clicks.propensities._pairs import Pairs, pairs_of
from plackett.clicks.propensities._products import fit_products
from plackett.data import ClickCounts, Sessions

CHUNK = 2**20  # the number of table rows that are matched with each other at a time


def intervention_harvesting(
    log: Sessions | ClickCounts,
    *,
    positions: int | None = None,
    min_clicks: int = 20,
    resamples: int = 200,
    seed: int = 0,
) -> Propensities:
    """Estimates examination by position from documents that were seen at several positions: the estimator AllPairs.

    For two positions k and l, let S_kl hold the documents of queries that were seen at both, n_dk the number of times
    that document d was shown at k, and c_dk the number of its clicks there. Then

        c_kl = sum_{d in S_kl} w_dkl c_dk / n_dk,    m_kl = sum_{d in S_kl} w_dkl (1 - c_dk / n_dk),
        p, r = argmax sum_{k != l} c_kl log(p_k r_kl) + m_kl log(1 - p_k r_kl),    r_kl = r_lk

    where r_kl is the mean attraction of S_kl. A document has the same weight at both positions, so they differ only by
    examination, however often it was shown at each. The paper has w_dkl = 1; here

        w_dkl = n_dk n_dl / (n_dk + n_dl),

    so that a document that was shown once counts less than one that was shown a thousand times.

    >>> from plackett.data import Sessions
    >>> seen = [("a", 1, 4), ("b", 2, 2), ("b", 1, 8), ("a", 2, 4)]  # document, position, clicks in 10 sessions
    >>> log = Sessions.from_arrays(
    ...     query=["q"] * 40, session=[(i // 20) * 10 + i % 10 + 100 * (i // 10) for i in range(40)],
    ...     document=[d for d, _, _ in seen for _ in range(10)], position=[p for _, p, _ in seen for _ in range(10)],
    ...     click=[i < c for _, _, c in seen for i in range(10)])
    >>> intervention_harvesting(log, min_clicks=5).examination.round(6).tolist()
    [1.0, 0.5]

    Args:
        log: sessions or their counts, of more than one ranker or of one that varies.
        positions: the number of first positions that count. None = all, up to 1,000.
        min_clicks: the number of clicks that makes two positions comparable, see `UnidentifiedError`.
        resamples: the number of times that the queries are weighted anew for the 95 % band. 0 = no band.
        seed: the seed of the resamples.

    Raises:
        UnidentifiedError: too few documents were seen at several positions.
        ValueError: an argument is out of range, or the log has no click.

    Cost: O(rows x positions) for the sums, and a fit of positions^2 numbers for each resample.

    Reference: Agarwal et al., "Estimating Position Bias without Intrusive Interventions", WSDM 2019, the estimator
    AllPairs, https://arxiv.org/abs/1812.05161
    """
    pairs, _ = pairs_of(log, positions)
    check_links(pairs, links(pairs), min_clicks)
    return fit_couples(pairs, resamples, seed, "intervention_harvesting")


def fit_couples(pairs: Pairs, resamples: int, seed: int, method: str) -> Propensities:
    """Fits the most likely examination, where each pair of positions is compared by what was shown at both."""
    clicked, shown = _sums(pairs)
    number = pairs.positions
    block, at = _blocks(number)
    there = np.flatnonzero(np.asarray(shown.sum(axis=0)).ravel() > 0)

    def fit(weights, start=None):
        sums = (weights @ shown)[there], (weights @ clicked)[there]
        return fit_products(block[there], at[there], *sums, number, start)

    best = fit(np.ones(pairs.queries))

    def estimate(weights):
        return fit(weights, best).examination

    return with_band(pairs, best.examination, estimate, resamples, seed, method=method)


def _blocks(number):
    """For each ordered couple of positions k, l, at k * number + l: the number of the unordered couple, and k."""
    k, other = np.divmod(np.arange(number * number), number)
    return np.minimum(k, other) * number + np.maximum(k, other), k


def _sums(pairs: Pairs) -> tuple[sparse.csr_array, sparse.csr_array]:
    """Returns c_kl and c_kl + m_kl of the documents of each query, [queries, positions^2], at k * positions + l."""
    shape = (pairs.queries, pairs.positions**2)
    clicked, shown = sparse.csr_array(shape), sparse.csr_array(shape)
    for k, other in _couples(pairs):
        weight = pairs.shown[k] * pairs.shown[other] / (pairs.shown[k] + pairs.shown[other])
        places = (pairs.query[pairs.pair[k]], pairs.position[k] * pairs.positions + pairs.position[other])
        clicked += sparse.csr_array((weight * pairs.clicked[k] / pairs.shown[k], places), shape)
        shown += sparse.csr_array((weight, places), shape)
    return clicked, shown


def _couples(pairs: Pairs) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields all couples of different rows of one pair, in both orders, some at a time."""
    sizes = np.bincount(pairs.pair)
    first = np.cumsum(sizes) - sizes
    for start in range(0, len(pairs.pair), CHUNK):
        rows = np.arange(start, min(start + CHUNK, len(pairs.pair)))
        of_row = sizes[pairs.pair[rows]]
        one = np.repeat(rows, of_row)
        within = np.arange(len(one)) - np.repeat(np.cumsum(of_row) - of_row, of_row)
        other = first[pairs.pair[one]] + within
        yield one[one != other], other[one != other]
