"""Errors for requests that get no ranking, in one form."""

import difflib
from collections.abc import Collection, Sequence

import orjson

from plackett.data._words import some

SHOWN = 60  # characters of a request's values that an error shows


class RequestError(Exception):
    """An error for a request that gets no ranking.

    Args:
        status: the HTTP status.
        code: the reason, for programs.
        message: the reason, for people: what was given, what is allowed, and where.
        where: the path to the value in the request: JSON names and positions from 0.
        retry_seconds: the time after which the same request may succeed. None = it will not.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        where: Sequence[str | int] = (),
        *,
        retry_seconds: int | None = None,
    ):
        super().__init__(message)
        self.status = status
        self.code = code
        self.where = list(where)
        self.headers = {} if retry_seconds is None else {"retry-after": str(retry_seconds)}

    def body(self) -> bytes:
        """Returns the answer as JSON."""
        return orjson.dumps({"error": {"code": self.code, "message": str(self), "where": self.where}})


def quote(given: object) -> str:
    """Shows a value of a request in an error, only its beginning.

    >>> quote("bm52"), quote(3.5), quote([1, 2])
    ("'bm52'", '3.5', 'an array')
    >>> len(quote("a" * 1000)), len(quote("\\0" * 1000))
    (65, 65)
    """
    if isinstance(given, list | dict):
        return "an array" if isinstance(given, list) else "an object"
    text = repr(given[: SHOWN + 1] if isinstance(given, str) else given)
    return text if len(text) <= SHOWN + 2 else text[: SHOWN + 2] + "..."


def nearest(given: str, known: Collection[str]) -> str:
    """Returns the hint of an error about an unknown name.

    >>> nearest("bm52", ["bm25", "age"])
    "did you mean 'bm25'?"
    """
    near = difflib.get_close_matches(given[:SHOWN], known, n=1, cutoff=0.65)
    return f"did you mean {near[0]!r}?" if near else f"known are {some(map(repr, known)) or 'none'}"
