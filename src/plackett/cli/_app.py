"""The command line as a Typer app."""

import contextlib
import functools
import inspect
from collections.abc import Callable
from typing import Annotated

import typer
from typer.core import TyperCommand, TyperGroup

import plackett
from plackett.cli import (
    _errors,
    convert,
    crossval,
    demo,
    evaluate,
    export,
    index,
    propensities,
    report,
    score,
    search,
    serve,
    simulate,
    train,
    tune,
)
from plackett.cli._tables import errors, say
from plackett.training._interrupt import remember_interrupts

Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


class Group(TyperGroup):
    """The commands. Typer alone would end without a word where Ctrl-C comes while the arguments are read."""

    def make_context(self, *given, **options):
        with _stops():
            return super().make_context(*given, **options)

    def invoke(self, ctx):
        with _stops():
            return super().invoke(ctx)


app = typer.Typer(cls=Group, no_args_is_help=True, add_completion=False, help="Learning to rank with Keras 3.")


def make_command() -> Callable[[], None]:
    """Returns a function that runs the command line. It makes all flags of all commands, which takes a while."""
    return typer.main.get_command(app)


class Command(TyperCommand):
    """A command that takes each value once, and shows errors as `_errors` says."""

    def parse_args(self, ctx, args):
        _, _, order = self.make_parser(ctx).parse_args(list(args))
        for option in order:
            if order.count(option) > 1 and not option.multiple and not option.is_flag:
                raise typer.BadParameter("it is given twice, but takes one value", ctx, option)
        return super().parse_args(ctx, args)

    def invoke(self, ctx):
        with remember_interrupts() as interrupt, _stops():
            try:
                with _errors.warnings_in_lines():
                    result = super().invoke(ctx)
                interrupt.check()
                return result
            except (typer.Exit, BrokenPipeError):
                raise
            except Exception as error:
                if interrupt.came and (isinstance(error, ImportError) or not _errors.is_of_use(error)):
                    raise stop() from None  # Ctrl-C caused the error, for example by stopping an import
                raise self.tell(ctx, error) from None

    def tell(self, ctx, error):
        """Shows an error, and returns the exit for it."""
        debug = ctx.params["debug"] or ctx.parent.params["debug"]
        return typer.Exit(_errors.show(error, debug=debug))


def stop() -> typer.Exit:
    """Says that Ctrl-C came, and returns the exit for it."""
    errors.print("stopped")
    return typer.Exit(130)


@contextlib.contextmanager
def _stops():
    """Within this, Ctrl-C is told of."""
    try:
        yield
    except KeyboardInterrupt:
        raise stop() from None


def add(command: Callable, epilog: str | None = None) -> None:
    """Adds a command to the app, with `--debug`."""
    signature = inspect.signature(command)
    debug = inspect.Parameter("debug", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Debug)

    @functools.wraps(command)
    def run(*, debug, **given):
        command(**given)

    run.__signature__ = signature.replace(parameters=[*signature.parameters.values(), debug])  # type: ignore[attr-defined]
    app.command(cls=Command, epilog=epilog)(run)


def show_version(asked: bool) -> None:
    """Prints the version and exits."""
    if asked:
        say(f"plackett {plackett.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=show_version, is_eager=True)
    ] = False,
    debug: Debug = False,
):
    """The options before the name of a command."""


add(convert.convert)
add(train.train, train.EPILOG)
add(tune.tune)
add(crossval.crossval)
add(evaluate.evaluate)
add(report.report)
add(score.score)
add(index.index)
add(search.search)
add(export.export)
add(serve.serve)
add(simulate.simulate, simulate.EPILOG)
add(propensities.propensities)
add(demo.demo)
