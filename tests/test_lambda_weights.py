"""Lambda weights against their loops, and what they do in the losses that accept them."""

import functools
import inspect
import json

import keras
import numpy as np
import pytest
import references
from backends import at_once, differentiated
from keras import ops

from plackett import gains, losses
from plackett.lambdas import LambdaWeight, PairWeight

SIZE = 12
LENGTHS = np.array([12, 6, 1, 4, 8, 3])
MASK = np.arange(SIZE) < LENGTHS[:, None]
RANDOM = np.random.default_rng(0)
LABELS = RANDOM.integers(0, 4, MASK.shape).astype("float32")
LABELS[3] = 0
SCORES = (RANDOM.integers(-8, 9, MASK.shape) / 4).astype("float32")
NOISE = RANDOM.uniform(size=(6, 3, SIZE)).astype("float32")
LOOPS = {
    gains.identity: references.identity,
    gains.pow_minus_1: references.pow_minus_1,
    gains.inverse: references.inverse,
    gains.log2_inverse: references.log2_inverse,
    "topn": "topn",
    "gain_fn": "gain",
    "rank_discount_fn": "discount",
    "positive_fn": "positive",
}


@keras.saving.register_keras_serializable("tests")
def is_at_least_2(label):
    return label >= 2.0


LOOPS[is_at_least_2] = is_at_least_2

DCG_V2_PAIRS = functools.partial(
    references.ndcg_v2_pairs, gain=references.identity, discount=references.inverse, normalized=False
)
PAIRS = [
    (losses.LabelDiffLambdaWeight, {}, references.label_diff_pairs),
    (losses.DCGLambdaWeight, {}, references.dcg_pairs),
    (losses.DCGLambdaWeight, {"topn": 3, "smooth_fraction": 0.25}, references.dcg_pairs),
    (losses.DCGLambdaWeight, {"gain_fn": gains.pow_minus_1, "smooth_fraction": 1.0}, references.dcg_pairs),
    (
        losses.DCGLambdaWeight,
        {"rank_discount_fn": gains.log2_inverse, "normalized": True, "topn": 2},
        references.dcg_pairs,
    ),
    (losses.NDCGLambdaWeight, {}, references.ndcg_pairs),
    (losses.NDCGLambdaWeight, {"topn": 3, "smooth_fraction": 0.5, "gain_fn": gains.identity}, references.ndcg_pairs),
    (losses.DCGLambdaWeightV2, {}, DCG_V2_PAIRS),
    (losses.DCGLambdaWeightV2, {"topn": 2, "gain_fn": gains.pow_minus_1}, DCG_V2_PAIRS),
    (losses.DCGLambdaWeightV2, {"topn": 2, "normalized": True}, DCG_V2_PAIRS),
    (losses.NDCGLambdaWeightV2, {}, references.ndcg_v2_pairs),
    (losses.NDCGLambdaWeightV2, {"topn": 2}, references.ndcg_v2_pairs),
    (losses.NDCGLambdaWeightV2, {"topn": 1, "rank_discount_fn": gains.inverse}, references.ndcg_v2_pairs),
    (losses.YetiDCGLambdaWeight, {}, references.yeti_pairs),
    (losses.YetiDCGLambdaWeight, {"topn": 2, "normalized": True}, references.yeti_pairs),
    (losses.PrecisionLambdaWeight, {}, references.precision_pairs),
    (losses.PrecisionLambdaWeight, {"topn": 2}, references.precision_pairs),
    (losses.PrecisionLambdaWeight, {"topn": 2, "positive_fn": is_at_least_2}, references.precision_pairs),
]
NDCG_DOCUMENTS = functools.partial(
    references.dcg_documents, gain=references.pow_minus_1, discount=references.log2_inverse, normalized=True
)
YETI_DOCUMENTS = functools.partial(NDCG_DOCUMENTS, normalized=False)
DOCUMENTS = [
    (losses.DCGLambdaWeight, {}, references.dcg_documents),
    (losses.DCGLambdaWeight, {"topn": 2, "normalized": True}, references.dcg_documents),
    (losses.NDCGLambdaWeight, {}, NDCG_DOCUMENTS),
    (losses.NDCGLambdaWeight, {"topn": 2}, NDCG_DOCUMENTS),
    (losses.DCGLambdaWeightV2, {"topn": 3}, references.dcg_documents),
    (losses.NDCGLambdaWeightV2, {"topn": 3}, NDCG_DOCUMENTS),
    (losses.YetiDCGLambdaWeight, {"topn": 3}, YETI_DOCUMENTS),
    (losses.ListMLELambdaWeight, {}, references.list_mle_documents),
    (losses.ListMLELambdaWeight, {"rank_discount_fn": gains.inverse}, references.list_mle_documents),
]
SIGNATURES = {
    losses.LabelDiffLambdaWeight: [],
    losses.DCGLambdaWeight: [
        ("topn", None),
        ("gain_fn", gains.identity),
        ("rank_discount_fn", gains.inverse),
        ("normalized", False),
        ("smooth_fraction", 0.0),
        ("weighted", False),
    ],
    losses.NDCGLambdaWeight: [
        ("topn", None),
        ("gain_fn", gains.pow_minus_1),
        ("rank_discount_fn", gains.log2_inverse),
        ("smooth_fraction", 0.0),
        ("weighted", False),
    ],
    losses.DCGLambdaWeightV2: [
        ("topn", None),
        ("gain_fn", gains.identity),
        ("rank_discount_fn", gains.inverse),
        ("normalized", False),
        ("weighted", False),
    ],
    losses.NDCGLambdaWeightV2: [
        ("topn", None),
        ("gain_fn", gains.pow_minus_1),
        ("rank_discount_fn", gains.log2_inverse),
        ("weighted", False),
    ],
    losses.YetiDCGLambdaWeight: [
        ("topn", None),
        ("gain_fn", gains.pow_minus_1),
        ("rank_discount_fn", gains.log2_inverse),
        ("normalized", False),
        ("weighted", False),
    ],
    losses.PrecisionLambdaWeight: [("topn", None), ("positive_fn", gains.is_greater_equal_1)],
    losses.ListMLELambdaWeight: [("rank_discount_fn", gains.log2_inverse)],
}


def named(case):
    kind, options, _ = case
    return "-".join([kind.__name__, *(f"{k}={getattr(v, '__name__', v)}" for k, v in options.items())])


def for_loop(options):
    """The options of a weight, as its loop calls them."""
    return {LOOPS.get(k, k): LOOPS[v] if callable(v) else v for k, v in options.items()}


def ranks_of_lists(scores=SCORES):
    """[lists, SIZE], ranks among the real documents; NaN at padding."""
    ranks = np.full(scores.shape, np.nan, "float32")
    for b, real in enumerate(MASK):
        ranks[b][real] = references.ranks(scores[b][real])
    return ranks


def spoiled(x):
    return np.where(MASK, x, np.float32("nan"))


def number(x):
    return ops.convert_to_numpy(x)


def close(got, expected):
    np.testing.assert_allclose(got, expected, rtol=2e-5, atol=1e-6)


def document_gains(b, loop, options, scores=SCORES):
    """What a document's own weight is in list b."""
    real = MASK[b]
    return loop(LABELS[b][real].tolist(), references.ranks(scores[b][real]), **for_loop(options))


@pytest.mark.parametrize("case", PAIRS, ids=named)
def test_pair_weights_equal_the_loop(case):
    kind, options, loop = case
    ranks = ranks_of_lists()
    weight = kind(**options)
    got = number(at_once(lambda labels: weight.pair_weights(labels, ranks, MASK))(spoiled(LABELS)))
    expected = np.zeros(got.shape)
    for b, real in enumerate(MASK):
        table = loop(LABELS[b][real].tolist(), ranks[b][real].tolist(), **for_loop(options))
        expected[b][np.ix_(real, real)] = table
    close(got, expected)
    assert np.abs(expected[0]).max() > 0


@pytest.mark.parametrize("case", DOCUMENTS, ids=named)
def test_document_weights_equal_the_loop(case):
    kind, options, loop = case
    weight, ranks = kind(**options), ranks_of_lists()
    got = number(at_once(lambda labels: weight.document_weights(labels, ranks, MASK))(spoiled(LABELS)))
    expected = np.zeros(got.shape)
    for b, real in enumerate(MASK):
        expected[b][real] = document_gains(b, loop, options)
    close(got, expected)


def test_no_mask_means_that_all_are_real():
    labels, ranks = np.array([2.0, 0.0, 1.0], "float32"), np.array([3.0, 1.0, 2.0], "float32")
    weight = losses.NDCGLambdaWeight()
    both = at_once(lambda labels: (weight.pair_weights(labels, ranks), weight.document_weights(labels, ranks)))
    pairs, documents = both(labels)
    close(number(pairs), references.ndcg_pairs(labels.tolist(), ranks.tolist()))
    close(number(documents), NDCG_DOCUMENTS(labels.tolist(), ranks.tolist()))


LARGE = [
    (losses.NDCGLambdaWeight, {}, references.ndcg_pairs),
    (losses.NDCGLambdaWeight, {"topn": 3, "smooth_fraction": 0.5}, references.ndcg_pairs),
    (losses.NDCGLambdaWeightV2, {"topn": 2}, references.ndcg_v2_pairs),
    (losses.YetiDCGLambdaWeight, {"normalized": True}, references.yeti_pairs),
]


@pytest.mark.parametrize("labels", [LABELS + 125, LABELS * 330], ids=["near 2^128", "2^990"])
@pytest.mark.parametrize("case", LARGE, ids=named)
def test_normalized_weights_at_large_grades(case, labels):
    kind, options, loop = case
    weight, ranks = kind(**options), ranks_of_lists()
    both = at_once(lambda x: (weight.pair_weights(x, ranks, MASK), weight.document_weights(x, ranks, MASK)))
    pairs, documents = map(number, both(spoiled(labels)))
    for b, real in enumerate(MASK):
        known, own = labels[b][real].tolist(), for_loop({k: v for k, v in options.items() if k == "topn"})
        close(pairs[b][np.ix_(real, real)], loop(known, ranks[b][real].tolist(), **for_loop(options)))
        close(documents[b][real], NDCG_DOCUMENTS(known, ranks[b][real].tolist(), **own))


# Weights of documents


WEIGHTS = RANDOM.uniform(0.5, 2, MASK.shape).astype("float32")
OF_GAINS = [
    (losses.DCGLambdaWeight, {"topn": 3, "smooth_fraction": 0.5}),
    (losses.NDCGLambdaWeight, {}),
    (losses.DCGLambdaWeightV2, {"normalized": True}),
    (losses.NDCGLambdaWeightV2, {"topn": 2}),
    (losses.YetiDCGLambdaWeight, {"normalized": True}),
]


@pytest.mark.parametrize("kind, options", OF_GAINS)
def test_weights_of_documents_multiply_gains(kind, options):
    """Linear gains of weighted documents are those of the labels times the weights."""
    plain, ranks = kind(gain_fn=gains.identity, **options), ranks_of_lists()
    weighted = kind(gain_fn=gains.identity, weighted=True, **options)
    expected = number(plain.pair_weights(spoiled(LABELS * WEIGHTS), ranks, MASK))
    close(number(weighted.pair_weights(spoiled(LABELS), ranks, MASK, spoiled(WEIGHTS))), expected)
    close(number(weighted.pair_weights(LABELS, ranks, MASK)), number(plain.pair_weights(LABELS, ranks, MASK)))
    assert np.abs(expected - number(plain.pair_weights(LABELS, ranks, MASK))).max() > 0.01


@pytest.mark.parametrize("kind, options", OF_GAINS)
@pytest.mark.parametrize("size", [8, 1200])
def test_weighted_gains_in_a_pairwise_loss(kind, options, size):
    """In every way to sum pairs: of short lists and of long ones."""
    random = np.random.default_rng(9)
    labels = random.integers(0, 3, size).astype("float32")
    scores, weights = random.normal(size=(2, size)).astype("float32") + np.float32([[0], [4]])
    weight = kind(weighted=True, **options)
    ranks = np.argsort(np.argsort(-scores)).astype("float32") + 1
    table = number(weight.pair_weights(labels, ranks, weights=weights)).astype("float64")
    preferred = weights[:, None] * (labels[:, None] > labels)
    expected = np.sum(preferred * table * np.logaddexp(0, scores - scores[:, None]))
    got = losses.pairwise_logistic(labels, scores, weights=weights, lambda_weight=weight)
    np.testing.assert_allclose(number(got), expected, rtol=1e-4)


class HeavyWeight(PairWeight):
    def of_pairs(self, labels, ranks, mask, weights):
        return [weights], lambda i, j: i[0] * j[0]


def test_a_weight_of_your_own_may_read_the_weights_of_documents():
    labels, scores, weights = [2.0, 0.0, 1.0], [0.3, 1.2, -0.4], [0.5, 2.0, 1.5]
    table = [[a * b for b in weights] for a in weights]
    expected = references.pairwise_logistic(labels, scores, weights=weights, pair_weights=table)
    got = losses.pairwise_logistic(labels, scores, weights=weights, lambda_weight=HeavyWeight())
    close(number(got), expected)


IN_RAX = ([2.0, 0.0, 1.0, 0.0, 3.0], [0.3, 1.2, -0.4, 0.9, 0.1], [0.5, 2.0, 1.5, 1.0, 0.25])


@pytest.mark.parametrize(
    "topn, normalized, expected",
    [(None, False, 4.819122), (None, True, 1.398308), (2, False, 8.694581), (2, True, 3.224521)],
)
def test_values_of_rax(topn, normalized, expected):
    """`pairwise_logistic_loss` of rax 0.4 with `dcg2_lambdaweight`, both told the weights, and its sum of pairs."""
    labels, scores, weights = IN_RAX
    options = {"gain_fn": gains.pow_minus_1, "rank_discount_fn": gains.log2_inverse, "normalized": normalized}
    weight = losses.DCGLambdaWeightV2(topn, weighted=True, **options)
    close(number(losses.pairwise_logistic(labels, scores, weights=weights, lambda_weight=weight)), expected)


# Where they act


def value_of(loss, scores=SCORES):
    """[lists], the loss of each list, with NaN at the padding, and its gradient."""
    labels = np.where(MASK, LABELS, np.float32(-1))
    padded = np.where(MASK if scores.ndim == 2 else MASK[..., None], scores, np.float32("nan"))
    value, gradient = differentiated(lambda scores: loss(labels, scores))(padded)
    assert np.all(np.isfinite(number(gradient)))
    assert np.all(number(gradient)[~MASK] == 0)
    return number(value)


@pytest.mark.parametrize("case", DOCUMENTS[1:6], ids=named)
def test_softmax_losses_put_it_in_place_of_the_gain(case):
    """At tied scores the first document ranks higher, so the tied ranks are tested too."""
    kind, options, loop = case
    weight = kind(**options)
    expected, unique, poly = [], [], []
    for b, real in enumerate(MASK):
        gained, scores = document_gains(b, loop, options), SCORES[b][real].astype("float64")
        expected.append(references.softmax(gained, scores))
        unique.append(references.unique_softmax(LABELS[b][real], scores, gained))
        poly.append(references.poly_one_softmax(gained, scores))
    assert np.abs(expected).max() > 0.1
    close(value_of(losses.SoftmaxLoss(reduction="none", lambda_weight=weight)), expected)
    close(value_of(losses.UniqueSoftmaxLoss(reduction="none", lambda_weight=weight)), unique)
    close(value_of(losses.PolyOneSoftmaxLoss(reduction="none", lambda_weight=weight)), poly)


@pytest.mark.parametrize("case", DOCUMENTS[1:4], ids=named)
def test_the_virtual_document_of_calibrated_softmax_is_ranked_too(case):
    kind, options, loop = case
    expected = []
    for b, real in enumerate(MASK):
        labels, scores = [*LABELS[b][real].tolist(), 0.5], [*SCORES[b][real].astype("float64"), 0.0]
        expected.append(references.softmax(loop(labels, references.ranks(scores), **for_loop(options)), scores))
    loss = losses.CalibratedSoftmaxLoss(reduction="none", lambda_weight=kind(**options), virtual_label=0.5)
    close(value_of(loss), expected)


PAIRWISE = {
    losses.PairwiseLogisticLoss: (references.pairwise_logistic, PAIRS),
    losses.PairwiseHingeLoss: (references.pairwise_hinge, PAIRS[::5]),
    losses.PairwiseSoftZeroOneLoss: (references.pairwise_soft_zero_one, PAIRS[1::5]),
    losses.PairwiseMSELoss: (references.pairwise_mse, PAIRS[2::5]),
}


@pytest.mark.parametrize(
    "loss, case",
    [(loss, case) for loss, (_, cases) in PAIRWISE.items() for case in cases],
    ids=lambda part: named(part) if isinstance(part, tuple) else part.__name__,
)
def test_pairwise_losses_weigh_each_pair(loss, case):
    kind, options, loop = case
    expected = []
    for b, real in enumerate(MASK):
        labels, scores = LABELS[b][real].tolist(), SCORES[b][real].astype("float64")
        table = loop(labels, references.ranks(scores), **for_loop(options))
        expected.append(PAIRWISE[loss][0](labels, scores, pair_weights=table))
    assert np.abs(expected).max() > 0.1
    close(value_of(loss(reduction="none", lambda_weight=kind(**options))), expected)


@pytest.mark.parametrize("case", [PAIRS[0], PAIRS[8], PAIRS[11]], ids=named)
def test_yeti_logistic_takes_any_weight_of_pairs(case):
    kind, options, loop = case

    def per_sample(labels, scores):
        table = loop(labels, references.ranks(scores), **for_loop(options))
        return references.pairwise_logistic(labels, scores, pair_weights=table)

    expected = [
        references.sampled(per_sample, LABELS[b][real].tolist(), SCORES[b][real].astype("float64"), NOISE[b][:, real])
        for b, real in enumerate(MASK)
    ]
    loss = losses.YetiLogisticLoss(reduction="none", lambda_weight=kind(**options), sample_size=3)
    loss.draw_noise = lambda labels, scores: NOISE
    close(value_of(loss), expected)


@pytest.mark.parametrize("discount", [gains.log2_inverse, gains.inverse])
def test_list_mle_with_weights_of_positions(discount):
    expected = [
        references.list_mle(LABELS[b][real], SCORES[b][real].astype("float64"), NOISE[b][:, real], LOOPS[discount])
        for b, real in enumerate(MASK)
    ]
    loss = losses.ListMLELoss(reduction="none", lambda_weight=losses.ListMLELambdaWeight(discount))
    loss.draw_noise = lambda labels, scores: NOISE
    close(value_of(loss), expected)


@keras.saving.register_keras_serializable("tests")
class TopWeight(LambdaWeight):
    """A user's own weight, with what the documentation asks for and no more."""

    def __init__(self, power=1.0):
        self.power = power

    def pair_weights(self, labels, ranks):
        return ops.minimum(ranks[..., :, None], ranks[..., None, :]) ** -self.power

    def document_weights(self, labels, ranks):
        return labels / ranks


class Bare:
    """A weight without a base class, which is told who is real."""

    def pair_weights(self, labels, ranks, mask):
        return ops.where(mask[..., :, None] & mask[..., None, :], 2.0 + 0.0 * ranks[..., None], float("nan"))


def top_pairs(labels, ranks, power=1.0):
    return references.pairs(len(labels), lambda i, j: min(ranks[i], ranks[j]) ** -power)


def test_a_weight_of_your_own():
    lists = [(LABELS[b][real].tolist(), SCORES[b][real].astype("float64")) for b, real in enumerate(MASK)]
    tables = [top_pairs(labels, references.ranks(scores), 2.0) for labels, scores in lists]
    expected = [references.pairwise_logistic(y, s, pair_weights=t) for (y, s), t in zip(lists, tables, strict=True)]
    loss = losses.PairwiseLogisticLoss(reduction="none", lambda_weight=TopWeight(power=2.0))
    close(value_of(loss), expected)
    read = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert read.options["lambda_weight"].power == 2.0
    close(value_of(read), expected)
    gained = [[y / r for y, r in zip(labels, references.ranks(scores), strict=True)] for labels, scores in lists]
    expected = [references.softmax(g, s) for g, (_, s) in zip(gained, lists, strict=True)]
    close(value_of(losses.SoftmaxLoss(reduction="none", lambda_weight=TopWeight())), expected)
    by_label = [references.list_mle(y, s, discount=None) for y, s in lists]
    assert np.abs(np.array(expected) - by_label).max() > 1e-3


def test_what_a_weight_of_your_own_says_of_padding_is_dropped():
    plain = value_of(losses.PairwiseHingeLoss(reduction="none"))
    close(value_of(losses.PairwiseHingeLoss(reduction="none", lambda_weight=Bare())), 2 * plain)


def test_a_weight_of_your_own_without_the_method_is_refused():
    with pytest.raises(ValueError, match="or a class of your own with document_weights, but got"):
        losses.SoftmaxLoss(lambda_weight=Bare())
    with pytest.raises(ValueError, match=r"one of DCGLambdaWeight, .*, but got"):
        losses.ApproxNDCGLoss(lambda_weight=TopWeight())


APPROXIMATED = [
    (losses.DCGLambdaWeight, {}, {"gain": references.identity, "discount": references.inverse, "normalized": False}),
    (
        losses.DCGLambdaWeight,
        {"topn": 2, "normalized": True, "gain_fn": gains.pow_minus_1},
        {"topn": 2, "discount": references.inverse},
    ),
    (losses.NDCGLambdaWeight, {"topn": 3}, {"topn": 3}),
    (losses.NDCGLambdaWeightV2, {"topn": 2}, {"topn": 2}),
    (losses.YetiDCGLambdaWeight, {}, {"normalized": False}),
]


@pytest.mark.parametrize("case", APPROXIMATED, ids=named)
def test_approximating_losses_approximate_its_metric(case):
    kind, options, metric = case
    lists = [(LABELS[b][real], SCORES[b][real].astype("float64"), NOISE[b][:, real]) for b, real in enumerate(MASK)]
    loss = losses.ApproxNDCGLoss(reduction="none", lambda_weight=kind(**options))
    close(value_of(loss), [references.approx_ndcg(y, s / 0.1, **metric) for y, s, _ in lists])
    loss = losses.GumbelApproxNDCGLoss(reduction="none", lambda_weight=kind(**options), sample_size=3)
    loss.draw_noise = lambda labels, scores: NOISE
    close(value_of(loss), [references.sampled(references.approx_ndcg, y, s, u, 0.1, **metric) for y, s, u in lists])
    loss = losses.NeuralSortNDCGLoss(reduction="none", lambda_weight=kind(**options))
    close(value_of(loss), [references.neural_sort_ndcg(y, s, **metric) for y, s, _ in lists])


@pytest.mark.parametrize("topn", [None, 1, 3])
def test_widely_separated_scores_give_minus_the_exact_ndcg(topn):
    scores = np.stack([np.random.default_rng(b).permutation(SIZE) for b in range(6)]).astype("float32") * 100
    expected = [-references.ndcg(LABELS[b][real], scores[b][real], topn=topn) for b, real in enumerate(MASK)]
    weight = losses.NDCGLambdaWeight(topn=topn)
    close(value_of(losses.ApproxNDCGLoss(reduction="none", lambda_weight=weight), scores), expected)
    loss = losses.GumbelApproxNDCGLoss(reduction="none", lambda_weight=weight, sample_size=3)
    loss.draw_noise = lambda labels, scores: NOISE
    close(value_of(loss, scores), expected)


OF_TWO_GRADES = [
    losses.SoftmaxLoss,
    losses.UniqueSoftmaxLoss,
    losses.PolyOneSoftmaxLoss,
    losses.ApproxNDCGLoss,
    losses.NeuralSortNDCGLoss,
    losses.PairwiseLogisticLoss,
    losses.PairwiseHingeLoss,
    losses.PairwiseSoftZeroOneLoss,
    losses.YetiLogisticLoss,
]


@pytest.mark.parametrize("kind", OF_TWO_GRADES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("case", LARGE, ids=named)
def test_of_two_grades_the_higher_may_be_any(kind, case):
    """A normalised gain is then 1 / max DCG or 0; the grades 0 and 900 are as 0 and 1, in gradients too."""
    weight, options, _ = case
    loss = kind(reduction="none", lambda_weight=weight(**options))
    loss.draw_noise = lambda labels, scores: NOISE
    marked = np.where(MASK, np.minimum(LABELS, 1), -1)
    run = differentiated(lambda scores, labels: loss(labels, scores))
    (value, gradient), large = (run(spoiled(SCORES), labels) for labels in (marked, np.where(marked > 0, 900, marked)))
    assert np.abs(number(gradient)).max() > 1e-3
    close(number(large[0]), number(value))
    close(number(large[1]), number(gradient))


MOVING = [PAIRS[i] for i in (0, 2, 5, 8, 11, 13)]


@pytest.mark.parametrize("case", MOVING, ids=named)
def test_mixture_em_weighs_documents_by_what_they_can_move(case):
    kind, options, loop = case
    scores = np.stack([SCORES, SCORES[:, ::-1]], axis=-1)
    expected, plain = [], []
    for b, real in enumerate(MASK):
        labels, logits = LABELS[b][real], scores[b][real].astype("float64")
        order = references.ranks(logits.mean(axis=1))
        weights = references.movable(loop(labels.tolist(), order, **for_loop(options)))
        expected.append(references.mixture_em(labels, logits, weights=weights))
        plain.append(references.mixture_em(labels, logits))
    close(value_of(losses.MixtureEMLoss(reduction="none", lambda_weight=kind(**options)), scores), expected)
    assert np.abs(np.array(expected) - plain).max() > 1e-3


DCG_FAMILY = ["DCGLambdaWeight", "NDCGLambdaWeight", "DCGLambdaWeightV2", "NDCGLambdaWeightV2", "YetiDCGLambdaWeight"]
OF_PAIRS = [*DCG_FAMILY, "LabelDiffLambdaWeight", "PrecisionLambdaWeight"]
REFUSED = {
    losses.SoftmaxLoss: DCG_FAMILY,
    losses.CalibratedSoftmaxLoss: DCG_FAMILY,
    losses.PolyOneSoftmaxLoss: DCG_FAMILY,
    losses.UniqueSoftmaxLoss: DCG_FAMILY,
    losses.ApproxNDCGLoss: DCG_FAMILY,
    losses.GumbelApproxNDCGLoss: DCG_FAMILY,
    losses.NeuralSortNDCGLoss: DCG_FAMILY,
    losses.MixtureEMLoss: OF_PAIRS,
    losses.PairwiseHingeLoss: OF_PAIRS,
    losses.PairwiseLogisticLoss: OF_PAIRS,
    losses.PairwiseSoftZeroOneLoss: OF_PAIRS,
    losses.PairwiseMSELoss: OF_PAIRS,
    losses.YetiLogisticLoss: OF_PAIRS,
    losses.ListMLELoss: ["ListMLELambdaWeight"],
    losses.ApproxMRRLoss: [],
}


@pytest.mark.parametrize("loss", REFUSED, ids=lambda loss: loss.__name__)
def test_a_weight_without_meaning_is_refused(loss):
    allowed = REFUSED[loss]
    for kind in SIGNATURES:
        if kind.__name__ in allowed:
            loss(lambda_weight=kind())
            continue
        with pytest.raises(ValueError, match=r"lambda_weight must be None") as error:
            loss(lambda_weight=kind())
        listed, given = str(error.value).removeprefix("lambda_weight must be None").split(", but got ")
        listed = listed.removeprefix(" or one of ").partition(", or a class")[0]
        assert sorted(filter(None, listed.split(", "))) == sorted(allowed)
        assert kind.__name__ in given


def test_a_weight_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r"lambda_weight must be None or one of .*'ndcg'"):
        losses.SoftmaxLoss(lambda_weight="ndcg")


@pytest.mark.parametrize("fn", [losses.softmax, losses.unique_softmax, losses.approx_ndcg])
def test_functions_refuse_too(fn):
    with pytest.raises(ValueError, match="lambda_weight must be None or one of DCGLambdaWeight"):
        fn(LABELS, SCORES, lambda_weight=losses.PrecisionLambdaWeight())


def test_mixture_em_refuses_too():
    with pytest.raises(ValueError, match="lambda_weight must be None or one of LabelDiffLambdaWeight"):
        losses.mixture_em(LABELS, SCORES[..., None], lambda_weight=losses.ListMLELambdaWeight())


# Config


@pytest.mark.parametrize("kind", SIGNATURES, ids=lambda kind: kind.__name__)
def test_signature(kind):
    found = [(name, parameter.default) for name, parameter in inspect.signature(kind).parameters.items()]
    assert found == SIGNATURES[kind]


@pytest.mark.parametrize("case", [*PAIRS, *DOCUMENTS], ids=named)
def test_config_round_trip(case):
    kind, options, _ = case
    first = kind(**options)
    config = first.get_config()
    assert list(config) == [name for name, _ in SIGNATURES[kind]]
    read = kind.from_config(json.loads(json.dumps(config)))
    assert read.get_config() == config
    assert {name: getattr(read, name) for name in config} == dict(SIGNATURES[kind]) | options
    loaded = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(first))
    assert type(loaded) is kind
    assert loaded.get_config() == config


def test_a_loss_keeps_its_weight():
    weight = losses.NDCGLambdaWeight(topn=2, gain_fn=gains.identity, smooth_fraction=0.5)
    for kind in [kind for kind, allowed in REFUSED.items() if "NDCGLambdaWeight" in allowed]:
        read = kind.from_config(json.loads(json.dumps(kind(lambda_weight=weight).get_config())))
        assert read.options["lambda_weight"].get_config() == weight.get_config()


def closure(power):
    def gain(label):
        return label**power

    return gain


@pytest.mark.parametrize("fn", [lambda label: label, closure(2.0)], ids=["lambda", "closure"])
def test_a_function_that_no_file_can_hold_is_refused_when_written(fn):
    weight = losses.DCGLambdaWeight(gain_fn=fn)
    for written in (weight, losses.SoftmaxLoss(lambda_weight=weight)):
        with pytest.raises(ValueError, match=r"cannot be saved.*register_keras_serializable"):
            written.get_config()
    assert np.isfinite(number(losses.SoftmaxLoss(lambda_weight=weight)(LABELS, SCORES)))


@pytest.mark.parametrize("topn", [0, -1, 2.5, "3"])
@pytest.mark.parametrize("kind", [kind for kind, known in SIGNATURES.items() if "topn" in dict(known)])
def test_topn_must_be_a_whole_number(kind, topn):
    with pytest.raises(ValueError, match=f"topn must be a whole number of at least 1, .*topn={topn!r}"):
        kind(topn=topn)


@pytest.mark.parametrize("kind", [losses.DCGLambdaWeight, losses.NDCGLambdaWeight])
@pytest.mark.parametrize("fraction", [-0.1, 1.5])
def test_smooth_fraction_lies_between_0_and_1(kind, fraction):
    with pytest.raises(ValueError, match=f"smooth_fraction must be .* from 0 to 1, but got smooth_fraction={fraction}"):
        kind(smooth_fraction=fraction)
