"""How much each feature matters to each system."""

import dataclasses
from typing import NamedTuple

import altair as alt
import numpy as np
from markupsafe import Markup

from plackett.data import RankingLists
from plackett.evaluation.report._charts import chart, data_of, legend_of
from plackett.evaluation.report._html import count, isolate, render, signed
from plackett.evaluation.report._material import Material
from plackett.evaluation.report._registry import section

DOCUMENTS = 2_000  # the size of the sample
REPEATS = 3
MEASURED = 100  # the largest number of features
SHOWN = 20


class Importance(NamedTuple):
    """The loss in a metric when a feature is shuffled within each list, one number for each repeat."""

    feature: str
    drops: list[float]


@section("Feature importance", place=80)
def feature_importance(material: Material) -> Markup | None:
    """Draws a chart for each system that reads features."""
    lists = sample(material.lists, material.seed)
    features = changing(lists)
    readers = [name for name in material.names if features and reads_features(material, name)]
    if not readers:
        return None
    measured = features[:MEASURED]
    found = {name: importances(material, name, lists, measured) for name in readers}
    if not any(found.values()):
        return None
    moving = {name: of_system for name, of_system in found.items() if any(any(one.drops) for one in of_system)}
    return render(
        "importance.html",
        metric=material.stated,
        queries=count(len(lists), "query", "queries"),
        of_all=len(lists) < len(material.lists) and f"{len(material.lists):,}",
        repeats=REPEATS,
        seed=material.seed,
        constant=len(names_of(lists)) - len(features),
        unmeasured=len(features) - len(measured),
        others=[name for name in material.names if name not in readers],
        charts=[_chart(material, name, of_system) for name, of_system in moving.items()],
        unmoved=[name for name in readers if name not in moving],
    )


def sample(lists: RankingLists, seed: int) -> RankingLists:
    """Draws queries without replacement, with about `DOCUMENTS` documents in all; at least one, in their order."""
    order = np.random.default_rng(seed).permutation(len(lists))
    kept = max(1, int(np.searchsorted(np.cumsum(lists.lengths[order]), DOCUMENTS, side="right")))
    return lists if kept >= len(lists) else lists.select(np.sort(order[:kept]))


def names_of(lists: RankingLists) -> list[str]:
    """The names of all features that a system may read: dense features and id features."""
    return [*lists.feature_names, *lists.ids]


def changing(lists: RankingLists) -> list[str]:
    """The features that differ within a list. The order of others does not matter."""
    rows = np.repeat(lists.row_splits[:-1], lists.lengths)  # the first document of each document's list

    def differs(column):
        codes = getattr(column, "codes", column)
        return bool(((codes != codes[rows]) & ~((codes != codes) & (codes[rows] != codes[rows]))).any())

    return [name for name in names_of(lists) if len(rows) and differs(_column(lists, name))]


def permute(lists: RankingLists, features: list[str], random: np.random.Generator) -> RankingLists:
    """Returns the lists with some features shuffled within each list, in the same order for all of them."""
    query = np.repeat(np.arange(len(lists)), lists.lengths)
    order = np.lexsort((random.random(len(query)), query))
    dense, places = np.array(lists.features), {name: place for place, name in enumerate(lists.feature_names)}
    columns = [places[name] for name in features if name in places]
    dense[:, columns] = dense[order][:, columns]
    ids = lists.ids | {name: lists.ids[name][order] for name in features if name in lists.ids}
    return dataclasses.replace(lists, features=dense, ids=ids)


def reads_features(material: Material, name: str) -> bool:
    """Whether the scores of a system change when all features are shuffled.

    All lists are used, since an array of scores fits no others.
    """
    shuffled = permute(material.lists, names_of(material.lists), np.random.default_rng(material.seed))
    return not np.array_equal(material.score(name, shuffled).scores, material.scored[name].scores)


def importances(material: Material, name: str, lists: RankingLists, features: list[str]) -> list[Importance]:
    """Returns the importance of each feature to a system, the highest mean first; [] if no query counts."""
    metric, sign = [material.metrics[material.place]], -1 if material.less_is_better else 1

    def values(of_lists):
        scored = {str(place): material.score(name, one) for place, one in enumerate(of_lists)}
        return sign * material.measure(scored, lists, metric)[:, 0]

    (whole,) = values([lists])
    if np.isnan(whole):
        return []
    found = []
    for place, feature in enumerate(features):
        randoms = (np.random.default_rng([material.seed, place, repeat]) for repeat in range(REPEATS))
        drops = whole - values(permute(lists, [feature], random) for random in randoms)
        found.append(Importance(_in_words(lists, feature), drops.tolist()))
    return sorted(found, key=lambda one: -float(np.mean(one.drops)))


def _in_words(lists, feature):
    """The name of a feature; "feature" is added if it is only a number."""
    return f"feature {feature}" if feature in lists.feature_names and not lists.has_feature_names else feature


def _column(lists, name):
    return lists.ids[name] if name in lists.ids else lists.features[:, lists.feature_names.index(name)]


def _chart(material, name, found):
    shown = [one for one in found if any(one.drops)][:SHOWN]
    rows = [
        {"feature": one.feature, "drop": float(np.mean(one.drops)), "low": min(one.drops), "high": max(one.drops)}
        for one in shown
    ]
    base = alt.Chart(data_of(rows)).encode(
        y=alt.Y(
            "feature:N",
            scale=alt.Scale(domain=[row["feature"] for row in rows]),
            title=None,
            axis=alt.Axis(labelLimit=160),
        ),
        tooltip=[
            alt.Tooltip("feature:N"),
            alt.Tooltip("drop:Q", title="mean drop", format=".4f"),
            alt.Tooltip("low:Q", title="lowest", format=".4f"),
            alt.Tooltip("high:Q", title="highest", format=".4f"),
        ],
    )
    colour = legend_of(material.names)[material.names.index(name)].colour
    bars = base.mark_bar(height=alt.RelativeBandSize(0.6), opacity=0.75, color=colour).encode(
        x=alt.X("drop:Q", title=f"drop of {material.metric}", stack=None)
    )
    spread = base.mark_rule(color="var(--text)", strokeWidth=2).encode(x="low:Q", x2="high:Q")
    top = ", ".join(f"{isolate(row['feature'])} {signed(row['drop'])}" for row in rows[:3]) or "no feature changes it"
    return chart(
        bars + spread,
        f"{isolate(name)}: what each feature is worth",
        f"The features that {material.metric} loses most without: {top}.",
        ["feature", "mean drop", "lowest", "highest"],
        [[one.feature, *map(signed, (np.mean(one.drops), min(one.drops), max(one.drops)))] for one in found],
        height=max(60, 22 * len(rows)),
    )
