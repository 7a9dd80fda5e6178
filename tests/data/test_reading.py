"""Files of any format, several as one, by the same options in Python and in a file of roles."""

import numpy as np
import polars as pl
import pytest
from conftest import letor_text, made_lists

from plackett import data
from plackett.data import RankingLists, convert, read, read_parquet, write_parquet, write_scores


def lists_and_files(tmp_path):
    """The same lists as LETOR, CSV and Parquet."""
    lists = made_lists(12, seed=0)
    (tmp_path / "a.txt").write_text(letor_text(lists))
    write_parquet(lists, tmp_path / "a.parquet")
    lists.to_frame().write_csv(tmp_path / "a.csv")
    return lists


def test_each_format_gives_the_same_lists(tmp_path):
    lists = lists_and_files(tmp_path)
    assert read(tmp_path / "a.txt").fingerprint() == lists.fingerprint()
    assert read([tmp_path / "a.parquet"]).fingerprint() == lists.fingerprint()
    assert read(tmp_path / "a.csv").fingerprint() == lists.fingerprint()


@pytest.mark.parametrize(
    "name, options, wrong",
    [
        ("a.txt", {"qeury": "session"}, "unknown option of reading 'qeury'; did you mean 'query'"),
        ("a.txt", {"form": "leter"}, "unknown format 'leter'; did you mean 'letor'"),
        ("a.txt", {"label": "grade"}, "label does not act on the format letor, but on csv"),
        (
            "a.txt",
            {"features": ["x"]},
            r"features must be the number of features for the format letor, but got \['x'\]",
        ),
        ("a.csv", {"features": 3}, "features must be names for the format csv, but got 3"),
        ("a.csv", {"zero_based": True}, "zero_based does not act on the format csv, but on letor"),
        ("a.txt", {"zero_based": "yes"}, "zero_based must be True or False, but got 'yes'"),
        ("a.csv", {"columns": ["clicked"]}, r"columns must be a dict, \{name it gets: column\}, but got \['clicked'\]"),
        ("a.csv", {"categorical": "brand"}, "categorical must be a list of different names, or a dict"),
        ("a.run", {}, "a TREC run has no grades: give the file of judgements by qrels"),
        ("a.xyz", {}, r"the suffix of .*a\.xyz is not that of a known format: give form, one of letor, .* \(--format"),
        ("a.txt", {"group_file": ["a", "b"]}, "group_file .* must name one file for each of the 1 files, but got 2"),
    ],
)
def test_options_that_do_not_act_are_refused(name, options, wrong, tmp_path):
    lists_and_files(tmp_path)
    for call in (
        lambda: read(tmp_path / name, **options),
        lambda: convert(tmp_path / name, tmp_path / "b.parquet", **options),
    ):
        with pytest.raises(ValueError, match=wrong):
            call()
    assert not (tmp_path / "b.parquet").exists()


def test_no_file_is_refused():
    with pytest.raises(ValueError, match="there must be at least one file to read, but paths is empty"):
        read([])


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_columns_are_matched_by_name_between_files(suffix, tmp_path):
    lists = RankingLists.from_arrays([[1, 2], [3, 4]], [1, 0], query=["p", "q"], feature_names=["a", "b"])
    paths = [tmp_path / f"{i}.{suffix}" for i in range(2)]
    for path, part, order in zip(paths, lists, (["a", "b"], ["b", "a"]), strict=True):
        if suffix == "csv":
            part.to_frame().select("query", "label", *order).write_csv(path)
        else:
            write_parquet(part, path)
            pl.read_parquet(path).select("query", "document", "label", *order).write_parquet(path)
    assert read(paths).fingerprint() == lists.fingerprint()
    convert(paths, tmp_path / "all.parquet")
    assert read_parquet(tmp_path / "all.parquet").fingerprint() == lists.fingerprint()


def test_files_of_other_columns_are_refused(tmp_path):
    (tmp_path / "a.csv").write_text("query,label,a,b\n1,1,2,3\n")
    (tmp_path / "b.csv").write_text("query,label,b,c\n2,1,2,3\n")
    paths, wrong = [tmp_path / "a.csv", tmp_path / "b.csv"], r"b\.csv: files .* but this lacks a and has c besides"
    with pytest.raises(ValueError, match=wrong):
        read(paths)
    with pytest.raises(ValueError, match=wrong):
        convert(paths, tmp_path / "all.parquet")
    assert not (tmp_path / "all.parquet").exists()


def test_each_file_has_its_group_file(tmp_path):
    for i in range(2):
        (tmp_path / f"{i}.txt").write_text(f"1 1:1\n0 2:{i}\n1 1:5\n")
        (tmp_path / f"{i}.group").write_text("2\n1\n")
    paths, groups = [tmp_path / f"{i}.txt" for i in range(2)], [tmp_path / f"{i}.group" for i in range(2)]
    lists = read(paths, group_file=groups)
    assert lists.queries.tolist() == ["1", "2", "3", "4"]
    assert lists.lengths.tolist() == [2, 1, 2, 1]
    assert read(paths[0], group_file=groups[0]).fingerprint() == lists[:2].fingerprint()


def test_the_options_are_those_of_the_readers():
    """What `Reading` says of a format, its reader takes."""
    import inspect

    from plackett.data._reading import ACT_ON

    readers = {
        "letor": data.read_letor,
        "csv": data.read_delimited,
        "parquet": data.read_parquet,
        "trec": data.read_trec,
        "qrels": data.read_qrels,
    }
    for form, reader in readers.items():
        assert set(ACT_ON[form]) <= set(inspect.signature(reader).parameters), form
    for form in ("elwc", "sequence_example"):
        assert set(ACT_ON[form]) <= set(inspect.signature(data.read_tfrecord).parameters)


@pytest.mark.parametrize("query", ["#1", "\ufeff1", "a b", ""])
def test_a_run_holds_no_query_that_its_reader_would_not_give_back(query, tmp_path):
    lists = made_lists(1, seed=0)
    lists = RankingLists(**{**vars(lists), "queries": [query]})
    with pytest.raises(ValueError, match="cannot stand in a TREC run"):
        write_scores(lists, np.zeros(len(lists.labels)), tmp_path / "a.run")
    assert not (tmp_path / "a.run").exists()


def test_a_run_is_read_as_it_was_written(tmp_path):
    lists = made_lists(4, seed=0)
    scores = np.random.default_rng(0).normal(size=len(lists.labels))
    write_scores(lists, scores, tmp_path / "a.run")
    run = data.read_trec(tmp_path / "a.run", None)
    assert run.queries.tolist() == lists.queries.tolist()
    assert not run.columns["judged"].any()
    order = np.lexsort((-scores, np.repeat(np.arange(4), lists.lengths)))
    np.testing.assert_array_equal(run.columns["run_score"], scores[order])
    assert run.documents.tolist() == lists.documents[order].tolist()


def test_scores_of_other_sizes_and_files_are_refused(tmp_path):
    lists = made_lists(2, seed=0)
    with pytest.raises(ValueError, match="scores must have one entry per document"):
        write_scores(lists, np.zeros(1), tmp_path / "a.csv")
    with pytest.raises(
        ValueError, match=r"the file of scores must be NAME\.parquet or NAME\.csv or NAME\.run, but got"
    ):
        write_scores(lists, np.zeros(len(lists.labels)), tmp_path / "a.txt")


@pytest.mark.parametrize("suffix, score", [("csv", np.nan), ("parquet", np.nan), ("run", np.nan), ("run", -np.inf)])
def test_a_score_without_a_rank_is_refused(suffix, score, tmp_path):
    lists = made_lists(2, seed=0)
    scores = np.zeros(len(lists.labels))
    scores[1] = score
    with pytest.raises(ValueError, match=rf"the score of document 'd1' is {score}, which"):
        write_scores(lists, scores, tmp_path / f"a.{suffix}")
    with pytest.raises(ValueError, match="scores must be numbers, but got an array of <U"):
        write_scores(lists, scores.astype(str), tmp_path / f"a.{suffix}")
    assert not list(tmp_path.iterdir())


def test_no_file_is_written_over_itself(tmp_path):
    write_parquet(made_lists(2, seed=0), tmp_path / "a.parquet")
    before = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "link.parquet").symlink_to(tmp_path / "a.parquet")
    for path in ("a.parquet", "link.parquet"):
        with pytest.raises(ValueError, match=r"is the input .*: choose another output"):
            convert(tmp_path / path, tmp_path / "a.parquet", overwrite=True)
    assert (tmp_path / "a.parquet").read_bytes() == before


def test_a_parquet_file_with_a_row_a_document_is_told_how_it_is_read(tmp_path):
    made_lists(2, seed=0).to_frame().write_parquet(tmp_path / "a.parquet")
    with pytest.raises(
        ValueError, match=r"a\.parquet: column document must be .*; a table with one row per document is"
    ):
        read(tmp_path / "a.parquet")
    pl.read_parquet(tmp_path / "a.parquet").rename({"query": "q"}).write_parquet(tmp_path / "b.parquet")
    with pytest.raises(ValueError, match=r"there must be a column query, .* read by RankingLists\.from_frame, as of"):
        read(tmp_path / "b.parquet")
