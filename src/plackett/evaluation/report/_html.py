"""Pieces of HTML. Whatever comes from data is escaped, here and in the templates."""

import functools
import json
import math
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

import jinja2
from markupsafe import Markup

# `<` and similar characters begin tags, also in a script; the separators end lines in old JavaScript.
UNSAFE = {ord(x): f"\\u{ord(x):04x}" for x in "<>&'\u2028\u2029"}
TURNS = {"R", "AL", "AN", "RLE", "RLO", "LRE", "LRO", "RLI", "LRI", "FSI", "PDF", "PDI"}  # characters that turn text
NONE, MINUS = "\u2013", "\u2212"  # a dash, and the minus sign that is as wide as a plus


def render(template: str, loader: jinja2.BaseLoader | None = None, **context: Any) -> Markup:
    """Fills in a Jinja2 template. All values except `Markup` are escaped.

    >>> from plackett.evaluation.report import render
    >>> render("who", jinja2.DictLoader({"who": "<b>{{ name }}</b>"}), name="<script>")
    Markup('<b>&lt;script&gt;</b>')

    Args:
        template: the name of the template.
        loader: loads the template. None = a template of plackett.
        context: the values. An undefined name raises an error.
    """
    return Markup(_environment(loader).get_template(template).render(context))


@functools.lru_cache(4)
def _environment(loader):
    environment = jinja2.Environment(
        loader=loader or jinja2.PackageLoader("plackett.evaluation.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["isolate"] = isolate
    return environment


def table(
    caption: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, numbers: Iterable[int] = ()
) -> Markup:
    """Makes a table whose first column names the subject of each row.

    >>> print(table("Means", ["system", "ndcg"], [["<a>", "0.5000"]], numbers=[1]).count("&lt;a&gt;"))
    1

    Args:
        caption: what the table shows.
        columns: the headings.
        rows: one cell a column. Cells that are not text are converted by `str`.
        numbers: the positions of the columns that hold numbers, which are aligned right.
    """
    return render("table.html", caption=caption, columns=columns, rows=list(rows), numbers=set(numbers))


def script_of(data: Any, name: str) -> Markup:
    """Returns data as JSON in a script element that is not run and that no text can break out of."""
    return Markup('<script type="application/json" class="{}">{}</script>').format(name, Markup(to_json(data)))


def to_json(data: Any) -> str:
    """Returns JSON without characters that are special in HTML."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False).translate(UNSAFE)


def isolate(name: str) -> str:
    """Isolates a name from data in a sentence, so that a name written from right to left cannot reorder the sentence.

    >>> isolate("bm25"), isolate("\\u202ebm25") == "\\u2068\\u202ebm25\\u2069"
    ('bm25', True)
    """
    turns = any(unicodedata.bidirectional(x) in TURNS for x in name)
    return f"\u2068{name}\u2069" if turns else name


def decimals(value: float, digits: int = 4) -> str:
    """Shows a number with a fixed number of decimals; a dash if it is NaN.

    >>> decimals(0.5), decimals(-0.00001), decimals(float("nan")) == NONE
    ('0.5000', '0.0000', True)
    """
    if not math.isfinite(value):
        return NONE
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text


def signed(value: float, digits: int = 4) -> str:
    """Shows a difference with its sign.

    >>> signed(0.25), signed(-0.25) == f"{MINUS}0.2500", signed(0.0)
    ('+0.2500', True, '0.0000')
    """
    text = decimals(abs(value), digits)
    if text == NONE or float(text) == 0:
        return text
    return ("+" if value > 0 else MINUS) + text


def between(low: float, high: float, form: Any = decimals) -> str:
    """Shows an interval.

    >>> between(0.25, 0.5)
    '[0.2500, 0.5000]'
    """
    return f"[{form(low)}, {form(high)}]" if math.isfinite(low) and math.isfinite(high) else NONE


def p_value(p: float) -> str:
    """Shows a p-value; a small one as a bound.

    >>> p_value(0.0421), p_value(0.0004)
    ('0.042', '< 0.001')
    """
    if not math.isfinite(p):
        return NONE
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def count(number: int, one: str, many: str | None = None) -> str:
    """Shows a number with its noun.

    >>> count(1, "query", "queries"), count(1200, "query", "queries")
    ('1 query', '1,200 queries')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def or_none(values: Any, digits: int = 4) -> list:
    """Rounds numbers for JSON. NaN and infinite values become None."""
    return [round(float(x), digits) if math.isfinite(x) else None for x in values]
