"""Files that are streamed in parts of whole queries."""

import dataclasses
import itertools

import numpy as np
import pytest
from conftest import made_lists

from plackett import data
from plackett.data import concatenate, read, stream, write_parquet


def files_of(folder, form):
    """(files of some lists, how they are read)."""
    lists = dataclasses.replace(made_lists(40, seed=0), columns={})
    halves = [lists[:25], lists[25:]]
    paths = [folder / f"{i}.{form}" for i in range(2)]
    for path, half in zip(paths, halves, strict=True):
        if form == "parquet":
            write_parquet(half, path)
        elif form == "csv":
            half.to_frame().write_csv(path)
        elif form == "run":
            data.write_scores(half, half.features[:, 0], path)
        else:
            rows = zip(np.repeat(half.queries, half.lengths), half.labels, half.features, strict=True)
            lines = [f"{y:g} qid:{q} " + " ".join(f"{i}:{v!s}" for i, v in enumerate(x, 1)) for q, y, x in rows]
            path.write_text("\n".join(lines))
    if form != "run":
        return paths, {}
    judged = zip(np.repeat(lists.queries, lists.lengths), lists.documents, lists.labels, strict=True)
    (folder / "qrels").write_text("".join(f"{q} 0 {d} {y:g}\n" for q, d, y in judged) + "late 0 a 1\n")
    return paths, {"qrels": folder / "qrels"}


@pytest.mark.parametrize("form", ["parquet", "csv", "txt", "run"])
@pytest.mark.parametrize("documents", [1, 30, 10**6])
def test_parts_are_the_lists_that_read_gives(form, documents, tmp_path):
    paths, reading = files_of(tmp_path, form)
    parts, whole = list(stream(paths, documents=documents, **reading)), read(paths, **reading)
    assert concatenate(parts).fingerprint() == whole.fingerprint()
    for part, following in itertools.pairwise(parts):
        assert len(part.labels) <= documents or len(part) == 1
        assert len(part.labels) + following.lengths[0] > documents
    assert len(parts) == 1 or documents < 10**6


def test_files_are_read_while_parts_are_asked_for(tmp_path):
    (tmp_path / "a.csv").write_text("query,label,x\n1,1,3\n")
    (tmp_path / "b.csv").write_text("query,label,x\n2,-1,3\n")
    parts = stream([tmp_path / "a.csv", tmp_path / "b.csv"], documents=1)
    assert next(parts).queries.tolist() == ["1"]
    with pytest.raises(ValueError, match=r"b\.csv, line 2, query '2'"):
        next(parts)


@pytest.mark.parametrize(
    "second, wrong",
    [
        ("query,label,x\n1,0,1\n", r"b\.csv: query '1' occurs twice"),
        ("query,label,y\n3,0,1\n", r"b\.csv: files that are read together have the same columns"),
        ("query,label,x\n3,0,1\n4,0,1\n3,1,2\n", r"b\.csv, line 4: query '3' begins again"),
        ("query,label,x\n", r"b\.csv: there are no queries"),
    ],
)
def test_what_is_wrong_in_a_later_part_is_told(second, wrong, tmp_path):
    (tmp_path / "a.csv").write_text("query,label,x\n1,1,3\n2,0,3\n")
    (tmp_path / "b.csv").write_text(second)
    with pytest.raises(ValueError, match=wrong):
        list(stream([tmp_path / "a.csv", tmp_path / "b.csv"], documents=1))


def test_options_are_checked_before_anything_is_read(tmp_path):
    with pytest.raises(ValueError, match="documents must be at least 1, but got 0"):
        stream(tmp_path / "a.csv", documents=0)
    with pytest.raises(ValueError, match="zero_based does not act on the format csv, but on letor"):
        stream(tmp_path / "a.csv", zero_based=True)
    with pytest.raises(ValueError, match="a TREC run has no grades: give the file of judgements by qrels"):
        stream(tmp_path / "a.run")


def test_queries_that_do_not_stand_together_are_grouped_where_that_is_said(tmp_path):
    (tmp_path / "a.csv").write_text("query,label,x\n1,1,3\n2,0,3\n1,0,4\n")
    parts = list(stream(tmp_path / "a.csv", documents=2, together=False))
    assert [part.queries.tolist() for part in parts] == [["1"], ["2"]]
