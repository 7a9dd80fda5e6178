"""Position bias as a section of a report."""

from markupsafe import Markup

from plackett.clicks.propensities._bootstrap import LEVEL
from plackett.clicks.propensities._curve import Propensities
from plackett.clicks.propensities._plot import layers
from plackett.evaluation.report import Material, Section, chart
from plackett.evaluation.report._charts import COLOURS
from plackett.evaluation.report._html import between, decimals, isolate


def section_of(curve: Propensities) -> Section:
    """Makes the section: the curve, how it was found, and its notes."""
    return Section("Position bias", 45, lambda material: _build(material, curve))


def _build(material: Material, curve: Propensities) -> Markup:
    rows = [
        [place + 1, decimals(value), *([between(*ends)] if ends else [])]
        for place, (value, *ends) in enumerate(curve.rows())
    ]
    first, last = rows[0][1], rows[-1][1]
    drawn = chart(
        layers(curve, COLOURS[0]),
        f"How often users look at each position, by {isolate(curve.method)}",
        f"Examination goes from {first} at position 1 to {last} at position {len(rows)}.",
        ["position", "examination", *([] if curve.low is None else [f"{LEVEL:.0%} band"])],
        rows,
    )
    notes = [Markup("<p>{}.</p>").format(note) for note in curve.notes]
    return Markup("\n").join([drawn, *notes])
