"""What was measured, on which data, and under which conventions."""

import numpy as np
from markupsafe import Markup

from plackett import gains
from plackett.data._words import grades_in_words
from plackett.evaluation.report._html import MINUS, NONE, decimals, isolate, p_value, render
from plackett.evaluation.report._material import Material
from plackett.evaluation.report._registry import section
from plackett.metrics._base import RankingMetric

EMPTY = {0: "counts 0", 1: "counts 1", "skip": "is left out of the mean"}
TIES = {
    "position": "stand as in the data",
    "expected": "count by the mean over all their orders",
    "trec": "stand by falling document id, as in trec_eval",
    "incorrect": "count as ordered the wrong way",
}
FEW = 5  # up to so many comparisons get a sentence each
GAINS = {gains.pow_minus_1: f"2^label {MINUS} 1", gains.identity: "the label"}


@section("Summary", place=10)
def summary(material: Material) -> Markup:
    """Shows the findings in a sentence each, the data, the conventions and the notes."""
    return render(
        "summary.html",
        findings=findings(material),
        facts=facts(material),
        conventions=[
            [stated, *convention(metric)]
            for stated, metric in zip(material.results.stated, material.metrics, strict=True)
        ],
        notes=[*material.remarks, *material.results.notes],
    )


def findings(material: Material) -> list[str]:
    """Says what the first metric shows, in whole sentences."""
    means = material.results.means()[:, material.place]
    if not np.isfinite(means).any():
        return [f"No query counts for {material.metric}."]
    best = int(np.nanargmin(means) if material.less_is_better else np.nanargmax(means))
    rivals = f", the best of {len(means)} systems" if len(means) > 1 else ""
    told = [f"{isolate(material.names[best])} measures {decimals(means[best])} {material.metric}{rivals}."]
    pairs = [pair for pair in material.comparison.pairs if pair.metric == material.stated]
    if len(pairs) <= FEW:
        return told + [_difference(material, pair) for pair in pairs]
    verdicts = [material.comparison.verdict(pair) for pair in pairs]
    better, worse, same = (verdicts.count(verdict) for verdict in ("better", "worse", ""))
    return [
        *told,
        f"In {better:,} of {len(pairs):,} comparisons the system is better, in {worse:,} it is worse, and in {same:,} "
        "the difference is no more than chance explains.",
    ]


def _difference(material, pair):
    if not np.isfinite(pair.difference):
        return f"No query counts for both {isolate(pair.system)} and {isolate(pair.baseline)}."
    if pair.better is None:
        return f"{isolate(pair.system)} is as good as {isolate(pair.baseline)}."
    where = "above" if pair.difference > 0 else "below"
    much = f"{isolate(pair.system)} is {decimals(abs(pair.difference))} {where} {isolate(pair.baseline)}"
    if material.less_is_better:
        much += f", which is {'better' if pair.better else 'worse'} since lower is"
    if not np.isfinite(pair.p_holm):
        return f"{much}; no test could be made."
    holds = "more than chance explains" if material.comparison.verdict(pair) else "no more than chance explains"
    p = p_value(pair.p_holm)
    p = (p if p.startswith("<") else f"= {p}").replace(" ", "\u00a0")
    return f"{much}, {holds} (p\u00a0{p})."


def facts(material: Material) -> dict[str, str]:
    """Describes the data."""
    lists = material.lists
    low, middle, high = np.quantile(lists.lengths, [0, 0.5, 1]) if len(lists) else (0, 0, 0)
    told = {"data": ", ".join(material.sources)} if material.sources else {}
    told |= {
        "queries": f"{len(lists):,}",
        "documents": f"{len(lists.labels):,}",
        "documents a query": f"{int(low):,} to {int(high):,}, median {_half(middle)}",
        "labels": grades_in_words(lists.labels),
    }
    if "relevant" in material.results.facts:
        without = int((np.asarray(material.results.facts["relevant"]) == 0).sum())
        told["queries without a label of at least 1"] = f"{without:,}"
    if lists.feature_names:
        told["features"] = f"{len(lists.feature_names):,}"
    return told


def _half(number):
    """Shows a number of documents, which may end in a half."""
    return f"{number:,.1f}".removesuffix(".0")


def convention(metric: RankingMetric) -> list[str]:
    """Describes the value of a query without relevant documents, how ties are broken, and the gain."""
    gain = metric.options.get("gain")
    return [
        EMPTY[metric.empty],
        TIES[metric.ties],
        NONE if gain is None else GAINS.get(gain, getattr(gain, "__name__", "a function of its own")),
    ]
