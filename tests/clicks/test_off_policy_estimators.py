"""Each estimator against the formula of its docstring, written as a loop over sessions."""

import numpy as np
import pytest
from off_policy_worlds import make_world

from plackett.clicks.off_policy import estimate
from plackett.clicks.off_policy._estimators import FOLDS, _folds

TOPN = 3


def sessions_of(world):
    """(query, {document: (position, click)} in the order shown) of each session."""
    log = world.log
    for session, (start, stop) in enumerate(zip(log.row_splits[:-1], log.row_splits[1:], strict=True)):
        rows = range(int(start), int(stop))
        shown = {log.documents[row]: (int(log.positions[row]), float(log.clicks[row])) for row in rows}
        yield log.queries[session], shown


def rankings_of(world, depth=TOPN):
    """query -> the first documents of the new ranker."""
    found = {}
    for one in world.lists:
        order = np.argsort(-one.features[:, 0], kind="stable")[:depth]
        found[one.queries[0]] = [one.documents[int(place)] for place in order]
    return found


def by_query(world):
    """query -> its sessions."""
    found = {}
    for query, shown in sessions_of(world):
        found.setdefault(query, []).append(shown)
    return found


def loop(world, value):
    """The mean over sessions of a function of (session, sessions of its query, documents of the new ranker)."""
    new, every = rankings_of(world), by_query(world)
    return np.mean([value(shown, every[query], new[query]) for query, shown in sessions_of(world)])


def share(sessions, holds):
    return np.mean([bool(holds(one)) for one in sessions])


def ips(shown, sessions, top):
    return sum(
        click * (1 / (top.index(d) + 1)) * position / share(sessions, lambda one, d=d: d in one)
        for d, (position, click) in shown.items()
        if d in top
    )


def snips(shown, sessions, top):
    return sum(
        click * (1 / (top.index(d) + 1)) / np.mean([1 / one[d][0] if d in one else 0 for one in sessions])
        for d, (_, click) in shown.items()
        if d in top
    )


def item_position(shown, sessions, top):
    return sum(
        click / share(sessions, lambda one, d=d, p=position: d in one and one[d][0] == p)
        for d, (position, click) in shown.items()
        if d in top and top.index(d) + 1 == position
    )


def cascade(shown, sessions, top):
    documents = list(shown)
    return sum(
        shown[documents[k - 1]][1] / share(sessions, lambda one, k=k: list(one)[:k] == top[:k])
        for k in range(1, TOPN + 1)
        if documents[:k] == top[:k]
    )


@pytest.mark.parametrize("reference", [ips, snips, item_position, cascade])
@pytest.mark.parametrize("shown", [5, 4])
def test_an_estimator_is_its_formula(reference, shown):
    world = make_world(1, queries=3, documents=5, shown=shown, sessions=1500, topn=TOPN, noise=2.0)
    name = reference.__name__
    found = estimate(world.log, world.lists, {"new": "feature:new"}, estimators=[name], topn=TOPN)
    assert found.of("new", name).clicks == pytest.approx(loop(world, reference), rel=1e-6)


def test_doubly_robust_with_the_attractions_of_a_system_is_its_formula():
    world = make_world(1, queries=3, documents=5, shown=4, sessions=200, topn=TOPN, noise=2.0)
    attraction = {str(d): 1 / (1 + np.exp(-(d - 3.0))) for d in range(5)}

    def dr(shown, sessions, top):
        value = sum(attraction[d] / rank for rank, d in enumerate(top, 1))
        for d, (position, click) in shown.items():
            if d in top:
                weight = position / (top.index(d) + 1) / share(sessions, lambda one, d=d: d in one)
                value += min(1.5, weight) * (click - attraction[d] / position)
        return value

    found = estimate(
        world.log,
        world.lists,
        {"new": "feature:new"},
        estimators=["dr"],
        topn=TOPN,
        max_weight=1.5,
        attraction=lambda lists: lists.documents.__array__().astype("float64") - 3.0,
    )
    assert found.of("new", "dr").clicks == pytest.approx(loop(world, dr), rel=1e-6)


def test_doubly_robust_takes_the_attraction_of_a_document_from_the_other_folds():
    world = make_world(1, queries=3, documents=5, shown=4, sessions=200, topn=TOPN, noise=2.0)
    every = list(sessions_of(world))
    queries = {query: number for number, query in enumerate(sorted({query for query, _ in every}))}
    folds = _folds(np.array([queries[query] for query, _ in every]))
    shrinkage, max_weight = 2.0, 1.5

    def attraction(query, d, fold):
        others = [(q, s) for (q, s), f in zip(every, folds, strict=True) if f != fold]
        clicks = sum(click for _, shown in others for _, click in shown.values())
        looks = sum(1 / position for _, shown in others for position, _ in shown.values())
        own = [shown[d] for q, shown in others if q == query and d in shown]
        return (sum(c for _, c in own) + shrinkage * clicks / looks) / (sum(1 / p for p, _ in own) + shrinkage)

    table = {(q, str(d), fold): attraction(q, str(d), fold) for q in queries for d in range(5) for fold in range(FOLDS)}
    new, sessions = rankings_of(world), by_query(world)
    values = []
    for (query, shown), fold in zip(every, folds, strict=True):
        value = sum(table[query, d, fold] / rank for rank, d in enumerate(new[query], 1))
        for d, (position, click) in shown.items():
            if d in new[query]:
                weight = position / (new[query].index(d) + 1) / share(sessions[query], lambda one, d=d: d in one)
                value += min(max_weight, weight) * (click - table[query, d, fold] / position)
        values.append(value)
    options = {"topn": TOPN, "max_weight": max_weight, "shrinkage": shrinkage}
    found = estimate(world.log, world.lists, {"new": "feature:new"}, estimators=["dr"], **options)
    assert found.of("new", "dr").clicks == pytest.approx(np.mean(values), rel=1e-6)


def test_the_model_cancels_where_no_weight_is_cut_and_all_documents_are_shown():
    world = make_world(2)
    found = estimate(world.log, world.lists, {"new": "feature:new"}, topn=5, max_weight=1e9)
    one, other = found.of("new", "dr"), found.of("new", "ips")
    np.testing.assert_allclose(one[2:], other[2:], rtol=1e-9)


def test_the_ranker_that_was_logged_gets_the_clicks_that_were_logged():
    """Where one ranking a query is logged, each estimator gives its clicks, and there is no difference."""
    world = make_world(3, noise=0.0)
    first = {q: i for i, q in reversed(list(enumerate(world.log.queries.tolist())))}
    place = {(q, d): p for q, i in first.items() for p, d in enumerate(world.log[[i]].documents.tolist())}
    scores = [-place.get((one.queries[0], d), 99) for one in world.lists for d in one.documents.tolist()]
    names = ["ips", "snips", "dr", "item_position", "cascade"]
    found = estimate(world.log, world.lists, {"old": np.array(scores)}, estimators=names, topn=5)
    for name in names:
        one = found.of("old", name)
        assert one.clicks == pytest.approx(found.logged.mean, rel=1e-6)
        assert one.difference == pytest.approx(0, abs=1e-9)
        assert one.largest_weight == pytest.approx(1)
        assert one.effective_sample_size == pytest.approx(one.clicks_used * world.log.clicks.sum())


def test_effective_clicks_and_the_largest_weight_are_of_the_clicks():
    world = make_world(4)
    one = estimate(world.log, world.lists, {"new": "feature:new"}, estimators=["ips"], topn=5).of("new", "ips")
    new = rankings_of(world, 5)
    weights = [
        position / (new[query].index(d) + 1)
        for query, shown in sessions_of(world)
        for d, (position, click) in shown.items()
        if click and d in new[query]
    ]
    assert one.effective_sample_size == pytest.approx(np.sum(weights) ** 2 / np.sum(np.square(weights)), rel=1e-6)
    assert one.largest_weight == pytest.approx(max(weights), rel=1e-6)
    assert one.clicks_used == pytest.approx(len(weights) / world.log.clicks.sum())
