"""LETOR text: what lines mean, two parsers of one mind, and what is wrong with a line."""

import bz2
import collections
import gzip
import re
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from conftest import letor_text, made_lists
from hypothesis import given, settings
from hypothesis import strategies as st

from plackett.data import read_letor
from plackett.data._tables import from_tables
from plackett.data.formats import _letor_blocks, _letor_lines, letor

LINES = """2 qid:7 1:0.5 3:-1e2 #docid = GX1 inc = 1
0 qid:9 2:4 # a comment
# nothing here

1 qid:7 1:1 # docid: GX2
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "some.txt"
    path.write_text(LINES)
    return path


def test_what_lines_mean(path):
    lists = read_letor(path)
    assert lists.queries.tolist() == ["7", "9"]
    assert lists.row_splits.tolist() == [0, 2, 3]
    assert lists.labels.tolist() == [2, 1, 0]
    assert lists.features.tolist() == [[0.5, 0, -100], [1, 0, 0], [0, 4, 0]]
    assert lists.documents.tolist() == ["GX1", "GX2", "1"]
    assert read_letor(path, features=5).features.shape == (3, 5)


@pytest.mark.parametrize(
    "pack",
    [gzip.compress, bz2.compress, lambda text: pa.compress(text, "zstd", asbytes=True)],
    ids=["gzip", "bz2", "zstd"],
)
def test_compressed(path, pack):
    packed = path.with_name("packed.txt")
    packed.write_bytes(pack(LINES.encode()))
    assert np.array_equal(read_letor(packed).features, read_letor(path).features)
    for cut in (1, 5, 12):
        packed.write_bytes(pack(LINES.encode())[:-cut])
        with pytest.raises(ValueError, match=r"packed\.txt: the compressed file is damaged"):
            read_letor(packed)


def same(a, b):
    for field in ("labels", "row_splits", "queries", "documents", "features"):
        np.testing.assert_array_equal(getattr(a, field), getattr(b, field), err_msg=field)


@pytest.mark.parametrize("block", [1, 100, 2**20])
@pytest.mark.parametrize("comments", [True, False])
def test_round_trip_in_blocks(tmp_path, monkeypatch, block, comments):
    lists = made_lists(20, seed=3)
    text = letor_text(lists)
    if not comments:
        text = "\n".join(line.partition(" #")[0] for line in text.split("\n"))
    (tmp_path / "a.txt").write_text(text)
    monkeypatch.setattr(letor, "BLOCK", block)
    again = read_letor(tmp_path / "a.txt", together=True)
    for field in ("labels", "row_splits", "queries", "features"):
        assert np.array_equal(getattr(again, field), getattr(lists, field)), field
    places = np.concatenate([np.arange(1, n + 1) for n in lists.lengths]).astype(str)
    assert np.array_equal(again.documents, lists.documents if comments else places)


@pytest.mark.parametrize("end", ["\n", "", "\r\n", " \n"])
def test_dense_lines_take_the_fast_way(tmp_path, monkeypatch, end):
    lines = [f"{i % 3} qid:{i // 4} " + " ".join(f"{k}:{k * i / 7!r}" for k in range(1, 124)) for i in range(40)]
    (tmp_path / "a.txt").write_text((end or "\n").join(lines) + end)
    slow = [_letor_lines.parse_line(line.encode(), _letor_lines.Layout(123)) for line in lines]
    monkeypatch.setattr(_letor_blocks, "_without_comments", None)
    monkeypatch.setattr(_letor_blocks, "_line_by_line", None)
    lists = read_letor(tmp_path / "a.txt")
    assert np.array_equal(lists.features, np.array([values for *_, values in slow]).astype("float32"))
    assert lists.labels.tolist() == [float(label) for label, *_ in slow]
    assert lists.lengths.tolist() == [4] * 10


NUMBERS = st.one_of(
    st.floats(width=32, allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(
        ["0", "1", "-0", "+3", ".5", "2.", "1e-3", "1E5", "nan", "-NaN", "inf", "1e99", "1_0", "x", "", "0x1", "\uff11"]
    ),
)
FEATURES = st.lists(st.tuples(st.sampled_from([1, 1, 2, 3, 7, 11, 0]), NUMBERS), max_size=4)
GAPS = st.sampled_from([" ", " ", " ", " ", "  ", "\t", "\r", "\x0b", "\u00a0"])


@pytest.mark.parametrize(
    "options", [{}, {"zero_based": True}, {"missing_values": ["x", "INF", "1e99", "-0", "5e-1"]}], ids=str
)
@given(
    lines=st.lists(
        st.tuples(NUMBERS, st.sampled_from(["qid:1", "qid:1", "qid:2", "qid:", "q", "qid:ä"]), FEATURES, GAPS),
        max_size=6,
    ),
)
@settings(max_examples=300, deadline=None)
def test_two_parsers_agree(tmp_path_factory, options, lines):
    """The file means what its lines mean one by one, or is refused as one of its lines is."""
    text = "\n".join(
        gap.join([label, query, *(f"{number}:{value}" for number, value in features)])
        for label, query, features, gap in lines
    )
    path = tmp_path_factory.mktemp("letor") / "a.txt"
    path.write_text(text, encoding="utf-8", newline="")
    check(path, **options)


def check(path, **options):
    """`read_letor` returns what `reference` does, or refuses with a line that `reference` refuses too."""
    try:
        expected = reference(path.read_bytes(), **options)
    except ValueError as error:
        wrong = f"{re.escape(str(path.parent))}.*({re.escape(str(error))}|at most 65536 features)"
        with pytest.raises(ValueError, match=wrong):
            read_letor(path, **options)
        return False
    lists = read_letor(path, **options)
    labels, queries, documents, features = expected
    assert np.array_equal(lists.labels, np.array(labels, "float32"))
    assert np.repeat(lists.queries, lists.lengths).tolist() == queries
    assert lists.documents.tolist() == documents
    np.testing.assert_array_equal(lists.features, features)
    return True


def nearest(text):
    """The float32 nearest to the number, of two that are equally near the even one."""
    if text.lower().lstrip("+-") == "nan":
        return np.float32("nan")
    if abs(float(text)) < 1e-60:  # a Fraction would have as many digits as its exponent says
        return np.float32(0)
    twice = np.float32(float(text))
    with np.errstate(over="ignore"):  # beside the largest number
        around = (twice, np.nextafter(twice, np.float32(-np.inf)), np.nextafter(twice, np.float32(np.inf)))
    near = [x for x in around if np.isfinite(x)]
    return min(near, key=lambda x: (abs(Fraction(float(x)) - Fraction(text)), x.view("uint32") % 2))


def test_a_number_is_rounded_once(path):
    text = "0.41325978934764862"  # just below the middle of two float32; its float64 is the middle
    path.write_text(f"0 qid:1 1:{text}\n")
    assert read_letor(path).features[0, 0] == nearest(text) == np.float32(0.41325977444648743)
    assert np.float32(text) == np.float32(0.4132598042488098)


def reference(text, *, zero_based=False, group_file=None, missing_values=(), comment_ids=False):
    """(labels, queries, ids, features) of documents, line by line, grouped by query; errors begin with `line N: `."""
    missing = _letor_lines.MissingValues(missing_values)
    first = 1 - zero_based
    layout = _letor_lines.Layout(2**16, first, group_file is None, missing, comment_ids)
    groups = None if group_file is None else sizes(group_file.read_bytes())
    found, names = [], []
    for number, line in enumerate(text.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        try:
            document = _letor_lines.parse_line(line, layout)
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
        if document:
            found.append(document)
            names.append(name(line.partition(b"#")[2].decode(), comment_ids))
    if groups is not None:
        if sum(groups) != len(found):
            raise ValueError(f"add up to {sum(groups):,}")
        of_groups = np.repeat(np.arange(len(groups)) + 1, groups).astype(str).tolist()
        found = [(label, query, *rest) for query, (label, _, *rest) in zip(of_groups, found, strict=True)]
    if not found:
        raise ValueError("there are no queries")
    places = collections.Counter()
    for i, (_, query, *_) in enumerate(found):
        places[query] += 1
        names[i] = query, names[i] or str(places[query])
    if len(set(names)) < len(names):
        raise ValueError("occurs twice")
    order = list(dict.fromkeys(query for _, query, _, _ in found))
    found = [(*document, own) for document, (_, own) in zip(found, names, strict=True)]
    found.sort(key=lambda document: order.index(document[1]))
    widest = max([0, *(number + zero_based for _, _, columns, *_ in found for number in columns)])
    features = np.zeros((len(found), widest), "float32")
    for row, (*_, columns, values, _) in zip(features, found, strict=True):
        row[np.array(columns, "int64") - first] = [nearest(value) for value in values]
    labels, queries, _, _, documents = zip(*found, strict=True)
    return [nearest(label) for label in labels], list(queries), list(documents), features


def name(comment, comment_ids):
    """The id of a document that its comment gives, or None."""
    if marked := re.search(r"(^|\s)docid\s*[=:]\s*(\S+)", comment, re.ASCII | re.IGNORECASE):
        return marked.group(2)
    fields = [field.decode() for field in comment.encode().split()]
    if len(fields) == 2 and fields[0].lower() == "docid" and fields[1][0] not in "=:":
        return fields[1]
    return fields[0] if comment_ids and fields else None


def sizes(text):
    """The numbers of a file of group sizes."""
    found = []
    for number, line in enumerate(text.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if line.strip() or b"\x00" in line:
            if not re.fullmatch(rb"\+?[0-9]{1,12}", line.strip()) or int(line) == 0:
                raise ValueError(f"line {number}: ")
            found.append(int(line))
    if not found:
        raise ValueError("there are no group sizes in this file")
    return found


@pytest.mark.parametrize(
    "line, wrong",
    [
        (b"x qid:1 1:2", "line 6: the label must be a number, but got 'x'"),
        (
            b"qid:1 1:2",
            "line 6: a line must begin with the label: for documents without one, such as documents to be ranked, "
            "write 0",
        ),
        (b"query,label,price", "line 6: this looks like CSV: use form='csv' (--format csv on the command line)"),
        (
            b"16777217 qid:1 1:2",
            "line 6: the label must be between 0 and 2^24 - 1, beyond which float32 rounds, but got 16",
        ),
        (b"-1 qid:1 1:2", "line 6: the label must be between 0 and 2^24 - 1, beyond which float32 rounds, but got -1"),
        (b"nan qid:1 1:2", "line 6: the label must be finite, but got 'nan'"),
        (b"1 1:2", "line 6: the second field must be qid:ID, but got '1:2'"),
        (b"1", "line 6: the second field must be qid:ID, but got 'nothing'"),
        (b"1 qid: 1:2", "line 6: the second field must be qid:ID, but got 'qid:'"),
        (b"1 qid:#3 1:2", "line 6: the second field must be qid:ID, but got 'qid:'; a comment begins at #"),
        (b"1 qid:1 2", "line 6: a feature must be NUMBER:VALUE with NUMBER >= 1, but got '2'"),
        (b"1 qid:1 0:2", "line 6: a feature must be NUMBER:VALUE with NUMBER >= 1, but got '0:2'"),
        (b"1 qid:1 2:1 2:1", "line 6: feature numbers must be ascending, but 2 follows 2"),
        (b"1 qid:1 2:1e999", "line 6: feature 2 must be finite, but got '1e999'"),
        (b"1 qid:1 2:inf", "line 6: feature 2 must be finite, but got 'inf'"),
        (b"1 qid:1 2:--nan", "line 6: feature 2 must be finite, but got '--nan'"),
        (b"1 qid:1 2:", "line 6: feature 2 must be a number, but got ''"),
        (b"1 qid:1 2:1_0", "line 6: feature 2 must be a number, but got '1_0'"),
        (b"1 qid:1 \xff", "line 6: this is not UTF-8 text"),
    ],
)
def test_says_what_is_wrong(path, line, wrong):
    path.write_bytes(LINES.encode() + line + b"\n")
    with pytest.raises(ValueError, match=r"some\.txt, ") as caught:
        read_letor(path)
    assert wrong in str(caught.value)


def test_refuses(path, tmp_path):
    with pytest.raises(ValueError, match="feature 3 is above the number of features, 2"):
        read_letor(path, features=2)
    with pytest.raises(ValueError, match=r"some\.txt, line 5: query '7' begins again, after others"):
        read_letor(path, together=True)
    path.write_text("1 qid:1 123456:1\n")
    with pytest.raises(ValueError, match="there must be at most 65536 features, but there is one numbered 123456"):
        read_letor(path)
    path.write_text("1 qid:1 1:1 # docid=A\n0 qid:1 1:2 # docid=A\n")
    with pytest.raises(ValueError, match=r"some\.txt, line 2, query '1': document 'A' occurs twice"):
        read_letor(path)
    path.write_text("# nothing\n")
    with pytest.raises(ValueError, match="there are no queries"):
        read_letor(path)
    with pytest.raises(FileNotFoundError):
        read_letor(tmp_path / "none.txt")


def test_a_field_without_the_name_of_its_feature(path):
    """Among lines that list all features."""
    for field in ("7", "3:7", ":7", "2:2:7"):
        path.write_text(f"1 qid:1 1:1 2:1 3:1\n0 qid:1:2 1:2 {field} 3:4\n")
        with pytest.raises(ValueError, match=r"some\.txt, line 2: "):
            read_letor(path)


@pytest.mark.parametrize("gap", "\t\v\f\r")
def test_other_white_space_parts_fields_too(path, gap):
    path.write_text(f"1 qid:1{gap}1:1 2:1\n0 qid:1 1:2{gap}2:3\n", newline="")
    assert read_letor(path).features.tolist() == [[1, 1], [2, 3]]
    path.write_text(f"1 qid:1 1:1 2:1\n0 qid:{gap}1 1:2 2:3\n", newline="")
    with pytest.raises(ValueError, match="line 2: the second field must be qid:ID, but got 'qid:'"):
        read_letor(path)


def test_lines_are_put_together_once(tmp_path, monkeypatch):
    """What stands together in blocks of the file is one table, whose arrays the lists are."""
    lists = made_lists(20, seed=3)
    (tmp_path / "a.txt").write_text(letor_text(lists))
    monkeypatch.setattr(letor, "BLOCK", 1000)
    [table] = letor.letor_tables(tmp_path / "a.txt", features=5, together=False)
    assert len(table) == 20
    whole = from_tables(table)
    values = table["features"].chunk(0).flatten().flatten().to_numpy()
    assert np.shares_memory(whole.features, values)
    assert whole.fingerprint() == lists.fingerprint()


def test_missing_features(path):
    path.write_text("1 qid:1 1:nan 2:1\n0 qid:1 1:2 2:-NaN\n")
    np.testing.assert_array_equal(read_letor(path).features, [[np.nan, 1], [2, np.nan]])


@pytest.mark.parametrize("features", [["a"], "5", 5.5, 1.0, True, -1, 10**20], ids=repr)
def test_a_count_of_features_is_a_whole_number(features, path):
    path.write_text("1 qid:1 1:1\n")
    with pytest.raises(ValueError, match="features must be a whole number from 0 to 65536, but got"):
        read_letor(path, features=features)
