"""The sections of a report, which register themselves."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from markupsafe import Markup

    Build = Callable[..., Markup | None]


class Section(NamedTuple):
    """A part of the page.

    Args:
        title: its heading.
        place: sections stand by rising place.
        build: the function of the material that gives its HTML; None where its data is not there.
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
        title: its heading, which no other section has.
        place: where it stands; the sections of plackett have 10, 20, and so on to 90.
        takes_the_rest: whether it is one that can be of any size, as the browser of queries: its function has a second
            argument, the bytes of the page that the sections before it leave.

    Returns:
        What takes a function of the `Material` that returns the section's HTML, see `render`, `chart` and `table`, or
        None where its data is not there, and gives the function back.

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
    """Takes a section out of all reports that are written from now on."""
    del _SECTIONS[title]


def sections(own: Iterable[Section] = ()) -> list[Section]:
    """All sections, and those that one page has of its own, by their place.

    Raises:
        ValueError: two have one title.
    """
    found = list(_SECTIONS.values())
    for entry in own:
        _check_new(entry, found)
        found.append(entry)
    return sorted(found, key=lambda one: (one.place, one.title))


def _check_new(entry, known):
    clash = next((x.title for x in known if x.anchor == entry.anchor), None)
    if clash is not None:
        raise ValueError(f"there is a section {clash!r} already: choose another title than {entry.title!r}")
