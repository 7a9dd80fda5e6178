"""Tables from files."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from plackett.retrieval import Table

ROWS = [
    {"id": "007", "zip": "02139", "year": 1999, "genres": ["a", "b"], "x": [0.5, 1]},
    {"id": "7", "zip": "10115", "year": None, "genres": [], "x": [2, 3.5]},
]


def write(path, text):
    path.write_text(text)
    return path


def json_lines(rows):
    return "".join(f"{json.dumps(row)}\n" for row in rows)


def test_parquet_and_json_lines_hold_the_same_table(tmp_path):
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "films.parquet")
    (tmp_path / "films.jsonl.gz").write_bytes(gzip.compress(json_lines(ROWS).encode()))
    for name in ("films.parquet", "films.jsonl.gz"):
        table = Table.read(tmp_path / name)
        assert table.ids.tolist() == ["007", "7"]
        assert table["genres"].tolist() == [["a", "b"], []]
        assert table["x"].tolist() == [[0.5, 1.0], [2.0, 3.5]]
        assert table.missing("year").tolist() == [False, True]


def test_a_folder_of_parquet_files_is_one_table(tmp_path):
    pq.write_table(pa.table({"id": ["a"], "year": [1]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"year": [2], "id": ["b"]}), tmp_path / "2.parquet")
    table = Table.read(tmp_path)
    assert table.ids.tolist() == ["a", "b"]
    assert table["year"].tolist() == [1, 2]


def test_an_id_that_two_files_have_is_refused(tmp_path):
    for name in ("1", "2"):
        pq.write_table(pa.table({"id": ["a"]}), tmp_path / f"{name}.parquet")
    with pytest.raises(ValueError, match="'a' of column 'id' is in rows 1 and 2"):
        Table.read(tmp_path)


def test_a_file_with_a_header_alone_has_no_rows(tmp_path):
    table = Table.read(write(tmp_path / "films.csv", "id,year\n"))
    assert table.names == ("id", "year")
    assert len(table) == len(table.ids) == 0


def test_lists_of_one_number_each_are_lists_of_text_as_longer_ones_are(tmp_path):
    for text, expected in (("7", ["7"]), ("7|08", ["7", "08"]), ("", [])):
        path = write(tmp_path / "users.csv", f"id,films\nu,{text}\n")
        assert Table.read(path, lists={"films": "|"})["films"].tolist() == [expected]


def test_a_column_that_is_named_as_text_is_text_whatever_is_in_it(tmp_path):
    path = write(tmp_path / "queries.csv", "id,word\nq,2020\n")
    assert Table.read(path, texts=["word"])["word"].tolist() == ["2020"]
    with pytest.raises(ValueError, match="unknown column 'wort'; did you mean 'word'"):
        Table.read(path, texts=["wort"])
    with pytest.raises(ValueError, match="texts must be a sequence of names, but got 'word'"):
        Table.read(path, texts="word")
    pq.write_table(pa.table({"id": ["q"], "word": [2020]}), tmp_path / "queries.parquet")
    with pytest.raises(ValueError, match=r"texts is an option of CSV, but .* is read as parquet"):
        Table.read(tmp_path / "queries.parquet", texts=["word"])


def test_ids_in_csv_are_text_and_so_are_digits_behind_a_zero(tmp_path):
    path = write(tmp_path / "films.csv", "id,zip,year,score\n007,02139,1999,1\n7,10115,,2.5\n")
    table = Table.read(path)
    assert table.ids.tolist() == ["007", "7"]
    assert table["zip"].tolist() == ["02139", "10115"]
    assert table["year"][0] == 1999
    assert table.column("year").is_whole
    assert table["score"].tolist() == [1.0, 2.5]


def test_options_of_csv_act_on_csv(tmp_path):
    path = write(tmp_path / "films.csv", "id;price\na;1,5\nb;-9\n")
    table = Table.read(path, separator=";", decimal=",", missing_values=["-9"])
    assert table["price"][0] == 1.5
    assert table.missing("price").tolist() == [False, True]
    with pytest.raises(ValueError, match="decimal is an option of CSV, but"):
        Table.read(write(tmp_path / "films.jsonl", '{"id": 1}\n'), decimal=",")


def test_a_row_of_csv_with_a_field_too_many_is_refused_by_line(tmp_path):
    with pytest.raises(ValueError, match=r"films.csv, line 3: there are 3 fields"):
        Table.read(write(tmp_path / "films.csv", "id,year\na,1\nb,2,3\n"))


def test_text_of_json_that_looks_like_a_time_stays_text(tmp_path):
    rows = [{"id": "2020-01-01 00:00:00", "seen": ["2020-01-01"]}, {"id": "2020-01-01", "seen": []}]
    table = Table.read(write(tmp_path / "days.jsonl", json_lines(rows)))
    assert table.ids.tolist() == ["2020-01-01 00:00:00", "2020-01-01"]
    assert table["seen"].tolist() == [["2020-01-01"], []]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"id": 1}\n{"id": "x"}\n', "line 2: id is text, but in line 1 it is a number"),
        ('{"id": 1}\n\n{"id": 2\n', "line 3: this is not JSON"),
        ('{"id": 1}\n[1]\n', "line 2: a line must be an object"),
        ('{"id": [1]}\n{"id": ["x"]}\n', "line 2: id is a list of text, but in line 1 it is a list of a number"),
        ("\n", "there are no rows"),
    ],
)
def test_json_that_is_malformed_is_refused_by_line(tmp_path, text, words):
    with pytest.raises(ValueError, match=words):
        Table.read(write(tmp_path / "films.jsonl", text))


def test_whole_numbers_of_json_beyond_int64_are_no_ids(tmp_path):
    with pytest.raises(ValueError, match="must hold strings or whole numbers"):
        Table.read(write(tmp_path / "films.jsonl", f'{{"id": {2**64 + 1}}}\n'))


def test_only_the_columns_that_are_asked_for_are_read(tmp_path):
    path = write(tmp_path / "films.csv", "junk,id,year\n1,a,2\n")
    assert Table.read(path, columns=["year"]).names == ("id", "year")
    with pytest.raises(ValueError, match=r"films.csv: unknown column 'yaer'; did you mean 'year'"):
        Table.read(path, columns=["yaer"])


def test_a_file_that_is_not_there_or_of_no_known_format_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        Table.read(tmp_path / "films.csv")
    with pytest.raises(ValueError, match=r"the suffix of .*films.xml must be one of"):
        Table.read(tmp_path / "films.xml")
    with pytest.raises(ValueError, match="this is not a Parquet file"):
        Table.read(write(tmp_path / "films.parquet", "no"))


def test_errors_name_the_row_of_the_file_and_its_id_after_rows_were_taken(tmp_path):
    table = Table.read(write(tmp_path / "films.csv", "id\na\nb\nc\n")).take([2, 1])
    assert table.place(0) == f"{tmp_path / 'films.csv'}, row 3 (id 'c')"
    assert table.take(slice(1, 2)).place(0).endswith("row 2 (id 'b')")
