"""The `plackett` command. Internal: its flags are what it offers.

A command imports Keras when it needs it, after all that can be checked without it.
"""


def main() -> None:
    """Runs the command line."""
    from plackett.cli._app import app

    app()
