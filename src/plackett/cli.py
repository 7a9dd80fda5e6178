"""The command line: `plackett train`, `plackett evaluate`, `plackett demo`."""

import functools
import pathlib
import sys
from typing import Annotated

import keras
import numpy as np
import typer
import yaml
from rich.console import Console
from rich.markup import escape
from rich.table import Table

import plackett
from plackett.evaluation import METRICS
from plackett.progress import ProgressBar
from plackett.training import Settings

MOVIELENS = "movielens-100k"

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Learning to rank with Keras 3.")
console = Console()


def check_backend(name: str | None) -> str | None:
    """`plackett_command` has started Keras on the backend that was asked for; another way in may not have."""
    if name not in (None, keras.backend.backend()):
        raise typer.BadParameter(f"Keras already runs on {keras.backend.backend()} in this process, not {name}")
    return name


Data = Annotated[list[str], typer.Argument(help=f"LETOR files, plain or gzipped, or {MOVIELENS!r}.")]
Backend = Annotated[
    str | None,
    typer.Option(
        help="jax, tensorflow or torch. Default: $KERAS_BACKEND, else the first installed.", callback=check_backend
    ),
]
LossOptions = Annotated[list[str], typer.Option("--loss-option", help="An option of the loss, as NAME=VALUE in YAML.")]
ScorerOptions = Annotated[
    list[str], typer.Option("--scorer-option", help="An option of the scorer, as NAME=VALUE in YAML: hidden=[64,32].")
]
Metrics = Annotated[list[str], typer.Option("--metric", help="A metric, such as ndcg@10; may be repeated.")]
Validation = Annotated[
    list[pathlib.Path], typer.Option(help="LETOR files to choose the best epoch on. Default: 20 % of the queries.")
]


def clear_errors(command):
    """What a user can cause ends in one line, not in a traceback; Ctrl-C says what is kept."""

    @functools.wraps(command)
    def run(*args, **kwargs):
        try:
            command(*args, **kwargs)
        except typer.Exit:
            raise
        except (ValueError, OSError) as error:
            console.print(f"[bold red]error:[/] {escape(str(error))}", highlight=False)
            raise typer.Exit(2) from None

    return run


@app.command()
@clear_errors
def train(
    data: Data,
    output: Annotated[pathlib.Path, typer.Option(help="The folder for the model and its record.")],
    validation: Validation = (),
    loss: Annotated[str, typer.Option(help="The name of the loss.")] = Settings.loss,
    loss_option: LossOptions = (),
    metric: Annotated[str, typer.Option(help="The metric that chooses the best epoch.")] = Settings.metric,
    scorer: Annotated[str | None, typer.Option(help="mlp or embeddings. Default: by the data.")] = Settings.scorer,
    scorer_option: ScorerOptions = (),
    epochs: Annotated[int, typer.Option(help="At most so many epochs.")] = Settings.epochs,
    patience: Annotated[int, typer.Option(help="Stop after so many epochs without a gain.")] = Settings.patience,
    batch_size: Annotated[int, typer.Option(help="Lists a step.")] = Settings.batch_size,
    learning_rate: Annotated[float, typer.Option(help="Of Adam.")] = Settings.learning_rate,
    seed: Annotated[int, typer.Option(help="Of weights, order, dropout and noise.")] = Settings.seed,
    backend: Backend = None,
    overwrite: Annotated[bool, typer.Option(help="Replace an earlier run in the output folder.")] = False,
):
    """Train a ranker and keep the best epoch: config.yaml, model.keras, metrics.json, history.csv."""
    loss_options = parse_options("--loss-option", loss_option)
    scorer_options = parse_options("--scorer-option", scorer_option)
    lists, held_out, provenance = read_training(data, validation, seed)
    trained = run_training(
        lists,
        held_out,
        loss,
        metric,
        output,
        provenance=provenance,
        overwrite=overwrite,
        loss_options=loss_options,
        scorer=scorer,
        scorer_options=scorer_options,
        epochs=epochs,
        patience=patience,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
    )
    console.print(f"best epoch {trained.best['epoch']} of {len(trained.history)}; saved in [bold]{trained.output}[/]")


@app.command()
@clear_errors
def evaluate(
    model: Annotated[pathlib.Path, typer.Argument(help="An output folder of `plackett train`, or a .keras file.")],
    data: Data,
    metric: Metrics = METRICS,
    empty: Annotated[
        str | None, typer.Option(help="What a query without relevant documents counts: 0, 1 or skip. Default: 0.")
    ] = None,
    ties: Annotated[
        str | None, typer.Option(help="The order of equal scores: position, expected or trec. Default: position.")
    ] = None,
    backend: Backend = None,
):
    """Measure a trained ranker."""
    conventions = {"empty": int(empty) if empty in ("0", "1") else empty, "ties": ties}
    conventions = {name: value for name, value in conventions.items() if value is not None}
    measures = [plackett.metrics.get(name, name=name, **conventions) for name in metric]
    path = model / "model.keras" if model.is_dir() else model
    if not path.is_file():
        raise FileNotFoundError(f"there is no model at {path}")
    ranker = keras.models.load_model(path)
    inputs = ranker.input
    if not isinstance(inputs, dict) or "mask" not in inputs:
        raise ValueError(f"{path} is not a scorer of plackett: its inputs must be a dict with a mask")
    if data == [MOVIELENS]:
        lists = plackett.data.movielens_100k()[2]
    else:
        lists = read_letor_files(data, inputs["features"].shape[-1] if "features" in inputs else None)
    missing = sorted(set(inputs) - {"mask", "features", *lists.ids})
    if missing:
        raise ValueError(f"{path} was trained on the id features {', '.join(missing)}, which this data does not have")
    values = plackett.evaluate(ranker, lists, measures)
    console.print(table(f"{len(lists)} queries, {len(lists.labels)} documents", {path.parent.name: values}))
    for stated, names in by_conventions(measures).items():
        console.print(f"{', '.join(names)}: {stated}", highlight=False)


@app.command()
@clear_errors
def demo(
    output: Annotated[pathlib.Path, typer.Option(help="The folder for the models.")] = pathlib.Path("runs/demo"),
    epochs: Annotated[int, typer.Option(help="At most so many epochs a loss.")] = 12,
    backend: Backend = None,
):
    """Train three losses on MovieLens-100K and measure them on held-out films."""
    output = free_folder(output)
    lists, validation, test = plackett.data.movielens_100k()
    console.print(
        f"MovieLens-100K: {len(lists)} users; of each, the first 60 % of the ratings train ({len(lists.labels)}), "
        f"the next 20 % validate ({len(validation.labels)}), the last 20 % test ({len(test.labels)}).",
        highlight=False,
    )
    popularity = np.bincount(lists.ids["film"], minlength=lists.vocabularies["film"])
    rows = {
        "random order": plackett.evaluate_scores(np.random.default_rng(0).random(len(test.labels)), test),
        "popularity order": plackett.evaluate_scores(popularity[test.ids["film"]], test),
    }
    for loss in ("unique_softmax", "gumbel_approx_ndcg", "softmax"):
        trained = run_training(
            lists, validation, loss, "ndcg@10", output / loss, provenance={"data": [MOVIELENS]}, epochs=epochs
        )
        rows[loss] = plackett.evaluate(trained.model, test)
    console.print(table(f"{len(test)} users, their last films held out", rows))
    console.print(f"The models are in [bold]{output}[/]; measure one again with")
    console.print(f"  {sys.argv[0]} evaluate {output / 'unique_softmax'} {MOVIELENS}", highlight=False)


def by_conventions(measures) -> dict[str, list[str]]:
    """How queries without relevant documents and equal scores count -> the names of the metrics where they do so."""
    groups = {}
    for measure in measures:
        stated = f"empty={measure.empty}, ties={measure.options['ties']}"
        groups.setdefault(stated, []).append(measure.name)
    return groups


def parse_options(flag: str, pairs: list[str]) -> dict:
    """["sample_size=16"] -> {"sample_size": 16}; values are YAML."""
    options = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise ValueError(f"{flag} must be NAME=VALUE, but got {pair!r}")
        try:
            options[name] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise ValueError(f"{flag} {name}: {value!r} is not a YAML value") from None
    return options


def read_training(data, validation, seed):
    """(training lists, validation lists, what config.yaml says of them)."""
    provenance = {"data": list(data), "validation": [str(path) for path in validation]}
    if MOVIELENS in data:
        if data != [MOVIELENS] or validation:
            raise ValueError(f"{MOVIELENS} stands alone: it brings its own validation lists")
        lists, held_out, _ = plackett.data.movielens_100k()
        return lists, held_out, {"data": [MOVIELENS]}
    lists = read_letor_files(data)
    if validation:
        return lists, read_letor_files(validation, lists.features.shape[1]), provenance
    console.print(f"no --validation: 20 % of the queries, drawn with seed {seed}, are held out", highlight=False)
    return *plackett.data.split_queries(lists, 0.2, seed), provenance | {"validation": "20 % of the queries"}


def read_letor_files(paths, features: int | None = None):
    """The lists of several LETOR files behind each other."""
    parts = [plackett.data.read_letor(path, features=features) for path in paths]
    width = max(part.features.shape[1] for part in parts)
    if any(part.features.shape[1] != width for part in parts):
        parts = [plackett.data.read_letor(path, features=width) for path in paths]
    return plackett.data.concatenate(parts)


def run_training(lists, validation, loss, metric, output, **settings):
    """`plackett.train` under a progress bar."""
    bar = ProgressBar(console, loss, metric)
    try:
        return plackett.train(lists, validation, loss=loss, metric=metric, output=output, callbacks=[bar], **settings)
    except KeyboardInterrupt:
        kept = f"the best of the finished epochs is in {output}" if bar.best[0] else "no epoch was finished"
        console.print(f"\nstopped: {kept}", highlight=False)
        raise typer.Exit(130) from None
    finally:
        bar.close()


def free_folder(folder: pathlib.Path) -> pathlib.Path:
    """`folder`, or the first of folder-2, folder-3, ... that does not exist yet."""
    candidates = [folder, *(folder.with_name(f"{folder.name}-{i}") for i in range(2, 1000))]
    return next(candidate for candidate in candidates if not candidate.exists())


def table(title: str, rows: dict[str, dict[str, float]]) -> Table:
    """Metrics side by side: one row a ranker, one column a metric."""
    drawn = Table(title=title)
    drawn.add_column("")
    for metric in next(iter(rows.values())):
        drawn.add_column(metric, justify="right")
    for name, values in rows.items():
        drawn.add_row(name, *(f"{value:.4f}" for value in values.values()))
    return drawn
