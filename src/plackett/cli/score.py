"""`plackett score`."""

import pathlib
from typing import Annotated

import typer

from plackett.cli import _checks
from plackett.cli._flags import Backend, Data, with_reading
from plackett.cli._request import flags_given
from plackett.cli._tables import say
from plackett.cli._trained import Model, check_ranker, open_ranker, read_for, say_notes
from plackett.cli._workers import Address, Workers, check_by_workers
from plackett.data._reading import check_is_no_input
from plackett.data._suffixes import OF_SCORES

Output = Annotated[
    pathlib.Path,
    typer.Option(
        "--output",
        "-o",
        help="The file of scores: NAME.parquet, NAME.csv, or NAME.run, a run of TREC. With --workers a folder of "
        "Parquet files, with one row per query.",
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the output.")]


@with_reading
def score(
    ctx: typer.Context,
    model: Model,
    data: Data,
    output: Output,
    overwrite: Overwrite = False,
    workers: Workers = None,
    address: Address = None,
    backend: Backend = None,
    **flags,
):
    """Rank new data, which needs no labels: write the score and the rank of each document."""
    if workers is None and output.suffix not in OF_SCORES:
        raise ValueError(
            f"--output must be NAME{', NAME'.join(OF_SCORES)}, but got {output}; with --workers it is a folder"
        )
    if workers is not None and output.suffix in OF_SCORES:
        raise ValueError(f"--output must be a folder if there are --workers, but got the name of a file, {output}")
    check_is_no_input(output, data)
    if workers is None:
        _checks.check_new_file(output, overwrite)
    given = flags_given(ctx)
    reading = check_ranker(model, data, given)
    check_by_workers(workers, address, data, reading)

    import plackett

    if workers is not None:
        where = {"workers": workers, "address": address, "overwrite": overwrite}
        options = {name: reading[name] for name in ("columns", "ids") if name in reading}
        done = plackett.distributed.score(model, data, output, **where, **options)
        for note in done.notes:
            say(note)
        say(f"{done.queries} queries, {done.documents} documents; their scores are in {output}")
        return
    system = open_ranker(model)
    lists = read_for(system, data, reading)
    scores = _scores_of(model, system, lists)
    say_notes(system, lists)
    plackett.data.write_scores(lists, scores, output)
    say(f"{len(lists)} queries, {len(lists.labels)} documents; their scores are in {output}")


def _scores_of(model, system, lists):
    """The scores of the documents of the lists."""
    from plackett.evaluation.systems.base import check_scores

    scored = check_scores(model, lists, system(lists))
    if scored.beyond is not None:
        say(f"{model} ranks {len(scored.beyond.scores)} documents that the data lacks, which are left out")
    return scored.scores
