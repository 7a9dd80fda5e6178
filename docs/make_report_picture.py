"""Writes docs/pictures/report.png, the top of a report: that of the start page, whose commands come first.

    plackett train movielens-100k --loss unique_softmax --epochs 4 --output runs/first
    plackett train movielens-100k --loss gumbel_approx_ndcg --loss-option sample_size=16 --epochs 4 --output runs/second
    plackett report runs/first runs/second chance=random:0 --data movielens-100k -o report.html
    python docs/make_report_picture.py report.html

It needs `pip install playwright pillow` and Chromium.
"""

import io
import pathlib
import shutil
import sys

from PIL import Image
from playwright.sync_api import sync_playwright

PICTURE = pathlib.Path(__file__).parent / "pictures" / "report.png"
SIZE = {"width": 1100, "height": 760}


def main(page: pathlib.Path):
    """Takes the picture of a page."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        tab = browser.new_page(viewport=SIZE, color_scheme="light")
        tab.goto(page.absolute().as_uri())
        tab.wait_for_timeout(3000)  # the charts draw themselves
        image = Image.open(io.BytesIO(tab.screenshot()))
        browser.close()
    PICTURE.parent.mkdir(exist_ok=True)
    image.convert("P", palette=Image.Palette.ADAPTIVE, colors=128).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
