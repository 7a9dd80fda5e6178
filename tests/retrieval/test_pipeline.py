"""Two stages: what the first finds is what the ranker orders and learns from."""

import numpy as np
import pytest
from first_stage import FirstStage, users_and_films

import plackett
from plackett.retrieval import Pipeline, Retriever, Table, TwoTowerModel, _pipeline, build_index, evaluate, make_tower

USERS, FILMS = users_and_films()
FIRST = FirstStage(FILMS)


def pipeline(ranker=None, **options):
    """One over the films above."""
    options = {"documents": FILMS, "candidates": 4, "features": ["query.age", "document.year", "similarity"]} | options
    return Pipeline(FIRST, ranker, **options)


def by_year(lists):
    """Ranks the newest first."""
    return lists.features[:, lists.feature_names.index("document.year")]


def test_without_a_ranker_the_order_is_that_of_the_first_stage():
    ranked, found = pipeline().rank(USERS, k=3), FIRST.search(USERS, 3)
    assert ranked.ids.tolist() == found.ids.tolist()
    np.testing.assert_allclose(ranked.scores, found.scores)


def test_the_ranker_orders_the_candidates():
    ranked, found = pipeline(by_year).rank(USERS, k=4), FIRST.search(USERS, 4)
    for of_user, candidates in zip(ranked.ids.tolist(), found.ids.tolist(), strict=True):
        assert of_user == sorted(candidates, key=lambda film: -int(film[1:]))


def test_parts_of_the_queries_give_what_all_give(monkeypatch):
    two = pipeline(by_year)
    ranked, lists = two.rank(USERS, k=3), two.candidate_lists(USERS, {"u1": ["f1"]})
    monkeypatch.setattr(_pipeline, "DOCUMENTS_AT_A_TIME", 8)  # two queries
    assert two.rank(USERS, k=3).ids.tolist() == ranked.ids.tolist()
    assert two.candidate_lists(USERS, {"u1": ["f1"]}).fingerprint() == lists.fingerprint()


def test_no_query_gives_no_documents():
    ranked = pipeline(by_year).rank(USERS.take([]), k=3)
    assert ranked.ids.shape == ranked.scores.shape == (0, 3)


def test_what_is_excluded_gives_its_place_to_the_next():
    best = FIRST.search(USERS, 6).ids
    seen = {"u0": [best[0, 0], best[0, 2]], "u5": ["f-unknown"]}
    ranked = pipeline().rank(USERS, k=4, exclude=seen)
    assert ranked.ids[0].tolist() == best[0, [1, 3, 4, 5]].tolist()
    assert ranked.ids[1:].tolist() == best[1:, :4].tolist()


def test_a_query_for_which_too_few_are_left_has_places_without_a_document():
    seen = {"u0": [f"f{i}" for i in range(11)]}
    ranked = pipeline().rank(USERS, k=2, exclude=seen)
    assert ranked.ids[0].tolist() == ["f11", ""]
    assert ranked.scores[0, 1] == -np.inf
    assert evaluate(ranked, {"u0": ["f11"]}, ["recall@2"]) == {"recall@2": 1.0}


def test_candidates_bear_their_grades_and_what_they_lack():
    best = FIRST.search(USERS, 12).ids
    judged = {"u0": {best[0, 1]: 2, best[0, 9]: 1, "not in the index": 1}, "u1": {best[1, 0]: 0}}
    lists = pipeline().candidate_lists(USERS, judged)
    assert lists["u0"].labels.tolist() == [0, 2, 0, 0]
    assert lists["u0"].columns["judged"].tolist() == [0, 1, 0, 0]
    assert lists["u1"].columns["judged"].tolist() == [1, 0, 0, 0]
    assert lists["u0"].missed.grades.tolist() == [1, 1]
    assert lists["u1"].missed.grades.tolist() == []


def test_the_first_stage_measured_on_candidates_is_the_first_stage_measured_by_itself():
    judged = {f"u{i}": {f"f{j}": (i + j) % 3 for j in range(0, 12, 2)} for i in range(6)}
    wanted = evaluate(FIRST.search(USERS, 4), judged, ["recall@4", "ndcg@4", "mrr"])
    assert plackett.evaluate("column:run_score", pipeline().candidate_lists(USERS, judged), list(wanted)) == wanted


def test_features_are_those_of_query_document_and_first_stage():
    lists = pipeline(features=None).candidate_lists(USERS)
    assert lists.feature_names == (
        *("query.age", "query.vector.1", "query.vector.2", "document.year", "document.vector.1", "document.vector.2"),
        *("similarity", "rank"),
    )
    found = FIRST.search(USERS, 4)
    year = [1990 + int(film[1:]) for film in found.ids.ravel()]
    np.testing.assert_allclose(lists.features[:, 3], year)
    np.testing.assert_allclose(lists.features[:, 0], np.repeat(np.arange(6) + 20, 4))
    np.testing.assert_allclose(lists.features[:, 6], found.scores.ravel())
    np.testing.assert_allclose(lists.features[:, 7], np.tile([1, 2, 3, 4], 6))
    assert lists.ids["document.genre"].tolist() == [["crime", "drama"][(one - 1990) % 2] for one in year]


def test_a_function_makes_features():
    def gap(queries, documents, similarity, rank):
        return {"gap": documents["year"] - queries["age"], "film": documents["year"].astype("int64")}

    lists = pipeline(features=gap, ids=["film"]).candidate_lists(USERS)
    assert lists.feature_names == ("gap",)
    assert lists.ids["film"].dtype == "int32"
    np.testing.assert_allclose(lists.features[:, 0], lists.ids["film"] - np.repeat(np.arange(6) + 20, 4))


def test_training_lists_take_all_candidates_as_judged():
    best = FIRST.search(USERS, 12).ids
    lists = pipeline().training_lists(USERS, {"u0": {best[0, 1]: 2, best[0, 9]: 1}})
    assert "judged" not in lists.columns
    assert lists["u0"].labels.tolist() == [0, 2, 0, 0]
    assert lists["u0"].missed.grades.tolist() == [1]


def test_relevant_documents_that_were_not_found_are_added_with_their_true_similarity_and_rank():
    found = FIRST.search(USERS, 12)
    judged = {"u0": {found.ids[0, 9]: 1, found.ids[0, 7]: 0}, "u2": {found.ids[2, 6]: 1}}
    exclude = {"u0": [found.ids[0, 3]], "u2": [found.ids[2, 11]]}
    lists = pipeline(features=["similarity", "rank"]).training_lists(USERS, judged, exclude=exclude, missed="add")
    assert lists.lengths.tolist() == [5, 4, 5, 4, 4, 4]
    assert lists["u0"].documents.tolist() == found.ids[0, [0, 1, 2, 4, 9]].tolist()
    assert lists["u0"].features[-1, 1] == 9  # the tenth, before which one is excluded
    assert lists["u2"].features[-1, 1] == 7
    np.testing.assert_allclose(lists["u0"].features[-1, 0], found.scores[0, 9], rtol=1e-6)
    assert lists.missed.grades.tolist() == [0]


def test_equal_documents_that_are_added_have_the_ranks_of_an_exact_search():
    films = Table.of(
        {"id": FILMS.ids, "vector": np.repeat(FILMS["vector"][:3], 4, axis=0)[[*range(0, 12, 2), *range(1, 12, 2)]]}
    )
    first = FirstStage(films)
    judged = dict.fromkeys(USERS.ids, FILMS.ids.tolist())
    two = Pipeline(first, documents=films, candidates=3, features=["rank"])
    lists = two.training_lists(USERS, judged, exclude={"u1": ["f2"]}, missed="add")
    assert lists["u0"].documents.tolist() == first.search(USERS, 12).ids[0].tolist()
    assert lists["u0"].features[:, 0].tolist() == [*range(1, 13)]
    assert lists["u1"].documents.tolist() == [film for film in first.search(USERS, 12).ids[1] if film != "f2"]
    assert lists["u1"].features[:, 0].tolist() == [*range(1, 12)]


def test_an_excluded_document_is_not_added():
    found = FIRST.search(USERS, 12)
    judged = {"u0": [found.ids[0, 9], found.ids[0, 0]]}
    lists = pipeline().training_lists(USERS, judged, exclude={"u0": [found.ids[0, 9]]}, missed="add")
    assert lists.lengths.tolist() == [4] * 6
    assert lists["u0"].missed.grades.tolist() == [1]


def test_negatives_are_drawn_and_what_is_relevant_stays():
    found = FIRST.search(USERS, 8)
    judged = {f"u{i}": found.ids[i, [2, 5]].tolist() for i in range(6)}
    lists = pipeline(candidates=8).training_lists(USERS, judged, negatives=3, seed=1)
    assert lists.lengths.tolist() == [5] * 6
    assert all(one.labels.sum() == 2 for one in lists)
    ranks = [one.columns["run_score"] for one in lists]
    assert all((np.diff(one) <= 0).all() for one in ranks)
    again = pipeline(candidates=8).training_lists(USERS, judged, negatives=3, seed=2)
    assert again.documents.tolist() != lists.documents.tolist()


def test_a_ranker_learns_from_training_lists_and_ranks():
    judged = {user: {film: int(film[1:]) // 4 for film in FILMS.ids} for user in USERS.ids}
    lists = pipeline(candidates=12).training_lists(USERS, judged)
    trained = plackett.train(
        lists, loss="unique_softmax", epochs=30, validation=lists, scorer_options={"hidden": [8]}, learning_rate=0.05
    )
    ranked = pipeline(trained, candidates=12).rank(USERS, k=4)
    first = evaluate(pipeline().rank(USERS, k=4), judged, ["ndcg@4"])["ndcg@4"]
    assert evaluate(ranked, judged, ["ndcg@4"])["ndcg@4"] > max(first, 0.9)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: pipeline().rank(USERS, k=5), "k must be at most the 4 candidates.*candidates=5"),
        (lambda: pipeline(documents=FILMS.take(slice(3))), "f3"),
        (lambda: pipeline(features=["document.yaer"]).candidate_lists(USERS), "did you mean 'document.year'"),
        (
            lambda: pipeline(ids=["document.year"]).candidate_lists(USERS),
            "document.year must hold strings or whole numbers",
        ),
        (lambda: pipeline(lambda lists: lists.labels[:1]).rank(USERS, k=1), "ranker must give one score each for 24"),
        (lambda: pipeline().training_lists(USERS, {"u0": ["nothing"]}), "nothing to learn"),
        (lambda: pipeline().candidate_lists(USERS, [1]), "judged must be a dict"),
        (lambda: pipeline().candidate_lists(USERS, exclude=[1]), "exclude must be a dict"),
        (lambda: pipeline(features=lambda *_: {"a": [1.0]}).candidate_lists(USERS), "must return 24 rows.*returned 1"),
    ],
)
def test_what_does_not_fit_is_said(act, words):
    with pytest.raises(ValueError, match=words):
        act()


def test_lists_are_no_features_and_the_error_says_the_way_out():
    films = Table.of({"id": FILMS.ids, "genres": [["a"], []] * 6})
    with pytest.raises(ValueError, match=r"document.genres holds lists of strings: name the features without it"):
        pipeline(documents=films, features=None).candidate_lists(USERS)


def test_a_model_of_two_towers_and_its_index_are_a_first_stage(tmp_path):
    tower = make_tower(FILMS, dimension=3, hidden=(), columns=["vector"])
    model = TwoTowerModel(tower, tower, similarity="dot")
    index = build_index(model, FILMS, tmp_path / "index", dtype="float16")
    two = Pipeline(Retriever(model, index), by_year, documents=FILMS, candidates=4, features=["document.year", "rank"])
    assert two.rank(USERS, k=2).ids.shape == (6, 2)
    assert two.rank(USERS.take([]), k=2).ids.shape == (0, 2)
    found = two.retriever.search(USERS, 12)
    lists = two.training_lists(USERS, {"u3": [found.ids[3, 8]]}, missed="add")
    assert lists["u3"].features[-1, 1] == 9
    assert lists["u3"].columns["run_score"][-1] == pytest.approx(found.scores[3, 8], abs=1e-4)
