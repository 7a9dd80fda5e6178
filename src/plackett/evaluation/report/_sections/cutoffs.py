"""NDCG by the rank at which lists are cut."""

import altair as alt
import numpy as np
from markupsafe import Markup

from plackett.evaluation.report._charts import TIGHT, by_system, chart, data_of, legend_of, whole
from plackett.evaluation.report._html import decimals, isolate
from plackett.evaluation.report._material import Material, at_cut_off
from plackett.evaluation.report._registry import section
from plackett.metrics import NDCG

DEEPEST = 20


@section("NDCG by cut-off", place=40)
def by_cut_off(material: Material) -> Markup | None:
    """Draws one line per system, under the convention of the first NDCG of the results."""
    ndcg = next((place for place, metric in enumerate(material.metrics) if isinstance(metric, NDCG)), None)
    longest = int(material.lists.lengths.max(initial=0))
    if ndcg is None or longest < 2:
        return None
    cut_offs = range(1, min(DEEPEST, longest) + 1)
    metrics = [at_cut_off(material.metrics[ndcg], topn) for topn in cut_offs]
    means = material.measure(material.scored, material.lists, metrics)
    if not np.isfinite(means).any():
        return None
    values = dict(zip(material.names, means.tolist(), strict=True))
    rows = [
        {"system": name, "place": place, "rank": topn, "value": value}
        for place, (name, of_system) in enumerate(values.items())
        for topn, value in zip(cut_offs, of_system, strict=True)
    ]
    base = alt.Chart(data_of(rows)).encode(
        x=alt.X("rank:Q", title="cut-off: the rank below which nothing counts", axis=whole(cut_offs), scale=TIGHT),
        y=alt.Y("value:Q", title="mean NDCG", scale=alt.Scale(zero=False)),
        tooltip=[
            alt.Tooltip("system:N"),
            alt.Tooltip("rank:Q", title="cut-off"),
            alt.Tooltip("value:Q", title="NDCG", format=".4f"),
        ],
    )
    lines = base.mark_line().encode(**by_system(material.names, dash=True))
    points = base.mark_point().encode(**by_system(material.names, shape=True))
    first, last = cut_offs[0], cut_offs[-1]
    stated = material.results.stated[ndcg].partition("[")[2].rstrip("]")
    convention = f" ({stated})" if stated else ""
    return chart(
        lines + points,
        f"Mean NDCG at each cut-off from {first} to {last}{convention}",
        "; ".join(f"{isolate(name)}: {decimals(x[0])} to {decimals(x[-1])}" for name, x in values.items()) + ".",
        ["cut-off", *values],
        [[topn, *(decimals(x[row]) for x in values.values())] for row, topn in enumerate(cut_offs)],
        legend=legend_of(material.names),
    )
