"""The names of losses, metrics, scorers and optimizers and of their options, read from source code.

To import them takes Keras, and that takes seconds: a name that is misspelt shall be said at once.
"""

import ast
import functools
import importlib.util
import pathlib
from collections.abc import Iterator

from plackett.registry.names import snake_case

ROOT = pathlib.Path(__file__).parents[1]
NO_OPTIMIZERS = ("Optimizer", "OptimizerMap", "LossScaleOptimizer", "MultiOptimizer")


@functools.cache
def losses() -> dict[str, tuple[str, ...]]:
    """The names of the losses, each with its options."""
    return {
        snake_case(name.removesuffix("Loss")): options
        for name, options in _registered_classes("losses", "RankingLoss").items()
    }


@functools.cache
def metrics() -> dict[str, tuple[str, ...]]:
    """The names of the metrics, each with its options."""
    return {snake_case(name): options for name, options in _registered_classes("metrics", "RankingMetric").items()}


@functools.cache
def lambda_weights() -> dict[str, tuple[str, ...]]:
    """The names of the lambda weights, each with its options."""
    return _registered_classes("lambdas", "LambdaWeight")


@functools.cache
def scorers() -> dict[str, tuple[str, ...]]:
    """The names of the scorers, each with its options."""
    functions = {node.name: node.args for node in _nodes("scorers") if isinstance(node, ast.FunctionDef)}
    known = {}
    for key, value in zip(*_items("scorers", "SCORERS"), strict=True):
        arguments = functions[value.id]
        passed_on = functions["prepare"].kwonlyargs if arguments.kwarg else []
        known[key] = tuple(dict.fromkeys(argument.arg for argument in [*arguments.kwonlyargs, *passed_on]))
    return known


@functools.cache
def schedules() -> list[str]:
    """The names of the schedules of a learning rate."""
    return _items("training", "SCHEDULES")[0]


@functools.cache
def optimizers() -> list[str]:
    """The names of Keras's optimizers."""
    package = pathlib.Path(importlib.util.find_spec("keras").origin).parent
    tree = ast.parse((package / "optimizers/__init__.py").read_text(encoding="utf-8"))
    names = [alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    return sorted(name.lower() for name in names if name[0].isupper() and name not in NO_OPTIMIZERS)


def _nodes(part: str) -> Iterator[ast.stmt]:
    """What stands at the top of the modules of a part of plackett, a file or a folder."""
    for path in [ROOT / f"{part}.py", *sorted((ROOT / part).rglob("*.py"))]:
        if path.is_file():
            yield from ast.parse(path.read_text(encoding="utf-8")).body


def _registered_classes(part: str, base: str) -> dict[str, tuple[str, ...]]:
    """The public classes of a part that are registered with Keras and have this base, each with its options."""
    classes = {node.name: node for node in _nodes(part) if isinstance(node, ast.ClassDef)}
    of_base = [name for name in classes if base in _bases(name, classes) and not name.startswith("_")]
    registered = [name for name in of_base if "register" in " ".join(map(ast.unparse, classes[name].decorator_list))]
    return {name: _options(name, classes) for name in registered}


def _bases(name: str, classes: dict[str, ast.ClassDef]) -> list[str]:
    """The class itself and what it comes from, the nearest first."""
    above = [base.id for base in classes[name].bases if isinstance(base, ast.Name) and base.id in classes]
    return [name, *(base for direct in above for base in _bases(direct, classes))]


def _options(name: str, classes: dict[str, ast.ClassDef]) -> tuple[str, ...]:
    """The arguments of the constructor that a class has or inherits."""
    for base in _bases(name, classes):
        for node in classes[base].body:
            if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                return tuple(argument.arg for argument in [*node.args.args[1:], *node.args.kwonlyargs])
    return ()


def _items(part: str, name: str) -> tuple[list[str], list[ast.expr]]:
    """The keys and the values of the dict of this name in a part of plackett."""
    for node in _nodes(part):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return [key.value for key in node.value.keys], node.value.values
    raise LookupError(f"there is no {name} in {part}")
