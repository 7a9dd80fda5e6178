"""A table as a shop has it: text, gaps, columns called like ours, one column with two meanings, and no labels."""

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from plackett.data import RankingLists, read_delimited
from plackett.data._roles import Roles
from plackett.data.formats.delimited import delimited_tables

TEXT = """session,query,product,price,brand,stock,position,clicked
s1,red shoes,p1,9.5,acme,3,1,1
s1,red shoes,p2,8,,,2,0
s2,blue hat,p1,9.5,acme,1,1,0
"""
WHOLE = {"query": "session", "label": "clicked", "document": "product", "categorical": ["brand"]}


@pytest.fixture(params=["csv", "frame"])
def read(request, tmp_path):
    """A reader of text as CSV, or as a data frame."""

    def read_csv(text, **roles):
        (tmp_path / "shop.csv").write_text(text)
        return read_delimited(tmp_path / "shop.csv", **roles)

    def read_frame(text, **roles):
        frame = pl.read_csv(text.encode()).with_columns(pl.col(pl.String).fill_null(""))
        return RankingLists.from_frame(frame, **roles)

    return read_csv if request.param == "csv" else read_frame


def test_a_column_called_query_gets_another_name(read):
    lists = read(TEXT, **WHOLE, query_columns={"query_text": "query"})
    assert lists.queries.tolist() == ["s1", "s2"]
    assert lists.query_columns["query_text"].tolist() == ["red shoes", "blue hat"]
    assert lists.feature_names == ("price", "stock")
    np.testing.assert_array_equal(lists.features, [[9.5, 3], [8, np.nan], [9.5, 1]])
    lists = read(TEXT, **WHOLE | {"categorical": {"text": "query", "maker": "brand"}})
    assert lists.ids["text"].tolist() == ["red shoes", "red shoes", "blue hat"]
    assert lists.ids["maker"].tolist() == ["acme", "", "acme"]


@pytest.mark.parametrize("name", ["query", "label", "document", "features", "missed", "queries", "line", "click"])
@pytest.mark.parametrize("argument", ["query_columns", "categorical", "ids", "columns", "features"])
def test_columns_called_like_ours_work_under_another_name(read, name, argument):
    text = f"q,grade,d,x,{name}\n1,1,a,5,7\n1,0,b,6,7\n"
    roles = {"query": "q", "label": "grade", "document": "d", argument: {"mine": name}}
    lists = read(text, **roles)
    held = dict(zip(lists.feature_names, lists.features.T, strict=True))
    held |= lists.query_columns | lists.ids | lists.columns
    expected = ["7"] if argument == "categorical" else [7]
    assert np.unique(held["mine"]).tolist() == expected


def test_the_way_out_of_a_taken_name_works(read):
    with pytest.raises(ValueError, match=r"cannot be called 'query', .* by query_columns={'my_query': 'query'}"):
        read(TEXT, **WHOLE, query_columns=["query"])
    assert "my_query" in read(TEXT, **WHOLE, query_columns={"my_query": "query"}).query_columns
    with pytest.raises(ValueError, match=r"a feature cannot be called 'query', .* columns={'my_query': 'query'}, "):
        read("q,query,label\n1,2,3\n", query="q")
    assert read("q,query,label\n1,2,3\n", query="q", columns={"my_query": "query"}).columns["my_query"].tolist() == [2]


def test_all_columns_of_text_are_told_at_once(read):
    with pytest.raises(ValueError, match="must hold numbers to be features, but hold text") as caught:
        read(TEXT, query="session", label="clicked")
    wrong = str(caught.value)
    for example in ("'query' ('red shoes', ", "'product' ('p1', ", "'brand' ('acme', "):
        assert example in wrong
    assert "query_columns={'query_text': 'query'" in wrong
    assert "document=NAME" in wrong
    assert "features=['price', 'stock']" in wrong
    assert read(TEXT, query="session", label="clicked", features=["price", "stock"]).features.shape == (3, 2)


def test_a_column_of_text_is_shown_with_its_line(tmp_path):
    (tmp_path / "a.csv").write_text("query,label,x,brand\n1,1,2,\n1,0,3,acme\n")
    with pytest.raises(ValueError, match=r"column 'brand' must .* holds text \('acme', line 3\); .*=\['brand'\], "):
        read_delimited(tmp_path / "a.csv")


def test_the_label_may_be_a_column_too(read):
    roles = {"query": "session", "features": ["price"]}
    lists = read(TEXT, **roles, label="clicked", columns={"click": "clicked"})
    assert lists.labels.tolist() == lists.columns["click"].tolist() == [1, 0, 0]
    assert lists.columns["position"].tolist() == [1, 2, 1]
    lists = read(TEXT.replace("clicked", "click"), **roles, label="click")
    assert lists.labels.tolist() == lists.columns["click"].tolist() == [1, 0, 0]
    for other in ({"categorical": ["clicked"]}, {"features": ["clicked"]}, {"document": "clicked"}):
        with pytest.raises(ValueError, match="column 'clicked' cannot be both the label and "):
            read(TEXT, **roles | other, label="clicked")
    with pytest.raises(ValueError, match="'price' cannot be both the column weight and a feature"):
        read(TEXT, **roles, label="clicked", columns={"weight": "price"})


def test_text_is_no_number_of_an_id_feature(read):
    with pytest.raises(ValueError, match=r"'brand' must hold .*'acme'.* categorical,? (which )?takes (any )?text"):
        read(TEXT, query="session", label="clicked", ids=["brand"], features=["price"])


def test_a_column_that_is_read_for_its_name_gets_another(read):
    text = "query,label,x,position\n1,0,5,top\n1,1,6,side\n"
    with pytest.raises(ValueError, match=r"'position' must hold .* by categorical={'my_position': 'position'}"):
        read(text, features=["x"])
    lists = read(text, features=["x"], categorical={"my_position": "position"})
    assert list(lists.ids) == ["my_position"]
    assert not lists.columns


def test_a_column_is_named_once(read):
    for roles in ({"features": ["x", "x"]}, {"ids": ["x", "x"]}, {"columns": {"a": "x", "b": "x"}}):
        with pytest.raises(ValueError, match="column 'x' cannot be both"):
            read("query,label,x\n1,0,5\n", **roles)


def test_data_without_labels(read):
    text = "query,x,judged\n1,5,1\n1,6,1\n"
    lists = read(text, label=None)
    assert lists.labels.tolist() == lists.columns["judged"].tolist() == [0, 0]
    assert lists.feature_names == ("x",)
    with pytest.raises(ValueError, match=r"unknown column 'label'; .*, or label=None for data without labels"):
        read(text)
    with pytest.raises(ValueError, match=r"use label=NAME for the column of the label, as label='Clicked'"):
        read(text.replace("x", "Clicked"))
    with pytest.raises(ValueError, match="a feature cannot be called 'label'"):
        read(text.replace("x", "label"), label=None)
    with pytest.raises(ValueError, match="without labels no document is judged, so column 'x' cannot say it"):
        read(text, label=None, columns={"judged": "x"})


def test_labels_of_documents_to_be_ranked_are_not_read(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("query,x\n1,5\n1,6\n")
    (table,) = delimited_tables(path, Roles(to_rank=True))
    assert table["label"].to_pylist() == table["judged"].to_pylist() == [[0, 0]]
    path.write_text("query,x,label,click\n1,5,,\n1,6,-1,no\n")
    (table,) = delimited_tables(path, Roles(to_rank=True))
    assert table["label"].to_pylist() == table["judged"].to_pylist() == [[0, 0]]
    assert "click" not in table.column_names


def test_a_frame_of_a_row_a_query_without_labels():
    table = pa.table({"query": ["1", "2"], "document": [["a", "b"], ["c"]], "x": [[1.0, 2.0], [3.0]]})
    lists = RankingLists.from_frame(table, label=None)
    assert lists.labels.tolist() == lists.columns["judged"].tolist() == [0, 0, 0]
    assert lists.lengths.tolist() == [2, 1]
    with pytest.raises(ValueError, match="there is a column 'label', but no labels are read"):
        RankingLists.from_frame(table.append_column("label", table["x"]), label=None)


def test_the_label_of_a_frame_of_a_row_a_query_may_be_a_column_too():
    table = pa.table({"query": ["1", "2"], "click": [[1.0, 0.0], [1.0]], "x": [[1.0, 2.0], [3.0]]})
    for given, name in (({"label": "click"}, "click"), ({"label": "click", "columns": {"bought": "click"}}, "bought")):
        lists = RankingLists.from_frame(table, **given)
        assert lists.labels.tolist() == lists.columns[name].tolist() == [1, 0, 1]
        assert lists.feature_names == ("x",)


def test_a_document_that_nobody_judged_has_no_grade(read):
    with pytest.raises(ValueError, match=r"(line 3|row 2), query '1': judged is 0, which says .* but its label is 2"):
        read("query,label,judged,x\n1,0,0,5\n1,2,0,6\n")


def test_an_index_is_no_feature(read):
    for name in ("", " ", "__index_level_0__", "Unnamed: 0", "index", "level_0"):
        text = f"{name},query,label,x\n7,1,0,5\n8,1,1,6\n"
        with pytest.raises(ValueError, match=rf"column '{name}' looks like the index of a .* to_csv\(index=False\)"):
            read(text)
        assert read(text, features={"row": name, "x": "x"}).features.tolist() == [[7, 5], [8, 6]]
        assert read(text, features=["x"]).feature_names == ("x",)
    with pytest.raises(ValueError, match=r"name of a feature must not be blank, but got ''; .* features={'my_column'"):
        read(",query,label,x\n7,1,0,5\n", features=["", "x"])
