"""What is wrong is said where it enters: which argument, what was given, what is allowed."""

import inspect

import numpy as np
import pytest
from backends import Marked

from plackett import losses, metrics
from plackett.registry.options import rule_of

LISTWISE = [
    losses.SoftmaxLoss,
    losses.UniqueSoftmaxLoss,
    losses.ApproxNDCGLoss,
    losses.GumbelApproxNDCGLoss,
    losses.CoupledRankDistilLoss,
]
STOCHASTIC = [losses.GumbelApproxNDCGLoss, losses.CoupledRankDistilLoss]
WITH_REDUCTION = [*LISTWISE, losses.MixtureEMLoss]
METRICS = [metrics.NDCG, metrics.MRR]
FUNCTIONS = [
    losses.softmax,
    losses.unique_softmax,
    losses.approx_ndcg,
    losses.gumbel_approx_ndcg,
    losses.coupled_rank_distil,
    metrics.ndcg,
    metrics.reciprocal_rank,
]
NOISY = {losses.gumbel_approx_ndcg, losses.coupled_rank_distil}


def over(things):
    return pytest.mark.parametrize("thing", things, ids=lambda thing: thing.__name__)


def ones(*shape):
    return np.ones(shape, "float32")


def call(thing, labels, scores, **options):
    """Calls a function, loss or metric, with noise where it takes some."""
    if thing in METRICS:
        return thing().update_state(labels, scores, **options)
    if isinstance(thing, type):
        return thing()(labels, scores, **options)
    return thing(labels, scores, **options, **({"noise": ones(2, 5, 3)} if thing in NOISY else {}))


# Shapes


@over([*FUNCTIONS, *LISTWISE, *METRICS])
def test_scores_of_another_size(thing):
    with pytest.raises(ValueError, match=r"scores must have the shape of labels, \[2, 3\], but got scores \[2, 4\]"):
        call(thing, ones(2, 3), ones(2, 4))


@over([*FUNCTIONS, *LISTWISE])
def test_scores_of_another_rank(thing):
    with pytest.raises(ValueError, match=r"scores must have the shape of labels, \[2, 3\], but got scores \[2, 3, 2\]"):
        call(thing, ones(2, 3), ones(2, 3, 2))


@over(FUNCTIONS)
def test_a_column_of_scores_is_for_the_classes(thing):
    with pytest.raises(ValueError, match=r"scores must have the shape of labels, \[2, 3\], but got scores \[2, 3, 1\]"):
        call(thing, ones(2, 3), ones(2, 3, 1))


@over([*FUNCTIONS, *LISTWISE])
def test_a_single_number_is_no_list(thing):
    with pytest.raises(ValueError, match=r"labels and scores must have shape \[\.\.\., list_size\].*single number"):
        call(thing, np.float32(1), np.float32(1))


@over(FUNCTIONS)
def test_a_mask_of_another_shape(thing):
    with pytest.raises(ValueError, match=r"mask must have the shape of labels, \[2, 3\], but got mask \[2, 4\]"):
        call(thing, ones(2, 3), ones(2, 3), mask=ones(2, 4) > 0)


@over([*LISTWISE, *METRICS])
def test_a_keras_mask_of_another_shape(thing):
    with pytest.raises(ValueError, match=r"mask must have the shape of labels, \[2, 3\], but got mask \[2\]"):
        call(thing, ones(2, 3), Marked(ones(2) > 0)(ones(2, 3)))


@over([losses.gumbel_approx_ndcg, losses.coupled_rank_distil])
@pytest.mark.parametrize("shape", [(2, 3), (2, 5, 4), (3, 5, 3)], ids=str)
def test_noise_of_another_shape(thing, shape):
    shown = r"\[" + ", ".join(map(str, shape)) + r"\]"
    with pytest.raises(ValueError, match=rf"noise must have the shape of samples, \[2, .*\], but got noise {shown}"):
        thing(ones(2, 3), ones(2, 3), noise=ones(*shape))


@over([*LISTWISE, *METRICS])
@pytest.mark.parametrize("shape", [(3,), (2, 4), (2, 3, 2), (3, 1)], ids=str)
def test_weights_of_another_shape(thing, shape):
    shown = r"\[" + ", ".join(map(str, shape)) + r"\]"
    with pytest.raises(ValueError, match=rf"sample_weight must have .*\[2.*\], but got .*{shown}"):
        call(thing, ones(2, 3), ones(2, 3), sample_weight=ones(*shape))


@over([*LISTWISE, *METRICS])
def test_weights_of_a_single_list_of_another_size(thing):
    with pytest.raises(ValueError, match=r"sample_weight must have .*\[3\], but got sample_weight \[2\]"):
        call(thing, ones(1, 3), ones(1, 3), sample_weight=ones(2))


def test_mixture_em_needs_an_axis_of_models():
    message = r"scores must have one more axis than the labels, .*but got scores \[2, 3\] and labels \[2, 3\]"
    for fn in (losses.mixture_em, losses.MixtureEMLoss()):
        with pytest.raises(ValueError, match=message):
            fn(ones(2, 3), ones(2, 3))


def test_mixture_em_of_another_size():
    message = r"scores must have the shape of labels and models, \[2, 3, 2\], but got scores \[2, 4, 2\]"
    for fn in (losses.mixture_em, losses.MixtureEMLoss()):
        with pytest.raises(ValueError, match=message):
            fn(ones(2, 3), ones(2, 4, 2))


def test_mixture_em_weights_of_another_shape():
    with pytest.raises(ValueError, match=r"sample_weight must have .*\[2, 3\], but got .*\[2, 3, 2\]"):
        losses.MixtureEMLoss()(ones(2, 3), ones(2, 3, 2), sample_weight=ones(2, 3, 2))


@pytest.mark.parametrize("shape", [(2, 3), (3,)], ids=str)
def test_similarities_must_be_square(shape):
    shown = r"\[" + ", ".join(map(str, shape)) + r"\]"
    message = rf"similarities must be square, \[\.\.\., rows, rows\], but got {shown}"
    for fn in (losses.npairs, losses.NpairsLoss()):
        with pytest.raises(ValueError, match=message):
            fn(np.arange(shape[0]), ones(*shape))


def test_one_class_a_row():
    for fn in (losses.npairs, losses.NpairsLoss()):
        with pytest.raises(
            ValueError, match=r"labels must have the shape of one class per row, \[3\], but got .*\[4\]"
        ):
            fn(np.arange(4), ones(3, 3))


def test_a_mask_of_other_rows():
    with pytest.raises(ValueError, match=r"mask must have the shape of the rows, \[3\], but got mask \[4\]"):
        losses.npairs(np.arange(3), ones(3, 3), mask=ones(4) > 0)


@pytest.mark.parametrize("shape", [(4,), (3, 3)], ids=str)
def test_weights_of_other_rows(shape):
    with pytest.raises(ValueError, match=r"sample_weight must have .*\[3.*\], but got .*\["):
        losses.NpairsLoss()(np.arange(3), ones(3, 3), sample_weight=ones(*shape))


# Options


@over(WITH_REDUCTION)
@pytest.mark.parametrize("value", [0, 0.0, -1.0, float("nan"), float("inf"), "hot"])
def test_temperature_is_above_0(thing, value):
    with pytest.raises(
        ValueError, match=rf"temperature must be a number greater than 0, but got temperature={value!r}"
    ):
        thing(temperature=value)


@pytest.mark.parametrize("value", [0, -1.0, float("nan")])
def test_gumbel_temperature_is_above_0(value):
    message = rf"gumbel_temperature must be a number greater than 0, but got gumbel_temperature={value!r}"
    with pytest.raises(ValueError, match=message):
        losses.GumbelApproxNDCGLoss(gumbel_temperature=value)
    with pytest.raises(ValueError, match=message):
        losses.gumbel_approx_ndcg(ones(2, 3), ones(2, 3), noise=ones(2, 5, 3), gumbel_temperature=value)
    with pytest.raises(ValueError, match=message.replace("gumbel_", "")):
        losses.gumbel_approx_ndcg(ones(2, 3), ones(2, 3), noise=ones(2, 5, 3), temperature=value)


@over(STOCHASTIC)
@pytest.mark.parametrize("value", [0, -3, 2.5, "8"])
def test_sample_size_is_at_least_1(thing, value):
    message = rf"sample_size must be a whole number of at least 1, but got sample_size={value!r}"
    with pytest.raises(ValueError, match=message):
        thing(sample_size=value)


@over(STOCHASTIC)
def test_sample_size_is_a_number(thing):
    """None would leave a stochastic loss without noise."""
    with pytest.raises(ValueError, match="sample_size must be a whole number of at least 1, but got sample_size=None"):
        thing(sample_size=None)


@pytest.mark.parametrize("value", [0, -3, 2.5, "8"])
def test_topk_is_at_least_1(value):
    message = rf"topk must be a whole number of at least 1, or None, but got topk={value!r}"
    with pytest.raises(ValueError, match=message):
        losses.CoupledRankDistilLoss(topk=value)
    with pytest.raises(ValueError, match=message):
        losses.coupled_rank_distil(ones(2, 3), ones(2, 3), noise=ones(2, 5, 3), topk=value)


@pytest.mark.parametrize("value", [-0.5, float("nan"), "1"])
def test_alpha_is_not_negative(value):
    message = rf"alpha must be a number of at least 0, but got alpha={value!r}"
    with pytest.raises(ValueError, match=message):
        losses.MixtureEMLoss(alpha=value)
    with pytest.raises(ValueError, match=message):
        losses.mixture_em(ones(2, 3), ones(2, 3, 2), alpha=value)


@over(WITH_REDUCTION)
@pytest.mark.parametrize("value", ["average", "SUM", "", 3])
def test_an_unknown_reduction_names_the_known(thing, value):
    with pytest.raises(ValueError, match=rf"reduction must be one of \('auto', .*, but got reduction={value!r}"):
        thing(reduction=value)


@over([*METRICS, metrics.ndcg, metrics.reciprocal_rank])
@pytest.mark.parametrize("value", [0, -1, 2.5, "3"])
def test_topn_is_at_least_1(thing, value):
    with pytest.raises(ValueError, match=rf"topn must be a whole number of at least 1, .*but got topn={value!r}"):
        thing(topn=value) if thing in METRICS else thing(ones(2, 3), ones(2, 3), topn=value)


# Ragged input


@over([*LISTWISE, *METRICS])
def test_ragged_input_must_be_asked_for(thing):
    with pytest.raises(ValueError, match=r"labels or scores are ragged.*ragged=True"):
        call(thing, [[1.0, 0.0], [1.0]], [[0.6, 0.8], [0.5]])


def test_ragged_clicks_must_be_asked_for():
    with pytest.raises(ValueError, match=r"labels or scores are ragged.*ragged=True"):
        losses.MixtureEMLoss()([[1.0, 0.0], [1.0]], [[[0.6, 0.9], [0.8, 0.2]], [[0.5, 0.9]]])


# Options of the whole catalogue


@pytest.mark.parametrize(
    "make, wrong",
    [
        (lambda: losses.CalibratedSoftmaxLoss(virtual_label=-1), "virtual_label must be a number of at least 0"),
        (lambda: losses.PolyOneSoftmaxLoss(epsilon="1"), "epsilon must be a number, but got epsilon='1'"),
        (lambda: losses.CircleLoss(gamma=0), "gamma must be a number greater than 0"),
        (lambda: losses.CircleLoss(margin=None), "margin must be a number, but got margin=None"),
        (lambda: losses.ClickEMLoss(exam_loss_weight=-1), "exam_loss_weight must be a number of at least 0"),
        (lambda: losses.ClickEMLoss(rel_loss_weight="x"), "rel_loss_weight must be a number of at least 0"),
        (
            lambda: losses.OrdinalLoss(ordinal_size=0),
            "ordinal_size must be a whole number of at least 1, or None, but got ordinal_size=0",
        ),
        (lambda: losses.ApproxMRRLoss(sample_size=0), "sample_size must be a whole number of at least 1"),
        (lambda: losses.ApproxNDCGLoss(seed=3), "seed and gumbel_temperature act on samples only: set sample_size too"),
        (
            lambda: losses.NeuralSortNDCGLoss(gumbel_temperature=2.0),
            "seed and gumbel_temperature act on samples only: set sample_size too",
        ),
        (
            lambda: losses.ClickEMLoss()([[1, 0]], np.zeros((1, 2, 3))),
            r"click_em takes 2 scores per document, examination and relevance, but got scores \[1, 2, 3\]",
        ),
        (
            lambda: losses.OrdinalLoss(ordinal_size=3)([[1, 0]], np.zeros((1, 2, 2))),
            r"ordinal_size=3 needs 3 scores per document, but got scores \[1, 2, 2\]",
        ),
        (
            lambda: losses.ApproxRecallLoss(topn=None),
            "topn must be a whole number of at least 1, but got topn=None",
        ),
        (
            lambda: losses.ApproxAveragePrecisionLoss(rank_temperature=2.0),
            "rank_temperature acts on the cut-off only: set topn too",
        ),
        (lambda: losses.approx_precision([1, 0], [0.1, 0.2], topn=0), "topn must be a whole number of at least 1"),
        (lambda: losses.ApproxPrecisionLoss(rank_temperature=0), "rank_temperature must be a number greater than 0"),
        (lambda: losses.MultiClassLoss(num_classes=1), "num_classes must be a whole number of at least 2"),
        (
            lambda: losses.MultiClassLoss(label_smoothing=1),
            "label_smoothing must be a number of at least 0 and",
        ),
        (
            lambda: losses.MultiClassLoss(num_classes=3)([[1, 0]], np.zeros((1, 2, 2))),
            r"num_classes=3 needs 3 scores per document, but got scores \[1, 2, 2\]",
        ),
        (
            lambda: losses.OrdinalLoss()([[1, 0]], [[0.5, 0.6]]),
            r"scores must have one more axis than the labels, \[..., list_size, models\], .*got scores \[1, 2\]",
        ),
        (
            lambda: losses.NpairsMultilabelLoss()(np.ones((3, 2)), np.zeros((2, 2))),
            r"labels must have the shape of rows and classes, \[2, 2\], but got labels \[3, 2\]",
        ),
        (
            lambda: losses.NpairsMultilabelLoss()(np.ones((3, 2)), np.zeros((3, 2))),
            r"similarities must be square, \[..., rows, rows\], but got \[3, 2\]",
        ),
        (
            lambda: losses.NpairsMultilabelLoss()(np.ones((2, 2)), np.zeros((2, 2)), np.ones((2, 2))),
            "sample_weight must have the shape of|sample_weight must have one weight",
        ),
    ],
)
def test_options_and_shapes_of_the_catalogue(make, wrong):
    with pytest.raises(ValueError, match=wrong):
        make()


def takes_numbers(annotation):
    rule = rule_of(annotation)
    return rule is not None and "number" in rule.wording


TAKE_NUMBERS = [
    (kind, name)
    for kind in (getattr(module, name) for module in (losses, metrics) for name in module.__all__)
    if inspect.isclass(kind)
    for name, parameter in inspect.signature(kind).parameters.items()
    if takes_numbers(parameter.annotation)
]


@pytest.mark.parametrize("kind, option", TAKE_NUMBERS, ids=lambda x: getattr(x, "__name__", x))
@pytest.mark.parametrize("value", [True, False, np.True_], ids=str)
def test_a_boolean_is_no_number(kind, option, value):
    """Not even one that equals a number that is allowed; `seed` and `gumbel_temperature` act with samples."""
    samples = {"sample_size": 2} if "sample_size" in inspect.signature(kind).parameters else {}
    with pytest.raises(ValueError, match=rf"{option} must .*but got .*{bool(value)}"):
        kind(**samples | {option: value})


class Colder(losses.SoftmaxLoss):
    def __init__(self, **kwargs):
        super().__init__(temperature=-2, **kwargs)


RAGGED = [[1.0, 0.0], [0.0, 1.0, 0.0]], [[0.6, 0.8], [0.5, 0.8, 0.4]]


@pytest.mark.parametrize(
    "make, wrong",
    [
        (Colder, "temperature must be a number greater than 0, but got temperature=-2"),
        (
            lambda: losses.SoftmaxLoss(ragged=True)(*RAGGED, [[1.0, 1.0, 1.0], [1.0, 1.0]]),
            r"the lists of labels and sample_weight differ in length: labels \[2, 3\], sample_weight \[3, 2\]",
        ),
        (
            lambda: losses.SoftmaxLoss()(ones(2, 3), ones(2, 3), [[1.0, 1.0], [1.0, 1.0, 1.0]]),
            "sample_weight is ragged, which only ragged=True accepts: set it",
        ),
        (
            lambda: metrics.NDCG(ragged=True).update_state(*RAGGED, [[1.0, 1.0, 1.0], [1.0, 1.0]]),
            "the lists of labels and sample_weight differ in length",
        ),
        (
            lambda: losses.list_mle(ones(2, 3), ones(2, 3), noise=ones(2, 3, 5)),
            r"noise must have the shape of samples, \[2, 3, 3\], but got noise \[2, 3, 5\]",
        ),
        (
            lambda: losses.DCGLambdaWeight(gain_fn="identity"),
            "gain_fn must be a function, .*gain_fn='identity'",
        ),
        (lambda: losses.SoftmaxLoss(lambda_weight=losses.NDCGLambdaWeight), "lambda_weight must be None or one of"),
        (lambda: losses.PrecisionLambdaWeight(positive_fn=1), "positive_fn must be a function, .*positive_fn=1"),
        (lambda: losses.ListMLELambdaWeight(None), "rank_discount_fn must be a function, .*rank_discount_fn=None"),
        (
            lambda: losses.NDCGLambdaWeight(smooth_fraction="0.5"),
            "smooth_fraction must be a number from 0 to 1, but got smooth_fraction='0.5'",
        ),
        (lambda: metrics.NDCG(gain=None), "gain must be a function, such as one of plackett.gains, but got gain=None"),
        (lambda: metrics.ndcg(ones(3), ones(3), discount=2), "discount must be a function, .*discount=2"),
        (lambda: metrics.RBP(gain="binary"), "gain must be a function, .*gain='binary'"),
        (lambda: losses.SoftmaxLoss(ragged=True)([1.0, [0.0, 1.0]], RAGGED[1]), "one of the rows is a single number"),
        (lambda: metrics.AlphaDCG(alpha="x"), "alpha must be a number from 0 to 1, but got alpha='x'"),
        (
            lambda: metrics.ndcg(ones(3), ones(3), documents=ones(3)),
            "documents order equal scores only with ties=\"trec\", but got ties='position'",
        ),
    ],
)
def test_what_is_refused_before_it_misleads(make, wrong):
    with pytest.raises(ValueError, match=wrong):
        make()


@pytest.mark.parametrize(
    "call",
    [
        lambda: losses.UniqueSoftmaxLoss()([["a", "b"]], [[0.6, 0.8]]),
        lambda: losses.UniqueSoftmaxLoss()(np.array([["a", "b"]]), [[0.6, 0.8]]),
        lambda: losses.unique_softmax([["a", "b"]], [[0.6, 0.8]]),
        lambda: metrics.NDCG().update_state([["a", "b"]], [[0.6, 0.8]]),
    ],
)
def test_labels_of_text_are_refused(call):
    with pytest.raises(ValueError, match=r"^labels must be numbers or booleans, but got text: number the classes"):
        call()


@pytest.mark.parametrize("classes", [["cat", "dog"], np.array(["cat", "dog"])])
@pytest.mark.parametrize("loss", [losses.NpairsLoss(), losses.NpairsMultilabelLoss(), losses.InBatchSoftmaxLoss()])
def test_classes_of_text_are_refused(loss, classes):
    with pytest.raises(ValueError, match=r"^labels must be numbers, but got (text|<U3): plackett.losses.in_batch_lab"):
        loss(classes, [[1.0, 0.0], [0.0, 1.0]])
