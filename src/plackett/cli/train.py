"""`plackett train`."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from rich.markup import escape

from plackett.cli import _checks, _clicks, _teachers
from plackett.cli._backend import choose_backend
from plackett.cli._click_columns import ClickColumns, ClickReading
from plackett.cli._flags import (
    LAMBDARANK,
    Backend,
    Config,
    SharedQueries,
    TrainingData,
    Validation,
    with_reading,
    with_settings,
)
from plackett.cli._progress import EpochBar
from plackett.cli._request import Request, flags_given, read_request
from plackett.cli._tables import console, say
from plackett.cli._training_lists import read_lists
from plackett.training._budget import OF_THE_DATA, budget_in_words, with_budget
from plackett.training._interrupt import check_interrupts
from plackett.training._lock import check_free, check_search_free
from plackett.training._output_folder import MEMBERS, check_output, holds_run, members_of, read_history
from plackett.training._same_run import check_same_settings, schedule_over_all_epochs, with_numbers_of
from plackett.training._settings import Settings
from plackett.training._validation_share import number_to_train

EPILOG = LAMBDARANK

Output = Annotated[pathlib.Path, typer.Option(help="The folder for the model and its record.")]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace an earlier run in the output folder; nothing else.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Continue the run in the output folder, if there is one.")]
Workers = Annotated[
    int | None,
    typer.Option(min=1, help="Train in this many processes, with Ray; each takes an equal part of every batch."),
]
Address = Annotated[
    str | None,
    typer.Option(help="A Ray cluster: auto, HOST:PORT or ray://HOST:PORT. Default: a new one on this machine."),
]
MaxFailures = Annotated[
    int, typer.Option(min=0, help="How often lost workers may start again, from the last checkpoint.")
]
TensorBoard = Annotated[bool, typer.Option("--tensorboard", help="Log to the folder tensorboard in the output folder.")]


@with_settings
@with_reading
def train(
    ctx: typer.Context,
    output: Output,
    data: TrainingData = None,
    config: Config = None,
    validation: Validation = None,
    shared_queries: SharedQueries = False,
    backend: Backend = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    tensorboard: TensorBoard = False,
    workers: Workers = None,
    address: Address = None,
    max_failures: MaxFailures = 3,
    clicks: _clicks.Clicks = None,
    method: _clicks.MethodName = None,
    propensities: _clicks.Propensities = None,
    propensity_method: _clicks.PropensityMethod = None,
    clip: _clicks.Clip = None,
    click_columns: ClickColumns = None,
    click_reading: ClickReading = None,
    teacher: _teachers.Teachers = None,
    teacher_temperature: _teachers.Temperature = None,
    raw_teacher: _teachers.Raw = False,
    label_loss: _teachers.LabelLoss = None,
    label_options: _teachers.LabelOptions = None,
    label_weight: _teachers.LabelWeight = None,
    extra_lists: _teachers.ExtraLists = None,
    teacher_cache: _teachers.Cache = None,
    **flags,
):
    """Train a ranker and keep the best epoch: config.yaml, environment.yaml, model.keras, metrics.json, history.csv."""
    if overwrite and resume:
        raise ValueError("--resume continues a run and --overwrite replaces it: give only one of the two")
    if tensorboard:
        _checks.check_installed("tensorflow", "--tensorboard writes with TensorFlow", "tensorflow")
    running = choose_backend(backend)
    group = read_group(ctx, running, workers, address, max_failures, tensorboard)
    request, of_clicks, of_teacher = read_checked(ctx, running, output, shared_queries)
    check_together(request, group, tensorboard)
    check_place(output, running, request, of_clicks, of_teacher, overwrite=overwrite, resume=resume)
    if of_teacher is not None:
        plan, provenance = _teachers.plan_training(
            request, of_teacher, output, shared_queries=shared_queries, resume=resume
        )
        lists, held_out, settings = plan.lists, plan.held_out, plan.settings
    elif of_clicks is not None:
        of_log, provenance = _clicks.plan_training(request, of_clicks, shared_queries=shared_queries)
        lists, held_out, settings = of_log.lists, of_log.held_out, of_log.settings
    else:
        lists, held_out, provenance = read_lists(request, shared_queries=shared_queries)
        settings = request.settings
    check_interrupts()
    if request.whole.ensemble > 1:
        say(f"{request.whole.ensemble} members are trained, one after the other, with the seeds {of_ensemble(request)}")
    settings = settings | choose_budget(lists, held_out, settings, output if resume else None, group)
    done = finished_epochs(output) if resume else 0
    trained = train_under_a_bar(
        lists,
        held_out,
        output,
        settings,
        callbacks=[log_to(output / "tensorboard")] if tensorboard else [],
        group=group,
        resumable=True,
        provenance=provenance,
        overwrite=overwrite,
        resume=resume,
    )
    if resume and finished_epochs(output) == done:
        say("the run had ended before: nothing was left to train")
    tell_best(trained)
    if of_clicks is not None:
        _clicks.tell_examination(trained.model)
    if trained.still_improving:
        anew = schedule_over_all_epochs(dataclasses.asdict(request.whole))
        way_on = "--overwrite, or another --output" if anew else "--resume, which continues from here"
        say(f"the best epoch was the last one: more --epochs may find a better one (with {way_on})")


def check_together(request: Request, group, tensorboard: bool) -> None:
    """Raises a ValueError for settings that do not fit the workers or the log of one run."""
    if tensorboard and request.whole.ensemble > 1:
        raise ValueError(
            f"--tensorboard follows one run, but --ensemble {request.whole.ensemble} trains several: leave out one of "
            "the two"
        )
    if group and request.whole.batch_size is not None:
        from plackett.distributed._train import check_batch_size

        check_batch_size(request.whole.batch_size, group["workers"])


def check_place(output: pathlib.Path, running: str, request: Request, of_clicks, of_teacher, *, overwrite, resume):
    """Checks that a run may be written there or, with `resume`, that the run there is the one that is asked for."""
    _checks.check_folder(output, may_hold=True, way_out="")
    check_output(output, overwrite=overwrite, resume=resume)
    check_free(output)
    check_search_free(output)
    if not resume:
        return
    if not holds_run(output):
        say(f"there is no run in {output} yet: a new one begins")
    if of_teacher is not None:
        _teachers.check_same_teaching(output, of_teacher)
    elif of_clicks is None and (output / "config.yaml").is_file():
        whole = with_numbers_of(output, request.whole)
        check_same_settings(output, {"backend": running} | dataclasses.asdict(whole))


def of_ensemble(request: Request) -> str:
    """The seeds of the members."""
    return f"{request.whole.seed} to {request.whole.seed + request.whole.ensemble - 1}"


def finished_epochs(output: pathlib.Path) -> int:
    """The number of epochs that a run, or all members of an ensemble, have finished."""
    return sum(len(read_history(folder)) for folder in members_of(output) or [output])


def tell_best(trained) -> None:
    """Prints the result of a run, or of the members of an ensemble and of the ensemble."""
    saved = f"saved in [bold]{escape(str(trained.output))}[/]"
    if not trained.members:
        best, epochs = trained.best["epoch"], len(trained.history)
        console.print(f"best epoch {best} of {epochs}; {saved}", soft_wrap=True)
        return
    of_members = trained.best["members"]
    for number, (member, entry) in enumerate(zip(trained.members, of_members, strict=True), 1):
        best = ", ".join(f"{name} {x:.4f}" for name, x in entry.items() if name not in ("seed", "epoch", "loss"))
        say(f"member {number}, seed {entry['seed']}: best epoch {entry['epoch']} of {len(member.history)}, {best}")
    values = [f"{name} {x:.4f}" for name, x in trained.best.items() if name != "members"]
    own = (
        ", ".join(values)
        or "no loss of its own, as its scores are standardised: plackett evaluate measures how it ranks"
    )
    console.print(f"all {len(of_members)} of them: {own}; {saved}", soft_wrap=True)


def read_checked(
    ctx: typer.Context, running: str, output: pathlib.Path, shared_queries: bool
) -> tuple[Request, _clicks.ClickRequest | None, _teachers.TeacherRequest | None]:
    """Returns what is asked for, with a log of clicks and a teacher if they are named. It checks names and files."""
    given = flags_given(ctx)
    request = read_request(ctx, running, labels_alone=False)
    of_clicks = _clicks.read_click_request(given, request.clicks)
    of_teacher = _teachers.read_teacher_request(given, request, output)
    if of_teacher is None:
        _checks.check_training(request, shared_queries=shared_queries, labelled=of_clicks is None)
        return request, of_clicks, None
    if of_clicks is not None:
        raise ValueError("--teacher and --clicks are two sources to learn from: give only one of the two")
    request = _teachers.with_columns(request, of_teacher)
    _teachers.check_data(request, of_teacher, shared_queries=shared_queries)
    return request, None, of_teacher


def read_group(ctx, backend: str, workers: int | None, address: str | None, max_failures: int, tensorboard: bool):
    """Returns the workers that a command asks for, in the form of `plackett.distributed.train`; {} if it asks for none.

    Raises:
        ImportError: Ray is not installed.
        ValueError: a flag is only for workers, or cannot be used with workers, or the backend has no group.
    """
    given = flags_given(ctx)
    if workers is None:
        for name in ("address", "max_failures"):
            if name in given:
                flag = f"--{name.replace('_', '-')}"
                raise ValueError(f"{flag} is for several workers only: give --workers too, or leave out {flag}")
        return {}
    _checks.check_installed("ray", "--workers trains with Ray", "'plackett[ray]'")
    if tensorboard:
        raise ValueError("--tensorboard follows one process: leave it out, or leave out --workers")
    if backend == "tensorflow":
        raise ValueError(
            "several workers train on jax or torch, but the backend is tensorflow, which trains in one process on one "
            "machine: choose another (--backend, $KERAS_BACKEND), or leave out --workers"
        )
    return {"workers": workers, "address": address, "max_failures": max_failures}


def choose_budget(lists, validation, settings: Mapping, begun: pathlib.Path | None, group: Mapping) -> dict[str, int]:
    """Chooses the batch size, the epochs and the patience of a run, and prints those that depend on the number of
    queries.

    Args:
        lists: the training lists.
        validation: the validation lists, or None.
        settings: fields of `Settings`.
        begun: the folder of the run, if one is resumed.
        group: the workers, see `read_group`.
    """
    whole = Settings.from_dict(dict(settings))
    queries = number_to_train(lists, validation, whole)
    if whole.batch_size is not None and whole.batch_size > queries:
        say(f"a batch has all {queries} queries, which are fewer than --batch-size {whole.batch_size}")
    chosen = whole if begun is None else with_numbers_of(begun, whole)
    chosen = with_budget(chosen, queries, group.get("workers", 1))
    if chosen != whole:
        say(f"{queries} queries to train on: {budget_in_words(chosen)}")
    return {name: getattr(chosen, name) for name in OF_THE_DATA}


def train_under_a_bar(
    lists,
    validation,
    output: pathlib.Path,
    settings: Mapping,
    *,
    callbacks: Sequence = (),
    group: Mapping | None = None,
    resumable=False,
    **options,
):
    """Runs `plackett.train`, or that of several workers, with a bar over its epochs; Ctrl-C says what is kept."""
    import plackett
    from plackett.training._objective import make_metric

    whole = Settings.from_dict(settings)
    metric = make_metric(whole)
    bar = EpochBar(console, _what_is_learnt(whole), metric.name, metric.improves)
    try:
        if group:
            return _train_in_group(lists, validation, bar, output=output, **group, **options, **settings)
        callbacks = [as_callback(bar, whole), *callbacks]
        return plackett.train(lists, validation, output=output, callbacks=callbacks, **options, **settings)
    except KeyboardInterrupt:
        kept = f"the best of the finished epochs is in {output}" if bar.best[0] else "no epoch was finished"
        if whole.ensemble > 1 and (output / MEMBERS).is_dir():
            kept = f"what the members have finished is in {output / MEMBERS}"
        say(f"\nstopped: {kept}{way_on(output) if resumable else ''}")
        raise typer.Exit(130) from None
    finally:
        bar.close()


def _train_in_group(lists, validation, bar, *, output, resume=False, **options):
    """Runs `plackett.distributed.train` with a bar."""
    from plackett import distributed

    names = {field.name for field in dataclasses.fields(Settings)}
    whole = Settings.from_dict({name: x for name, x in options.items() if name in names})
    if whole.ensemble == 1:
        bar.begin(whole.epochs, read_history(output) if resume else [])
    shown = 0

    def show(entry):
        nonlocal shown
        if (number := entry.get("member", 0)) > shown:
            shown = number
            before = [x for x in read_history(output / MEMBERS / str(number)) if x["epoch"] < entry["epoch"]]
            bar.begin(whole.epochs, before, in_ensemble(whole, number))
        bar.show(entry["epoch"], entry)

    return distributed.train(lists, validation, output=output, resume=resume, on_epoch=show, **options)


def in_ensemble(whole, number: int) -> str:
    """The member of an ensemble that a bar shows; "" for a single run."""
    return f", member {number} of {whole.ensemble}" if whole.ensemble > 1 else ""


def _what_is_learnt(whole):
    if whole.tasks:
        return " + ".join(whole.tasks)
    return whole.loss if isinstance(whole.loss, str) else "training"


def way_on(output: pathlib.Path) -> str:
    """What `--resume` does with a run that was stopped."""
    from plackett.training.callbacks.checkpoints import CHECKPOINTS, positions

    if members := members_of(output):
        last = members[-1]
        if positions(last / CHECKPOINTS):
            return f"; --resume continues member {last.name} from its last checkpoint"
        return f"; there is no checkpoint of member {last.name} yet, so --resume begins it again"
    if positions(output / CHECKPOINTS):
        return "; --resume continues from the last checkpoint"
    return "; there is no checkpoint yet, so --resume begins again"


def as_callback(bar: EpochBar, whole):
    """Returns the Keras callback that moves a bar."""
    import keras

    callback: keras.callbacks.Callback = keras.callbacks.LambdaCallback(
        on_train_begin=lambda logs: bar.begin(
            callback.params["epochs"],
            callback.params["history"],
            in_ensemble(whole, callback.params["seed"] - whole.seed + 1),
        ),
        on_epoch_end=lambda epoch, logs: bar.show(epoch + 1, logs),
        on_train_end=lambda logs: bar.close(),
    )
    return callback


def log_to(folder: pathlib.Path):
    """Returns the Keras callback that writes logs for TensorBoard."""
    import keras

    return keras.callbacks.TensorBoard(str(folder), write_graph=False)
