"""The site of docs/ is built without a warning, its links lead somewhere, and its search finds what users look for."""

import contextlib
import functools
import html.parser
import http.server
import importlib
import inspect
import os
import pathlib
import re
import subprocess
import sys
import threading
import types
import urllib.parse

import pytest
from report.browser import chromium, needs_chromium

from plackett import losses, metrics
from plackett.losses import RankingLoss
from plackett.metrics import RankingMetric

DOCS = pathlib.Path(__file__).parents[1] / "docs"
# The servers that pages link to. A new one is added here, after a look at it.
HOSTS = {
    "arxiv.org",
    "docs.aws.amazon.com",
    "docs.opensearch.org",
    "docs.vespa.ai",
    "doi.org",
    "elasticsearch-learning-to-rank.readthedocs.io",
    "github.com",
    "pytorch.org",
    "solr.apache.org",
    "www.elastic.co",
    "www.microsoft.com",
    # In the foot of each page, by the theme.
    "pydata-sphinx-theme.readthedocs.io",
    "www.sphinx-doc.org",
}
# What users type, and the page that answers, with the start of the heading where it is a part of the page.
QUERIES = {
    "tensorflow ranking keras 3": "from_tensorflow_ranking.html",
    "tfa npairs loss nan": "from_addons.html",
    "gumbel approx ndcg pytorch": "losses.html#gumbel",
    "unbiased learning to rank keras": "clicks.html",
    "UniqueSoftmaxLoss": "api/losses.html#plackett.losses.UniqueSoftmaxLoss",
}


class Page(html.parser.HTMLParser):
    """Anchors, links and images of a page."""

    def __init__(self, text: str):
        super().__init__()
        self.anchors, self.links, self.images, self.terms = {""}, [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.anchors |= {found["id"]} if found.get("id") else set()
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if tag in ("img", "object", "script", "link"):
            address = found.get("src") or found.get("data") or found.get("href")
            self.images += [address] if address else []
        if tag == "dt" and "sig" in found.get("class", "").split() and found.get("id"):
            self.terms.append(found["id"])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built site, and what Sphinx said."""
    folder = tmp_path_factory.mktemp("site")
    arguments = ["-q", "-n", "-W", "--keep-going", "-d", str(folder / "doctrees"), str(DOCS), str(folder / "html")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *arguments], env=environment, capture_output=True, text=True, timeout=1800
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return types.SimpleNamespace(folder=folder / "html", said=done.stderr)


@pytest.fixture(scope="module")
def pages(site):
    """The pages by their paths within the site."""
    paths = [path for path in sorted(site.folder.rglob("*.html")) if "_static" not in path.parts]
    return {str(path.relative_to(site.folder)): Page(path.read_text()) for path in paths}


def test_it_is_built_without_a_warning(site):
    assert site.said == ""


def test_each_page_is_there(pages):
    written = {str(page.relative_to(DOCS).with_suffix(".html")) for page in DOCS.rglob("*.md")}
    written = {page for page in written if not page.startswith("_build")}
    assert written <= set(pages)


def test_links_lead_somewhere(pages, site):
    """Those to pages, and to places within them. Sphinx itself warns of a page that no table of contents has."""
    for name, page in pages.items():
        if name in ("search.html", "genindex.html", "py-modindex.html"):
            continue
        for link in page.links:
            parts = urllib.parse.urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = os.path.normpath(os.path.join(os.path.dirname(name), urllib.parse.unquote(parts.path)))
            target = target if parts.path else name
            assert (site.folder / target).exists(), (name, link)
            if target in pages:
                assert urllib.parse.unquote(parts.fragment) in pages[target].anchors, (name, link)


def test_images_and_scripts_are_of_the_site(pages, site):
    for name, page in pages.items():
        for address in page.images:
            parts = urllib.parse.urlsplit(address)
            if parts.scheme == "data":
                continue
            assert not parts.netloc, (name, address)
            target = site.folder / os.path.dirname(name) / urllib.parse.unquote(parts.path)
            assert target.exists(), (name, address)


def test_other_sites_are_known(pages):
    """`make check-links` asks whether they answer."""
    links = {link for page in pages.values() for link in page.links if urllib.parse.urlsplit(link).netloc}
    local = re.compile(r"https?://(127\.0\.0\.1|localhost)[:/]")
    unknown = {
        link
        for link in links
        if not local.match(link) and not (link.startswith("https://") and urllib.parse.urlsplit(link).netloc in HOSTS)
    }
    assert unknown == set()


def names_by_package():
    sys.path.insert(0, str(DOCS / "_extensions"))
    return importlib.import_module("names")


def test_each_public_name_is_documented_once(pages):
    """Under one of the names that it has, where it has several."""
    names = names_by_package()
    documented = [term for page in pages.values() for term in page.terms]
    assert len(documented) == len(set(documented))
    modules = {anchor.removeprefix("module-") for page in pages.values() for anchor in page.anchors}
    objects = {}
    for term in documented:
        with contextlib.suppress(AttributeError, ModuleNotFoundError):
            objects.setdefault(id(names.get(term)), []).append(term)
    lacking = []
    for name in names.public_names():
        thing = names.get(name)
        if isinstance(thing, types.ModuleType):
            lacking += [] if thing.__name__ in modules else [name]
        elif name not in documented and id(thing) not in objects:
            lacking.append(name)
    assert lacking == []
    own = {name for name in names.public_names() if not isinstance(names.get(name), types.ModuleType)}
    twice = [terms for terms in objects.values() if len(own & set(terms)) > 1 and len(terms) > 1]
    assert twice == []


def test_each_public_package_is_among_those_that_have_pages():
    names = names_by_package()
    source = DOCS.parent / "src/plackett"
    internal = ("backend", "kernels", "registry", "cli", "evaluation.systems", "scorers.preprocessing")
    folders = [path.parent.relative_to(source) for path in source.rglob("__init__.py")]
    folders = [folder for folder in folders if not any(part.startswith("_") for part in folder.parts)]
    found = {
        ".".join(folder.parts)
        for folder in folders
        if re.search(r"^__all__ = ", (source / folder / "__init__.py").read_text(), re.MULTILINE)
    }
    assert {package for package in found if not package.startswith(internal)} <= set(names.PACKAGES)


def functions_of(module, base):
    """Each class of a kind beside its function, which its docstring names."""
    kinds = [getattr(module, name) for name in module.__all__]
    for kind in kinds:
        if inspect.isclass(kind) and issubclass(kind, base) and kind is not base:
            name = re.search(r"`(\w+)`\s+is\s+the\s+function", kind.__doc__)[1]
            yield kind, getattr(module, name)


@pytest.mark.parametrize("module,base", [(losses, RankingLoss), (metrics, RankingMetric)])
def test_each_loss_and_metric_has_a_formula_and_says_when_and_whose(module, base):
    found = list(functions_of(module, base))
    assert len(found) > 10
    for kind, function in found:
        text = inspect.getdoc(function)
        assert re.search(r"\n\n    \S", text), function
        assert re.search(r"^When: ", text, re.MULTILINE), function
        assert re.search(r"^References?: ", text, re.MULTILINE), function
        assert re.search(r"\n\n    \S", inspect.getdoc(kind)), kind


def test_docstrings_become_restructuredtext():
    names_by_package()
    to_rest = importlib.import_module("docstrings").to_rest
    text = """\
A |line| with `code`s.

    loss = sum_i x_i

- one,
  still one
- two

Args:
    x, y: numbers
        of any size.

Cost: O(n)
in time.

Behind.
"""
    lines = [line for line in to_rest(text.splitlines()) if line]
    assert lines == [
        r"A \|line\| with ``code``\ s.",
        ".. code-block:: text",
        "   loss = sum_i x_i",
        "- one, still one",
        "- two",
        "Behind.",
        ":Args:",
        "   ``x``, ``y``",
        "      numbers of any size.",
        ":Cost:",
        "   O(n) in time.",
    ]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def address(site):
    """A server of the site, as pages that search read others."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=site.folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@needs_chromium
def test_the_search_finds_the_page_first(address):
    with chromium() as browser:
        for query, expected in QUERIES.items():
            page = browser.new_page()
            page.goto(f"{address}/search.html?q={urllib.parse.quote_plus(query)}")
            page.wait_for_selector("#search-results ul.search li a")
            found = page.eval_on_selector_all("#search-results ul.search > li > a", "all => all.map(a => a.href)")
            found = [link.removeprefix(f"{address}/") for link in found]
            assert found[0].startswith(expected), (query, found[:5])
            page.close()


@needs_chromium
def test_no_page_is_wider_than_a_telephone(address, pages):
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 375, "height": 900})
        wide = []
        for name in pages:
            page.goto(f"{address}/{name}")
            if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
                wide.append(name)
        assert wide == []
