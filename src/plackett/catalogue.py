"""Losses, lambda weights and metrics by the names that the command line and config files use."""

import inspect
import re

from plackett import losses, metrics
from plackett.lambdas import LambdaWeight
from plackett.losses.base import RankingLoss
from plackett.metrics.base import RankingMetric


def loss(name: str, **options) -> RankingLoss:
    """A loss by its lower-case name.

    >>> loss("gumbel_approx_ndcg", sample_size=16).sample_size
    16
    >>> loss("softmax", lambda_weight={"NDCGLambdaWeight": {"topn": 10}}).options["lambda_weight"].topn
    10

    Args:
        name: the name of the loss's function, such as "unique_softmax".
        options: arguments of its class. A lambda weight may be the name of its class, or {name: options}.

    Raises:
        ValueError: an unknown name or option; lists what is known.
    """
    known = {_snake_case(kind.__name__.removesuffix("Loss")): kind for kind in _classes(losses, RankingLoss)}
    if isinstance(options.get("lambda_weight"), str | dict):
        options["lambda_weight"] = _lambda_weight(options["lambda_weight"])
    return _made("loss", known, name, options)


def metric(name: str) -> RankingMetric:
    """A metric by its lower-case name, with an optional cut-off.

    >>> metric("ndcg@10").name
    'ndcg_10'

    Args:
        name: "ndcg" or "mrr", and where wanted "@" and the cut-off.

    Raises:
        ValueError: an unknown name or a cut-off that is no whole number of at least 1.
    """
    known = {kind.__name__.lower(): kind for kind in _classes(metrics, RankingMetric)}
    base, at, topn = name.partition("@")
    if at and not topn.isdecimal():
        raise ValueError(f"the cut-off of a metric must be a whole number, as in ndcg@10, but got {name!r}")
    return _made("metric", known, base, {"topn": int(topn)} if at else {})


def _lambda_weight(given: str | dict) -> LambdaWeight:
    known = {kind.__name__: kind for kind in _classes(losses, LambdaWeight)}
    if isinstance(given, str):
        return _made("lambda weight", known, given, {})
    if len(given) != 1:
        raise ValueError(f"lambda_weight must be the name of a class or {{name: options}}, but got {given!r}")
    ((name, options),) = given.items()
    return _made("lambda weight", known, name, options or {})


def _classes(module, base):
    return [kind for kind in vars(module).values() if inspect.isclass(kind) and issubclass(kind, base)]


def _snake_case(name):
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _made(what, known, name, options):
    if name not in known:
        raise ValueError(f"unknown {what} {name!r}; known are {', '.join(sorted(known))}")
    allowed = list(inspect.signature(known[name]).parameters)
    unknown = sorted(set(options) - set(allowed))
    if unknown:
        raise ValueError(f"{name} has no option {', '.join(unknown)}; its options are {', '.join(allowed)}")
    return known[name](**options)
