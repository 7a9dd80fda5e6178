"""`plackett tune`."""

import pathlib
from typing import Annotated

import typer

from plackett.cli import _checks
from plackett.cli._backend import choose_backend
from plackett.cli._flags import Backend, Config, SharedQueries, TrainingData, Validation, with_reading, with_settings
from plackett.cli._request import Request, read_request
from plackett.cli._tables import console, in_short, say, table_of_trials
from plackett.cli._training_lists import read_lists
from plackett.training._config_file import read_yaml
from plackett.training._interrupt import check_interrupts
from plackett.training._lock import check_free
from plackett.training._output_folder import check_search_output


@with_settings
@with_reading
def tune(
    ctx: typer.Context,
    output: Annotated[pathlib.Path, typer.Option(help="The folder for the search; the same folder continues it.")],
    trials: Annotated[int, typer.Option(help="The number of trials in all.")],
    data: TrainingData = None,
    space: Annotated[
        pathlib.Path | None,
        typer.Option(help="A YAML file of names to {low, high, log} or lists of choices. Default: by the scorer."),
    ] = None,
    config: Config = None,
    validation: Validation = None,
    shared_queries: SharedQueries = False,
    backend: Backend = None,
    **flags,
):
    """Search for the settings with the best metric, with Optuna; config.yaml in the output folder has them."""
    if trials < 1:
        raise ValueError(f"--trials must be at least 1, but got {trials}")
    _checks.check_installed("optuna", "a search needs Optuna", "'plackett[tune]'")
    request = read_request(ctx, choose_backend(backend))
    searched = None if space is None else read_yaml(space)
    _checks.check_space(searched, request.settings, request.given)
    _checks.check_training(request, shared_queries=shared_queries)
    _checks.check_folder(output, may_hold=True, way_out="")
    check_search_output(output)
    check_free(output)
    lists, held_out, provenance = read_lists(request, shared_queries=shared_queries)
    check_interrupts()
    check_parts(request)
    found = search(lists, held_out, output, trials, searched, provenance, request.settings)
    console.print(table_of_trials(found, str(request.whole.metric)))
    if found[0].value is None:
        raise ValueError(
            f"all {len(found)} trials diverged, so there are no best settings: search smaller learning rates, or look "
            f"at divergence.json in the folders of {output / 'trials'}"
        )
    say(f"train the best with --config {output / 'config.yaml'}")


def check_parts(request: Request) -> None:
    """Makes what the settings name, so that an error of Keras comes before anything is written.

    Raises:
        ValueError: an option is out of range, or two options do not fit together.
    """
    from plackett.training._objective import make_losses, make_metric
    from plackett.training._optimizers import make_optimizer

    make_losses(request.whole)
    make_metric(request.whole)
    make_optimizer(request.whole, steps=1)


def search(lists, validation, output: pathlib.Path, trials: int, space: dict | None, provenance: dict, settings: dict):
    """Runs `plackett.tune`, and prints the result of each trial; Ctrl-C says how to continue."""
    import plackett
    from plackett.training import Settings

    metric = settings.get("metric", Settings.metric)
    try:
        return plackett.tune(
            lists,
            validation,
            output=output,
            trials=trials,
            space=space,
            provenance=provenance,
            after=lambda trial: say(in_words(trial, metric)),
            **settings,
        )
    except KeyboardInterrupt:
        say("\nstopped: the same command continues the search")
        raise typer.Exit(130) from None


def in_words(trial, metric: str) -> str:
    """Describes a trial in one line."""
    result = "diverged" if trial.value is None else f"{metric} {trial.value:.4f}"
    return f"trial {trial.number}: {result}, {', '.join(f'{name}={in_short(x)}' for name, x in trial.settings.items())}"
