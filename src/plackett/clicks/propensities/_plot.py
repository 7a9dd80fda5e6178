"""The chart of a curve of examination."""

import altair as alt

from plackett.clicks.propensities._bootstrap import LEVEL
from plackett.clicks.propensities._curve import Propensities

COLOUR = "#1b6ca8"


def plot(curve: Propensities) -> alt.LayerChart:
    """Draws the curve and its band as a chart of its own."""
    return layers(curve, COLOUR).properties(title=f"Examination by {curve.method}", width=480, height=280)


def layers(curve: Propensities, colour: str) -> alt.LayerChart:
    """Draws the layers of the curve and its band."""
    rows = [
        {"position": place + 1, "examination": value, **dict(zip(("low", "high"), ends, strict=False))}
        for place, (value, *ends) in enumerate(curve.rows())
    ]
    positions = alt.X("position:Q", title="position", axis=alt.Axis(format="d", tickMinStep=1), scale=_tight(len(rows)))
    tooltip = [alt.Tooltip(f"{name}:Q", format=".4f") for name in rows[0] if name != "position"]
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=positions,
        y=alt.Y("examination:Q", title=f"examination{'' if curve.low is None else f', with its {LEVEL:.0%} band'}"),
        tooltip=[alt.Tooltip("position:Q"), *tooltip],
    )
    line, points = base.mark_line(color=colour), base.mark_point(color=colour, filled=True)
    if curve.low is None:
        return line + points
    band = base.mark_area(color=colour, opacity=0.25).encode(y=alt.Y("low:Q"), y2="high:Q")
    return band + line + points


def _tight(number):
    """A scale from the first position to the last; with some room around a single position."""
    return alt.Scale(domain=[1, max(number, 2)], nice=False)
