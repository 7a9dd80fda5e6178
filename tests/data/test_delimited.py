"""Text with one row per document: CSV, TSV, and TREC's files."""

import gzip

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from plackett.data import RankingLists, read_delimited, read_trec
from plackett.data._roles import Roles
from plackett.data._schema import to_table
from plackett.data.formats import delimited

ROLES = {
    "query": "q",
    "label": "grade",
    "document": "url",
    "categorical": ["colour"],
    "columns": {"click": "clicked"},
}
TEXT = """q,url,grade,price,colour,clicked,words
1,a,2,0.5,red,1,7
1,b,0,1.5,"blue, light",0,8
2,a,1,2.5,red,1,9
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "some.csv"
    path.write_text(TEXT)
    return path


def check(lists):
    assert lists.queries.tolist() == ["1", "2"]
    assert lists.row_splits.tolist() == [0, 2, 3]
    assert lists.documents.tolist() == ["a", "b", "a"]
    assert lists.labels.tolist() == [2, 0, 1]
    assert lists.feature_names == ("price", "words")
    assert lists.features.tolist() == [[0.5, 7], [1.5, 8], [2.5, 9]]
    assert lists.ids["colour"].tolist() == ["red", "blue, light", "red"]
    assert lists.columns["click"].tolist() == [1, 0, 1]


def test_csv_and_tsv(path):
    check(read_delimited(path, **ROLES))
    tabs = path.with_name("some.tsv.gz")
    tabs.write_bytes(gzip.compress(pl.read_csv(path).write_csv(separator="\t").encode()))
    check(read_delimited(tabs, **ROLES))
    path.write_text("\ufeff" + TEXT.replace(",", ";").replace("\n", "\r\n").replace("blue; light", "blue, light"))
    check(read_delimited(path, **ROLES, separator=";"))


def test_features_by_name_and_documents_by_position(path):
    lists = read_delimited(path, query="q", label="grade", features=["words", "clicked"])
    assert lists.feature_names == ("words", "clicked")
    assert lists.features.tolist() == [[7, 1], [8, 0], [9, 1]]
    assert lists.documents.tolist() == ["1", "2", "1"]


def test_queries_that_do_not_stand_together(path):
    path.write_text(TEXT + "1,c,1,9,red,0,1\n")
    with pytest.raises(ValueError, match=r"some\.csv, line 5: query '1' begins again, .* in memory by together=False"):
        read_delimited(path, **ROLES)
    lists = read_delimited(path, **ROLES, together=False)
    assert lists.documents.tolist() == ["a", "b", "c", "a"]


def test_blocks(tmp_path, monkeypatch):
    """A query may begin in one block and end in another."""
    frame = pl.DataFrame({"query": np.repeat(np.arange(50), 7), "label": np.arange(350) % 3, "x": np.arange(350) / 7})
    frame.write_csv(tmp_path / "a.csv")
    whole = read_delimited(tmp_path / "a.csv")
    monkeypatch.setattr(delimited, "BLOCK", 100)
    parts = list(delimited.delimited_tables(tmp_path / "a.csv", Roles()))
    assert len(parts) > 10
    assert pa.concat_tables(parts).equals(to_table(whole).drop_columns(["document"]))


@pytest.mark.parametrize(
    "old, new, wrong",
    [
        ("0.5", "cheap", "line 2, query '1': column 'price' must hold numbers to be a feature, but holds 'cheap'"),
        ("2,a,1,2.5", "2,a,1", "line 4: there are 6 fields, but the header has 7"),
        ("q,url", "k,url", "unknown column 'q'; known are clicked, colour, grade, k, price"),
        ("grade", "grades", "unknown column 'grade'; did you mean 'grades'?"),
        ("words", "price", "two columns have the same name"),
        ("1,b", ",b", "line 3: the query has no id"),
        ("1,b", "1,a", "line 3, query '1': document 'a' occurs twice"),
        (
            "2,a,1",
            "2,a,-1",
            "line 4, query '2': column 'grade': label must be between 0 and 2^24 - 1, beyond which float32 rounds, but",
        ),
        ("2,a,1", "2,a,", "line 4, query '2': column 'grade': label is missing"),
        (TEXT, "", "there is no header"),
        (TEXT, TEXT.split("\n")[0], "there are no rows below the header"),
    ],
)
def test_says_what_is_wrong(path, old, new, wrong):
    path.write_text(TEXT.replace(old, new, 1))
    with pytest.raises(ValueError, match=r"some\.csv") as caught:
        read_delimited(path, **ROLES)
    assert wrong in str(caught.value)


def test_columns_of_ones_own_and_of_queries(path):
    roles = ROLES | {"categorical": [], "ids": ["words"], "query_columns": ["market", "day"], "features": ["price"]}
    path.write_text(
        "q,url,grade,price,clicked,words,market,day\n1,a,2,0.5,1,7,de,3\n1,b,0,1.5,0,-8,de,3\n2,a,1,2.5,1,9,fr,4\n"
    )
    lists = read_delimited(path, **roles | {"columns": {"dwell time": "clicked"}})
    assert lists.columns["dwell time"].tolist() == [1, 0, 1]
    assert lists.ids["words"].tolist() == [7, -8, 9]
    assert lists.query_columns["market"].tolist() == ["de", "fr"]
    assert lists.query_columns["day"].tolist() == [3, 4]
    path.write_text(path.read_text().replace("1,b,0,1.5,0,-8,de", "1,b,0,1.5,0,-8,fr"))
    with pytest.raises(ValueError, match=r"csv, line 3: market must be the same in .* query '1', but is 'de' and 'fr'"):
        read_delimited(path, **roles)
    path.write_text(path.read_text().replace("-8", "0.5"))
    with pytest.raises(
        ValueError, match=r"some\.csv, line 3, query '1': column 'words' must hold whole numbers .* '0\.5'"
    ):
        read_delimited(path, **roles)


def test_names_that_have_a_meaning(path):
    """`click` is the column of that meaning unless it is said to be something else; `query` cannot be a feature."""
    path.write_text("query,label,click,line\n1,0,1,5\n1,1,0,6\n")
    assert read_delimited(path).columns["click"].tolist() == [1, 0]
    assert read_delimited(path).feature_names == ("line",)
    lists = read_delimited(path, features=["click", "line"])
    assert lists.feature_names == ("click", "line")
    assert lists.features.tolist() == [[1, 5], [0, 6]]
    assert lists.columns == {}
    with pytest.raises(
        ValueError, match=r"some\.csv: a feature cannot be called 'query', a name with a meaning of its own"
    ):
        read_delimited(path, query="line")
    with pytest.raises(ValueError, match="a column cannot be called 'label'"):
        read_delimited(path, columns={"label": "click"})
    with pytest.raises(ValueError, match="there is a feature and a column called 'line'"):
        read_delimited(path, columns={"line": "click"})


def test_missing_features(path):
    path.write_text(TEXT.replace("0.5", "").replace("1.5", "NA"))
    assert np.isnan(read_delimited(path, **ROLES).features[:2, 0]).all()


def test_refuses(path):
    path.write_bytes(gzip.compress(TEXT.encode())[:-20])
    with pytest.raises(ValueError, match=r"some\.csv: "):
        read_delimited(path, **ROLES)
    with pytest.raises(FileNotFoundError):
        read_delimited(path.with_name("none.csv"), **ROLES)
    path.write_text(TEXT)
    with pytest.raises(ValueError, match=r"column 'q' cannot be both the query and the label"):
        read_delimited(path, query="q", label="q")


RUN = "7 Q0 GX1 1 2.5 bm25\n7 Q0 GX2 2 1.5 bm25\n\n9\tQ0\tGX1\t1\t-3e1\tbm25\n"
QRELS = "7 0 GX1 2\n7 0 GX9 1\n7 0 GX2 -2\n"


@pytest.fixture
def trec(tmp_path):
    (tmp_path / "a.run").write_text(RUN)
    (tmp_path / "qrels").write_text(QRELS)
    return tmp_path / "a.run", tmp_path / "qrels"


def test_trec(trec):
    lists = read_trec(*trec)
    assert lists.queries.tolist() == ["7", "9"]
    assert lists.documents.tolist() == ["GX1", "GX2", "GX1"]
    assert lists.labels.tolist() == [2, 0, 0]
    assert lists.features.tolist() == [[2.5], [1.5], [-30]]
    assert lists.feature_names == ("score",)
    assert lists.columns["judged"].tolist() == [1, 0, 0]
    assert lists.missed.grades.tolist() == [1, -2]
    assert lists.missed.row_splits.tolist() == [0, 2, 2]


def test_judged_queries_that_a_run_lacks_come_last(trec):
    trec[1].write_text(QRELS + "4 0 b -1\n3 0 a 1\n3 0 b 0\n")
    lists = read_trec(*trec)
    assert lists.queries.tolist() == ["7", "9", "4", "3"]
    assert lists.lengths.tolist() == [2, 1, 0, 0]
    assert lists.missed.grades.tolist() == [1, -2, -1, 1, 0]
    assert lists.missed.row_splits.tolist() == [0, 2, 2, 3, 5]


def test_the_scores_of_a_run_stay_float64(trec):
    trec[0].write_text("7 Q0 a 1 20.123456789 t\n7 Q0 b 2 20.123456788 t\n7 Q0 c 3 1700000001 t\n")
    assert read_trec(*trec).columns["run_score"].tolist() == [20.123456789, 20.123456788, 1700000001]


def test_a_run_in_several_files(trec):
    whole = read_trec(*trec)
    first, rest = trec[0].with_name("1.run"), trec[0].with_name("2.run")
    first.write_text("".join(RUN.splitlines(keepends=True)[:2]))
    rest.write_text("".join(RUN.splitlines(keepends=True)[2:]))
    assert read_trec([first, rest], trec[1]).fingerprint() == whole.fingerprint()
    with pytest.raises(ValueError, match=r"1\.run, .*1\.run: query '7' occurs twice"):
        read_trec([first, first], trec[1])


def test_run_scores_of_a_table_stay_float64(tmp_path):
    frame = pl.DataFrame({"query": ["a", "a"], "label": [1, 0], "s": [1700000001, 1700000002], "x": [1, 2]})
    frame.write_csv(tmp_path / "a.csv")
    roles = {"columns": {"run_score": "s"}}
    for lists in (RankingLists.from_frame(frame, **roles), read_delimited(tmp_path / "a.csv", **roles)):
        assert lists.columns["run_score"].tolist() == [1700000001, 1700000002]
        assert lists.feature_names == ("x",)


@pytest.mark.parametrize(
    "run, qrels, wrong",
    [
        (
            RUN + "9 Q0 GX1 1 2\n",
            QRELS,
            "a.run, line 5: there must be 6 fields, query Q0 document rank score tag, but there are 5",
        ),
        (RUN + "9 Q0 GX2 1 x t\n", QRELS, "a.run, line 5: the score must be a number, but got 'x'"),
        (RUN + "9 Q0 GX1 1 1 t\n", QRELS, "a.run, line 5, query '9': document 'GX1' occurs twice"),
        (RUN + "7 Q0 GX3 1 1 t\n", QRELS, "a.run, line 5: query '7' begins again"),
        (RUN, QRELS + "7 0 GX1 1\n", "qrels, line 4: document 'GX1' of query '7' has two grades"),
        (RUN, QRELS + "7 0 GX1\n", "qrels, line 4: there must be 4 fields"),
        (RUN, "", "qrels: there are no judgements"),
        ("", QRELS, "a.run: there are no queries"),
    ],
)
def test_trec_says_what_is_wrong(trec, run, qrels, wrong):
    trec[0].write_text(run)
    trec[1].write_text(qrels)
    with pytest.raises(ValueError, match="a") as caught:
        read_trec(*trec)
    assert wrong in str(caught.value)
