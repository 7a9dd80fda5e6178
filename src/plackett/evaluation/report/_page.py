"""Writes the page that the sections make up."""

import base64
import hashlib
import os
import pathlib
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import vl_convert
from markupsafe import Markup

import plackett.evaluation.report._sections  # noqa: F401, its modules register the sections
from plackett._files import errors_of_writing, replace
from plackett.data import RankingLists
from plackett.evaluation._comparison import Comparison, compare
from plackett.evaluation._results import Results
from plackett.evaluation._systems import open_systems
from plackett.evaluation.report._html import render
from plackett.evaluation.report._material import TITLE, Material, metrics_of
from plackett.evaluation.report._registry import Section, sections
from plackett.metrics._base import RankingMetric

BYTES = 4_900_000  # the size of the page
LIBRARY = "window.vegaEmbed = vegaEmbed;"  # the parts of Vega, Vega-Lite and Vega-Embed that the page needs


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
    """Writes a report: one page of HTML that is complete in itself, and needs no network and no other file.

    A section is there if its data is. Another package can add sections with `section`.

    >>> import pathlib, tempfile
    >>> from plackett.evaluation import evaluate
    >>> lists = RankingLists.from_arrays([[0.1], [0.4], [0.3], [0.2]], [1, 0, 0, 2], group=[2, 2])
    >>> systems = {"high": "feature:1", "low": "feature:-1"}
    >>> results = evaluate(systems, lists, ["mrr"])
    >>> report(pathlib.Path(tempfile.mkdtemp()) / "report.html", systems, lists, results).name
    'report.html'

    Args:
        output: the file, NAME.html. It is complete or not there.
        systems: the systems of `results`, as in `plackett.evaluation.evaluate`: by name, or the paths of several.
        lists: the lists that the systems were measured on.
        results: the metrics of the systems, query by query. Sections that show a single metric show the first.
        comparison: how the systems differ. None = each is compared with the first, with this seed.
        metrics: the metrics of `results`, if they have conventions of their own. None = by their names.
        like: the library whose convention `results` have, see `plackett.evaluation.evaluate`. None = that of `metrics`.
        queries: which queries count in `results`, see `plackett.evaluation.evaluate`.
        histories: system -> one dict an epoch, with `epoch`, `loss` and the validation metric.
        commands: the commands that reproduce the report.
        sources: what `lists` were read from, such as the names of files.
        remarks: facts that a reader needs beside the notes of `results`, in whole sentences.
        own_sections: sections of this page alone, beside the common ones.
        title: the title of the page.
        seed: the seed of all draws: for the intervals, and for the orders that show how much a feature matters.

    Returns:
        The path of the file.

    Raises:
        ImportError: a system needs a library that is not installed.
        OSError: the file could not be written, or a file of a system could not be read.
        ValueError: the name of the file does not end with .html, a system of the results is missing or cannot be
            opened, or the metrics are not those of the results.

    Cost: each system scores the lists once, and a sample of queries several times for each feature.
    """
    output = pathlib.Path(output)
    if output.suffix != ".html":
        raise ValueError(f"output must be NAME.html, but got {output}")
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
    """Returns the HTML of a report."""
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
    """The Content-Security-Policy: it allows the scripts and styles of this page, and nothing else."""
    scripts, styles = (" ".join(map(_hash, texts)) for texts in (scripts, styles))
    rules = ["default-src 'none'", f"script-src {scripts}", f"style-src {styles}"]
    return "; ".join([*rules, "base-uri 'none'", "form-action 'none'"])


def _hash(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _asset(name):
    return resources.files("plackett.evaluation.report").joinpath("static", name).read_text(encoding="utf-8")
