"""CONTRIBUTING.md and docs/design.md: the loss and the click model that the page adds obey the laws that it names."""

import ast
import doctest
import re
import tomllib

import keras
import numpy as np
import pytest
from backends import value_and_grad
from test_docs import ROOT

import plackett

PAGE = ROOT / "docs/design.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
CLASSES = ("FirstGradeLoss", "AffineModel")


@pytest.fixture
def shown():
    """The names of its Python; its classes are known to Keras no longer than a test."""
    names = {"__name__": "contributing"}
    exec(compile("\n".join(BLOCKS), PAGE.name, "exec"), names)
    yield names
    for name in CLASSES:
        del keras.saving.get_custom_objects()[f"plackett>{name}"]


@pytest.mark.parametrize("name", CLASSES)
def test_the_example_of_the_class_runs(shown, name):
    examples = doctest.DocTestFinder(recurse=False).find(shown[name], name, globs=shown, module=False)
    assert [len(example.examples) for example in examples] == [2]
    assert doctest.DocTestRunner().run(examples[0]).failed == 0


def test_padding_changes_nothing(shown):
    plain, padded = ([[2.0, 0.0, 1.0]], [[0.3, 0.1, 0.2]]), ([[2.0, -1.0, 0.0, 1.0]], [[0.3, 9.0, 0.1, 0.2]])
    loss = shown["FirstGradeLoss"](temperature=0.5)
    (value, gradient), (expected, slope) = (
        value_and_grad(lambda scores, labels=labels: loss(np.array(labels, "float32"), scores), np.array(x, "float32"))
        for labels, x in (padded, plain)
    )
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    np.testing.assert_allclose(np.delete(gradient, 1, axis=1), slope, rtol=1e-5)
    assert gradient[0, 1] == 0


def test_options_are_checked_and_configs_hold_them(shown):
    kind = shown["FirstGradeLoss"]
    with pytest.raises(ValueError, match="temperature must be a number greater than 0"):
        kind(temperature=0)
    assert kind.from_config(kind(temperature=2.0).get_config()) == kind(temperature=2.0)


def test_the_click_model_has_the_probability_that_it_says(shown):
    parameters = np.random.default_rng(0).normal(size=(3, 2, 4)).astype("float32")
    attraction, examination, chance = 1 / (1 + np.exp(-parameters.astype("float64")))
    model = shown["AffineModel"]()
    found = model.click_probability(
        model.stack(attraction=parameters[0], examination=parameters[1], chance=parameters[2])
    )
    expected = chance + (1 - chance) * examination * attraction
    np.testing.assert_allclose(keras.ops.convert_to_numpy(found), expected, rtol=1e-5)
    clicks = np.array([[1, 0, 0, 1], [0, 1, -1, -1]], "float32")
    terms = np.where(clicks == 1, np.log(expected), np.where(clicks == 0, np.log(1 - expected), 0))
    value = keras.ops.convert_to_numpy(shown["affine"](clicks, *parameters))
    np.testing.assert_allclose(value, terms.sum(axis=1), rtol=1e-5)


def test_the_click_model_trains_a_ranker_as_it_stands(shown):
    random = np.random.default_rng(0)
    x = random.normal(size=(240, 2))
    position = np.tile(np.arange(1, 5), 60)
    columns = {"position": position, "click": random.random(240) < np.where(x[:, 0] > 0, 0.9, 0.1) / position}
    lists = plackett.data.RankingLists.from_arrays(x, x[:, 0] > 0, group=[4] * 60, columns=columns)
    towers = {"scorer": "two_tower", "scorer_options": {"relevance_options": {"hidden": [4]}, "examination_rate": 30.0}}
    trained = plackett.train(
        lists,
        lists,
        loss=shown["AffineModel"](),
        target="click",
        metric="validation_loss",
        learning_rate=0.02,
        batch_size=8,
        epochs=10,
        **towers,
    )
    assert plackett.evaluate(trained.ranker, lists, ["ndcg@4"])["ndcg@4"] > 0.85


def test_the_loss_has_as_many_lines_as_the_page_says():
    said = int(re.search(r"these are\s+(\d+)\s+lines", PAGE.read_text())[1])
    docstrings = set()
    for node in ast.walk(ast.parse(BLOCKS[0])):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node):
            docstrings |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    lines = [line for number, line in enumerate(BLOCKS[0].splitlines(), 1) if number not in docstrings and line.strip()]
    assert len(lines) == said
    assert said + 10 < 30  # its loop, its row and its two names are less than 10


def test_the_diagram_is_the_contract_and_the_package():
    diagram = re.search(r"```text\n(.*?)```", PAGE.read_text(), re.DOTALL)[1]
    package = {path.name.removesuffix(".py") for path in (ROOT / "src/plackett").iterdir() if path.name[0] not in "_."}
    package -= {"py.typed"}
    shown = [set(re.split(r"\s{2,}", line.strip())) & package for line in diagram.splitlines()]
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]["layers"]
    layers = [set(re.findall(r"\w+", layer)) for layer in contract]
    assert [names for names in shown if names] == [*layers, {"data"}]
    assert set().union(*shown) == package


def test_the_commands_are_in_the_makefile():
    targets = re.findall(r"^    make ([\w-]+)", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text()
    assert targets
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
