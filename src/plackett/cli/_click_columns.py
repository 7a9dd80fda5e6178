"""`--click-column`: which column of a click log is what."""

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
        help=f"A column of the log that has another name there, as document=product: {', '.join(OF_SESSIONS)}, of "
        f"counts {', '.join(OF_COUNTS)}; session={NONE} where there is none. May be repeated.",
        rich_help_panel=PANEL,
    ),
]


def find_click_columns(
    given: Mapping[str, Any], roles: Collection[str] = (*OF_SESSIONS, *OF_COUNTS)
) -> dict[str, str | None]:
    """The columns of a log that the command line names, as `read_clicks` takes them.

    Args:
        given: the flags that stand on the command line.
        roles: those that a log may have.

    Raises:
        ValueError: a role is unknown, or there twice.
    """
    columns: dict[str, str | None] = dict(
        parse_pairs("--click-column", given.get("click_columns") or (), "ROLE=COLUMN")
    )
    for role in columns:
        check_known("role in --click-column:", role, roles)
    return columns | {role: None for role in OPTIONAL if columns.get(role) == NONE}
