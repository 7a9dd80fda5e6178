"""The estimators: how much each click of the log counts for the new ranker.

Each is linear in the clicks c: with S sessions, the estimate is (constant + sum_i w_i c_i) / S, over the impressions i
of the log. Below, session s has query q, which has S_q sessions, and shows the documents d_1, d_2, ... at positions
p_1, p_2, ...; r(d) is the rank that the new ranker gives to document d, from 1 to topn, and e is the examination. Sums
are over the documents of the session that the new ranker shows.
"""

import dataclasses
from typing import NamedTuple

import numpy as np

from plackett.clicks.off_policy._logged import NEVER, Logged, Placed

FOLDS = 5  # folds of sessions; the attraction of a session's documents is estimated from the other folds


class Weights(NamedTuple):
    """How much the clicks of a log count.

    Args:
        linear: [impressions], what a click adds to the estimate, times the number of sessions.
        weight: [impressions], the same without what it adds through a model of attraction.
        constant: the constant that is added to the sum over clicks.
        cell: [impressions]; the impressions of a cell are clicked with probability proportional to `exposure`.
        exposure: [impressions], 0 = not known to be seen.
    """

    linear: np.ndarray
    weight: np.ndarray
    constant: float
    cell: np.ndarray
    exposure: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Question:
    """What is estimated, and from which data.

    Args:
        log: the log.
        new: the rankings of the new ranker.
        examination: [impressions], P(seen); 0 = not known.
        of_ranks: [topn], P(seen) of the ranks; 0 = not known.
        max_weight: the largest weight of `dr`.
        shrinkage: the number of looks that the mean attraction counts for in `dr`.
        attraction: [pairs], P(click | seen) for `dr`. None = it is estimated from the log.
    """

    log: Logged
    new: Placed
    examination: np.ndarray
    of_ranks: np.ndarray
    max_weight: float = np.inf
    shrinkage: float = 1.0
    attraction: np.ndarray | None = None

    def known(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns (examination of impressions, that at the new rank of each pair, sessions of each pair's query)."""
        target = np.append(0.0, self.of_ranks)[self.new.rank_of_pair]
        return self.examination, target, self.log.sessions_of[self.log.query_of_pair]


def ips(question: Question) -> Weights:
    """Inverse propensity scores of the position-based model.

    For one session,

        v = sum_i c_i e(r(d_i)) / (e(p_i) f(d_i))

    where f(d), the share of the query's sessions that showed d, is 1 if the old ranker always shows it. It is unbiased
    if a click's probability is examination times attraction, and the examination is right.

    Reference: Joachims, Swaminathan & Schnabel, "Unbiased Learning-to-Rank with Biased Feedback", WSDM 2017.
    """
    log, (examination, target, sessions) = question.log, question.known()
    seen = examination > 0
    shown = log.of_pairs(seen)
    weight = np.zeros(len(log.click))
    pair = log.pair[seen]
    weight[seen] = target[pair] * sessions[pair] / (examination[seen] * shown[pair])
    return Weights(weight, weight, 0.0, log.pair, examination)


def snips(question: Question) -> Weights:
    """Self-normalised: the clicks of a document, divided by the looks that it got in all sessions of the query.

    For one session,

        v = sum_i c_i e(r(d_i)) / E(d_i),    E(d) = (1 / S_q) sum_{s of q} e(p of d in s), 0 where d is not shown

    that is `ips` with each session that shows d weighted by e(p), normalised by the sum of these weights. A document
    that was shown both at the top and at the bottom counts mainly by its many looks at the top, while `ips` multiplies
    each click at the bottom. The variance is lower, and the bias is the same.

    Reference: Swaminathan & Joachims, "The Self-Normalized Estimator for Counterfactual Learning", NIPS 2015; Li et
        al., "Offline Evaluation of Ranking Policies with Click Models", KDD 2018. This is its position-based estimator,
        with the logged positions of the old ranker.
    """
    log, (examination, target, sessions) = question.log, question.known()
    looks = log.of_pairs(examination)
    of_pair = np.divide(target * sessions, looks, out=np.zeros(len(looks)), where=looks > 0)
    weight = np.where(examination > 0, of_pair[log.pair], 0.0)
    return Weights(weight, weight, 0.0, log.pair, examination)


def dr(question: Question) -> Weights:
    """Doubly robust: a model of attraction gives the expected clicks, and `ips` corrects them where weights allow.

    For one session, where D are the documents that the new ranker shows and a(d) is the attraction by the model,

        v = sum_{d in D} e(r(d)) a(d) + sum_i min(max_weight, e(r(d_i)) / (e(p_i) f(d_i))) (c_i - e(p_i) a(d_i))

    a(d) = (clicks of d + shrinkage A) / (looks at d + shrinkage), in the other four fifths of the sessions, where A is
    the mean attraction of all; or it comes from a given model. If no weight is clipped and each session shows all of D,
    the model cancels, and this is `ips`. Clipping trades variance for the bias of the model.

    Reference: Dudik, Langford & Li, "Doubly Robust Policy Evaluation and Learning", ICML 2011; Oosterhuis, "Doubly
    Robust Estimation for Correcting Position Bias in Click Feedback for Unbiased Learning to Rank", TOIS 2023.
    """
    log, (examination, target, sessions) = question.log, question.known()
    raw = ips(question)
    weight = np.minimum(raw.weight, question.max_weight)
    if question.attraction is not None:
        left = target * sessions - log.of_pairs(weight * examination)
        shown = question.new.rank_of_pair > 0
        constant = float((left * question.attraction)[shown].sum())
        return Weights(weight, weight, constant, log.pair, examination)
    linear = weight + _by_table(question, weight, examination, target)
    return Weights(linear, weight, 0.0, log.pair, examination)


def _by_table(question, weight, examination, target):
    """What a click adds through the attractions of the other folds, [impressions]. They are linear in the clicks."""
    log, shrinkage = question.log, question.shrinkage
    fold_of_session = _folds(log.query_of_session)
    fold = fold_of_session[log.session]
    sessions = _by_fold(log.query_of_session, fold_of_session, np.ones(len(fold_of_session)), len(log.sessions_of))
    pairs = len(log.query_of_pair)
    # The target looks that the weights leave to the model: [pairs, folds].
    left = target[:, None] * sessions[log.query_of_pair] - _by_fold(log.pair, fold, weight * examination, pairs)
    looks = _by_fold(log.pair, fold, examination, pairs)
    of_others = looks.sum(axis=1, keepdims=True) - looks
    a_click = left / (of_others + shrinkage)
    a_click_of_all = shrinkage * a_click.sum(axis=0) / of_others.sum(axis=0)
    of_pair = a_click.sum(axis=1, keepdims=True) - a_click
    of_all = a_click_of_all.sum() - a_click_of_all
    return np.where(examination > 0, of_pair[log.pair, fold] + of_all[fold], 0.0)


def _folds(query_of_session):
    """The fold of each session, [sessions]. The sessions of a query are spread over the folds."""
    shuffled = np.random.default_rng(0).permutation(len(query_of_session))
    order = shuffled[np.argsort(query_of_session[shuffled], kind="stable")]
    folds = np.empty(len(order), "int64")
    folds[order] = np.arange(len(order)) % FOLDS
    return folds


def _by_fold(number, fold, values, numbers):
    return np.bincount(number * FOLDS + fold, values, minlength=numbers * FOLDS).reshape(numbers, FOLDS)


def item_position(question: Question) -> Weights:
    """Counts only clicks on a document at its new rank. It needs no examination.

    For one session,

        v = sum_i c_i [p_i = r(d_i)] / f(d_i, p_i)

    where f(d, p) is the share of the query's sessions that showed d at p. It is unbiased if a click depends only on the
    document and its position.

    Reference: Li et al., "Offline Evaluation of Ranking Policies with Click Models", KDD 2018.
    """
    log, new = question.log, question.new
    cell = _number_cells(log.pair, log.position)
    shown = np.bincount(cell)[cell]
    weight = np.where(log.position == new.rank_of_pair[log.pair], log.sessions_of[log.query] / shown, 0.0)
    return Weights(weight, weight, 0.0, cell, np.ones(len(weight)))


def cascade(question: Question) -> Weights:
    """Counts only clicks below the same documents in the same order, for users who go down the list and may stop.

    For one session,

        v = sum_k c_k [d_1, ..., d_k are the first k of the new ranker] / f(d_1, ..., d_k)

    where f is the share of the query's sessions whose first k documents these are. It is unbiased if a click depends on
    the document and on what is above it, whatever else users do. It needs no examination.

    Reference: Li et al., KDD 2018; McInerney et al., "Counterfactual Evaluation of Slate Recommendations with
    Sequential Reward Interactions", KDD 2020.
    """
    log = question.log
    prefix, same, _ = prefixes(log, question.new)
    weight = np.where(same, log.sessions_of[log.query] / np.bincount(prefix)[prefix], 0.0)
    return Weights(weight, weight, 0.0, prefix, np.ones(len(weight)))


def prefixes(log: Logged, new: Placed) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns (the number of the documents from the first to each impression, whether the new ranker begins with the
    same,
    [queries] how many of the new ranker's first documents the log has shown together).
    """
    deepest = int(new.rank.max(initial=0))
    pair_at = np.full((len(log.sessions_of), deepest + 1), NEVER)
    pair_at[new.query, new.rank] = new.pair
    prefix = np.zeros(len(log.pair), "int64")
    same = np.zeros(len(log.pair), bool)
    above = np.zeros(len(log.query_of_session), "int64")
    still = np.ones(len(log.query_of_session), bool)
    reach = np.zeros(len(log.sessions_of), "int64")
    numbers = 0
    for position in range(1, int(log.position.max()) + 1):
        rows = np.flatnonzero(log.position == position)
        sessions, queries = log.session[rows], log.query[rows]
        prefix[rows] = _number_cells(above[sessions], log.pair[rows]) + numbers
        above[sessions] = prefix[rows]
        numbers = int(prefix[rows].max()) + 1
        at = pair_at[queries, position] if position <= deepest else NEVER
        still[sessions] &= log.pair[rows] == at
        same[rows] = still[sessions]
        np.maximum.at(reach, queries[same[rows]], position)
    return prefix, same, reach


def _number_cells(first, second):
    """Numbers rows by two keys, [rows] from 0; equal if both keys are."""
    return np.unique(first * (int(second.max(initial=0)) + 1) + second, return_inverse=True)[1]


ESTIMATORS = {"ips": ips, "snips": snips, "dr": dr, "item_position": item_position, "cascade": cascade}
OF_POSITIONS = ("ips", "snips", "dr")  # the estimators that need the examination
