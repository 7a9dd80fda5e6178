"""The lines of LETOR text: their meaning, and what is wrong with them."""

import dataclasses
import math
import re
from collections.abc import Iterable

import numpy as np

from plackett.data._columns import LABEL
from plackett.data._numbers import NUMBER, check_number
from plackett.data._streams import decode_line

DOCUMENT = re.compile(rb"(?<!\S)docid\s*[=:]\s*(\S+)", re.IGNORECASE)
ONLY_DOCUMENT = re.compile(rb"\s*docid\s+([^\s=:]\S*)\s*", re.IGNORECASE)
NAN = ("nan", "+nan", "-nan")


class NoQueryError(ValueError):
    """A line does not name the query of its document."""


class MissingValues:
    """Values that mean missing, in addition to nan.

    >>> missing = MissingValues(["NULL", "1.7976931348623157E308"])
    >>> "null" in missing, "1.79769313486231570e+308" in missing, "-nan" in missing, "0" in missing
    (True, True, True, False)
    """

    def __init__(self, values: Iterable[str | float] = ()) -> None:
        if isinstance(values, str) or not isinstance(values, Iterable):
            raise ValueError(f"missing_values must be a list of strings and numbers, but got {values!r}")
        words = list(map(_word, values))
        self.numbers = sorted({float(word) for word in words if _is_finite(word)})
        self.texts = sorted({word.lower() for word in words if not _is_finite(word)} - {*NAN})

    def __bool__(self) -> bool:
        return bool(self.numbers or self.texts)

    def __contains__(self, text: str) -> bool:
        """Is it one of them, as text ignoring case or as a number?"""
        lower = text.lower()
        return lower in NAN or lower in self.texts or (_is_finite(text) and float(text) in self.numbers)


def _word(value):
    """A value that means missing, in the form of a line."""
    word = str(value)
    if not isinstance(value, str | int | float) or isinstance(value, bool) or word.split() != [word] or "#" in word:
        raise ValueError(f"a missing value must be a number, or a string without white space and #, but got {value!r}")
    return word


def _is_finite(text):
    return bool(NUMBER.fullmatch(text)) and math.isfinite(float(text))


@dataclasses.dataclass(frozen=True)
class Layout:
    """The form of the lines of a file.

    Args:
        features: the number of features.
        first: the number of the first feature, 0 or 1.
        has_queries: whether each line has a `qid:`.
        missing: the values that mean missing.
        comment_ids: whether the first word of each comment is the id of the document.
    """

    features: int
    first: int = 1
    has_queries: bool = True
    missing: MissingValues = dataclasses.field(default_factory=MissingValues)
    comment_ids: bool = False


def document_id(comment: bytes, layout: Layout) -> str | None:
    """The id of the document in the comment of a line, or None."""
    if named := DOCUMENT.search(comment) or ONLY_DOCUMENT.fullmatch(comment):
        return named.group(1).decode(errors="replace")
    words = comment.split(maxsplit=1) if layout.comment_ids else []
    return words[0].decode(errors="replace") if words else None


def parse_line(line: bytes, layout: Layout) -> tuple[str, str, list[int], list[str]] | None:
    """(label, query, feature numbers, feature values as text) of one line; None if it holds no document.

    The query is empty if the lines have none. A missing value is nan.

    Raises:
        ValueError: the line is malformed; the error says what is wrong with it.
    """
    decode_line(line)
    content, _, comment = line.partition(b"#")
    tokens = [token.decode() for token in content.split()]  # separated by ASCII white space only
    if not tokens:
        return None
    if tokens[0].startswith("qid:"):
        raise ValueError(
            "a line must begin with the label: for documents without one, such as documents to be ranked, write 0"
        )
    if content.count(b",") > 1 and b":" not in content:
        raise ValueError("this looks like CSV: use form='csv' (--format csv on the command line)")
    if not 0 <= np.float32(check_number(tokens[0], "the label")) <= LABEL.highest:
        raise ValueError(f"the label must be {LABEL.words}, but got {tokens[0]}")
    query = _query(tokens, layout, bool(comment))
    columns: list[int] = []
    values = []
    for token in tokens[1 + layout.has_queries :]:
        column, value = _feature(token, layout)
        if columns and column <= columns[-1]:
            raise ValueError(f"feature numbers must be ascending, but {column} follows {columns[-1]}")
        columns.append(column)
        values.append(value)
    if columns and columns[-1] >= layout.features + layout.first:
        last = "" if layout.first else ", of which the first is 0"
        raise ValueError(f"feature {columns[-1]} is above the number of features, {layout.features}{last}")
    if layout.comment_ids and document_id(comment, layout) is None:
        raise ValueError("there must be a comment with the id of the document, since comment_ids=True (--comment-ids)")
    return tokens[0], query, columns, values


def _query(tokens, layout, has_comment):
    second = tokens[1] if len(tokens) > 1 else "nothing"
    if not layout.has_queries:
        if second.startswith("qid:"):
            option = "leave out group_file (--group-file on the command line)"
            raise ValueError(f"there is {second!r}, but queries come from the file of group sizes: {option}")
        return ""
    if not second.startswith("qid:"):
        raise NoQueryError(f"the second field must be qid:ID, but got {second!r}")
    if second == "qid:":
        raise ValueError(f"the second field must be qid:ID, but got 'qid:'{'; a comment begins at #' * has_comment}")
    return second[4:]


def _feature(token, layout):
    """(number, value) of a field, NUMBER:VALUE."""
    name, colon, value = token.partition(":")
    is_number = colon and name.isascii() and name.isdecimal()
    column = int(name.lstrip("0")[:10] or 0) if is_number else -1
    if not is_number or column < layout.first or column >= 10**9:
        advice = "; if the numbers begin at 0, use zero_based=True (--zero-based on the command line)"
        advice = advice if column == 0 else ""
        raise ValueError(f"a feature must be NUMBER:VALUE with NUMBER >= {layout.first}, but got {token!r}{advice}")
    if value in layout.missing:
        return column, "nan"
    try:
        return column, check_number(value, f"feature {column}")
    except ValueError as error:
        option = f"missing_values=[{value!r}] (--missing-value {value} on the command line)"
        advice = f"; if this means missing, use {option}" if value else ""
        raise ValueError(f"{error}{advice}") from None
