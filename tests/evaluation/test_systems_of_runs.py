"""Runs of TREC and files of scores, aligned with lists by the ids of query and document."""

import gzip
import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from systems_data import lists_from, lists_of, write_run

from plackett.data import concatenate, write_scores
from plackett.evaluation._systems import open_system
from plackett.evaluation.systems import runs
from plackett.evaluation.systems.runs import Run

IDS = st.sampled_from(["a", "b", "c", "é", "a b", "aa", ""])
LISTS = st.dictionaries(st.sampled_from("xyzw"), st.lists(IDS, unique=True, max_size=5), min_size=1, max_size=4)


def run_from(queries):
    lists = lists_from(queries)
    return Run("a.run", lists.queries, lists.row_splits, lists.documents, np.arange(len(lists.labels)) + 0.5)


def by_loop(run, queries):
    """(scores of each query, what is beyond in each) by dicts."""
    known = {
        query: dict(zip(run.documents[a:b].tolist(), run.scores[a:b].tolist(), strict=True))
        for query, a, b in zip(run.queries.tolist(), run.row_splits[:-1], run.row_splits[1:], strict=True)
    }
    scores = [[known.get(q, {}).get(d, -np.inf) for d in documents] for q, documents in queries.items()]
    beyond = [{d: s for d, s in known.get(q, {}).items() if d not in documents} for q, documents in queries.items()]
    return scores, beyond


@settings(max_examples=150, deadline=None)
@given(LISTS, LISTS, st.integers(1, 8))
def test_a_run_is_aligned_as_a_loop_does(of_run, of_lists, chunk):
    run, lists = run_from(of_run), lists_from(of_lists)
    before, runs.CHUNK = runs.CHUNK, chunk
    try:
        scored = run(lists)
    finally:
        runs.CHUNK = before
    scores, beyond = by_loop(run, of_lists)
    assert scored.scores.tolist() == [score for of_query in scores for score in of_query]
    if scored.beyond is None:
        assert not any(beyond)
        return
    splits = scored.beyond.row_splits
    found = [
        dict(zip(scored.beyond.documents[a:b].tolist(), scored.beyond.scores[a:b].tolist(), strict=True))
        for a, b in itertools.pairwise(splits)
    ]
    assert found == beyond


def test_parts_of_lists_are_aligned_as_the_whole():
    lists = lists_of(9)
    run = run_from({q.queries[0]: [*q.documents.tolist()[::2], "new"] for q in lists[2:]})
    whole, parts = run(lists), [run(lists[:4]), run(lists[4:])]
    assert np.concatenate([part.scores for part in parts]).tolist() == whole.scores.tolist()
    assert [d for part in parts for d in part.beyond.documents] == whole.beyond.documents.tolist()


def test_lists_whose_texts_are_held_twice_are_aligned():
    lists = concatenate([lists_from({"x": ["a"]}), lists_from({"y": ["a"]})])
    assert run_from({"x": ["a"], "y": ["a"]})(lists).scores.tolist() == [0.5, 1.5]


def test_notes_say_what_is_lacking_and_beyond_however_often_it_was_asked():
    run = run_from({"x": ["a", "b", "c"], "y": ["a", "b"], "v": ["a"], "w": []})
    lists = lists_from({"x": ["a"], "y": ["a", "b"], "z": ["a"]})
    assert run.afresh().notes() == ["a.run has 4 queries that the data lacks, such as 'x', left out"]
    run(lists)
    run(lists)
    assert run.notes() == [
        "a.run lacks 1 of 3 queries, such as 'z': it retrieved nothing for them",
        "a.run has 2 documents in 1 query that the data lacks, such as in query 'x'; they take ranks and are not "
        "relevant",
        "a.run has 2 queries that the data lacks, such as 'v', left out",
    ]
    assert open_system(run).notes() == run.afresh().notes()


def test_a_run_that_fits_has_no_notes():
    run = run_from({"x": ["a"]})
    run(lists_from({"x": ["a"]}))
    assert run.notes() == []


@pytest.mark.parametrize("name", ["s.csv", "s.parquet", "s.run", "s.csv.gz", "s.run.gz", "scores", "s.txt"])
def test_written_scores_are_read_again_in_their_precision(tmp_path, name):
    lists = lists_of(20)
    seconds = 1.7e9 + np.random.default_rng(0).permutation(len(lists.labels)) / 8
    plain = tmp_path / {"scores": "s.run", "s.txt": "s.csv"}.get(name, name.removesuffix(".gz"))
    write_scores(lists, seconds, plain)
    data = plain.read_bytes()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    assert open_system(tmp_path / name)(lists).scores.tolist() == seconds.tolist()


def test_rows_of_a_query_may_stand_anywhere(tmp_path):
    lists = lists_from({"x": ["a", "b"], "y": ["a"]})
    rows = [("x", "b", 2.0), ("y", "a", 3.0), ("x", "a", 1.0)]
    run, csv = write_run(tmp_path / "a.run", rows), tmp_path / "a.csv"
    csv.write_text("document,score,note,query\n" + "".join(f"{d},{s},!,{q}\n" for q, d, s in rows))
    assert open_system(run)(lists).scores.tolist() == [1, 2, 3]
    assert open_system(csv)(lists).scores.tolist() == [1, 2, 3]


def test_ids_of_whole_numbers_are_taken_as_text(tmp_path):
    path = tmp_path / "a.parquet"
    pl.DataFrame({"query": [1, 1], "document": [7, 8], "score": [2, 1]}).write_parquet(path)
    assert open_system(path)(lists_from({"1": ["8", "7"]})).scores.tolist() == [1, 2]


def test_a_document_with_a_score_of_minus_infinity_is_not_retrieved(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("query,document,score\nx,a,1\nx,b,-inf\nx,c,-inf\n")
    scored = open_system(path)(lists_from({"x": ["a", "b"]}))
    assert scored.scores.tolist() == [1, -np.inf]
    assert scored.beyond is None


@pytest.mark.parametrize(
    "name, text, words",
    [
        (
            "a.run",
            "x Q0 a 1 1.0 t\nx Q0 b 2 .5 t\nx Q0 a 3 .1 t\n",
            "a.run, line 3, query 'x': document 'a' occurs twice",
        ),
        ("a.run", "x Q0 a 1 nan t\n", "a.run, line 1: the score must be finite"),
        ("a.run", "x Q0 a 1 1.0\n", "a.run, line 1: there must be 6 fields"),
        ("a.run", "", "a.run is empty"),
        ("a.run", "# nothing\n", "a.run: there are no queries"),
        ("a.csv", "query,document,score\nx,a,1\nx,a,2\n", "a.csv, row 2, query 'x', document 'a': this document"),
        ("a.csv", "query,document,score\nx,a,1\nx,b,nan\n", "a.csv, row 2, query 'x', document 'b': the score is nan"),
        ("a.csv", "query,document,score\nx,b,inf\n", "the score is inf, which has no rank"),
        ("a.csv", "query,document,score\nx,b,high\n", "row 1, .* the score must be a number, but got 'high'"),
        ("a.csv", "query,document,score\nx,b,\n", "the score must be a number, but got None"),
        ("a.csv", "query,document,score\n,b,1\n", "a.csv, row 1: the query has no id"),
        ("a.csv", "query,document,score\n", "a.csv holds no scores"),
        ("a.csv", "query,doc,s\nx,b,1\n", "a.csv lacks the column document, score .*: it has query, doc, s"),
        (
            "a.csv",
            "query,document,score\nx,b,9007199254740995\n",
            "the score 9007199254740995 is a whole number that float64 rounds",
        ),
        ("a.csv", "query,document,score\nx,b,1\nx,b,1,1\n", "a.csv cannot be read as a csv file of scores"),
        ("a.parquet", "PAR1", "a.parquet cannot be read as a parquet file of scores"),
    ],
)
def test_a_wrong_file_is_refused_with_where(tmp_path, name, text, words):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=words):
        open_system(tmp_path / name)
