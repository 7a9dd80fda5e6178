"""Writes docs/pictures/report.png, the top of a report of three systems on small made-up data.

    KERAS_BACKEND=torch python docs/make_report_picture.py

It needs `pip install playwright pillow` and Chromium.
"""

import io
import pathlib
import shutil
import tempfile

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

import plackett
from plackett.data import RankingLists
from plackett.evaluation.report import report

PICTURE = pathlib.Path(__file__).parent / "pictures" / "report.png"
SIZE = {"width": 1100, "height": 800}


def make_page(folder: pathlib.Path) -> pathlib.Path:
    """The report of a trained ranker, of the text score that it reads, and of chance."""
    random = np.random.default_rng(0)
    features = random.normal(size=(6000, 4))
    worth = features[:, 0] + features[:, 1] * features[:, 2] + random.normal(size=6000)
    names = ["bm25", "clicks", "freshness", "price"]
    lists = RankingLists.from_arrays(features, np.digitize(worth, [1, 2]), group=[20] * 300, feature_names=names)
    options = {"epochs": 8, "learning_rate": 0.01, "scorer_options": {"hidden": [16]}}
    trained = plackett.train(lists[:150], lists[150:200], loss="gumbel_approx_ndcg", **options)
    systems = {"gumbel_approx_ndcg": trained.model, "bm25": "feature:bm25", "chance": "random:0"}
    test = lists[200:]
    results = plackett.evaluate(systems, test, ["ndcg@10", "mrr"])
    histories = {"gumbel_approx_ndcg": trained.history}
    title = "A ranker beside BM25 and chance"
    return report(folder / "report.html", systems, test, results, histories=histories, sources=["made up"], title=title)


def take(page: pathlib.Path):
    """The picture of the top of a page."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        tab = browser.new_page(viewport=SIZE, color_scheme="light")
        tab.goto(page.absolute().as_uri(), timeout=300_000)
        tab.wait_for_timeout(20_000)  # the charts draw themselves
        image = Image.open(io.BytesIO(tab.screenshot(timeout=300_000)))
        browser.close()
    PICTURE.parent.mkdir(exist_ok=True)
    image.convert("P", palette=Image.Palette.ADAPTIVE, colors=128).save(PICTURE, optimize=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        take(make_page(pathlib.Path(folder)))
