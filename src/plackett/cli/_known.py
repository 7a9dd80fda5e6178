"""The names of losses, metrics, scorers and optimizers and of their options, read from source code.

Importing them takes Keras, which takes seconds, but a misspelt name or an option out of range should be reported at
once. Here each of them is a function without a body, whose parameters are its options with their annotations.
"""

import ast
import contextlib
import functools
import importlib.util
import inspect
import pathlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from plackett.registry import options
from plackett.registry.names import snake_case

ROOT = pathlib.Path(__file__).parents[1]
NO_OPTIMIZERS = ("Optimizer", "OptimizerMap", "LossScaleOptimizer", "MultiOptimizer")


@functools.cache
def losses() -> dict[str, Callable]:
    """The losses by name."""
    kinds = _registered_classes("losses", "RankingLoss")
    return {snake_case(name.removesuffix("Loss")): kind for name, kind in kinds.items()}


@functools.cache
def losses_of_pairs() -> list[str]:
    """The names of losses that do not take lists."""
    kinds = _registered_classes("losses", "InBatchLoss")
    return [snake_case(name.removesuffix("Loss")) for name in kinds]


@functools.cache
def losses_of_teachers() -> list[str]:
    """The names of losses that can learn from a teacher's scores, which are not grades."""
    facts = [_facts_of_losses(attribute) for attribute in ("any_labels", "by_order")]
    return sorted(name for one in facts for name, fact in one.items() if fact is not None and fact.value)


@functools.cache
def lambda_weights_of_losses() -> dict[str, tuple[list[str], str | None]]:
    """The losses by name -> the lambda weights that each accepts, and the method that your own must have."""
    nodes = _nodes("lambdas")
    classes = {node.name: node for node in nodes if isinstance(node, ast.ClassDef)}
    values = _values(nodes)
    known = {}
    for name, use in _facts_of_losses("lambda_weights").items():
        allowed, method = values[use.id].args
        above = {kind.id for kind in allowed.elts}
        weights = [kind.id for kind in values["OWN"].elts if above.intersection(_bases(kind.id, classes))]
        known[name] = weights, method.value
    return known


@functools.cache
def metrics() -> dict[str, Callable]:
    """The metrics by name."""
    return {snake_case(name): kind for name, kind in _registered_classes("metrics", "RankingMetric").items()}


@functools.cache
def lambda_weights() -> dict[str, Callable]:
    """The lambda weights by name."""
    return _registered_classes("lambdas", "LambdaWeight")


@functools.cache
def scorers() -> dict[str, Callable]:
    """The scorers by name."""
    nodes = _nodes("scorers")
    functions, rules = {node.name: node.args for node in nodes if isinstance(node, ast.FunctionDef)}, _aliases(nodes)
    known = {}
    for key, value in zip(*_items("scorers", "SCORERS"), strict=True):
        arguments = functions[ast.unparse(value)]
        passed_on = functions["prepare"].kwonlyargs if arguments.kwarg else []
        known[key] = _function([*arguments.kwonlyargs, *passed_on], rules)
    return known


@functools.cache
def schedules() -> list[str]:
    """The names of the schedules of a learning rate."""
    return _items("training", "SCHEDULES")[0]


@functools.cache
def optimizers() -> list[str]:
    """The names of Keras's optimizers."""
    spec = importlib.util.find_spec("keras")
    # Keras is a dependency of plackett, so it is installed.
    assert spec is not None
    assert spec.origin is not None
    package = pathlib.Path(spec.origin).parent
    tree = ast.parse((package / "optimizers/__init__.py").read_text(encoding="utf-8"))
    names = [alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    return sorted(name.lower() for name in names if name[0].isupper() and name not in NO_OPTIMIZERS)


def _nodes(part: str) -> list[ast.stmt]:
    """The top-level statements of the modules of a part of plackett, a file or a folder."""
    paths = [path for path in (ROOT / f"{part}.py", *sorted((ROOT / part).rglob("*.py"))) if path.is_file()]
    return [node for path in paths for node in ast.parse(path.read_text(encoding="utf-8")).body]


def _registered_classes(part: str, base: str) -> dict[str, Callable]:
    """The public classes of a part that are registered with Keras and have this base."""
    nodes = _nodes(part)
    classes, rules = {node.name: node for node in nodes if isinstance(node, ast.ClassDef)}, _aliases(nodes)
    of_base = [name for name in classes if base in _bases(name, classes) and not name.startswith("_")]
    registered = [name for name in of_base if "register" in " ".join(map(ast.unparse, classes[name].decorator_list))]
    return {name: _function(_arguments(name, classes), rules) for name in registered}


def _facts_of_losses(attribute: str) -> dict[str, Any]:
    """The losses by name -> the value of a class attribute in the source; None if it has none."""
    classes = {node.name: node for node in _nodes("losses") if isinstance(node, ast.ClassDef)}
    by_name = {snake_case(kind.removesuffix("Loss")): kind for kind in _registered_classes("losses", "RankingLoss")}
    return {
        name: next(filter(None, (_values(classes[base].body).get(attribute) for base in _bases(kind, classes))), None)
        for name, kind in by_name.items()
    }


def _values(nodes: Iterable[ast.stmt]) -> dict[str, Any]:
    """The values that are assigned to names in the source."""
    found = {ast.unparse(node.targets[0]): node.value for node in nodes if isinstance(node, ast.Assign)}
    annotated = [node for node in nodes if isinstance(node, ast.AnnAssign) and node.value is not None]
    return found | {ast.unparse(node.target): node.value for node in annotated}


def _bases(name: str, classes: dict[str, ast.ClassDef]) -> list[str]:
    """The class and its bases, the nearest first."""
    above = [base.id for base in classes[name].bases if isinstance(base, ast.Name) and base.id in classes]
    return [name, *(base for direct in above for base in _bases(direct, classes))]


def _arguments(name: str, classes: dict[str, ast.ClassDef]) -> list[ast.arg]:
    """The arguments of the constructor that a class has or inherits."""
    for base in _bases(name, classes):
        for node in classes[base].body:
            if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                return [*node.args.args[1:], *node.args.kwonlyargs]
    return []


def _function(arguments: Iterable[ast.arg], rules: Mapping[str, object]) -> Callable:
    """Makes a function with these arguments. An annotation that cannot be evaluated here is left out."""
    parameters = {}
    for argument in arguments:
        annotation: object = inspect.Parameter.empty
        if argument.annotation is not None:
            with contextlib.suppress(NameError, AttributeError, TypeError):
                annotation = _value(argument.annotation, rules)
        parameters[argument.arg] = inspect.Parameter(
            argument.arg, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
        )

    def known(**options):
        """Stands for an object with these options."""

    known.__signature__ = inspect.Signature(list(parameters.values()))  # type: ignore[attr-defined]
    return known


def _aliases(nodes: Iterable[ast.stmt]) -> dict[str, object]:
    """The rules of options, and the names of their combinations in these modules."""
    rules = dict(vars(options))
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript | ast.BinOp):
            with contextlib.suppress(NameError, AttributeError, TypeError):
                rules[ast.unparse(node.targets[0])] = _value(node.value, rules)
    return rules


def _value(node: ast.expr, names: Mapping[str, object]) -> object:
    return eval(compile(ast.Expression(node), "<annotation>", "eval"), dict(names))


def _items(part: str, name: str) -> tuple[list[str], list[ast.expr]]:
    """The keys and the values of the dict of this name in a part of plackett."""
    for node in _nodes(part):
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if name in map(ast.unparse, targets):
                return [ast.literal_eval(key) for key in node.value.keys if key is not None], node.value.values
    raise LookupError(f"there is no {name} in {part}")
