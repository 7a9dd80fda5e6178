"""The page that the sections make up."""

import base64
import hashlib
import os
import pathlib
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import vl_convert
from markupsafe import Markup

import plackett.evaluation.report._sections  # noqa: F401, whose modules register the sections
from plackett._files import errors_of_writing, replace
from plackett.data import RankingLists
from plackett.evaluation._comparison import Comparison, compare
from plackett.evaluation._results import Results
from plackett.evaluation._systems import open_systems
from plackett.evaluation.report._html import render
from plackett.evaluation.report._material import TITLE, Material, metrics_of
from plackett.evaluation.report._registry import Section, sections
from plackett.metrics._base import RankingMetric

BYTES = 4_900_000  # of the page
LIBRARY = "window.vegaEmbed = vegaEmbed;"  # what the page needs of Vega, Vega-Lite and Vega-Embed


def report(
    output: str | os.PathLike,
    systems: Mapping[str, Any] | Sequence[str | os.PathLike],
    lists: RankingLists,
    results: Results,
    *,
    comparison: Comparison | None = None,
    metrics: Sequence[str | RankingMetric] | None = None,
    like: str | None = None,
    queries: str | None = None,
    histories: Mapping[str, Sequence[Mapping[str, float]]] | None = None,
    commands: Sequence[str] = (),
    sources: Sequence[str] = (),
    remarks: Sequence[str] = (),
    own_sections: Sequence[Section] = (),
    title: str = TITLE,
    seed: int = 0,
) -> pathlib.Path:
    """Writes one page of HTML that holds all it shows: it needs no network and no other file.

    Its sections are there where their data is. Another package adds one with `section`.

    >>> import pathlib, tempfile
    >>> from plackett.evaluation import evaluate
    >>> lists = RankingLists.from_arrays([[0.1], [0.4], [0.3], [0.2]], [1, 0, 0, 2], group=[2, 2])
    >>> systems = {"high": "feature:1", "low": "feature:-1"}
    >>> results = evaluate(systems, lists, ["mrr"])
    >>> report(pathlib.Path(tempfile.mkdtemp()) / "report.html", systems, lists, results).name
    'report.html'

    Args:
        output: the file, NAME.html, which is whole or not there.
        systems: those of `results`, as `plackett.evaluation.evaluate` takes them: by name, or the paths of several.
        lists: what the systems were measured on.
        results: what they measure, query by query. Where one metric is shown it is the first.
        comparison: how they differ. None = each from the first, with this seed.
        metrics: those of `results`, with conventions of their own. None = by their names.
        like: whose convention `results` have, see `plackett.evaluation.evaluate`. None = that of `metrics`.
        queries: which queries count in them, likewise.
        histories: system -> one dict an epoch, with `epoch`, `loss` and the metric of the validation.
        commands: the lines that make the report anew.
        sources: what `lists` were read from, such as the names of files.
        remarks: what must be known besides the notes of `results`, in whole sentences.
        own_sections: those of this page alone, beside the ones that all have.
        title: of the page.
        seed: of what is drawn: the intervals, and the orders that tell how much a feature matters.

    Returns:
        The path of the file.

    Raises:
        ImportError: a system needs a library that is not installed.
        OSError: the file could not be written, or one of a system not read.
        ValueError: the name of the file does not end with .html, a system of the results is missing or cannot be
            opened, or the metrics are others than those of the results.

    Cost: one scoring of the lists by each system, and for each feature some of a sample of queries.
    """
    output = pathlib.Path(output)
    if output.suffix != ".html":
        raise ValueError(f"a report is written to NAME.html, but got {output}")
    opened = open_systems(systems)
    missing = [name for name in results.systems if name not in opened]
    if missing:
        raise ValueError(f"systems must hold all systems of the results, but lacks {', '.join(map(repr, missing))}")
    found = metrics_of(results, metrics, like)
    comparison = comparison or compare(results, seed=seed)
    material = Material(
        opened,
        lists,
        results,
        comparison,
        found,
        like=like,
        queries=queries,
        histories=histories or {},
        commands=commands,
        sources=sources,
        remarks=remarks,
        title=title,
        seed=seed,
    )
    with replace(output) as partial, errors_of_writing(output):
        partial.write_text(page(material, own_sections), encoding="utf-8")
    return output


def page(material: Material, own_sections: Sequence[Section] = ()) -> str:
    """The HTML of a report."""
    scripts = [Markup(vl_convert.javascript_bundle(LIBRARY)), Markup(_asset("report.js"))]
    style = Markup(_asset("report.css"))
    built: dict = {
        section: None if section.takes_the_rest else section.build(material) for section in sections(own_sections)
    }
    for section in built:
        if section.takes_the_rest:
            taken = [style, *scripts, *(html for html in built.values() if html is not None)]
            built[section] = section.build(material, BYTES - sum(len(text.encode()) for text in taken))
    return render(
        "page.html",
        title=material.title,
        sections=[(section, html) for section, html in built.items() if html is not None],
        style=style,
        scripts=scripts,
        policy=_policy(scripts, [style]),
    )


def _policy(scripts, styles):
    """The Content-Security-Policy: the scripts and styles of this page and no others, and nothing from elsewhere."""
    scripts, styles = (" ".join(map(_hash, texts)) for texts in (scripts, styles))
    rules = ["default-src 'none'", f"script-src {scripts}", f"style-src {styles}"]
    return "; ".join([*rules, "base-uri 'none'", "form-action 'none'"])


def _hash(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _asset(name):
    return resources.files("plackett.evaluation.report").joinpath("static", name).read_text(encoding="utf-8")
