"""The share of the queries on which a system gains and loses."""

import altair as alt
import numpy as np
from markupsafe import Markup

from plackett.evaluation._significance import EQUAL, TIE
from plackett.evaluation.report._charts import MARKS, Key, chart, data_of
from plackett.evaluation.report._html import count, decimals, isolate, signed, table
from plackett.evaluation.report._material import Material, against
from plackett.evaluation.report._registry import section

BINS = 20  # on each side of 0
OUTCOMES = ("better", "equal", "worse")
COLOURS = ("var(--better)", "var(--equal)", "var(--worse)")


@section("Query by query", place=50)
def differences(material: Material) -> Markup | None:
    """Shows wins, ties and losses, and a histogram of the differences of the first metric for each pair."""
    pairs = material.comparison.pairs
    if not pairs:
        return None
    columns = against(pairs)
    rows = [[pair.metric.partition("[")[0], *columns.cells(pair), *_shares(pair)] for pair in pairs]
    wins = table(
        f"Queries on which a system is better, as good ({TIE}) and worse{columns.words}",
        ["metric", *columns.heads, "better", "equal", "worse"],
        rows,
        numbers=range(1 + len(columns.heads), 4 + len(columns.heads)),
    )
    first = [pair for pair in pairs if pair.metric == material.stated and pair.queries]
    found = [material.comparison.differences(pair.system, pair.metric, pair.baseline) for pair in first]
    reach = max(map(_reach, found), default=0.0)
    return wins + Markup("\n").join(_histogram(material, *each, reach) for each in zip(first, found, strict=True))


def _shares(pair):
    total = max(1, pair.queries)
    return [f"{number:,} ({number / total:.0%})" for number in (pair.wins, pair.ties, pair.losses)]


def _reach(found):
    return float(np.abs(found[~np.isnan(found)]).max(initial=0.0))


def histogram(found: np.ndarray, reach: float | None = None, *, less_is_better: bool = False) -> list[dict]:
    """Puts the differences into bins of one width, the middle one around 0. Outcomes are stacked.

    Args:
        found: the differences; NaN = there is none.
        reach: the largest difference in any histogram beside this one. None = that of these differences.
        less_is_better: whether a difference below 0 is a gain.
    """
    found = found[~np.isnan(found)]
    equal = np.abs(found) <= EQUAL
    width = (reach or _reach(found) or 1.0) / (BINS + 0.5)
    edges = (np.arange(2 * BINS + 2) - BINS - 0.5) * width
    up, down = ("worse", "better") if less_is_better else ("better", "worse")
    members = {"equal": found[equal], up: found[found > EQUAL], down: found[found < -EQUAL]}
    rows, heights = [], np.zeros(len(edges) - 1, "int64")
    for outcome in OUTCOMES:
        counts, _ = np.histogram(np.clip(members[outcome], edges[0], edges[-1]), edges)
        rows += [
            {"low": low, "high": high, "bottom": int(height), "queries": int(number), "outcome": outcome}
            for low, high, height, number in zip(edges[:-1].tolist(), edges[1:].tolist(), heights, counts, strict=True)
            if number
        ]
        heights += counts
    return [row | {"top": row["bottom"] + row["queries"]} for row in rows]


def _histogram(material, pair, found, reach):
    rows = histogram(found, reach, less_is_better=material.less_is_better)
    system, baseline = isolate(pair.system), isolate(pair.baseline)
    domain = [-(reach or 1.0), reach or 1.0]  # the same for all, so that they can be compared
    scale = alt.Scale(domain=list(OUTCOMES), range=list(COLOURS))
    bars = (
        alt.Chart(data_of(rows))
        .mark_rect(stroke="var(--page)", strokeWidth=0.5)
        .encode(
            x=alt.X("low:Q", title=f"difference of {material.metric} on a query", scale=alt.Scale(domain=domain)),
            x2="high:Q",
            y=alt.Y("bottom:Q", title="queries", axis=alt.Axis(format="d", tickMinStep=1)),
            y2="top:Q",
            color=alt.Color("outcome:N", scale=scale, legend=None),
            tooltip=[
                alt.Tooltip("low:Q", title="from", format=".3f"),
                alt.Tooltip("high:Q", title="to", format=".3f"),
                alt.Tooltip("outcome:N"),
                alt.Tooltip("queries:Q"),
            ],
        )
    )
    middle = alt.Chart(data_of([{"at": 0}])).mark_rule(color="var(--text)").encode(x="at:Q")
    return chart(
        bars + middle,
        f"{system} less {baseline}, query by query",
        f"{system} is better on {count(pair.wins, 'query', 'queries')}, equal on {pair.ties:,} and worse on "
        f"{pair.losses:,}; the mean difference is {signed(pair.difference)}.",
        ["from", "to", "outcome", "queries"],
        [[decimals(row["low"], 3), decimals(row["high"], 3), row["outcome"], row["queries"]] for row in rows],
        legend=[Key(name, colour, MARKS["square"]) for name, colour in zip(OUTCOMES, COLOURS, strict=True)],
        height=220,
    )
