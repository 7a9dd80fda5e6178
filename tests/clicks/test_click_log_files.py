"""Click logs in files."""

import dataclasses
import gzip
import re

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_logs import SHOWN, changed, csv_of

from plackett.data import ClickCounts, Sessions, SessionWriter, read_clicks, read_sessions, write_sessions

LOG = Sessions.from_arrays(
    **SHOWN,
    propensity=[1, 0.5, 1, 0.5, 1],
    context={"device": ["x", "x", "y", "y", "z"], "hour": [7, 7, 8, 8, 9]},
)
CONTEXT = ("device", "hour")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "sessions.parquet"


def write(path, columns):
    path.write_text(csv_of(columns))
    return path


def write_lists(path, **columns):
    """A Parquet file with one row per session, two of them."""
    known = {
        "query": ["shoes", "hats"],
        "session": ["s1", "s2"],
        "document": [["a", "b"], ["c"]],
        "position": [[1, 2], [1]],
        "click": [[0, 1], [0]],
    }
    rows = {name: column for name, column in (known | columns).items() if column is not None}
    pq.write_table(pa.table(rows), path)
    return path


def test_a_log_comes_back_from_parquet(path):
    write_sessions(LOG, path)
    assert read_sessions(path, context=CONTEXT).fingerprint() == LOG.fingerprint()


def test_the_columns_on_disk_are_those_of_one_row_a_session(path):
    write_sessions(LOG, path)
    schema = pq.read_schema(path)
    assert {field.name: str(field.type) for field in schema} == {
        "query": "string",
        "session": "string",
        "document": "list<element: string>",
        "position": "list<element: int32>",
        "click": "list<element: float>",
        "propensity": "list<element: float>",
        "device": "string",
        "hour": "int64",
    }


def test_part_of_a_log_is_written_alone(path):
    write_sessions(LOG[1:], path)
    assert read_sessions(path, context=CONTEXT).fingerprint() == LOG[1:].fingerprint()


def test_a_log_is_written_as_it_comes(path):
    with SessionWriter(path) as writer:
        for session in range(3):
            writer.write(LOG[session : session + 1])
    assert read_sessions(path, context=CONTEXT).fingerprint() == LOG.fingerprint()


def test_large_logs_are_written_in_several_row_groups(path, monkeypatch):
    monkeypatch.setattr("plackett.data.formats.click_logs.ROW_GROUP", 1)
    with SessionWriter(path) as writer:
        for session in range(3):
            writer.write(LOG[session : session + 1])
    assert pq.read_metadata(path).num_row_groups == 3
    assert read_sessions(path, context=CONTEXT).fingerprint() == LOG.fingerprint()


def test_nothing_is_left_of_a_file_that_was_not_written_to_its_end(path):
    def fail():
        with SessionWriter(path) as writer:
            writer.write(LOG)
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        fail()
    assert list(path.parent.iterdir()) == []


def test_a_file_without_sessions_is_not_written(path):
    with pytest.raises(ValueError, match="there are no sessions to write"), SessionWriter(path):
        pass
    assert list(path.parent.iterdir()) == []


def test_a_writer_writes_within_its_with(path):
    with SessionWriter(path) as writer:
        writer.write(LOG[:0])
        writer.write(LOG)
    with pytest.raises(ValueError, match="a SessionWriter writes only inside its with"):
        writer.write(LOG)
    assert read_sessions(path, context=CONTEXT).fingerprint() == LOG.fingerprint()


def test_sessions_of_other_columns_are_not_written_behind_these(path):
    def write_both():
        with SessionWriter(path) as writer:
            writer.write(LOG)
            writer.write(Sessions.from_arrays(**SHOWN))

    with pytest.raises(ValueError, match="sessions must have the columns of those before"):
        write_both()
    assert list(path.parent.iterdir()) == []


def test_a_file_that_is_there_is_kept_where_that_is_asked_for(path):
    write_sessions(LOG, path)
    with pytest.raises(FileExistsError, match="exists"), SessionWriter(path, overwrite=False) as writer:
        writer.write(LOG[:1])
    assert len(read_sessions(path)) == 3


def test_a_folder_and_several_files_are_read_behind_each_other(tmp_path):
    paths = [tmp_path / "1.parquet", tmp_path / "2.parquet"]
    write_sessions(LOG[:1], paths[0])
    write_sessions(LOG[1:], paths[1])
    for which in (tmp_path, paths):
        assert read_sessions(which, context=CONTEXT).fingerprint() == LOG.fingerprint()


def test_a_session_in_two_files_is_told_with_its_row(tmp_path):
    write_sessions(LOG[:2], tmp_path / "1.parquet")
    write_sessions(LOG[:1], tmp_path / "2.parquet")
    with pytest.raises(ValueError, match=r"2.parquet, row 1, session 's1': the session begins again"):
        read_sessions(tmp_path)


@pytest.mark.parametrize("name", ["log.csv", "log.tsv"])
def test_tables_of_text_are_logs(tmp_path, name):
    path = tmp_path / name
    text = csv_of(SHOWN)
    path.write_text(text.replace(",", "\t") if name.endswith("tsv") else text)
    assert read_sessions(path).fingerprint() == Sessions.from_arrays(**SHOWN).fingerprint()


def test_a_compressed_table_with_true_and_false_is_a_log(tmp_path):
    path = tmp_path / "log.csv.gz"
    words = ["False", "true", "TRUE", "false", "0"]
    path.write_bytes(gzip.compress(csv_of(changed(click=words)).encode()))
    assert read_sessions(path).fingerprint() == Sessions.from_arrays(**SHOWN).fingerprint()


def test_the_table_of_a_shop_is_a_log_by_the_names_of_its_columns(tmp_path):
    path = tmp_path / "shop.csv"
    path.write_text("query,product,position,clicked\nshoes,a,1,0\nshoes,b,2,1\nshoes,b,1,0\nhats,c,1,1\n")
    with pytest.warns(UserWarning, match="shop.csv: there is no column 'session', .* which makes 3 sessions"):
        log = read_sessions(path, document="product", click="clicked")
    assert log.lengths.tolist() == [2, 1, 1]
    again = read_sessions(path, document="product", click="clicked", session=None)  # where no warning is an error
    assert again.fingerprint() == log.fingerprint()


def test_a_flat_parquet_file_is_a_log(path):
    pl.DataFrame(SHOWN).write_parquet(path)
    assert read_sessions(path).fingerprint() == Sessions.from_arrays(**SHOWN).fingerprint()


@pytest.mark.parametrize("queries", [["7"] * 4 + ["8"], [7] * 4 + [8]])
def test_a_flat_parquet_file_with_categories_is_a_log(path, queries):
    frame = pd.DataFrame(changed(query=queries)).astype({"query": "category", "document": "category"})
    frame.to_parquet(path)
    expected = Sessions.from_arrays(**changed(query=[str(one) for one in queries]))
    assert read_sessions(path).fingerprint() == expected.fingerprint()


def test_the_context_of_a_table_of_text_is_numbers_where_it_looks_like_them(tmp_path):
    path = write(tmp_path / "log.csv", SHOWN | {"device": list("xxyyz"), "hour": [7, 7, 8, 8, 9]})
    log = read_sessions(path, context=CONTEXT)
    assert log.context["device"].tolist() == ["x", "y", "z"]
    assert log.context["hour"].tolist() == [7, 8, 9]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (changed(position=[1, "", 1, 2, 1]), "log.csv, line 3, session 's1': position is missing"),
        (changed(position=[1, "two", 1, 2, 1]), "log.csv, line 3: column 'position' must hold numbers to be the posit"),
        (
            changed(click=[0, 3, 1, 0, 0]),
            "log.csv, line 3, session 's1': click must be 0 or 1, but got 3; for counted cl",
        ),
        (changed(document=["a", "", "b", "a", "c"]), "log.csv, line 3, session 's1': an id must not be empty"),
        (changed(session=["s1", "s2", "s1", "s2", "s3"]), "log.csv, line 4, session 's1': the session begins again"),
        (
            changed(click=None),
            "log.csv: unknown column 'click'; known are document, position, query, session; use click=NAME for the",
        ),
        ({name: [] for name in SHOWN}, "log.csv: there are no"),
    ],
)
def test_a_bad_table_is_told_with_line_and_session(tmp_path, columns, words):
    path = write(tmp_path / "log.csv", columns)
    with pytest.raises(ValueError, match=re.escape(words)):
        read_sessions(path)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"position": [[1, 2], [0]]}, "row 2, session 's2': position must be a whole number from 1, but got 0"),
        ({"position": [[1], [1]]}, "row 1, session 's1': position has 1 entries, but document has 2"),
        ({"position": [[1, 2], None]}, "row 2: position is missing"),
        ({"position": [1, 1]}, "column position must be of lists"),
        (
            {"position": None},
            "unknown column 'position'; known are click, document, query, session; use position=NAME for the",
        ),
        ({"document": [["a", "b"], []], "click": [[0, 1], []]}, "row 2, session 's2': it shows no document"),
        ({"document": [["a", "a"], ["c"]]}, "row 1, session 's1': document 'a' occurs twice"),
        ({"document": [["a", None], ["c"]]}, "row 1: document is missing"),
        ({"session": ["s1", "s1"]}, "row 2, session 's1': the session occurs twice"),
        ({"click": [[0, 2], [0]]}, "row 1, session 's1': click must be 0 or 1, but got 2"),
        ({"click": [[0, 0], [0]]}, "nothing was clicked"),
    ],
)
def test_a_bad_file_of_sessions_is_told_with_row_and_session(path, columns, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        read_sessions(write_lists(path, **columns))


def test_a_file_of_sessions_without_ids_numbers_them(tmp_path):
    for name in ("1.parquet", "2.parquet"):
        write_lists(tmp_path / name, session=None)
    assert read_sessions(tmp_path).sessions.tolist() == ["1", "2", "3", "4"]


def test_a_session_that_ends_one_file_and_begins_the_next_is_told(tmp_path):
    one = {"query": ["q"], "session": ["s"], "position": [[1]], "click": [[1]]}
    write_lists(tmp_path / "1.parquet", **one, document=[["a"]])
    write_lists(tmp_path / "2.parquet", **(one | {"position": [[2]]}), document=[["b"]])
    with pytest.raises(ValueError, match=r"2.parquet, row 1, session 's': the session occurs twice"):
        read_sessions(tmp_path)


def test_a_log_without_clicks_in_several_pieces_is_told_by_the_name_of_its_file(path, monkeypatch):
    monkeypatch.setattr("plackett.data.formats.click_logs.ROW_GROUP", 1)
    silent = dataclasses.replace(LOG, clicks=LOG.clicks & False)
    with SessionWriter(path) as writer:
        writer.write(silent[:1])
        writer.write(silent[1:])
    with pytest.raises(ValueError, match=re.escape(f"{path}: nothing was clicked in any of its 5 rows")) as error:
        read_sessions(path)
    assert str(error.value).count("sessions.parquet") == 1


def test_a_row_behind_others_in_its_file_is_told_by_its_number_in_the_file(path, monkeypatch):
    monkeypatch.setattr("plackett.data.formats.click_logs.ROW_GROUP", 1)
    with SessionWriter(path) as writer:
        for session in (0, 1, 2, 0):
            writer.write(LOG[session : session + 1])
    with pytest.raises(ValueError, match=r"sessions.parquet, row 4, session 's1': the session begins again"):
        read_sessions(path)


def test_a_file_without_rows_is_no_log(path):
    pq.write_table(pq.read_table(write_lists(path)).slice(0, 0), path)
    with pytest.raises(ValueError, match=r"sessions.parquet: there are no impressions"):
        read_sessions(path)


def test_positions_in_a_file_of_sessions_are_sorted(path):
    log = read_sessions(write_lists(path, position=[[2, 1], [1]]))
    assert log.documents.tolist() == ["b", "a", "c"]
    assert log.clicks.tolist() == [True, False, False]


def test_a_damaged_file_is_told(path):
    path.write_bytes(b"no Parquet")
    with pytest.raises(ValueError, match=r"sessions.parquet: this is not a Parquet file"):
        read_sessions(path)


def test_a_file_of_another_format_is_no_log(tmp_path):
    path = tmp_path / "log.txt"
    path.write_text("1 qid:1 1:2\n")
    with pytest.raises(ValueError, match=r"click logs are read from Parquet, CSV and TSV, but .*log.txt"):
        read_sessions(path)


def test_a_file_that_is_not_there_is_told(tmp_path):
    for name in ("log.csv", "log.parquet"):
        with pytest.raises(FileNotFoundError, match=name):
            read_sessions(tmp_path / name)


def test_files_of_several_forms_are_not_read_together(tmp_path):
    write_lists(tmp_path / "1.parquet")
    pl.DataFrame(SHOWN).write_parquet(tmp_path / "2.parquet")
    with pytest.raises(ValueError, match=r"2.parquet: files that are read together have the same columns, but this"):
        read_sessions(tmp_path)


def test_counts_are_read_where_there_are_columns_of_them(tmp_path):
    counts = Sessions.from_arrays(**SHOWN).counts()
    table = {"query": counts.queries, "document": counts.documents, "position": counts.positions}
    path = write(tmp_path / "counts.csv", table | {"shown": counts.shown, "clicked": counts.clicked})
    found = read_clicks(path)
    assert isinstance(found, ClickCounts)
    assert found.fingerprint() == counts.fingerprint()


def test_sessions_are_read_where_there_are_no_counts(path):
    write_sessions(LOG, path)
    assert read_clicks(path, context=CONTEXT).fingerprint() == LOG.fingerprint()


def test_a_row_of_counts_in_two_files_is_told(tmp_path):
    row = {"query": ["q"], "document": ["a"], "position": [1], "shown": [3], "clicked": [1]}
    paths = [write(tmp_path / name, row) for name in ("1.csv", "2.csv")]
    with pytest.raises(ValueError, match=r"2.csv, line 2, query 'q': document 'a' at position 1 occurs twice"):
        read_clicks(paths)


def test_a_table_of_counts_is_no_log_and_the_error_says_what_reads_it(tmp_path):
    row = {"query": ["q"], "document": ["a"], "position": [1], "shown": [3], "clicked": [1]}
    with pytest.raises(
        ValueError, match=r"counts.csv: .* read a table with columns shown and clicked with read_clicks"
    ):
        read_sessions(write(tmp_path / "counts.csv", row))


def test_counts_and_sessions_are_not_read_together(tmp_path):
    row = {"query": ["q"], "document": ["a"], "position": [1], "shown": [3], "clicked": [1]}
    paths = [write(tmp_path / "1.csv", row), write(tmp_path / "2.csv", SHOWN)]
    with pytest.raises(ValueError, match=r"1.csv holds counts, but .*2.csv sessions"):
        read_clicks(paths)


@pytest.mark.parametrize("name", ["log.csv", "log.parquet"])
def test_hostile_ids_come_back(tmp_path, name):
    ids = ['a,"b', "a\nb", "ä ", "1", "None"]
    columns = changed(document=ids, query=["nan"] * 4 + ["'"])
    frame, path = pl.DataFrame(columns), tmp_path / name
    frame.write_csv(path) if name.endswith("csv") else frame.write_parquet(path)
    assert read_sessions(path).fingerprint() == Sessions.from_arrays(**columns).fingerprint()
