"""`--click-column` and `--click-reading`: the columns of a click log, and how its text is read."""

from collections.abc import Collection, Mapping
from typing import Annotated, Any

import typer

from plackett.cli._flags import NONE
from plackett.cli._reading import parse_pairs
from plackett.registry import check_known

OF_SESSIONS = ("query", "session", "document", "position", "click", "propensity")
OF_COUNTS = ("shown", "clicked")
OPTIONAL = ("session", "propensity")
PANEL = "Clicks"
ClickColumns = Annotated[
    list[str] | None,
    typer.Option(
        "--click-column",
        help=f"A column of the log that has another name there, as in document=product: {', '.join(OF_SESSIONS)}; for "
        f"counts {', '.join(OF_COUNTS)}; session={NONE} if there is none. May be repeated.",
        rich_help_panel=PANEL,
    ),
]
ClickReading = Annotated[
    list[str] | None,
    typer.Option(
        "--click-reading",
        help="How the text of the log is read, independently of the data: separator=; or encoding=latin-1; "
        "together=false groups the rows of sessions that are apart. May be repeated.",
        rich_help_panel=PANEL,
    ),
]
READING = ("separator", "encoding", "together")


def find_click_reading(given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns how a log is read, in the form of `read_clicks`.

    Args:
        given: the flags on the command line.

    Raises:
        ValueError: an option is unknown, given twice, or of the wrong kind.
    """
    options: dict[str, Any] = dict(parse_pairs("--click-reading", given.get("click_reading") or (), "NAME=VALUE"))
    for name in options:
        check_known("option in --click-reading:", name, READING)
    if "separator" in options:
        options["separator"] = options["separator"].replace("\\t", "\t")
    if "together" in options:
        check_known("value of --click-reading together:", options["together"], ("true", "false"))
        options["together"] = options["together"] == "true"
    return options


def find_click_columns(
    given: Mapping[str, Any], roles: Collection[str] = (*OF_SESSIONS, *OF_COUNTS)
) -> dict[str, str | None]:
    """Returns the columns of a log that the command line names, in the form of `read_clicks`.

    Args:
        given: the flags on the command line.
        roles: the roles that a log may have.

    Raises:
        ValueError: a role is unknown, or given twice.
    """
    columns: dict[str, str | None] = dict(
        parse_pairs("--click-column", given.get("click_columns") or (), "ROLE=COLUMN")
    )
    for role in columns:
        check_known("role in --click-column:", role, roles)
    return columns | {role: None for role in OPTIONAL if columns.get(role) == NONE}
