"""What two stages are given is taken as it is meant, or refused in words."""

import numpy as np
import pytest
from first_stage import FirstStage, users_and_films

import plackett
from plackett.data import RankingLists, Strings
from plackett.retrieval import Pipeline, _candidates

USERS, FILMS = users_and_films()
FIRST = FirstStage(FILMS)
ALL = [*FILMS.ids.tolist()]


def pipeline(ranker=None, first=FIRST, **options):
    """One over the films of `first_stage`."""
    options = {"documents": FILMS, "candidates": 4, "features": ["query.age", "document.year", "similarity"]} | options
    return Pipeline(first, ranker, **options)


def lists_of(queries, lengths, documents):
    """Lists with these ids, of grade 1."""
    return RankingLists(
        labels=np.ones(len(documents), "float32"),
        row_splits=np.append(0, np.cumsum(lengths)),
        queries=Strings.of(queries),
        documents=Strings.of(documents),
        features=np.zeros((len(documents), 0), "float32"),
    )


@pytest.mark.parametrize("ids", [(), ["document.year"]])
def test_the_pipeline_ranks_as_score_does(ids, tmp_path):
    films = plackett.retrieval.Table.of(
        {"id": FILMS.ids, "year": FILMS["year"].astype("int64"), "genre": FILMS["genre"], "vector": FILMS["vector"]}
    )
    options = {"documents": films, "candidates": 7, "features": None, "ids": ids}
    judged = {user: {film: i % 3 for i, film in enumerate(ALL)} for user in USERS.ids}
    lists = pipeline(**options).training_lists(USERS, judged)
    trained = plackett.train(lists, epochs=1, output=tmp_path / "run", scorer_options={"hidden": [4]})
    scores = plackett.score(trained.ranker, lists)
    for ranker in (trained, trained.ranker, tmp_path / "run"):
        ranked = pipeline(ranker, **options).rank(USERS, k=7)
        for row, (start, stop) in enumerate(zip(lists.row_splits[:-1], lists.row_splits[1:], strict=True)):
            order = start + np.argsort(-scores[start:stop], kind="stable")
            assert ranked.ids[row].tolist() == lists.documents[order].tolist()
            np.testing.assert_allclose(ranked.scores[row], scores[order], rtol=1e-6)


def test_what_is_excluded_is_so_whatever_its_grade():
    best = FIRST.search(USERS, 6).ids
    seen = {"u0": {best[0, 0]: -1, best[0, 1]: 0}}
    assert pipeline().rank(USERS, k=4, exclude=seen).ids[0].tolist() == best[0, 2:6].tolist()


def test_what_is_excluded_for_one_query_makes_no_other_search_longer(monkeypatch):
    asked = []

    class Counted(FirstStage):
        def search(self, queries, k):
            asked.append((len(queries), k))
            return super().search(queries, k)

    exclude = {"u1": ALL[:7], "u3": ALL[:1], "u4": ALL[5:6]}
    wanted = pipeline(candidates=3).rank(USERS, k=3, exclude=exclude)
    ranked = pipeline(candidates=3, first=Counted(FILMS)).rank(USERS, k=3, exclude=exclude)
    assert asked == [(3, 3), (2, 4), (1, 11)]
    monkeypatch.setattr(_candidates, "FOUND", 6)
    assert pipeline(candidates=3, first=Counted(FILMS)).rank(USERS, k=3, exclude=exclude).ids.tolist() == (
        ranked.ids.tolist()
    )
    assert asked[3:] == [(2, 3), (1, 3), (1, 4), (1, 4), (1, 11)]
    every = FIRST.search(USERS, 12).ids.tolist()
    for user, films, of_user in zip(USERS.ids, every, wanted.ids.tolist(), strict=True):
        assert of_user == [film for film in films if film not in exclude.get(user, [])][:3]


def test_nothing_is_left_of_a_query_for_which_all_is_excluded():
    lists = pipeline().candidate_lists(USERS, {"u0": ["f1"]}, exclude=dict.fromkeys(USERS.ids, ALL))
    assert lists.lengths.tolist() == [0] * 6
    assert lists["u0"].missed.grades.tolist() == [1]


def test_a_function_of_features_changes_nothing_but_these():
    def erase(queries, documents, similarity, rank):
        similarity.fill(0)
        return {"similarity": similarity}

    lists = pipeline(features=erase).candidate_lists(USERS)
    np.testing.assert_allclose(lists.columns["run_score"], FIRST.search(USERS, 4).scores.ravel())


def test_a_whole_number_that_is_missing_is_no_id():
    films = plackett.retrieval.Table.of({"id": FILMS.ids, "shop": [None, *range(11)]})
    options = {"documents": films, "candidates": 12, "features": ["document.shop"]}
    assert np.isnan(pipeline(**options).candidate_lists(USERS).features).sum() == 6
    with pytest.raises(ValueError, match=r"document.shop is missing for 6 of 72 candidates.*where '' is missing"):
        pipeline(**options, ids=["document.shop"]).candidate_lists(USERS)


def test_a_number_that_is_whole_counts_whatever_its_type():
    assert pipeline(candidates=4.0).rank(USERS, k=2.0).ids.tolist() == pipeline().rank(USERS, k=2).ids.tolist()


def test_a_ranker_may_leave_documents_out():
    ranked = pipeline(lambda lists: np.where(lists.features[:, 1] > 2000, -np.inf, 1.0)).rank(USERS, k=4)
    assert ranked.ids[0].tolist() == [
        *(film for film in FIRST.search(USERS, 4).ids[0] if film < "f10" or film > "f11"),
        "",
    ]


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: pipeline(documents={"id": ALL}), "documents must be a Table.*is a dict"),
        (lambda: pipeline().rank({"vector": np.zeros((1, 2))}, k=1), "queries must be a Table.*is a dict"),
        (lambda: pipeline().training_lists([1], {"u0": ["f1"]}), "queries must be a Table.*is a list"),
    ],
)
def test_tables_are_asked_for_by_name(act, words):
    with pytest.raises(TypeError, match=words):
        act()


TWICE = lists_of(["u0", "u0"], [1, 1], ["f1", "f2"])
POSITIONS = RankingLists.from_arrays(np.zeros((3, 0)), [2, 1, 1], query=["u0", "u0", "u1"])


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: pipeline().candidate_lists(USERS, {"x": ["f1"]}), "no query of the table is judged.*'u0'.*'x'"),
        (lambda: pipeline().training_lists(USERS, {"x": ["f1"]}), "no query of the table is judged.*'u0'.*'x'"),
        (lambda: pipeline().training_lists(USERS, None), "judged must be given"),
        (lambda: pipeline().candidate_lists(USERS, TWICE), "lists of judged have query 'u0' twice"),
        (lambda: pipeline().rank(USERS, k=1, exclude=TWICE), "lists of exclude have query 'u0' twice"),
        (lambda: pipeline().candidate_lists(USERS, POSITIONS), "no ids of documents except their positions"),
        (lambda: pipeline().rank(USERS, k=1, exclude=POSITIONS), "lists of exclude have no ids of documents"),
        (lambda: pipeline(features=[]), r"at least one name.*got \[\]"),
        (lambda: pipeline(features=["rank", "rank"]), r"each once.*\['rank', 'rank'\]"),
    ],
)
def test_what_cannot_be_meant_is_said(act, words):
    with pytest.raises(ValueError, match=words):
        act()
