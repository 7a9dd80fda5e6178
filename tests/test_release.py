"""What a release is made of: versions, counts, metadata, templates, and the error where there is no backend."""

import importlib.util
import pathlib
import re
import subprocess
import sys
import tomllib

import pytest
import yaml

import plackett
from plackett import _backends

ROOT = pathlib.Path(__file__).parents[1]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text())
INSTALL = (ROOT / "docs/install.md").read_text()


def test_the_versions_agree():
    version, date = re.search(r"^## \[(\d\S*)\] - (\d{4}-\d\d-\d\d)$", CHANGELOG, re.MULTILINE).groups()
    assert version == plackett.__version__ == str(CITATION["version"])
    assert date == str(CITATION["date-released"])
    assert re.search(rf"^Today this is {re.escape(version.rpartition('.')[0])}\.$", security(), re.MULTILINE)


def security():
    """A sentence a line."""
    return re.sub(r"(?<=\.)\s+", "\n", (ROOT / "SECURITY.md").read_text())


def test_unreleased_changes_come_first():
    headings = re.findall(r"^## (.*)$", CHANGELOG, re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", heading) for heading in headings[1:])
    kinds = set(re.findall(r"^### (.*)$", CHANGELOG, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_what_the_changelog_counts():
    counted = re.search(r"(\d+) losses, (\d+) metrics and (\d+) lambda weights", CHANGELOG)
    losses = [name for name in plackett.losses.__all__ if name.endswith("Loss") and name != "RankingLoss"]
    metrics = [name for name in plackett.metrics.__all__ if not name[0].islower() and not name.startswith("Rank")]
    weights = [name for name in plackett.losses.__all__ if "LambdaWeight" in name]
    assert tuple(map(int, counted.groups())) == (len(losses), len(metrics), len(weights))
    assert all(f"`{name}`" in CHANGELOG for name in plackett.scorers.SCORERS)


def test_the_citation_has_what_its_schema_asks_for():
    assert {"cff-version", "message", "title", "authors"} <= set(CITATION)
    assert (CITATION["cff-version"], CITATION["license"]) == ("1.2.0", PROJECT["license"])


def test_the_metadata_of_the_package():
    assert "urls" not in PROJECT
    classifiers = PROJECT["classifiers"]
    assert classifiers == sorted(classifiers)
    assert "Typing :: Typed" in classifiers
    assert (ROOT / "src/plackett/py.typed").exists()
    pythons = [one.rpartition(" ")[2] for one in classifiers if re.search(r"Python :: 3\.\d+$", one)]
    assert PROJECT["requires-python"] == f">={pythons[0]}"
    assert all((ROOT / path).exists() for path in PYPROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"])


def test_the_page_of_installation_has_every_extra_and_lowest_version():
    for extra in set(PROJECT["optional-dependencies"]) - {"dev", "docs"}:
        assert f"`{extra}`" in INSTALL or f"plackett[{extra}]" in INSTALL, extra
    declared = PROJECT["dependencies"] + [PROJECT["optional-dependencies"][name][0] for name in _backends.BACKENDS]
    for name, lowest in (requirement.split(">=") for requirement in declared):
        row = re.search(rf"^\| {name} \| (\S+) \|", INSTALL, re.MULTILINE | re.IGNORECASE)
        assert row, name
        assert row[1] == lowest, name


@pytest.mark.parametrize("path", sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml")), ids=lambda path: path.name)
def test_the_templates_of_issues(path):
    form = yaml.safe_load(path.read_text())
    if path.name == "config.yml":
        assert form == {"blank_issues_enabled": False}
        return
    assert {"name", "description", "body"} <= set(form)
    for field in form["body"]:
        assert field["type"] in {"textarea", "input", "dropdown"}
        assert field["attributes"]["label"]
        assert set(field) <= {"type", "id", "attributes", "validations"}
    assert len({field["id"] for field in form["body"]}) == len(form["body"])


def test_a_bug_names_versions_backend_and_what_was_expected():
    form = yaml.safe_load((ROOT / ".github/ISSUE_TEMPLATE/bug.yml").read_text())
    fields = {field["id"]: field for field in form["body"]}
    assert {"code", "got", "expected", "version", "backend"} <= set(fields)
    assert all(field["validations"]["required"] for field in fields.values())
    assert set(_backends.BACKENDS) <= set(fields["backend"]["attributes"]["options"])


CODE = """
import sys
sys.modules |= dict.fromkeys(["jax", "tensorflow", "torch"])
import plackett, plackett.data, plackett.serving
plackett.data.RankingLists
{statement}
"""
NO_BACKEND = "ImportError: no backend of Keras is installed: pip install 'plackett[jax]', or [tensorflow], or [torch]"


IMPORTS = ("from plackett.losses import SoftmaxLoss", "import plackett.gains", "plackett.metrics", "plackett.train")


@pytest.mark.parametrize("statement", IMPORTS)
def test_without_a_backend(statement):
    code = CODE.format(statement=statement)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == NO_BACKEND


def test_another_backend_is_installed(monkeypatch):
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name == "jax" or None)
    missing = ModuleNotFoundError("No module named 'tensorflow'", name="tensorflow")
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    assert "Keras looks for tensorflow, as KERAS_BACKEND is not set" in str(_backends.backend_error(missing))
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert str(_backends.backend_error(missing)) == (
        "Keras looks for tensorflow, as KERAS_BACKEND says, and it is not installed. Installed is jax: set "
        "KERAS_BACKEND=jax before Keras is imported, or pip install 'plackett[tensorflow]'"
    )
    assert _backends.backend_error(ModuleNotFoundError("No module named 'pyarrow'", name="pyarrow")) is None
