"""Bad click logs are refused, with the row and the session."""

import re

import numpy as np
import polars as pl
import pytest
from small_logs import SHOWN, changed

from plackett.data import Sessions
from plackett.data._click_log_checks import check_gapless

WRONG = [
    ({"position": [1, np.nan, 1, 2, 1]}, "row 2, session 's1': position is missing"),
    ({"position": [1, None, 1, 2, 1]}, "row 2, session 's1': position is missing"),
    ({"position": [0, 1, 0, 1, 0]}, "row 1, session 's1': position must be a whole number from 1, but got 0; add 1"),
    ({"position": [1, 1.5, 1, 2, 1]}, "row 2, session 's1': position must be a whole number from 1, but got 1.5"),
    ({"position": [1, np.inf, 1, 2, 1]}, "row 2, session 's1': position must be a whole number from 1, but got inf"),
    ({"position": [1, 2, 2, 2, 1]}, "row 4, session 's2': position 2 occurs twice (documents 'b' and 'a')"),
    (
        {"click": [0, 2, 0, 0, 0]},
        "row 2, session 's1': click must be 0 or 1, but got 2; for counted clicks use ClickCounts",
    ),
    ({"click": [0, 0.5, 0, 0, 0]}, "row 2, session 's1': click must be 0 or 1, but got 0.5"),
    ({"click": [0, np.nan, 0, 0, 0]}, "row 2, session 's1': click is missing"),
    ({"click": [0, 0, 0, 0, 0]}, "the log: nothing was clicked in any of its 5 rows"),
    ({"click": ["true"] * 5}, "click must hold numbers"),
    ({"propensity": [1, 0, 1, 1, 1]}, "row 2, session 's1': propensity must be above 0 and at most 1, but got 0"),
    ({"propensity": [1, 1.2, 1, 1, 1]}, "row 2, session 's1': propensity must be above 0 and at most 1, but got 1.2"),
    ({"propensity": [1, 1e-60, 1, 1, 1]}, "propensity must be above 0 and at most 1, but got 1e-60"),
    ({"propensity": [1, np.nan, 1, 1, 1]}, "row 2, session 's1': propensity is missing"),
    ({"document": ["a", "a", "b", "a", "c"]}, "row 2, session 's1': document 'a' occurs twice"),
    ({"document": ["a", "", "b", "a", "c"]}, "row 2, session 's1': an id must not be empty or contain a NUL character"),
    ({"session": ["s1", "s1", "s\0", "s2", "s3"]}, "row 3, session 's\\x00': an id must not be empty or contain a NUL"),
    (
        {"query": ["shoes", "hats", "shoes", "shoes", "hats"]},
        "row 2, session 's1': query must be the same in all rows of a session, but is 'shoes' and 'hats'",
    ),
    ({"session": ["s1", "s2", "s1", "s2", "s3"]}, "row 3, session 's1': the session begins again, after others; sort"),
    (
        {"session": ["s1", "s1", "s2", "s2", "s1"]},
        "row 5, session 's1': the session begins again, for another query ('shoes' before, 'hats' here)",
    ),
    ({"session": None, "together": False}, "together=False groups rows by the id of their session, but there is no"),
    ({"session": None, "position": [1, 2, 3, 4, 1]}, "row 3, query 'shoes': document 'b' occurs twice"),
    (
        {"context": {"device": ["phone", "desk", "desk", "desk", "desk"]}},
        "row 2, session 's1': device must be the same in all rows of a session, but is phone and desk",
    ),
    ({"context": {"device": ["phone"]}}, "context['device'] must have 5 entries"),
    ({"click": [0, 1]}, "click must have 5 entries"),
    ({name: [] for name in SHOWN}, "the log: there are no impressions"),
]


@pytest.mark.parametrize(("columns", "words"), WRONG, ids=lambda x: x[:40] if isinstance(x, str) else "")
def test_what_may_not_stand_in_a_log_is_told_with_row_and_session(columns, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        Sessions.from_arrays(**changed(**columns))


def test_rows_that_are_sorted_are_told_by_the_number_that_they_had():
    columns = changed(document=["a", "b", "b", "b", "c"], position=[2, 1, 2, 1, 1])
    with pytest.raises(ValueError, match=r"row 3, session 's2': document 'b' occurs twice"):
        Sessions.from_arrays(**columns)


def test_a_column_that_is_missing_is_told_with_the_nearest_and_the_option():
    frame = pl.DataFrame(SHOWN).rename({"position": "positon"})
    with pytest.raises(ValueError, match="positon") as error:
        Sessions.from_frame(frame)
    assert "use position=NAME for the column of the position (--click-column position=NAME on the command line)" in str(
        error.value
    )


def test_a_column_of_sessions_that_was_named_must_be_there():
    with pytest.raises(ValueError, match="use session=NAME for the column of the session"):
        Sessions.from_frame(pl.DataFrame(SHOWN), session="visit")


@pytest.mark.parametrize(
    ("context", "words"),
    [("device", "context must be a sequence of names, but got 'device'"), (["device"], "unknown column 'device'")],
)
def test_a_context_that_is_not_there_is_told(context, words):
    with pytest.raises(ValueError, match=words):
        Sessions.from_frame(pl.DataFrame(SHOWN), context=context)


@pytest.mark.parametrize("name", ["query", "session", "document"])
def test_an_id_that_is_missing_is_told(name):
    frame = pl.DataFrame(SHOWN | {name: [*SHOWN[name][:3], None, SHOWN[name][4]]})
    with pytest.raises(ValueError, match=f"the frame, row 4: {name} is missing"):
        Sessions.from_frame(frame)


def test_models_that_go_through_a_list_refuse_a_gap():
    check_gapless(Sessions.from_arrays(**SHOWN), "the cascade model")
    log = Sessions.from_arrays(**changed(position=[1, 2, 1, 3, 1]))
    with pytest.raises(ValueError, match=r"row 4, session 's2': position 2 is left out, but the cascade model goes"):
        check_gapless(log, "the cascade model")
