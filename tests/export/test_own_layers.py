"""Models of one's own: their columns, their types, and what an exporter does not know."""

import dataclasses

import keras
import numpy as np
import pytest
from backends import BACKEND
from keras import layers, ops
from rankers import DENSE

import plackett
from plackett import export
from plackett.evaluation import open_system

LISTS = dataclasses.replace(
    DENSE,
    columns={**DENSE.columns, "cost": np.arange(len(DENSE.labels)) * 0.01},
    query_columns={"device": np.array(["phone", "desk"] * (len(DENSE) // 2))},
)


def made(body, **inputs):
    """A model of features, mask, and what else is given."""
    given = {"features": keras.Input((None, 5)), "mask": keras.Input((None,), dtype="bool"), **inputs}
    keras.utils.set_random_seed(0)
    return keras.Model(given, body(given))


def dense(given):
    return ops.squeeze(layers.Dense(1)(layers.LayerNormalization()(given["features"])), -1)


INPUTS = {
    "position": lambda: ("position", keras.Input((None,), dtype="int32"), lambda x: ops.cast(x, "float32")),
    "number": lambda: ("cost", keras.Input((None,), dtype="float32"), lambda x: x),
    "text": lambda: ("device", keras.Input((None, 2), dtype="int32"), lambda x: ops.cast(x[..., 0] > 0, "float32")),
}


@pytest.mark.parametrize("kind", INPUTS)
def test_a_column_is_an_input_and_is_read_from_the_lists(tmp_path, kind):
    name, given, as_number = INPUTS[kind]()
    model = made(lambda inputs: dense(inputs) + as_number(inputs[name]), **{name: given})
    signature = export.write_onnx(model, tmp_path / "ranker.onnx", lists=LISTS)
    assert signature.columns == {name: kind}
    found = open_system(tmp_path / "ranker.onnx")(LISTS)
    np.testing.assert_allclose(found, plackett.score(model, LISTS), atol=1e-5)
    with pytest.raises(ValueError, match=f"'{name}'"):
        open_system(tmp_path / "ranker.onnx")(dataclasses.replace(LISTS, columns={}, query_columns={}))


def test_weights_of_16_bits_are_written_in_float32(tmp_path):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("bfloat16")
    try:
        model = made(dense)
    finally:
        keras.config.set_dtype_policy(before)
    export.write_onnx(model, tmp_path / "ranker.onnx", lists=LISTS)
    found = open_system(tmp_path / "ranker.onnx")(LISTS)
    np.testing.assert_allclose(found, plackett.score(model, LISTS), atol=0.1)


def test_what_an_exporter_does_not_know_is_said_with_the_other_backends(tmp_path):
    def of_each_document(given):
        return ops.squeeze(layers.TimeDistributed(layers.Dense(1))(given["features"]), -1)

    others = ", ".join(one for one in ("jax", "tensorflow", "torch") if one != BACKEND)
    with pytest.raises(ValueError, match=f"Another backend may: {others} .--backend"):
        export.write_onnx(made(of_each_document), tmp_path / "ranker.onnx", lists=LISTS)
    assert list(tmp_path.iterdir()) == []
