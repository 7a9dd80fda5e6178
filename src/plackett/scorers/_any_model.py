"""Any Keras model as a scorer: its layers know which documents are real, and padding reaches no score."""

import dataclasses
from typing import Any

import keras
import numpy as np
from keras import ops

from plackett._types import Tensor
from plackett.data import Batches, RankingLists
from plackett.registry import register
from plackett.scorers._outputs import MaskedScores

FEW = 4  # lists that tell whether padding changes a score
TOLERANCE = 1e-2  # of the largest score; with as much padding as there are places, a layer that counts it is far off


def as_scorer(model: keras.Model, lists: RankingLists, *, has_models: bool | None = None) -> keras.Model:
    """A model of features as one whose inputs are a dict and whose scores are masked, as those of `plackett.scorers`.

    A scorer is given back as it is. Any other model becomes a layer of a new one, with which it shares its weights. In
    there features and ids are 0 at padding, and the features carry the mask of the documents as their Keras mask,
    which the normalisation, attention and recurrent layers of Keras heed, as far as the layers before them pass it on.
    A model of a dict may hand it on by itself, as in `BatchNormalization()(x, mask=inputs["mask"])`.

    >>> import numpy as np
    >>> import plackett
    >>> x = np.random.default_rng(0).normal(size=(60, 3))
    >>> lists = plackett.data.RankingLists.from_arrays(x, x[:, 0] > 0, group=[6] * 10)
    >>> model = keras.Sequential([keras.layers.Dense(8, "relu"), keras.layers.Dense(1)])
    >>> sorted(as_scorer(model, lists).input)
    ['features', 'mask']

    Args:
        model: functional, sequential or subclassed, of a dict of some of `features`, `mask` and the id features, or of
            one array of features, [lists, list_size, features]. What a subclassed model takes is found by trying, the
            dict first. Its output is [lists, list_size] or [lists, list_size, 1], with `has_models` [lists, list_size,
            models], or a dict of such, one a task.
        lists: those that it is to score; their features and ids.
        has_models: whether the scores have an axis of models. None = where its size is not 1.

    Raises:
        ValueError: the model takes what the lists do not have, or its output is of another shape.
    """
    if is_scorer(model):
        return model
    inputs, scores = _call(model, lists)
    mask = inputs["mask"]
    if isinstance(scores, dict):
        outputs = {name: _mask_output(x, mask, name, has_models) for name, x in scores.items()}
    else:
        outputs = _mask_output(scores, mask, "scores", has_models)
    return keras.Model(inputs, outputs, name="scorer")


def is_scorer(model: keras.Model) -> bool:
    """Whether a model takes a dict with a mask and gives masked scores."""
    if not _is_functional(model) or not isinstance(model.input, dict) or "mask" not in model.input:
        return False
    return all(isinstance(layer, MaskedScores) for layer in output_layers(model).values())


def output_layers(scorer: keras.Model) -> dict[str | None, keras.layers.Layer]:
    """The layer that the scores of each task come from, by its name; {None: layer} where there are no tasks."""
    outputs = scorer.output if isinstance(scorer.output, dict) else {None: scorer.output}
    return {name: output._keras_history.operation for name, output in outputs.items()}


def check_padding(scorer: keras.Model, lists: RankingLists) -> None:
    """Scores a few lists with padding and with more of it; the scorer stays as it was.

    Raises:
        ValueError: a score changes with it.
    """
    few = inputs_for(scorer, lists.select(np.arange(min(len(lists), FEW))))
    inputs, _, _ = Batches(few, len(few))[0]
    wider = {name: np.concatenate([x, np.zeros_like(x)], axis=1) for name, x in inputs.items()}
    before = [ops.convert_to_numpy(variable.value) for variable in scorer.variables]
    try:
        once, again = (_scores(scorer, inputs, training=True) for _ in range(2))
        # Dropout gives other scores each time; then inference must tell.
        training = not _differ(once, again)
        once = once if training else _scores(scorer, inputs, training)
        if _differ(once, _scores(scorer, wider, training)):
            raise ValueError(
                f"padding changes the scores of the model{' in training' if training else ''}: one of its layers takes "
                "other documents into account and does not know which are real; hand it the mask, as in "
                'BatchNormalization()(x, mask=inputs["mask"]), or take one that looks at each document by itself, such '
                "as LayerNormalization"
            )
    finally:
        for variable, value in zip(scorer.variables, before, strict=True):
            variable.assign(value)


def _scores(scorer, inputs, training):
    """[all scores of real documents], by all tasks."""
    found = scorer(inputs, training=training)
    tasks = found.values() if isinstance(found, dict) else [found]
    return np.concatenate([ops.convert_to_numpy(scores)[inputs["mask"]].ravel() for scores in tasks])


def _differ(first, second):
    """Whether they do, where the first are finite: features that are missing may make some of them NaN."""
    known = np.isfinite(first)
    first, second = first[known], second[known]
    return not np.abs(first - second).max(initial=0) <= TOLERANCE * np.abs(first).max(initial=0)


def inputs_for(scorer: keras.Model, lists: RankingLists) -> RankingLists:
    """The lists with the features and ids alone that a scorer takes.

    Raises:
        ValueError: they lack some, or have another number of features.
    """
    _check_inputs(scorer.input, lists)
    lists = lists.with_ids(scorer.input)
    if "features" in scorer.input:
        return lists
    return dataclasses.replace(lists, features=lists.features[:, :0], feature_names=())


@register
class RealDocuments(keras.layers.Layer):
    """Puts 0 for the features of padding, and gives them the mask of the documents as their Keras mask."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs: tuple[Tensor, Tensor]) -> Tensor:
        """([lists, list_size, features], [lists, list_size] bool) -> the features."""
        features, mask = inputs
        return ops.where(mask[..., None], features, ops.zeros_like(features))

    def compute_mask(self, inputs: tuple[Tensor, Tensor], previous_mask: Tensor | None = None) -> Tensor:
        """The mask that came with the features."""
        return inputs[1]


def _is_functional(model):
    """Whether the inputs of a model are known: it is functional, or sequential and built."""
    inputs = getattr(model, "inputs", None)
    return isinstance(inputs, list) and all(map(keras.utils.is_keras_tensor, inputs))


def _call(model, lists):
    """(the inputs of a scorer, what the model gives for them)."""
    forms, failures = _forms(model, lists), []
    model.supports_masking = True  # Keras warns of any model that does not say so, though its layers heed the mask
    for form in forms:
        inputs = _inputs(lists, form or ("features",))
        mask = inputs["mask"]
        real = inputs | {name: ops.where(mask, inputs[name], 0) for name in inputs if name in lists.ids}
        if "features" in inputs:
            real["features"] = RealDocuments()((inputs["features"], mask))
        try:
            return inputs, model({name: real[name] for name in form} if form else real["features"])
        except Exception as error:
            if len(forms) == 1:
                raise
            failures.append(" ".join(str(error).split()))
    raise ValueError(
        f"the model takes neither a dict of {', '.join(forms[0])}, which fails with: {failures[0]}; nor one array of "
        f"features, which fails with: {failures[1]}"
    )


def _forms(model, lists):
    """What the model may take: the names of a dict, or () for one array of features."""
    everything = ("mask", *(["features"] if lists.features.shape[1] else []), *lists.ids)
    if not _is_functional(model):
        return [()] if isinstance(model, keras.Sequential) else [everything, ()]
    given = model.input
    if isinstance(given, dict):
        _check_inputs(given, lists)
        return [tuple(given)]
    if len(model.inputs) > 1:
        raise ValueError(
            f"the model takes {len(model.inputs)} inputs: let them be a dict of some of {', '.join(everything)}"
        )
    _check_inputs({"features": model.inputs[0]}, lists)
    return [()]


def _inputs(lists, names):
    """The inputs of a scorer of these names, and `mask`."""
    inputs = {"mask": keras.Input((None,), dtype="bool", name="mask")}
    if "features" in names:
        _check_inputs({"features": None}, lists)
        inputs["features"] = keras.Input((None, lists.features.shape[1]), name="features")
    ids = [name for name in lists.ids if name in names]
    return inputs | {name: keras.Input((None,), dtype="int32", name=name) for name in ids}


def _check_inputs(inputs, lists):
    """Raises ValueError unless the lists have what goes into these inputs of a model."""
    width = lists.features.shape[1]
    has = ["mask", *(["features"] if width else []), *lists.ids]
    if lacking := [name for name in inputs if name not in has]:
        raise ValueError(f"the model takes {', '.join(lacking)}, but these lists have {', '.join(has)}")
    for name, tensor in inputs.items():
        if tensor is None:
            continue
        if len(tensor.shape) > 1 and tensor.shape[1] is not None:
            raise ValueError(
                f"the model takes lists of exactly {tensor.shape[1]} documents as {name}: let that axis be None, as in "
                f"keras.Input((None, {width}))"
            )
        if name == "features" and tensor.shape[-1] not in (None, width):
            raise ValueError(f"the model takes {tensor.shape[-1]} features, but these lists have {width}")


def _mask_output(scores, mask, name, has_models):
    """The masked scores of one task."""
    shape = tuple(getattr(scores, "shape", ()))
    if has_models is None:
        has_models = len(shape) == 3 and shape[-1] != 1
    if not (len(shape) == 3 and (has_models or shape[-1] == 1)) and not (len(shape) == 2 and not has_models):
        wanted = "[lists, list_size, models]" if has_models else "[lists, list_size] or [lists, list_size, 1]"
        raise ValueError(f"the scores of the model must be {wanted}, but their shape is {shape}")
    # Scores are of float32 under any dtype policy, but those of float64 stay exact.
    dtype = "float64" if keras.backend.standardize_dtype(scores.dtype) == "float64" else "float32"
    return MaskedScores(axis_of_models=has_models, name=name, dtype=dtype)((scores, mask))
