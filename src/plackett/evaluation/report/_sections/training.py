"""How the systems learnt, epoch by epoch."""

import math

import altair as alt
from markupsafe import Markup

from plackett.evaluation.report._charts import TIGHT, WHOLE, by_system, chart, data_of, legend_of
from plackett.evaluation.report._html import decimals
from plackett.evaluation.report._material import Material
from plackett.evaluation.report._registry import section


@section("Training", place=30)
def training(material: Material) -> Markup | None:
    """A chart of each quantity of the histories."""
    histories = {name: material.histories[name] for name in material.names if material.histories.get(name)}
    quantities = dict.fromkeys(
        key
        for rows in histories.values()
        for row in rows
        for key, value in row.items()
        if key != "epoch" and math.isfinite(float(value))
    )
    if not quantities:
        return None
    return Markup("\n").join(_chart(material.names, histories, quantity) for quantity in quantities)


def _chart(names, histories, quantity):
    rows = [
        {"system": name, "epoch": int(row["epoch"]), "value": float(row[quantity])}
        for name, history in histories.items()
        for row in history
        if quantity in row
    ]
    base = alt.Chart(data_of(rows)).encode(
        x=alt.X("epoch:Q", title="epoch", axis=WHOLE, scale=TIGHT),
        y=alt.Y("value:Q", title=quantity, scale=alt.Scale(zero=False)),
        tooltip=[
            alt.Tooltip("system:N"),
            alt.Tooltip("epoch:Q"),
            alt.Tooltip("value:Q", title=quantity, format=".4f"),
        ],
    )
    told = by_system(names, shape=True)
    lines = base.mark_line().encode(**by_system(names, dash=True)) + base.mark_point().encode(**told)
    kind = "training loss" if quantity == "loss" else f"{quantity} of the validation lists"
    ends = [
        f"{name} goes from {decimals(float(history[0][quantity]))} to {decimals(float(history[-1][quantity]))}"
        for name, history in histories.items()
        if quantity in history[0] and quantity in history[-1]
    ]
    return chart(
        lines,
        f"{kind[0].upper()}{kind[1:]} by epoch" if quantity == "loss" else f"{kind} by epoch",
        "; ".join(ends) + ".",
        ["system", "epoch", quantity],
        [[row["system"], row["epoch"], decimals(row["value"])] for row in rows],
        legend=[key for key in legend_of(names) if key.name in histories],
    )
