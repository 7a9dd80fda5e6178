"""Scores that have no rank, and functions that would change the lists."""

import numpy as np
import pytest
from systems_data import lists_of

from plackett.data import Strings
from plackett.evaluation._scored import Beyond, Scored
from plackett.evaluation._systems import open_system
from plackett.evaluation.systems.base import check_scores

LISTS = lists_of()
NUMBER = len(LISTS.labels)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_score_without_a_rank_names_system_document_and_query(wrong):
    scores = np.zeros(NUMBER)
    scores[LISTS.row_splits[2]] = wrong
    document = LISTS.documents[int(LISTS.row_splits[2])]
    with pytest.raises(
        ValueError, match=f"the system bm25 gives document '{document}' of query 'q2' the score {wrong}"
    ):
        check_scores("bm25", LISTS, scores)


def test_documents_that_are_not_retrieved_are_allowed():
    scores = np.full(NUMBER, -np.inf)
    assert (check_scores("bm25", LISTS, scores).scores == scores).all()


def test_a_column_of_scores_is_taken_as_one_score_a_document():
    assert check_scores("bm25", LISTS, np.zeros((NUMBER, 1))).scores.shape == (NUMBER,)


@pytest.mark.parametrize("shape", [(NUMBER + 1,), (NUMBER, 2), (1, NUMBER), ()])
def test_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=f"the system bm25 must give one score each for {NUMBER} documents, but gives"):
        check_scores("bm25", LISTS, np.zeros(shape))


@pytest.mark.parametrize("given", [None, np.full(NUMBER, "a"), [1j] * NUMBER])
def test_what_is_no_number_is_refused(given):
    with pytest.raises(ValueError, match="the scores of the system bm25 must be numbers"):
        check_scores("bm25", LISTS, given)


@pytest.mark.parametrize(
    "scores, splits, documents, words",
    [
        ([1.0], [0, 0, 0, 1, 1, 1, 1], ["x", "y"], "must name 1 documents beyond, but names 2"),
        ([1.0], [0, 1], ["x"], "row_splits must rise from 0 and have 7 entries"),
        ([1.0, 2.0], [0, 0, 0, 1, 1, 1, 1], ["x"], "must give one score each for 1 documents beyond"),
        ([np.nan], [0, 0, 0, 1, 1, 1, 1], ["x"], "the system bm25 gives document 'x' of query 'q2' the score nan"),
        ([-np.inf], [0, 0, 0, 1, 1, 1, 1], ["x"], "the system bm25 gives document 'x' of query 'q2' the score -inf"),
    ],
)
def test_documents_beyond_are_checked_likewise(scores, splits, documents, words):
    beyond = Beyond(np.array(scores), np.array(splits), Strings.of(documents))
    with pytest.raises(ValueError, match=words):
        check_scores("bm25", LISTS, Scored(np.zeros(NUMBER), beyond))


@pytest.mark.parametrize("field", ["labels", "features", "row_splits", "click"])
def test_a_function_cannot_change_the_lists(field):
    lists = lists_of()
    lists.columns["click"] = np.ones(NUMBER, "float32")
    before = lists.fingerprint()

    def hostile(given):
        (given.columns["click"] if field == "click" else getattr(given, field))[:] = 0
        return np.zeros(len(given.labels))

    with pytest.raises(ValueError, match="read-only"):
        open_system(hostile)(lists)
    assert lists.fingerprint() == before


def test_a_function_gives_scores_in_its_own_precision():
    seconds = 1.7e9 + np.arange(NUMBER) / 4
    scores = open_system(lambda lists: seconds)(LISTS)
    assert scores.dtype == "float64"
    assert (scores == seconds).all()
