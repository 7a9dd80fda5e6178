"""Writes docs/catalogue.md out of the docstrings: `python docs/make_catalogue.py`."""

import inspect
import pathlib
import re
import sys

from plackett import losses, metrics
from plackett.lambdas._uses import OWN
from plackett.losses._base import RankingLoss
from plackett.metrics._base import RankingMetric

PAGE = pathlib.Path(__file__).with_name("catalogue.md")
SECTION = re.compile(r"^(Args|Returns|Raises|Cost|Derivatives|When|Reference|References)(?::| ?, .*$)\s*", re.MULTILINE)


def main() -> None:
    """Writes the page."""
    PAGE.write_text(page())


def page() -> str:
    """The catalogue as Markdown."""
    parts = [
        "# Catalogue",
        "Generated from the docstrings by `python docs/make_catalogue.py`; the options are explained in "
        "`help(plackett.losses)`, `help(plackett.metrics)` and the docstring of each function.",
        "## Losses",
        *(entry(kind) for kind in classes(losses, RankingLoss)),
        "## Lambda weights",
        *(described(f"`{kind.__name__}`", kind) for kind in OWN),
        "## Metrics",
        *(entry(kind) for kind in classes(metrics, RankingMetric)),
    ]
    return "\n\n".join(parts) + "\n"


def classes(module, base: type) -> list[type]:
    """The classes of this kind that a module exports, in the order of their families."""
    kinds = [kind for kind in vars(module).values() if inspect.isclass(kind) and issubclass(kind, base)]
    kinds = [kind for kind in kinds if kind is not base]
    return sorted(kinds, key=lambda kind: (kind.__module__, inspect.getsourcelines(kind)[1]))


def entry(kind: type) -> str:
    """A class and its function, in the function's words."""
    name = re.search(r"`(\w+)`\s+is\s+the\s+function", kind.__doc__).group(1)
    family = sys.modules[kind.__module__]
    return described(f"`{kind.__name__}`, `{name}`", getattr(family, name))


def described(title: str, thing) -> str:
    """The plain line, the formula, when to use it, and the source."""
    head, *rest = SECTION.split(inspect.getdoc(thing))
    sections = dict(zip(rest[::2], rest[1::2], strict=True))
    parts = [f"### {title}", without_examples(head)]
    parts += [f"*{name}*: {flat(sections[name])}" for name in ("When", "Cost") if flat(sections.get(name, ""))]
    parts += [f"*{name}*: {flat(text)}" for name, text in sections.items() if name.startswith("Reference")]
    return "\n\n".join(parts)


def without_examples(text: str) -> str:
    """The text without its doctests."""
    paragraphs = text.strip().split("\n\n")
    return "\n\n".join(paragraph for paragraph in paragraphs if not paragraph.lstrip().startswith(">>>"))


def flat(text: str) -> str:
    """Wrapped lines as one."""
    return " ".join(text.split())


if __name__ == "__main__":
    main()
