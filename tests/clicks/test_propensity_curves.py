"""Curves of examination: written, read, drawn, and as weights."""

import re

import numpy as np
import pytest

from plackett.clicks import Propensities, read_propensities
from plackett.data import Sessions

BAND = Propensities([1.0, 0.5, 0.25], [1.0, 0.4, 0.2], [1.0, 0.6, 0.3], 'by "eye", twice', ("seen twice",))
ALONE = Propensities([1.0, 0.3333333333333333])
LOG = Sessions.from_arrays(query=[1] * 3, session=[1] * 3, document=[1, 2, 3], position=[1, 2, 3], click=[1, 0, 1])


@pytest.mark.parametrize("curve", [BAND, ALONE])
def test_what_is_written_is_read_again(curve, tmp_path):
    curve.write(tmp_path / "curve.csv")
    again = read_propensities(tmp_path / "curve.csv")
    np.testing.assert_array_equal(again.rows(), curve.rows())
    assert again.method == curve.method


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "rank,examination\n1,1\n",
            "lacks the column position: a curve has position and examination; found rank, exam",
        ),
        ("", "lacks the column position: a curve has position and examination; found none"),
        ("position,examination\n", "has no position"),
        ("position,examination\n1,1\n3,0.5\n", "line 3: position must be 2, the next one, but got 3"),
        ("position,examination\n1,1\n2,much\n", "line 3: examination must be a number, but got 'much'"),
        ("position,examination\n1,1\n2\n", "line 3: examination must be a number, but got None"),
        ("position,examination\n1,1\n2,0\n", "curve.csv: examination must be above 0 and finite, but is 0.0 at "),
        ("position,examination\n1,1\n2,nan\n", "line 3: examination must be a number, but got 'nan'"),
        ("position,examination,low,high\n1,1,1,1\n2,.5,.6,.4\n", "low must not be above high, but is at position 2"),
        (
            "position,examination,low\n1,1,1\n",
            "low and high must be given together, since a band has both ends, but only one is given",
        ),
    ],
)
def test_a_file_that_is_no_curve_is_refused(text, expected, tmp_path):
    (tmp_path / "curve.csv").write_text(text)
    with pytest.raises(ValueError, match=re.escape(expected)):
        read_propensities(tmp_path / "curve.csv")


def test_a_click_weighs_one_over_its_examination_and_no_more_than_the_clip_says():
    np.testing.assert_allclose(BAND.weights(LOG), [1, 2, 4])
    np.testing.assert_allclose(Propensities([1.0, 0.5, 0.01]).weights(LOG), [1, 2, 20])
    np.testing.assert_allclose(BAND.weights(LOG, clip=0.4), [1, 2, 2.5])
    np.testing.assert_allclose(BAND.weights(LOG.counts(), clip=1), [1, 1, 1])


@pytest.mark.parametrize("positions", [["a"], [None], "b"])
def test_a_position_that_is_no_number_is_told(positions):
    with pytest.raises(
        ValueError, match=re.escape(f"positions must be whole numbers of at least 1, but got {positions!r}")
    ):
        ALONE.of(positions)


@pytest.mark.parametrize("position", [0, 3, 1.5, np.nan])
def test_a_position_that_is_not_on_the_curve_is_told(position):
    with pytest.raises(ValueError, match=f"the curve has positions 1 to 2, but position {position} is asked for"):
        ALONE.of([1, position])


@pytest.mark.parametrize("clip", [0, -0.1, 1.5, np.nan])
def test_a_clip_is_a_propensity(clip):
    with pytest.raises(ValueError, match="clip, the smallest propensity that divides, must be above 0 and at most 1"):
        BAND.weights(LOG, clip=clip)


@pytest.mark.parametrize("examination", [[], 1.0, [1.0, 0.0], [1.0, np.inf], [1.0, -0.5]])
def test_an_examination_is_above_0(examination):
    with pytest.raises(ValueError, match="examination must"):
        Propensities(examination)


def test_a_band_has_an_end_a_position():
    with pytest.raises(ValueError, match=r"low and high must have the shape \(2,\)"):
        Propensities([1.0, 0.5], [1.0], [1.0])


def test_the_plot_holds_the_curve_and_its_band():
    spec = BAND.plot().to_dict()
    assert [layer["mark"]["type"] for layer in spec["layer"]] == ["area", "line", "point"]
    assert spec["data"]["values"][1] == {"position": 2, "examination": 0.5, "low": 0.4, "high": 0.6}
    assert [layer["mark"]["type"] for layer in ALONE.plot().to_dict()["layer"]] == ["line", "point"]


def test_it_reads_well():
    assert repr(BAND).splitlines()[2:] == [
        "         1       1.0000  [1.0000, 1.0000]",
        "         2       0.5000  [0.4000, 0.6000]",
        "         3       0.2500  [0.2000, 0.3000]",
        "  seen twice",
    ]
