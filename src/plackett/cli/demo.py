"""`plackett demo`."""

import pathlib
import shlex
import sys
from typing import Annotated

import typer
from rich.markup import escape

from plackett.cli._backend import choose_backend
from plackett.cli._checks import check_folder
from plackett.cli._flags import Backend
from plackett.cli._tables import console, say, show, table_of_metrics
from plackett.cli.report import histories_of
from plackett.cli.train import train_under_a_bar
from plackett.data._suffixes import MOVIELENS

LOSSES = ("unique_softmax", "gumbel_approx_ndcg", "softmax")


def demo(
    output: Annotated[pathlib.Path, typer.Option(help="The folder for the models.")] = pathlib.Path("runs/demo"),
    epochs: Annotated[int, typer.Option(help="The largest number of epochs for each loss.")] = 12,
    backend: Backend = None,
):
    """Train three losses on MovieLens-100K, measure them on held-out films, and write a report."""
    if epochs < 1:
        raise ValueError(f"--epochs must be at least 1, but got {epochs}")
    output = find_free(output)
    check_folder(output, may_hold=False, way_out="choose another --output")
    choose_backend(backend)

    import numpy as np

    import plackett
    from plackett import evaluation
    from plackett.evaluation.report import report

    lists, validation, test = plackett.data.movielens_100k()
    say(
        f"MovieLens-100K: {len(lists)} users; of each, the first 60 % of the ratings train ({len(lists.labels)}), "
        f"the next 20 % validate ({len(validation.labels)}), the last 20 % test ({len(test.labels)})."
    )
    popularity = np.bincount(lists.ids["film"], minlength=test.ids["film"].max() + 1)
    systems = {
        "popularity order": lambda part: popularity[part.ids["film"]],
        "random order": "random:0",
    }
    for loss in LOSSES:
        settings = {"loss": loss, "epochs": epochs}
        trained = train_under_a_bar(lists, validation, output / loss, settings, provenance={"data": [MOVIELENS]})
        systems[loss] = trained.model
    opened = evaluation.open_systems(systems)
    results = evaluation.evaluate(opened, test)
    show(table_of_metrics(f"{len(test)} users, their last films held out", results))
    page = report(
        output / "report.html",
        opened,
        test,
        results,
        histories=histories_of({loss: output / loss for loss in LOSSES}),
        commands=[f"{program()} demo --epochs {epochs} --output {shlex.quote(str(output))}"],
        title="MovieLens-100K: three losses, popularity and chance",
    )
    console.print(f"The models are in [bold]{escape(str(output))}[/]; measure them again with", soft_wrap=True)
    say(f"  {program()} evaluate {' '.join(str(output / loss) for loss in LOSSES)} --data {MOVIELENS}")
    say(f"The report is {page}; open it in a browser: {page.absolute().as_uri()}")


def find_free(folder: pathlib.Path) -> pathlib.Path:
    """Returns `folder`, or the first of folder-2, folder-3, ... that does not exist yet."""
    candidates = [folder, *(folder.with_name(f"{folder.name}-{i}") for i in range(2, 1000))]
    return next(candidate for candidate in candidates if not candidate.exists())


def program() -> str:
    """The command that started this program."""
    return "python -m plackett" if sys.argv[0].endswith("__main__.py") else sys.argv[0]
