"""A table of all queries, and the lists of one query under two systems."""

import numpy as np
from markupsafe import Markup

from plackett.evaluation._peers import peer_named
from plackett.evaluation.report._blobs import blob_of, lines_within
from plackett.evaluation.report._html import or_none, render, script_of, to_json
from plackett.evaluation.report._lists import DEPTH, Shown, features_of, list_of, priority, ties_of
from plackett.evaluation.report._material import Material
from plackett.evaluation.report._registry import section
from plackett.evaluation.report._sections.summary import TIES

SHARE_OF_TABLE = 0.55  # of the room, at most
SHARE_OF_LISTS = 0.6  # of the room that the table leaves; features get the rest
FRAME = 20_000  # bytes for the elements around them
LONGEST = 200  # characters of a query's text


@section("Queries", place=70, takes_the_rest=True)
def queries(material: Material, room: int) -> Markup | None:
    """Makes the query browser, within this number of bytes."""
    if not len(material.results.queries):
        return None
    order = priority(material)
    table, rows = _table_within(material, order, int(SHARE_OF_TABLE * room))
    left = max(0, room - len(table) - FRAME)
    row_of = {place: row for row, place in enumerate(rows.tolist())}
    listed = [place for place in order.tolist() if place in row_of and material.places[place] >= 0]
    kept: list[Shown] = []

    def lists():
        for place in listed:
            shown = list_of(material, place)
            kept.append(shown)
            yield to_json(shown.to_page())

    documents, number = lines_within(lists(), int(SHARE_OF_LISTS * left))
    kept = kept[:number]
    features, with_features = lines_within(
        (to_json(features_of(material, x)) for x in kept), left - int(SHARE_OF_LISTS * left)
    )
    conventions = ties_of(material)
    data = {
        "ties": [conventions.index(metric.ties) for metric in material.metrics],
        "orders": [_order_in_words(material, metric) for metric in material.metrics],
        "lists": [row_of[place] for place in listed[:number]],
        "features": with_features,
        "names": [*material.lists.feature_names, *material.lists.ids, *material.lists.columns],
        "highest": float(material.lists.labels.max(initial=0)),
    }
    return render(
        "queries.html",
        systems=material.names,
        metrics=material.results.stated,
        place=material.place,
        baseline=material.names.index(material.baseline),
        other=_other(material),
        total=len(material.results.queries),
        lists=number,
        with_features=with_features,
        depth=DEPTH,
        cut=any(shown.total > len(shown.rows) for shown in kept),
        rows=len(rows),
        table=table,
        data=script_of(data, "shown"),
        documents=documents.script("documents"),
        features=features.script("features"),
    )


def _order_in_words(material, metric):
    """Says what a reader must know about the ranks."""
    told = f"Documents of equal score {TIES[metric.ties]}."
    if material.like is not None and peer_named(material.like).scores == "float32":
        told += f" Scores are ranked in float32, as in {material.like}."
    return told


def _other(material):
    """The position of the system that is shown beside the baseline: the best of the others."""
    means = material.results.means()[:, material.place]
    others = [material.names.index(name) for name in material.others]
    sign = 1 if material.less_is_better else -1
    return min(others, key=lambda place: np.nan_to_num(sign * means[place], nan=np.inf), default=None)


def _table_within(material, order, budget):
    """Returns (the blob of the table, the positions of its queries). If not all fit, the first in `order` are taken."""
    rows = np.arange(len(order))
    while True:
        blob = blob_of(to_json(_table(material, rows)), "queries")
        if len(blob) <= budget or len(rows) == 1:
            return blob, rows
        rows = np.sort(order[: max(1, int(0.95 * len(rows) * budget / len(blob)))])


def _table(material, rows):
    """The contents of the table for some queries."""
    results = material.results
    facts = {name: column for name, column in results.facts.items() if getattr(column, "ndim", 1) == 1}
    return {
        "systems": results.systems,
        "metrics": results.metrics,
        "less": results.less_is_better,
        "queries": results.queries[rows].tolist(),
        "facts": [[name, _column(column[rows])] for name, column in facts.items()],
        "values": [[or_none(values[rows]) for values in of_system] for of_system in results.values],
    }


def _column(column):
    if isinstance(column, np.ndarray) and column.dtype.kind in "iub":
        return column.tolist()
    if isinstance(column, np.ndarray) and column.dtype.kind == "f":
        return or_none(column, 6)
    return [str(x)[:LONGEST] for x in column.tolist()]
