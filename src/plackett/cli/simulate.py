"""`plackett simulate`."""

import pathlib
import typing
from typing import Annotated

import typer
from rich.table import Table

from plackett.cli._backend import choose_backend
from plackett.cli._flags import Backend, Data, with_reading
from plackett.cli._request import flags_given, parse_options
from plackett.cli._systems import Measurement, check_measurement, open_measured, read_measured
from plackett.cli._tables import in_digits, say, show
from plackett.clicks._names import NAMES_OF_MODELS, OPTIONS_OF_MODELS
from plackett.data._suffixes import MOVIELENS

if typing.TYPE_CHECKING:
    from plackett.clicks.simulation._log_folder import ClicksByPosition

RANKER = (
    "The ranker of the lists that were shown: a run of `plackett train`, a model file, a run of TREC, a file of "
    "scores, column:NAME or feature:NAME (column:-NAME: the lowest first), random:SEED."
)
PARAMETER = (
    "Probabilities of the click model, as NAME=VALUE in YAML: a number, or one for each position, or for each grade "
    "from 0: 'examination=[1, 0.6, 0.4]'. May be repeated."
)
EPILOG = "The clicks are simulated: nobody clicked. truth.yaml in the folder says from which probabilities."


def models_of(option: str) -> str:
    """The click models on which an option has an effect, for help texts."""
    return ", ".join(name for name, options in OPTIONS_OF_MODELS.items() if option in options)


@with_reading
def simulate(
    ctx: typer.Context,
    data: Data,
    output: Annotated[pathlib.Path, typer.Option("--output", "-o", help="The folder of the log.")],
    ranker: Annotated[str, typer.Option(help=RANKER)],
    model: Annotated[str, typer.Option(help=f"One of {', '.join(NAMES_OF_MODELS)}.")] = "pbm",
    sessions: Annotated[int, typer.Option(help="The number of lists that are shown.")] = 40_000,
    positions: Annotated[int, typer.Option(help="The largest number of documents that each shows.")] = 10,
    eta: Annotated[
        float | None, typer.Option(help=f"{models_of('eta')}: examination is (1 / position)^eta. Default: 1.")
    ] = None,
    epsilon: Annotated[
        float | None, typer.Option(help="P(click | seen) of a document of grade 0. Default: 0.1.")
    ] = None,
    user: Annotated[
        str | None,
        typer.Option(help=f"{models_of('user')}: perfect, navigational or informational, who click and stop."),
    ] = None,
    parameter: Annotated[list[str] | None, typer.Option(help=PARAMETER)] = None,
    highest_grade: Annotated[float | None, typer.Option(help="Default: the highest of the data.")] = None,
    temperature: Annotated[
        float, typer.Option(help="The temperature of noise on the scores, by which each session has its own order.")
    ] = 0.0,
    randomise: Annotated[
        str, typer.Option(help="top: the shown documents are in random order; swap: two documents change places.")
    ] = "none",
    weights: Annotated[
        str | None, typer.Option(help="The column of queries that says how often each is asked. Default: all the same.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The seed of queries, orders and clicks.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the log in the folder.")] = False,
    backend: Backend = None,
    **flags,
):
    """Simulate a click log from judgements: a ranker shows lists, and users of a click model click."""
    parameters = parse_options("--parameter", parameter or ())
    measurement = check_measurement([ranker], data, flags_given(ctx))
    choose_backend(backend)

    from plackett.clicks.simulation._log_folder import check_log_folder, write_simulation
    from plackett.clicks.simulation._simulate import Simulation

    check_log_folder(output, overwrite=overwrite)
    lists, system = read_and_open(measurement)
    simulation = Simulation(
        lists,
        system,
        sessions=sessions,
        model=model,
        positions=positions,
        eta=eta,
        epsilon=epsilon,
        user=user,
        parameters=parameters,
        highest_grade=highest_grade,
        temperature=temperature,
        randomise=randomise,
        weights=weights,
        seed=seed,
    )
    counts = write_simulation(simulation, output, overwrite=overwrite, origin={"ranker": ranker, "files": data})
    show(table_of_positions(counts))
    for note in simulation.notes():
        say(note)
    say(
        f"The clicks are simulated: {counts.sessions:,} sessions, {counts.shown.sum():,} impressions, "
        f"{counts.clicked.sum():,} clicks by the click model {model} are in {output}"
    )


def read_and_open(measurement: Measurement):
    """Returns (the lists, the logging ranker); for MovieLens the training lists."""
    systems = open_measured(measurement)
    if measurement.data == [MOVIELENS]:
        import plackett

        lists = plackett.data.movielens_100k()[0]
    else:
        lists = read_measured(measurement, systems)
    return lists, next(iter(systems.values()))


def table_of_positions(counts: "ClicksByPosition") -> Table:
    """Shows how often each position was shown and clicked, one in each row."""
    table = Table(title="Simulated clicks")
    for column in ("position", "shown", "clicked", "click-through rate"):
        table.add_column(column, justify="right")
    for place, rate in enumerate(counts.rates().tolist()):
        table.add_row(str(place + 1), f"{counts.shown[place]:,}", f"{counts.clicked[place]:,}", in_digits(rate))
    return table
