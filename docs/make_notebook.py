"""Writes examples/start.ipynb, the start page as a notebook.

    python docs/make_notebook.py

Blocks of Python become code cells, all else becomes cells of text. There are no outputs.
"""

import pathlib
import re

import nbformat

ROOT = pathlib.Path(__file__).parents[1]
PAGE, NOTEBOOK = ROOT / "docs/start.md", ROOT / "examples/start.ipynb"


def cells(page: str) -> list:
    """The cells of a page of Markdown."""
    found = []
    for i, part in enumerate(re.split(r"^```python\n(.*?)^```\n", page, flags=re.DOTALL | re.MULTILINE)):
        make = nbformat.v4.new_code_cell if i % 2 else nbformat.v4.new_markdown_cell
        if part.strip():
            found.append(make((part if i % 2 else with_links(part)).strip("\n"), id=f"cell-{len(found)}"))
    return found


def with_links(text: str) -> str:
    """The text with its links to pages and pictures as seen from examples/."""
    return re.sub(r"\]\((?!https?:|#)", "](../docs/", text)


def notebook() -> str:
    """The text of the notebook."""
    made = nbformat.v4.new_notebook(cells=cells(PAGE.read_text()))
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made.metadata["language_info"] = {"name": "python"}
    nbformat.validate(made)
    return nbformat.writes(made) + "\n"


if __name__ == "__main__":
    NOTEBOOK.write_text(notebook())
