"""The text of CSV: encodings, separators, decimal points, words for missing values, and where errors point."""

import datetime
import gzip

import numpy as np
import pytest

from plackett.data import read_delimited
from plackett.data.formats import delimited

TEXT = "query,label,price,stars\n1,1,1.5,3\n1,0,2.5,4\n2,1,3.5,5\n"


@pytest.fixture
def read(tmp_path):
    def read(text, written="utf-8", **options):
        (tmp_path / "a.csv").write_bytes(text.encode(written))
        return read_delimited(tmp_path / "a.csv", **options)

    return read


def test_other_separators_are_said_and_not_guessed(read):
    for separator, name in ((";", "semicolons"), ("|", "bars")):
        text = TEXT.replace(",", separator)
        with pytest.raises(ValueError, match=rf"line 1: the header looks as if {name} .* separator='\{separator}'"):
            read(text)
        assert read(text, separator=separator).features.tolist() == [[1.5, 3], [2.5, 4], [3.5, 5]]
    with pytest.raises(ValueError, match=r"looks as if commas were .* read with semicolons"):
        read(TEXT, separator=";")
    with pytest.raises(ValueError, match=r"separator must be one character, .* but got ', '"):
        read(TEXT, separator=", ")


def test_decimal_commas_are_said_and_not_guessed(read):
    text = TEXT.replace(",", ";").replace(".", ",")
    with pytest.raises(ValueError, match=r"line 2, query '1': column 'price' .* '1,5'; .* use decimal=','"):
        read(text, separator=";")
    assert read(text, separator=";", decimal=",").features.tolist() == [[1.5, 3], [2.5, 4], [3.5, 5]]
    with pytest.raises(ValueError, match=r"line 3, .* '1\.234'; with decimal=',' a point is not part of a number"):
        read(text.replace("2,5", "1.234"), separator=";", decimal=",")
    quoted = TEXT.replace("1.5", '"1,5"').replace("2.5", '"2,5"').replace("3.5", '"3,5"')
    assert read(quoted, decimal=",").features.tolist() == [[1.5, 3], [2.5, 4], [3.5, 5]]
    with pytest.raises(ValueError, match=r"decimal must be '\.' or ',', but got 'comma'"):
        read(TEXT, decimal="comma")


@pytest.mark.parametrize(
    "encoding, name, reads",
    [
        ("utf-16", "UTF-16", "utf-16"),
        ("utf-16-le", "UTF-16", "utf-16-le"),
        ("utf-16-be", "UTF-16", "utf-16-be"),
        ("latin-1", "Latin-1", "latin-1"),
        ("cp1252", "Windows-1252", "cp1252"),
    ],
)
@pytest.mark.parametrize("place", [1, 3])
def test_other_encodings_are_said_and_not_guessed(read, encoding, name, reads, place):
    mark = "“" if encoding == "cp1252" else "é"
    text = TEXT.replace("stars", mark if place == 1 else "stars").replace("4\n", f"{mark}\n" if place == 3 else "4\n")
    line = 1 if name == "UTF-16" else place
    with pytest.raises(ValueError, match=rf"csv, line {line}: this is not UTF-8 text.* {name}: .* encoding='{reads}'"):
        read(text, encoding)
    lists = read(text, encoding, encoding=reads, categorical=[text.split("\n")[0].split(",")[3]])
    assert lists.features.tolist() == [[1.5], [2.5], [3.5]]


def test_an_encoding_that_does_not_fit_is_told(read):
    with pytest.raises(ValueError, match=r"the encoding must be one that Python knows, .* but got 'utf-17'"):
        read(TEXT, encoding="utf-17")
    with pytest.raises(ValueError, match=r"a\.csv, line 1: this is not utf-16 text"):
        read(TEXT, encoding="utf-16")


def test_words_that_stand_for_missing(read):
    text = TEXT.replace("1.5", "N/A").replace("2.5", "-999.0").replace("3.5", " nULL ")
    lists = read(text, missing_values=["n/a", "-999"])
    assert np.isnan(lists.features[:, 0]).all()
    assert lists.features[:, 1].tolist() == [3, 4, 5]
    with pytest.raises(ValueError, match=r"line 2, query '1': column 'price' .* 'N/A'; .* missing_values=\['N/A'\]"):
        read(text)
    with pytest.raises(ValueError, match="line 3, query '1': label is missing"):
        read(TEXT, missing_values=["0"])
    lists = read(text, missing_values=["n/a", "-999"], categorical=["price"])
    assert len(set(lists.ids["price"].tolist())) == 3  # text stays what it is
    with pytest.raises(ValueError, match="missing_values must be a sequence of words, but got 'NA'"):
        read(TEXT, missing_values="NA")


@pytest.mark.parametrize("block", [1000, 2**24], ids=["many blocks", "one block"])
@pytest.mark.parametrize("rows_below", [1, 30_000])
@pytest.mark.parametrize("column", ["x", "text", "last"])
def test_a_quote_that_never_closes_is_told_with_its_line(read, monkeypatch, column, rows_below, block):
    """It would take all rows below with it."""
    monkeypatch.setattr(delimited, "BLOCK", block)
    fields = dict.fromkeys(["query", "label", "x", "text", "last"], "1")
    row, header = ",".join(fields.values()), ",".join(fields)
    quoted = ",".join((fields | {column: '"e'}).values())
    text = "\n".join([header, '7" a,1,1,"two ""b"", 5"" c', 'lines",1', quoted, *[row] * rows_below, ""])
    with pytest.raises(
        ValueError, match=r"a\.csv, line 4: a quote opens here and never closes; put a field that begins with"
    ):
        read(text, categorical=["text", "last"], features=["x"])


def test_a_quote_that_closes_in_another_field_is_told(read):
    told = r"line 3, query '1': column 'x' .* has several lines, for example because a quote opens and does not close"
    with pytest.raises(ValueError, match=told):
        read('query,label,x\n1,1,5\n1,0,"6\n1,0,7"\n')


def test_true_and_false_are_numbers(read):
    lists = read("query,label,x,click,shop\n1,TRUE,true,False,true\n1,false,,true,0\n", ids=["shop"])
    assert lists.labels.tolist() == [1, 0]
    assert lists.columns["click"].tolist() == [0, 1]
    assert lists.ids["shop"].tolist() == [1, 0]
    np.testing.assert_array_equal(lists.features, [[1], [np.nan]])


def test_errors_point_at_the_line_of_the_file(read):
    text = '\n\nquery,label,text,x\n\n1,1,"one\ntwo\n\nthree",5\n\n\n1,0,four,6\n'
    lists = read(text, categorical=["text"])
    assert lists.features.tolist() == [[5], [6]]
    for old, new, wrong in (
        ("four,6", "four,six", "line 11, query '1': column 'x' must hold numbers to be a feature, but holds 'six'"),
        ("1,0,four", "1,-1,four", "line 11, query '1': label must be between 0 and"),
        ("1,0,four", "1,,four", "line 11, query '1': label is missing"),
        ("1,0,four", ",0,four", "line 11: the query has no id"),
        ("four,6", "four,1e400", "line 11, query '1': x must be finite, but got inf"),
        ("four,6", "four,6,7", "line 11: there are 5 fields, but the header has 4"),
        ("four,6", "four", "line 11: there are 3 fields, but the header has 4"),
        ("four,6\n", "four,6\n2,1,a,1\n1,1,a,1\n", "line 13: query '1' begins again"),
    ):
        with pytest.raises(ValueError, match=r"a\.csv") as caught:
            read(text.replace(old, new), categorical=["text"])
        assert wrong in str(caught.value)


def test_errors_beyond_the_first_block(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "BLOCK", 100)
    rows = [f"{i // 5},{i % 2},{i},de" for i in range(100)]
    path = tmp_path / "a.csv.gz"
    for row, wrong in (("17,1,x,de", "column 'x' must hold numbers"), ("17,1,5,fr", "market must be the same")):
        path.write_bytes(gzip.compress("\n".join(["query,label,x,market", *rows[:89], row, *rows[90:]]).encode()))
        with pytest.raises(ValueError, match=rf"line 91.*{wrong}|line 91: {wrong}"):
            read_delimited(path, query_columns=["market"])


def test_columns_of_queries_are_what_they_look_like(read):
    text = "query,label,day,price,size,paid,name\n1,1,2024-05-01,1.5,7,true,a7\n1,0,2024-05-01,1.5,7,true,a7\n"
    lists = read(text, query_columns=["day", "price", "size", "paid", "name"])
    values = {name: column.tolist() for name, column in lists.query_columns.items()}
    day = datetime.date(2024, 5, 1)
    assert values == {"day": [day], "price": [1.5], "size": [7], "paid": [1], "name": ["a7"]}
    assert [type(values[name][0]) for name in ("price", "size", "paid")] == [float, int, int]


def test_a_column_of_queries_that_changes_what_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "BLOCK", 100)
    rows = [f"{i},1,{i},{i}" for i in range(50)]
    (tmp_path / "a.csv").write_text("\n".join(["query,label,x,day", *rows, "50,1,1,soon"]))
    with pytest.raises(ValueError, match=r"line 52, query '50': column 'day' must .* \(int64\), but holds 'soon'"):
        read_delimited(tmp_path / "a.csv", query_columns=["day"])


def test_strange_files_are_told(read):
    long = "a" * 200_000  # longer than a field of Python's csv module, which looks for lines
    for text, wrong in (
        (f"query,label,x,text\n1,1,2,{long}\n1,1,z,b\n", "row 2, query '1': column 'x' must hold numbers"),
        ("query,label,x\n1,1,2\nquery,label,x\n", "line 3, query 'query': .* a second header, for example where files"),
        ("query,label,x\n", "there are no queries"),
        ("query,label,x", "there are no rows below the header"),
        ("\n\n", "there is no header with the names of the columns"),
        ("query label x\n1 1 1\n", "unknown column 'query'; known are query label x"),
    ):
        with pytest.raises(ValueError, match=rf"a\.csv.*{wrong}"):
            read(text, **({"categorical": ["text"]} if long in text else {}))


def test_an_empty_column_at_the_end_is_told_as_such(read):
    with pytest.raises(ValueError, match="the last column has no name, as where each row ends with a separator"):
        read("query,label,x,\n1,0,5,\n1,1,6,\n")
    with pytest.raises(ValueError, match="the last column has no name"):
        read("query,label,x, \n1,0,5,\n1,1,6,\n")


def test_a_column_without_a_name_in_the_middle_is_told_as_such(read):
    text = "query,,label,x\n1,u,0,5\n1,v,1,6\n"
    with pytest.raises(ValueError, match=r"csv: column 2 has no name: name it in the header, .* by document=''"):
        read(text)
    assert read(text, document="").documents.tolist() == ["u", "v"]
