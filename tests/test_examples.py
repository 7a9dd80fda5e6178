"""The scripts of examples/ are run, and learn what they say that they learn."""

import ast
import os
import pathlib
import re
import runpy
import subprocess
import sys

import pytest

EXAMPLES = pathlib.Path(__file__).parents[1] / "examples"
SCRIPTS = sorted(path.name for path in EXAMPLES.glob("*.py"))
LOOPS = {f"{backend}_loop.py": backend for backend in ("jax", "tensorflow", "torch")}


def beats_chance(found):
    return found["ndcg"] > found["chance"] + 0.15


# What a script has learnt at its end. Each bound would be missed by a loss that teaches nothing.
LEARNT = {
    "graded_judgements.py": lambda found: min(found["ndcg"].values()) > found["untrained"] + 0.15,
    "clicks.py": lambda found: found["ndcg"]["ipw"] > found["ndcg"]["naive"] + 0.03,
    "mixture_of_click_models.py": lambda found: (
        found["right"] > 0.85 and found["ndcg"]["mixture"] > found["ndcg"]["one score"] + 0.03
    ),
    "teacher_to_student.py": lambda found: found["ndcg"]["student"] > found["ndcg"]["alone"] + 0.03,
    "pairs_of_embeddings.py": lambda found: found["trained"] > found["untrained"] + 0.3,
    "two_stages.py": lambda found: found["ndcg"]["ranked"] > found["ndcg"]["found"] + 0.1,
    "boosted_trees.py": lambda found: (
        found["ndcg"]["unique_softmax"] > max(found["ndcg"]["chance"] + 0.3, found["ndcg"]["lambdarank"] - 0.03)
    ),
    "compare_systems.py": lambda found: max(found["p"].values()) < 0.05 and len(found["p"]) == 4,
    "own_loss.py": lambda found: found["difference"] < 1e-6 and beats_chance(found),
    "own_lambda_weight.py": lambda found: (
        abs(found["value"] - found["expected"]) < 1e-6 and found["mrr"]["weighed"] > found["mrr"]["chance"] + 0.3
    ),
    "torch_loop.py": lambda found: found["trained"] > found["untrained"] + 0.1,
    "jax_loop.py": lambda found: found["trained"] > found["untrained"] + 0.1,
    "tensorflow_loop.py": lambda found: found["trained"] > found["untrained"] + 0.1,
    "export_and_serve.py": lambda found: (
        found["difference"] < 1e-5
        and found["ndcg"] > 0.8
        and [one["id"] for one in found["answer"]["ranking"]] == ["d2", "d1"]
        and "did you mean 'age'" in found["refused"]["error"]["message"]
    ),
    "large_files.py": lambda found: (
        found["ndcg"]["model"] > found["ndcg"]["chance"] + 0.15 and len(found["shapes"]) > 1
    ),
    "tune_settings.py": lambda found: len(found["trials"]) == 5 and beats_chance(found),
}


def test_each_script_has_a_bound_and_a_row_of_the_table():
    assert sorted(LEARNT) == SCRIPTS
    rows = re.findall(r"^\| \[([^]]*)\]\(([^)]*)\)", (EXAMPLES / "README.md").read_text(), re.MULTILINE)
    assert all(name == link and (EXAMPLES / link).exists() for name, link in rows)
    assert sorted(name for name, _ in rows if name.endswith(".py")) == SCRIPTS


@pytest.mark.parametrize("name", SCRIPTS)
def test_it_is_short_and_says_how_to_run_it(name):
    text = (EXAMPLES / name).read_text()
    assert text.count("\n") < 80
    assert f"python examples/{name}\n" in ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize("name", [name for name in SCRIPTS if name not in LOOPS])
def test_it_learns(name, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    found = runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    assert LEARNT[name](found), capsys.readouterr().out


@pytest.mark.parametrize("name", LOOPS)
def test_a_training_loop_learns(name, tmp_path):
    """In a process of its own, since it chooses the backend."""
    text = (
        f"import runpy; found = runpy.run_path({str(EXAMPLES / name)!r}); print(found['untrained'], found['trained'])"
    )
    source = pathlib.Path(__file__).parents[1] / "src"
    done = subprocess.run(
        [sys.executable, "-c", text],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    untrained, trained = map(float, done.stdout.splitlines()[-1].split())
    assert LEARNT[name]({"untrained": untrained, "trained": trained}), done.stdout
