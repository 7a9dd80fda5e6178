"""Simulated clicks come as often as the click model says, from grades and positions."""

import dataclasses
import zlib

import numpy as np
import pytest

from plackett.clicks import MODELS, Simulation, simulate
from plackett.data import RankingLists, Strings
from plackett.evaluation import Beyond, Scored

SESSIONS = 40_000
GRADES = [0, 2, 1, 4, 0]
LISTS = RankingLists.from_arrays(np.zeros((5, 0)), GRADES, group=[5], documents=list("abcde"))
SCORES = -np.arange(5.0)  # in which the documents stand in their order


def rates(log, positions=5):
    """[positions], clicks per session."""
    return np.bincount(log.positions[log.clicks], minlength=positions + 1)[1:] / len(log)


def by_grade(truth, name):
    """[documents], a probability by grade."""
    return np.array([truth["probabilities"][name][str(grade)] for grade in GRADES])


def chances_to_look(model, truth):
    """[documents], P(seen) in the one list, one document after the other."""
    p, a = truth["probabilities"], by_grade(truth, "attraction")
    going = {
        "cascade": lambda i: (0.0, 1.0),
        "dcm": lambda i: (p["continuation"][i], 1.0),
        "sdbn": lambda i: (1 - by_grade(truth, "satisfaction")[i], 1.0),
        "dbn": lambda i: (p["continuation"] * (1 - by_grade(truth, "satisfaction")[i]), p["continuation"]),
        "ccm": lambda i: (
            p["continuation_irrelevant"] * (1 - a[i]) + p["continuation_relevant"] * a[i],
            p["continuation_skip"],
        ),
    }[model]
    looks = [1.0]
    for i in range(len(a) - 1):
        after_click, after_skip = going(i)
        looks.append(looks[-1] * (a[i] * after_click + (1 - a[i]) * after_skip))
    return np.array(looks)


def click_chances(model, truth):
    """[documents], P(click) in the one list."""
    p, a = truth["probabilities"], by_grade(truth, "attraction")
    if model == "ctr":
        return a
    if model == "pbm":
        return np.array(p["examination"]) * a
    if model == "trust":
        return np.array(p["examination"]) * (
            np.array(p["trust_relevant"]) * a + np.array(p["trust_irrelevant"]) * (1 - a)
        )
    if model == "ubm":
        last, clicked = np.eye(6)[0], []  # P(the last click is at this place), 0 = none
        for i in range(5):
            of_click = last[: i + 1] * np.array(p["examination"])[: i + 1, i] * a[i]
            clicked.append(of_click.sum())
            last[: i + 1] -= of_click
            last[i + 1] = clicked[-1]
        return np.array(clicked)
    return chances_to_look(model, truth) * a


@pytest.mark.parametrize("options", [{}, {"user": "navigational"}], ids=["default", "navigational"])
@pytest.mark.parametrize("model", MODELS)
def test_clicks_come_as_often_as_the_model_says(model, options):
    if options and model in ("ctr", "pbm", "ubm", "trust"):
        options = {"epsilon": 0.3} if model != "trust" else {"eta": 0.5}
    simulation = Simulation(LISTS, SCORES, model=model, sessions=SESSIONS, positions=5, **options)
    expected = click_chances(model, simulation.truth())
    (log,) = simulation.parts()
    assert (np.abs(rates(log) - expected) <= 4 * np.sqrt(expected * (1 - expected) / SESSIONS) + 1e-9).all()
    assert (expected[1:] > 0.001).sum() >= 2


@pytest.mark.parametrize("model", ["cascade", "dcm", "sdbn", "dbn", "ccm", "ubm"])
def test_propensities_of_users_who_go_down_the_list_are_the_chances_that_they_look(model):
    simulation = Simulation(LISTS, SCORES, model=model, sessions=1, positions=5, epsilon=0.2)
    (log,) = simulation.parts()
    truth = simulation.truth()
    expected = click_chances(model, truth) / by_grade(truth, "attraction")
    np.testing.assert_allclose(log.propensities, np.maximum(expected, 1e-6), rtol=1e-5)


def test_users_of_the_cascade_click_once_at_most():
    log = simulate(LISTS, SCORES, model="cascade", sessions=1000, positions=5)
    clicks = np.bincount(log.session_of_row[log.clicks], minlength=1000)
    assert clicks.max() == 1


def test_the_truth_names_no_user_who_says_nothing():
    own = {"satisfaction": 0.5}
    assert "user" not in Simulation(LISTS, SCORES, model="sdbn", sessions=1, parameters=own).truth()
    assert Simulation(LISTS, SCORES, model="sdbn", sessions=1).truth()["user"] == "informational"


def test_what_attracts_nobody_is_seen_all_the_same():
    log = simulate(LISTS, SCORES, model="sdbn", user="perfect", sessions=10, positions=5)
    np.testing.assert_allclose(log.propensities, 1, rtol=1e-5)
    assert not log.clicks[log.documents == "a"].any()
    assert log.clicks[log.documents == "d"].all()


@pytest.mark.parametrize("model", ["pbm", "trust"])
def test_propensities_are_the_examination_of_the_position(model):
    log = simulate(LISTS, SCORES, model=model, eta=2.0, sessions=10, positions=5)
    np.testing.assert_allclose(log.propensities, 1.0 / log.positions.astype(float) ** 2, rtol=1e-6)


def test_relevance_by_grade():
    truth = Simulation(LISTS, SCORES, sessions=1, epsilon=0.1).truth()
    expected = {"0": 0.1, "1": 0.1 + 0.9 / 15, "2": 0.1 + 0.9 * 3 / 15, "4": 1.0}
    assert truth["probabilities"]["attraction"] == pytest.approx(expected)
    of_more = Simulation(LISTS, SCORES, sessions=1, epsilon=0.0, highest_grade=5).truth()
    assert of_more["probabilities"]["attraction"]["4"] == pytest.approx(15 / 31)


@pytest.mark.parametrize(
    ("grades", "expected"),
    [([0, 1], [0.0, 1.0]), ([0, 1, 2], [0.0, 0.5, 1.0]), ([0, 1, 2, 3, 4], [0.0, 0.2, 0.4, 0.8, 1.0])],
)
def test_users_click_as_in_the_studies(grades, expected):
    lists = RankingLists.from_arrays(np.zeros((len(grades), 0)), grades, group=[len(grades)])
    truth = Simulation(lists, np.zeros(len(grades)), sessions=1, model="dbn", user="perfect").truth()
    assert list(truth["probabilities"]["attraction"].values()) == pytest.approx(expected)
    assert set(truth["probabilities"]["satisfaction"].values()) == {0.0}


def test_parameters_of_ones_own_go_before_all_else():
    own = {"examination": [1.0, 0.5], "attraction": [0.2, 0.4, 0.6, 0.8, 1.0]}
    truth = Simulation(LISTS, SCORES, sessions=1, positions=2, parameters=own).truth()
    assert truth["probabilities"] == {
        "examination": [1.0, 0.5],
        "attraction": {"0": 0.2, "1": 0.4, "2": 0.6, "4": 1.0},
    }
    assert "eta" not in truth
    assert "epsilon" not in truth


def test_the_same_seed_gives_the_same_log_and_another_one_another():
    options = {"model": "dbn", "sessions": 500, "temperature": 1.0}
    logs = [simulate(LISTS, SCORES, seed=seed, **options) for seed in (1, 1, 2)]
    assert np.array_equal(logs[0].clicks, logs[1].clicks)
    assert logs[0].documents.tolist() == logs[1].documents.tolist()
    assert logs[0].documents.tolist() != logs[2].documents.tolist()


# CRC-32 of the clicks as bits, which JAX, TensorFlow and PyTorch agree on.
CLICKS = {
    "ctr": 2734793221,
    "pbm": 633149228,
    "trust": 2512314509,
    "cascade": 3567354871,
    "dcm": 1569173747,
    "ubm": 3648554005,
    "dbn": 2932906004,
    "sdbn": 1793604074,
    "ccm": 2180428848,
}


@pytest.mark.parametrize("model", MODELS)
def test_a_seed_gives_the_same_clicks_on_every_backend(model):
    options = {"temperature": 1.0, "randomise": "swap", "sessions": 2000, "positions": 5, "seed": 7}
    log = simulate(LISTS, SCORES, model=model, **options)
    assert zlib.crc32(np.packbits(log.clicks).tobytes()) == CLICKS[model]


def test_parts_are_the_log_and_repeat_themselves(monkeypatch):
    monkeypatch.setattr("plackett.clicks.simulation._simulate.CHUNK", 500)
    simulation = Simulation(LISTS, SCORES, sessions=250, positions=5)
    parts = list(simulation.parts())
    assert [len(part) for part in parts] == [100, 100, 50]
    assert [part.clicks.tolist() for part in simulation.parts()] == [part.clicks.tolist() for part in parts]
    assert parts[0].clicks.tolist() != parts[1].clicks.tolist()
    log = simulate(LISTS, SCORES, sessions=250, positions=5)
    assert log.sessions.tolist() == [f"{number:03}" for number in range(1, 251)]
    assert log.clicks.tolist() == np.concatenate([part.clicks for part in parts]).tolist()


def test_lists_that_are_shorter_than_the_positions():
    lists = RankingLists.from_arrays(np.zeros((3, 0)), [1, 0, 1], group=[1, 2])
    log = simulate(lists, np.array([0.0, 1.0, 2.0]), sessions=100, positions=10, model="ubm")
    of_second = log[np.flatnonzero(log.queries == "2")]
    assert set(log.lengths.tolist()) == {1, 2}
    assert of_second.documents.tolist()[:2] == ["2", "1"]


def test_the_truth_says_that_clicks_are_simulated_and_from_what():
    truth = Simulation(LISTS, "random:3", sessions=7, model="pbm", seed=5).truth()
    assert "nobody clicked" in truth["simulated"]
    assert (truth["ranker"], truth["seed"], truth["eta"], truth["sessions"]) == ("random:3", 5, 1.0, 7)
    assert truth["data"]["fingerprint"] == LISTS.fingerprint()


def test_queries_come_by_a_column():
    lists = RankingLists.from_arrays(np.zeros((2, 0)), [1, 1], group=[1, 1], query_columns={"traffic": [0.0, 3.0]})
    simulation = Simulation(lists, np.zeros(2), sessions=50, weights="traffic")
    assert set(next(simulation.parts()).queries.tolist()) == {"2"}
    assert simulation.notes() == ["1 query never comes: it has no weight or nothing to show."]


def test_documents_that_nobody_judged_count_as_grade_0_and_are_told():
    lists = RankingLists.from_arrays(np.zeros((2, 0)), [1, 0], group=[2], columns={"judged": [1, 0]})
    assert Simulation(lists, np.zeros(2), sessions=1).notes() == ["1 document that nobody judged counts as grade 0."]


UNJUDGED = RankingLists.from_arrays(np.zeros((2, 0)), group=[2])
IRRELEVANT = RankingLists.from_arrays(np.zeros((2, 0)), [0, 0], group=[2])


@pytest.mark.parametrize(
    ("lists", "options", "expected"),
    [
        (UNJUDGED, {}, "clicks are simulated from judgements, but these lists have none"),
        (IRRELEVANT, {}, "at least one document must have a grade above 0, but none has: say by highest_grade"),
        (LISTS, {"highest_grade": 3}, "highest_grade must be at least 4, the highest grade of the lists, but got 3"),
        (LISTS, {"model": "cascad"}, "unknown click model 'cascad'; did you mean 'cascade'?"),
        (LISTS, {"sessions": 0}, "sessions must be a whole number of at least 1, but got 0"),
        (LISTS, {"positions": 2.5}, "positions must be a whole number of at least 1, but got 2.5"),
        (LISTS, {"sessions": True}, "sessions must be a whole number of at least 1, but got True"),
        (LISTS, {"temperature": "1"}, "temperature must be a number of at least 0, but got '1'"),
        (LISTS, {"eta": "1"}, "eta must be a number of at least 0, but got '1'"),
        (LISTS, {"epsilon": "1"}, "epsilon must be from 0 to 1, but got '1'"),
        (LISTS, {"highest_grade": "2"}, "but got '2'"),
        (LISTS, {"temperature": -1}, "temperature must be a number of at least 0, but got -1"),
        (LISTS, {"randomise": "all"}, "unknown randomise 'all'"),
        (LISTS, {"eta": -1}, "eta must be a number of at least 0"),
        (LISTS, {"epsilon": 1.5}, "epsilon must be from 0 to 1, but got 1.5"),
        (LISTS, {"model": "cascade", "eta": 1}, "eta has no effect on cascade; epsilon and user do"),
        (LISTS, {"user": "perfect"}, "user has no effect on pbm"),
        (LISTS, {"model": "cascade", "user": "perfect", "epsilon": 0.1}, "leave out one of the two"),
        (LISTS, {"eta": 1, "parameters": {"examination": 1}}, "eta has no effect if examination is given"),
        (
            LISTS,
            {"model": "sdbn", "user": "perfect", "parameters": {"attraction": 0.5, "satisfaction": 0.5}},
            "user has no effect if attraction and satisfaction is given",
        ),
        (LISTS, {"parameters": {"examinatoin": 1}}, "did you mean 'examination'"),
        (LISTS, {"parameters": {"examination": 1.5}}, "examination must be probabilities, from 0 to 1, but got 1.5"),
        (LISTS, {"parameters": {"examination": "high"}}, "examination must be probabilities"),
        (LISTS, {"parameters": {"examination": [1, 1]}}, r"have the shape \[10\], but has \[2\]"),
        (LISTS, {"parameters": {"attraction": [0, 1]}}, "one for each of the 5 grades 0 to 4"),
        (LISTS, {"weights": "traffic"}, "weights must name a column of queries, but these lists have no"),
        (LISTS, {"weights": [-1.0]}, "that of query '1' is -1"),
    ],
)
def test_what_cannot_be_simulated_is_refused(lists, options, expected):
    options = {"sessions": 10} | options
    with pytest.raises(ValueError, match=expected):
        Simulation(lists, np.zeros(len(lists.labels)), **options)


def test_a_ranker_that_shows_what_nobody_judged_is_refused():
    def more(lists):
        return Scored(SCORES, Beyond(np.array([3.0]), np.array([0, 1]), Strings.of(["new"])))

    with pytest.raises(ValueError, match="retrieves document 'new', which these lists lack"):
        Simulation(LISTS, more, sessions=10)


def test_half_grades_have_no_list_of_probabilities():
    lists = dataclasses.replace(LISTS, labels=LISTS.labels / 2 + 0.25)
    with pytest.raises(ValueError, match="attraction by grade needs whole grades"):
        Simulation(lists, SCORES, sessions=1, parameters={"attraction": [0.1, 0.2]})
