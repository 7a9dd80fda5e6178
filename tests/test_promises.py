"""docs/promises.md names tests that exist, and its tables are those that `benchmarks/promises.json` makes."""

import ast
import json
import pathlib
import re
import runpy

ROOT = pathlib.Path(__file__).parents[1]
PAGE = (ROOT / "docs/promises.md").read_text()


def names_in(path):
    """The names of the tests in a file."""
    nodes = ast.walk(ast.parse((ROOT / path).read_text()))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_each_named_test_exists():
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
    assert len(named) > 50
    assert [f"{path}::{name}" for path, name in named if name not in names_in(path)] == []


def test_each_promise_is_held_by_a_test():
    promises = [part for part in PAGE.split("\n## ")[1:] if not part.startswith("The versions")]
    assert len(promises) > 15
    assert [part.partition("\n")[0] for part in promises if "Held by `tests/" not in part] == []


def test_the_tables_are_those_that_were_measured():
    benchmark = runpy.run_path(str(ROOT / "benchmarks/promises.py"))
    answers = json.loads((ROOT / "benchmarks/promises.json").read_text())
    assert benchmark["filled"](PAGE, answers) == PAGE
    assert set(re.findall(r"<!-- table: (\w+) -->", PAGE)) == set(benchmark["tables"](answers))
