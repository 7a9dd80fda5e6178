"""What the columns of a table with one row a document mean, by their names."""

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
FIXED_NAMES = {  # that a column of this role cannot get; `mask` is an input of scorers
    "features": FIXED,
    "categorical": (*ARRAYS, "mask"),
    "ids": (*ARRAYS, "mask"),
    "columns": ARRAYS,
    "query_columns": (*ARRAYS, *KNOWN),
}
# As pandas and Arrow call an index.
INDEX = re.compile(r"index|level_\d+|__index_level_\d+__|Unnamed: \d+(\.\d+)?(_level_\d+)?")
LABELS = ("grade", "relevance", "rel", "rating", "clicked", "click", "purchased", "target", "y")  # as labels are called


class Role(NamedTuple):
    """What a column is, under an argument of `Roles`, the name that it gets, and the name that it has."""

    kind: str
    name: str
    column: str

    def __str__(self) -> str:
        """In words."""
        return WORDS.get(self.kind, f"the {self.kind}") if self.kind != "columns" else f"the column {self.name}"


@dataclasses.dataclass(frozen=True)
class Roles:
    """Which column of a table is what; see `RankingLists.from_frame`.

    Where several columns are given, a mapping says which name each gets: {name it gets: column}.

    Args:
        to_rank: whether the documents are to be ranked: the label and `columns` are not read then, and those of
            `query_columns` that the table lacks are not needed.
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
        """(the name that it gets, the column) of each column of an argument."""
        given = getattr(self, argument) or ()
        return list(given.items()) if isinstance(given, Mapping) else [(name, name) for name in given]

    @property
    def has_label(self) -> bool:
        """Whether there are labels to read."""
        return self.label is not None and not self.to_rank

    def of_columns(
        self, names: Sequence[str], where: str, *, is_text: bool = False, index: Collection[str] = ()
    ) -> list[Role]:
        """The roles of the columns of a table with these columns; those that are not read have none.

        The names that they get are not yet checked: see `check_new_names`.

        Args:
            names: of the columns.
            where: what errors call the table.
            is_text: whether it is a file of text, not a frame.
            index: the names of those columns that are the index of a frame.

        Raises:
            ValueError: there is no such column, it has two roles, or no role and no name, or is an index without one.
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
                raise ValueError(f"{error}; query=NAME says which column is the id of the query") from None
            if role.kind != "label":
                raise
            likely = [name for name in names if name.lower() in LABELS]
            such = f", as label={likely[0]!r}" if likely else ""
            raise ValueError(
                f"{error}; label=NAME says which column is the label{such}, and label=None reads data without labels "
                "(--label NAME on the command line)"
            ) from None


def check_new_names(roles: Sequence[Role], where: str) -> None:
    """Checks the names that columns get.

    Raises:
        ValueError: one has a meaning of its own, or two columns get the same; says how a column gets another.
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
    """The error that columns which should be features hold text.

    Args:
        where: what errors call the table.
        found: (the role of a column, one of its values, where that stands) of each.
        roles: all that there are.
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
    """What to do where a column is read for its name and is something else; empty where its name has no meaning."""
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
    """Raises a ValueError where two columns of a table have the same name, or several have none."""
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
    """Whether a column is called as the index of a data frame is, where it became one without a name."""
    return not name.strip() or bool(INDEX.fullmatch(name))


def _check_nameless(left, names, where, is_text, index):
    """Raises a ValueError where a column that nothing is said of has no name, or is an index."""
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
