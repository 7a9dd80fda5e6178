"""A ranker in an ONNX file, ready to score."""

import dataclasses
import hashlib
import os
import pathlib
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnxruntime
import orjson

from plackett._files import check_file
from plackett.data._signature import KEY, Signature
from plackett.registry.names import check_known
from plackett.serving._protobuf import has_external_data

WAY_OUT = "write it with `plackett export`"
SCORES = "scores"
IDS, COLUMNS = ("int32", "int64", "text"), ("position", "number", "text")  # kinds
MASK = [[True, True], [True, False]]  # of the first run
FIRST_SECONDS = 20.0  # the first run is cancelled after this time


class ServedModel:
    """A ranker in an ONNX file that `plackett export` wrote.

    The file is read once, so it may change while its model is served. Loading and scoring run no code from it: there
    are no libraries of custom operators, no other file is read, and nothing is unpickled.

    Args:
        path: the path of the file.
        threads: the number of threads of a run. None = one for each core.

    Raises:
        ValueError: onnxruntime cannot load it as an ONNX file, it has no signature or no scores, its inputs are not
            those of its signature, it has tensors in other files, or it cannot be run.
        FileNotFoundError: there is no such file.
    """

    def __init__(self, path: str | os.PathLike, threads: int | None = None):
        check_file(path)
        self.path = pathlib.Path(path)
        data = self.path.read_bytes()
        self.fingerprint = hashlib.blake2b(data, digest_size=8).hexdigest()
        self._session = _load(path, data, threads)
        self.signature = _read_signature(path, self._session)
        self._inputs = _check_inputs(path, self._session, self.signature)
        self._options = onnxruntime.RunOptions()
        self._options.log_severity_level = 4
        self._run_first()

    def run(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Returns the scores of documents, [batch, list] float32.

        Args:
            inputs: the inputs of the signature by name, and `mask`.

        Raises:
            RuntimeError: onnxruntime cannot run the model on them.
        """
        try:
            given = {name: inputs[name] for name in self._inputs}
            (scores,) = self._session.run([SCORES], given, self._options)
        except Exception as error:  # onnxruntime has many errors without a common base
            raise RuntimeError(str(error)) from error
        if scores.shape != inputs["mask"].shape:
            raise RuntimeError(f"it gives scores of shape {scores.shape} for lists of shape {inputs['mask'].shape}")
        return scores

    def stop(self) -> None:
        """Cancels its run. It cannot run any more."""
        self._options.terminate = True

    def close(self) -> None:
        """Ends the threads of onnxruntime, which should not wait for the end of the process."""
        del self._session

    def _run_first(self):
        """Runs it on a small input. A run that does not end is cancelled, since nothing else could end it."""
        timer = threading.Timer(FIRST_SECONDS, self.stop)
        timer.daemon = True
        timer.start()
        try:
            self.run(self._small_inputs())
        except RuntimeError as error:
            late = f"two lists of two documents take it more than {FIRST_SECONDS:g} seconds"
            why = late if self._options.terminate else error
            raise ValueError(f"{self.path} could not be run: {why}") from error
        finally:
            timer.cancel()

    def _small_inputs(self):
        """The inputs of two lists, of two documents and of one, all zeros."""
        kinds = kinds_of_inputs(self.signature).items()
        return {"mask": np.array(MASK)} | {name: np.zeros((2, 2, *tail), dtype) for name, (dtype, tail) in kinds}


def kinds_of_inputs(signature: Signature) -> dict[str, tuple[str, tuple[int, ...]]]:
    """name -> (dtype, the axes after those of lists and documents) of the inputs of a ranker beside the mask."""
    halves = {"text", "int64"}  # these are fed as two 32-bit numbers
    found: dict[str, tuple[str, tuple[int, ...]]] = {"features": ("float32", (len(signature.features),))}
    for name, kind in {**signature.ids, **signature.columns}.items():
        dtype = "float32" if kind == "number" else "int32"
        found[name] = (dtype, (2,) if kind in halves else ())
    return found


def _load(path, data, threads):
    try:
        external = has_external_data(data)
    except ValueError as error:
        raise ValueError(f"{path} is not an ONNX file: {error}; {WAY_OUT}") from error
    if external:
        raise ValueError(
            f"{path} has tensors in other files, but a served model must be one file that reads no others: {WAY_OUT}"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    # Threads that spin while they wait would take the core on which requests are read.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.load_model_format", "ONNX")  # the format that was checked
    options.enable_mem_pattern = False  # it keeps a plan for each shape that it has seen
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has many errors without a common base
        raise ValueError(f"onnxruntime cannot load {path} as an ONNX file: {error}") from error


def _read_signature(path, session) -> Signature:
    text = session.get_modelmeta().custom_metadata_map.get(KEY)
    if text is None:
        raise ValueError(f"{path} does not describe its inputs: it has no signature of plackett; {WAY_OUT}")
    try:
        signature = Signature.from_json(text)
        _check_signature(signature)
    except ValueError as error:
        raise ValueError(f"{path}: {error}; {WAY_OUT}") from error
    given = {output.name: output.type for output in session.get_outputs()}
    if given.get(SCORES) != "tensor(float)":
        shown = ", ".join(f"{name} {kind}" for name, kind in given.items())
        raise ValueError(f"{path} must have an output `scores` of float32, which ranks, but has {shown}; {WAY_OUT}")
    return signature


def _check_signature(signature: Signature) -> None:
    """Checks a signature, since somebody else may have written the file."""
    by_name = (signature.ids, signature.columns, signature.unknown, signature.facts)
    if not all(isinstance(one, dict) for one in by_name):
        raise ValueError("its ids, columns, unknown and facts must each be an object")
    if not isinstance(signature.missing, bool):
        raise ValueError(f"missing must be true or false, but got {signature.missing!r}")
    try:
        orjson.dumps(dataclasses.asdict(signature))
    except (TypeError, RecursionError) as error:  # answers with this content would fail in the same way
        raise ValueError(f"it cannot be written as JSON: {error}") from error
    names = [*signature.features, *signature.ids, *signature.columns]
    if not all(isinstance(name, str) for name in names) or len({*names, "mask", "features"}) < len(names) + 2:
        raise ValueError("its names must be different strings, none of them mask or features")
    for name, kind in signature.ids.items():
        check_known(f"kind of the id {name}:", kind, IDS)
    for name, kind in signature.columns.items():
        check_known(f"kind of the column {name}:", kind, COLUMNS)
    for name, number in signature.unknown.items():
        if signature.ids.get(name) != "int32" or type(number) is not int or not -(2**31) <= number < 2**31:
            raise ValueError(f"unknown must name ids of int32 and a 32-bit number, but got {name}: {number!r}")


def _check_inputs(path, session: Any, signature) -> Sequence[str]:
    """Returns the names of the inputs, after checking that they are those of the signature."""
    wanted = {"mask": ("bool", ()), **kinds_of_inputs(signature)}
    types = {"bool": "tensor(bool)", "float32": "tensor(float)", "int32": "tensor(int32)"}
    for given in session.get_inputs():
        dtype, tail = wanted.get(given.name, (None, ()))
        if dtype is None or given.type != types[dtype] or len(given.shape) != 2 + len(tail):
            shown = ", ".join(f"{name} {dtype} {('batch', 'list', *tail)}" for name, (dtype, tail) in wanted.items())
            raise ValueError(
                f"{path} takes {given.name} {given.type} {given.shape}, but its signature says {shown}; {WAY_OUT}"
            )
    return [given.name for given in session.get_inputs()]
