"""CSV fields as numbers, and as the types that they look like."""

import re
from collections.abc import Sequence

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from plackett.data._documents import first_misfit

MISSING = ("", "na", "nan", "null")  # without case
BOOLEANS = {"true": "1", "false": "0"}
TYPES = {pa.int32(): pl.Int32, pa.int64(): pl.Int64, pa.float32(): pl.Float32, pa.float64(): pl.Float64}


class Fields:
    """How the fields of a file are read.

    >>> fields = Fields(",", ["-9"])
    >>> numbers, wrong = fields.numbers(pa.array(["1,5", "NA", "-9,0", "True", "cheap"]), pa.float32())
    >>> numbers.to_pylist(), wrong.tolist()
    ([1.5, None, None, 1.0, None], [4])

    Args:
        decimal: the decimal point.
        missing_values: words that mean missing, in addition to `MISSING`. They are compared as text, ignoring case, and
            as numbers.

    Raises:
        ValueError: `decimal` is not "." or ",", or `missing_values` is not a sequence of words.
    """

    def __init__(self, decimal: str = ".", missing_values: Sequence[str] = ()) -> None:
        if decimal not in (".", ","):
            raise ValueError(f"decimal must be '.' or ',', but got {decimal!r}")
        if isinstance(missing_values, str) or not all(isinstance(word, str | int | float) for word in missing_values):
            raise ValueError(f"missing_values must be a sequence of words, but got {missing_values!r}")
        words = [str(word).strip().lower() for word in missing_values]
        self.decimal, self.missing = decimal, [*MISSING, *words]
        self.missing_numbers = [number for word in words if (number := _float(word.replace(decimal, "."))) is not None]

    def numbers(self, texts: pa.Array, kind: pa.DataType) -> tuple[pa.Array, np.ndarray]:
        """(the numbers, null = missing; the rows that are neither)."""
        of = TYPES[kind]
        column = pl.Series(pl.from_arrow(texts))
        values = self._cast(column, of)
        wrong = np.zeros(0, "int64")
        if values.null_count():
            rows = values.is_null().arg_true()
            words = column.gather(rows).str.strip_chars().str.to_lowercase()
            again = self._cast(words.replace(BOOLEANS), of)
            values = values.scatter(rows, again)
            wrong = rows.filter(again.is_null() & ~words.is_in(self.missing)).to_numpy().astype("int64")
        if of in (pl.Float32, pl.Float64):
            values = values.fill_nan(None)
        for number in self.missing_numbers:
            if of in (pl.Float32, pl.Float64) or number == int(number):
                values = values.set(values == number, None)
        return values.to_arrow(), wrong

    def _cast(self, column, of):
        if self.decimal == ",":  # here a point is not part of a number
            column = column.str.replace_all(".", "x", literal=True).str.replace_all(",", ".", literal=True)
        return column.cast(of, strict=False)

    def decimal_hint(self, text: str) -> str:
        """Advice for a number with another decimal point; empty if it is not one."""
        if not re.fullmatch(r"\s*[-+]?\d*([.,]\d+)+(e[-+]?\d+)?\s*", text, re.IGNORECASE):
            return ""
        if self.decimal == ",":
            return "; with decimal=',' a point is not part of a number"
        return (
            "; if commas are decimal points, use decimal=',' (--decimal , on the command line); commas between "
            "thousands are not allowed"
        )

    def hint(self, text: str) -> str:
        """Advice for a field that is not a number, or an empty string."""
        if any(letter.isdigit() for letter in text):
            return self.decimal_hint(text)
        return f"; if this means missing, use missing_values=[{text!r}] (--missing-value on the command line)"

    def is_missing(self, texts: pa.Array) -> pa.Array:
        """Whether each field is a word that means missing."""
        return pc.is_in(pc.utf8_lower(pc.utf8_trim_whitespace(texts)), pa.array(self.missing))

    def find_type(self, texts: pa.Array) -> pa.DataType:
        """The common type of the fields: whole numbers, numbers, dates, times, or else text."""
        missing = self.is_missing(texts)
        if pc.all(missing).as_py():
            return pa.string()
        for kind in (pa.int64(), pa.float64()):
            if not len(self.numbers(texts, kind)[1]):
                return kind
        known = texts.filter(pc.invert(missing))
        for kind in (pa.date32(), pa.timestamp("us")):
            if first_misfit(known, kind) is None:
                return kind
        return pa.string()

    def values(self, texts: pa.Array, kind: pa.DataType) -> tuple[pa.Array, np.ndarray]:
        """(the values in the type of `find_type`, null = missing; the rows of other values)."""
        if kind in TYPES:
            return self.numbers(texts, kind)
        if kind == pa.string():
            return texts, np.zeros(0, "int64")
        texts = pc.if_else(self.is_missing(texts), None, texts)
        row = first_misfit(texts, kind)
        if row is None:
            return pc.cast(texts, kind), np.zeros(0, "int64")
        return pa.nulls(len(texts), kind), np.array([row])


def _float(word):
    try:
        number = float(word)
    except ValueError:
        return None
    return None if np.isnan(number) or np.isinf(number) else number
