"""The roles of the columns of a table with one row per document, by their names."""

import dataclasses
import re
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from plackett.data._columns import ARRAYS, FIXED, KNOWN, check_column, check_names

WORDS = {
    "features": "a feature",
    "categorical": "an id feature",
    "ids": "an id feature",
    "columns": "a column",
    "query_columns": "a column of queries",
}
FIXED_NAMES = {  # names that a column of this role cannot get; `mask` is an input of scorers
    "features": FIXED,
    "categorical": (*ARRAYS, "mask"),
    "ids": (*ARRAYS, "mask"),
    "columns": ARRAYS,
    "query_columns": (*ARRAYS, *KNOWN),
}
# Names that pandas and Arrow give to an index.
INDEX = re.compile(r"index|level_\d+|__index_level_\d+__|Unnamed: \d+(\.\d+)?(_level_\d+)?")
LABELS = ("grade", "relevance", "rel", "rating", "clicked", "click", "purchased", "target", "y")  # common label names


class Role(NamedTuple):
    """The role of a column: the argument of `Roles`, its new name, and its name in the table."""

    kind: str
    name: str
    column: str

    def __str__(self) -> str:
        """The role in words."""
        return WORDS.get(self.kind, f"the {self.kind}") if self.kind != "columns" else f"the column {self.name}"


@dataclasses.dataclass(frozen=True)
class Roles:
    """The roles of the columns of a table; see `RankingLists.from_frame`.

    An argument for several columns may be a mapping, {new name: column}.

    Args:
        to_rank: whether the documents are to be ranked. The label and `columns` are then not read, and `query_columns`
            may be missing from the table.
    """

    query: str = "query"
    label: str | None = "label"
    document: str | None = None
    features: Sequence[str] | Mapping[str, str] | None = None
    categorical: Sequence[str] | Mapping[str, str] = ()
    ids: Sequence[str] | Mapping[str, str] = ()
    columns: Mapping[str, str] = dataclasses.field(default_factory=dict)
    query_columns: Sequence[str] | Mapping[str, str] = ()
    to_rank: bool = False

    def __post_init__(self):
        for argument in ("features", "categorical", "ids", "query_columns"):
            given = getattr(self, argument)
            if isinstance(given, str) or not isinstance(given, Collection | None):
                raise ValueError(
                    f"{argument} must be a sequence of names, but got {given!r}; a dict, {{name it gets: column}}, is "
                    "welcome too"
                )
        if not isinstance(self.columns, Mapping):
            raise ValueError(f"columns must be a dict, {{name it gets: column}}, but got {self.columns!r}")
        check_names("a column", self.columns, {})

    def named(self, argument: str) -> list[tuple[str, str]]:
        """(new name, column) for each column of an argument."""
        given = getattr(self, argument) or ()
        return list(given.items()) if isinstance(given, Mapping) else [(name, name) for name in given]

    @property
    def has_label(self) -> bool:
        """Whether there are labels to read."""
        return self.label is not None and not self.to_rank

    def of_columns(
        self, names: Sequence[str], where: str, *, is_text: bool = False, index: Collection[str] = ()
    ) -> list[Role]:
        """The roles of the columns of a table; columns that are not read have none.

        The new names are not checked here, see `check_new_names`.

        Args:
            names: the names of the columns.
            where: the name of the table in errors.
            is_text: whether it is a file of text, not a frame.
            index: the names of the columns that are the index of a frame.

        Raises:
            ValueError: a column does not exist, has two roles, has neither a role nor a name, or is an index without a
                name.
        """
        check_table_names(names, where)
        found: list[Role] = []
        for role in self._given(names):
            self._check_there(role, names, where)
            for other in found:
                if other.column == role.column and {other.kind, role.kind} != {"label", "columns"}:
                    raise ValueError(f"{where}: column {role.column!r} cannot be both {other} and {role}")
            found.append(role)
        taken = {role.column for role in found if (role.kind, role.column) != ("label", "click")}
        taken |= {*KNOWN, *self.columns.values(), self.label or "label"} if self.to_rank else set()
        left = [name for name in names if name not in taken and (name != "judged" or self.has_label)]
        given = {role.name for role in found if role.kind == "columns"}
        found += [Role("columns", name, name) for name in left if name in KNOWN and name not in given]
        if self.features is None:
            taken |= {role.column for role in found}
            left = [name for name in left if name not in taken]
            _check_nameless(left, names, where, is_text, index)
            found += [Role("columns" if name in KNOWN else "features", name, name) for name in left]
        return found

    def _given(self, names):
        """The roles that the arguments give."""
        yield Role("query", "query", self.query)
        if self.has_label:
            yield Role("label", "label", self.label)
        document = "document" if self.document is None and "document" in names else self.document
        if document is not None:
            yield Role("document", "document", document)
        for kind in ("columns", "categorical", "ids", "query_columns", "features"):
            if kind == "columns" and self.to_rank:
                continue
            needed = kind != "query_columns" or not self.to_rank
            yield from (Role(kind, name, column) for name, column in self.named(kind) if needed or column in names)

    def _check_there(self, role, names, where):
        if role.kind == "columns" and role.name == "judged" and not self.has_label:
            raise ValueError(f"{where}: without labels no document is judged, so column {role.column!r} cannot say it")
        try:
            check_column(role.column, names, where)
        except ValueError as error:
            if role.kind == "query":
                raise ValueError(
                    f"{error}; use query=NAME for the column of the query id (--query NAME on the command line)"
                ) from None
            if role.kind != "label":
                raise
            likely = [name for name in names if name.lower() in LABELS]
            such = f", as label={likely[0]!r}" if likely else ""
            raise ValueError(
                f"{error}; use label=NAME for the column of the label{such}, or label=None for data without labels "
                "(--label NAME on the command line)"
            ) from None


def check_new_names(roles: Sequence[Role], where: str) -> None:
    """Checks the new names of columns.

    Raises:
        ValueError: a name has a meaning of its own, or two columns get the same name; the error says how to rename one.
    """
    taken: dict[str, str] = {}
    for kind, what in WORDS.items():
        for role in roles:
            if role.kind == kind:
                try:
                    check_names(what, [role.name], taken, FIXED_NAMES[kind])
                except ValueError as error:
                    raise ValueError(f"{where}: {error}; {_other_name(role)}") from None


def text_columns(where: str, found: Sequence[tuple[Role, object, str]], roles: Sequence[Role]) -> ValueError:
    """The error for columns that should be features but hold text.

    Args:
        where: the name of the table in errors.
        found: (the role, one of the values, its place) for each column.
        roles: the roles of all columns.
    """
    names = [role.column for role, _, _ in found]
    examples = " and ".join(f"{role.column!r} ({value!r:.60}, {place})" for role, value, place in found)
    must = f"columns {examples} must hold numbers to be features, but hold text"
    if len(found) == 1:
        _, value, place = found[0]
        must = f"column {names[0]!r} must hold numbers to be a feature, but holds text ({value!r:.60}, {place})"
    clash = {name: f"{name}_text" for name in names if name in FIXED_NAMES["query_columns"]}
    some = {clash.get(name, name): name for name in names} if clash else names
    options = [f"id features by categorical={some!r}", f"columns of queries by query_columns={some!r}"]
    if not any(role.kind == "document" for role in roles):
        options.append("the id of the document by document=NAME")
    kept = [role.column for role in roles if role.kind == "features" and role.column not in names]
    options.append(f"left out by features={kept!r}")
    named = _as_flag(some)
    flags = f"--categorical {named}, --query-columns {named}, --document NAME, --features {_as_flag(kept)}"
    return ValueError(
        f"{where}: {must}; each may be one of {', '.join(options[:-1])}, or {options[-1]} (on the command line {flags})"
    )


def _as_flag(names):
    """Names of columns as a flag of the command line has them."""
    pairs = names.items() if isinstance(names, Mapping) else zip(names, names, strict=True)
    return ",".join(name if name == column else f"{name}={column}" for name, column in pairs) or "NAME"


def hint_of_meaning(role: Role) -> str:
    """Advice for a column that is read by its name but is something else; empty if its name has no meaning."""
    if role.kind != "columns" or role.name != role.column or role.name not in KNOWN:
        return ""
    return f"; a column of this name is read as such, unless it gets another, as by categorical={_new(role)!r}"


def _new(role):
    return {f"my_{role.column.strip() or 'column'}": role.column}


def _other_name(role):
    new = _new(role)
    if role.kind != "features":
        flag = {"columns": "column"}.get(role.kind, role.kind.replace("_", "-"))
        return f"it gets another name by {role.kind}={new!r} (--{flag} {_as_flag(new)} on the command line)"
    return (
        f"give it another name and say what it is, by columns={new!r}, query_columns={new!r}, categorical={new!r} or "
        f"features={{{str(new)[1:-1]}, ...}}, or leave it out: features=[...] names all features (on the command line "
        f"--column, --query-columns, --categorical or --features {_as_flag(new)})"
    )


def check_table_names(names, where):
    """Raises a ValueError if two columns of a table have the same name, or several have no name."""
    twice = sorted({name for name in names if name.strip() and names.count(name) > 1})
    if twice:
        raise ValueError(f"{where}: two columns have the same name: {', '.join(map(repr, twice))}; rename one of them")
    nameless = [str(place) for place, name in enumerate(names, 1) if not name.strip()]
    if len(nameless) > 1:
        raise ValueError(
            f"{where}: {len(nameless)} columns have no name (columns {', '.join(nameless)}): name them, or take them "
            "out"
        )


def is_index(name: str) -> bool:
    """Whether a column has the name that an unnamed index of a data frame gets as a column."""
    return not name.strip() or bool(INDEX.fullmatch(name))


def _check_nameless(left, names, where, is_text, index):
    """Raises a ValueError if a column without a role has no name, or is an index."""
    found = [name for name in left if is_index(name) or name in index]
    if not found:
        return
    nameless = found[0]
    place = names.index(nameless) + 1
    if nameless in index and not is_index(nameless):
        wrong = (
            f"{', '.join(map(repr, found))} is the index of the data frame, which is no feature: leave it out by "
            "frame.reset_index(drop=True)"
        )
    elif nameless.strip() or place == 1:
        of_frame = f"frame.drop(columns={found!r}), Table.from_pandas(frame, preserve_index=False) or "
        ways = f"{'' if is_text else of_frame}to_csv(index=False)"
        which = f"column{'s' * (len(found) > 1)} {', '.join(map(repr, found))}"
        looks = "look" if len(found) > 1 else "looks"
        wrong = f"{which} {looks} like the index of a data frame, which is no feature: leave it out by {ways}"
    elif is_text and place == len(names):
        wrong = (
            "the last column has no name, as where each row ends with a separator: take the separators at the end out"
        )
    else:
        wrong = f"column {place} has no name: name it" + (
            " in the header" if is_text else ", as by frame.rename(columns=...)"
        )
    raise ValueError(
        f"{where}: {wrong}, or say what it is, as by document={nameless!r}, or by features=[...] which columns are "
        "features (on the command line --document, --features)"
    )
