"""A report in a real browser."""

import dataclasses

import numpy as np
import pytest
from browser import accessibility_faults, chromium, look_at, needs_axe, needs_chromium
from conftest import made_lists
from pages import BREAKS_OUT, HISTORIES, HOSTILE, lists_with_texts, write

from plackett import metrics
from plackett.data import Strings

pytestmark = needs_chromium
LOOKS = [(1280, "light"), (1280, "dark"), (375, "light"), (375, "dark")]


@pytest.fixture(scope="module")
def browser():
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    return write(folder, histories=HISTORIES, commands=["plackett report a b -o report.html " + "x" * 200])


@pytest.fixture
def page(browser, path):
    with look_at(browser, path) as one:
        yield one


def column(page, place):
    return page.locator(f"table.queries tbody tr > :nth-child({place})").all_inner_texts()


def numbers(texts):
    return [float(text.replace("\u2212", "-")) for text in texts]


def test_each_chart_is_drawn_with_its_marks(page):
    charts = page.locator("figure.chart")
    drawn = page.locator("figure.chart .plot svg:has(.mark-symbol path, .mark-rect path)")
    assert charts.count() == drawn.count() > 5
    assert page.locator("figure.chart [role=img][aria-label]:has(.plot)").count() == charts.count()


def test_the_numbers_of_a_chart_open_by_keyboard(page):
    summary = page.locator("figure.chart summary").first
    summary.focus()
    page.keyboard.press("Enter")
    assert page.locator("figure.chart details[open] table tbody tr").count() == 2


def test_the_first_key_skips_to_the_content(page):
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_a_heading_sorts_the_queries_and_says_so(page):
    losses = numbers(column(page, 4))
    assert losses == sorted(losses)
    heading = page.locator("table.queries thead button", has_text="documents")
    heading.focus()
    page.keyboard.press("Enter")
    sizes = numbers(column(page, 5))
    assert sizes == sorted(sizes, reverse=True)
    assert page.locator("table.queries th[aria-sort=descending]").inner_text().startswith("documents")
    page.keyboard.press("Enter")
    sizes = numbers(column(page, 5))
    assert sizes == sorted(sizes)
    assert page.locator("table.queries th[aria-sort=ascending]").count() == 1


def test_a_search_finds_queries_by_id_and_by_text(page):
    page.get_by_label("Search").fill("q17")
    assert column(page, 1) == ["q17"]
    page.get_by_label("Search").fill("alert(2)")
    assert page.locator(".range").inner_text() == "1 to 10 of 10 queries"
    page.get_by_label("Search").fill("nowhere")
    assert page.locator(".range").inner_text() == "no such query"


def test_the_pages_of_the_table_turn(page):
    first = column(page, 1)
    page.get_by_role("button", name="Next").click()
    second = column(page, 1)
    assert not {*first} & {*second}
    page.get_by_role("button", name="Next").click()
    assert page.get_by_role("button", name="Next").get_attribute("aria-disabled") == "true"
    assert page.locator(".range").inner_text() == "31 to 40 of 40 queries"


def test_the_focus_stays_on_the_button_at_the_last_page(page):
    following = page.get_by_role("button", name="Next")
    following.focus()
    for _ in range(4):
        page.keyboard.press("Enter")
    assert page.locator(".range").inner_text() == "31 to 40 of 40 queries"
    assert page.evaluate("document.activeElement.name") == "next"


def test_left_and_right_are_never_the_same_system(page):
    page.get_by_label("Left").select_option(label=HOSTILE)
    assert page.get_by_label("Right").evaluate("(one) => one.selectedOptions[0].label") == "chance"
    page.get_by_label("Right").select_option(label=HOSTILE)
    assert page.get_by_label("Left").evaluate("(one) => one.selectedOptions[0].label") == "chance"


def test_where_a_search_finds_nothing_no_list_is_shown(page):
    page.get_by_label("Search").fill("nowhere")
    assert page.locator(".list").is_hidden()
    page.get_by_label("Search").fill("")
    page.wait_for_selector(".list:not([hidden])")


def test_a_query_shows_its_list_under_two_systems(page):
    page.get_by_label("Search").fill("q5")
    page.get_by_role("button", name="q5", exact=True).click()
    page.wait_for_function("document.querySelector('.list h3').textContent === 'Query q5'")
    assert page.evaluate("document.activeElement.textContent") == "Query q5"
    of_query = lists_with_texts()["q5"]
    for place, feature in enumerate((-1, 0)):
        order = np.argsort(-of_query.features[:, feature])
        side = page.locator(".sides table").nth(place)
        assert side.locator("tbody th summary").all_inner_texts() == [of_query.documents[int(i)] for i in order]
        assert side.locator(".label").all_inner_texts() == [f"{label:.0f}" for label in of_query.labels[order]]
    ranks = page.locator(".sides table").nth(0).locator("tbody td:nth-child(5)").all_inner_texts()
    assert sorted(map(int, ranks)) == list(range(1, len(of_query.labels) + 1))


def test_features_of_a_document_come_on_demand(page):
    page.get_by_label("Search").fill("q5")
    page.get_by_role("button", name="q5", exact=True).click()
    page.wait_for_function("document.querySelector('.list h3').textContent === 'Query q5'")
    assert page.locator(".features").count() == 0
    document = page.locator(".sides tbody th summary").first
    name = document.inner_text()
    document.click()
    page.wait_for_selector(".features")
    of_query = lists_with_texts()["q5"]
    wanted = of_query.features[of_query.documents.tolist().index(name)]
    assert numbers(page.locator(".features dd").all_inner_texts()) == pytest.approx(wanted.tolist(), rel=1e-3)


def test_other_systems_and_metrics_are_shown_when_they_are_chosen(page):
    before = column(page, 2), column(page, 3)
    page.get_by_label("Left").select_option(label=HOSTILE)
    page.get_by_label("Right").select_option(label="chance")
    page.locator("[name=metric]").select_option(index=1)
    assert page.locator("table.queries thead th").nth(1).inner_text().startswith(HOSTILE)
    assert (column(page, 2), column(page, 3)) != before
    page.wait_for_function("document.querySelector('.sides caption').textContent.includes('mrr')")
    assert page.locator(".sides caption strong").all_inner_texts() == [HOSTILE, "chance"]


def test_hostile_names_and_texts_stay_text_also_in_a_tooltip(browser, path):
    with look_at(browser, path) as page:
        page.get_by_label("Search").fill("alert(1)")
        page.locator("table.queries tbody").get_by_role("button", name=HOSTILE, exact=True).click()
        page.wait_for_function("document.querySelector('.list h3').textContent.startsWith('Query <script>')")
        chart = page.locator("#metrics figure.chart")
        chart.scroll_into_view_if_needed()
        chart.locator(".mark-symbol path").nth(1).hover()
        page.wait_for_selector("#vg-tooltip-element.visible")
        assert HOSTILE in page.locator("#vg-tooltip-element").inner_text()
        assert page.locator("img").count() == 0
        assert BREAKS_OUT in page.locator("#slices").evaluate("(one) => one.textContent")


def test_a_long_id_takes_two_lines_until_it_has_the_focus_and_years_are_not_grouped(browser, tmp_path):
    lists = made_lists(30, seed=0)
    ids = ["long " + "x" * 300, *lists.queries.tolist()[1:]]
    lists = dataclasses.replace(lists, queries=ids, query_columns={"year": [2000 + place % 3 for place in range(30)]})
    path = write(tmp_path, lists)
    with look_at(browser, path, width=375) as page:
        page.get_by_label("Search").fill("long")
        long = page.locator("table.queries tbody .id")
        height = "(one) => one.getBoundingClientRect().height"
        clamped = long.evaluate(height)
        assert long.get_attribute("title") == ids[0]
        page.locator("table.queries tbody button").focus()
        assert long.evaluate(height) > 2 * clamped
        assert column(page, 7) == ["2000"]


def test_a_caption_is_as_wide_as_the_page_and_not_as_its_table(page):
    lines = page.locator(".means caption span").evaluate("(one) => one.getClientRects()[0].height")
    assert lines < 30
    assert page.locator(".means").evaluate("(one) => one.offsetWidth") < 700


@pytest.mark.parametrize("width", [1280, 375])
def test_nothing_is_wider_than_the_page(browser, path, width):
    with look_at(browser, path, width=width) as page:
        page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        assert page.evaluate("document.documentElement.scrollWidth") == width


@needs_axe
@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_axe_finds_nothing_serious(browser, path, width, scheme):
    with look_at(browser, path, width=width, scheme=scheme) as page:
        page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        page.wait_for_selector(".features")
        assert accessibility_faults(page) == []


def test_charts_are_light_in_print_whatever_the_screen_is(browser, path):
    with look_at(browser, path, scheme="dark") as page:
        colour = "getComputedStyle(document.querySelector('#ndcg-by-cut-off .mark-line path')).stroke"
        on_screen = page.evaluate(colour)
        page.emulate_media(media="print")
        assert page.evaluate(colour) != on_screen
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert page.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
        of_label = "(one) => getComputedStyle(one).printColorAdjust"
        assert page.locator(".label").first.evaluate(of_label) == "exact"
        whole = "(one) => getComputedStyle(one).whiteSpace"
        assert page.locator(".pairs td.number").first.evaluate(whole) == "nowrap"


def test_a_single_system_has_a_browser_of_its_lists(browser, tmp_path):
    lists = made_lists(20, seed=0)
    lists = dataclasses.replace(lists, ids={"shop": Strings.of([HOSTILE] * len(lists.labels))})
    path = write(tmp_path, lists, {"first": lambda lists: lists.features[:, 0]})
    with look_at(browser, path) as page:
        assert page.locator(".sides table").count() == 1
        values = numbers(column(page, 2))
        assert values == sorted(values)
        page.locator(".sides tbody th summary").first.click()
        page.wait_for_selector(".features")
        assert HOSTILE in page.locator(".features").inner_text()


def test_where_no_query_counts_there_are_tables_and_no_empty_charts(browser, tmp_path):
    lists = made_lists(20, seed=0)
    lists = dataclasses.replace(lists, labels=np.zeros_like(lists.labels))
    history = [{"epoch": 1, "loss": float("nan"), "ndcg@10": 0.5}]
    path = write(tmp_path, lists, metrics=[metrics.NDCG(topn=10, empty="skip")], histories={"chance": history})
    with look_at(browser, path) as page:
        assert page.locator("figcaption").all_inner_texts() == ["ndcg@10 of the validation lists by epoch"]
        assert "No query counts for ndcg@10." in page.locator("#summary").inner_text()
