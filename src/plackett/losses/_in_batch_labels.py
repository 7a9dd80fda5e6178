"""The labels of in-batch losses as one array of whole numbers, which `fit` takes on any backend."""

from typing import Any, NamedTuple

import numpy as np
from keras import ops

from plackett import backend
from plackett.lists import places, take
from plackett.lists._order import first_of_equals
from plackett.lists._shapes import shape_text, without_column
from plackett.losses._matches import all_rows

UNKNOWN = -1  # the code of a query that is not given: no other row has the same one
DOCUMENT, QUERY, GRADE, LOG_PROBABILITY, WEIGHT = range(5)
FIELDS = 5
_ONE = int(np.float32(1.0).view("int32"))


def in_batch_labels(
    documents: Any,
    *,
    queries: Any = None,
    grades: Any = None,
    log_probability: Any = None,
    weights: Any = None,
    negatives: Any = None,
    log_probability_of_negatives: Any = None,
) -> np.ndarray:
    """Packs what `in_batch_softmax` must know about each row into one int32 array.

    A row is a query and a document that answers it.

    >>> in_batch_labels(["b", "a", "b"], queries=["x", "x", "y"])[:, :2].tolist()
    [[1, 0], [0, 0], [1, 1]]

    With H hard negatives per row, the 5 + 2 H columns are

        0                 the document
        1                 the query; -1 = not known, one that no other row has
        2                 the grade, the bits of a float32
        3                 log q, the bits of a float32
        4                 the weight, the bits of a float32
        5 ... 5 + H - 1   the hard negatives
        5 + H ...         their log q, the bits of a float32 each

    Ids become whole numbers by their sorted order, so that the numbers are comparable only within the array of one
    call. Make the labels of all rows in one call; `fit` cuts them into batches. You may select and shuffle rows.

    Args:
        documents: [rows], ids of any kind that NumPy sorts.
        queries: [rows], ids of any kind that NumPy sorts. None = no two rows have the same query.
        grades: [rows], how well the document answers the query, >= 0. A document of grade 0 serves only as a negative.
            None = 1.
        log_probability: [rows], the log of the probability that a batch holds the document, or of any number
            proportional to it, such as the number of rows of the document. None = the same for all.
        weights: [rows], the weight of the loss of each row, >= 0. None = 1.
        negatives: [rows, H], the ids of documents that do not answer the query. Their similarities are the columns
            after those of the documents. None = no such columns.
        log_probability_of_negatives: [rows, H], the same for the negatives. With negatives, give both or neither.

    Returns:
        [rows, 5 + 2 H] int32.

    Raises:
        ValueError: the numbers of rows differ, a number is not finite, a grade or weight is below 0, or an id is
            missing.
    """
    documents = _ids("documents", documents, None)
    rows = len(documents)
    negatives = None if negatives is None else _ids("negatives", negatives, rows)
    both = {"documents": log_probability, "negatives": log_probability_of_negatives}
    given = [name for name, numbers in both.items() if numbers is not None]
    if log_probability_of_negatives is not None and negatives is None:
        raise ValueError("log_probability_of_negatives needs negatives: give them too")
    if negatives is not None and len(given) == 1:
        raise ValueError(
            "log_probability and log_probability_of_negatives are subtracted from similarities of one row, so that "
            f"both or neither must be given, but got only that of {given[0]}"
        )
    document_codes, negative_codes = _codes(documents, negatives)
    query_codes = np.full(rows, UNKNOWN) if queries is None else _codes(_ids("queries", queries, rows), None)[0]
    numbers = [
        _bits("grades", grades, 1.0, (rows,), lowest=0.0),
        _bits("log_probability", log_probability, 0.0, (rows,)),
        _bits("weights", weights, 1.0, (rows,), lowest=0.0),
    ]
    columns = [x[:, None].astype("int32") for x in (document_codes, query_codes)] + [x[:, None] for x in numbers]
    if negatives is not None:
        columns.append(negative_codes.astype("int32"))
        columns.append(_bits("log_probability_of_negatives", log_probability_of_negatives, 0.0, negatives.shape))
    return np.concatenate(columns, axis=1)


def _ids(name, given, rows):
    """The ids as an array with this number of rows: [rows] or, for negatives, [rows, H]."""
    axes = 2 if name == "negatives" else 1
    wanted = ("[rows]", "[rows, H]")[axes - 1] if rows is None else f"[{rows}]" if axes == 1 else f"[{rows}, H]"
    try:
        ids = np.asarray(given)
    except ValueError as error:
        raise ValueError(f"{name} must be ids, {wanted}, the same number in each row: {error}") from None
    if ids.ndim != axes or (rows is not None and len(ids) != rows):
        raise ValueError(f"{name} must be ids, {wanted}, but got {shape_text(ids.shape)}")
    missing = _missing(ids)
    if missing.any():
        raise ValueError(
            f"{name} must be ids, but the id of row {missing.argmax() // (ids.size // len(ids))} is missing"
        )
    return ids


def _missing(ids):
    """[ids] bool, whether each id is missing, with the ids as one flat array."""
    if ids.dtype.kind in "mM":
        return np.isnat(ids).reshape(-1)
    return np.array([_is_missing(x) for x in ids.flat] if ids.dtype.kind in "OfT" else [], bool)


def _is_missing(x):
    kind = type(x).__name__
    return x is None or kind in ("NAType", "NaTType") or (isinstance(x, float | np.floating) and np.isnan(x))


def _codes(ids, others):
    """The ids of two arrays as whole numbers from 0; equal ids have equal numbers."""
    both = ids if others is None else _join(ids, others.reshape(-1))
    try:
        codes = np.unique(both, return_inverse=True)[1].reshape(-1)
    except TypeError as error:
        raise ValueError(f"ids must be of one kind, such as all whole numbers or all strings: {error}") from None
    return codes[: len(ids)], None if others is None else codes[len(ids) :].reshape(others.shape)


def _join(ids, others):
    """Both in one array, with the ids unchanged: NumPy alone would turn numbers into text and round whole numbers."""
    kinds = {x.dtype.kind for x in (ids, others)}
    if ids.dtype == others.dtype or kinds <= set("US") or kinds in ({"i"}, {"u"}, {"M"}):
        return np.concatenate([ids, others])
    joined = [*ids.tolist(), *others.tolist()]
    if len({isinstance(x, str) for x in joined}) > 1:
        raise ValueError(f"documents and negatives must be ids of one kind, but got {ids.dtype} and {others.dtype}")
    array = np.empty(len(joined), object)
    array[:] = joined
    return array


def _bits(name, given, default, shape, lowest=-np.inf):
    """Numbers as the bits of float32, stored as int32."""
    if given is None:
        return np.full(shape, default, "float32").view("int32")
    numbers = np.ascontiguousarray(given, "float32")
    if numbers.shape != tuple(shape):
        raise ValueError(f"{name} must be numbers, {shape_text(shape)}, but got {shape_text(numbers.shape)}")
    wrong = ~np.isfinite(numbers) | (numbers < lowest)
    if wrong.any():
        place = np.unravel_index(wrong.argmax(), shape)
        allowed = "finite numbers" if lowest < 0 else "finite numbers of at least 0"
        raise ValueError(f"{name} must be {allowed}, but in row {place[0]} got {numbers[place]}")
    return numbers.view("int32")


class Facts(NamedTuple):
    """What the labels of a batch hold.

    Args:
        documents: [..., columns], the document of each column.
        queries: [..., rows]; None = no two rows have the same query.
        grades, weights: [..., rows] float32; None = 1.
        log_probability: [..., columns] float32; None = the same for all.
        number: the number of hard negatives per row.
    """

    documents: Any
    queries: Any = None
    grades: Any = None
    weights: Any = None
    log_probability: Any = None
    number: int = 0


def hard_negatives(labels) -> int:
    """How many hard negatives a row of labels, [rows], [rows, 1] or [rows, 5 + 2 H], has."""
    return (max(labels.shape[-1], FIELDS) - FIELDS) // 2 if len(labels.shape) > 1 else 0


def facts(labels, axes: int) -> Facts:
    """What labels hold, [..., rows] documents or those of `in_batch_labels`, for similarities with so many axes.

    Raises:
        ValueError: the shape or the dtype is wrong.
    """
    labels = ops.convert_to_tensor(labels)
    labels = without_column(labels, len(labels.shape) == axes)
    if len(labels.shape) == axes - 1:
        return Facts(labels)
    width = labels.shape[-1] if len(labels.shape) == axes else 0
    if width < FIELDS or (width - FIELDS) % 2 or ops.dtype(labels) not in ("int32", "int64"):
        raise ValueError(
            "labels must be documents, one per row, [rows], or the output of in_batch_labels, [rows, 5 + 2 H] int32, "
            f"but got {shape_text(labels.shape)} {ops.dtype(labels)}"
        )
    labels = ops.cast(labels, "int32")  # PyTorch and TensorFlow turn lists into int64
    number = (width - FIELDS) // 2
    queries = labels[..., QUERY]
    queries = ops.where(queries == UNKNOWN, UNKNOWN - 1 - all_rows(queries), queries)
    documents, log_probability = labels[..., DOCUMENT], labels[..., LOG_PROBABILITY]
    if number:
        flat = (*ops.shape(labels)[:-2], ops.shape(labels)[-2] * number)
        behind = (labels[..., FIELDS : FIELDS + number], labels[..., FIELDS + number :])
        parts = zip((documents, log_probability), behind, strict=True)
        documents, log_probability = (ops.concatenate([x, ops.reshape(y, flat)], axis=-1) for x, y in parts)
    grades, weights, log_probability = map(
        backend.float_of_bits, (labels[..., GRADE], labels[..., WEIGHT], log_probability)
    )
    return Facts(documents, queries, grades, weights, log_probability, number)


def other_way(labels, axes: int):
    """The labels for the other direction, where each document must recognise its queries."""
    known = facts(labels, axes)
    if known.queries is None:
        documents = all_rows(known.documents)
        queries = codes_of(known.documents)
        numbers = [ops.full(ops.shape(documents), bits, "int32") for bits in (_ONE, 0, _ONE)]
    else:
        given = ops.convert_to_tensor(labels)
        documents, queries = known.queries, given[..., DOCUMENT]
        numbers = [given[..., GRADE], ops.zeros_like(documents), given[..., WEIGHT]]
    return ops.stack([documents, queries, *numbers], axis=-1)


def codes_of(documents):
    """[..., columns] int32 from 0 to columns - 1, equal where the documents of two columns are."""
    order = ops.argsort(documents, axis=-1)
    return take(first_of_equals(take(documents, order)), places(order))
