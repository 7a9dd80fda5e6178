"""Thresholds and numbers of search engines, to the last bit of float32."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plackett.export.search_engines.numbers import text_of
from plackett.export.search_engines.solr import _threshold
from plackett.export.search_engines.trees import below_of

NUMBERS = st.floats(-(2.0**100), 2.0**100, width=32).filter(lambda x: abs(x) > 1e-3)


@given(NUMBERS)
def test_a_number_is_read_as_the_same_float32_by_way_of_float64_too(x):
    assert np.float32(float(text_of(x))) == np.float32(text_of(x)) == np.float32(x)


def test_what_float32_cannot_hold_is_refused():
    with pytest.raises(ValueError, match=r"which cannot hold 1e\+39"):
        text_of(1e39)


@given(st.floats(-1e30, 1e30), NUMBERS)
def test_a_float32_is_below_what_a_threshold_of_float64_lets_pass(threshold, x):
    for value in (np.float32(x), np.float32(threshold)):
        assert (value < np.float32(below_of(threshold))) == (float(value) <= threshold)


@given(NUMBERS)
def test_solr_makes_of_a_threshold_what_it_is_meant_to_be(below):
    read = np.float32(text_of(_threshold(below, "bm25"))) + np.float32(1e-6)
    last = np.nextafter(np.float32(below), np.float32(-np.inf))
    assert abs(float(read) - float(last)) <= 1e-6 * abs(float(last))


@pytest.mark.parametrize("below", [0.0, -1e-35, 1e-45])
def test_in_solr_0_stays_on_its_side(below):
    read = np.float32(text_of(_threshold(below, "bm25"))) + np.float32(1e-6)
    assert (read >= 0) == (np.float32(below) > 0)
