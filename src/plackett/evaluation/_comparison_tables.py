"""Shows a comparison as tables and sentences, in plain text and in HTML."""

import html
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from plackett.evaluation._bootstrap import method_of_intervals
from plackett.evaluation._significance import TIE

if TYPE_CHECKING:
    from plackett.evaluation._comparison import Comparison

ALL = "all"  # the baseline that compares each pair of systems
STYLE = "text-align: right; padding: 0.2em 0.7em; white-space: nowrap"
STYLE_OF_NAMES = "text-align: left; padding: 0.2em 0.7em"


class Table(NamedTuple):
    """A table whose first `names` columns hold names, aligned left. Numbers are aligned right."""

    title: str
    names: int
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]


def as_text(comparison: "Comparison") -> str:
    """The tables and captions in lines of text."""
    return "\n\n".join([*map(text_of, _tables(comparison)), "\n".join(comparison.captions)])


def as_html(comparison: "Comparison") -> str:
    """The tables and captions for a notebook. Names from users are escaped."""
    sentences = [f"<p>{html.escape(sentence)}</p>" for sentence in comparison.captions]
    return "\n".join(['<div style="overflow-x: auto">', *map(html_of, _tables(comparison)), *sentences, "</div>"])


def captions(comparison: "Comparison") -> tuple[str, ...]:
    """Says in whole sentences how systems were compared, what this data could show and what to know about it."""
    c = comparison
    sentences = [f"In brackets: {method_of_intervals(c.confidence, c.resamples, c.seed)}."]
    if c.pairs:
        than = "the other" if c.baseline == ALL else c.baseline
        tests = len(c.pairs) // len(c.metrics)
        corrected = f", after Holm's correction over the {tests} comparisons of each metric," if tests > 1 else ""
        sentences += [
            f"better, worse: than {than}, where the p-value of the paired randomisation test (two-sided, "
            f"{c.permutations:,} permutations or all where there are fewer, seed {c.seed}){corrected} is at most "
            f"{c.level:g}.",
            "effect: Cohen's d of the differences, their mean divided by their standard deviation, with its "
            f"{100 * c.confidence:g}% interval from the noncentral t distribution. "
            f"wins, ties, losses: in queries; values tie {TIE}.",
        ]
    sentences += [sentence for metric in c.metrics for sentence in _of_metric(c, metric)]
    return (*sentences, *notes(c))


def notes(comparison: "Comparison") -> list[str]:
    """The notes of the results, except those on metrics that are not compared."""
    results = comparison.results
    compared = {results.metrics[results.stated.index(metric)] for metric in comparison.metrics}
    # Only notes on weights are about a metric; a system may have the name of a metric.
    others = tuple(f"{metric} weighs queries " for metric in results.metrics if metric not in compared)
    return [note for note in results.notes if not note.startswith(others)]


def _of_metric(c, metric):
    """Facts that a reader needs about one metric."""
    if c.results.less_is_better[c.results.stated.index(metric)]:
        yield f"{metric}: less is better."
    queries = {mean.system: mean.queries for mean in c.means if mean.metric == metric}
    if set(queries.values()) != {len(c.results.queries)}:
        yield f"{metric}: of {len(c.results.queries):,} queries {_range(queries.values(), ',')} count."
    pairs = [pair for pair in c.pairs if pair.metric == metric]
    for pair in pairs:
        if alone := queries[pair.system] + queries[pair.baseline] - 2 * pair.queries:
            yield (
                f"{metric}: {alone:,} queries count for only one of {pair.system} and {pair.baseline}, and are left "
                "out of their comparison."
            )
    if known := [pair for pair in pairs if not math.isnan(pair.detectable)]:
        yield (
            f"{metric}: the smallest difference that {_range((pair.queries for pair in known), ',')} queries could "
            f"show with power {c.power:g}: {_range((pair.detectable for pair in known), '.4f')} (a paired t-test at "
            f"{c.level:g}{', before correction' if len(pairs) > 1 else ''})."
        )


def _tables(c):
    """The table of the means, and the table of the pairs if there are any."""
    means = {(mean.metric, mean.system): mean for mean in c.means}
    verdicts = {(pair.metric, pair.system): c.verdict(pair) for pair in c.pairs if pair.baseline == c.baseline}
    rows = [
        (system, *(_mean(means[metric, system], verdicts.get((metric, system), "")) for metric in c.metrics))
        for system in c.results.systems
    ]
    yield Table("Means", 1, ("system", *c.metrics), rows)
    if c.pairs:
        header = ("metric", "system", "against", "verdict", "difference", "effect", "p", "p (t-test)")
        header += ("p (Holm)", "wins", "ties", "losses", "could show")
        yield Table("Differences", 4, header, [_pair(c, pair) for pair in c.pairs])


def _mean(mean, word):
    return f"{word} {_number(mean.mean)} {_interval(mean.low, mean.high)}".lstrip()


def _pair(c, pair):
    return (
        pair.metric,
        pair.system,
        pair.baseline,
        c.verdict(pair),
        f"{_number(pair.difference, '+')} {_interval(pair.low, pair.high, '+')}",
        f"{_number(pair.effect, '+', 2)} {_interval(pair.effect_low, pair.effect_high, '+', 2)}",
        *map(p_in_digits, (pair.p_randomisation, pair.p_t_test, pair.p_holm)),
        *(f"{count:,}" for count in (pair.wins, pair.ties, pair.losses)),
        _number(pair.detectable),
    )


def _number(value, sign="", digits=4):
    return "-" if math.isnan(value) else f"{value:{sign}.{digits}f}"


def _interval(low, high, sign="", digits=4):
    return "[-]" if math.isnan(low) else f"[{low:{sign}.{digits}f}, {high:{sign}.{digits}f}]"


def p_in_digits(value: float) -> str:
    """A p-value with four digits."""
    return "<0.0001" if value < 0.0001 else _number(value)


def _range(numbers: Iterable[float], form: str) -> str:
    """ "5", or "5 to 7"."""
    numbers = list(numbers)
    return " to ".join(dict.fromkeys(f"{number:{form}}" for number in (min(numbers), max(numbers))))


def text_of(table: Table) -> str:
    """Returns a table as lines of text with aligned columns."""
    lines = [table.header, *table.rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    aligned = [
        "  ".join(
            cell.ljust(width) if place < table.names else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]
    return "\n".join([table.title, *(line.rstrip() for line in aligned)])


def html_of(table: Table) -> str:
    """Returns a table in HTML, escaped. Its names are the headings of its rows."""
    head = "".join(_cell("th", name, "col", place < table.names) for place, name in enumerate(table.header))
    body = [
        "<tr>" + "".join(_cell("th" if i < 1 else "td", cell, "row", i < table.names) for i, cell in enumerate(row))
        for row in table.rows
    ]
    rows = "\n".join(f"{row}</tr>" for row in body)
    caption = f'<caption style="text-align: left">{html.escape(table.title)}</caption>'
    return f"<table>{caption}\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table>"


def _cell(tag, text, scope, is_name):
    scope = f' scope="{scope}"' if tag == "th" else ""
    return f'<{tag}{scope} style="{STYLE_OF_NAMES if is_name else STYLE}">{html.escape(text)}</{tag}>'
