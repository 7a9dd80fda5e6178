"""Losses by name, and from the configs of TensorFlow Ranking and Addons."""

from typing import Any

import keras

from plackett.lambdas import LambdaWeight
from plackett.losses._base import RankingLoss
from plackett.registry import PACKAGE, classes_by_name, make


def get(name: str, /, **options: Any) -> keras.losses.Loss:
    """A loss by its lower-case name. The function and the command line use the same name.

    >>> get("gumbel_approx_ndcg", sample_size=16).sample_size
    16
    >>> get("softmax", lambda_weight={"NDCGLambdaWeight": {"topn": 10}})
    SoftmaxLoss(lambda_weight=NDCGLambdaWeight(topn=10))

    Args:
        name: the name, such as "unique_softmax". A loss of your own has its registered name, such as "mine>TopLoss".
        options: arguments of the class. A lambda weight may be given as the name of its class, or as {name: options}.

    Raises:
        ValueError: the name or an option is unknown; the error gives the nearest known one.
    """
    if isinstance(options.get("lambda_weight"), str | dict):
        options["lambda_weight"] = _lambda_weight(options["lambda_weight"])
    return make("loss", classes_by_name(keras.losses.Loss, suffix="Loss"), name, options)


def deserialize(config: dict, custom_objects: dict | None = None) -> RankingLoss:
    """A loss from a config written by plackett, TensorFlow Ranking 0.5 or TensorFlow Addons 0.23.

    >>> config = {"class_name": "tensorflow_ranking>UniqueSoftmaxLoss", "config": {"reduction": "auto", "ragged": True}}
    >>> deserialize(config).ragged
    True

    Arguments that TensorFlow Ranking leaves out of a config get their defaults. The exception is the `ordinal_size` of
    `OrdinalLoss`, which becomes None: as many levels as the scores have.

    Args:
        config: {"class_name": ..., "config": {...}}. The class name may have its package or not. So may the names of
            lambda weights and functions inside.
        custom_objects: name -> function, for functions of your own that are not registered with Keras.

    Raises:
        ValueError: a class, an argument or a function is unknown; the error gives the nearest known one.
    """
    if not isinstance(config, dict) or "class_name" not in config:
        raise ValueError(f"a config must be a dict with class_name and config, but got {config!r}")
    if str(config.get("module")).startswith("plackett"):
        return keras.saving.deserialize_keras_object(config, custom_objects)
    return _translate("loss", RankingLoss, config, custom_objects)


def _translate(what, base, written, custom_objects):
    """An object of this kind from {"class_name": "package>name", "config": {...}}."""
    name = written["class_name"].rpartition(">")[2]
    arguments = {key: _argument(key, value, custom_objects) for key, value in (written.get("config") or {}).items()}
    if name == "OrdinalLoss":
        arguments = {"ordinal_size": None} | arguments
    elif name == "NDCGLambdaWeight" and arguments.get("normalized"):
        del arguments["normalized"]
    elif name in ("NpairsLoss", "NpairsMultilabelLoss"):
        arguments.pop("reduction", None)
    return make(what, _by_class_name(base), name, arguments)


def _argument(name, value, custom_objects):
    if name == "lambda_weight" and value is not None:
        if not isinstance(value, dict) or "class_name" not in value:
            raise ValueError(f"lambda_weight must be None or a dict with class_name and config, but got {value!r}")
        return _translate("lambda weight", LambdaWeight, value, custom_objects)
    if not name.endswith("_fn") or not isinstance(value, str):
        return value
    ours = PACKAGE + value.rpartition(">")[2]
    for known in (value, ours):
        function = keras.saving.get_registered_object(known, custom_objects)
        if function is not None:
            return function
    raise ValueError(f"{name}={value!r} names no known function: register it with Keras, or pass it in custom_objects")


def _lambda_weight(given: str | dict) -> LambdaWeight:
    given = {given: {}} if isinstance(given, str) else given
    if len(given) != 1:
        raise ValueError(f"lambda_weight must be the name of a class or {{name: options}}, but got {given!r}")
    ((name, options),) = given.items()
    options = {key: _argument(key, value, None) for key, value in (options or {}).items()}
    return make("lambda weight", _by_class_name(LambdaWeight), name, options)


def _by_class_name(base):
    """plackett's classes by their names, others by their registered names."""
    known = classes_by_name(base)
    return {(name if ">" in name else kind.__name__): kind for name, kind in known.items()}
