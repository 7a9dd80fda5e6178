"""The metrics of the systems, with intervals and marks of significance."""

import altair as alt
from markupsafe import Markup

from plackett.evaluation.report._charts import by_system, chart, data_of, legend_of
from plackett.evaluation.report._html import between, decimals, isolate, p_value, render, signed
from plackett.evaluation.report._material import Material, against
from plackett.evaluation.report._registry import section

MARKS = {"better": "▲", "worse": "▼"}
ROW = 34  # pixels for each system
LONG = 22  # characters


@section("Metrics", place=20)
def metrics(material: Material) -> Markup:
    """Shows the means, a chart of the first metric, and the tests."""
    comparison = material.comparison
    columns = against(comparison.pairs)
    return render(
        "metrics.html",
        metrics=[stated.partition("[")[0] for stated in comparison.metrics],
        rows=[(name, [_cell(material, name, stated) for stated in comparison.metrics]) for name in material.names],
        baseline=material.baseline if comparison.pairs else None,
        captions=[told for told in comparison.captions if told not in material.results.notes],  # the summary has those
        chart=_chart(material),
        columns=columns,
        pairs=[
            [pair.metric.partition("[")[0], *columns.cells(pair), *_pair(comparison, pair)] for pair in comparison.pairs
        ],
    )


def _cell(material, name, stated):
    """The table cell of one system and metric."""
    comparison = material.comparison
    means = {mean.system: mean for mean in comparison.means if mean.metric == stated}
    place = material.results.stated.index(stated)
    values = [mean.mean for mean in means.values() if mean.mean == mean.mean]
    best = (min if material.results.less_is_better[place] else max)(values, default=None)
    pairs = [x for x in comparison.pairs if (x.metric, x.system, x.baseline) == (stated, name, comparison.baseline)]
    verdict = "".join(map(comparison.verdict, pairs))
    mean = means[name]
    return {
        "mean": decimals(mean.mean),
        "interval": between(mean.low, mean.high),
        "best": len(values) > 1 and mean.mean == best,
        "mark": f"{MARKS[verdict]} {verdict}" if verdict else "",
    }


def _pair(comparison, pair):
    return [
        signed(pair.difference),
        between(pair.low, pair.high, signed),
        f"{signed(pair.effect, 2)} {between(pair.effect_low, pair.effect_high, lambda x: signed(x, 2))}",
        p_value(pair.p_randomisation),
        p_value(pair.p_t_test),
        p_value(pair.p_holm),
        comparison.verdict(pair) or "not shown",
        decimals(pair.detectable),
    ]


def _chart(material):
    """Draws the means of the first metric with their intervals."""
    means = [mean for mean in material.comparison.means if mean.metric == material.comparison.metrics[0]]
    rows = [
        {"system": mean.system, "place": place, "mean": mean.mean, "low": mean.low, "high": mean.high}
        for place, mean in enumerate(means)
        if mean.low == mean.low
    ]
    if len(rows) < 2:
        return ""
    base = alt.Chart(data_of(rows)).encode(
        y=alt.Y(
            "system:N",
            scale=alt.Scale(domain=[row["system"] for row in rows]),
            title=None,
            axis=alt.Axis(labelLimit=150),
        ),
        tooltip=[
            alt.Tooltip("system:N"),
            alt.Tooltip("mean:Q", format=".4f"),
            alt.Tooltip("low:Q", format=".4f"),
            alt.Tooltip("high:Q", format=".4f"),
        ],
    )
    told = by_system(material.names, shape=True)
    scale = alt.Scale(zero=False)
    title = f"mean {material.metric}"
    lines = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("low:Q", title=title, scale=scale), x2="high:Q", color=told["color"]
    )
    points = base.mark_point(size=90, opacity=1).encode(x=alt.X("mean:Q", title=title, scale=scale), **told)
    share = f"{100 * material.comparison.confidence:g} %"
    return chart(
        lines + points,
        f"Mean {material.comparison.metrics[0]} with {share} intervals",
        "; ".join(f"{isolate(x['system'])}: {decimals(x['mean'])}, {between(x['low'], x['high'])}" for x in rows) + ".",
        ["system", "mean", "low", "high"],
        [[row["system"], *(decimals(row[key]) for key in ("mean", "low", "high"))] for row in rows],
        # If the axis has no room for the names, the legend shows them.
        legend=legend_of(material.names) if max(map(len, material.names)) > LONG else (),
        height=ROW * len(rows),
    )
