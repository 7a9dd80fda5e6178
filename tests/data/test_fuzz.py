"""Damaged files of each format: read as a slow reader of the test reads them, or refused with the place."""

import csv
import io
import os
import random

import numpy as np
import pyarrow.parquet as pq
import pytest
from conftest import letor_text, made_lists
from test_delimited import QRELS, RUN
from test_letor import check as check_letor

from plackett.data import read_delimited, read_parquet, read_trec, write_parquet
from plackett.data._schema import to_table

FILES = int(os.environ.get("PLACKETT_FUZZ", "300"))  # of each format; docs/data.md says what 10,000 gave


def mutated(text, random):
    """The bytes with one to three changes: of a byte, of a piece, of a line."""
    text = bytearray(text)
    for _ in range(random.randint(1, 3)):
        at, size = random.randrange(len(text) + 1), random.choice([1, 1, 2, 5, 20])
        match random.randrange(8):
            case 0:
                text[at : at + 1] = bytes([random.randrange(256)])
            case 1:
                del text[at : at + size]
            case 2:
                text[at:at] = random.choice(
                    [b"-", b":", b" ", b"\n", b"nan", b"1e400", b",", b'"', b"\t", b"#", b"\x00", b"\xff", b"9"]
                    + [b"\xef\xbb\xbf", b"\xc2\xa0", b"_", b" 0:1", b"NULL", b"\n# ", b"qid:1 "]
                )
            case 3:
                del text[at:]
            case 4:
                text[at:at] = text[at : at + size]
            case _:
                lines = bytes(text).split(b"\n")
                a, b = random.randrange(len(lines)), random.randrange(len(lines))
                lines[a], lines[b] = random.choice(
                    [(lines[b], lines[a]), (lines[a], lines[a]), (lines[a][: len(lines[a]) // 2], lines[b])]
                )
                text = bytearray(b"\n".join(lines))
        if not text:
            text = bytearray(b"\n")
    return bytes(text)


def or_refused(read, path):
    """What `read` returns; None where it raises a ValueError that names the file."""
    try:
        return read()
    except ValueError as error:
        if str(path) not in str(error):
            raise
        return None


def fuzz(check, path, text):
    """Runs `check(path)`, which says whether a file was read, on `FILES` mutated files; both must come about."""
    source, read = random.Random(0), 0
    for _ in range(FILES):
        path.write_bytes(mutated(text, source))
        read += check(path)
    assert 0.02 * FILES < read < 0.98 * FILES


DENSE = [f"{i % 3} qid:{i // 4} 1:{i} 2:.5 3:{i}.25" for i in range(12)]  # short, so that names are often hit


@pytest.mark.parametrize("comments", [True, False])
def test_letor_of_all_features(tmp_path, comments):
    """Lines that the fast parser takes."""
    lines = [f"{line} # docid: d{i}" * comments or line for i, line in enumerate(DENSE)]
    fuzz(check_letor, tmp_path / "a.txt", "\n".join(lines).encode())


@pytest.mark.parametrize("leave_out", ["", "2:.5 "], ids=["dense", "sparse"])
@pytest.mark.parametrize(
    "options",
    [{"zero_based": True}, {"missing_values": ["NULL", "9", "1e400"]}, {"comment_ids": True}],
    ids=lambda options: next(iter(options)),
)
def test_letor_as_people_have_it(tmp_path, options, leave_out):
    """With a byte-order mark and comments."""
    lines = [line.replace(leave_out, "") if i % 2 else line for i, line in enumerate(DENSE)]
    if "zero_based" in options:
        lines = [line.replace(" 1:", " 0:").replace(" 2:", " 1:").replace(" 3:", " 2:") for line in lines]
    if "comment_ids" in options:
        lines = [f"{line} # d{i} words" for i, line in enumerate(lines)]
    text = "\n".join(["\ufeff# a comment", *lines])
    fuzz(lambda path: check_letor(path, **options), tmp_path / "a.txt", text.encode())


@pytest.mark.parametrize("damage", ["groups", "documents"])
def test_letor_with_group_sizes(tmp_path, damage):
    files = {"documents": tmp_path / "a.txt", "groups": tmp_path / "a.txt.query"}
    lines = [line.replace(f"qid:{i // 4} ", "") for i, line in enumerate(DENSE)]
    files["documents"].write_text("\n".join(lines))
    files["groups"].write_text("\ufeff1\n2\n\n4\n+3\n02\n")
    fuzz(
        lambda path: check_letor(files["documents"], group_file=files["groups"]),
        files[damage],
        files[damage].read_bytes(),
    )


def test_letor(tmp_path):
    lists = made_lists(4, seed=0, features=3)
    lines = letor_text(lists).split("\n")
    lines[3:8] = [line.partition(" #")[0].replace(" 2:", " 7:").replace(" 3:", " 9:") for line in lines[3:8]]
    fuzz(check_letor, tmp_path / "a.txt", "\n".join(lines).encode())


CSV = (
    "query,label,document,x,y\n"
    + "".join(f"q{i // 3},{i % 3},d{i},{i / 7!r},{i}\n" for i in range(9))
    + 'q9,1,"a, b",2,3\n\nq9,true,"c\n\nd",NA,False\n'
)
WORDS = {"": "nan", "na": "nan", "null": "nan", "true": "1", "false": "0"}


def number(text):
    """As float() reads it; NaN where it is missing."""
    return np.float32(WORDS.get(text.strip().lower(), text))


def check_csv(path):
    """As Python's csv module and float() read it."""
    lists = or_refused(lambda: read_delimited(path), path)
    if lists is None:
        return False
    with io.TextIOWrapper(io.BytesIO(path.read_bytes()), "utf-8-sig", newline="") as file:
        header, *fields = [row for row in csv.reader(file) if row]
    rows = [dict(zip(header, row, strict=True)) for row in fields]
    names = [name for name in rows[0] if name not in ("query", "label", "document")]
    assert np.repeat(lists.queries, lists.lengths).tolist() == [row["query"] for row in rows]
    if "document" in rows[0]:
        assert lists.documents.tolist() == [row["document"] for row in rows]
    np.testing.assert_array_equal(lists.labels, np.array([number(row["label"]) for row in rows]))
    assert list(lists.feature_names) == names
    np.testing.assert_array_equal(
        lists.features,
        np.array([[number(row[name]) for name in names] for row in rows], "float32").reshape(len(rows), -1),
    )
    return True


def test_csv(tmp_path):
    fuzz(check_csv, tmp_path / "a.csv", CSV.encode())


def trec_rows(path):
    """The fields of each line, parted by ASCII white space, less comments."""
    rows = [line.split() for line in path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")]
    return [[field.decode() for field in row] for row in rows if row and not row[0].startswith(b"#")]


def check_trec(folder):
    run, qrels = folder / "a.run", folder / "qrels"
    try:
        lists = read_trec(run, qrels)
    except ValueError as error:
        if str(folder) not in str(error):
            raise
        return False
    rows, judgements = trec_rows(run), trec_rows(qrels)
    assert all(set(row[4]) <= set("0123456789+-.eE") for row in rows)
    assert all(set(row[3]) <= set("0123456789+-.eE") for row in judgements)
    grades = {tuple(row[::2]): float(row[3]) for row in judgements}
    found = np.repeat(lists.queries, lists.lengths).tolist()
    assert found == [row[0] for row in rows]
    assert lists.documents.tolist() == [row[2] for row in rows]
    np.testing.assert_array_equal(lists.features[:, 0], np.array([row[4] for row in rows], "float32"))
    assert lists.labels.tolist() == [np.float32(max(grades.get((row[0], row[2]), 0), 0)) for row in rows]
    assert lists.columns["run_score"].tolist() == [float(row[4]) for row in rows]
    assert lists.columns["judged"].sum() + len(lists.missed.grades) == len(grades)
    return True


@pytest.mark.parametrize("damage", ["a.run", "qrels"])
def test_trec(tmp_path, damage):
    (tmp_path / "a.run").write_text("\ufeff# a run\n" + RUN)
    (tmp_path / "qrels").write_text("\ufeff# of 2019\n" + QRELS)
    fuzz(lambda path: check_trec(tmp_path), tmp_path / damage, (tmp_path / damage).read_bytes())


def test_parquet(tmp_path):
    lists = made_lists(6, seed=0, features=3)
    path = tmp_path / "a.parquet"
    write_parquet(lists, path)
    whole, expected = path.read_bytes(), to_table(lists)

    def check(path):
        found = or_refused(lambda: read_parquet(path), path)
        if found is None:
            return False
        assert to_table(found).select(expected.column_names).equals(pq.read_table(path).cast(expected.schema))
        return True

    source, refused = random.Random(0), 0
    for _ in range(FILES):
        path.write_bytes(mutated(whole, source))
        refused += not check(path)
    assert refused > 0.9 * FILES
