"""Turns the documents of a request into the inputs of a ranker, by name."""

import dataclasses
import itertools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn

import numpy as np
import orjson

from plackett.data._columns import numbers_of_ids
from plackett.data._signature import Signature
from plackett.data._strings import Strings
from plackett.serving._errors import RequestError, nearest, quote

ROWS, COLUMNS = ("query", "documents"), ("query", "ids", "features")  # the parts of a JSON request
DOCUMENT = ("id", "features")
LONGEST_QUERY = 1000  # characters
MOST = math.nextafter(2.0**128 - 2.0**103, 0)  # the largest number that float32 rounds to a finite one


class Kind(NamedTuple):
    """The allowed values of an id or a column: their Python types, in words, and their range."""

    types: set[type]
    words: str
    lowest: float = 0
    highest: float = 0


KINDS = {
    "text": Kind({str}, "a string"),
    "int32": Kind({int}, "a whole number of 32 bits", -(2**31), 2**31 - 1),
    "int64": Kind({int}, "a whole number of 64 bits", -(2**63), 2**63 - 1),
    "number": Kind({int, float}, "a number that float32 holds", -MOST, MOST),
    "position": Kind({int}, "a whole number from 1 to 2^24 - 1", 1, 2**24 - 1),
}
Where = Callable[[int, str], list[str | int]]  # the path in a request to a value, by document and name


@dataclasses.dataclass(frozen=True, eq=False)
class Documents:
    """The documents of a request.

    Args:
        query: the client's name for the query. None = it gave none.
        ids: the ids of the documents: strings, or whole numbers.
        inputs: name -> [documents, ...], the inputs of the ranker.
    """

    query: str | int | None
    ids: list[Any]
    inputs: dict[str, np.ndarray]


class Names:
    """The names of a document's values that a ranker takes.

    Args:
        signature: the signature of the ranker.
        most: the largest number of documents in a request.
    """

    def __init__(self, signature: Signature, most: int):
        self.signature = signature
        self.most = most
        self.features = signature.features
        self.others = {**signature.ids, **signature.columns}
        self.all = (*self.features, *self.others)
        self._known = frozenset(self.all)
        self.values_of = _getter(self.features)

    def check_number(self, documents: int, where: Sequence[str | int]) -> None:
        """Refuses a request with too many documents."""
        if documents > self.most:
            words = f"a request must have at most {self.most:,} documents, but this has {documents:,}"
            raise RequestError(413, "too_many_documents", words, where)

    def find_wrong(self, given: Sequence[Any], of: str, where: Sequence[str | int]) -> RequestError | None:
        """Finds an error in the given names; None = there is none."""
        present = set(given)
        if present == self._known:
            return None
        for name in given:
            if name not in self._known:
                words = f"unknown feature {quote(name)}{of}; {nearest(str(name), self.all)}"
                return RequestError(422, "unknown_feature", words, where)
        for name in self.all:
            if name not in present:
                hint = "; give null if its value is missing" if self.signature.missing else ""
                return RequestError(
                    422,
                    "missing_feature",
                    f"the feature {name!r}{of} is missing from the request{hint}",
                    [*where, name],
                )
        return None


def _getter(names: Sequence[str]) -> Callable[[Any], Sequence[Any]]:
    """Returns a function that gives the values of these names as a tuple."""
    if len(names) > 1:
        return operator.itemgetter(*names)
    return lambda values: tuple(values[name] for name in names)


def read_json(body: bytes, names: Names) -> Documents:
    """Reads the documents of a JSON request, in rows or in columns.

    Raises:
        RequestError: it is malformed, or its documents are not what the ranker takes.
    """
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RequestError(400, "malformed_json", f"the body is not JSON: {error!s:.200}") from None
    if not isinstance(given, dict):
        raise RequestError(422, "wrong_form", f"the body must be an object, but is {_kind(given)}")
    in_rows = "documents" in given
    for name in given:
        if name not in (ROWS if in_rows else COLUMNS):
            forms = [ROWS] if in_rows else [COLUMNS, ROWS]
            known = ", or ".join(", ".join(form) for form in forms)
            raise RequestError(422, "unknown_part", f"unknown part {quote(name)} of a request; known are {known}")
    query = check_query(given.get("query"))
    return _read_rows(query, given["documents"], names) if in_rows else _read_columns(query, given, names)


def check_query(query: Any) -> str | int | None:
    """Returns the client's name for the query, after checking it."""
    if type(query) not in (str, int, type(None)) or not _is_int64(query):
        words = f"query must be a string or a whole number of 64 bits, but is {_kind(query)}"
        raise RequestError(422, "wrong_type", words, ["query"])
    if isinstance(query, str) and len(query) > LONGEST_QUERY:
        words = f"query must have at most {LONGEST_QUERY:,} characters, but has {len(query):,}"
        raise RequestError(422, "query_too_long", words, ["query"])
    return query


def _read_rows(query, rows, names):
    if type(rows) is not list:
        raise RequestError(422, "wrong_type", f"documents must be an array, but is {_kind(rows)}", ["documents"])
    names.check_number(len(rows), ["documents"])
    try:
        ids, features = [row["id"] for row in rows], [row["features"] for row in rows]
        flat = list(itertools.chain.from_iterable(map(names.values_of, features)))
        others = {name: [values[name] for values in features] for name in names.others}
        sizes = {*map(len, rows)} <= {len(DOCUMENT)} and {*map(len, features)} <= {len(names.all)}
    except (TypeError, KeyError, IndexError):
        _refuse_rows(rows, names)
    if not sizes or not {*map(type, rows), *map(type, features)} <= {dict}:
        _refuse_rows(rows, names)

    def where(document, name):
        return ["documents", document, "features", name]

    check_ids(ids, lambda document: ["documents", document, "id"])
    width = len(names.features)
    numbers = _as_numbers(flat, lambda place: (place // width, names.features[place % width]), ids, where)
    return to_inputs(query, ids, numbers.reshape(len(rows), width), others, names, where)


def _refuse_rows(rows, names) -> NoReturn:
    """Raises an error for the first document with a wrong form."""
    for i, row in enumerate(rows):
        where: list[str | int] = ["documents", i]
        if type(row) is not dict:
            raise RequestError(422, "wrong_type", f"documents[{i}] must be an object, but is {_kind(row)}", where)
        for name in DOCUMENT:
            if name not in row:
                raise RequestError(422, "missing_part", f"documents[{i}] has no {name!r}", [*where, name])
        for name in row:
            if name not in DOCUMENT:
                words = f"unknown part {quote(name)} of documents[{i}]; known are {', '.join(DOCUMENT)}"
                raise RequestError(422, "unknown_part", words, where)
        values = row["features"]
        if type(values) is not dict:
            words = f"features of documents[{i}] must be an object, but is {_kind(values)}"
            raise RequestError(422, "wrong_type", words, [*where, "features"])
        wrong = names.find_wrong(list(values), f" of documents[{i}]", [*where, "features"])
        if wrong is not None:
            raise wrong
    raise AssertionError("a document has a wrong form, but none is found")


def _read_columns(query, given, names):
    for name, kind, words in (("ids", list, "an array"), ("features", dict, "an object")):
        if name not in given:
            known = "documents, or ids and features" if name == "ids" else "ids and features"
            raise RequestError(422, "missing_part", f"the request has no {name!r}: it must have {known}", [name])
        if type(given[name]) is not kind:
            raise RequestError(422, "wrong_type", f"{name} must be {words}, but is {_kind(given[name])}", [name])
    ids, columns = given["ids"], given["features"]
    names.check_number(len(ids), ["ids"])
    if wrong := names.find_wrong(list(columns), "", ["features"]):
        raise wrong
    for name, column in columns.items():
        if type(column) is not list:
            words = f"feature {name!r} must be an array, but is {_kind(column)}"
            raise RequestError(422, "wrong_type", words, ["features", name])
        if len(column) != len(ids):
            words = f"there are {len(ids):,} ids, but feature {name!r} has {len(column):,} values"
            raise RequestError(422, "wrong_length", words, ["features", name])

    def where(document, name):
        return ["features", name, document]

    check_ids(ids, lambda document: ["ids", document])
    flat = list(itertools.chain.from_iterable(names.values_of(columns)))
    numbers = _as_numbers(flat, lambda place: (place % len(ids), names.features[place // len(ids)]), ids, where)
    others = {name: columns[name] for name in names.others}
    return to_inputs(query, ids, numbers.reshape(len(names.features), len(ids)).T, others, names, where)


def check_ids(ids: list, where: Callable[[int], Sequence[str | int]]) -> None:
    """Refuses ids of documents that are not different strings or different whole numbers."""
    kinds = set(map(type, ids))
    if kinds <= {str} or (kinds == {int} and all(map(_is_int64, ids))):
        if len(set(ids)) == len(ids):
            return
        first_places = {one: place for place, one in reversed([*enumerate(ids)])}
        place = next(place for place, one in enumerate(ids) if first_places[one] != place)
        words = f"the ids of documents must differ, but {quote(ids[place])} occurs twice"
        raise RequestError(422, "duplicate_document", words, where(place))
    wanted = type(ids[0]) if type(ids[0]) in (str, int) else str
    place = next(i for i, x in enumerate(ids) if type(x) is not wanted or not _is_int64(x))
    words = f"the ids must all be strings, or all whole numbers of 64 bits, but one is {_kind(ids[place])}"
    raise RequestError(422, "wrong_type", words, where(place))


def _is_int64(x):
    """Whether this is not a whole number too large for 64 bits."""
    return not isinstance(x, int) or KINDS["int64"].lowest <= x <= KINDS["int64"].highest


def _as_numbers(flat, at, ids, where):
    """Returns the values in float64, [values], NaN for null."""
    if not set(map(type, flat)) <= {float, int, type(None)}:
        place = next(i for i, x in enumerate(flat) if type(x) not in (float, int, type(None)))
        document, name = at(place)
        raise _wrong_value(name, document, ids, "a number", flat[place], where)
    return np.array(flat, "float64")


def to_inputs(
    query: str | int | None, ids: list, numbers: np.ndarray, others: dict[str, list], names: Names, where: Where
) -> Documents:
    """Returns the documents as inputs of a ranker.

    Args:
        query: the name of the query.
        ids: the ids of the documents.
        numbers: [documents, features], the features in order, NaN if missing.
        others: name -> the values of ids and columns.
        names: the names that the ranker takes.
        where: the path to a value in the request.

    Raises:
        RequestError: a value is not allowed.
    """
    with np.errstate(over="ignore"):
        features = np.ascontiguousarray(numbers, "float32")
    if not np.isfinite(features).all():
        _check_finite(features, numbers, ids, names, where)
    inputs = {"features": features}
    for name, kind in names.others.items():
        inputs[name] = _of_kind(kind, name, others[name], ids, where, names.signature.unknown.get(name))
    return Documents(query, ids, inputs)


def _check_finite(features, numbers, ids, names, where):
    missing = np.isnan(features)
    for wrong, allowed in ((~missing & ~np.isfinite(features), False), (missing, names.signature.missing)):
        if allowed or not wrong.any():
            continue
        document, place = (int(x) for x in np.unravel_index(wrong.argmax(), wrong.shape))
        name = names.features[place]
        if missing[document, place]:
            words = f"feature {name!r} of document {quote(ids[document])} is missing, which this model does not allow"
            raise RequestError(422, "missing_value", words, where(document, name))
        words = f"feature {name!r} of document {quote(ids[document])} must be finite as a float32, but is "
        raise RequestError(422, "not_finite", words + quote(float(numbers[document, place])), where(document, name))


def _of_kind(kind, name, values, ids, where, unknown):
    """Returns the inputs of a ranker for the values of an id or a column, [documents] or [documents, 2].

    Whole numbers that the ranker cannot know become `unknown`, unless that is None.
    """
    kinds, words, lowest, highest = KINDS["int64" if unknown is not None else kind]

    def refuse(place):
        raise _wrong_value(name, place, ids, words, values[place], where)

    if not set(map(type, values)) <= kinds:
        refuse(next(i for i, x in enumerate(values) if type(x) not in kinds))
    if kind == "text":
        return numbers_of_ids(Strings.of(values))
    for place, value in enumerate(values):
        if not lowest <= value <= highest:
            refuse(place)
    if kind == "number":
        return np.array(values, "float32")
    numbers = np.array(values, "int64")
    if kind == "int64":
        return numbers_of_ids(numbers)
    if unknown is not None:
        numbers[(numbers < KINDS[kind].lowest) | (numbers > KINDS[kind].highest)] = unknown
    return numbers.astype("int32")


def _wrong_value(name, document, ids, wanted, given, where):
    words = f"{name!r} of document {quote(ids[document])} must be {wanted}, but is {quote(given)}"
    return RequestError(422, "missing_value" if given is None else "wrong_type", words, where(document, name))


def _kind(given):
    """The kind of a JSON value, in words."""
    names = {dict: "an object", list: "an array", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(given), "a number")
