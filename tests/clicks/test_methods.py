"""What a ranker learns from clicks, by each method."""

import dataclasses
import inspect

import numpy as np
import pytest

import plackett
from plackett.clicks import MODELS, simulate, train
from plackett.clicks.training._learned_curve import relative_examination
from plackett.clicks.training._methods import METHODS
from plackett.clicks.training._train import OF_TOWERS
from plackett.data import ClickCounts, RankingLists, Sessions

QUICK = {"scorer_options": {"hidden": [8], "dropout": 0.0}, "learning_rate": 0.01, "epochs": 15, "batch_size": 8}
# There are many more sessions than queries, so that larger batches and fewer epochs are steps enough.
QUICK_ON_SESSIONS = QUICK | {"learning_rate": 0.02, "batch_size": 64, "epochs": 10}
DOCUMENTS = 6


def made_judgements(queries=60, seed=0):
    """Lists of which the first feature tells the grade, and the second nothing."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(queries * DOCUMENTS, 3)).astype("float32")
    labels = (features[:, 0] > 0.3).astype(int) + (features[:, 0] > 1.0)
    names = [f"{seed}-{query}" for query in range(queries)]
    ids = [f"d{place}" for place in range(DOCUMENTS)] * queries
    return RankingLists.from_arrays(features, labels, query=np.repeat(names, DOCUMENTS), documents=ids)


def ndcg(model, lists):
    return plackett.evaluate(model, lists, ["ndcg@3"])["ndcg@3"]


@pytest.fixture(scope="module")
def judged():
    return made_judgements()


@pytest.fixture(scope="module")
def test_lists():
    return made_judgements(queries=80, seed=1)


@pytest.fixture(scope="module")
def confounded(judged):
    """A log whose ranker sorts by the second feature, which has nothing to do with relevance."""
    return simulate(judged, judged.features[:, 1], sessions=6000, model="pbm", positions=DOCUMENTS, eta=1.5, seed=0)


@pytest.fixture(scope="module")
def naive(judged, test_lists, confounded):
    """What a ranker is worth that takes the clicks of that log for relevance."""
    return ndcg(train(judged, confounded, "naive", **QUICK).ranker, test_lists)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_every_method_learns_what_is_relevant(judged, test_lists, method):
    user = method if method in MODELS and method != "ctr" else "pbm"
    log = simulate(judged, judged.features[:, 2], sessions=1500, model=user, positions=DOCUMENTS, seed=1)
    trained = train(judged, log, method, **QUICK_ON_SESSIONS if METHODS[method].unit == "sessions" else QUICK)
    assert ndcg(trained.ranker, test_lists) > (0.75 if method in ("naive", "ctr") else 0.85)
    assert set(trained.best) == {"epoch", "loss", "validation_loss"}


@pytest.mark.parametrize("seed", [2, 3, 5])
def test_trust_does_not_take_what_is_irrelevant_for_relevant(judged, test_lists, seed):
    """Its likelihood is the same for both readings, and without a start it ends in either by the seed."""
    log = simulate(judged, judged.features[:, 2], sessions=1500, model="trust", positions=DOCUMENTS, temperature=0.5)
    assert ndcg(train(judged, log, "trust", seed=seed, **QUICK).ranker, test_lists) > 0.8


@pytest.mark.parametrize("method", ["ipw", "pbm", "click_em", "two_tower"])
def test_methods_without_bias_see_through_a_ranker_that_sorts_by_nothing(judged, test_lists, confounded, naive, method):
    unbiased = ndcg(train(judged, confounded, method, **QUICK).ranker, test_lists)
    assert unbiased > naive + 0.5 * (1 - naive)


def test_the_examination_of_a_position_based_user_comes_out(judged):
    log = simulate(judged, "random:1", sessions=6000, positions=DOCUMENTS, temperature=10.0, seed=0)
    for method in ("pbm", "click_em"):
        found = relative_examination(train(judged, log, method, **QUICK).model)
        assert found[:4] == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4], rel=0.3), method


def test_labels_change_nothing(judged, confounded):
    unjudged = RankingLists.from_arrays(
        judged.features,
        query=np.repeat(judged.queries.tolist(), DOCUMENTS),
        documents=judged.documents.tolist(),
    )
    few = QUICK | {"epochs": 2}
    for method in ("ipw", "pbm"):
        with_labels, without = (train(lists, confounded, method, **few) for lists in (judged, unjudged))
        assert with_labels.history == without.history


def test_what_ranks_takes_no_position(judged, confounded):
    trained = train(judged, confounded, "pbm", **QUICK | {"epochs": 1})
    assert "position" in trained.model.input
    assert "position" not in trained.ranker.input


def test_the_relevance_tower_is_any_scorer_by_its_name(judged, confounded):
    options = {"scorer": "dcn", "scorer_options": {"hidden": [4]}, "epochs": 1}
    assert any("cross" in layer.name for layer in train(judged, confounded, "pbm", **options).model.layers)
    with pytest.raises(ValueError, match="a scorer that is given by its name, such as 'mlp'"):
        train(judged, confounded, "pbm", scorer=lambda lists, **options: None)


def test_no_option_of_the_examination_tower_is_taken_for_one_of_the_scorer(judged, confounded):
    """Of `two_tower` all but those that the method says itself."""
    log = dataclasses.replace(confounded, context={"device": np.arange(len(confounded)) % 2})
    options = {"hidden": [4], "context": ["device"], "examination_hidden": [5], "examination_dimension": 3}
    model = train(judged, log, "pbm", epochs=1, scorer_options=options).model
    assert model.get_layer("examination").kernel.shape == (5, 1)
    assert model.get_layer("position_embedding").embeddings.shape[1] == 3
    of_method = {"relevance", "relevance_options", "combine", "constant_scores", "examination_scores", "tasks"}
    known = set(inspect.signature(plackett.scorers.two_tower).parameters) - {"lists"}
    assert known == of_method | set(OF_TOWERS)


def test_examination_depends_on_a_context_that_is_named(judged, confounded):
    devices = np.where(np.arange(len(confounded)) % 2, "phone", "desktop")
    log = dataclasses.replace(confounded, context={"device": devices})
    options = {"scorer_options": {"hidden": [4], "context": ["device"]}, "epochs": 1}
    trained = train(judged, log[:500], "pbm", **options)
    assert "device" in trained.model.input
    assert "device" not in trained.ranker.input
    with pytest.raises(ValueError, match="context is known of sessions only, but the log holds counts"):
        train(judged, log.counts(), "pbm", **options)


def test_the_tower_of_examination_has_its_options_beside_those_of_the_scorer(judged, confounded):
    options = {"hidden": [4], "gradient_reversal": 0.5, "examination_dropout": 0.2}
    trained = train(judged, confounded, "two_tower", scorer_options=options, epochs=1)
    assert any(type(layer).__name__ == "Reversal" for layer in trained.model.layers)


def test_the_epoch_is_chosen_on_clicks_of_queries_that_are_not_learnt_from(judged, confounded):
    trained = train(judged, confounded, "ipw", validation_share=0.25, **QUICK | {"epochs": 1})
    assert len(trained.validation) == 15
    other = made_judgements(queries=10, seed=2)
    both = plackett.data.concatenate([judged, other])
    log = simulate(both, both.features[:, 1], sessions=500, positions=DOCUMENTS, seed=0)
    trained = train(judged, log, "ipw", validation=other, **QUICK | {"epochs": 1})
    assert set(trained.validation.queries.tolist()) == set(other.queries.tolist())


def test_naive_and_ipw_take_any_loss_and_the_others_have_their_own(judged, confounded):
    few = QUICK | {"epochs": 1}
    losses = [
        train(judged, confounded, "ipw", loss=loss, **few).model.loss.name for loss in ("softmax", "pairwise_hinge")
    ]
    assert losses == ["softmax_loss", "pairwise_hinge_loss"]
    with pytest.raises(ValueError, match="the method pbm has its own loss: leave out loss, or take naive or ipw"):
        train(judged, confounded, "pbm", loss="softmax")


def test_mixture_em_has_as_many_models_as_are_asked_for(judged, confounded):
    options = {"hidden": [4], "models": 3}
    assert train(judged, confounded, "mixture_em", scorer_options=options, epochs=1).model.output.shape[-1] == 3


def test_every_click_model_is_a_method():
    assert set(MODELS) <= set(METHODS)


def test_an_unknown_method_is_refused_with_the_nearest(judged, confounded):
    with pytest.raises(ValueError, match="unknown method 'click_me'; did you mean 'click_em'"):
        train(judged, confounded, "click_me")


def small_log(**changed):
    columns = {
        "query": ["0-0"] * 2 + ["0-1"] * 2,
        "session": ["s"] * 2 + ["t"] * 2,
        "document": ["d0", "d1"] * 2,
        "position": [1, 2] * 2,
        "click": [1, 0, 1, 1],
    }
    return Sessions.from_arrays(**columns | changed)


def test_a_cascade_of_several_clicks_is_refused_with_their_number(judged):
    with pytest.raises(ValueError, match="1 of 2 sessions, the first of them 't', have more: take dcm, dbn"):
        train(judged, small_log(), "cascade")


def test_a_gap_in_the_positions_is_refused_where_users_read_down_the_list(judged):
    gap = small_log(position=[1, 2, 1, 3])
    with pytest.raises(ValueError, match="session 't': position 2 is left out, but the method dbn goes through all"):
        train(judged, gap, "dbn")
    train(judged, gap, "pbm", epochs=1, scorer_options={"hidden": [2]})


@pytest.mark.parametrize("method", ["dbn", "ubm", "mixture_em"])
def test_counts_are_refused_where_sessions_are_needed(judged, method):
    with pytest.raises(ValueError, match=f"the method {method} needs sessions, since .*, but the log holds counts"):
        train(judged, small_log().counts(), method)


def test_a_log_that_does_not_fit_the_lists_is_refused(judged):
    with pytest.raises(ValueError, match="session 't': the lists have no query '9'"):
        train(judged, small_log(query=["0-0", "0-0", "9", "9"]), "pbm")
    with pytest.raises(ValueError, match=r"the log must have at least 2 queries, .*but has 1"):
        train(judged, small_log()[:1], "pbm")
    with pytest.raises(ValueError, match="document 'd9' has no features"):
        train(judged, small_log(document=["d0", "d1", "d0", "d9"]), "pbm")
    with pytest.raises(TypeError, match="log must be Sessions or ClickCounts, but got list"):
        train(judged, [], "pbm")


def test_counts_of_a_table_do_as_well_as_those_of_sessions(judged, confounded):
    counts = confounded.counts()
    table = ClickCounts.from_arrays(
        query=counts.queries.tolist(),
        document=counts.documents.tolist(),
        position=counts.positions,
        shown=counts.shown,
        clicked=counts.clicked,
        propensity=counts.propensities,
    )
    few = QUICK | {"epochs": 2}
    for method in ("naive", "ipw", "pbm", "two_tower"):
        assert train(judged, table, method, **few).history == train(judged, confounded, method, **few).history


def test_the_examination_is_its_weights_times_its_rate(judged, confounded):
    shown = plackett.data.lists_of_sessions(judged, confounded[:50])
    options = {"models": 3, "constant_scores": 1, "relevance_options": {"hidden": [2]}}
    outputs = []
    for rate in (1.0, 7.0):
        model = plackett.scorers.two_tower(shown, examination_rate=rate, **options)
        model.set_weights([np.ones_like(weight) for weight in model.get_weights()])
        inputs = next(iter(plackett.data.Batches(shown, 2, targets="click", inputs=["position"])))[0]
        outputs.append(model.predict_on_batch(inputs)[0, 0])
    np.testing.assert_allclose(outputs[1][:2], 7 * outputs[0][:2])
    assert outputs[1][2] == outputs[0][2]
    with pytest.raises(ValueError, match="examination_rate acts on examination_scores > 0 or constant_scores > 0"):
        plackett.scorers.two_tower(shown, models=1, examination_scores=0, examination_rate=2.0)


def test_a_saved_run_ranks_as_it_did(judged, confounded, tmp_path):
    trained = train(judged, confounded, "pbm", output=tmp_path / "run", **QUICK | {"epochs": 2})
    loaded = plackett.load(tmp_path / "run")
    np.testing.assert_allclose(plackett.score(loaded, judged), plackett.score(trained.ranker, judged), rtol=1e-5)


def test_an_ensemble_averages_the_relevance_towers(judged, test_lists, confounded):
    trained = train(judged, confounded, "pbm", **QUICK | {"ensemble": 2, "epochs": 3})
    assert list(trained.best) == ["members"]
    assert sorted(trained.model.input) == ["features", "mask"]
    scores = [plackett.score(member.ranker, test_lists).reshape(-1, DOCUMENTS) for member in trained.members]
    scores = [(x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True) for x in scores]
    found = plackett.score(trained.model, test_lists).reshape(-1, DOCUMENTS)
    np.testing.assert_allclose(found, np.mean(scores, axis=0), atol=1e-4)
