"""Exact search: the documents with the largest dot products with each query."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from plackett.registry.options import Count, check_options

BLOCK = 2048  # queries, and documents, that are compared at a time
WIDER = 16  # for few queries, up to this many times as many documents at a time, in the same memory
SPARE = 16  # candidates beyond k, so that equal scores can be put in order
FIRST = 512  # documents that are looked at first; most later ones are below the best k so far
GATHERED = 2**20  # numbers of documents that are looked up at a time
LOWEST = np.uint64(0xFFFFFFFF)  # the lower half of a key is this minus the place, so that equal scores keep their order
HALF = np.uint64(32)
SIGN = np.uint32(0x80000000)


class Found(NamedTuple):
    """The best documents of each query, the best first.

    Args:
        places: [queries, k] int64, the rows of the documents.
        scores: [queries, k] float32, the dot products.
    """

    places: np.ndarray
    scores: np.ndarray


def search(queries: npt.ArrayLike, documents: npt.ArrayLike, k: Count, *, block: Count = BLOCK) -> Found:
    """Finds the k documents with the largest dot product with each query, among all documents.

    The result does not depend on `block` or on the other queries: a score is the product in float64, rounded to
    float32, and among equal scores the document of the lower place comes first.

    >>> places, scores = search([[1.0, 0.0]], [[0.5, 0.5], [2.0, 0.0], [0.5, 9.0]], k=2)
    >>> places.tolist(), scores.tolist()
    ([[1, 0]], [[2.0, 0.5]])

    Args:
        queries: [queries, dimension] numbers.
        documents: [documents, dimension] numbers, as an array. A memory-mapped array is read a block at a time.
        k: the number of documents that are wanted.
        block: the number of queries, and of documents, that are compared at a time; for fewer queries more documents.

    Returns:
        (places, scores), [queries, k]; [queries, documents] if there are fewer than k documents.

    Raises:
        ValueError: the shapes do not fit, a value is NaN, infinite or too large for float32, or `k` or `block` is not a
            whole number of at least 1.

    Cost: queries x documents x dimension multiplications in float32, O(block^2 + block x (k + dimension)) memory. If
        many documents are equal, the products of the queries that find them are computed once more in float64.
    """
    check_options(search, k=k, block=block)
    asked, searched = as_matrix("queries", queries), _as_array(documents)
    check_shapes(asked, searched)
    if len(searched) > int(LOWEST):
        raise ValueError(f"documents must be at most {int(LOWEST):,} for a search, but are {len(searched):,}")
    return search_all(asked, searched, min(int(k), len(searched)), int(block))[0]


def search_all(
    queries: np.ndarray, documents: np.ndarray, k: int, block: int = BLOCK, longest: float | None = None
) -> tuple[Found, float | None]:
    """Returns the result of `search` for checked arguments, and the length of the longest document.

    Args:
        queries: the result of `as_matrix`.
        documents: [documents, dimension] numbers.
        k: at most the number of documents.
        block: see `search`.
        longest: the length of the longest document if known. Documents are then not checked for values that are not
            finite.
    """
    places, scores = np.zeros((len(queries), k), "int64"), np.zeros((len(queries), k), "float32")
    if k:
        for start in range(0, len(queries), block):
            rows = slice(start, start + block)
            (places[rows], scores[rows]), longest = _search_block(queries[rows], documents, k, block, longest)
    return Found(places, scores), longest


def score_places(queries: np.ndarray, documents: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Returns the products of each query with the documents at its places, [queries, k] float32."""
    scores = np.zeros(places.shape, "float32")
    step = max(1, GATHERED // max(1, places.shape[1] * queries.shape[1]))
    for start in range(0, len(queries), step):
        rows = slice(start, start + step)
        of_rows = documents[places[rows]].astype("float64")
        # + 0.0 turns -0.0 into 0.0, so that the two are equal by their bits too.
        scores[rows] = np.matmul(of_rows, queries[rows].astype("float64")[:, :, None])[..., 0] + 0.0
    return scores


def best_first(places: np.ndarray, scores: np.ndarray) -> Found:
    """Sorts documents of each query, the best first, and among equal ones the lower place."""
    order = np.lexsort((places, -scores), axis=-1)
    return Found(np.take_along_axis(places, order, 1), np.take_along_axis(scores, order, 1))


def as_matrix(name: str, given: npt.ArrayLike) -> np.ndarray:
    """Returns [rows, dimension] float32, or float64 if float32 would round.

    Raises:
        ValueError: this is not a matrix of numbers, or one of them is not finite or too large for float32.
    """
    array = _as_array(given)
    if array.ndim != 2 or array.dtype.kind not in "iuf":
        raise ValueError(
            f"{name} must be [{name}, dimension] numbers, but got {array.dtype} of the shape {array.shape}"
        )
    with np.errstate(over="ignore"):
        _squares(name, array.astype("float32"), 0)
    return np.ascontiguousarray(array, "float32" if array.dtype in ("float16", "float32") else "float64")


def check_shapes(queries: np.ndarray, documents: np.ndarray) -> None:
    """Raises a ValueError unless queries can be compared with these documents."""
    if documents.ndim != 2 or documents.dtype.kind not in "iuf":
        raise ValueError(
            f"documents must be [documents, dimension] numbers, but got {documents.dtype} of the shape "
            f"{documents.shape}"
        )
    if queries.shape[1] != documents.shape[1]:
        raise ValueError(
            f"queries and documents must have the same dimension, but queries have {queries.shape[1]} and documents "
            f"{documents.shape[1]}"
        )


def _as_array(given):
    return given if isinstance(given, np.ndarray) else np.asarray(given)


def _squares(name, rows, first):
    """The squared lengths, [rows]; a ValueError if float32 cannot hold one. `first` is the place of the first row."""
    # In float64, so that those of short vectors are not 0.
    squares = np.einsum("ij,ij->i", rows, rows, dtype="float64")
    fits = squares <= np.finfo("float32").max
    if not fits.all():
        place = int(np.argmin(fits))
        wrong = rows[place][~np.isfinite(rows[place])]
        what = f"holds {wrong[0]}" if len(wrong) else "is so long that its products overflow float32"
        raise ValueError(f"each of {name} must be finite, but {name}[{first + place}] {what}")
    return squares


def _search_block(queries, documents, k, block, longest):
    """Returns (the best k of some queries, the length of the longest document)."""
    block *= max(1, min(WIDER, block // len(queries)))
    wanted = min(k + SPARE, len(documents))
    single = queries.astype("float32", copy=False)
    keys, longest = _select(single, documents, wanted, block, longest)
    places = _places_of(keys)
    found = best_first(places, score_places(queries, documents, places))
    if wanted < len(documents):
        # Products in float32 are slightly off, depending also on the place of a document. Unless the last of the
        # candidates is clearly below the k-th, a document that belongs to the k may not be a candidate.
        lengths = np.sqrt(_squares("queries", single, 0))
        error = 4 * np.sqrt(queries.shape[1]) * np.finfo("float32").eps * lengths * longest
        crowded = found.scores[:, k - 1] - _scores_of(keys.min(axis=1)) <= 2 * error
        if crowded.any():
            exact, _ = _select(queries[crowded].astype("float64"), documents, k, block, longest)
            places = _places_of(exact)
            best = best_first(places, score_places(queries[crowded], documents, places))
            found.places[crowded, :k], found.scores[crowded, :k] = best
    return Found(found.places[:, :k], found.scores[:, :k]), longest


def _select(queries, documents, wanted, block, longest):
    """Returns ([queries, wanted] keys of the best documents in any order, the length of the longest document).

    A key is a whole number. It is larger for a higher score, and for equal scores for a lower place.
    """
    keys = np.zeros((len(queries), 0), "uint64")
    squares, start = 0.0, 0
    while start < len(documents):
        # The first blocks are small, so that most documents of later blocks are below the best so far.
        stop = min(len(documents), start + min(block, max(FIRST, start)))
        with np.errstate(over="ignore"):
            rows = np.ascontiguousarray(documents[start:stop], queries.dtype)
        if longest is None:
            squares = max(squares, float(_squares("documents", rows, start).max()))
        scores = (queries @ rows.T).astype("float32", copy=False)
        scores += 0.0
        keys = _with_better(keys, scores, start, wanted)
        start = stop
    return keys, float(np.sqrt(squares)) if longest is None else longest


def _with_better(keys, scores, start, wanted):
    """Returns the keys of the best `wanted` so far, after the documents from `start` on."""
    if keys.shape[1] < wanted:
        places = np.arange(start, start + scores.shape[1], dtype="uint64")
        keys = np.concatenate([keys, _keys_of(scores, places[None, :])], axis=1)
    else:
        # Among equal scores the earlier place is better, so a later document must be above.
        above = np.flatnonzero(scores > _scores_of(keys.min(axis=1))[:, None])  # faster than `nonzero` of two axes
        if not len(above):
            return keys
        rows, columns = np.divmod(above, scores.shape[1])
        counts = np.bincount(rows, minlength=len(keys))
        first = np.cumsum(counts) - counts
        better = np.zeros((len(keys), counts.max()), "uint64")  # 0 is below the key of any score
        places = (start + columns).astype("uint64")
        better[rows, np.arange(len(rows)) - first[rows]] = _keys_of(scores[rows, columns], places)
        keys = np.concatenate([keys, better], axis=1)
    surplus = keys.shape[1] - wanted
    if surplus <= 0:
        return keys
    keys.partition(surplus, axis=1)
    return np.ascontiguousarray(keys[:, surplus:])


def _keys_of(scores, places):
    bits = scores.view("uint32")
    # The bits of floats rise with their values once those of negative floats are inverted.
    rising = np.where(bits & SIGN, ~bits, bits | SIGN)
    return (rising.astype("uint64") << HALF) | (LOWEST - places)


def _scores_of(keys):
    rising = (keys >> HALF).astype("uint32")
    return np.where(rising & SIGN, rising & ~SIGN, ~rising).view("float32")


def _places_of(keys):
    return (LOWEST - (keys & LOWEST)).astype("int64")
