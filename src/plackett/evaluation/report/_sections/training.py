"""How the systems learnt, epoch by epoch."""

import math

import altair as alt
from markupsafe import Markup

from plackett.evaluation.report._charts import TIGHT, by_system, chart, data_of, legend_of, whole
from plackett.evaluation.report._html import decimals, isolate
from plackett.evaluation.report._material import Material
from plackett.evaluation.report._registry import section


@section("Training", place=30)
def training(material: Material) -> Markup | None:
    """Draws a chart of the loss for each system, since the scales of losses differ, and one of each metric for all."""
    histories = {name: material.histories[name] for name in material.names if material.histories.get(name)}
    metrics = {key: None for rows in histories.values() for row in rows for key in row if key not in ("epoch", "loss")}
    charts = [
        _chart(material.names, {name: rows}, "loss", f"{isolate(name)}: training loss by epoch", height=160)
        for name, rows in histories.items()
        if _is_told(rows, "loss")
    ]
    panels = [Markup('<div class="panels">{}</div>').format(Markup("\n").join(charts))] if charts else []
    for metric in metrics:
        told = {name: rows for name, rows in histories.items() if _is_told(rows, metric)}
        if told:
            panels.append(_chart(material.names, told, metric, f"{isolate(metric)} of the validation lists by epoch"))
    return Markup("\n").join(panels) if panels else None


def _is_told(rows, quantity):
    """Whether any epoch has a value of it."""
    return any(math.isfinite(float(row.get(quantity, math.nan))) for row in rows)


def _chart(names, histories, quantity, title, height=280):
    rows = [
        {"system": name, "place": names.index(name), "epoch": int(row["epoch"]), "value": float(row[quantity])}
        for name, history in histories.items()
        for row in history
        if quantity in row
    ]
    base = alt.Chart(data_of(rows)).encode(
        x=alt.X("epoch:Q", title="epoch", axis=whole([row["epoch"] for row in rows]), scale=TIGHT),
        y=alt.Y("value:Q", title="loss" if quantity == "loss" else f"mean {quantity}", scale=alt.Scale(zero=False)),
        tooltip=[
            alt.Tooltip("system:N"),
            alt.Tooltip("epoch:Q"),
            alt.Tooltip("value:Q", format=".4f"),
        ],
    )
    told = by_system(names, shape=True)
    lines = base.mark_line().encode(**by_system(names, dash=True)) + base.mark_point().encode(**told)
    ends = [
        f"{isolate(name)} goes from {decimals(float(history[0][quantity]))} to {decimals(float(history[-1][quantity]))}"
        for name, history in histories.items()
        if quantity in history[0] and quantity in history[-1]
    ]
    return chart(
        lines,
        title,
        "; ".join(ends) + ".",
        ["system", "epoch", quantity],
        [[row["system"], row["epoch"], decimals(row["value"])] for row in rows],
        legend=[key for key in legend_of(names) if key.name in histories],
        height=height,
    )
