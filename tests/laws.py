"""All losses and metrics in one table, over which the laws of all of them run, and what tests of them need.

A new loss adds a row to `TABLE` and a loop to `references`.
"""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
import pytest
import references
from backends import BACKEND, at_once, differentiated
from keras import ops

from plackett import gains, losses, metrics

LISTS, SIZE, SAMPLES, MODELS = 6, 12, 3, 2
LENGTHS = (12, 7, 1, 5, 3, 9)
JUNK = (float("nan"), float("inf"), -float("inf"))


@dataclasses.dataclass(frozen=True)
class Row:
    """One loss or metric, its Keras class and its loop.

    `fn` is the pure function with one number per list, `loop` the reference of one list, `loop(labels, scores, noise,
    **options)`, with the constructor's options. `held` is the loop with that part held fixed that no gradient passes
    through. `options`: one other value of each option of the constructor that `loop` takes. `always`: what the
    constructor is always told. `temperature`: the default of the constructor, None where it has none, and
    `fn_temperature` that of a function that divides by it itself. `weighs`: `loop` takes weights of documents.
    `unit`: the scores are similarities between 0 and 1. `few`: of the relevant documents only those of a high grade
    stay relevant.
    """

    fn: Callable
    keras_class: type
    loop: Callable
    options: dict
    name: str = ""
    temperature: float | None = None
    fn_temperature: float = 1.0
    always: dict = dataclasses.field(default_factory=dict)
    stochastic: bool = False
    models: bool = False
    clicks: bool = False
    square: bool = False
    metric: bool = False
    weighs: bool = False
    shift_invariant: bool = True
    quadratic: bool = False
    unit: bool = False
    few: bool = False
    step: float = 1e-2
    held: Callable | None = None

    __hash__ = object.__hash__

    def make(self, **options):
        return self.keras_class(**self.always | options)


def without_noise(loop):
    """`loop(labels, scores, **options)` that is handed a noise."""
    return lambda labels, scores, noise, **options: loop(labels, scores, **options)


def by_temperature(loop):
    """`loop(labels, scores, **options)` over scores that a temperature divides."""
    return lambda labels, scores, noise, temperature=1.0, **options: loop(
        labels, np.asarray(scores) / temperature, **options
    )


def sampled(loop):
    """`loop(labels, scores, **options)` in the mean over perturbed scores."""
    return lambda labels, scores, noise, **options: references.sampled(loop, labels, scores, noise, **options)


def distil_loop(labels, scores, noise, temperature=1.0, topk=None):
    return references.coupled_rank_distil(labels, np.asarray(scores) / temperature, noise, topk)


def list_mle_loop(labels, scores, noise, temperature=1.0):
    return references.list_mle(labels, np.asarray(scores) / temperature, noise)


def mixture_held(labels, scores):
    held = references.responsibilities(labels, scores)
    return lambda scores: references.mixture_em(labels, scores, held=held)


def held_at(loop):
    """(labels, scores) -> scores -> loop(labels, scores, held=the scores given first)."""
    return lambda labels, held: lambda scores: loop(labels, scores, held=held)


def npairs_total(labels, similarities, *, mask=None):
    return ops.sum(losses.npairs(labels, similarities, mask=mask), axis=-1)


def indicators(classes):
    """[..., rows] numbers 0 to 7 -> [..., rows, 3], their bits; 0 has no label at all."""
    return ops.stack([ops.mod(ops.floor(classes / power), 2) for power in (1, 2, 4)], axis=-1)


def npairs_multilabel_total(labels, similarities, *, mask=None):
    labels = indicators(ops.convert_to_tensor(labels))
    return ops.sum(losses.npairs_multilabel(labels, similarities, mask=mask), axis=-1)


def in_batch_total(labels, similarities, *, mask=None, symmetric=False):
    return ops.sum(losses.in_batch_softmax(labels, similarities, mask=mask, symmetric=symmetric), axis=-1)


def bits(labels):
    return [[int(label) >> bit & 1 for bit in range(3)] for label in labels]


ROWS = [
    Row(
        losses.softmax,
        losses.SoftmaxLoss,
        by_temperature(references.softmax),
        {"temperature": 0.5},
        temperature=1.0,
        weighs=True,
    ),
    Row(
        losses.calibrated_softmax,
        losses.CalibratedSoftmaxLoss,
        by_temperature(references.calibrated_softmax),
        {"temperature": 0.5, "virtual_label": 0.5},
        temperature=1.0,
        weighs=True,
        shift_invariant=False,
    ),
    Row(
        losses.poly_one_softmax,
        losses.PolyOneSoftmaxLoss,
        by_temperature(references.poly_one_softmax),
        {"temperature": 0.5, "epsilon": -0.5},
        temperature=1.0,
        weighs=True,
    ),
    Row(
        losses.unique_softmax,
        losses.UniqueSoftmaxLoss,
        by_temperature(references.unique_softmax),
        {"temperature": 0.5},
        temperature=1.0,
    ),
    Row(
        losses.list_mle,
        losses.ListMLELoss,
        list_mle_loop,
        {"temperature": 0.5},
        temperature=1.0,
        stochastic=True,
    ),
    Row(
        losses.approx_ndcg,
        losses.ApproxNDCGLoss,
        by_temperature(references.approx_ndcg),
        {"temperature": 0.5, "bound": True},
        temperature=0.1,
    ),
    Row(
        losses.approx_mrr,
        losses.ApproxMRRLoss,
        by_temperature(references.approx_mrr),
        {"temperature": 0.5, "bound": True},
        temperature=0.1,
    ),
    *[
        Row(
            functools.partial(getattr(losses, name), **cut),
            kind,
            by_temperature(functools.partial(getattr(references, name), **cut)),
            {"temperature": 0.5, "topn": 5, "rank_temperature": 0.25} | ({} if "bound" in cut else {"bound": True}),
            name=f"{name} bound" if "bound" in cut else name,
            temperature=0.1,
            always=cut,
            few=True,
            held=held_at(functools.partial(getattr(references, name), **cut)),
        )
        for name, kind in (
            ("approx_precision", losses.ApproxPrecisionLoss),
            ("approx_recall", losses.ApproxRecallLoss),
            ("approx_average_precision", losses.ApproxAveragePrecisionLoss),
        )
        for cut in ({"topn": 2}, {"topn": 2, "bound": True})
    ],
    Row(
        losses.gumbel_approx_ndcg,
        losses.GumbelApproxNDCGLoss,
        sampled(references.approx_ndcg),
        {"temperature": 0.5, "gumbel_temperature": 2.0},
        temperature=0.1,
        fn_temperature=0.1,
        stochastic=True,
        step=1e-3,
    ),
    Row(
        losses.neural_sort_ndcg,
        losses.NeuralSortNDCGLoss,
        by_temperature(references.neural_sort_ndcg),
        {"temperature": 0.5},
        temperature=1.0,
    ),
    Row(
        losses.neural_sort_cross_entropy,
        losses.NeuralSortCrossEntropyLoss,
        by_temperature(references.neural_sort_cross_entropy),
        {"temperature": 0.5},
        temperature=1.0,
    ),
    Row(
        losses.coupled_rank_distil,
        losses.CoupledRankDistilLoss,
        distil_loop,
        {"temperature": 0.5, "topk": 3},
        temperature=1.0,
        stochastic=True,
    ),
    Row(
        losses.list_net,
        losses.ListNetLoss,
        by_temperature(references.list_net),
        {"temperature": 0.5},
        temperature=1.0,
        weighs=True,
    ),
    *[
        Row(
            functools.partial(losses.margin_mse, topk=topk),
            losses.MarginMSELoss,
            by_temperature(functools.partial(references.margin_mse, topk=topk)),
            {"temperature": 0.5, "topk": 3},
            name=f"margin_mse of {topk}",
            temperature=1.0,
            always={"topk": topk},
            weighs=True,
            quadratic=True,
        )
        for topk in (1, 4, None)
    ],
    Row(
        losses.circle,
        losses.CircleLoss,
        without_noise(references.circle),
        {"gamma": 16.0, "margin": 0.4},
        shift_invariant=False,
        unit=True,
        step=1e-6,
        held=held_at(references.circle),
    ),
    *[
        Row(
            getattr(losses, name),
            kind,
            by_temperature(getattr(references, name)),
            {"temperature": 0.5},
            temperature=1.0,
            weighs=True,
            quadratic=name in ("pairwise_mse", "pairwise_squared_hinge"),
        )
        for name, kind in (
            ("pairwise_hinge", losses.PairwiseHingeLoss),
            ("pairwise_squared_hinge", losses.PairwiseSquaredHingeLoss),
            ("pairwise_logistic", losses.PairwiseLogisticLoss),
            ("pairwise_soft_zero_one", losses.PairwiseSoftZeroOneLoss),
            ("pairwise_mse", losses.PairwiseMSELoss),
        )
    ],
    Row(
        losses.yeti_logistic,
        losses.YetiLogisticLoss,
        sampled(references.yeti),
        {"temperature": 0.5, "gumbel_temperature": 2.0},
        temperature=1.0,
        weighs=True,
        stochastic=True,
        step=1e-4,
    ),
    Row(
        losses.sigmoid_cross_entropy,
        losses.SigmoidCrossEntropyLoss,
        without_noise(references.sigmoid_cross_entropy),
        {},
        weighs=True,
        shift_invariant=False,
    ),
    Row(
        losses.mean_squared,
        losses.MeanSquaredLoss,
        without_noise(references.mean_squared),
        {},
        weighs=True,
        shift_invariant=False,
        quadratic=True,
    ),
    Row(
        losses.ordinal,
        losses.OrdinalLoss,
        without_noise(references.ordinal),
        {},
        always={"ordinal_size": MODELS},
        models=True,
        weighs=True,
        shift_invariant=False,
    ),
    Row(
        losses.multi_class,
        losses.MultiClassLoss,
        without_noise(references.multi_class),
        {"label_smoothing": 0.1},
        models=True,
        clicks=True,
        weighs=True,
    ),
    Row(
        losses.mixture_em,
        losses.MixtureEMLoss,
        by_temperature(references.mixture_em),
        {"temperature": 0.5, "alpha": 0.25},
        temperature=1.0,
        models=True,
        clicks=True,
        shift_invariant=False,
        held=mixture_held,
    ),
    Row(
        losses.click_em,
        losses.ClickEMLoss,
        without_noise(references.click_em),
        {"exam_loss_weight": 0.5, "rel_loss_weight": 2.0},
        models=True,
        clicks=True,
        weighs=True,
        shift_invariant=False,
        held=held_at(references.click_em),
    ),
    Row(
        npairs_total,
        losses.NpairsLoss,
        without_noise(lambda labels, scores: sum(references.npairs(labels, scores))),
        {},
        name="npairs",
        square=True,
    ),
    Row(
        npairs_multilabel_total,
        losses.NpairsMultilabelLoss,
        without_noise(lambda labels, scores: sum(references.npairs_multilabel(bits(labels), scores))),
        {},
        name="npairs_multilabel",
        square=True,
    ),
    Row(
        in_batch_total,
        losses.InBatchSoftmaxLoss,
        without_noise(lambda labels, scores, **options: sum(references.in_batch_softmax(labels, scores, **options))),
        {"temperature": 0.5, "symmetric": True},
        name="in_batch_softmax",
        temperature=1.0,
        square=True,
    ),
    Row(
        metrics.ndcg,
        metrics.NDCG,
        without_noise(references.ndcg),
        {"topn": 3, "gain": gains.identity, "discount": gains.inverse},
        metric=True,
    ),
    Row(metrics.reciprocal_rank, metrics.MRR, without_noise(references.reciprocal_rank), {"topn": 1}, metric=True),
]
TABLE = [dataclasses.replace(row, name=row.name or row.fn.__name__) for row in ROWS]
BY_NAME = {row.name: row for row in TABLE}
NDCG, NPAIRS, MIXTURE = BY_NAME["ndcg"], BY_NAME["npairs"], BY_NAME["mixture_em"]
LOOPS_OF_ROWS = {
    "npairs": references.npairs,
    "npairs_multilabel": lambda labels, scores: references.npairs_multilabel(bits(labels), scores),
    "in_batch_softmax": references.in_batch_softmax,
}
METRICS = [row for row in TABLE if row.metric]
LOSSES = [row for row in TABLE if not row.metric]
LISTWISE = [row for row in LOSSES if not row.square]
LOOP_FUNCTIONS = {gains.identity: references.identity, gains.inverse: references.inverse}


def over(rows):
    return pytest.mark.parametrize("row", rows, ids=lambda row: row.name)


# One batch, and what a row makes of it


@dataclasses.dataclass(frozen=True)
class Batch:
    """`labels` [..., n], `scores` [..., n] (or [..., n, models], [..., n, n]), `mask` [..., n], `noise` [..., S, n]."""

    labels: np.ndarray
    scores: np.ndarray
    mask: np.ndarray
    noise: np.ndarray

    def map(self, fn):
        return Batch(*(fn(getattr(self, field.name)) for field in dataclasses.fields(self)))

    def but(self, **changes):
        return dataclasses.replace(self, **changes)


def shape_of_scores(row, size=SIZE):
    return (LISTS, size, *([size] if row.square else [MODELS] if row.models else []))


def batch(row, seed=0, lengths=LENGTHS, labels=None):
    """Random grades 0..4 (clicks for models, classes for pairs) and distinct scores; the fourth list has no label."""
    random = np.random.default_rng(seed)
    if labels is None:
        labels = random.integers(0, 5, (LISTS, SIZE))
        labels[3] = 0
    labels = np.minimum(labels, 1) if row.clicks else labels
    labels = np.where((labels > 0) & (labels < 3), 0, labels) if row.few else labels
    scores = random.normal(size=shape_of_scores(row))
    return Batch(
        labels.astype("float32"),
        (1 / (1 + np.exp(-scores)) if row.unit else scores).astype("float32"),
        np.arange(SIZE) < np.array(lengths)[:, None],
        random.uniform(size=(LISTS, SAMPLES, SIZE)).astype("float32"),
    )


def scores_mask(row, mask):
    """The mask in the shape of the scores."""
    if row.models:
        return np.repeat(mask[..., None], MODELS, axis=-1)
    return mask[..., :, None] & mask[..., None, :] if row.square else mask


def spoiled(row, given):
    """The batch with NaN and inf in turn at its padding."""

    def spoil(x, mask):
        junk = np.resize(np.array(JUNK, x.dtype), x.shape)
        return np.where(mask, x, junk)

    return given.but(labels=spoil(given.labels, given.mask), scores=spoil(given.scores, scores_mask(row, given.mask)))


def one_list(row, given, b):
    """(labels, scores, noise) of list b in float64, without its padding."""
    real = given.mask[b]
    scores = given.scores[b][real].astype("float64")
    scores = scores[:, real] if row.square else scores
    return given.labels[b][real].astype("float64"), scores, given.noise[b][:, real].astype("float64")


def by_loop(row, given, **options):
    """[lists], the loop over each list; 0 for an empty one."""
    options = {key: LOOP_FUNCTIONS.get(value, value) if callable(value) else value for key, value in options.items()}
    values = [row.loop(*one_list(row, given, b), **options) if given.mask[b].any() else 0.0 for b in range(LISTS)]
    return np.array(values)


def by_fn(row, given):
    """[lists], the loop of what the pure function computes, whose scores a temperature has divided."""
    return by_loop(row, given, **({} if row.temperature is None else {"temperature": row.fn_temperature}))


def loops_of_scores(row, given):
    """(number, scores, loop as a function of the scores alone) of each list that is not empty."""
    options = {} if row.temperature is None else {"temperature": row.fn_temperature}
    for b in range(LISTS):
        labels, scores, noise = one_list(row, given, b)
        if scores.size:
            held = row.held and row.held(labels, scores)
            yield b, scores, held or functools.partial(row.loop, labels, noise=noise, **options)


def by_difference(row, given, step=1e-5):
    """The gradient of the loop with respect to the scores, by central differences in float64."""
    gradient = np.zeros(given.scores.shape)
    for b, scores, loop in loops_of_scores(row, given):
        found = np.zeros(scores.shape)
        for place in np.ndindex(scores.shape):
            change = np.zeros(scores.shape)
            change[place] = step
            found[place] = (loop(scores=scores + change) - loop(scores=scores - change)) / (2 * step)
        gradient[b][scores_mask(row, given.mask)[b]] = found.ravel()
    return gradient


@functools.cache
def function(row):
    """scores, labels, mask, noise -> (value, gradient) of the pure function; a metric's gradient is None."""

    def fn(scores, labels, mask, noise):
        return row.fn(labels, scores, mask=mask, **({"noise": noise} if row.stochastic else {}))

    if not row.metric:
        return differentiated(fn)
    run = at_once(fn)
    return lambda *arguments: (run(*arguments), None)


def computed(row, given):
    """(value, gradient) of the pure function as numpy arrays; zeros for the gradient of a metric."""
    value, gradient = function(row)(given.scores, given.labels, given.mask, given.noise)
    gradient = np.zeros(given.scores.shape) if row.metric else ops.convert_to_numpy(gradient)
    return ops.convert_to_numpy(value), gradient


def value_alone(row, given):
    """The value of the pure function as a numpy array; on JAX of the program that gives the gradient too."""
    if BACKEND == "jax":
        return computed(row, given)[0]
    noise = {"noise": given.noise} if row.stochastic else {}
    return ops.convert_to_numpy(row.fn(given.labels, given.scores, mask=given.mask, **noise))


def close(got, expected, rtol=1e-5, atol=1e-6):
    """Equal in float32; `atol` is relative to the largest number of `expected`, if that is above 1."""
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=atol * max(1.0, np.abs(expected).max(initial=0.0)))


# What a Keras class makes of it


def made(row, given, **options):
    """The Keras class, with the noise of the batch, or of its first lists, in place of its own."""
    loss = row.make(**options)
    if row.stochastic:
        loss.draw_noise = lambda labels, scores: ops.convert_to_tensor(given.noise)[: ops.shape(scores)[0]]
    return loss


def marked_by_label(given):
    """The labels, with a negative one at padding: what a class without a Keras mask reads."""
    return np.where(given.mask, given.labels, np.float32(-1))


def number(x):
    return ops.convert_to_numpy(x)


def default_losses(row, given, **options):
    """[lists], what the class must compute a list, from the loop; NpairsLoss: [rows] of the first list."""
    if row.square:
        return np.array(LOOPS_OF_ROWS[row.name](*one_list(row, given, 0)[:2], **options))
    return by_loop(row, given, **({} if row.temperature is None else {"temperature": row.temperature}) | options)


def weighted_losses(row, given, weights):
    """[lists], what the class must compute where `weights`, [lists, SIZE], weigh the terms of documents."""
    options = {} if row.temperature is None else {"temperature": row.temperature}
    terms = [one_list(row, given, b) for b in range(LISTS)]
    return np.array([row.loop(*terms[b], weights=weights[b][given.mask[b]], **options) for b in range(LISTS)])


def to_class(row, given):
    """(y_true, y_pred) of the class: losses of rows take one batch of them, all real."""
    if row.square:
        several = row.name == "npairs_multilabel"
        return np.array(bits(given.labels[0]) if several else given.labels[0], "float32"), given.scores[0]
    return marked_by_label(given), given.scores
