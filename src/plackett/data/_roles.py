"""What the columns of a table with one row a document mean, by their names."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from plackett.data._columns import FIXED, KNOWN, check_column, check_names

WORDS = {
    "features": "a feature",
    "categorical": "an id feature",
    "ids": "an id feature",
    "columns": "a column",
    "query_columns": "a column of queries",
}


class Role(NamedTuple):
    """What a column is, under an argument of `Roles`, and the name that it gets."""

    kind: str
    name: str

    def __str__(self) -> str:
        """In words."""
        return WORDS.get(self.kind, f"the {self.kind}") if self.kind != "columns" else f"the column {self.name}"


@dataclasses.dataclass(frozen=True)
class Roles:
    """Which column of a table is what; see `RankingLists.from_frame`."""

    query: str = "query"
    label: str = "label"
    document: str | None = None
    features: Sequence[str] | None = None
    categorical: Sequence[str] = ()
    ids: Sequence[str] = ()
    columns: Mapping[str, str] = dataclasses.field(default_factory=dict)
    query_columns: Sequence[str] = ()

    def __post_init__(self):
        for argument in ("features", "categorical", "ids", "query_columns"):
            if isinstance(getattr(self, argument), str):
                raise ValueError(f"{argument} must be a sequence of names, but got {getattr(self, argument)!r}")
        if not isinstance(self.columns, Mapping):
            raise ValueError(f"columns must be a dict, {{name it gets: column}}, but got {self.columns!r}")
        check_names("a column", self.columns, {})

    def of_columns(self, names: Sequence[str], where: str) -> dict[str, Role]:
        """The role of each column of a table with these columns; those that are not read have none.

        Raises:
            ValueError: there is no such column, or it has two roles.
        """
        given = [(self.query, Role("query", "query")), (self.label, Role("label", "label"))]
        document = self.document or ("document" if "document" in names else None)
        given += [] if document is None else [(document, Role("document", "document"))]
        given += [(name, Role("columns", role)) for role, name in self.columns.items()]
        for kind in ("categorical", "ids", "query_columns", "features"):
            given += [(name, Role(kind, name)) for name in getattr(self, kind) or ()]
        found: dict[str, Role] = {}
        for name, role in given:
            check_column(name, names, where)
            if name in found:
                raise ValueError(f"{where}: column {name!r} cannot be both {found[name]} and {role}")
            found[name] = role
        if self.features is None:
            left = [name for name in names if name not in found]
            found |= {name: Role("columns" if name in KNOWN else "features", name) for name in left}
        self._check_new_names(found.values(), where)
        return found

    def _check_new_names(self, roles, where):
        taken: dict[str, str] = {}
        for kind, what in WORDS.items():
            try:
                check_names(what, [role.name for role in roles if role.kind == kind], taken, FIXED)
            except ValueError as error:
                raise ValueError(f"{where}: {error}; say which columns are features, or rename it") from None
