"""What needs no Keras does not import it: help, the version, conversion, and errors that can be known without it."""

import os
import subprocess
import sys

import plackett

CODE = """
import dataclasses
import pathlib
import sys
import typer.testing
import yaml
from plackett.cli._app import app
from plackett.training import Settings

def run(*arguments):
    done = typer.testing.CliRunner().invoke(app, arguments)
    assert "keras" not in sys.modules, arguments
    return done.exit_code, done.output

COMMANDS = "convert train tune crossval evaluate score index search export serve simulate propensities demo"
for command in ("", *COMMANDS.split()):
    code, output = run(*command.split(), "--help")
    assert code == 0 and "Usage:" in output and "--debug" in output, output
assert not {"pyarrow", "polars"} & set(sys.modules)
assert run("--version") == (0, f"plackett {sys.argv[1]}\\n")

open("a.txt", "w").write("1 qid:1 1:0.5\\n0 qid:1 1:0.25\\n")
for flag, value in {"--format": "leter", "--separator": ",", "--features": "a"}.items():
    code, output = run("convert", "a.txt", "a.parquet", flag, value)
    assert code == 2 and flag in output, output
assert not {"pyarrow", "polars"} & set(sys.modules)

code, output = run("convert", "a.txt", "a.parquet")
assert code == 0 and "documents" in output, output
assert "polars" in sys.modules or "pyarrow" in sys.modules

open("space.yaml", "w").write("batch_size: [0]")
open("bad.txt", "w").write("1 qid:1 1:x\\n")
pathlib.Path("run1").mkdir()
pathlib.Path("run1/config.yaml").write_text(yaml.safe_dump(dataclasses.asdict(Settings(seed=7)) | {"backend": "jax"}))
pathlib.Path("other").mkdir()
pathlib.Path("other/config.yaml").write_text("epochs: 7")
for command, wrong in {
    "convert a.txt a.parquet": "a.parquet exists",
    "train none.txt --output run": "there is no file none.txt",
    "train a.txt --output run --backend mxnet": "the backend must be one of jax, tensorflow, torch, but got 'mxnet'",
    "train a.txt --output run --config none.yaml": "there is no file none.yaml",
    "train a.txt --output run --loss softmx": "unknown loss 'softmx'",
    "train a.txt --output run --loss-option temprature=1": "unknown option of unique_softmax: 'temprature'",
    "train a.txt --output run --loss-option temperature=-1": "temperature must be a number greater than 0",
    "train a.txt --output run --scorer-option dropout=2": "dropout must be a number of at least 0 and below 1",
    "train a.txt --output run --metric ndgc@10": "unknown metric 'ndgc'",
    "train a.txt --output run --optimizer adem": "unknown optimizer 'adem'",
    "train a.txt --output run --epochs 0": "epochs must be ",
    "train a.txt --output .": "exists and is not empty",
    "train a.txt --output run --loss npairs": "npairs takes similarities of pairs",
    "train a.txt --output run --loss-option lambda_weight=LabelDiffLambdaWeight": "lambda_weight must be None or",
    "train bad.txt --output run": "bad.txt, line 1: feature 1 must be a number",
    "train a.txt --output run --validation a.txt": "query '1' is in both training and validation data",
    "train a.txt --output run --target click": "unknown target of these lists 'click'",
    "train a.txt --output run1 --resume": "seed was 7 and is 0",
    "train a.txt --output other --overwrite": "other exists and is not empty: it holds no run of plackett",
    "train a.txt --output run --teacher none.txt": "there is no file none.txt",
    "train a.txt --output run --teacher a.txt": "the first bytes of a.txt are not those of a known kind of system",
    "train a.txt --output run --teacher feature:1 --loss softmax": "softmax reads grades: give one of ",
    "index none.keras a.parquet films": "there is no file none.keras",
    "index a.txt a.parquet other": "other exists and is not an index of plackett",
    "search a.txt other a.txt found.run": "other is not an index of plackett: it has no file index.yaml",
    "search a.txt other a.txt found.txt": "the output must be NAME.parquet, NAME.csv, NAME.run",
    "tune bad.txt --output run --trials 1": "bad.txt, line 1: feature 1 must be a number",
    "tune a.txt --output run --trials 1 --space space.yaml": "batch_size must be ",
    "crossval a.txt --output run --loss softmx": "configuration softmx: unknown loss 'softmx'",
    "crossval a.txt --output run": "folds must be at least 3, to train, validate and test on, and at most 1",
    "evaluate none a.txt": "there is no file none",
    "evaluate a.txt a.txt --metric mrr --ties fair": "--ties must be one of position, expected, trec",
    "score none a.txt -o scores.csv": "there is no file none",
    "score a.txt a.txt -o scores.txt": "--output must be NAME.parquet, NAME.csv, NAME.run, but got scores.txt",
    "simulate a.txt --ranker none -o log": "there is no file none",
    "demo --epochs 0": "--epochs must be at least 1",
}.items():
    code, output = run(*command.split())
    assert code == 2 and wrong in output, (command, output)
"""


def start(*command, cwd):
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=environment)


def test_without_keras(tmp_path):
    done = start(sys.executable, "-c", CODE, plackett.__version__, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_as_a_module(tmp_path):
    done = start(sys.executable, "-m", "plackett", "train", "none.txt", "--output", "run", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: there is no file none.txt\n"
