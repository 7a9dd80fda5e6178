"""The sections of a report, which register themselves."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from markupsafe import Markup

    Build = Callable[..., Markup | None]


class Section(NamedTuple):
    """A part of the page.

    Args:
        title: the heading.
        place: sections are ordered by rising place.
        build: a function of the material that returns the HTML of the section, or None if its data is missing.
        takes_the_rest: whether it is built last, and told how many bytes of the page are left.
    """

    title: str
    place: float
    build: "Build"
    takes_the_rest: bool = False

    @property
    def anchor(self) -> str:
        """The id of the section in the page."""
        return "-".join("".join(x if x.isalnum() else " " for x in self.title.lower()).split())


_SECTIONS: dict[str, Section] = {}


def section(title: str, *, place: float, takes_the_rest: bool = False) -> "Callable[[Build], Build]":
    """Adds a section to all reports that are written from now on.

    >>> from markupsafe import Markup
    >>> from plackett.evaluation.report import section
    >>> @section("Clicks", place=35)
    ... def clicks(material):
    ...     column = material.lists.columns.get("click")
    ...     return None if column is None else Markup("<p>{} clicks.</p>").format(int(column.sum()))
    >>> remove("Clicks")

    Args:
        title: the heading, which no other section may have.
        place: the position; the sections of plackett have 10, 20, and so on to 90.
        takes_the_rest: whether the section can be of any size, like the browser of queries. Its function has a second
            argument, the number of bytes of the page that the sections before it leave.

    Returns:
        A decorator for a function of the `Material`. The function returns the section's HTML, see `render`, `chart` and
        `table`, or None if its data is missing. The decorator returns the function unchanged.

    Raises:
        ValueError: another section has this title.
    """

    def add(build):
        entry = Section(title, place, build, takes_the_rest)
        _check_new(entry, _SECTIONS.values())
        _SECTIONS[title] = entry
        return build

    return add


def remove(title: str) -> None:
    """Removes a section from all reports that are written from now on."""
    del _SECTIONS[title]


def sections(own: Iterable[Section] = ()) -> list[Section]:
    """Returns all sections, including those of one page alone, in order.

    Raises:
        ValueError: two have the same title.
    """
    found = list(_SECTIONS.values())
    for entry in own:
        _check_new(entry, found)
        found.append(entry)
    return sorted(found, key=lambda one: (one.place, one.title))


def _check_new(entry, known):
    clash = next((x.title for x in known if x.anchor == entry.anchor), None)
    if clash is not None:
        raise ValueError(f"there is already a section {clash!r}: choose another title than {entry.title!r}")
