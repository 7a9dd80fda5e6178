"""Writes one page, in one file, on how systems rank: their metrics, their differences, and on which queries."""

from plackett import _lazy

_MODULES = {
    "Material": "_material",
    "Section": "_registry",
    "chart": "_charts",
    "render": "_html",
    "report": "_page",
    "section": "_registry",
    "table": "_html",
}

__all__ = ["Material", "Section", "chart", "render", "report", "section", "table"]

__getattr__, __dir__ = _lazy.attach(__name__, _MODULES, extra="report")
