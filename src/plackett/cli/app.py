"""The command line: `plackett convert`, `plackett train`, `plackett tune`, `plackett evaluate`, `plackett demo`."""

import dataclasses
import functools
import importlib.util
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
from plackett import training
from plackett.cli.convert import convert
from plackett.cli.progress import ProgressBar
from plackett.data._sources import MOVIELENS, read, read_training
from plackett.evaluation import METRICS
from plackett.training import Settings
from plackett.training._config_file import read_config, read_yaml

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Learning to rank with Keras 3.")
console = Console()


def check_backend(name: str | None) -> str | None:
    """`plackett.cli.main` has started Keras on the backend that was asked for; another way in may not have."""
    if name not in (None, keras.backend.backend()):
        raise typer.BadParameter(f"Keras already runs on {keras.backend.backend()} in this process, not {name}")
    return name


DATA = f"LETOR files, plain or compressed; Parquet files, folders or URLs; or {MOVIELENS!r}."
Data = Annotated[list[str], typer.Argument(help=DATA)]
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
    list[str], typer.Option(help="Files to choose the best epoch on, as DATA. Default: 20 % of the queries.")
]


TrainingData = Annotated[list[str], typer.Argument(help=f"{DATA} Default: that of --config.")]
Config = Annotated[
    pathlib.Path | None,
    typer.Option(help="The config.yaml of a run: its data and settings, where the command line gives no others."),
]
Loss = Annotated[str, typer.Option(help="The name of the loss.")]
BestMetric = Annotated[str, typer.Option("--metric", help="The metric that chooses the best epoch.")]
Scorer = Annotated[str | None, typer.Option(help=f"{', '.join(plackett.scorers.SCORERS)}. Default: by the data.")]
Epochs = Annotated[int, typer.Option(help="At most so many epochs.")]
SharedQueries = Annotated[
    bool, typer.Option("--shared-queries", help="A query may be both in training and in validation data.")
]
Patience = Annotated[int, typer.Option(help="Stop after so many epochs without a gain.")]


def clear_errors(command):
    """What a user can cause ends in one line, not in a traceback; Ctrl-C says what is kept."""

    @functools.wraps(command)
    def run(*args, **kwargs):
        try:
            command(*args, **kwargs)
        except typer.Exit:
            raise
        except (ValueError, OSError, ImportError) as error:
            console.print(f"[bold red]error:[/] {escape(str(error))}", highlight=False)
            raise typer.Exit(2) from None

    return run


app.command()(clear_errors(convert))


@app.command()
@clear_errors
def train(
    ctx: typer.Context,
    output: Annotated[pathlib.Path, typer.Option(help="The folder for the model and its record.")],
    data: TrainingData = (),
    config: Config = None,
    validation: Validation = (),
    shared_queries: SharedQueries = False,
    loss: Loss = Settings.loss,
    loss_option: LossOptions = (),
    target: Annotated[str, typer.Option(help="What the loss learns from: label, click or teacher.")] = Settings.target,
    metric: BestMetric = Settings.metric,
    scorer: Scorer = Settings.scorer,
    scorer_option: ScorerOptions = (),
    epochs: Epochs = Settings.epochs,
    patience: Patience = Settings.patience,
    batch_size: Annotated[int, typer.Option(help="Lists a step.")] = Settings.batch_size,
    max_list_size: Annotated[
        int | None, typer.Option(help="Longer training lists are cut: relevant documents stay, others are sampled.")
    ] = Settings.max_list_size,
    optimizer: Annotated[str, typer.Option(help="Any of Keras, such as adam or sgd.")] = Settings.optimizer,
    learning_rate: Annotated[float, typer.Option(help="Of the optimizer.")] = Settings.learning_rate,
    learning_rate_schedule: Annotated[
        str | None, typer.Option(help="cosine, warmup_cosine or exponential, or {NAME: OPTIONS} in YAML.")
    ] = Settings.learning_rate_schedule,
    weight_decay: Annotated[float | None, typer.Option(help="Of the optimizer.")] = Settings.weight_decay,
    global_clipnorm: Annotated[
        float | None, typer.Option(help="Gradients of a larger norm are scaled down to it.")
    ] = Settings.global_clipnorm,
    mixed_precision: Annotated[
        bool, typer.Option("--mixed-precision", help="Compute in bfloat16.")
    ] = Settings.mixed_precision,
    checkpoint_steps: Annotated[
        int | None, typer.Option(help="Write a checkpoint after each so many steps.")
    ] = Settings.checkpoint_steps,
    checkpoint_minutes: Annotated[
        float, typer.Option(help="Write one when the last is so old.")
    ] = Settings.checkpoint_minutes,
    keep_checkpoints: Annotated[int, typer.Option(help="Keep so many.")] = Settings.keep_checkpoints,
    seed: Annotated[int, typer.Option(help="Of weights, order, dropout and noise.")] = Settings.seed,
    backend: Backend = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier run in the output folder.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in the output folder, if there is one.")
    ] = False,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Log to the folder tensorboard in the output folder.")
    ] = False,
):
    """Train a ranker and keep the best epoch: config.yaml, environment.yaml, model.keras, metrics.json, history.csv."""
    settings, source = given_settings(ctx)
    lists, held_out, provenance = read_data(settings, source, shared_queries)
    trained = run_training(
        lists,
        held_out,
        settings.pop("loss", Settings.loss),
        settings.pop("metric", Settings.metric),
        output,
        provenance=provenance,
        overwrite=overwrite,
        resume=resume,
        callbacks=[tensorboard_into(output)] if tensorboard else [],
        **settings,
    )
    console.print(f"best epoch {trained.best['epoch']} of {len(trained.history)}; saved in [bold]{trained.output}[/]")


@app.command()
@clear_errors
def tune(
    ctx: typer.Context,
    output: Annotated[pathlib.Path, typer.Option(help="The folder for the search; the same one goes on with it.")],
    trials: Annotated[int, typer.Option(help="How many trials in all.")],
    data: TrainingData = (),
    space: Annotated[
        pathlib.Path | None,
        typer.Option(help="A YAML file of names to {low, high, log} or lists of choices. Default: by the scorer."),
    ] = None,
    config: Config = None,
    validation: Validation = (),
    shared_queries: SharedQueries = False,
    loss: Loss = Settings.loss,
    loss_option: LossOptions = (),
    metric: BestMetric = Settings.metric,
    scorer: Scorer = Settings.scorer,
    scorer_option: ScorerOptions = (),
    epochs: Epochs = Settings.epochs,
    patience: Patience = Settings.patience,
    seed: Annotated[int, typer.Option(help="Of the search and of each trial.")] = Settings.seed,
    backend: Backend = None,
):
    """Search for the settings with the best metric, by Optuna; config.yaml in the output folder has them."""
    settings, source = given_settings(ctx)
    settings.setdefault("metric", Settings.metric)
    searched = None if space is None else read_yaml(space)
    lists, held_out, provenance = read_data(settings, source, shared_queries)
    try:
        found = training.tune(
            lists,
            held_out,
            output=output,
            trials=trials,
            space=searched,
            provenance=provenance,
            after=lambda trial: console.print(in_words(trial, settings["metric"]), highlight=False),
            **settings,
        )
    except KeyboardInterrupt:
        console.print("\nstopped: the same command goes on with the search")
        raise typer.Exit(130) from None
    console.print(trial_table(found, settings["metric"]))
    if found[0].value is None:
        raise ValueError(
            f"all {len(found)} trials diverged, so there are no best settings: search smaller learning rates, or look "
            f"at divergence.json in the folders of {output / 'trials'}"
        )
    console.print(f"train the best with --config {output / 'config.yaml'}", highlight=False)


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
    queries: Annotated[
        str, typer.Option(help="What the mean is over: run, queries with documents, or judged, also those without.")
    ] = "run",
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
        lists = read(data, features=inputs["features"].shape[-1] if "features" in inputs else None)
    missing = sorted(set(inputs) - {"mask", "features", *lists.ids})
    if missing:
        raise ValueError(f"{path} was trained on the id features {', '.join(missing)}, which this data does not have")
    values = plackett.evaluate(ranker, lists, measures, queries=queries)
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
    popularity = np.bincount(lists.ids["film"], minlength=test.ids["film"].max() + 1)
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
        stated = f"empty={measure.empty}, ties={measure.ties}"
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


def read_data(settings, source, shared_queries):
    """(training lists, validation lists, what config.yaml says of them)."""
    seed = settings.get("seed", Settings.seed)
    if not source[1] and source[0] != [MOVIELENS]:
        console.print(f"no --validation: 20 % of the queries, drawn with seed {seed}, are held out", highlight=False)
    lists, held_out, provenance = read_training(*source, seed, shared_queries=shared_queries)
    console.print(f"{labels_in_words(lists)} to train on, {labels_in_words(held_out)} to validate on", highlight=False)
    return lists, held_out, provenance


def labels_in_words(lists: plackett.data.RankingLists) -> str:
    """How many queries there are, and the range of their labels."""
    return f"{len(lists)} queries of labels {lists.labels.min(initial=np.inf):g} to {lists.labels.max(initial=0):g}"


def run_training(lists, validation, loss, metric, output, *, callbacks=(), **settings):
    """`plackett.train` under a progress bar."""
    bar = ProgressBar(console, loss, metric)
    try:
        return plackett.train(
            lists, validation, loss=loss, metric=metric, output=output, callbacks=[bar, *callbacks], **settings
        )
    except KeyboardInterrupt:
        kept = f"the best of the finished epochs is in {output}" if bar.best[0] else "no epoch was finished"
        console.print(f"\nstopped: {kept}; --resume goes on from the last checkpoint", highlight=False)
        raise typer.Exit(130) from None
    finally:
        bar.close()


def given_settings(ctx: typer.Context) -> tuple[dict, tuple[list[str], list]]:
    """(settings, (data, validation)): those of --config, and in their place what the command line gives.

    A loss or scorer given there stands without the options that the file has for another.
    """
    given = {name: x for name, x in ctx.params.items() if ctx.get_parameter_source(name).name == "COMMANDLINE"}
    config = (
        {} if "config" not in given else read_config(given["config"], keras.backend.backend(), given.get("backend"))
    )
    source = {name: config.pop(name, None) for name in ("data", "validation")}
    data, validation = (list(given.get(name) or source[name] or ()) for name in source)
    if not data:
        raise ValueError("there is no data: name it, or a --config that does")
    for part in ("loss", "scorer"):
        options = parse_options(f"--{part}-option", given.get(f"{part}_option", []))
        before = {} if part in given else config.get(f"{part}_options", {})
        given[f"{part}_options"] = before | options
    if isinstance(schedule := given.get("learning_rate_schedule"), str):
        given |= parse_options("--learning-rate-schedule", [f"learning_rate_schedule={schedule}"])
    names = {field.name for field in dataclasses.fields(Settings)}
    settings = config | {name: given[name] for name in given if name in names}
    Settings.from_dict(settings)
    return settings, (data, validation)


def tensorboard_into(output: pathlib.Path) -> keras.callbacks.Callback:
    """The callback that writes what TensorBoard shows."""
    if importlib.util.find_spec("tensorflow") is None:
        raise ValueError("--tensorboard writes with TensorFlow, which is not installed: pip install tensorflow")
    return keras.callbacks.TensorBoard(str(output / "tensorboard"), write_graph=False)


def in_words(trial: training.Trial, metric: str) -> str:
    """One line of a trial."""
    result = "diverged" if trial.value is None else f"{metric} {trial.value:.4f}"
    return f"trial {trial.number}: {result}, {', '.join(f'{name}={as_text(x)}' for name, x in trial.settings.items())}"


def trial_table(trials: list[training.Trial], metric: str) -> Table:
    """The best ten trials, one a row."""
    drawn = Table(title=f"The best of {len(trials)} trials")
    for column in ("trial", metric, *trials[0].settings):
        drawn.add_column(column, justify="right")
    for trial in trials[:10]:
        value = "diverged" if trial.value is None else f"{trial.value:.4f}"
        drawn.add_row(str(trial.number), value, *map(as_text, trial.settings.values()))
    return drawn


def as_text(x) -> str:
    """A chosen value, short."""
    return f"{x:.4g}" if isinstance(x, float) else str(x)


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
