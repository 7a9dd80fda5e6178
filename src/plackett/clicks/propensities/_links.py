"""Checks whether a log says how positions compare. Documents that were seen at both link two positions."""

from collections.abc import Sequence

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from plackett.clicks.propensities._pairs import Pairs
from plackett.registry.options import is_number

WAYS_OUT = (
    "show some results in random order, log more than one ranker, count only the first positions (positions), or give "
    "a curve that was measured elsewhere (read_propensities)"
)


class UnidentifiedError(ValueError):
    """The log cannot tell how often users look at some positions, whatever the estimator.

    Two positions can be compared if the same document of the same query was seen at both, or if a chain of such
    positions leads from one to the other. Without that, any curve explains the clicks as well as any other, with other
    attractions, and more clicks do not help.

    Reference: Chen et al., "Identifiability Matters: Revealing the Hidden Recoverable Condition in Unbiased Learning to
        Rank", ICML 2024, which defines this graph; Hager et al., "Unidentified and Confounded? Understanding Two-Tower
        Models for Unbiased Learning to Rank", ICTIR 2025; Oosterhuis, "Reaching the End of Unbiasedness", ICTIR 2022.
    """


def links(pairs: Pairs) -> np.ndarray:
    """The number of clicks that link each pair of positions, [positions, positions].

    It takes the documents that were seen at both. Their clicks at one or at the other position count, whichever are
    fewer.
    """
    shape = (len(pairs.query), pairs.positions)
    places = (pairs.pair, pairs.position)
    seen = sparse.csr_array((np.ones(len(pairs.pair)), places), shape)
    clicked = sparse.csr_array((pairs.clicked, places), shape)
    at = (clicked.T @ seen).toarray()
    return np.minimum(at, at.T)


def apart_from_first(found: np.ndarray, min_clicks: float) -> np.ndarray:
    """The positions to which no chain of links leads from the first, [positions] bool; see `links`."""
    _, group = csgraph.connected_components(sparse.csr_array(found >= min_clicks), directed=False)
    return group != group[0]


def note_of_unlinked(pairs: Pairs, min_clicks: int = 20) -> str | None:
    """A note for a model that is fitted although nothing links some positions; None if all are linked."""
    shown = np.bincount(pairs.position, minlength=pairs.positions) > 0
    apart = np.flatnonzero(apart_from_first(links(pairs), min_clicks) & shown) + 1
    if not len(apart):
        return None
    return (
        f"the log alone cannot tell how often {_in_words(apart)} {'are' if len(apart) > 1 else 'is'} looked at: too "
        "few documents were clicked there that were also seen at the others, so what is learnt of it depends on the "
        "features and the shape of the model"
    )


def check_links(pairs: Pairs, found: np.ndarray, min_clicks: int, of: str = "document of a query") -> None:
    """Checks that something was shown at each position, and that a chain of links leads from the first to each other.

    Args:
        pairs: what was shown.
        found: [positions, positions], see `links`.
        min_clicks: the number of clicks that makes a link.
        of: the name of what was seen at both positions, for errors.

    Raises:
        UnidentifiedError: nothing was shown at a position, or it is not linked.
        ValueError: `min_clicks` is below 1.
    """
    if not is_number(min_clicks) or min_clicks < 1:
        raise ValueError(f"min_clicks must be at least 1, but got {min_clicks!r}")
    _check_shown(pairs)
    apart = apart_from_first(found, min_clicks)
    linked = ~apart
    if linked.all():
        return
    most = found[np.ix_(linked, apart)].max()
    seen = f"no {of} was clicked at both" if most == 0 else f"at most {most:g} clicks link two of them"
    raise UnidentifiedError(
        f"the log does not identify the examination of {_in_words(np.flatnonzero(apart) + 1)}, which nothing links to "
        f"{_in_words(np.flatnonzero(linked) + 1)}: {seen}, and a link needs {min_clicks} (min_clicks); {WAYS_OUT}"
    )


def _check_shown(pairs: Pairs) -> None:
    """Raises an error if the log has a gap: if something else is shown there, no result tells how often it is seen."""
    empty = np.flatnonzero(np.bincount(pairs.position, minlength=pairs.positions) == 0) + 1
    if not len(empty):
        return
    first = int(empty[0]) - 1
    fewer = f"count only the positions above by positions={first} (--positions {first}), " if first > 1 else ""
    raise UnidentifiedError(
        f"no document of the log was ever shown at {_in_words(empty)}, where perhaps advertisements are shown, so "
        "nothing tells how often users look there: number the documents of each session 1, 2, 3 and so on without "
        f"anything else that is shown, {fewer}or give a curve that was measured elsewhere (read_propensities)"
    )


def _in_words(positions: Sequence[int] | np.ndarray) -> str:
    """Some positions, rising, in words: position 3, positions 1 to 4 and 7."""
    runs = np.split(positions, np.flatnonzero(np.diff(positions) > 1) + 1)
    words = [f"{run[0]}" if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs]
    listed = " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
    return f"position{'s' if len(positions) > 1 else ''} {listed}"
