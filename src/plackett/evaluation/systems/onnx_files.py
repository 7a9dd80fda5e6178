"""Networks in ONNX files."""

import dataclasses
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from plackett.data import Batches, RankingLists
from plackett.data._features import match_features
from plackett.data._signature import KEY, Signature
from plackett.data._signature_inputs import lists_for
from plackett.evaluation._scoring import batch_size_for
from plackett.evaluation.systems.base import OpenSystem
from plackett.evaluation.systems.models import need

DTYPES = {"tensor(float)": "float32", "tensor(double)": "float64"}
DOCUMENTS = 2**17  # the number of documents that are scored together
LISTS = 64  # the number of lists that are scored together
WANTED = "[documents, features], or [lists, list_size, features] with or without a bool mask [lists, list_size]"


def open_onnx(path: str | os.PathLike) -> "Network | ExportedNetwork":
    """Opens the network in an ONNX file, which onnxruntime runs on the CPU.

    A file of `plackett.export.write_onnx` gets its features by name, and ids and columns, as its signature says. Any
    other file gets features by their order.

    Raises:
        ImportError: onnxruntime is not installed.
        ValueError: the file cannot be loaded, does not take features and give scores, or has a signature that this
            version does not know.
    """
    onnxruntime = need("onnxruntime", f"the network {path}")
    try:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = _threads()
        session = onnxruntime.InferenceSession(os.fspath(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has many errors without a common base
        raise ValueError(f"onnxruntime cannot load {path} as an ONNX file: {error}") from error
    signature = _signature(path, session)
    if signature is not None:
        return ExportedNetwork(str(path), session, signature)
    features, mask = _inputs(path, session)
    return Network(str(path), session, features, mask, _output(path, session))


def _threads():
    """The number of threads of a run: $OMP_NUM_THREADS, which onnxruntime ignores by itself; 0 = one a core."""
    first = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    return int(first) if first.isdecimal() else 0


def _signature(path, session):
    """The signature that plackett wrote; None = the file has none."""
    text = session.get_modelmeta().custom_metadata_map.get(KEY)
    if text is None:
        return None
    try:
        return Signature.from_json(text)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _inputs(path, session):
    """Returns (the input of features, the input of the mask or None)."""
    given = session.get_inputs()
    features = [x for x in given if x.type in DTYPES and len(x.shape) in (2, 3)]
    masks = [x for x in given if x.type == "tensor(bool)" and len(x.shape) == 2]
    if len(features) != 1 or len(features) + len(masks) != len(given) or len(masks) > (len(features[0].shape) == 3):
        found = ", ".join(f"{x.name} {x.type} {x.shape}" for x in given)
        raise ValueError(f"{path} must take features of float32 or float64, {WANTED}, but takes {found}")
    return features[0], next(iter(masks), None)


def _output(path, session):
    names = [x.name for x in session.get_outputs()]
    chosen = names if len(names) == 1 else [name for name in names if name in ("score", "scores")]
    if len(chosen) != 1:
        raise ValueError(f"{path} must have one output, or one that is called scores, but has {', '.join(names)}")
    return chosen[0]


@dataclasses.dataclass(eq=False)
class ExportedNetwork(OpenSystem):
    """A ranker that plackett wrote.

    Args:
        name: the name of the ranker in errors.
        session: the session of onnxruntime.
        signature: its inputs and outputs.
    """

    name: str
    session: Any
    signature: Signature

    def __post_init__(self):
        self.reads_columns = bool(self.signature.columns)

    def reads(self) -> Sequence[str] | int:
        """The features of its signature."""
        return self.signature.features if self.signature.named else len(self.signature.features)

    def __call__(self, lists: RankingLists) -> np.ndarray:
        """Returns the scores of the documents."""
        scores = np.zeros(len(lists.labels), "float32")
        lists = lists_for(self.signature, lists, self.name)
        if not len(lists):
            return scores
        taken = [one.name for one in self.session.get_inputs()]
        batches = Batches(lists, batch_size_for(lists, LISTS), inputs=tuple(self.signature.columns))
        for (inputs, _, _), queries in zip(batches, batches.plan, strict=True):
            (found,) = self.session.run(["scores"], {name: inputs[name] for name in taken})
            scores[lists.row_splits[queries[0]] : lists.row_splits[queries[-1] + 1]] = found[inputs["mask"]]
        return scores


@dataclasses.dataclass(eq=False)
class Network(OpenSystem):
    """A network of features.

    Args:
        name: the name of the network in errors and notes.
        session: the session of onnxruntime.
        features: the input of features.
        mask: the input of the mask. None = it has none.
        output: the name of the scores.
    """

    name: str
    session: Any
    features: Any
    mask: Any
    output: str

    remembers = ("_names",)

    def __post_init__(self):
        self._names: tuple[str, ...] = ()

    def reads(self) -> int | None:
        """The number of features of its input."""
        return self.features.shape[-1] if isinstance(self.features.shape[-1], int) else None

    def __call__(self, lists: RankingLists) -> np.ndarray:
        """Returns the scores of the documents."""
        width = self.features.shape[-1]
        width = width if isinstance(width, int) else lists.features.shape[1]
        self._names = lists.feature_names if lists.has_feature_names else ()
        lists = match_features(dataclasses.replace(lists, feature_names=()), (), width, self.name)
        if not len(lists.labels):
            return np.zeros(0, "float32")
        if len(self.features.shape) == 2:
            return np.concatenate([self._run(x) for x in _pieces(lists.features, DOCUMENTS)])
        return self._of_padded(lists) if self.mask else self._of_equal_length(lists)

    def notes(self) -> list[str]:
        """Says that features are matched by their order, if those of the data have names."""
        taken = f"{self.name} knows its features by number: it was given those of the data in their order"
        return [taken] if self._names else []

    def _of_padded(self, lists):
        """Scores batches of lists that are padded to one size, with a mask."""
        batches = Batches(lists.with_ids(()), batch_size_for(lists, LISTS))
        scores = None
        for (inputs, _, _), queries in zip(batches, batches.plan, strict=True):
            mask = inputs["mask"]
            found = self._run(inputs["features"], mask)[mask]
            scores = np.zeros(len(lists.labels), found.dtype) if scores is None else scores
            scores[lists.row_splits[queries[0]] : lists.row_splits[queries[-1] + 1]] = found
        return scores

    def _of_equal_length(self, lists):
        """Scores batches of lists of equal length, since padding would count as documents."""
        lengths, scores = lists.lengths, None
        for length in np.unique(lengths[lengths > 0]):
            for queries in _pieces(np.flatnonzero(lengths == length), LISTS):
                rows = lists.row_splits[queries][:, None] + np.arange(length)
                found = self._run(lists.features[rows])
                scores = np.zeros(len(lists.labels), found.dtype) if scores is None else scores
                scores[rows] = found
        return scores

    def _run(self, features, mask=None):
        """Scores features of one shape. The scores have this shape without its last axis."""
        given = {self.features.name: features.astype(DTYPES[self.features.type], copy=False)}
        if self.mask is not None:
            given[self.mask.name] = mask
        try:
            (scores,) = self.session.run([self.output], given)
        except Exception as error:  # onnxruntime has many errors without a common base
            raise ValueError(f"{self.name} cannot score features of shape {features.shape}: {error}") from error
        shape, scores = features.shape[:-1], np.asarray(scores)
        if scores.shape == (*shape, 1):
            scores = scores[..., 0]
        if scores.shape != shape or scores.dtype.kind not in "iuf":
            raise ValueError(
                f"{self.name} must give numbers of shape {shape} or {(*shape, 1)} for features of shape "
                f"{features.shape}, but gives {scores.dtype} of shape {scores.shape}"
            )
        return scores


def _pieces(array, size):
    return (array[start : start + size] for start in range(0, len(array), size))
