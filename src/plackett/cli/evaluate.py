"""`plackett evaluate`."""

import pathlib
from collections.abc import Collection
from typing import Annotated

import typer

from plackett.cli import _checks
from plackett.cli._backend import choose_backend
from plackett.cli._flags import Backend, with_reading
from plackett.cli._off_policy import asks_for_clicks, evaluate_on_clicks, with_clicks
from plackett.cli._request import flags_given
from plackett.cli._systems import (
    SYSTEMS,
    Data,
    Fuse,
    check_measurement,
    open_measured,
    parts_of_measured,
    remarks,
)
from plackett.cli._tables import (
    say,
    show,
    table_of_documents,
    table_of_means,
    table_of_slices,
    tables_of_pairs,
)
from plackett.cli._workers import Address, Workers, check_by_workers, check_means_alone, evaluate_by_workers
from plackett.data._reading import check_is_no_input
from plackett.registry import check_known

METRICS = ["ndcg@5", "ndcg@10", "mrr"]
EMPTY = {"0": 0, "1": 1, "skip": "skip"}
TIES = ("position", "expected", "trec")
QUERIES = ("run", "judged", "answered")
PEERS = ("trec_eval", "letor", "lightgbm", "xgboost", "tf-ranking", "sklearn")
ALL = "all"
TOP = 10  # the number of first documents of a list that are shown, and of relevant ones below

Metric = Annotated[
    list[str] | None,
    typer.Option(
        "--metric",
        help=f"A metric, such as ndcg@10; may be repeated. Default: {', '.join(METRICS)}, or those of --like.",
    ),
]
Like = Annotated[
    str | None, typer.Option(help=f"Measure as another library does: {', '.join(PEERS)}. See docs/evaluation.md.")
]
Empty = Annotated[
    str | None, typer.Option(help="The value of a query without relevant documents: 0, 1 or skip. Default: 0.")
]
Ties = Annotated[
    str | None, typer.Option(help="The order of equal scores: position, expected or trec. Default: position.")
]
Queries = Annotated[
    str | None,
    typer.Option(
        help="The queries of the mean: run, those with documents; judged, also those without; answered, for each "
        "system those for which it retrieved a document. Default: run, or that of --like."
    ),
]
Baseline = Annotated[
    str | None,
    typer.Option(help=f"The system that the others are compared with, or {ALL}: all pairs. Default: the first."),
]


@with_reading
@with_clicks
def evaluate(
    ctx: typer.Context,
    systems: Annotated[
        list[str],
        typer.Argument(help=f"{SYSTEMS} Without --data and --qrels the last one is the data.", metavar="SYSTEM..."),
    ],
    data: Data = None,
    metric: Metric = None,
    like: Like = None,
    empty: Empty = None,
    ties: Ties = None,
    queries: Queries = None,
    baseline: Baseline = None,
    fuse: Fuse = None,
    slice_by: Annotated[
        list[str] | None,
        typer.Option("--slice", help="Also by list_size, relevant, or a column of queries; may be repeated."),
    ] = None,
    worst: Annotated[
        int, typer.Option(help="Show this many of the worst queries of each system under the first metric.")
    ] = 0,
    output: Annotated[
        pathlib.Path | None,
        typer.Option("--output", "-o", help="NAME.parquet, with one row for each query and system."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output.")] = False,
    seed: Annotated[int, typer.Option(help="The seed of the resamples and permutations.")] = 0,
    workers: Workers = None,
    address: Address = None,
    backend: Backend = None,
    **flags,
):
    """Measure systems query by query on judgements, or with --clicks on the log of another ranker, and compare them."""
    given = flags_given(ctx)
    if asks_for_clicks(given):
        evaluate_on_clicks(systems, data, given)
        return
    check_conventions(metric, like, empty, ties, queries)
    if seed < 0 or worst < 0:
        raise ValueError(f"--seed and --worst must be at least 0, but got {seed} and {worst}")
    measurement = check_measurement(systems, data, given)
    check_by_workers(workers, address, measurement.data, measurement.reading)
    if workers is not None:
        check_means_alone(given)
    check_baseline(baseline, measurement.names)
    if output is not None:
        if output.suffix != ".parquet":
            raise ValueError(f"--output must be NAME.parquet, but got {output}")
        check_is_no_input(output, [*measurement.data, *measurement.systems.values()])
        _checks.check_new_file(output, overwrite)
    choose_backend(backend)

    from plackett import evaluation

    opened = open_measured(measurement)
    measures = metric if like else make_measures(metric, empty, ties)
    if workers is not None:
        evaluate_by_workers(measurement, opened, measures, like=like, queries=queries, workers=workers, address=address)
        return
    results = evaluation.evaluate(opened, parts_of_measured(measurement, opened), measures, like=like, queries=queries)
    for by in slice_by or ():
        check_known("column of queries", by, results.facts)
    if output is not None:
        results.write(output)
    comparison = evaluation.compare(results, baseline, seed=seed)
    documents = results.facts["list_size"].sum()
    show(table_of_means(f"{len(results.queries)} queries, {documents} documents", comparison))
    for table in tables_of_pairs(comparison) if comparison.pairs else ():
        show(table)
    for sentence in (*comparison.captions, *remarks(measurement)):
        say(sentence)
    for by in slice_by or ():
        show(table_of_slices(evaluation.slices(results, by, seed=seed)))
    if worst:
        first = evaluation.metrics_like(like, results.metrics[:1]) if like else make_measures(metric, empty, ties)
        _show_worst(measurement, opened, results, worst, (like, first[0].ties))
    if output is not None:
        say(f"each query and system has a row in {output}")


def check_conventions(metric, like, empty, ties, queries) -> None:
    """Raises a ValueError for an unknown metric or convention, or for two that do not fit together."""
    for name, value, allowed in (("empty", empty, EMPTY), ("ties", ties, TIES), ("queries", queries, QUERIES)):
        if value is not None and value not in allowed:
            raise ValueError(f"--{name} must be one of {', '.join(allowed)}, but got {value!r}")
    if like is not None:
        check_known("--like", like, PEERS)
        for name, value in (("empty", empty), ("ties", ties)):
            if value is not None:
                raise ValueError(f"--like {like} sets --{name} too: leave out one of the two")
    for name in metric or ():
        _checks.check_metric(name)
        if metric.count(name) > 1:
            raise ValueError(f"--metric {name} is given twice")


def check_baseline(baseline: str | None, names: Collection[str]) -> None:
    """Raises a ValueError unless this is one of the systems."""
    if baseline not in (None, ALL):
        check_known("baseline", baseline, names)


def make_measures(names, empty: str | None, ties: str | None) -> list:
    """Makes metrics of these names, with the given conventions, else with their own."""
    from plackett import metrics

    conventions = {"empty": None if empty is None else EMPTY[empty], "ties": ties}
    conventions = {name: value for name, value in conventions.items() if value is not None}
    return [metrics.get(name, **conventions) for name in names or METRICS]


def _show_worst(measurement, systems, results, number, measured):
    """Shows the worst queries of each system with their lists. The data is read again.

    Args:
        measurement: what was measured.
        systems: the systems by name.
        results: their metrics.
        number: the number of queries for each system.
        measured: (the peer or None, the order of equal scores) of the first metric.
    """
    from plackett import evaluation

    chosen = {name: evaluation.worst_queries(results, name, results.stated[0], number) for name in results.systems}
    found = {}
    for part in parts_of_measured(measurement, systems):
        for query in {one.query for of_system in chosen.values() for one in of_system}:
            if query in part:
                found[query] = part[query]
    for name, of_system in chosen.items():
        for one in of_system:
            title = f"{name}: query {one.query}, {results.metrics[0]} {one.value:.4f}"
            documents = _top(found[one.query], name, systems[name], measured)
            show(table_of_documents(title, documents))


def _top(lists, name, system, measured):
    """The (rank, document, label, score) of the first documents of a list under a system, and of the relevant ones."""
    import numpy as np

    from plackett.evaluation._documents import documents_of
    from plackett.evaluation._peers import scores_like
    from plackett.evaluation._ranking import Batch
    from plackett.evaluation.systems.base import check_scores

    like, ties = measured
    scored = check_scores(name, lists, system(lists))
    documents = documents_of(lists, scored if like is None else scored.mapped(lambda x: scores_like(like, x)))
    batch = Batch(documents, np.arange(1), 1, len(documents.labels))
    for rank, place in enumerate(batch.order(ties)[0][0].tolist(), 1):
        if rank <= TOP or documents.labels[place] >= 1:
            label = documents.labels[place] if documents.judged[place] else np.nan
            yield rank, documents.ids[place], label, documents.scores[place]
