"""The commands that README.md and docs/ show are accepted as they stand, up to where data is read."""

import dataclasses
import itertools
import pathlib
import re
import shlex

import pytest
import yaml
from backends import BACKEND
from command_line import run

from plackett import data, distributed, export, retrieval, serving
from plackett.cli import evaluate, index, report, score, simulate
from plackett.data import _sources
from plackett.training import Settings

ROOT = pathlib.Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SHELL = re.compile(r"^```(?:bash|console)\n(.*?)^```|((?:^ {4}[^\n]*\n)+)", re.DOTALL | re.MULTILINE)
COMMANDS = sorted(
    {
        match[1].partition("  #")[0].strip()
        for page in PAGES
        for block in SHELL.finditer(page.read_text())
        for match in re.finditer(r"^(?:\$ | {4})?plackett (.*)$", block[1] or block[2], re.MULTILINE)
        if match[1] != "demo"  # see test_demo_command.py
    }
)
CONTENTS = {
    "config.yaml": yaml.safe_dump({"data": ["train.parquet"], "backend": BACKEND} | dataclasses.asdict(Settings())),
    "model.txt": "tree\n",
    "teacher.txt": "tree\n",
    "curve.csv": "position,examination\n1,1\n",
    "bm25.run": "1 Q0 a 1 .9 t\n",
    "dense.run": "1 Q0 a 1 .9 t\n",
    "found.run": "1 Q0 a 1 .9 t\n",
    "scores.csv": "query,document,score,rank\n",
    "roles.yaml": "query: session",
    "space.yaml": "learning_rate: {low: 1e-4, high: 1e-1, log: true}",
}


class ReadError(Exception):
    """Stands for the reading of data."""


def test_there_are_some_of_each():
    assert {command.split()[0] for command in COMMANDS} == {
        *("convert", "crossval", "evaluate", "export", "index", "propensities", "report", "score", "search", "serve"),
        *("simulate", "train", "tune"),
    }
    assert len(COMMANDS) > 8


@pytest.mark.parametrize("command", COMMANDS)
def test_it_is_accepted(command, tmp_path, monkeypatch):
    def read(*arguments, **options):
        raise ReadError

    for module, name in (
        (data, "convert"),
        (data, "read_clicks"),
        (data, "read_sessions"),
        (_sources, "read_training"),
        (evaluate, "open_measured"),
        (report, "open_measured"),
        (simulate, "open_measured"),
        (_sources, "read_acting"),
        (score, "open_ranker"),
        (distributed, "score"),
        *((export, f"write_{form}") for form in ("ltr_model", "onnx", "saved_model", "vespa_onnx")),
        (serving, "serve"),
        (index, "read_table"),
        (retrieval, "open_index"),
    ):
        monkeypatch.setattr(module, name, read)
    monkeypatch.setattr("plackett.cli.export.check_needs", lambda form, backend: None)  # as on each backend
    monkeypatch.chdir(tmp_path)
    arguments = shlex.split(command)
    place = {"convert": 2, "export": 2, "index": 3, "search": 4}.get(arguments[0])
    output = set() if place is None else {arguments[place]}
    output |= {after for flag, after in itertools.pairwise(arguments) if flag in ("-o", "--output")}
    words = [word for word in [*arguments, "train.parquet"] if word not in output and ":" not in word]
    files = [name for name in (word.rpartition("=")[2] for word in words) if pathlib.Path(name).suffix]
    if arguments[0] in ("evaluate", "export", "report", "score"):
        files += [f"{word}/model.keras" for word in words if word.startswith("runs/")]
    teachers = [after for flag, after in itertools.pairwise(arguments) if flag == "--teacher"]
    files += [f"{one}/model.keras" for one in teachers if one.startswith("runs/")]
    for path in map(pathlib.Path, files):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(CONTENTS.get(path.name, ""))
    for folder in (word for word in words if word.endswith("/")):
        pathlib.Path(folder).mkdir()
    done = run(*arguments)
    assert "ReadError" in done.output, done.output
