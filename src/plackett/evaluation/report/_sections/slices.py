"""The means over parts of the queries."""

import math

import altair as alt
import numpy as np
from markupsafe import Markup

from plackett.data import Strings
from plackett.evaluation._slices import Slice, slices
from plackett.evaluation.report._charts import by_system, chart, data_of, legend_of
from plackett.evaluation.report._html import between, decimals, isolate
from plackett.evaluation.report._material import Material
from plackett.evaluation.report._registry import section

WORDS = {"list_size": "number of documents", "relevant": "number of relevant documents"}
ROW = 16  # pixels for each system and slice


@section("Slices", place=60)
def by_slice(material: Material) -> Markup | None:
    """Draws a chart for each fact that divides the queries."""
    charts = []
    for name, column in material.results.facts.items():
        if not parts(column):
            continue
        found = slices(material.results, name, seed=material.seed)
        of_metric = [one for one in found if one.metric == material.stated]
        if any(one.queries for one in of_metric):
            charts.append(_chart(material, name, of_metric))
    return Markup("\n").join(charts) if charts else None


def parts(column: np.ndarray | Strings) -> bool:
    """Whether a column divides the queries into parts of more than one query."""
    if isinstance(column, Strings):
        different = len(np.unique(column.ranks()))
        return 1 < different <= len(column) / 2
    return column.ndim == 1 and len(np.unique(column)) > 1


def _chart(material: Material, by: str, found: list[Slice]) -> Markup:
    queries = {one.name: max(x.queries for x in found if x.name == one.name) for one in found}
    found = [one for one in found if queries[one.name]]
    queries = {name: number for name, number in queries.items() if number}
    labels = {name: f"{name}  ({number:,})" for name, number in queries.items()}
    rows = [
        {
            "slice": labels[one.name],
            "system": one.system,
            "place": material.names.index(one.system),
            "mean": one.mean,
            "low": one.low,
            "high": one.high,
        }
        for one in found
    ]
    words = WORDS.get(by, by)
    told = by_system(material.names, shape=True)
    scale = alt.Scale(zero=False)
    title = f"mean {material.metric}"
    base = alt.Chart(data_of(rows)).encode(
        y=alt.Y(
            "slice:N",
            title=None,
            axis=alt.Axis(labelLimit=150, grid=True, bandPosition=0, tickBand="extent"),
            scale=alt.Scale(domain=list(labels.values()), paddingInner=0.3, paddingOuter=0.15),
        ),
        yOffset=alt.YOffset("place:O"),
        tooltip=[
            alt.Tooltip("slice:N"),
            alt.Tooltip("system:N"),
            alt.Tooltip("mean:Q", format=".4f"),
            alt.Tooltip("low:Q", format=".4f"),
            alt.Tooltip("high:Q", format=".4f"),
        ],
    )
    lines = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("low:Q", title=title, scale=scale), x2="high:Q", color=told["color"]
    )
    points = base.mark_point(size=60, opacity=1).encode(x=alt.X("mean:Q", title=title, scale=scale), **told)
    return chart(
        lines + points,
        f"Mean {material.metric} by {isolate(words)} (in brackets: queries)",
        "; ".join(_range(name, [x.mean for x in found if x.system == name]) for name in material.names) + ".",
        [words, "system", "queries", "mean", "interval"],
        [[x.name, x.system, f"{x.queries:,}", decimals(x.mean), between(x.low, x.high)] for x in found],
        legend=legend_of(material.names),
        height=len(queries) * (14 + ROW * len(material.names)),
    )


def _range(name, means):
    """Says from which mean to which a system goes over the parts."""
    known = [mean for mean in means if math.isfinite(mean)]
    return f"{isolate(name)}: {decimals(min(known))} to {decimals(max(known))}" if known else f"{isolate(name)}: none"
