"""How far the scores of a file may be from those of Keras."""

import types

import pytest
from keras import ops

from plackett.data._signature import Signature
from plackett.export._check import largest_difference
from plackett.export._ranker import Input


class Slope:
    """A ranker whose score is a feature times a number."""

    scorer = types.SimpleNamespace(layers=[])
    signature = Signature(features=("bm25",), named=True, missing=False)
    inputs = (Input("features", "float32", (1,)), Input("mask", "bool", ()))

    def __init__(self, slope):
        self.slope = slope

    def __call__(self, features, mask):
        x = ops.convert_to_tensor(features)[..., 0]
        return (ops.where(ops.convert_to_tensor(mask), self.slope * (x - 1e-3 * ops.floor(1e3 * x)), 0.0),)

    def off_by(self, much):
        return lambda given: [ops.convert_to_numpy(self(*given.values())[0]) + much]


def test_scores_may_be_as_far_off_as_the_last_bit_of_a_feature_moves_them():
    steep = Slope(1e3)
    assert 1e-5 < largest_difference(steep, steep.off_by(5e-5), "the file") < 1e-4
    with pytest.raises(ValueError, match="more than 1e-05 off, so nothing is written"):
        largest_difference(Slope(1.0), Slope(1.0).off_by(5e-5), "the file")


def test_what_is_far_off_is_no_rounding():
    steep = Slope(1e6)
    with pytest.raises(ValueError, match="more than 1e-05 off, so nothing is written"):
        largest_difference(steep, steep.off_by(1e4), "the file")


def test_what_cannot_run_the_file_is_named():
    def fail(given):
        raise RuntimeError("no such operation")

    with pytest.raises(ValueError, match=r"the file cannot score 1 x 1 documents.*no such operation.*Another backend"):
        largest_difference(Slope(1.0), fail, "the file")
