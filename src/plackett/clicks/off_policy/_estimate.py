"""Estimates the clicks that new rankers would get."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from plackett.clicks.off_policy import _support as support
from plackett.clicks.off_policy._estimators import ESTIMATORS, OF_POSITIONS, Question, Weights
from plackett.clicks.off_policy._intervals import Interval, Noise
from plackett.clicks.off_policy._known_examination import examination_of, no_examination
from plackett.clicks.off_policy._logged import NEVER, Logged, Top, join_tops, match, number_log, place, top_of
from plackett.clicks.off_policy._results import Estimate, Estimates
from plackett.data import RankingLists, Sessions, Strings
from plackett.data._click_log_checks import check_gapless
from plackett.data._strings import concatenate_strings
from plackett.evaluation import System, open_system, open_systems
from plackett.evaluation._bootstrap import CONFIDENCE, check_count, check_share
from plackett.evaluation._scoring import check_lists
from plackett.evaluation.systems.base import check_scores, count
from plackett.registry import check_known
from plackett.registry.options import is_number

DEFAULT = ("ips", "snips", "dr")
MISSING = ("refuse", "leave_out")
TOPN = 10
MAX_WEIGHT = 5.0
SHRINKAGE = 1.0


def estimate(
    log: Sessions,
    lists: RankingLists | Iterable[RankingLists],
    systems: Mapping[str, Any] | Sequence[Any],
    *,
    estimators: Sequence[str] = DEFAULT,
    propensities: Any = None,
    topn: int = TOPN,
    missing: str = "refuse",
    max_weight: float | None = None,
    shrinkage: float | None = None,
    attraction: Any = None,
    confidence: float = CONFIDENCE,
) -> Estimates:
    """Estimates the clicks per session that new rankers would get, from the log of the old ranker.

    >>> from plackett.data import RankingLists, Sessions
    >>> log = Sessions.from_arrays(
    ...     query=["shoes"] * 8, session=[1, 1, 2, 2, 3, 3, 4, 4], document=["a", "b"] * 4, position=[1, 2] * 4,
    ...     click=[1, 0, 0, 1, 0, 0, 0, 1], propensity=[1.0, 0.5] * 4)
    >>> lists = RankingLists.from_arrays([[9.0], [5.0]], query=["shoes"] * 2, documents=["a", "b"],
    ...     feature_names=["price"])
    >>> found = estimate(log, lists, {"cheap": "feature:-price"}, estimators=["ips"], topn=2)
    >>> found.logged.mean, found.of("cheap", "ips").clicks
    (0.75, 1.125)

    The estimand is the mean, over the sessions of the log, of the clicks that the session's query would give to the
    first `topn` documents of the new ranker. The intervals cover this mean. They take the queries and the shown
    documents as fixed and the clicks as random, with the clicks of a session together. They do not cover other queries,
    or errors of the examination. `clicks.off_policy._estimators` has the formula of each estimator:

    ips: sum over the clicks of a session of e(new rank) / e(logged position), divided by the share of the query's
        sessions that showed the document.
    snips: the clicks of a document divided by the looks that it got in all sessions of its query. It has less
        variance than ips.
    dr: a model of attraction, corrected by ips with clipped weights.
    item_position: clicks on documents at their new rank. It needs no examination.
    cascade: clicks below the same documents in the same order, for users who go down the list and stop. It needs no
        examination.

    Args:
        log: what was shown and clicked. Its rankings must vary at least as much as the new ones differ from them.
        lists: the documents of its queries, in memory or in parts. Labels are not read.
        systems: the new rankers by name, or paths; see `plackett.evaluation.open_systems`.
        estimators: the names of the estimators.
        propensities: P(seen) by position: a curve of `plackett.clicks.propensities`, or numbers above 0, one for each
            position from 1. None = the propensities of the log. If `attraction` is None, only ratios matter, so a curve
            relative to the first position is enough, even if it is above 1 somewhere.
        topn: the number of documents of a ranking that are shown.
        missing: "refuse" = an error if a system shows documents that the log cannot judge; "leave_out" = all sessions
            of such a query are left out, for all systems and estimators.
        max_weight: the largest weight of a click in dr. The excess is left to the model. None = 5.
        shrinkage: the number of looks that the mean attraction counts for in the attraction of a document in the table
            of dr. None = 1.
        attraction: a system whose scores are logits of P(click | seen), for dr. It must not be trained on this log.
            None = a table of queries and documents, estimated on the other folds of sessions.
        confidence: the confidence of the intervals.

    Raises:
        OSError: a file cannot be read.
        ValueError: an option is unknown, out of range or has no effect; the log has no click; a query of the log has no
            list; the examination of a rank is not known; or a system shows documents that the log cannot judge, and the
            message says for how many queries.

    Cost: O(impressions log impressions) time for each estimator and system; about 200 bytes of memory an impression.
    """
    _check(log, estimators, topn, missing)
    _check_they_act(estimators, propensities, max_weight, shrinkage, attraction)
    check_share("confidence", confidence)
    max_weight = MAX_WEIGHT if max_weight is None else max_weight
    shrinkage = SHRINKAGE if shrinkage is None else shrinkage
    opened = open_systems(systems)
    tops, scores = _rank(lists, opened, None if attraction is None else open_system(attraction), topn)
    of_positions = bool(set(estimators) & set(OF_POSITIONS))
    examination, of_ranks = examination_of(log, propensities, topn) if of_positions else no_examination(log, topn)
    known = {"max_weight": max_weight, "shrinkage": shrinkage, "examination": examination, "of_ranks": of_ranks}
    questions, left_out = _questions(log, tops, known, estimators, topn, refuse=missing == "refuse")
    if scores is not None:
        questions = {name: _with_attraction(one, *scores) for name, one in questions.items()}
    first = next(iter(questions.values())).log
    in_reach = (first.position <= topn).astype("float64")
    found = [
        _estimate(question, name, estimator, in_reach, confidence)
        for name, question in questions.items()
        for estimator in estimators
    ]
    return Estimates(
        logged=_logged_clicks(first, in_reach, confidence),
        estimates=tuple(found),
        topn=topn,
        confidence=confidence,
        sessions=len(first.query_of_session),
        queries=len(first.sessions_of),
        left_out=left_out,
        captions=tuple(_captions(first, topn, confidence, left_out, estimators, propensities, max_weight)),
    )


def check_estimators(names: Sequence[str]) -> None:
    """Raises a ValueError unless these are the names of different estimators."""
    if isinstance(names, str) or not len(names):
        raise ValueError(f"estimators must be a list of {', '.join(ESTIMATORS)}, but got {names!r}")
    for name in names:
        check_known("estimator", name, ESTIMATORS)
        if list(names).count(name) > 1:
            raise ValueError(f"estimators must name each estimator once, but {name} occurs twice")


def _check(log, estimators, topn, missing):
    if not isinstance(log, Sessions):
        raise ValueError(
            "log must be Sessions, since the clicks of a session belong together and counts do not show that, but got "
            f"a {type(log).__name__}"
        )
    check_estimators(estimators)
    check_count("topn", topn)
    if missing not in MISSING:
        raise ValueError(f"missing must be one of {', '.join(MISSING)}, but got {missing!r}")
    if not log.clicks.any():
        raise ValueError(f"the log must have a click to estimate from, but {count(len(log), 'session')} have none")
    if "cascade" in estimators:
        check_gapless(log, "the estimator cascade")


def _check_they_act(estimators, propensities, max_weight, shrinkage, attraction):
    for name, given in (("max_weight", max_weight), ("shrinkage", shrinkage)):
        if given is not None and (not is_number(given) or not given > 0):
            raise ValueError(f"{name} must be a number above 0, but got {given!r}")
    for name, given in (("max_weight", max_weight), ("shrinkage", shrinkage), ("attraction", attraction)):
        if given is not None and "dr" not in estimators:
            raise ValueError(f"{name} is an option of dr, but the estimators are {', '.join(estimators)}: leave it out")
    if shrinkage is not None and attraction is not None:
        raise ValueError(
            "shrinkage is an option of the table of dr, but attraction replaces the table: leave out one of the two"
        )
    if propensities is not None and not set(estimators) & set(OF_POSITIONS):
        raise ValueError(
            f"propensities have an effect on {', '.join(OF_POSITIONS)} only, but the estimators are "
            f"{', '.join(estimators)}: leave them out"
        )


def _rank(lists, systems: Mapping[str, System], attraction, topn):
    """Returns (the first documents of each system by name, (queries, documents, scores) of all documents or None)."""
    tops: dict[str, list[Top]] = {name: [] for name in systems}
    scored: list[tuple[Strings, Strings, np.ndarray]] = []
    for part in [lists] if isinstance(lists, RankingLists) else lists:
        check_lists("lists", part)
        for name, system in systems.items():
            tops[name].append(top_of(part, check_scores(name, part, system(part)), topn))
        if attraction is not None:
            queries = part.queries[np.repeat(np.arange(len(part)), part.lengths)]
            scored.append((queries, part.documents, check_scores("attraction", part, attraction(part)).scores))
    if not all(tops.values()):
        raise ValueError("lists must have at least one list, but there is none")
    joined = {name: join_tops(parts) for name, parts in tops.items()}
    if attraction is None:
        return joined, None
    queries, documents, scores = zip(*scored, strict=True)
    return joined, (concatenate_strings(queries), concatenate_strings(documents), np.concatenate(scores))


def _questions(log: Sessions, tops: Mapping[str, Top], known, estimators, topn, *, refuse):
    """Returns (the question of each system, (queries, sessions) that are left out since the log cannot judge them)."""
    questions = _place(log, tops, known)
    lacking = _find_lacking(questions, estimators, topn, refuse=refuse)
    kept = ~lacking[next(iter(questions.values())).log.query_of_session]
    if kept.all():
        return questions, (0, 0)
    if not kept.any():
        raise ValueError(
            "no session is left: for each query of the log, some system shows documents that it cannot judge; take a "
            "smaller topn (--topn)"
        )
    known = known | {"examination": known["examination"][np.repeat(kept, log.lengths)]}
    return _place(log[kept], tops, known), (int(lacking.sum()), int((~kept).sum()))


def _place(log: Sessions, tops: Mapping[str, Top], known: Mapping[str, Any]) -> dict[str, Question]:
    numbers = number_log(log)
    return {name: Question(numbers, place(numbers, top, name), **known) for name, top in tops.items()}


def _find_lacking(questions, estimators, topn, *, refuse):
    """The queries for which some system shows documents that the log cannot judge, [queries] bool."""
    lacking = np.zeros(len(next(iter(questions.values())).log.sessions_of), bool)
    for system, question in questions.items():
        without = question.new.depth == 0
        if refuse and without.any():
            raise support.refusal_without_list(question, system)
        lacking |= without
        for estimator in estimators:
            rows = support.unsupported_rows(question, estimator)
            if refuse and len(rows):
                raise support.refusal(question, system, estimator, topn, rows)
            lacking[question.new.query[rows]] = True
    return lacking


def _with_attraction(question, queries, documents, scores):
    """Returns the question with the attraction of each pair, from the logits of a system."""
    pair = match(question.log, queries, documents)[1]
    logits = np.full(len(question.log.query_of_pair), np.nan)
    logits[pair[pair != NEVER]] = scores[pair != NEVER]
    shown = question.new.rank_of_pair > 0
    if len(wrong := np.flatnonzero(shown & np.isnan(logits))):
        row = int(np.flatnonzero(question.log.pair == wrong[0])[0])
        raise ValueError(
            f"document {question.log.documents[row]!r} of query {question.log.queries[row]!r} is in no list, so "
            "its attraction is not known: give its list, or leave attraction out"
        )
    logits = np.where(shown, logits, 0.0)
    return dataclasses.replace(question, attraction=np.exp(-np.logaddexp(0.0, -logits)))


def _estimate(question: Question, system, estimator, in_reach, confidence) -> Estimate:
    weights: Weights = ESTIMATORS[estimator](question)
    noise = Noise(question.log, weights.cell, weights.exposure)
    click = question.log.click
    clicks = noise.interval(weights.linear, weights.constant, confidence)
    difference = noise.interval(weights.linear - in_reach, weights.constant, confidence)
    of_clicks = weights.weight[(click > 0) & (weights.weight > 0)]
    return Estimate(
        system,
        estimator,
        *clicks,
        *difference,
        effective_sample_size=float(of_clicks.sum() ** 2 / (of_clicks @ of_clicks)) if len(of_clicks) else 0.0,
        largest_weight=float(of_clicks.max(initial=0.0)),
        clicks_used=float(len(of_clicks) / click.sum()) if click.any() else 0.0,
    )


def _logged_clicks(log: Logged, in_reach, confidence) -> Interval:
    cell = np.unique(log.pair * (int(log.position.max()) + 1) + log.position, return_inverse=True)[1]
    return Noise(log, cell, np.ones(len(cell))).interval(in_reach, 0.0, confidence)


def _captions(log, topn, confidence, left_out, estimators, propensities, max_weight):
    """Explains the numbers, in whole sentences."""
    sessions, queries = count(len(log.query_of_session), "session"), count(len(log.sessions_of), "query", "queries")
    yield f"The clicks per session among the first {topn}, over the {sessions} of {queries} of the log."
    if left_out[0]:
        yield (
            f"{count(left_out[0], 'query', 'queries')} with {count(left_out[1], 'session')} are left out, because a "
            "system "
            "shows documents there that the log cannot judge, or ranks no document. The numbers do not cover them."
        )
    yield (
        f"In brackets: {100 * confidence:g}% intervals for the chance in the clicks, for these queries and shown "
        "documents. Differences are from the logged clicks, and pair the clicks that count in both."
    )
    if of_positions := ", ".join(name for name in estimators if name in OF_POSITIONS):
        source = "the propensities of the log" if propensities is None else "the propensities that were given"
        yield f"{of_positions}: examination is by {source}, taken as exact."
    if "dr" in estimators:
        yield (
            f"dr: weights above {max_weight:g} are clipped, and the rest is left to the model of attraction, whose "
            "bias is not in the interval."
        )
    yield "effective clicks: so many clicks of equal weight would say as much. used: the share of clicks with a weight."
