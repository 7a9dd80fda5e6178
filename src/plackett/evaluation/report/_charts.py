"""Charts as Vega-Lite specs, checked by Altair, in the colours of the page."""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import altair as alt
from markupsafe import Markup

from plackett.evaluation.report._html import render, script_of, table

# Colours are names of the style sheet, so that one drawing serves light, dark and print. Systems also differ by shapes
# and dashes. From the ninth system on, the first colours are used again, with other shapes and dashes.
COLOURS = [f"var(--series-{number})" for number in range(1, 9)]
DASHES = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [12, 4], [3, 5], [10, 3, 3, 3, 3, 3], [1, 4]]
SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left"]
FONT = "system-ui, sans-serif"
# The shapes as SVG paths around (14, 6), for legends.
MARKS = {
    "circle": "M10 6a4 4 0 1 0 8 0a4 4 0 1 0-8 0",
    "square": "M10.5 2.5h7v7h-7z",
    "triangle-up": "M14 1.5l4.5 8h-9z",
    "diamond": "M14 1l4 5-4 5-4-5z",
    "cross": "M12.5 2h3v2.5H18v3h-2.5V10h-3V7.5H10v-3h2.5z",
    "triangle-down": "M14 10.5l-4.5-8h9z",
    "triangle-right": "M18.5 6l-8-4.5v9z",
    "triangle-left": "M9.5 6l8-4.5v9z",
}
QUIET = {
    "labelColor": "var(--text)",
    "titleColor": "var(--text)",
    "labelFont": FONT,
    "titleFont": FONT,
    "labelFontSize": 12,
    "titleFontSize": 12,
    "titleFontWeight": "normal",
}
CONFIG: dict[str, Any] = {
    "background": "transparent",
    # The element around a chart has its description. The descriptions that Vega-Lite makes are expressions of titles,
    # which may hold names from data.
    "aria": False,
    "padding": {"left": 2, "top": 5, "right": 24, "bottom": 5},  # room for half of the last tick label on the right
    "font": FONT,
    "view": {"stroke": "transparent"},
    "axis": QUIET | {"gridColor": "var(--line)", "domainColor": "var(--muted)", "tickColor": "var(--muted)"},
    # About one tick in 90 pixels, also on a phone.
    "axisXQuantitative": {"labelFlush": False, "tickCount": {"expr": "ceil(width / 90)"}},
    "bar": {"color": COLOURS[0]},
    "point": {"size": 50, "filled": True},
    "line": {"strokeWidth": 2},
    "rule": {"color": "var(--muted)"},
}

TICKS = 10  # at most, on an axis of whole numbers
TIGHT = alt.Scale(zero=False, nice=False)  # from the first value to the last


class Key(NamedTuple):
    """An entry of a legend: its name, its colour, its mark as an SVG path, and the dashes of its line.

    No dashes = it has no line.
    """

    name: str
    colour: str
    mark: str
    dashes: Sequence[int] = ()


def chart(
    spec: Any,
    title: str,
    describe: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    legend: Sequence[Key] = (),
    height: int = 280,
) -> Markup:
    """Draws a chart as wide as the page, with a description in words and its numbers in a table that opens.

    >>> import altair as alt
    >>> bars = alt.Chart(alt.Data(values=[{"x": 1, "y": 2}])).mark_bar().encode(x="x:Q", y="y:Q")
    >>> "<figure" in chart(bars, "Sizes", "One bar of height 2.", ["x", "y"], [[1, 2]])
    True

    Args:
        spec: a chart of Altair. Its fields and the titles of its tooltips must be our own words. Names from data may be
            values, domains, and parts of axis titles. `sort` and tooltips become expressions, which some names break.
            Stacks are kept by name, so a bar has `stack=None`.
        title: the title above the chart.
        describe: what the chart shows, for readers who cannot see it.
        columns: the headings of the table.
        rows: the cells of the table.
        legend: what the looks stand for, see `legend_of`. A legend with a single key is left out.
        height: the height of the plot in pixels.
    """
    spec = spec.properties(width="container", height=height, autosize={"type": "fit-x", "contains": "padding"})
    numbers = table(f"The numbers of the chart: {title}", columns, rows, numbers=range(1, len(columns)))
    data = script_of(spec.configure(**CONFIG).to_dict(), "spec")
    return render("chart.html", title=title, describe=describe, spec=data, numbers=numbers, legend=legend)


def legend_of(systems: Sequence[str]) -> list[Key]:
    """The legend of a chart that distinguishes systems by `by_system`."""
    looks = zip(systems, map(_look, range(len(systems))), strict=True)
    return [Key(name, colour, MARKS[shape], dashes) for name, (colour, shape, dashes) in looks]


def _look(place):
    """The (colour, shape, dashes) of a system by its position. 64 systems differ in the colour or in the other two."""
    turn = (place + place // len(COLOURS)) % len(SHAPES)
    return COLOURS[place % len(COLOURS)], SHAPES[turn], DASHES[turn]


def by_system(systems: Sequence[str], *, shape: bool = False, dash: bool = False) -> dict[str, Any]:
    """The encodings that distinguish systems by the field `place`. Each system looks the same in all charts."""
    places = list(range(len(systems)))
    colours, shapes, dashes = (list(x) for x in zip(*map(_look, places), strict=True))

    def scale(values):
        return alt.Scale(domain=places, range=values)

    # The legend is HTML, so that its lines can break on a phone.
    encodings: dict[str, Any] = {"color": alt.Color("place:N", scale=scale(colours), legend=None)}
    if shape:
        encodings["shape"] = alt.Shape("place:N", scale=scale(shapes), legend=None)
    if dash:
        encodings["strokeDash"] = alt.StrokeDash("place:N", scale=scale(dashes), legend=None)
    return encodings


def whole(numbers: Sequence[int]) -> alt.Axis:
    """An axis of ranks or epochs with ticks at whole numbers only, including the first.

    >>> whole(range(1, 3)).to_dict()["values"], whole(range(1, 101)).to_dict()["values"][:3]
    ([1, 2], [1, 10, 20])
    """
    first, last = min(numbers), max(numbers)
    steps = (factor * 10**power for power in range(16) for factor in (1, 2, 5))
    step = next(step for step in steps if (last - first) // step <= TICKS)
    return alt.Axis(format="d", values=[first, *(x for x in range(first + 1, last + 1) if x % step == 0)])


def data_of(rows: Iterable[dict]) -> alt.Data:
    """Turns rows into the data of a chart. NaN and infinite values are missing, and a line has a gap there."""
    return alt.Data(values=[{name: _finite(value) for name, value in row.items()} for row in rows])


def _finite(value):
    return None if isinstance(value, float) and not math.isfinite(value) else value
