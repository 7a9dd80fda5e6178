"""What qrels say: of a run's documents, and alone."""

import random

import pytest

from plackett.data import read_trec
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
