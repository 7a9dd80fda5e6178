"""Hard negatives: documents that a retriever ranks high for a query although they are not positives of it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from plackett.registry.options import Count, CountFrom0, NotNegative, check_options
from plackett.retrieval._exact import score_places

if TYPE_CHECKING:
    from plackett.retrieval._retriever import Retriever

BLOCK = 4096  # the number of positives that are scored at a time
Positives = npt.ArrayLike | Sequence[npt.ArrayLike]


def mine_negatives(
    retriever: "Retriever",
    queries: Any,
    positives: Positives,
    *,
    number: Count,
    skip: CountFrom0 = 0,
    margin: NotNegative | None = None,
    candidates: Count = 100,
    sampling: Literal["top", "random"] = "top",
    fill: Literal["random"] | None = None,
    seed: CountFrom0 | None = None,
) -> np.ndarray:
    """Finds the hard negatives of each query: candidates of the retriever that are not among its positives.

    Some candidates are false negatives: relevant documents that nobody has judged. `skip` and `margin` leave out the
    likeliest of these: the first candidates, and those that score like a positive. `TwoTowerModel` learns from the
    documents at the returned places, and the loss recognises them by their ids:

        x["negatives"] = documents[places]
        y = plackett.losses.in_batch_labels(positive_places, negatives=places)

    >>> import pathlib, tempfile
    >>> import keras
    >>> from plackett.retrieval import Retriever, TwoTowerModel, build_index
    >>> tower = keras.Sequential([keras.Input((2,)), keras.layers.Identity()])
    >>> documents = np.array([[1.0, 0.0], [0.9, 0.1], [0.8, 0.2], [0.0, 1.0]])
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "index"
    >>> model = TwoTowerModel(tower, tower)
    >>> retriever = Retriever(model, build_index(model, (range(4), documents), path))
    >>> mine_negatives(retriever, documents[:1], [0], number=2, candidates=4).tolist()
    [[1, 2]]

    Args:
        retriever: searches among the documents; see `Retriever`.
        queries: the argument of its `search`: a `Table`, or the inputs of the query tower.
        positives: the relevant documents of each query, as places in the index: [queries]; or [queries, most], -1 if a
            query has no more; or a sequence of arrays, one a query.
        number: the number of negatives for each query.
        skip: the number of best candidates, not counting positives, to leave out.
        margin: leave out candidates that score higher than the best positive of the query minus this. None = leave out
            none.
        candidates: the number of documents that the retriever finds for a query, positives included.
        sampling: "top" takes the best candidates that are left, "random" draws among all that are left.
        fill: what to do if too few negatives are left: "random" = add random documents that are neither candidates nor
            positives. None = raise an error.
        seed: the seed of all draws. None = other documents at each call.

    Returns:
        [queries, number] int64, places of documents; candidates first, in the order of the retriever.

    Raises:
        ValueError: a query has too few negatives, the positives do not fit the queries or the index, a query has no
            positive although there is a margin, or an option is out of range.

    Cost: the search, and O(queries candidates) memory.

    Reference: Xiong et al., "Approximate Nearest Neighbor Negative Contrastive Learning for Dense Text Retrieval",
    ICLR 2021; Moreira et al., "NV-Retriever: Improving text embedding models with effective hard-negative mining",
    2024, compare margins.
    """
    options = {"number": number, "skip": skip, "margin": margin, "candidates": candidates}
    check_options(mine_negatives, **options, sampling=sampling, fill=fill, seed=seed)
    random = np.random.default_rng(seed)
    documents = len(retriever.index)
    embeddings = retriever.embed(queries)
    rows, relevant = _read_positives(positives, len(embeddings), documents)
    found = retriever.index.search(embeddings, candidates)
    places = found.places
    usable = _after_skip(places, rows, relevant, skip)
    if margin is not None:
        usable &= found.scores <= _best_scores(embeddings, retriever.index.embeddings, rows, relevant) - margin
    counts = usable.sum(axis=1)
    short = np.flatnonzero(counts < number)
    if len(short) and fill is None:
        raise _too_few(short, counts, places.shape[1], options)
    kept = usable & (_order(usable, random if sampling == "random" else None) < number)
    negatives = np.full((len(places), number), -1, "int64")
    row, column = np.nonzero(kept)
    negatives[row, (np.cumsum(kept, axis=1) - 1)[row, column]] = places[row, column]
    for one in short:
        taken = np.union1d(places[one], relevant[rows == one])
        negatives[one, counts[one] :] = _draw(random, documents, taken, number - counts[one], one)
    return negatives


def _read_positives(positives, queries, documents):
    """Returns (the query of each positive, its place), each place of a query once."""
    if not hasattr(positives, "__len__"):
        raise ValueError(
            f"positives must be places in the index, an entry a query, but are a {type(positives).__name__}"
        )
    try:
        array = np.asarray(positives)
    except ValueError:  # queries have different numbers of positives
        array = None
    if array is None or array.dtype == object:
        parts = [np.asarray(part).reshape(-1) for part in positives]
        parts = [part if len(part) else part.astype("int64") for part in parts]  # an empty list becomes float64
        lengths, places = np.array([len(part) for part in parts]), np.concatenate([np.zeros(0, "int64"), *parts])
        padding = np.zeros(len(places), bool)
    else:
        rows = array[:, None] if array.ndim == 1 else array
        if rows.ndim != 2:
            raise ValueError(f"positives must be [queries] or [queries, most], but have the shape {array.shape}")
        lengths, places = np.full(len(rows), rows.shape[1]), rows.reshape(-1)
        padding = places == -1 if array.ndim == 2 else np.zeros(len(places), bool)
    if len(lengths) != queries:
        raise ValueError(f"positives must have an entry for each of the {queries} queries, but have {len(lengths)}")
    if len(places) and places.dtype.kind not in "iu":
        raise ValueError(f"positives must be places in the index, whole numbers, but are {places.dtype}")
    rows = np.repeat(np.arange(queries), lengths)
    wrong = ~padding & ((places < 0) | (places >= documents))
    if wrong.any():
        row, place = rows[wrong][0], places[wrong][0]
        raise ValueError(f"positives must be places from 0 to {documents - 1}, but that of query {row} is {place}")
    return rows[~padding], places[~padding].astype("int64")


def _after_skip(places, rows, relevant, skip):
    """Which candidates are neither positives nor among the first `skip` others, [queries, candidates] bool."""
    base = max(places.max(initial=0), relevant.max(initial=0)) + 1
    usable = ~np.isin(np.arange(len(places))[:, None] * base + places, rows * base + relevant)
    return usable & (np.cumsum(usable, axis=1) > skip)


def _best_scores(queries, documents, rows, relevant):
    """The score of the best positive of each query, [queries, 1]."""
    without = np.setdiff1d(np.arange(len(queries)), rows)
    if len(without):
        raise ValueError(f"margin needs a positive of each query, but query {without[0]} has none: give margin=None")
    best = np.full(len(queries), -np.inf, "float32")
    for start in range(0, len(rows), BLOCK):
        block = slice(start, start + BLOCK)
        scores = score_places(queries[rows[block]], documents, relevant[block, None])[:, 0]
        np.maximum.at(best, rows[block], scores)
    return best[:, None]


def _order(usable, random):
    """The order of usable candidates within each query, [queries, candidates]: as ranked, or random."""
    if random is None:
        return np.cumsum(usable, axis=1) - 1
    return np.argsort(np.argsort(np.where(usable, random.random(usable.shape), 2.0), axis=1), axis=1)


def _draw(random, documents, taken, number, query):
    """Draws different documents at random that are not among `taken`, which is sorted."""
    left = documents - len(taken)
    if left < number:
        raise ValueError(
            f"query {query} needs {number} more documents that are neither candidates nor positives, but of all "
            f"{documents} only {left} are: take a smaller number, or fewer candidates"
        )
    drawn = random.choice(left, number, replace=False)
    return drawn + np.searchsorted(taken - np.arange(len(taken)), drawn, side="right")


def _too_few(short, counts, candidates, options):
    settings = ", ".join(f"{name}={options[name]}" for name in ("skip", "margin"))
    return ValueError(
        f"query {short[0]} has {counts[short[0]]} negatives among its {candidates} candidates, with {settings}, but "
        f"number={options['number']}; {len(short)} of {len(counts)} queries have too few. Give more candidates, a "
        f'smaller number, skip or margin, or fill="random"'
    )
