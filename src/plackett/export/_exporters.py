"""The programs that turn a function of a backend's tensors into ONNX, one function for each backend."""

import contextlib
import logging
import warnings
from collections.abc import Iterator

import keras
import numpy as np

from plackett.backend import portable_operations
from plackett.export._needs import EXPORTERS, another_backend
from plackett.export._ranker import ExportedRanker

OPSET = 18  # the first with all operations that rankers need; onnxruntime supports it from 1.14 on


def convert(ranker: ExportedRanker):
    """Converts a ranker to an `onnx.ModelProto`, whose inputs and outputs may have any names.

    Raises:
        ValueError: the exporter cannot convert the ranker.
    """
    backend = keras.backend.backend()
    try:
        with silence(), portable_operations():
            return CONVERT[backend](ranker)
    except Exception as error:  # each exporter has its own errors
        first = error.__cause__ or error  # the error of PyTorch itself is long advice on finding the cause
        why = " ".join(f"{type(first).__name__}: {first}".split())[:500]
        raise ValueError(
            f"{EXPORTERS[backend]} cannot convert the model {ranker.scorer.name} on {backend}: {why}. "
            f"{another_backend(backend)}"
        ) from error


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Within this context nothing is logged or warned about: exporters report on their own internals."""
    disabled = logging.root.manager.disable
    logging.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


def _on_torch(ranker):
    import torch

    class Module(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.scorer = ranker.scorer

        def forward(self, *inputs):
            return ranker(*inputs)

    # An axis of size 0 or 1 would be taken as constant.
    examples = tuple(torch.zeros((2, 3, *one.shape), dtype=getattr(torch, one.dtype)) for one in ranker.inputs)
    axes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("list")}
    program = torch.onnx.export(
        Module().eval(),
        examples,
        dynamo=True,
        dynamic_shapes=[tuple(axes for _ in examples)],
        opset_version=OPSET,
        verbose=False,
    )
    return program.model_proto


def _on_jax(ranker):
    import jax
    import jax2onnx

    inputs = [jax.ShapeDtypeStruct(("batch", "list", *one.shape), one.dtype) for one in ranker.inputs]
    return jax2onnx.to_onnx(ranker, inputs=inputs, opset=OPSET)


def _on_tensorflow(ranker):
    import tensorflow as tf
    import tf2onnx
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    ranker(*(np.zeros((2, 3, *one.shape), one.dtype) for one in ranker.inputs))
    specs = [
        tf.TensorSpec((None, None, *one.shape), one.dtype, name=f"input_{place}")
        for place, one in enumerate(ranker.inputs)
    ]
    function = tf.function(ranker, input_signature=specs, autograph=False).get_concrete_function()
    frozen = convert_variables_to_constants_v2(function)
    model, _ = tf2onnx.convert.from_graph_def(
        frozen.graph.as_graph_def(),
        input_names=[tensor.name for tensor in frozen.inputs],
        output_names=[tensor.name for tensor in frozen.outputs],
        opset=OPSET,
        custom_op_handlers={"SelectV2": (_where, [])},
    )
    return model


def _where(ctx, node, name, args):
    """The `where` of TensorFlow as that of ONNX. tf2onnx would write c x + (1 - c) y, which is NaN if either is."""
    node.type, node.domain = "Where", ""


CONVERT = {"jax": _on_jax, "tensorflow": _on_tensorflow, "torch": _on_torch}
