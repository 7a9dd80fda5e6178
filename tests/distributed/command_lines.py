"""The command line in this process."""

import typer.testing

from plackett.cli._app import app


def run(*arguments):
    """What a command comes to; its output has both streams."""
    return typer.testing.CliRunner().invoke(app, [str(argument) for argument in arguments])


def words(done):
    """The output in one line."""
    return " ".join(done.output.split())
