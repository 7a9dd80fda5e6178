"""Result randomisation: if chance places documents, positions differ in clicks by examination alone."""

import dataclasses
import numbers

import numpy as np
from scipy import sparse

from plackett.clicks.propensities._curve import Propensities, with_band
from plackett.clicks.propensities._harvesting import fit_couples
from plackett.clicks.propensities._links import check_links, links
from plackett.clicks.propensities._pairs import Pairs, pairs_of
from plackett.data import ClickCounts, Sessions

RANDOM = 2.0  # the places of documents may vary this many times as much as chance explains


def randomized(
    log: Sessions | ClickCounts,
    *,
    swaps: int | None = None,
    positions: int | None = None,
    min_clicks: int = 20,
    resamples: int = 200,
    seed: int = 0,
) -> Propensities:
    """Estimates examination by position from results that were shown in random order, or swapped at random.

    If whole lists are shuffled, the documents of a query are the same on average at all its positions:

        examination_k = (clicks at k / impressions at k) / (clicks at 1 / impressions at 1)

    if all lists have the same length. Queries with longer lists have other documents than those with shorter ones, so
    positions are compared within each query, in the way in which `intervention_harvesting` compares them within each
    document.

    If the document at position s was swapped at random with the one at k, the documents that were seen at both
    positions are compared, each by its own click-through rates c / n and with the same weight at both:

        examination_k = sum_d w_d c_dk / n_dk / sum_d w_d c_ds / n_ds,    w_d = n_dk n_ds / (n_dk + n_ds)

    and the curve is divided by its first value.

    >>> from plackett.data import Sessions
    >>> order = [("a", "b"), ("b", "a")] * 50
    >>> log = Sessions.from_arrays(
    ...     query=["q"] * 200, session=np.repeat(np.arange(100), 2), document=[d for both in order for d in both],
    ...     position=[1, 2] * 100, click=[i % 2 == 0 or i % 4 == 1 for i in range(200)])
    >>> randomized(log).examination.round(2).tolist()
    [1.0, 0.5]

    Args:
        log: sessions or their counts, of the experiment alone.
        swaps: the position, from 1, whose document was swapped with others. None = whole lists were shuffled, which is
            checked.
        positions: the number of first positions that count. None = all, up to 1,000.
        min_clicks: the number of clicks that a position needs, see `UnidentifiedError`.
        resamples: the number of times that the queries are weighted anew for the 95 % band. 0 = no band.
        seed: the seed of the resamples.

    Raises:
        UnidentifiedError: a position has too few clicks on documents that were also seen elsewhere.
        ValueError: documents were not placed at random, an argument is out of range, or the log has no click.

    Cost: O(rows + queries x positions^2), and a fit of positions^2 numbers for each resample.

    Reference: Joachims et al., "Unbiased Learning-to-Rank with Biased Feedback", WSDM 2017, section 5.1.
    """
    pairs, _ = pairs_of(log, positions)
    found = links(pairs)
    if swaps is None:
        check_links(pairs, found, min_clicks)
        _check_random(pairs)
        return fit_couples(_of_queries(pairs), resamples, seed, "randomized")
    if not isinstance(swaps, numbers.Integral) or isinstance(swaps, bool) or not 1 <= swaps <= pairs.positions:
        raise ValueError(f"swaps must be None or a position from 1 to {pairs.positions}, but got {swaps!r}")
    pivot = np.arange(pairs.positions) == swaps - 1
    check_links(pairs, found * (pivot | pivot[:, None]), min_clicks)
    above, below = _swapped(pairs, swaps - 1)

    def estimate(weights):
        curve = (weights @ above) / (weights @ below)
        return curve / curve[0]

    return with_band(pairs, estimate(np.ones(pairs.queries)), estimate, resamples, seed, method="randomized")


def _of_queries(pairs: Pairs) -> Pairs:
    """Returns the counts with all documents of a query taken as one."""
    shown, clicked = (_by_query(pairs, what).tocoo() for what in (pairs.shown, pairs.clicked))
    query, position = shown.coords
    return dataclasses.replace(
        pairs,
        pair=query,
        position=position,
        shown=shown.data,
        clicked=clicked.data,
        query=np.arange(pairs.queries),
        row=pairs.row[np.unique(pairs.query, return_index=True)[1]],
    )


def _by_query(pairs: Pairs, values: np.ndarray) -> sparse.csr_array:
    """Sums the values of rows, [queries, positions]."""
    places = (pairs.query[pairs.pair], pairs.position)
    return sparse.csr_array((values, places), (pairs.queries, pairs.positions))


def _swapped(pairs: Pairs, pivot: int) -> tuple[sparse.csr_array, sparse.csr_array]:
    """The weighted click-through rates of the same pairs at each position and at the pivot, [queries, positions]."""
    shown, rate = np.zeros(len(pairs.query)), np.zeros(len(pairs.query))
    at = pairs.position == pivot
    shown[pairs.pair[at]] = pairs.shown[at]
    rate[pairs.pair[at]] = pairs.clicked[at] / pairs.shown[at]
    shown, rate = shown[pairs.pair], rate[pairs.pair]
    weight = pairs.shown * shown / (pairs.shown + shown)
    return _by_query(pairs, weight * pairs.clicked / pairs.shown), _by_query(pairs, weight * rate)


def _check_random(pairs: Pairs) -> None:
    """Raises a ValueError if documents have preferred places, as far as the log shows it.

    If a document of a query was shown n times, its expected count at a position is its share of what was shown there.
    The squared differences from that are compared with those of shuffled lists.
    """
    query = pairs.query[pairs.pair]
    of_pair = np.bincount(pairs.pair, pairs.shown)
    at = _by_query(pairs, pairs.shown)
    of_query = at.sum(axis=1)
    share = pairs.shown**2 / (of_pair[pairs.pair] * at[query, pairs.position])
    found = float(of_query @ (np.bincount(query, share) - 1))
    by_chance = float(np.diff(at.indptr) @ (np.bincount(pairs.query) - 1))
    if found > RANDOM * by_chance:
        raise ValueError(
            f"documents were not placed at random: their counts at each position vary {found / by_chance:.1f} times as "
            "much as chance explains. Give the sessions of the experiment alone; give swaps=1 if the first document "
            "was swapped with others; or take intervention_harvesting, which needs no random order"
        )
