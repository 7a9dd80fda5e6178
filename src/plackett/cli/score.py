"""`plackett score`."""

import pathlib
from typing import Annotated

import typer

from plackett.cli import _checks
from plackett.cli._flags import Backend, Data, with_reading
from plackett.cli._request import flags_given
from plackett.cli._tables import say
from plackett.cli._trained import Model, check_trained, load_ranker, read_for, say_unseen_ids
from plackett.data._reading import check_is_no_input
from plackett.data._suffixes import OF_SCORES

Output = Annotated[
    pathlib.Path,
    typer.Option("--output", "-o", help="The file of scores: NAME.parquet, NAME.csv, or NAME.run, a run of TREC."),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the output.")]


@with_reading
def score(
    ctx: typer.Context,
    model: Model,
    data: Data,
    output: Output,
    overwrite: Overwrite = False,
    backend: Backend = None,
    **flags,
):
    """Rank new data, which needs no labels: the score and the rank of each document."""
    if output.suffix not in OF_SCORES:
        raise ValueError(f"--output must be NAME{', NAME'.join(OF_SCORES)}, but got {output}")
    check_is_no_input(output, data)
    _checks.check_new_file(output, overwrite)
    path, reading = check_trained(model, data, flags_given(ctx))

    import plackett

    ranker = load_ranker(path)
    lists = read_for(ranker, data, reading)
    say_unseen_ids(ranker, lists)
    plackett.data.write_scores(lists, plackett.score(ranker, lists), output)
    say(f"{len(lists)} queries, {len(lists.labels)} documents; their scores are in {output}")
