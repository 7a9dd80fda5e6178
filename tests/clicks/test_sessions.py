"""Click logs in memory."""

import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import polars as pl
import pytest
from small_logs import SHOWN, changed

from plackett.data import Sessions, Strings
from plackett.data._strings import concatenate_strings

LOG = Sessions.from_arrays(**SHOWN)


def test_rows_become_sessions():
    assert LOG.sessions.tolist() == ["s1", "s2", "s3"]
    assert LOG.queries.tolist() == ["shoes", "shoes", "hats"]
    assert LOG.lengths.tolist() == [2, 2, 1]
    assert LOG.session_of_row.tolist() == [0, 0, 1, 1, 2]
    assert LOG.clicks.tolist() == [False, True, True, False, False]


def test_without_sessions_one_begins_where_the_query_changes_or_the_position_does_not_rise():
    log = Sessions.from_arrays(**changed(session=None))
    assert log.sessions.tolist() == ["1", "2", "3"]
    assert log.lengths.tolist() == [2, 2, 1]


def test_rows_of_a_session_are_sorted_by_position():
    rows = [1, 0, 3, 2, 4]
    shuffled = {name: [column[row] for row in rows] for name, column in SHOWN.items()}
    assert Sessions.from_arrays(**shuffled).fingerprint() == LOG.fingerprint()


def test_rows_of_sessions_that_do_not_stand_together_are_grouped_where_that_is_asked_for():
    rows = [1, 2, 4, 0, 3]
    mixed = {name: [column[row] for row in rows] for name, column in SHOWN.items()}
    assert Sessions.from_arrays(**mixed, together=False).fingerprint() == LOG.fingerprint()


def test_positions_may_be_left_out():
    assert Sessions.from_arrays(**changed(position=[2, 5, 1, 9, 3])).positions.tolist() == [2, 5, 1, 9, 3]


@pytest.mark.parametrize("click", [[False, True, True, False, False], [0.0, 1.0, 1.0, 0.0, 0.0]])
def test_clicks_may_be_bool_or_floats(click):
    assert Sessions.from_arrays(**changed(click=click)).fingerprint() == LOG.fingerprint()


def test_whole_numbers_are_ids():
    log = Sessions.from_arrays(**changed(query=[7, 7, 7, 7, 8], session=[1, 1, 2, 2, 3], document=[1, 2, 2, 1, 3]))
    assert (log.queries.tolist(), log.sessions[0], log.documents[0]) == (["7", "7", "8"], "1", "1")


def test_the_context_is_kept_one_value_a_session():
    context = {"device": ["phone", "phone", "desk", "desk", "phone"], "hour": [7, 7, 8, 8, np.nan]}
    log = Sessions.from_arrays(**SHOWN, context=context)
    assert log.context["device"].tolist() == ["phone", "desk", "phone"]
    assert log[1:].context["hour"][0] == 8


@pytest.mark.parametrize("which", [slice(1, None), [1, 2], np.array([False, True, True]), [False, True, True]])
def test_some_sessions_are_a_log(which):
    some = Sessions.from_arrays(**SHOWN, propensity=[0.5, 1, 0.25, 1, 1])[which]
    assert some.sessions.tolist() == ["s2", "s3"]
    assert some.documents.tolist() == ["b", "a", "c"]
    assert some.propensities.tolist() == [0.25, 1, 1]
    assert some.row_splits.tolist() == [0, 2, 3]


def test_no_sessions_are_a_log_too():
    assert len(LOG[[]]) == len(LOG[3:]) == len(LOG[3:].counts()) == 0


@pytest.mark.parametrize("which", [0, "s1", (0, 1)])
def test_one_session_is_no_index(which):
    with pytest.raises(IndexError, match="a slice, a mask or a list of places"):
        LOG[which]


def test_a_fingerprint_does_not_see_how_texts_are_held():
    twice = concatenate_strings([Strings.of(["a", "b", "b"]), Strings.of(["a", "c"])])
    log = Sessions.from_arrays(**changed(document=twice))
    assert log.fingerprint() == LOG.fingerprint()
    assert log.fingerprint() != Sessions.from_arrays(**changed(click=[1, 1, 1, 0, 0])).fingerprint()


@pytest.mark.parametrize("of", [pl.DataFrame, pd.DataFrame])
def test_frames_are_logs(of):
    assert Sessions.from_frame(of(SHOWN)).fingerprint() == LOG.fingerprint()


def test_a_column_may_be_context_too():
    log = Sessions.from_frame(pl.DataFrame(SHOWN), context=["query"])
    assert log.context["query"].tolist() == log.queries.tolist()


def test_whole_numbers_that_pandas_holds_as_floats_are_ids():
    frame = pd.DataFrame(changed(session=[1.0, 1.0, 2.0, 2.0, 3.0]))
    assert Sessions.from_frame(frame).sessions.tolist() == ["1", "2", "3"]


def test_a_frame_says_that_it_lacks_sessions():
    with pytest.warns(UserWarning, match="no column 'session', so a session begins .* which makes 3 sessions"):
        log = Sessions.from_frame(pl.DataFrame(changed(session=None)))
    assert log.lengths.tolist() == [2, 2, 1]


def test_arrays_of_other_lengths_are_no_log():
    with pytest.raises(ValueError, match="clicks must have 5 entries, one per impression, but got 4"):
        Sessions(LOG.sessions, LOG.queries, LOG.row_splits, LOG.documents, LOG.positions, LOG.clicks[:4])


@pytest.mark.parametrize("seed", range(4))
def test_rows_in_any_order_become_the_sessions_that_a_loop_finds(seed):
    rng = np.random.default_rng(seed)
    rows = [
        (f"q{session % 3}", f"s{session}", f"d{document}", position, int(rng.random() < 0.5))
        for session in rng.permutation(20)
        for position, document in enumerate(rng.permutation(7)[: rng.integers(1, 7)], start=1)
    ]
    rows = [rows[place] for place in rng.permutation(len(rows))]
    found = {}
    for row in rows:
        found.setdefault(row[1], []).append(row)
    columns = dict(zip(SHOWN, zip(*rows, strict=True), strict=True))
    log = Sessions.from_arrays(**{name: list(column) for name, column in columns.items()}, together=False)
    assert log.sessions.tolist() == list(found)
    for place, session in enumerate(found):
        of_session = sorted(found[session], key=lambda row: row[3])
        one = log[[place]]
        assert one.queries.tolist() == [of_session[0][0]]
        assert one.documents.tolist() == [row[2] for row in of_session]
        assert one.clicks.tolist() == [bool(row[4]) for row in of_session]


def test_logs_in_memory_need_neither_pyarrow_nor_polars():
    code = """
        import sys
        sys.modules |= dict.fromkeys(["pyarrow", "polars"])
        from plackett import data
        lists = data.RankingLists.from_arrays([[1], [2]], query=["q", "q"], documents=["a", "b"])
        log = data.Sessions.from_arrays(query=["q"] * 2, document=["a", "b"], position=[1, 2], click=[0, 1])
        print(len(data.lists_of_sessions(lists, log)), len(data.lists_of_counts(lists, log.counts())))
        try:
            data.Sessions.from_frame({})
        except ImportError as error:
            print(error)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed == "1 1\nSessions.from_frame needs pyarrow: pip install 'plackett[data]'\n"
