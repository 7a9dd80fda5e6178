"""The position-based model with an attraction for each document of a query."""

import numpy as np

from plackett.clicks.propensities._curve import Propensities, with_band
from plackett.clicks.propensities._links import check_links, links
from plackett.clicks.propensities._pairs import Pairs, pairs_of
from plackett.clicks.propensities._products import fit_products
from plackett.data import ClickCounts, Sessions

THIN = 10  # impressions


def position_based(
    log: Sessions | ClickCounts,
    *,
    positions: int | None = None,
    min_clicks: int = 20,
    resamples: int = 100,
    seed: int = 0,
) -> Propensities:
    """Estimates examination by position by maximum likelihood of the position-based model.

        P(click on document d of query q at position k) = examination_k attraction_qd

    with an attraction for each document of a query. It has as many parameters as there are documents, so it is biased
    if each was shown only a few times, and its notes say so. `intervention_harvesting` is not biased. Only the product
    is determined: the examination at the first position is 1, and attractions are relative to that.

    >>> from plackett.data import Sessions
    >>> seen = [("a", 1, 4), ("b", 2, 4), ("b", 1, 8), ("a", 2, 2)]  # document, position, clicks in 10 sessions
    >>> log = Sessions.from_arrays(
    ...     query=["q"] * 40, session=np.arange(40), document=[d for d, _, _ in seen for _ in range(10)],
    ...     position=[p for _, p, _ in seen for _ in range(10)], click=[i < c for _, _, c in seen for i in range(10)])
    >>> position_based(log, min_clicks=5).examination.round(6).tolist()
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

    Cost: a fit of all parameters for each resample, of about ten steps of O(rows x positions).

    Reference: Craswell et al., "An Experimental Comparison of Click Position-Bias Models", WSDM 2008; Chuklin et al.,
        "Click Models for Web Search", 2015, section 3.3. The likelihood is maximised by Newton's method instead of
        expectation-maximisation; the maximum is a fixed point of the latter.
    """
    pairs, _ = pairs_of(log, positions)
    check_links(pairs, links(pairs), min_clicks)
    return fit_table(pairs, resamples, seed, "position_based")


def fit_table(pairs: Pairs, resamples: int, seed: int, method: str) -> Propensities:
    """Fits the most likely examination, where each pair has its own attraction."""
    query = pairs.query[pairs.pair]

    def fit(weights, start=None):
        counts = weights[query] * pairs.shown, weights[query] * pairs.clicked
        return fit_products(pairs.pair, pairs.position, *counts, pairs.positions, start)

    best = fit(np.ones(pairs.queries))

    def estimate(weights):
        return fit(weights, best).examination

    return with_band(pairs, best.examination, estimate, resamples, seed, method=method, notes=_thin(pairs))


def _thin(pairs: Pairs) -> tuple[str, ...]:
    """Returns a note if documents were shown too few times to estimate an attraction for each."""
    clicks = np.bincount(pairs.pair, pairs.clicked)
    shown = np.bincount(pairs.pair, pairs.shown)
    typical = float(np.average(shown, weights=clicks))
    if typical >= THIN:
        return ()
    return (
        f"a clicked document was shown {typical:.1f} times on average, which is too few to estimate its attraction: "
        "the curve is biased; intervention_harvesting is not",
    )
