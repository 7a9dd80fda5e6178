"""What the command line says of click models and methods, without Keras, is what there is."""

import subprocess
import sys

import pytest
from command_line import run, words

from plackett.clicks import MODELS
from plackett.clicks._names import NAMES_OF_METHODS, NAMES_OF_MODELS
from plackett.clicks.training._methods import METHODS


def test_the_command_line_knows_every_method_and_model():
    assert set(NAMES_OF_METHODS) == set(METHODS)
    assert set(NAMES_OF_MODELS) == set(MODELS)


@pytest.mark.parametrize(("command", "names"), [("train", NAMES_OF_METHODS), ("simulate", NAMES_OF_MODELS)])
def test_help_names_them_all(command, names):
    said = words(run(command, "--help")).replace("│", " ")
    assert ", ".join(names) + "." in " ".join(said.split())


def test_the_names_need_no_keras():
    code = "import sys, plackett.clicks._names; assert 'keras' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
