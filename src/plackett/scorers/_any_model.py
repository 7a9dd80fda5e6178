"""Any Keras model as a scorer: its layers know which documents are real, and padding affects no score."""

import contextlib
import dataclasses
import logging
import re
import warnings
from collections.abc import Iterator, Mapping

import keras
import numpy as np
from keras import ops

from plackett.data import RankingLists, Strings
from plackett.data._columns import kind_of_ids, shape_of_ids
from plackett.data._features import match_features
from plackett.data._inputs import NO_POSITION, POSITION
from plackett.scorers._outputs import MaskedScores
from plackett.scorers._own_model import OwnModel, RealDocuments
from plackett.scorers._towers import Positions, check_positions
from plackett.scorers.preprocessing.layers import Buckets, OfFeatures, Vocabulary

ANSI = re.compile(r"\x1b\[[0-9;]*m")
OF_NAME = "_vocabulary"  # the ending of the name of the layer that knows an id feature
OF_BUCKETS = "_buckets"  # and of the layer that hashes it
INT32 = np.iinfo("int32")
FRAMES = re.compile(r'^\s*File ".*", line .*\n.*\n|^Exception encountered when calling .*\n', re.MULTILINE)


def as_scorer(model: keras.Model, lists: RankingLists, *, has_models: bool | None = None) -> keras.Model:
    """Turns a Keras model into a scorer, a model with a dict of inputs and masked scores; see `plackett.scorers`.

    A scorer is returned unchanged. Any other model becomes a layer of a new model that shares its weights. Inside,
    features and ids are 0 at padding, and the features carry the mask of the documents as their Keras mask. The
    normalisation, attention and recurrent layers of Keras respect this mask if the layers before them pass it on. A
    model that takes a dict may also pass the mask itself, as in `BatchNormalization()(x, mask=inputs["mask"])`.

    >>> import numpy as np
    >>> import plackett
    >>> x = np.random.default_rng(0).normal(size=(60, 3))
    >>> lists = plackett.data.RankingLists.from_arrays(x, x[:, 0] > 0, group=[6] * 10)
    >>> model = keras.Sequential([keras.layers.Dense(8, "relu"), keras.layers.Dense(1)])
    >>> sorted(as_scorer(model, lists).input)
    ['features', 'mask']

    Args:
        model: a functional, sequential or subclassed model. It takes a dict with some of `features`, `mask` and the id
            features, or one array of features, [lists, list_size, features]. A functional model may also take columns
            of the lists, such as `position`, see `plackett.data.Batches`. For a subclassed model both forms are tried,
            the dict first. The output is [lists, list_size] or [lists, list_size, 1]; with `has_models`, [lists,
            list_size, models]; or a dict of these, one per task.
        lists: lists like those to be scored; their features and ids count.
        has_models: whether the scores have an axis of models. None = yes if its size is not 1.

    Raises:
        ValueError: the model takes inputs that the lists do not have, or its output has another shape.
    """
    if is_scorer(model):
        return model
    if _is_functional(model) and isinstance(_input(model), dict):
        _check_kinds(model, lists)
        lists = _with_bits(model, lists)
    inputs, scores = _call(model, lists)
    mask = inputs["mask"]
    if isinstance(scores, dict):
        outputs = {name: _mask_output(x, mask, name, has_models) for name, x in scores.items()}
    else:
        outputs = _mask_output(scores, mask, "scores", has_models)
    return keras.Model(inputs, outputs, name="scorer")


def is_scorer(model: keras.Model) -> bool:
    """Whether a model takes a dict with a mask and returns masked scores."""
    if not _is_functional(model) or not isinstance(_input(model), dict) or "mask" not in model.input:
        return False
    return all(isinstance(layer, MaskedScores) for layer in output_layers(model).values())


def output_layers(scorer: keras.Model) -> dict[str | None, keras.layers.Layer]:
    """The layer that returns the scores of each task, by task; {None: layer} without tasks."""
    outputs = scorer.output if isinstance(scorer.output, dict) else {None: scorer.output}
    return {name: output._keras_history.operation for name, output in outputs.items()}


def layers_of(model: keras.Model) -> list[keras.layers.Layer]:
    """The layers of a model, including those of nested models, as in an ensemble."""
    found = []
    for layer in model.layers:
        inner = layer.model if isinstance(layer, OwnModel) else layer
        found += layers_of(inner) if isinstance(inner, keras.Model) else [inner]
    return found


def inputs_for(scorer: keras.Model, lists: RankingLists) -> RankingLists:
    """The lists as a scorer takes them: the output of `lists_for`, with ids of the right number of bits.

    Raises:
        ValueError: the lists lack an input, have another number of features, or have a position that the scorer does
            not know.
    """
    lists = lists_for(scorer, lists)
    for layer in layers_of(scorer):
        if isinstance(layer, Positions):
            check_positions(lists, layer.positions)
    return _with_bits(scorer, lists)


def column_inputs(scorer: keras.Model, lists: RankingLists) -> tuple[str, ...]:
    """The columns of the lists that a scorer takes as inputs, in the form that `Batches` takes."""
    return _columns_among(scorer.input, lists)


def _columns_among(names, lists):
    """Those of the names that are columns of the lists."""
    return tuple(name for name in names if name in lists.columns or name in lists.query_columns)


def lists_for(scorer: keras.Model, lists: RankingLists) -> RankingLists:
    """The lists with only the features and ids that a scorer takes, features in the scorer's order.

    Raises:
        ValueError: the lists lack some, or have another number of features.
    """
    lists = match_to(scorer, lists)
    _check_kinds(scorer, lists)
    _check_inputs(scorer.input, _with_bits(scorer, lists))
    lists = lists.with_ids(scorer.input)
    if "features" in scorer.input:
        return lists
    return dataclasses.replace(lists, features=lists.features[:, :0], feature_names=())


def _with_bits(scorer, lists):
    """The lists with ids of the number of bits that a scorer takes."""
    return dataclasses.replace(lists, ids=ids_as_taken(scorer, lists.ids))


def ids_as_taken(scorer: keras.Model, ids: Mapping[str, np.ndarray | Strings]) -> dict[str, np.ndarray | Strings]:
    """The ids with the number of bits that a scorer takes.

    If the scorer knows only int32 numbers, a larger number is unknown to it, and becomes an int32 number that is
    unknown too.
    """
    found = _halves(scorer.input, ids)
    for name, vocabulary in vocabularies(scorer).items():
        if vocabulary.kind == "int32" and name in ids and kind_of_ids(ids[name]) == "int64":
            fits = (ids[name] >= INT32.min) & (ids[name] <= INT32.max)
            found[name] = np.where(fits, ids[name], vocabulary.unknown).astype("int32")
    return found


def vocabularies(scorer: keras.Model) -> dict[str, Vocabulary]:
    """The id features whose known values a scorer keeps -> the layer that keeps them, NAME_vocabulary."""
    known = [layer for layer in layers_of(scorer) if isinstance(layer, Vocabulary)]
    return {layer.name.removesuffix(OF_NAME): layer for layer in known if layer.name.endswith(OF_NAME)}


def match_to(scorer: keras.Model, lists: RankingLists) -> RankingLists:
    """The lists with their features in the scorer's order; see `match_features`."""
    names = feature_names(scorer)
    if names is None or not lists.features.shape[1]:
        return lists
    return match_features(lists, names, scorer.input["features"].shape[-1], "the model")


def feature_names(scorer: keras.Model) -> tuple[str, ...] | None:
    """The names of the features that a scorer takes; () if they only have numbers; None if it does not know them."""
    return next((layer.feature_names for layer in layers_of(scorer) if isinstance(layer, OfFeatures)), None)


def _is_functional(model):
    """Whether the inputs of a model are known: it is functional, or sequential and built."""
    inputs = getattr(model, "inputs", None)
    return isinstance(inputs, list) and all(map(keras.utils.is_keras_tensor, inputs))


def _input(model):
    """The inputs of a model whose inputs are known, as it was built with them."""
    return model.inputs[0] if isinstance(model, keras.Sequential) else model.input


def _call(model, lists):
    """(the inputs of a scorer, the output of the model for them)."""
    forms, failures = _forms(model, lists), []
    layer = OwnModel(model, name=model.name)
    for form in forms:
        inputs = _inputs(lists, form or ("features",))
        mask = inputs["mask"]
        real = inputs | {name: _without_padding(inputs[name], mask) for name in inputs if name in lists.ids}
        if "features" in inputs:
            names = lists.feature_names if lists.has_feature_names else ()
            real["features"] = RealDocuments(names)((inputs["features"], mask))
        try:
            with _silence_of_failure():
                return inputs, layer({name: real[name] for name in form} if form else real["features"])
        except Exception as error:
            wrong = f"{_in_words(form)}, which fails with: {in_plain_words(error)}"
            if len(forms) == 1:
                raise ValueError(f"the model is called with {wrong}") from error
            failures.append(wrong)
    raise ValueError(f"the model takes neither {'; nor '.join(failures)}")


@contextlib.contextmanager
def _silence_of_failure() -> Iterator[None]:
    """Shows the logs and warnings of an attempt only if it succeeds."""
    disabled = logging.root.manager.disable
    logging.disable()
    try:
        with warnings.catch_warnings(record=True) as told:
            yield
    finally:
        logging.disable(disabled)
    for warning in told:
        warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)


def _without_padding(ids, mask):
    """Sets padding to 0, for ids of one number or of two halves."""
    return ops.where(mask if ids.ndim == 2 else mask[..., None], ids, 0)


def _in_words(form):
    return f"a dict of {', '.join(form)}" if form else "one array of features"


def in_plain_words(error: Exception) -> str:
    """The message of a model's error on one line, without the colours, traceback and arguments that Keras adds."""
    text = ANSI.sub("", str(error)).partition("Arguments received by")[0]
    text = text.rpartition("Error encountered:")[2]
    *_, text = FRAMES.split(text)
    return " ".join(text.split()) or type(error).__name__


def _forms(model, lists):
    """The forms of input to try: the names of a dict, or () for one array of features."""
    everything = ("mask", *(["features"] if lists.features.shape[1] else []), *lists.ids)
    if not _is_functional(model):
        return [()] if isinstance(model, keras.Sequential) else [everything, ()]
    given = _input(model)
    if isinstance(given, dict):
        _check_inputs(given, lists)
        return [tuple(given)]
    if len(model.inputs) > 1:
        raise ValueError(
            f"the model takes {len(model.inputs)} inputs: make them a dict of some of {', '.join(everything)}"
        )
    _check_inputs({"features": model.inputs[0]}, lists)
    return [()]


def _inputs(lists, names):
    """The inputs of a scorer with these names, and `mask`."""
    inputs = {"mask": keras.Input((None,), dtype="bool", name="mask")}
    if "features" in names:
        _check_inputs({"features": None}, lists)
        inputs["features"] = keras.Input((None, lists.features.shape[1]), name="features")
    ids = [name for name in lists.ids if name in names]
    inputs |= {name: keras.Input(shape_of_ids(lists.ids[name]), dtype="int32", name=name) for name in ids}
    for name in _columns_among(names, lists):
        is_text = isinstance(lists.query_columns.get(name), Strings)
        dtype = "int32" if is_text or name == POSITION else "float32"
        inputs[name] = keras.Input((None, 2) if is_text else (None,), dtype=dtype, name=name)
    return inputs


def _halves(inputs, ids):
    """The ids, as 64 bits where the inputs of a model are; lists with small ids hold them as int32."""
    wide = {name for name, tensor in inputs.items() if len(getattr(tensor, "shape", ())) == 3}
    return {
        name: column.astype("int64") if name in wide and kind_of_ids(column) == "int32" else column
        for name, column in ids.items()
    }


def _check_inputs(inputs, lists):
    """Raises a ValueError unless the lists have what these inputs of a model need."""
    width = lists.features.shape[1]
    has = ["mask", *(["features"] if width else []), *lists.ids]
    if lacking := [name for name in inputs if name not in (*has, *_columns_among(inputs, lists))]:
        if POSITION in lacking:
            raise ValueError(NO_POSITION)
        dense = [
            f"; {name} is a dense feature there, which ids or categorical (--ids, --categorical) reads as an id feature"
            for name in lacking
            if name in lists.feature_names
        ]
        raise ValueError(f"the model takes {', '.join(lacking)}, but these lists have {', '.join(has)}{''.join(dense)}")
    for name, tensor in inputs.items():
        if tensor is None:
            continue
        if len(tensor.shape) > 1 and tensor.shape[1] is not None:
            raise ValueError(
                f"the model takes lists of exactly {tensor.shape[1]} documents as {name}: make that axis None, as in "
                f"keras.Input((None, {width}))"
            )
        if name in lists.ids and len(tensor.shape) < len(shape_of_ids(lists.ids[name])) + 1:
            kind = "strings" if isinstance(lists.ids[name], Strings) else "numbers beyond int32"
            raise ValueError(
                f"the model takes one int32 as {name}, which in these lists holds {kind}, fed as halves of 64 bits: "
                "make that input keras.Input((None, 2), dtype='int32'), or build the scorer from lists of such ids"
            )
        if name in lists.query_columns and (len(tensor.shape) == 3) != isinstance(lists.query_columns[name], Strings):
            takes, holds = ("text", "numbers") if len(tensor.shape) == 3 else ("numbers", "text")
            raise ValueError(f"the model takes {takes} as {name}, which in these lists holds {holds}")
        if name == "features" and tensor.shape[-1] not in (None, width):
            raise ValueError(f"the model takes {tensor.shape[-1]} features, but these lists have {width}")


def _check_kinds(scorer, lists):
    """Raises a ValueError if ids are text and the scorer knows numbers, or the reverse: all ids would be unknown."""
    kinds = {name: vocabulary.kind for name, vocabulary in vocabularies(scorer).items()}
    kinds |= {x.name.removesuffix(OF_BUCKETS): x.kind for x in layers_of(scorer) if isinstance(x, Buckets)}
    for name, kind in kinds.items():
        if name not in lists.ids:
            continue
        knows_text, has_text = kind == "text", isinstance(lists.ids[name], Strings)
        if knows_text and not has_text:
            raise ValueError(
                f"the scorer knows {name} as text, but these lists hold numbers: read it as text, with "
                f"categorical=[{name!r}] (--categorical {name}), or give from_arrays strings as ids[{name!r}]"
            )
        if has_text and not knows_text:
            raise ValueError(
                f"the scorer knows {name} as numbers, but these lists hold text: read it as whole numbers, with "
                f"ids=[{name!r}] (--ids {name}), or give from_arrays whole numbers as ids[{name!r}]"
            )


def _mask_output(scores, mask, name, has_models):
    """The masked scores of one task."""
    shape = tuple(getattr(scores, "shape", ()))
    if has_models is None:
        has_models = len(shape) == 3 and shape[-1] != 1
    if not (len(shape) == 3 and (has_models or shape[-1] == 1)) and not (len(shape) == 2 and not has_models):
        wanted = "[lists, list_size, models]" if has_models else "[lists, list_size] or [lists, list_size, 1]"
        raise ValueError(f"the scores of the model must be {wanted}, but their shape is {shape}")
    # Scores are float32 under any dtype policy, but float64 scores stay float64.
    dtype = "float64" if keras.backend.standardize_dtype(scores.dtype) == "float64" else "float32"
    return MaskedScores(axis_of_models=has_models, name=name, dtype=dtype)((scores, mask))
