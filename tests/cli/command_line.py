"""The command line in this process."""

import typer.testing
from backends import BACKEND

from plackett.cli._app import app

OTHER = "torch" if BACKEND == "jax" else "jax"


def quick(epochs=2):
    """Flags of a short run."""
    options = ["--batch-size", "16", "--learning-rate", "0.03", "--scorer-option", "hidden=[8]"]
    return ["--epochs", epochs, *options, "--scorer-option", "dropout=0"]


def run(*arguments):
    """What a command comes to; its output has both streams."""
    return typer.testing.CliRunner().invoke(app, [str(argument) for argument in arguments])


def words(done):
    """The output in one line."""
    return " ".join(done.output.split())
