"""Every metric against its loop, under each convention of ties, empty lists, weights and means.

A new metric adds a row to `TABLE` and a loop to `references`.
"""

import dataclasses
import functools
import inspect
import json
import re
from collections.abc import Callable

import keras
import numpy as np
import pytest
import references
from backends import compiled, compilers
from conftest import made_lists
from keras import ops

from plackett import gains, metrics, registry
from plackett.evaluation import evaluate_scores
from plackett.metrics._base import RankingMetric

LISTS, SIZE, SUBTOPICS = 16, 8, 3
LENGTHS = (8, 1, 7, 0, 2, 5, 3, 8, 4, 1, 6, 2, 3, 8, 7, 5)
SHORT_LENGTHS = (6, 5, 6, 0, 4, 1, 2, 3, 6, 4, 5, 6, 2, 3, 1, 4)
IRRELEVANT = 10
GRADES = (0, 0, 0, 0.5, 1, 2, 3, 4)
WEIGHTS = (0, 0.5, 1, 2.5)


@keras.saving.register_keras_serializable("test_metrics")
def quarter(label):
    return label / 4.0


@dataclasses.dataclass(frozen=True)
class Row:
    """One metric: its function, its Keras class, its loop, and the relevance of each document of a list.

    `options`: one other value of each option of its own, apart from `topn`; those of `OF_A_CUT_OFF` need one.
    """

    fn: Callable
    keras_class: type
    loop: Callable
    relevance: Callable
    options: dict = dataclasses.field(default_factory=dict)
    subtopics: bool = False

    __hash__ = object.__hash__

    @property
    def cuts(self):
        return ({}, {"topn": 3}) if takes(self.fn, "topn") else ({},)


def takes(fn, option):
    return option in inspect.signature(fn).parameters


def is_relevant(labels):
    return [float(label >= 1) for label in labels]


def exponential(labels):
    return [references.pow_minus_1(label) for label in labels]


def how_many_below(labels):
    return [float(sum(other < label for other in labels)) for label in labels]


def covers_any(labels):
    return [float(any(label >= 1 for label in row)) for row in labels]


OF_A_CUT_OFF = ("divide_by", "short")
DISCOUNTED = {"gain": gains.identity, "discount": gains.inverse, "short": 0}
BIASED = {"persistence": 0.5, "gain": quarter}
DIVERSE = {"alpha": 0.2, "discount": gains.inverse}
TABLE = [
    Row(metrics.dcg, metrics.DCG, references.dcg, exponential, DISCOUNTED),
    Row(metrics.ndcg, metrics.NDCG, references.ndcg, exponential, DISCOUNTED),
    Row(metrics.reciprocal_rank, metrics.MRR, references.reciprocal_rank, is_relevant),
    Row(metrics.hits, metrics.Hits, references.hits, is_relevant),
    Row(metrics.expected_reciprocal_rank, metrics.ERR, references.expected_reciprocal_rank, list, {"max_grade": 2.0}),
    Row(metrics.precision, metrics.Precision, references.precision, is_relevant, {"divide_by": "topn"}),
    Row(metrics.recall, metrics.Recall, references.recall, is_relevant),
    Row(metrics.average_precision, metrics.MAP, references.average_precision, is_relevant, {"divide_by": "topn"}),
    Row(metrics.rank_biased_precision, metrics.RBP, references.rank_biased_precision, is_relevant, BIASED),
    Row(metrics.position_weighted_average, metrics.PWA, references.position_weighted_average, list),
    Row(metrics.average_relevance_position, metrics.ARP, references.average_relevance_position, list),
    Row(metrics.ordered_pair_accuracy, metrics.OPA, references.ordered_pair_accuracy, how_many_below),
    Row(metrics.bpref, metrics.BPref, references.bpref, is_relevant, {"use_trec_version": False}),
    Row(metrics.alpha_dcg, metrics.AlphaDCG, references.alpha_dcg, covers_any, DIVERSE, subtopics=True),
    Row(metrics.precision_ia, metrics.PrecisionIA, references.precision_ia, covers_any, subtopics=True),
]
ROWS = {row.fn.__name__: row for row in TABLE}
GRADED = [row for row in TABLE if not row.subtopics]
ONE_OF_A_KIND = [ROWS["average_precision"], ROWS["alpha_dcg"]]
NDCG, MRR, PRECISION, BPREF = (ROWS[name] for name in ("ndcg", "reciprocal_rank", "precision", "bpref"))


def over(rows):
    return pytest.mark.parametrize("row", rows, ids=lambda row: row.fn.__name__)


@dataclasses.dataclass(frozen=True)
class Given:
    """A batch of random lists of one padded shape; NaN where no document is."""

    labels: np.ndarray
    scores: np.ndarray
    weights: np.ndarray
    mask: np.ndarray
    ids: np.ndarray

    def but(self, **changes):
        return dataclasses.replace(self, **changes)

    @property
    def marked(self):
        """The labels, -1 where no document is."""
        real = self.mask[..., None] if self.labels.ndim > self.mask.ndim else self.mask
        return np.where(real, self.labels, np.float32(-1))


@functools.cache
def batch(row, seed=0, lengths=LENGTHS, levels=(4,)):
    """Lists whose documents stand anywhere among the padding, with few `levels` of scores; one has none to find."""
    random = np.random.default_rng([seed, TABLE.index(row)])
    mask = random.permuted(np.arange(SIZE) < np.array(lengths)[:, None], axis=1)
    shape = (LISTS, SIZE, SUBTOPICS) if row.subtopics else (LISTS, SIZE)
    labels = random.choice((0, 0, 1) if row.subtopics else GRADES, shape).astype("float32")
    labels[IRRELEVANT] = 0
    labels[~mask] = np.nan
    levels = np.resize(levels, (LISTS, 1))
    scores = (random.integers(0, levels, (LISTS, SIZE)) - levels // 2).astype("float32")
    scores[scores == 0] *= random.choice([-1, 1], (scores == 0).sum())
    return Given(
        labels=labels,
        scores=np.where(mask, scores, np.float32("nan")),
        weights=np.where(mask, random.choice(WEIGHTS, (LISTS, SIZE)), np.nan).astype("float32"),
        mask=mask,
        ids=random.permuted(np.tile(np.arange(SIZE), (LISTS, 1)), axis=1) * 3 + 5,
    )


def number(x):
    return ops.convert_to_numpy(x)


def close(got, expected):
    np.testing.assert_allclose(number(got), expected, rtol=1e-5, atol=1e-6)


def calculated(row, given, weighted=False, **options):
    """The values of the function, one a list."""
    weights = given.weights if weighted else None
    return number(row.fn(given.labels, given.scores, mask=given.mask, weights=weights, **options))


def one_list(given, b, weights=None, ids=None):
    """(labels, scores, weights) of the documents of list b that count; `ids` settle the order of equal scores."""
    places = np.flatnonzero(given.mask[b] if weights is None else given.mask[b] & (weights[b] > 0))
    places = places if ids is None else sorted(places, key=lambda i: ids[b][i], reverse=True)
    columns = given.labels, given.scores, given.mask if weights is None else weights
    labels, scores, weights = (column[b][places].tolist() for column in columns)
    return labels, scores if ids is None else settled(scores), weights


def settled(scores):
    """Different scores in the same order, equal ones by position; -inf as it is."""
    return [-rank if s > -np.inf else s for s, rank in zip(scores, references.ranks(scores), strict=True)]


def by_loop(row, given, weighted=False, ids=None, expected=False, **options):
    """What `calculated` should return; `expected`: in the mean over all orders of tied documents."""
    options = {k: getattr(references, v.__name__, v) if callable(v) else v for k, v in options.items()}
    loop = functools.partial(references.expected_over_ties, row.loop) if expected else row.loop
    values = []
    for b in range(LISTS):
        labels, scores, weights = one_list(given, b, given.weights if weighted else None, ids)
        known = {"weights": weights} if weighted and takes(row.loop, "weights") else {}
        values.append(loop(labels, scores, **known, **options))
    return np.array(values)


# Values


@over(TABLE)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_function_is_its_loop(row, weighted):
    given = batch(row)
    for cut in row.cuts:
        expected = by_loop(row, given, weighted, **cut)
        assert len(set(expected)) > 1
        close(calculated(row, given, weighted, **cut), expected)


@over(TABLE)
def test_weights_act_on_the_value_but_their_size_does_not(row):
    given, cut = batch(row), row.cuts[-1]
    unweighted = by_loop(row, given, **cut)
    assert np.abs(calculated(row, given, weighted=True, **cut) - unweighted).max() > 1e-3
    evenly = given.but(weights=np.where(given.mask, np.float32(3), np.float32("nan")))
    close(calculated(row, evenly, weighted=True, **cut), unweighted)


def cut_for(option, topn=3):
    return {"topn": topn} if option in OF_A_CUT_OFF else {}


OPTIONS = [(row, cut_for(name) | {name: value}) for row in TABLE for name, value in row.options.items()]
OPTIONS += [(row, {"discount": gains.letor_discount}) for row in (ROWS["dcg"], NDCG)]
OPTIONS += [(PRECISION, {"topn": "relevant"})]
OPTIONS += [(ROWS["alpha_dcg"], {"alpha": alpha}) for alpha in (0.0, 1.0)]


@pytest.mark.parametrize("row, options", OPTIONS, ids=lambda part: ",".join(part) if isinstance(part, dict) else "")
def test_each_option_acts_and_is_that_of_the_loop(row, options):
    given = batch(row, lengths=SHORT_LENGTHS)
    default = cut_for(list(options)[-1])
    for expected in (False, True):
        values = by_loop(row, given, expected=expected, **options)
        ties = "expected" if expected else "position"
        close(calculated(row, given, ties=ties, **options), values)
        assert np.abs(values - by_loop(row, given, expected=expected, **default)).max() > 1e-3


@pytest.mark.parametrize("name, options", [("average_precision", {"divide_by": "topn"}), ("ndcg", {"short": 0})])
def test_an_option_of_a_cut_off_under_weights(name, options):
    """A document of weight 0 is left out, so that its list may be short."""
    given, cut = batch(ROWS[name], lengths=SHORT_LENGTHS), {"topn": 3}
    values = by_loop(ROWS[name], given, weighted=True, **cut, **options)
    close(calculated(ROWS[name], given, weighted=True, **cut, **options), values)
    assert np.abs(values - by_loop(ROWS[name], given, weighted=True, **cut)).max() > 1e-3


def test_precision_at_the_number_of_relevant_documents_is_recall_there():
    given = batch(PRECISION)
    values = calculated(PRECISION, given, topn="relevant")
    lists = [one_list(given, b)[:2] for b in range(LISTS)]
    close(values, [references.recall(labels, scores, topn=int(sum(is_relevant(labels)))) for labels, scores in lists])


@over(ONE_OF_A_KIND)
def test_leading_axes_are_lists(row):
    given = batch(row)
    folded = [x.reshape(2, LISTS // 2, *x.shape[1:]) for x in (given.labels, given.scores, given.mask)]
    values = row.fn(*folded[:2], mask=folded[2], ties="expected")
    close(values, calculated(row, given, ties="expected").reshape(2, LISTS // 2))


@over([*ONE_OF_A_KIND, ROWS["precision_ia"]])
@pytest.mark.parametrize("ties", ["position", "expected"])
def test_lists_without_places_count_0(row, ties):
    labels = np.zeros((2, 0, SUBTOPICS) if row.subtopics else (2, 0), "float32")
    close(row.fn(labels, np.zeros((2, 0), "float32"), ties=ties), [0, 0])


def test_position_weighted_average_by_hand():
    """By falling score the ratings are 5, 1, 2, 4; TensorFlow Ranking weighs the places by 1, 1/2, 1/3, 1/4."""
    labels, scores = [[1, 5, 4, 2, -1]], [[3.0, 4.0, 1.0, 2.0, 9.0]]
    for topn, expected in ((1, 5.0), (2, 5.5 / 1.5), (3, (5 + 1 / 2 + 2 / 3) / (11 / 6)), (9, 86 / 25)):
        metric = metrics.PWA(topn=topn)
        metric.update_state(labels, scores)
        np.testing.assert_allclose(float(metric.result()), expected, rtol=1e-6)


def test_ndcg_of_grades_of_any_size():
    given = batch(NDCG)
    given = given.but(labels=given.labels * 250)
    values, relevant = by_loop(NDCG, given), (given.labels > 0).any(axis=1)
    close(calculated(NDCG, given), values)
    np.testing.assert_allclose(measured(metrics.NDCG(empty="skip"), given), values[relevant].mean(), rtol=1e-5)


@pytest.mark.parametrize("max_grade", [64.5, 200, 1000])
def test_expected_reciprocal_rank_of_grades_of_any_size(max_grade):
    row = ROWS["expected_reciprocal_rank"]
    given = batch(row)
    given = given.but(labels=given.labels * max_grade / 3)
    values = by_loop(row, given, max_grade=max_grade)
    assert values.max() > 0.5
    close(calculated(row, given, max_grade=max_grade), values)


# Ties


@over(TABLE)
@pytest.mark.parametrize("weighted", [False, True])
def test_expected_ties_are_the_mean_over_all_orders(row, weighted):
    given = batch(row, lengths=SHORT_LENGTHS, levels=(1, 3))
    for cut in row.cuts[:1] if row is BPREF else row.cuts:
        values = by_loop(row, given, weighted, expected=True, **cut)
        close(calculated(row, given, weighted, ties="expected", **cut), values)


@over(TABLE)
def test_expected_ties_without_ties_are_the_order_of_the_scores(row):
    given = batch(row)
    given = given.but(scores=np.where(given.mask, given.ids, np.nan).astype("float32"))
    close(calculated(row, given, ties="expected"), by_loop(row, given))


@over(ONE_OF_A_KIND)
def test_expected_ties_under_the_compiler(row):
    given = batch(row, lengths=SHORT_LENGTHS, levels=(1, 3))
    fn = compiled(lambda labels, scores, mask: row.fn(labels, scores, mask=mask, ties="expected"))
    values = fn(*map(ops.convert_to_tensor, (given.labels, given.scores, given.mask)))
    close(values, by_loop(row, given, expected=True))


def test_zeros_of_either_sign_are_tied_under_every_compiler():
    given = batch(NDCG)
    labels, scores = np.where(given.mask, given.labels, 0), np.where(given.mask, given.scores, -9)
    full = given.but(labels=labels, scores=scores, mask=np.ones_like(given.mask))
    assert (np.signbit(scores) & (scores == 0)).any()
    fn = list(compilers(2, 2).values())[-1](lambda labels, scores: metrics.ndcg(labels, scores))
    close(fn(*map(ops.convert_to_tensor, (labels, scores))), by_loop(NDCG, full))


@over(TABLE)
@pytest.mark.parametrize("form", ["numbers", "strings"])
def test_trec_ties_fall_by_document_id(row, form):
    given, weighted = batch(row, levels=(1, 2)), form == "strings"
    ids = given.ids.astype(str) if form == "strings" else given.ids
    cut = {"topn": 1} if takes(row.fn, "topn") else {}
    values = calculated(row, given, weighted, ties="trec", documents=ids, **cut)
    close(values, by_loop(row, given, weighted, ids=ids, **cut))
    assert np.abs(values - by_loop(row, given, weighted, **cut)).max() > 1e-3


def test_document_ids_in_python_lists():
    given = batch(NDCG, levels=(2,))
    names = given.ids.astype(str)
    for ids in (given.ids, names):
        close(calculated(NDCG, given, ties="trec", documents=ids.tolist()), by_loop(NDCG, given, ids=ids))
    assert np.abs(by_loop(NDCG, given, ids=names) - by_loop(NDCG, given, ids=given.ids)).max() > 1e-3


@pytest.mark.parametrize("step", [2**31, 2**40, 0.25])
def test_trec_ties_tell_all_numbers_apart(step):
    given = batch(NDCG, levels=(2,))
    close(calculated(NDCG, given, ties="trec", documents=given.ids * step), by_loop(NDCG, given, ids=given.ids))


def test_ordered_pair_accuracy_with_ties_by_position():
    row = ROWS["ordered_pair_accuracy"]
    given = batch(row)
    by_position = np.tile(-np.arange(SIZE), (LISTS, 1))
    values = calculated(row, given, ties="position")
    close(values, by_loop(row, given, ids=by_position))
    assert (values > calculated(row, given)).any()


@over(TABLE)
def test_trec_ties_need_documents(row):
    given = batch(row)
    with pytest.raises(ValueError, match="pass the ids as documents"):
        calculated(row, given, ties="trec")
    with pytest.raises(ValueError, match="pass the ids as documents"):
        row.keras_class(ties="trec").update_state(given.marked, given.scores)


# Scores of NaN and of -inf


def not_all_retrieved(given):
    """The lowest scores are -inf; one list is not retrieved at all."""
    few = np.where((given.scores <= -1) | (np.arange(LISTS) == 2)[:, None], np.float32("-inf"), given.scores)
    return given.but(scores=np.where(given.mask, few, np.float32("nan")))


@over(TABLE)
@pytest.mark.parametrize("weighted", [False, True])
def test_a_score_of_minus_infinity_is_not_retrieved(row, weighted):
    given = batch(row, lengths=SHORT_LENGTHS)
    fewer = not_all_retrieved(given)
    assert (given.mask & np.isneginf(fewer.scores)).sum(axis=1).max() > 1
    for cut in row.cuts:
        values = by_loop(row, fewer, weighted, **cut)
        close(calculated(row, fewer, weighted, **cut), values)
        close(
            calculated(row, fewer, weighted, ties="trec", documents=given.ids, **cut),
            by_loop(row, fewer, weighted, ids=given.ids, **cut),
        )
        if row is not BPREF or not cut:
            expected = by_loop(row, fewer, weighted, expected=True, **cut)
            close(calculated(row, fewer, weighted, ties="expected", **cut), expected)
        if row is not ROWS["average_relevance_position"]:
            assert values[2] == 0


def test_not_retrieved_by_hand():
    """The values of rax for these lists."""
    labels, scores = [1.0, 0.0, 1.0, 0.0, 0.0], [-np.inf, 5.0, 2.0, -np.inf, 1.0]
    discount = 1 / np.log2(3)
    expected = {
        "reciprocal_rank": 1 / 2,
        "precision": 1 / 3,
        "recall": 1 / 2,
        "average_precision": 1 / 4,
        "dcg": discount,
        "ndcg": discount / (1 + discount),
    }
    for name, value in expected.items():
        np.testing.assert_allclose(float(ROWS[name].fn(labels, scores)), value, rtol=1e-6)


@over(TABLE)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_score_of_nan_makes_its_list_nan(row, sign):
    """Under the compiler too, where XLA orders a NaN by its sign bit."""
    given = batch(row, lengths=SHORT_LENGTHS)
    first = np.cumsum(given.mask, axis=1) * given.mask == 1
    diverged = (np.arange(LISTS) % 3 == 0) & given.mask.any(axis=1)
    nan = np.copysign(np.float32("nan"), np.float32(sign))
    spoiled = given.but(scores=np.where(first & diverged[:, None], nan, given.scores))
    for ties in ("position", "expected"):
        fn = compiled(functools.partial(row.fn, ties=ties))
        values = number(fn(*map(ops.convert_to_tensor, (given.labels, spoiled.scores)), mask=given.mask))
        np.testing.assert_array_equal(np.isnan(values), diverged)
        close(values[~diverged], calculated(row, given, ties=ties)[~diverged])
    left_out = given.but(weights=np.where(first, 0, np.where(given.mask, 1, np.nan)).astype("float32"))
    everything = by_loop(row, left_out, weighted=True)
    close(calculated(row, left_out.but(scores=spoiled.scores), weighted=True), everything)
    for empty in ("skip", 0, 1):
        assert np.isnan(measured(row.keras_class(empty=empty), spoiled))


# Keras metrics


def measured(metric, *givens, weights=None, **documents):
    """The result of a metric over some batches."""
    metric.reset_state()
    for given in givens:
        metric.update_state(given.marked, given.scores, weights, **documents)
    return float(metric.result())


def mean_by_loop(row, given, weights, empty, average, **options):
    """The mean over the lists of a batch under each convention; `weights` as for `update_state`."""
    by_document = np.broadcast_to(weights if np.ndim(weights) == 2 else weights[:, None], (LISTS, SIZE))
    weighted = given.but(weights=by_document)
    total = known = 0.0
    with_relevance = without = 0
    for b, value in enumerate(by_loop(row, weighted, weighted=True, **options)):
        labels, _, own = one_list(given, b, by_document)
        relevance = row.relevance(labels)
        if any(relevance):
            weight = sum(w * r for w, r in zip(own, relevance, strict=True))
            weight /= sum(relevance) if average == "lists" else 1.0
            total += value * weight
            known += weight
            with_relevance += 1
        elif labels:
            without += 1
    assert with_relevance
    assert without
    others = 0 if empty == "skip" else without * known / with_relevance
    return (total + (others if empty == 1 else 0.0)) / (known + others)


NOTHING = pytest.approx(float("nan"), nan_ok=True)


def under_each(metric):
    """The result by what a list without relevance counts."""
    results = {}
    for empty in ("skip", 0, 1):
        other = type(metric).from_config(metric.get_config() | {"empty": empty})
        for ours, theirs in zip(other.variables, metric.variables, strict=True):
            ours.assign(theirs.value)
        results[empty] = float(other.result())
    return results


@over(TABLE)
@pytest.mark.parametrize("average", ["lists", "relevance"])
def test_the_mean_under_each_convention(row, average):
    given, cut = batch(row), row.cuts[-1]
    metric = row.keras_class(average=average, **cut)
    for weights in (np.linspace(0, 2, LISTS, dtype="float32"), given.weights):
        measured(metric, given, weights=weights)
        expected = {empty: mean_by_loop(row, given, weights, empty, average, **cut) for empty in ("skip", 0, 1)}
        assert len(set(expected.values())) == 3
        assert under_each(metric) == pytest.approx(expected, rel=1e-5)


FALLING = np.tile(-np.arange(SIZE, dtype="float32"), (LISTS, 1))


def written(rows, padding):
    """A batch of these lists; the rest of its places are padding."""
    batch = np.full((LISTS, SIZE), padding, "float32")
    for b, row in enumerate(rows):
        batch[b, : len(row)] = row
    return batch


@pytest.mark.parametrize(
    "weights, skip, zero, one",
    [
        (None, 1.5 / 2, 1.5 / 3, 2.5 / 3),
        (np.array([1, 3, 5] + [7] * 13, "float32"), 2.5 / 4, 2.5 / 6, 4.5 / 6),
        (written([[2, 9], [9, 4, 9]], padding=9), 4 / 6, 4 / 9, 7 / 9),
    ],
    ids=["unweighted", "one weight per list", "one weight per document"],
)
def test_empty_by_hand(weights, skip, zero, one):
    """Reciprocal ranks 1, 1/2, none, and lists that are all padding."""
    for empty, expected in (("skip", skip), (0, zero), (1, one)):
        metric = metrics.MRR(empty=empty)
        metric.update_state(written([[1, 0], [0, 2, 0], [0, 0, 0]], padding=-1), FALLING, weights)
        np.testing.assert_allclose(float(metric.result()), expected, rtol=1e-6)


def test_average_by_hand():
    """Precision 1/2 of one relevant document that weighs 2; 2/3 of two that weigh 1 and 4."""
    labels = written([[1, 0], [1, 0, 3]], padding=-1)
    for weights, lists, relevance in (
        (None, (1 / 2 + 2 / 3) / 2, (1 / 2 + 2 * 2 / 3) / 3),
        (written([[2], [1, 1, 4]], padding=1), (2 / 2 + 2.5 * 2 / 3) / 4.5, (2 / 2 + 5 * 2 / 3) / 7),
    ):
        for average, expected in (("lists", lists), ("relevance", relevance)):
            metric = metrics.Precision(average=average)
            metric.update_state(labels, FALLING, weights)
            np.testing.assert_allclose(float(metric.result()), expected, rtol=1e-6)


@over(TABLE)
def test_only_lists_without_relevance(row):
    given, metric = batch(row), row.keras_class()
    measured(metric, given.but(labels=given.labels * 0), weights=np.full(LISTS, 2.5, "float32"))
    assert under_each(metric) == {"skip": NOTHING, 0: 0, 1: 1}


@over(TABLE)
def test_no_list_at_all(row):
    given, metric = batch(row), row.keras_class()
    assert under_each(metric) == {"skip": NOTHING, 0: 0, 1: 0}
    measured(metric, given.but(mask=np.zeros_like(given.mask)))
    assert under_each(metric) == {"skip": NOTHING, 0: 0, 1: 0}
    measured(metric, given, weights=np.zeros(LISTS, "float32"))
    assert under_each(metric) == {"skip": NOTHING, 0: 0, 1: 0}


@over(TABLE)
def test_the_mean_does_not_depend_on_the_batches(row):
    """The lists of each part alone, the others all padding, so that no padded list may count."""
    given, metric = batch(row), row.keras_class()
    odd = np.arange(LISTS)[:, None] % 2 == 1
    parts = [given.but(mask=given.mask & part) for part in (odd, ~odd)]
    measured(metric, given, weights=given.weights)
    whole = under_each(metric)
    measured(metric, *parts, weights=given.weights)
    assert under_each(metric) == pytest.approx(whole, rel=1e-5)


def test_batches_of_another_size_have_the_same_mean():
    given, half = batch(MRR), LISTS // 2
    whole, split = metrics.MRR(empty=1), metrics.MRR(empty=1)
    whole.update_state(given.marked, given.scores, given.weights)
    for part in (slice(half), slice(half, None)):
        split.update_state(given.marked[part], given.scores[part], given.weights[part])
    np.testing.assert_allclose(float(split.result()), float(whole.result()), rtol=1e-5)


@over(TABLE)
def test_documents_reach_the_function(row):
    given = batch(row, levels=(2,))
    ids = given.ids.astype(str)
    values = by_loop(row, given, ids=ids)
    relevant = [any(row.relevance(one_list(given, b)[0])) for b in range(LISTS)]
    metric = row.keras_class(ties="trec", average="lists", empty="skip")
    got = measured(metric, given, documents=ids)
    np.testing.assert_allclose(got, values[relevant].mean(), rtol=1e-5)


@over(TABLE)
def test_the_class_hands_on_its_options(row):
    given = batch(row)
    relevance = {k: v for k, v in row.options.items() if k != "gain"}
    for options in ({name: value} for name, value in relevance.items()):
        cut = cut_for(*options)
        values = calculated(row, given, **options, **cut)
        metric = row.keras_class(empty=0, average="lists", **options, **cut)
        np.testing.assert_allclose(measured(metric, given), values.sum() / given.mask.any(axis=1).sum(), rtol=1e-5)


def test_the_default_names_are_distinct():
    names = [row.keras_class().name for row in TABLE]
    names += [row.keras_class(topn=3).name for row in TABLE if takes(row.keras_class, "topn")]
    names.append(metrics.Precision(topn="relevant").name)
    assert len(set(names)) == len(names)
    assert {"ndcg", "ndcg@3", "map", "precision@3", "bpref", "alpha_dcg@3", "precision_ia", "arp", "opa"} < set(names)
    assert {"mrr", "err@3", "rbp", "hits@3", "recall@3", "dcg", "precision@relevant"} < set(names)


def test_the_table_holds_every_metric():
    assert {row.keras_class for row in TABLE} == {
        kind for name, kind in registry.classes_by_name(RankingMetric).items() if ">" not in name
    }
    others = {"get", "Ranked", "RankingMetric"}
    assert {*ROWS, *(row.keras_class.__name__ for row in TABLE), *others} == set(metrics.__all__)


def test_the_direction_is_that_of_improvement():
    assert [row.keras_class.__name__ for row in TABLE if row.keras_class()._direction == "down"] == ["ARP"]
    for name, better, worse in (("ndcg", 0.7, 0.5), ("arp", 1.5, 2.5)):
        improves = metrics.get(name).improves
        assert improves(better, worse)
        assert not improves(worse, better)


def test_anything_is_better_than_nan():
    improves, nan = metrics.NDCG().improves, float("nan")
    assert improves(0.0, nan)
    assert not improves(nan, None)
    assert not improves(nan, nan)
    assert not improves(nan, 0.0)


# Configs

OTHER = {
    "topn": 3,
    "gain": gains.identity,
    "discount": gains.inverse,
    "max_grade": 3.0,
    "divide_by": "topn",
    "persistence": 0.5,
    "use_trec_version": False,
    "alpha": 0.2,
    "empty": 1,
    "ties": "trec",
    "name": "mine",
    "ragged": True,
    "short": 0,
}


def arguments(kind):
    """Every argument of a class at another value than its default."""
    parameters = inspect.signature(kind).parameters
    average = "relevance" if parameters["average"].default == "lists" else "lists"
    changed = {name: (OTHER | {"average": average})[name] for name in parameters}
    assert all(changed[name] != parameter.default for name, parameter in parameters.items())
    return changed


def from_json(metric):
    return type(metric).from_config(json.loads(json.dumps(metric.get_config())))


def from_keras(metric):
    return keras.saving.deserialize_keras_object(json.loads(json.dumps(keras.saving.serialize_keras_object(metric))))


@over(TABLE)
def test_the_config_holds_every_argument(row):
    given, changed = batch(row), arguments(row.keras_class)
    metric = row.keras_class(**changed)
    assert set(metric.get_config()) == set(changed)
    for again in (from_json, from_keras):
        other = again(metric)
        assert type(other) is row.keras_class
        assert other.name == "mine"
        assert other.ragged
        assert other.get_config() == metric.get_config()
    known = {"weights": given.weights, "documents": given.ids}
    result = measured(metric, given, **known)
    assert measured(other, given, **known) == result
    assert not np.isclose(measured(row.keras_class(), given, **known), result, rtol=1e-3)


class NDCGAtFive(metrics.NDCG):
    """A metric of a user, without arguments."""

    def __init__(self):
        super().__init__(topn=5)


class Top(RankingMetric):
    """A metric of a user with arguments of other names: the share of relevant documents at the top."""

    fn = staticmethod(lambda lists, *, topn: ops.mean(lists.of_retrieved(lists.relevant())[..., :topn], axis=-1))

    def __init__(self, depth=1, without=0, mean="lists"):
        super().__init__(depth, empty=without, average=mean)


@pytest.mark.parametrize("kind", [NDCGAtFive, Top])
def test_a_metric_of_your_own_is_made_again_from_its_config(kind):
    given, metric = batch(NDCG), kind()
    own = measured(metric, given)
    assert 0 < measured(from_json(metric), given) == own
    lists, scores = lists_and_scores()
    assert 0 < evaluate_scores(scores, lists, [metric])[metric.name] < 1


@pytest.mark.parametrize("given, option", [("depth", "topn"), ("without", "empty"), ("mean", "average")])
@pytest.mark.parametrize("value", [-1, 2.5, True, np.True_, "no"])
def test_options_are_checked_by_what_they_are_handed_on_as(given, option, value):
    with pytest.raises(ValueError, match=rf"{option} must be .*, but got {option}={re.escape(repr(value))}$"):
        Top(**{given: value})


@over(TABLE)
def test_the_config_of_the_defaults(row):
    metric = row.keras_class()
    other = from_json(metric)
    assert other.get_config() == metric.get_config()
    assert other.name == metric.name


def test_a_lambda_cannot_be_saved():
    with pytest.raises(ValueError, match=r"gain=.*cannot be saved"):
        metrics.NDCG(gain=lambda label: label).get_config()


# Names


@over(TABLE)
def test_get_by_name(row):
    kind = row.keras_class
    name = kind().name
    assert type(metrics.get(name)) is kind
    assert metrics.get(name, empty=1, ties="expected").get_config() == kind(empty=1, ties="expected").get_config()
    if takes(kind, "topn"):
        assert metrics.get(f"{name}@10").get_config() == kind(topn=10).get_config()
    else:
        with pytest.raises(ValueError, match=f"unknown option of {name}: 'topn'; "):
            metrics.get(f"{name}@10")


def test_get_errors_say_what_is_known():
    with pytest.raises(ValueError, match=r"unknown metric 'ndgc'; did you mean 'ndcg'"):
        metrics.get("ndgc@10")
    with pytest.raises(ValueError, match=r"unknown metric 'gain'; known are alpha_dcg, arp, bpref, .*, rbp, recall"):
        metrics.get("gain@3")
    with pytest.raises(ValueError, match=r"unknown option of ndcg: 'depth'; known are average, discount, empty, gain"):
        metrics.get("ndcg", depth=3)
    for name in (1, None, ["ndcg"]):
        with pytest.raises(
            ValueError, match=rf"the name of a metric must be a string, but got {re.escape(repr(name))}"
        ):
            metrics.get(name)
    for name in ("ndcg@", "ndcg@ten", "ndcg@-1", "ndcg@2.5", "ndcg@5@5", "precision@relevant"):
        with pytest.raises(ValueError, match=f"a whole number, as in ndcg@10, but got {name!r}"):
            metrics.get(name)
    with pytest.raises(ValueError, match=r"topn must be a whole number of at least 1, .*but got topn=0"):
        metrics.get("ndcg@0")


# Errors

WRONG = [
    ("topn", (0, -1, 2.5, "3", True)),
    ("ties", ("best", None, True)),
    ("divide_by", ("n", None, True)),
    ("short", ("skip", 1, None, False)),
    ("persistence", (0.0, 1.0, -0.5, 1.5, float("nan"), True)),
    ("alpha", (-0.1, 1.1, float("nan"), True, False)),
    ("max_grade", (0, -1.0, float("nan"), True)),
]
ONLY_OF_CLASSES = [("empty", ("none", 2, -1, 0.5, None, True, False)), ("average", ("mean", None, True))]


@over(TABLE)
def test_an_option_outside_of_what_is_allowed(row):
    for option, values in WRONG:
        for value in values if takes(row.fn, option) else ():
            message = rf"{option} must .*but got {option}={re.escape(repr(value))}$"
            with pytest.raises(ValueError, match=message):
                calculated(row, batch(row), **{option: value})
            with pytest.raises(ValueError, match=message):
                row.keras_class(**{option: value})
    for option, values in ONLY_OF_CLASSES:
        for value in values:
            with pytest.raises(ValueError, match=rf"{option} must be one of .*but got {option}={value!r}$"):
                row.keras_class(**{option: value})


@pytest.mark.parametrize("name, options", [("average_precision", {"divide_by": "topn"}), ("ndcg", {"short": 0})])
def test_what_is_said_of_a_cut_off_needs_one(name, options):
    row = ROWS[name]
    with pytest.raises(ValueError, match="needs a number for topn, but got topn=None"):
        calculated(row, batch(row), **options)
    with pytest.raises(ValueError, match="needs a number for topn, but got topn=None"):
        row.keras_class(**options)


@pytest.mark.parametrize("topn", [None, "relevant"])
def test_precision_divides_by_a_number(topn):
    with pytest.raises(ValueError, match=f"needs a number for topn, but got topn={topn!r}"):
        calculated(PRECISION, batch(PRECISION), divide_by="topn", topn=topn)
    with pytest.raises(ValueError, match=f"needs a number for topn, but got topn={topn!r}"):
        metrics.Precision(divide_by="topn", topn=topn)


@over(GRADED)
def test_only_ordered_pair_accuracy_counts_ties_as_incorrect(row):
    given = batch(row)
    if row is ROWS["ordered_pair_accuracy"]:
        close(calculated(row, given, ties="incorrect"), calculated(row, given))
    else:
        with pytest.raises(ValueError, match=r"ties must be one of .*position.*, but got ties='incorrect'"):
            calculated(row, given, ties="incorrect")


def test_bpref_over_expected_ties_is_that_of_the_whole_list():
    with pytest.raises(ValueError, match="topn must be None, but got topn=3"):
        calculated(BPREF, batch(BPREF), topn=3, ties="expected")
    with pytest.raises(ValueError, match="topn must be None, but got topn=3"):
        metrics.BPref(topn=3, ties="expected")


SHAPES = {
    "scores": (LISTS, SIZE + 1),
    "mask": (LISTS, SIZE + 1),
    "weights": (LISTS, SIZE + 1),
    "weights of fewer lists": (LISTS - 1,),
}


@over(TABLE)
@pytest.mark.parametrize("which", SHAPES)
def test_another_shape_is_named(row, which):
    given = batch(row)
    argument, shape = which.split()[0], SHAPES[which]
    wrong = {"scores": given.scores, "mask": given.mask} | {argument: np.ones(shape, "float32")}
    named = argument.replace("weights", "sample_weight")
    with pytest.raises(ValueError, match=rf"{named} must .*but got .*{re.escape(str(list(shape)))}"):
        row.fn(given.labels, **wrong)


@over(TABLE)
def test_subtopics_where_they_belong(row):
    given = batch(row)
    labels = given.labels[..., 0] if row.subtopics else np.repeat(given.labels[..., None], SIZE, axis=-1)
    with pytest.raises(ValueError, match=rf"labels.*{re.escape(str(list(labels.shape)))}"):
        row.fn(labels, given.scores, mask=given.mask)


@pytest.mark.parametrize("shape", [(LISTS, 1), (LISTS, SIZE - 1), (LISTS, SIZE + 1), (SIZE,), (LISTS,)])
def test_document_ids_of_another_shape(shape):
    given = batch(NDCG)
    with pytest.raises(ValueError, match=rf"documents must .*but got .*{re.escape(str(list(shape)))}"):
        calculated(NDCG, given, ties="trec", documents=np.arange(np.prod(shape)).reshape(shape))


# Subtopics


@over([ROWS["alpha_dcg"], ROWS["precision_ia"]])
def test_a_label_below_0_in_a_subtopic_counts_as_0(row):
    given = batch(row)
    negative = given.but(labels=np.where(given.labels == 0, np.float32(-1), given.labels))
    close(calculated(row, negative), calculated(row, given))
    first = np.arange(SUBTOPICS) == 0
    some = given.but(labels=np.where(first & (given.labels == 0), np.float32(-2), given.labels))
    expected = measured(row.keras_class(), given)
    np.testing.assert_allclose(measured(row.keras_class(), some), expected, rtol=1e-6)


# Ragged lists


def rows_of(given, column):
    return [column[b][given.mask[b]].tolist() for b in range(LISTS)]


@over([NDCG, ROWS["average_precision"], ROWS["alpha_dcg"]])
def test_ragged_lists_are_padded_lists(row):
    given = batch(row)
    metric = row.keras_class(ragged=True, topn=3)
    for weights in (None, given.weights):
        padded = measured(metric, given, weights=weights)
        metric.reset_state()
        of_rows = None if weights is None else rows_of(given, weights)
        metric.update_state(rows_of(given, given.labels), rows_of(given, given.scores), of_rows)
        np.testing.assert_allclose(float(metric.result()), padded, rtol=1e-6)
    with pytest.raises(ValueError, match="ragged=True"):
        row.keras_class().update_state(rows_of(given, given.labels), rows_of(given, given.scores))


# Scores of whole data sets


@functools.cache
def lists_and_scores():
    """Lists of at most 8 documents, and coarse scores of them."""
    lists = made_lists(50, seed=0)
    lists = lists.select(np.flatnonzero(lists.lengths <= SIZE))
    random = np.random.default_rng(0)
    documents = np.array([f"d{k}" for k in random.permutation(len(lists.labels))])
    return dataclasses.replace(lists, documents=documents), random.integers(0, 3, len(documents)).astype("float32")


def of_queries(lists, scores, loop, ids=None, **options):
    """The mean of a loop over the queries; 0 for those without a relevant document."""
    values = []
    for start, stop in zip(lists.row_splits[:-1], lists.row_splits[1:], strict=True):
        places = range(start, stop)
        if ids is not None:
            places = sorted(places, key=lambda i: ids[i], reverse=True)
        values.append(loop(lists.labels[list(places)].tolist(), scores[list(places)].tolist(), **options))
    return np.mean(values)


def test_evaluate_scores_by_names_and_by_metrics():
    lists, scores = lists_and_scores()
    given = batch(MRR)
    own = metrics.MRR(topn=3, ties="expected", name="mine")
    before = measured(own, given)
    found = evaluate_scores(scores, lists, ["ndcg@5", own, "map", metrics.Precision(topn=3)], batch_size=LISTS)
    assert list(found) == ["ndcg@5", "mine", "map", "precision@3"]
    expected = functools.partial(references.expected_over_ties, references.reciprocal_rank)
    close(
        list(found.values()),
        [
            of_queries(lists, scores, references.ndcg, topn=5),
            of_queries(lists, scores, expected, topn=3),
            of_queries(lists, scores, references.average_precision),
            of_queries(lists, scores, references.precision, topn=3),
        ],
    )
    assert float(own.result()) == before != found["mine"]
    assert evaluate_scores(scores, lists, [own], batch_size=LISTS)["mine"] == found["mine"]


def test_evaluate_scores_knows_the_ids_of_documents():
    lists, scores = lists_and_scores()
    found = evaluate_scores(scores, lists, [metrics.NDCG(ties="trec")], batch_size=LISTS)["ndcg"]
    close(found, of_queries(lists, scores, references.ndcg, ids=lists.documents))
    assert abs(found - of_queries(lists, scores, references.ndcg)) > 1e-3
    as_numbers = [int(name[1:]) for name in lists.documents]
    assert abs(found - of_queries(lists, scores, references.ndcg, ids=as_numbers)) > 1e-3


@pytest.mark.parametrize(
    "scores_of",
    [
        lambda level: 20.123456788 + 1e-9 * level,
        lambda level: 1.7e9 + level,
        lambda level: (2**60 + level).astype("int64"),
        lambda level: np.array([-0.0, 0.0, 1e300])[level] + np.array([-1e-300, 0, 0])[level],
        lambda level: level.astype("float16") - 1,
        lambda level: level,
    ],
    ids=["differences of 1e-9", "epoch seconds", "large whole numbers", "the range of float64", "float16", "small"],
)
@pytest.mark.parametrize("ties", ["position", "expected", "trec"])
def test_evaluate_scores_ranks_scores_of_any_type_as_they_are(scores_of, ties):
    lists, scores = lists_and_scores()
    own = [metrics.NDCG(ties=ties), metrics.OPA(ties=ties)]
    expected = evaluate_scores(scores, lists, own, batch_size=LISTS)
    assert evaluate_scores(scores_of(scores.astype("int64")), lists, own, batch_size=LISTS) == expected


@pytest.mark.parametrize("ties", ["position", "expected", "trec"])
def test_a_constant_score_and_the_order_of_the_documents(ties):
    lists, scores = lists_and_scores()
    backwards = np.concatenate(
        [np.arange(lists.row_splits[q], lists.row_splits[q + 1])[::-1] for q in range(len(lists))]
    )
    others = lists.take(backwards, lists.lengths, np.arange(len(lists)))
    kinds = (metrics.NDCG, metrics.MAP)
    found = [
        evaluate_scores(np.ones_like(scores), x, [kind(ties=ties) for kind in kinds], batch_size=LISTS)
        for x in (lists, others)
    ]
    changes = np.array([abs(found[0][name] - found[1][name]) for name in found[0]])
    assert (changes > 1e-3).all() if ties == "position" else (changes < 1e-6).all()


@pytest.mark.parametrize("topn", [True, float("inf"), float("nan")])
def test_a_cut_off_is_a_whole_number(topn):
    with pytest.raises(ValueError, match=f"topn must be a whole number of at least 1, .*topn={topn!r}"):
        metrics.NDCG(topn=topn)


def test_a_cut_off_may_come_from_numpy():
    metric = metrics.NDCG(topn=np.int64(2))
    assert json.loads(json.dumps(metric.get_config()))["topn"] == 2
    assert metrics.NDCG(topn=2.0).name == metric.name == "ndcg@2"


def test_what_is_told_twice_is_refused():
    with pytest.raises(ValueError, match="ndcg@10 already has a cut-off, but got topn=5 too"):
        metrics.get("ndcg@10", topn=5)
    lists = made_lists(3, 0)
    two = [metrics.NDCG(topn=10), metrics.NDCG(topn=10, gain=gains.identity)]
    with pytest.raises(ValueError, match=r"each metric must have a name of its own, but got \['ndcg@10', 'ndcg@10'\]"):
        evaluate_scores(np.zeros(len(lists.labels)), lists, two)
    with pytest.raises(ValueError, match=r"empty must be one of .*, but got empty=True"):
        metrics.NDCG(empty=True)
