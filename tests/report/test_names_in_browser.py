"""Names from data that mean something to JavaScript, to Vega's expressions or to the direction of text."""

import dataclasses

import numpy as np
import pytest
from browser import chromium, look_at, needs_chromium
from conftest import made_lists
from pages import write

from plackett import metrics

pytestmark = needs_chromium
NASTY = [
    "constructor",
    "toString",
    "__proto__",
    "b\u2028c",
    "d\u2029e",
    "\u202ertl",
    "${x}",
    "datum.x",
    "a.b[0]\"'\\",
    "f\ng",
]


@pytest.fixture(scope="module")
def browser():
    with chromium() as one:
        yield one


@pytest.mark.parametrize("role", ["features", "columns"])
def test_a_name_in_any_role_leaves_all_charts_drawn(browser, tmp_path, role):
    lists = dataclasses.replace(made_lists(40, seed=3), query_columns={"kind": NASTY * 4})
    names = [f"{name}{'' if role == 'features' else ' '}" for name in NASTY]
    columns = {f"{name}{'' if role == 'columns' else ' '}": NASTY * 4 for name in NASTY}
    lists = dataclasses.replace(
        lists,
        features=np.tile(lists.features, 4)[:, : len(names)],
        feature_names=names,
        queries=NASTY + lists.queries.tolist()[len(NASTY) :],
        query_columns=columns,
    )
    systems = {
        name: (lambda lists, at=at: lists.features[:, at]) for at, name in enumerate(NASTY) if name.isprintable()
    }
    history = [{"epoch": epoch, "loss": 1 / epoch} | dict.fromkeys(NASTY, epoch / 10) for epoch in (1, 2)]
    measures = [metrics.NDCG(topn=10, name=name) for name in NASTY]
    path = write(tmp_path, lists, systems, measures, histories=dict.fromkeys(systems, history), title=NASTY[3])
    with look_at(browser, path) as page:
        charts = page.locator("figure.chart")
        drawn = page.locator("figure.chart .plot svg:has(.mark-symbol path, .mark-rect path)")
        assert charts.count() == drawn.count() > 40
        page.locator("#slices .mark-symbol path").nth(1).hover()
        page.wait_for_selector("#vg-tooltip-element.visible")
        headings = " ".join(page.locator("table.queries thead th").all_text_contents())
        assert all(name in headings for name in NASTY[2:4] + list(columns))


def test_a_chart_that_fails_says_so_and_the_others_are_drawn(browser, tmp_path):
    path = write(tmp_path)
    broken = path.read_text(encoding="utf-8").replace('class="spec">{', 'class="spec">{"mark":', 1)
    path.write_text(broken, encoding="utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-charts=drawn]")
    assert "could not be drawn" in page.locator("figure.chart").first.inner_text()
    charts = page.locator("figure.chart").count()
    assert page.locator("figure.chart .plot svg").count() == charts - 1
    page.close()


def test_two_epochs_have_two_ticks(browser, tmp_path):
    history = [{"epoch": epoch, "loss": 1 / epoch} for epoch in (1, 2)]
    path = write(tmp_path, histories={"chance": history})
    with look_at(browser, path) as page:
        labels = page.locator("#training .role-axis-label text").all_text_contents()
        assert labels[:2] == ["1", "2"]
        assert labels.count("1") == labels.count("2") == 1
