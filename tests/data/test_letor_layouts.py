"""LETOR text in the layouts that people have it in."""

import gzip

import numpy as np
import pytest

from plackett.data import read, read_letor
from plackett.data._tables import from_tables
from plackett.data.formats import _letor_blocks, letor

LIGHTGBM = "0 1:.5 3:2\n2 2:1\n# a comment\n1 1:3 2:4 3:5\n"
XGBOOST = "0 0:.5 1:2 2:4\n2 0:1 1:2 2:0\n1 0:3 1:4 2:5\n"
ISTELLA = "0 qid:1 1:1.7976931348623157E308 2:-1\n1 qid:1 1:5 2:1.79769313486231570000e+308\n"
ELASTICSEARCH = (
    "# grade (0-4)\tqueryid\tdocId\ttitle\n4\tqid:1\t1:12.3\t2:10.5 # 7555\trambo\n0\tqid:1\t1:.5\t2:0 # 1368\n"
)


@pytest.fixture
def write(tmp_path):
    def write(text, name="train.txt"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


@pytest.fixture
def no_slow_parser(monkeypatch):
    monkeypatch.setattr(_letor_blocks, "_line_by_line", None)


def refused(path, **options):
    with pytest.raises(ValueError, match=str(path.parent)) as caught:
        read_letor(path, **options)
    return str(caught.value)


@pytest.mark.usefixtures("no_slow_parser")
def test_lightgbm_has_group_sizes_in_a_file_of_their_own(write):
    lists = read_letor(write(LIGHTGBM), group_file=write("1\n2\n", "train.txt.query"))
    assert lists.queries.tolist() == ["1", "2"]
    assert lists.lengths.tolist() == [1, 2]
    assert lists.labels.tolist() == [0, 2, 1]
    assert lists.features.tolist() == [[0.5, 0, 2], [0, 1, 0], [3, 4, 5]]


@pytest.mark.usefixtures("no_slow_parser")
def test_xgboost_counts_features_from_0(write):
    options = {"group_file": write("2\n1\n", "train.txt.group"), "zero_based": True}
    lists = read_letor(write(XGBOOST), **options)
    assert lists.lengths.tolist() == [2, 1]
    assert lists.features.tolist() == [[0.5, 2, 4], [1, 2, 0], [3, 4, 5]]
    assert letor.count_features(write(XGBOOST), **options) == 3


@pytest.mark.usefixtures("no_slow_parser")
def test_scikit_learn_leaves_zeros_out_and_counts_from_0(write):
    """As `dump_svmlight_file(X, y, path, query_id=q)` does."""
    lists = read_letor(write("1 qid:1 0:.5 2:1\n0 qid:1\n0 qid:2 1:1\n"), zero_based=True)
    assert lists.features.tolist() == [[0.5, 0, 1], [0, 0, 0], [0, 1, 0]]
    lists = read_letor(write("1 qid:1 1:.5\n0 qid:1\n"), zero_based=True, features=3)
    assert lists.features.tolist() == [[0, 0.5, 0], [0, 0, 0]]
    assert letor.count_features(write("1 qid:1\n"), zero_based=True) == 0


def test_mslr_lines_end_with_a_space(write):
    assert read_letor(write("2 qid:1 1:3 2:0 \r\n0 qid:1 1:1 2:2 \r\n")).features.tolist() == [[3, 0], [1, 2]]


@pytest.mark.usefixtures("no_slow_parser")
@pytest.mark.parametrize("leave_out", ["", " 2:-1"], ids=["dense", "sparse"])
def test_istella_has_the_largest_float64_where_a_value_is_missing(write, leave_out):
    text = ISTELLA.replace(leave_out, "")
    lists = read_letor(write(text), missing_values=["1.7976931348623157E308"])
    np.testing.assert_array_equal(lists.features, [[np.nan, 0 if leave_out else -1], [5, np.nan]])


@pytest.mark.usefixtures("no_slow_parser")
@pytest.mark.parametrize("leave_out", ["", " 2:4"], ids=["dense", "sparse"])
def test_missing_values_are_text_without_case_or_numbers(write, leave_out):
    text = "0 qid:1 1:null 2:-1.0\n0 qid:1 1:NULL 2:-01e0\n0 qid:1 1:1 2:4\n0 qid:1 1:nan 2:-2\n"
    lists = read_letor(write(text.replace(leave_out, "")), missing_values=["Null", "-1"])
    assert np.isnan(lists.features).tolist() == [[True, True], [True, True], [False, False], [True, False]]
    assert lists.features[2:, 1].tolist() == [0 if leave_out else 4, -2]


def test_errors_name_the_option_for_missing_values(write):
    text = refused(write("0 qid:1 1:1\n" + ISTELLA))
    assert "line 2: feature 1 must be finite, but got '1.7976931348623157E308'; if this means missing" in text
    assert text.endswith(
        "missing_values=['1.7976931348623157E308'] (--missing-value 1.7976931348623157E308 on the command line)"
    )
    text = refused(write("0 qid:1 1:NULL\n"))
    assert text.endswith("missing_values=['NULL'] (--missing-value NULL on the command line)")
    assert "missing_values" not in refused(write("0 qid:1 1:\n"))
    for wrong in ("NULL", -1, [" "], [""], ["a b"], ["#"], [True], [None]):
        with pytest.raises(ValueError, match=r"must be a (list of .*|number, or a string without .* #), but got"):
            read_letor(write(ISTELLA), missing_values=wrong)


def test_missing_values_may_be_numbers(write):
    """As YAML has them."""
    for reader in (read_letor, read):
        lists = reader(write(ISTELLA), missing_values=[1.7976931348623157e308, -1])
        assert np.isnan(lists.features).tolist() == [[True, True], [False, True]]


def test_the_first_word_of_a_comment_is_an_id_where_it_is_said_to_be(write):
    path = write(ELASTICSEARCH)
    assert read_letor(path).documents.tolist() == ["1", "2"]
    assert read_letor(path, comment_ids=True).documents.tolist() == ["7555", "1368"]
    assert read_letor(path, comment_ids=True).features.tolist() == [[np.float32(12.3), 10.5], [0.5, 0]]


@pytest.mark.parametrize(
    "comment, name",
    [
        ("docid = X inc = 1", "X"),
        (" inc = 1 docid=X", "X"),
        (" docid: X", "X"),
        ("docid X", "X"),
        (" DocId X ", "X"),
        ("docid=é\u00a0X inc", "é\u00a0X"),
        (" good", "1"),
        ("X", "1"),
        (" docid is not known", "1"),
        ("docid =", "1"),
        (" nodocid = X", "1"),
    ],
)
def test_ids_need_a_mark(write, comment, name):
    path = write(f"1 qid:1 1:1 #{comment}\n")
    assert read_letor(path).documents.tolist() == [name]
    marked = name if name != "1" else comment.split()[0]
    assert read_letor(path, comment_ids=True).documents.tolist() == [marked]


def test_an_id_that_is_the_position_of_a_document_without_one_is_told_as_such(write):
    told = "line 2, query '1': document '2' occurs twice; a document without an id gets its position in the "
    assert told in refused(write("1 qid:1 1:1 # docid = 2\n0 qid:1 1:2\n"))
    assert refused(write("1 qid:1 1:1 # docid = 2\n0 qid:1 1:2 # docid=2\n")).endswith("document '2' occurs twice")


def test_equal_remarks_are_no_ids(write):
    assert read_letor(write("1 qid:1 1:1 # good\n0 qid:1 1:2 # good\n")).documents.tolist() == ["1", "2"]


@pytest.mark.parametrize("end", ["", " #", " #  "])
def test_each_line_has_an_id_where_comments_have_them(write, end):
    path = write(f"1 qid:1 1:1 # a\n# between\n0 qid:1 1:2{end}\n")
    assert refused(path, comment_ids=True).endswith(
        "line 3: there must be a comment with the id of the document, since comment_ids=True (--comment-ids)"
    )


def test_a_feature_0_names_the_option(write):
    text = refused(write("1 qid:1 1:.5\n0 qid:1 0:.5\n"))
    assert text.endswith(
        "line 2: a feature must be NUMBER:VALUE with NUMBER >= 1, but got '0:.5'; if the numbers begin at 0, use "
        "zero_based=True (--zero-based on the command line)"
    )
    assert "feature 2 is above the number of features, 2, of which the first is 0" in refused(
        write("1 qid:1 2:1\n"), features=2, zero_based=True
    )


@pytest.mark.parametrize("name", ["train.txt.query", "train.txt.group"])
@pytest.mark.parametrize("packed", [False, True])
def test_lines_without_queries_name_the_group_file_beside_them(write, name, packed):
    path = write(LIGHTGBM)
    if packed:
        path = path.with_name("train.txt.gz")
        path.write_bytes(gzip.compress(LIGHTGBM.encode()))
    text = refused(path)
    assert "line 1: the second field must be qid:ID, but got '1:.5'; if another file has the group sizes" in text
    assert text.endswith("use group_file=FILE (--group-file FILE)")
    beside = write("1\n2\n", name)
    assert refused(path).endswith(
        f"; {beside} is in the same folder: if it has the group sizes, "
        f"use group_file={str(beside)!r} (--group-file {beside})"
    )


@pytest.mark.parametrize(
    "sizes, wrong",
    [
        ("1\n1\n", "train.txt has 3 documents, but the group sizes of {group} add up to 2"),
        ("1\n\n3\n", "train.txt has 3 documents, but the group sizes of {group} add up to 4"),
        ("3\n0\n", "query, line 2: the size of a group must be a whole number of at least 1, but got '0'"),
        ("-3\n", "query, line 1: the size of a group must be a whole number of at least 1, but got '-3'"),
        ("1\n2.0\n", "query, line 2: the size of a group must be a whole number of at least 1, but got '2.0'"),
        ("1_0\n", "query, line 1: the size of a group must be a whole number of at least 1, but got '1_0'"),
        ("٣\n", "query, line 1: the size of a group must be a whole number of at least 1, but got '٣'"),
        ("1 2\n", "query, line 1: the size of a group must be a whole number of at least 1, but got '1 2'"),
        ("\n", "query: there are no group sizes in this file"),
    ],
)
@pytest.mark.parametrize("block", [1, 2**20])
def test_group_sizes_that_do_not_fit_are_refused(write, monkeypatch, sizes, wrong, block):
    monkeypatch.setattr(letor, "BLOCK", block)
    group = write(sizes, "train.txt.query")
    assert refused(write(LIGHTGBM), group_file=group).endswith(wrong.format(group=group))


def test_queries_in_the_lines_beside_group_sizes_are_refused(write):
    group = write("2\n", "train.txt.query")
    assert refused(write(ISTELLA), group_file=group).endswith(
        "line 1: there is 'qid:1', but queries come from the file of group sizes: leave out group_file (--group-file "
        "on the command line)"
    )


def test_files_with_group_sizes_follow_each_other(write, monkeypatch):
    """A group may begin in one block and end in another."""
    monkeypatch.setattr(letor, "BLOCK", 1)
    group = write("1\n2\n", "train.txt.query")
    tables = letor.letor_tables(
        write(LIGHTGBM), features=3, group_file=group, first_query=1 + letor.count_groups(group)
    )
    lists = from_tables(tables)
    assert lists.queries.tolist() == ["3", "4"]
    assert lists.lengths.tolist() == [1, 2]


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("block", [1, 2**20])
def test_a_file_that_lists_all_of_fewer_features_is_not_filled_up(write, monkeypatch, first, block):
    monkeypatch.setattr(letor, "BLOCK", block)
    lines = [f"0 qid:1 {first}:1 {first + 1}:1\n"] * 3
    assert refused(write("".join(lines)), features=4, zero_based=not first).endswith(
        f"train.txt: no line lists 2 of the 4 features: {first + 2}, {first + 3}; they count as zeros only in a "
        "sparse file, but all lines list the same 2 features: if they are 0, write "
        f"{first + 2}:0 in one line"
    )
    assert "no line lists 2 of the 2 features: 1, 2; " in refused(write("0 qid:1\n" * 2), features=2)
    assert read_letor(write(lines[0]), features=4, zero_based=not first).features.tolist() == [[1, 1, 0, 0]]
    for sparse in (f"0 qid:1 {first}:1\n", f"0 qid:1 {first + 1}:1\n", "0 qid:1\n"):
        lists = read_letor(write("".join([*lines, sparse])), features=4, zero_based=not first)
        assert lists.features[:3].tolist() == [[1, 1, 0, 0]] * 3


@pytest.mark.parametrize("block", [1, 2**20])
@pytest.mark.parametrize("gap", [" ", "\v"], ids=["fast", "slow"])
def test_a_file_that_lacks_features_in_the_middle_is_not_filled_up(write, monkeypatch, block, gap):
    monkeypatch.setattr(letor, "BLOCK", block)
    numbers = [*range(1, 11), *range(31, 47)]
    line = " ".join(["0", "qid:1", *(f"{number}:1" for number in numbers)])
    dense = [line, line.replace(" 1:1", f"{gap}1:2")]
    wrong = refused(write("\n".join(dense)), features=46)
    assert "no line lists 20 of the 46 features: 11, 12, 13, 14, 15, 16, 17, 18, ...; " in wrong
    assert read_letor(write("\n".join(dense))).features.shape == (2, 46)  # of which nobody said how many there are
    filled = read_letor(write("\n".join([*dense, line.removesuffix(" 46:1")])), features=46).features
    assert filled.sum(1).tolist() == [26, 27, 25]
    zeros = " ".join(f"{number}:0" for number in range(11, 31))
    said = read_letor(write("\n".join([line.replace(" 31:", f" {zeros} 31:"), line])), features=46).features
    assert said.sum(1).tolist() == [26, 26]


@pytest.mark.parametrize("block", [1, 2**20])
@pytest.mark.parametrize("gap", [" ", "\v"], ids=["fast", "slow"])
def test_a_file_that_writes_zeros_is_not_filled_up_to_the_features_of_a_model(write, monkeypatch, block, gap):
    monkeypatch.setattr(letor, "BLOCK", block)

    def features(text, **options):
        return from_tables(letor.letor_tables(write(text), features=4, **options)).features.tolist()

    sparse = f"# one\n1 qid:1 1:1{gap}2:2\n0 qid:1 2:1\n"
    assert features(sparse, fill="without zeros") == [[1, 2, 0, 0], [0, 1, 0, 0]]
    with_zero = f"{sparse}\n0 qid:1 2:-0.0\n"
    assert features(with_zero) == [[1, 2, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    with pytest.raises(
        ValueError, match=r"3, 4; they count .*, but line 5 says 2:0; .* use features=4 \(--features 4 "
    ):
        features(with_zero, fill="without zeros")
    assert features(f"{with_zero}0 qid:1 3:0 4:5\n", fill="without zeros")[3] == [0, 0, 0, 5]


@pytest.mark.parametrize("block", [1, 2**20])
def test_it_is_told_which_features_were_listed(write, monkeypatch, block):
    """A feature of zeros alone is one that was listed."""
    monkeypatch.setattr(letor, "BLOCK", block)
    for text, expected in (
        ("1 qid:1 1:0 3:1\n0 qid:1 1:1\n", [True, False, True, False]),
        ("1 qid:1 1:0\v3:1\n0 qid:1 1:1\n", [True, False, True, False]),
        ("1 qid:1 1:0 2:0 3:1 4:0\n" * 2, [True] * 4),
    ):
        listed = np.zeros(4, bool)
        list(letor.letor_tables(write(text), features=4, listed=listed))
        assert listed.tolist() == expected


def test_the_first_missing_value_is_found_in_each_layout(write):
    group = write("1\n2\n", "train.txt.query")
    path = write("# one\n0 0:1\n\n2 1:1 2:NULL\n1 0:2\n")
    options = {"group_file": group, "zero_based": True, "missing_values": ["null"]}
    assert letor.first_missing(path, first_query=8, **options) == (4, "9", 2)
    assert letor.first_missing(write(ISTELLA), missing_values=["-1", "1.7976931348623157e308"]) == (1, "1", 1)


@pytest.mark.parametrize(
    "text",
    [
        "1 qid:1 1:3.4028235e38 2:1\n",
        "1 qid:1 2:3.4028235e38\n1 qid:1 1:1\n",
        "1 qid:ä 2:3.4028235e38\n1 qid:ä 1:1\n",
    ],
)
def test_what_rounds_to_the_largest_float32_is_finite(write, text):
    assert read_letor(write(text)).features.max() == np.finfo("float32").max
    assert "must be finite" in refused(write(text.replace("3.4028235e38", "3.4028236e38")))


def test_blocks_of_several_parsers_are_one_file(write, monkeypatch):
    monkeypatch.setattr(letor, "BLOCK", 1)
    path = write("1 qid:1 1:1 2:2\n0 qid:1\v1:1 2:3\n0 qid:2 2:4\n")
    for together in (True, False):
        assert read_letor(path, together=together).features.tolist() == [[1, 2], [1, 3], [0, 4]]


@pytest.mark.usefixtures("no_slow_parser")
@pytest.mark.parametrize(
    "line",
    ["1 qid:a 1:.5 3:2 \r\n", "1\tqid:a\t1:.5\t3:2\n", "  1  qid:a   1:.5   3:2  \n", "1 qid:a 001:.5 0000000003:2\n"],
    ids=["MSLR", "tabs", "columns", "zeros"],
)
def test_lines_are_parsed_fast_whatever_parts_their_fields(write, monkeypatch, line):
    monkeypatch.setattr(_letor_blocks, "_without_comments", None)
    lists = read_letor(write(line + line.replace("a", "b:c", 1).replace(" 3:2", " ")))
    assert lists.features.tolist()[0] == [0.5, 0, 2]
    assert lists.queries.tolist() == ["a", "b:c"]


@pytest.mark.parametrize("field", [":", "+1:5", "-0:5", "0:", "0", "99999:0", ":5", "1:", "1", "1:2:3", "1:5 1:6"])
@pytest.mark.parametrize("zero_based", [True, False])
@pytest.mark.parametrize("grouped", [True, False])
def test_a_field_that_is_no_feature_is_refused_at_its_line(write, field, zero_based, grouped):
    query = "" if grouped else " qid:1"
    text = f"1{query} 1:2 7:3\n1{query} 1:2 7:3\n0{query} {field} 7:3\n"
    options = {"group_file": write("3\n", "sizes")} if grouped else {}
    assert "train.txt, line 3: " in refused(write(text), features=8, zero_based=zero_based, **options)


def test_the_first_malformed_line_is_told_before_a_later_one_and_before_damage(write, monkeypatch):
    monkeypatch.setattr(letor, "BLOCK", 1)
    good = "1 qid:1 1:2\n"
    assert "line 3: " in refused(write(good * 2 + "x\n" + good + "y\n"), features=1)
    monkeypatch.setattr(letor, "BLOCK", 2**20)
    packed, many = write("").with_name("train.txt.gz"), good * 2**18
    packed.write_bytes(gzip.compress((good + "x\n" + many).encode())[:-4])
    assert "line 2: " in refused(packed, features=1)
    packed.write_bytes(gzip.compress(many.encode())[:-4])
    assert "the compressed file is damaged" in refused(packed, features=1)


@pytest.mark.parametrize("first", [1, 2**24])
@pytest.mark.parametrize("damage", ["", "x\n", "1 qid:1 1:2 x\n", "1 qid:1 1:2 7\n"])
def test_features_are_counted_by_the_last_fields(write, monkeypatch, first, damage):
    monkeypatch.setattr(letor, "FIRST", first)
    sparse = f"1 qid:1 2:1\n{damage}0 qid:1:9 # 12:1\n\n0 qid:1 1:5 03:1 # 9:1\n0 qid:1 1:5\n"
    assert letor.count_features(write(sparse)) == 3
    assert letor.count_features(write(sparse), zero_based=True) == 4
    assert letor.count_features(write(sparse.replace("#", ""))) in (9, 12)


def test_of_lines_that_all_list_the_same_features_the_first_are_counted(write, monkeypatch):
    monkeypatch.setattr(letor, "FIRST", 1)
    same = "1 qid:1:2 1:1 2:1\n"
    assert "line 3: feature 3 is above the number of features, 2" in refused(write(same * 2 + "1 qid:1:2 3:1\n"))
