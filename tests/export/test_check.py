"""How far the scores of a file may be from those of Keras."""

import types

import pytest
from keras import ops

from plackett.data._signature import Signature
from plackett.export._check import largest_difference
from plackett.export._ranker import Input


class Feature:
    """A ranker whose score is a feature."""

    scorer = types.SimpleNamespace(layers=[])
    signature = Signature(features=("bm25",), named=True, missing=False)
    inputs = (Input("features", "float32", (1,)), Input("mask", "bool", ()))

    def __call__(self, features, mask):
        x = ops.convert_to_tensor(features)[..., 0]
        return (ops.where(ops.convert_to_tensor(mask), x, 0.0),)

    def off_by(self, much):
        return lambda given: [ops.convert_to_numpy(self(*given.values())[0]) + much]


def test_scores_are_as_near_as_the_tolerance_says():
    ranker = Feature()
    assert largest_difference(ranker, ranker.off_by(5e-6), "the file", 1e-5) == pytest.approx(5e-6, rel=0.1)
    with pytest.raises(ValueError, match="more than 1e-05 off, so nothing is written"):
        largest_difference(ranker, ranker.off_by(5e-5), "the file", 1e-5)
    assert largest_difference(ranker, ranker.off_by(5e-5), "the file", 1e-4) == pytest.approx(5e-5, rel=0.1)


def test_what_is_no_number_is_near_to_none():
    with pytest.raises(ValueError, match="more than 1e-05 off, so nothing is written"):
        largest_difference(Feature(), Feature().off_by(float("nan")), "the file", 1e-5)


def test_what_cannot_run_the_file_is_named():
    def fail(given):
        raise RuntimeError("no such operation")

    with pytest.raises(ValueError, match=r"the file cannot score 1 x 1 documents.*no such operation.*Another backend"):
        largest_difference(Feature(), fail, "the file", 1e-5)
