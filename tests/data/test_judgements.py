"""What qrels say: of a run's documents, and alone."""

import gzip
import random

import pytest

from plackett.data import convert, read, read_qrels, read_trec
from plackett.data.formats import _judgements, _trec_lines


def by_hand(run, qrels):
    """query -> (labels, judged, missed), of runs and qrels as (query, document, number), by dicts alone."""
    grades, lists = {}, {}
    for query, document, grade in qrels:
        grades.setdefault(query, {})[document] = grade
    for query, document, _ in run:
        lists.setdefault(query, []).append(document)
    for query in grades:
        lists.setdefault(query, [])
    return {
        query: (
            [max(grades.get(query, {}).get(document, 0), 0) for document in documents],
            [float(grades.get(query, {}).get(document, -1) >= 0) for document in documents],
            [x for document, x in grades.get(query, {}).items() if x < 0 or document not in documents],
        )
        for query, documents in lists.items()
    }


@pytest.mark.parametrize("seed", range(10))
def test_grades_are_those_of_a_dict_of_dicts(seed, tmp_path, monkeypatch):
    """Documents that several queries share, lines of qrels in any order, queries that one of the two lacks."""
    monkeypatch.setattr(_trec_lines, "BLOCK", 300)
    monkeypatch.setattr(_judgements, "ROWS", 20)
    source = random.Random(seed)
    of_run, of_qrels = ([f"q{i}" for i in source.sample(range(14), 10)] for _ in range(2))
    run = [(q, f"d{d}", source.random()) for q in of_run for d in source.sample(range(20), source.randint(1, 12))]
    qrels = [(q, f"d{d}", source.randint(-1, 3)) for q in of_qrels for d in source.sample(range(20), 9)]
    if seed % 2:
        source.shuffle(qrels)
    qrels += source.sample(qrels, 5)
    (tmp_path / "a.run").write_text("".join(f"{q} Q0 {d} 1 {x} t\n" for q, d, x in run))
    (tmp_path / "qrels").write_text("".join(f"{q} 0 {d} {x}\n" for q, d, x in qrels))
    lists, expected = read_trec(tmp_path / "a.run", tmp_path / "qrels"), by_hand(run, qrels)
    grouped = read_trec(tmp_path / "a.run", tmp_path / "qrels", together=False)
    assert grouped.fingerprint() == lists.fingerprint()
    assert lists.queries.tolist() == list(expected)
    assert lists.columns["run_score"].tolist() == [x for _, _, x in run]
    for one, (labels, judged, missed) in zip(lists, expected.values(), strict=True):
        assert one.labels.tolist() == labels
        assert one.columns["judged"].tolist() == judged
        assert one.missed.grades.tolist() == missed


def test_two_grades_are_told_where_the_second_stands(tmp_path, monkeypatch):
    monkeypatch.setattr(_trec_lines, "BLOCK", 30)
    (tmp_path / "a.run").write_text("1 Q0 a 1 .5 t\n")
    lines = ["1 0 a 1", "2 0 a 2", "1 0 b 1", "# 2", "1 0 a 1.0", "2 0 b 1", "1 0 b 0", "2 0 a 0"]
    (tmp_path / "qrels").write_text("\n".join(lines))
    with pytest.raises(ValueError, match=r"qrels, line 7: document 'b' of query '1' has two grades"):
        read_trec(tmp_path / "a.run", tmp_path / "qrels")


def test_qrels_alone_are_lists_of_judged_documents(tmp_path):
    path = tmp_path / "judgements.qrels"
    path.write_text("# 2019\n1 0 a 1\n2 0 b -1\n1 0 z 2\n1 0 a 1\n1 0 y -2\n")
    lists = read_qrels(path)
    assert lists.queries.tolist() == ["1", "2"]
    assert lists.lengths.tolist() == [3, 1]
    assert lists.documents.tolist() == ["a", "z", "y", "b"]
    assert lists.labels.tolist() == [1, 2, 0, 0]
    assert lists.columns["judged"].tolist() == [1, 1, 0, 0]
    assert lists.features.shape == (4, 0)
    assert [one.missed.grades.tolist() for one in lists] == [[-2], [-1]]


def test_qrels_are_read_by_their_suffix_and_kept_as_parquet(tmp_path):
    path = tmp_path / "judgements.qrels"
    path.write_text("1 0 a 1\n2 0 b -1\n1 0 z 2\n")
    lists = read_qrels(path)
    assert read(path).fingerprint() == lists.fingerprint()
    convert(path, tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet").fingerprint() == lists.fingerprint()
    path.rename(tmp_path / "qrels")
    assert read(tmp_path / "qrels", form="qrels").fingerprint() == lists.fingerprint()


def test_qrels_have_the_encodings_of_runs(tmp_path):
    path = tmp_path / "a.qrels.gz"
    path.write_bytes(gzip.compress("1 0 käse 1\n".encode("latin-1")))
    assert read(path, encoding="latin-1").documents.tolist() == ["käse"]
    with pytest.raises(ValueError, match=r"line 1: this is not UTF-8 text: .*encoding='latin-1'"):
        read(path)


@pytest.mark.parametrize(
    "text, wrong",
    [
        ("", "there are no judgements in this file"),
        ("# none\n\n", "there are no judgements in this file"),
        ("1 0 a 1\n1 0 a 2\n", "line 2: document 'a' of query '1' has two grades"),
        ("1 0 a 1\n1 0 b\n", "line 2: there must be 4 fields, query iteration document grade, but there are 3"),
        ("1 0 a 1\n1 0 b nan\n", "line 2: the grade must be finite, but got 'nan'"),
    ],
)
def test_qrels_say_what_is_wrong(text, wrong, tmp_path):
    (tmp_path / "a.qrels").write_text(text)
    with pytest.raises(ValueError, match=rf"a\.qrels(: |, ){wrong}"):
        read_qrels(tmp_path / "a.qrels")


def test_a_query_in_two_files_of_qrels_is_refused(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.qrels").write_text("1 0 a 1\n")
    with pytest.raises(ValueError, match=r"b\.qrels: query '1' occurs twice"):
        read([tmp_path / "a.qrels", tmp_path / "b.qrels"])
