"""What CONTRIBUTING.md shows is run: the loss that it adds obeys the laws that it names."""

import doctest
import re

import keras
import numpy as np
import pytest
from backends import value_and_grad
from test_docs import ROOT

PAGE = ROOT / "CONTRIBUTING.md"


@pytest.fixture
def shown():
    """The names of its Python; its loss is known to Keras no longer than a test."""
    names = {"__name__": "contributing"}
    exec(compile("\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)), PAGE.name, "exec"), names)
    yield names
    del keras.saving.get_custom_objects()["plackett>ListNetLoss"]


def test_the_example_of_the_class_runs(shown):
    examples = doctest.DocTestFinder(recurse=False).find(shown["ListNetLoss"], "ListNetLoss", globs=shown, module=False)
    assert [len(example.examples) for example in examples] == [2]
    assert doctest.DocTestRunner().run(examples[0]).failed == 0


def test_padding_changes_nothing(shown):
    plain, padded = ([[2.0, 0.0, 1.0]], [[0.3, 0.1, 0.2]]), ([[2.0, -1.0, 0.0, 1.0]], [[0.3, 9.0, 0.1, 0.2]])
    loss = shown["ListNetLoss"](temperature=0.5)
    (value, gradient), (expected, slope) = (
        value_and_grad(lambda scores, labels=labels: loss(np.array(labels, "float32"), scores), np.array(x, "float32"))
        for labels, x in (padded, plain)
    )
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    np.testing.assert_allclose(np.delete(gradient, 1, axis=1), slope, rtol=1e-5)
    assert gradient[0, 1] == 0


def test_options_are_checked_and_configs_hold_them(shown):
    kind = shown["ListNetLoss"]
    with pytest.raises(ValueError, match="temperature must be a number greater than 0"):
        kind(temperature=0)
    assert kind.from_config(kind(temperature=2.0).get_config()) == kind(temperature=2.0)


def test_the_commands_are_in_the_makefile():
    targets = re.findall(r"^    make ([\w-]+)", PAGE.read_text(), re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text()
    assert targets
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
