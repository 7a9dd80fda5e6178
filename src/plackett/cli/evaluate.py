"""`plackett evaluate`."""

from collections.abc import Iterable
from typing import Annotated

import typer

from plackett.cli import _checks
from plackett.cli._flags import Backend, Data, with_reading
from plackett.cli._request import flags_given
from plackett.cli._tables import console, say, table_of_metrics
from plackett.cli._trained import Model, check_trained, load_ranker, read_for, say_unseen_ids

METRICS = ["ndcg@5", "ndcg@10", "mrr"]
EMPTY = {"0": 0, "1": 1, "skip": "skip"}
TIES = ("position", "expected", "trec")
QUERIES = ("run", "judged")


@with_reading
def evaluate(
    ctx: typer.Context,
    model: Model,
    data: Data,
    metric: Annotated[
        list[str], typer.Option("--metric", help="A metric, such as ndcg@10; may be repeated.")
    ] = METRICS,
    empty: Annotated[
        str | None, typer.Option(help="What a query without relevant documents counts: 0, 1 or skip. Default: 0.")
    ] = None,
    ties: Annotated[
        str | None, typer.Option(help="The order of equal scores: position, expected or trec. Default: position.")
    ] = None,
    queries: Annotated[
        str, typer.Option(help="What the mean is over: run, queries with documents, or judged, also those without.")
    ] = "run",
    backend: Backend = None,
    **flags,
):
    """Measure a trained ranker."""
    for name, value, allowed in (("empty", empty, EMPTY), ("ties", ties, TIES), ("queries", queries, QUERIES)):
        if value is not None and value not in allowed:
            raise ValueError(f"--{name} must be one of {', '.join(allowed)}, but got {value!r}")
    for name in metric:
        _checks.check_metric(name)
        if metric.count(name) > 1:
            raise ValueError(f"--metric {name} is given twice")
    path, reading = check_trained(model, data, flags_given(ctx))

    import plackett

    measures = make_measures(metric, empty, ties)
    ranker = load_ranker(path)
    lists = read_for(ranker, data, reading)
    say_unseen_ids(ranker, lists)
    values = plackett.evaluate(ranker, lists, measures, queries=queries)
    console.print(table_of_metrics(f"{len(lists)} queries, {len(lists.labels)} documents", {path.parent.name: values}))
    for stated, names in by_conventions(measures).items():
        say(f"{', '.join(names)}: {stated}")


def make_measures(names: Iterable[str], empty: str | None, ties: str | None) -> list:
    """Metrics of these names, by the conventions that are given, else by their own."""
    from plackett import metrics

    conventions = {"empty": None if empty is None else EMPTY[empty], "ties": ties}
    conventions = {name: value for name, value in conventions.items() if value is not None}
    return [metrics.get(name, **conventions) for name in names]


def by_conventions(measures: Iterable) -> dict[str, list[str]]:
    """How queries without relevant documents and equal scores count -> the names of the metrics where they do so."""
    groups: dict[str, list[str]] = {}
    for measure in measures:
        stated = f"empty={measure.empty}, ties={measure.ties}"
        groups.setdefault(stated, []).append(measure.name)
    return groups
