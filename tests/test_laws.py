"""The laws that hold for every loss and metric of the table in `laws`."""

import functools
import inspect

import hypothesis
import keras
import numpy as np
import pytest
import references
from backends import Marked, at_once, compiled, compilers, differentiated
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from keras import ops
from laws import (
    BY_NAME,
    JUNK,
    LENGTHS,
    LISTS,
    LISTWISE,
    LOSSES,
    METRICS,
    MIXTURE,
    NDCG,
    NPAIRS,
    SAMPLES,
    SIZE,
    TABLE,
    Batch,
    batch,
    by_difference,
    by_fn,
    by_loop,
    close,
    computed,
    default_losses,
    function,
    made,
    marked_by_label,
    number,
    one_list,
    over,
    scores_mask,
    shape_of_scores,
    spoiled,
    to_class,
    value_alone,
    weighted_losses,
)

from plackett import losses, metrics

# Laws of the pure functions


@st.composite
def batches(draw, row):
    """Lists of 1 to 12 documents, grades 0 to 4, tied scores, lists without any label; NaN and inf in the padding."""
    grades = draw(hnp.arrays("int8", (LISTS, SIZE), elements=st.integers(0, 4)))
    grades = grades * draw(hnp.arrays("int8", (LISTS, 1), elements=st.integers(0, 1), fill=st.just(1)))
    eighths = draw(hnp.arrays("int8", shape_of_scores(row), elements=st.integers(-40, 40)))
    lengths = draw(st.lists(st.integers(1, SIZE), min_size=LISTS, max_size=LISTS))
    drawn = batch(row, draw(st.integers(0, 99)), lengths, labels=grades)
    return spoiled(row, drawn.but(scores=eighths.astype("float32") / 8))


@over(TABLE)
def test_equals_the_loop_of_its_paper(row):
    @hypothesis.settings(max_examples=25, deadline=None, derandomize=True, database=None)
    @hypothesis.given(batches(row))
    def holds(given):
        close(value_alone(row, given), by_fn(row, given))

    holds()


@over(TABLE)
def test_padding_changes_nothing(row):
    given = batch(row)
    more = batch(row, seed=1)
    wide = Batch(*(np.concatenate([a, b], -1) for a, b in zip(vars(given).values(), vars(more).values(), strict=True)))
    if row.models:
        wide = wide.but(scores=np.concatenate([given.scores, more.scores], axis=1))
    if row.square:
        wide = wide.but(scores=np.tile(given.scores, (1, 2, 2)))
    wide = wide.but(mask=np.arange(2 * SIZE) < np.array(LENGTHS)[:, None])
    value, gradient = computed(row, given)
    for padded in (spoiled(row, given), wide, spoiled(row, wide)):
        padded_value, padded_gradient = computed(row, padded)
        close(padded_value, value)
        inner = padded_gradient[:, :SIZE, :SIZE] if row.square else padded_gradient[:, :SIZE]
        close(inner, gradient)
        assert np.all(padded_gradient[~scores_mask(row, padded.mask)] == 0)


@over(TABLE)
def test_no_mask_means_that_all_are_real(row):
    given = batch(row, lengths=[SIZE] * LISTS)
    noise = {"noise": given.noise} if row.stochastic else {}
    value = at_once(lambda scores: row.fn(given.labels, scores, **noise))(given.scores)
    close(ops.convert_to_numpy(value), by_fn(row, given))


@over(TABLE)
def test_order_of_documents_changes_nothing(row):
    given = batch(row)
    random = np.random.default_rng(2)
    order = np.stack([random.permutation(SIZE) for _ in range(LISTS)])
    moved = Batch(
        np.take_along_axis(given.labels, order, 1),
        np.take_along_axis(given.scores, order[..., None] if row.models or row.square else order, 1),
        np.take_along_axis(given.mask, order, 1),
        np.take_along_axis(given.noise, order[:, None, :], 2),
    )
    if row.square:
        moved = moved.but(scores=np.take_along_axis(moved.scores, order[:, None, :], 2))
    value, gradient = computed(row, given)
    moved_value, moved_gradient = computed(row, moved)
    close(moved_value, value)
    if row.square:
        gradient = np.take_along_axis(gradient, order[:, None, :], 2)
    close(moved_gradient, np.take_along_axis(gradient, order[..., None] if gradient.ndim == 3 else order, 1))


def test_a_constant_added_to_all_scores_changes_clicks():
    given = batch(MIXTURE)
    assert np.all(computed(MIXTURE, given.but(scores=given.scores + 1))[0][:3] != computed(MIXTURE, given)[0][:3])


@over(TABLE)
def test_any_leading_axes(row):
    given = batch(row)
    value, gradient = computed(row, given)
    deep_value, deep_gradient = computed(row, given.map(lambda x: x.reshape(2, 3, *x.shape[1:])))
    assert deep_value.shape == (2, 3)
    close(deep_value.ravel(), value)
    close(deep_gradient.reshape(gradient.shape), gradient)
    single_value, single_gradient = computed(row, given.map(lambda x: x[0]))
    assert single_value.shape == ()
    close(single_value, value[0])
    close(single_gradient, gradient[0])


@over(TABLE)
def test_an_empty_list_is_0(row):
    given = batch(row, lengths=[0, 12, 0, 12, 0, 7])
    for padded in (given, spoiled(row, given)):
        value, gradient = computed(row, padded)
        assert np.all(value[[0, 2, 4]] == 0)
        assert np.all(gradient[[0, 2, 4]] == 0)
        close(value, by_fn(row, given))


@over(TABLE)
@pytest.mark.parametrize("extreme", ["x 1e4", "gap of 200", "gap of 200 below", "x 1e30"])
def test_extreme_scores_stay_exact(row, extreme):
    if row.quadratic and extreme == "x 1e30":
        extreme = "x 1e15"
    given = batch(row)
    scores = given.scores.copy()
    match extreme:
        case "gap of 200":
            scores[:, 0] += 200
        case "gap of 200 below":
            scores[:, 0] -= 200
        case _:
            scores *= float(extreme.removeprefix("x "))
    given = given.but(scores=scores)
    value, gradient = computed(row, given)
    expected = by_fn(row, given)
    np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-5)
    if not row.metric:
        step = 1e-5 * max(1.0, np.abs(scores).max() / 100)
        close(gradient, by_difference(row, given, step), rtol=1e-4, atol=1e-5)


NORMALIZED = [BY_NAME[name] for name in ("approx_ndcg", "gumbel_approx_ndcg", "neural_sort_ndcg", "ndcg")]
LARGE_GRADES = {
    "2^128 and near it": lambda grades: grades + 124,
    "2^1000 and far from it": lambda grades: grades * 250,
    "some above 2^64": lambda grades: grades * 20.5,
}


@over(NORMALIZED)
@pytest.mark.parametrize("size", LARGE_GRADES)
def test_grades_of_any_size(row, size):
    """What is divided by the ideal needs no gain of its own: 2^128 is infinite in float32."""
    given = spoiled(row, batch(row))
    given = given.but(labels=LARGE_GRADES[size](given.labels))
    value, gradient = computed(row, given)
    close(value, by_fn(row, given))
    if not row.metric:
        close(gradient, by_difference(row, given), rtol=1e-4, atol=2e-6)


def test_a_grade_of_1000_by_hand():
    """The value of TensorFlow Ranking; the document between the two is masked."""
    labels, scores, mask = [0.0, 3.0, 1000.0], [1.0, 9.0, 2.0], [True, False, True]
    np.testing.assert_allclose(float(losses.approx_ndcg(labels, scores, mask=mask)), -0.84601, rtol=1e-5)
    ndcg = at_once(lambda scores: metrics.ndcg([0.0, 127.0, 126.0], scores))
    expected = (1 / 2 + 1 / 2 / np.log2(3)) / (1 + 1 / 2 / np.log2(3))
    np.testing.assert_allclose(float(ndcg(np.array([3, 1, 2], "float32"))), expected, rtol=1e-5)


@over(LOSSES)
def test_gradient_is_that_of_the_loop(row):
    given = batch(row)
    close(computed(row, given)[1], by_difference(row, given), rtol=1e-4, atol=2e-6)


@over(LOSSES)
def test_gradient_at_tied_scores_is_that_of_the_loop(row):
    """Ties at scores of 0.05 + 0.3 k: no difference of theirs is at the bend of a hinge or a clip."""
    given = batch(row)
    given = given.but(scores=np.round(given.scores) * np.float32(0.3) + np.float32(0.05))
    close(computed(row, given)[1], by_difference(row, given), rtol=1e-4, atol=2e-6)


@over(LOSSES)
def test_one_gradient_step_lowers_the_loss(row):
    given = batch(row)
    value, gradient = computed(row, given)
    slope = np.sum(gradient**2, axis=tuple(range(1, gradient.ndim)))
    lower = computed(row, given.but(scores=given.scores - np.float32(row.step) * gradient))[0]
    steep = slope > 1e-4
    assert steep.sum() >= 3
    assert np.all(lower[steep] < value[steep] - 0.2 * row.step * slope[steep])


@over(TABLE)
@pytest.mark.parametrize("dtype, digit", [("float16", 2.0**-11), ("bfloat16", 2.0**-8)])
def test_half_precision_is_computed_in_float32(row, dtype, digit):
    given = batch(row)
    half = ops.cast(ops.convert_to_tensor(given.scores), dtype)
    exact = given.but(scores=ops.convert_to_numpy(ops.cast(half, "float32")))
    value, gradient = function(row)(half, given.labels, given.mask, given.noise)
    expected_value, expected_gradient = computed(row, exact)
    assert ops.dtype(value) == "float32"
    close(ops.convert_to_numpy(value), expected_value)
    if not row.metric:
        assert ops.dtype(gradient) == dtype
        rounded = ops.convert_to_numpy(ops.cast(gradient, "float32"))
        np.testing.assert_allclose(rounded, expected_gradient, rtol=digit, atol=1e-6)


@over([row for row in LOSSES if row.stochastic])
def test_an_exact_0_of_noise_counts_as_the_smallest_float(row):
    given = batch(row)
    noise = given.noise.copy()
    noise[:, :, 2] = 0
    value, gradient = computed(row, given.but(noise=noise))
    close(value, by_fn(row, given.but(noise=noise)))
    assert np.all(np.isfinite(gradient))


# Laws of the Keras classes


@over(LOSSES)
def test_class_is_the_mean_of_the_loop(row):
    given = batch(row)
    value = made(row, given)(*to_class(row, given))
    assert value.shape == ()
    close(number(value), default_losses(row, given).mean())


@over(LOSSES)
def test_compiled_and_eager_agree(row):
    given = batch(row)
    loss = made(row, given)
    labels, scores = to_class(row, given)
    labels, scores = ops.convert_to_tensor(labels), ops.convert_to_tensor(scores)
    weights = ops.convert_to_tensor(np.linspace(0.5, 2, labels.shape[0], dtype="float32"))
    eager = number(loss(labels, scores, weights))
    for name, compiler in compilers(len(labels.shape), len(scores.shape), 1).items():
        program = compiler(loss.__call__)
        np.testing.assert_allclose(number(program(labels, scores, weights)), eager, rtol=1e-5, err_msg=name)
        if name == "any shape" and not row.square:
            assert number(program(labels[:0], scores[:0], weights[:0])) == 0


@over(METRICS)
def test_compiled_and_eager_metric_agree(row):
    given = batch(row)
    labels, scores = ops.convert_to_tensor(given.labels), ops.convert_to_tensor(given.scores)
    eager = number(row.fn(labels, scores))
    for name, compiler in compilers(2, 2).items():
        np.testing.assert_allclose(number(compiler(row.fn)(labels, scores)), eager, rtol=1e-5, err_msg=name)


@over(LISTWISE)
def test_class_sees_no_padding(row):
    """Neither where a label below 0 or NaN marks it, nor where a Keras mask does; not the weights of documents."""
    given = batch(row)
    weights = np.random.default_rng(3).uniform(0.5, 2, given.labels.shape).astype("float32")
    junk = spoiled(row, given)
    spoiled_weights = np.where(given.mask, weights, np.resize(np.array(JUNK, "float32"), weights.shape))
    loss = made(row, given, reduction="none")

    def by_label(scores):
        return loss(marked_by_label(given), scores, spoiled_weights)

    def by_mask(scores):
        return loss(junk.labels, Marked(given.mask)(scores), spoiled_weights)

    value, gradient = differentiated(by_label)(junk.scores)
    close(number(value), number(loss(marked_by_label(given), given.scores, weights)))
    assert np.all(np.isfinite(number(gradient)))
    assert np.all(number(gradient)[~scores_mask(row, given.mask)] == 0)

    plain = np.array([weights[b][given.mask[b]].mean() for b in range(LISTS)])
    expected = plain * default_losses(row, given)
    if row.weighs:
        expected = weighted_losses(row, given, weights)
    value, gradient = differentiated(by_mask)(junk.scores)
    close(number(value), expected)
    assert np.all(np.isfinite(number(gradient)))
    assert np.all(number(gradient)[~scores_mask(row, given.mask)] == 0)


@over(LISTWISE)
def test_under_a_keras_mask_negative_labels_are_numbers(row):
    grades = np.random.default_rng(4).integers(-2, 3, (LISTS, SIZE))
    grades[:, 0] = 1
    given = batch(row, labels=grades)
    loss, mark = made(row, given, reduction="none"), Marked(given.mask)
    value = at_once(lambda scores: loss(given.labels, mark(scores)))(given.scores)
    close(number(value), default_losses(row, given))


@over([row for row in TABLE if row.options])
def test_each_option_acts_as_the_loop_says(row):
    given = batch(row)
    labels, scores = to_class(row, given)
    for option, other in row.options.items():
        assert inspect.signature(row.keras_class).parameters[option].default != other
        if row.metric:
            metric = row.make(**{option: other})
            metric.update_state(labels, scores)
            value, before = metric.result(), default_losses(row, given)
            expected = default_losses(row, given, **{option: other})
        else:
            value = made(row, given, **{option: other})(labels, scores)
            before, expected = default_losses(row, given), default_losses(row, given, **{option: other})
        close(number(value), expected.mean())
        assert abs(expected.mean() - before.mean()) > 1e-3


REDUCED = {
    "auto": np.mean,
    "sum_over_batch_size": np.mean,
    "mean": np.mean,
    "sum": np.sum,
    "none": lambda weighted: weighted,
    None: lambda weighted: weighted,
}


@pytest.mark.parametrize("reduction", REDUCED)
def test_reductions(reduction):
    """Of what `test_sample_weights` finds for each loss."""
    given, weights = batch(BY_NAME["softmax"]), np.linspace(0.5, 2, LISTS, dtype="float32")
    labels, scores = to_class(BY_NAME["softmax"], given)
    value = number(losses.SoftmaxLoss(reduction=reduction)(labels, scores, weights))
    expected = REDUCED[reduction](weights * default_losses(BY_NAME["softmax"], given))
    assert value.shape == np.shape(expected)
    close(value, expected)


@over(LISTWISE)
@pytest.mark.parametrize("form", ["none", "lists", "column", "documents"])
def test_sample_weights(row, form):
    given = batch(row)
    random = np.random.default_rng(5)
    values, relevant = default_losses(row, given), np.array([(given.labels[b] * given.mask[b]).any() for b in range(6)])
    weights, by_list = None, np.ones(LISTS)
    if form in ("lists", "column"):
        by_list = random.uniform(0.5, 2, LISTS).astype("float32")
        weights = by_list if form == "lists" else by_list[:, None]
    elif form == "documents":
        weights = random.uniform(0.5, 2, (LISTS, SIZE)).astype("float32")
        gain = given.labels * given.mask
        by_list = (weights * gain).sum(1) / np.maximum(gain.sum(1), 1)
    weighted = weighted_losses(row, given, weights) if row.weighs and form == "documents" else values * by_list
    labels, scores = to_class(row, given)
    close(number(made(row, given, reduction="none")(labels, scores, weights)), weighted)
    counting = number(made(row, given, reduction="mean_with_sample_weight")(labels, scores, weights))
    assert counting.shape == ()
    close(counting, weighted[relevant].sum() / by_list[relevant].sum())


@over(LISTWISE)
def test_sample_weights_where_lists_and_documents_are_as_many(row):
    """[B] and [B, n] with B = n: neither is mistaken for the other, and nothing becomes [B, B]."""
    given = batch(row).map(lambda x: x[..., :LISTS] if x.ndim < 3 or not row.models else x)
    given = given.but(scores=given.scores[:, :LISTS], noise=batch(row).noise[..., :LISTS])
    values = default_losses(row, given)
    by_list = np.linspace(0.5, 2, LISTS, dtype="float32")
    loss, labels = made(row, given, reduction="none"), marked_by_label(given)
    forms = (by_list, by_list[:, None], np.repeat(by_list[:, None], LISTS, axis=1))
    of_lists, of_column, of_documents = at_once(lambda scores: [loss(labels, scores, form) for form in forms])(
        given.scores
    )
    close(number(of_lists), values * by_list)
    close(number(of_column), values * by_list)
    counts = row.weighs | (given.labels * given.mask).any(axis=1)
    close(number(of_documents), values * by_list * counts)


@over(TABLE)
def test_weights_of_one_are_none(row):
    """In lists with a label above 0: without one, weights of documents make a list weight of 0."""
    labels = np.random.default_rng(7).integers(0, 5, (LISTS, SIZE))
    labels[:, 0] = 1
    given = batch(row, labels=labels)
    labels, scores = to_class(row, given)
    sizes = [labels.shape[:1], (labels.shape[0], 1)] + ([] if row.square else [labels.shape])

    def value(weights):
        if not row.metric:
            return number(made(row, given)(labels, scores, weights))
        metric = row.keras_class()
        metric.update_state(labels, scores, weights)
        return number(metric.result())

    for size in sizes:
        close(value(np.ones(size, "float32")), value(None))


POINTWISE = [row for row in LISTWISE if "per" in inspect.signature(row.fn).parameters and "pair" not in row.name]


@over(POINTWISE)
@pytest.mark.parametrize("weighted", [False, True])
def test_per_document(row, weighted):
    """The terms of documents, 0 at padding; each is the loss of the document by itself."""
    given, weights = batch(row), np.ones((LISTS, SIZE), "float32")
    if weighted:
        weights = np.random.default_rng(8).uniform(0.5, 2, weights.shape).astype("float32")
    expected = np.zeros((LISTS, SIZE))
    for b, i in zip(*np.nonzero(given.mask), strict=True):
        term = row.loop([given.labels[b, i]], [given.scores[b, i].astype("float64")], None)
        expected[b, i] = weights[b, i] * term
    junk = spoiled(row, given)
    own = {"weights": weights} if weighted else {}
    close(number(row.fn(junk.labels, junk.scores, mask=given.mask, per="document", **own)), expected)
    with pytest.raises(ValueError, match=r"per must be one of \('list', 'document'\), but got per='pair'"):
        row.fn(given.labels, given.scores, per="pair")


@over([row for row in TABLE if not row.square])
@pytest.mark.parametrize("form", ["scalar", "single list", "number of a single list"])
def test_a_number_for_all_lists_and_weights_of_a_single_list(row, form):
    """As Keras, keras-rs and TensorFlow Ranking take them: what the weights of [lists, list_size] say, said shorter."""
    given = batch(row).map(lambda x: x if form == "scalar" else x[:1])
    labels, scores = to_class(row, given)
    weights = np.random.default_rng(10).uniform(0.5, 2, labels.shape).astype("float32")
    short = weights[0] if form == "single list" else np.float32(1.5)
    long = weights if form == "single list" else np.full(labels.shape[:1], 1.5, "float32")

    def value(weights, labels=labels, scores=scores):
        if not row.metric:
            return number(made(row, given, reduction="mean_with_sample_weight")(labels, scores, weights))
        metric = row.keras_class()
        metric.update_state(labels, scores, weights)
        return number(metric.result())

    expected = value(long)
    close(value(short), expected)
    close(value(short.tolist()), expected)
    if form != "scalar" and not row.stochastic:
        close(value(short, labels[0], scores[0]), expected)


def test_a_number_for_all_rows():
    labels, scores = to_class(NPAIRS, batch(NPAIRS))
    close(number(losses.NpairsLoss()(labels, scores, 1.5)), 1.5 * number(losses.NpairsLoss()(labels, scores)))


def test_weights_of_documents_in_functions_whose_class_weighs_lists():
    """Of the document's own term in `unique_softmax`, of the gain in `approx_ndcg`; the values are those of rax 0.4."""
    labels, scores = [2.0, 0.0, 1.0, 0.0, 3.0], [0.3, 1.2, -0.4, 0.9, 0.1]
    weights = [0.5, 2.0, 1.5, 1.0, 0.25]
    close(number(losses.unique_softmax(labels, scores, weights=weights)), 9.678883)
    close(number(losses.approx_ndcg(labels, scores, weights=weights)), -0.6407697)
    noise = np.random.default_rng(11).uniform(size=(1, 5))
    one = losses.sampled(losses.approx_ndcg)(labels, scores, noise=noise, weights=weights)
    perturbed = np.array(scores) - np.log(-np.log(noise[0]))
    close(number(one), number(losses.approx_ndcg(labels, perturbed.astype("float32"), weights=weights)))


def test_weights_of_rows():
    given = batch(NPAIRS)
    labels, scores = to_class(NPAIRS, given)
    weights = np.linspace(0.5, 2, SIZE, dtype="float32")
    expected = (weights * default_losses(NPAIRS, given)).mean()
    for form in (weights, weights[:, None]):
        close(number(losses.NpairsLoss()(labels, scores, form)), expected)
    close(number(losses.NpairsLoss()(labels[:, None], scores)), default_losses(NPAIRS, given).mean())
    close(number(losses.npairs(labels, scores)), default_losses(NPAIRS, given))


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="a graph to retain")
def test_two_gradients_of_one_npairs():
    """PyTorch uses up what the forward pass held at the first gradient of a graph that is retained."""
    labels, scores = to_class(NPAIRS, batch(NPAIRS))
    scores = ops.convert_to_tensor(scores)
    expected = number(differentiated(lambda scores: losses.NpairsLoss()(labels, scores))(scores)[1])
    scores.requires_grad_()
    loss = losses.NpairsLoss()(labels, scores)
    loss.backward(retain_graph=True)
    close(number(scores.grad), expected)
    loss.backward()
    close(number(scores.grad), 2.0 * expected)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_classes_are_compared_as_integers(dtype):
    """2^24 and 2^24 + 1 are one number in float32, 2048 and 2049 in float16."""
    similarities = ops.cast(ops.convert_to_tensor(batch(NPAIRS).scores[0, :4, :4]), dtype)
    exact = number(ops.cast(similarities, "float32")).astype("float64")
    for base in (2048, 2**24):
        classes = np.array([base, base + 1, base, base + 3], "int32")
        expected = np.mean(references.npairs(classes, exact))
        close(number(losses.NpairsLoss()(classes, similarities)), expected)


# Noise


APPROXIMATING = ["approx_ndcg", "approx_mrr", "approx_precision", "approx_recall", "approx_average_precision"]


@pytest.mark.parametrize("name", [*APPROXIMATING, "neural_sort_ndcg", "neural_sort_cross_entropy"])
def test_any_approximating_loss_can_be_sampled(name):
    row, given = BY_NAME[name], batch(BY_NAME[name])
    loop = functools.partial(getattr(references, name), **row.always)
    lists = [one_list(row, given, b) for b in range(LISTS)]
    temperatures = {"temperature": 0.5, "gumbel_temperature": 2.0}
    expected = [references.sampled(loop, *parts, **temperatures) for parts in lists]
    fn = losses.sampled(row.fn)
    close(number(fn(given.labels, given.scores, noise=given.noise, mask=given.mask, **temperatures)), expected)
    loss = row.make(sample_size=SAMPLES, reduction="none", **temperatures)
    assert loss.draw_noise(given.labels, given.scores).shape == given.noise.shape
    loss.draw_noise = lambda labels, scores: given.noise
    close(number(loss(marked_by_label(given), given.scores)), expected)


def test_sampled_weighs_lists_as_its_function_does():
    given = batch(BY_NAME["yeti_logistic"]).map(lambda x: x[:, ..., :LISTS])
    noise = {"noise": given.noise, "mask": given.mask}
    by_list = np.linspace(0.5, 2, LISTS, dtype="float32")
    plain = number(losses.yeti_logistic(given.labels, given.scores, **noise))
    close(number(losses.yeti_logistic(given.labels, given.scores, weights=by_list, **noise)), by_list * plain)


@over([row for row in LOSSES if row.stochastic and row.name != "list_mle"])
def test_noise_that_rounds_to_1_is_finite(row):
    given = batch(row)
    noise = np.full(given.noise.shape, 1 - 1e-9)
    value, gradient = function(row)(given.scores, given.labels, given.mask, noise.astype("float32"))
    assert np.isfinite(number(value)).all()
    assert np.isfinite(number(gradient)).all()


@pytest.mark.parametrize("kind", [losses.CircleLoss, losses.UniqueSoftmaxLoss, losses.NeuralSortNDCGLoss])
def test_lists_without_places_are_0(kind):
    assert number(kind(reduction="none", ragged=True)([[], []], [[], []])).tolist() == [0, 0]


BOUNDED = {
    "approx_ndcg": metrics.ndcg,
    "approx_precision": metrics.precision,
    "approx_recall": metrics.recall,
    "approx_average_precision": metrics.average_precision,
}


@pytest.mark.parametrize("name", BOUNDED)
@pytest.mark.parametrize("topn", [1, 3, 20, None])
def test_a_bound_is_at_most_the_metric_which_soft_ranks_reach(name, topn):
    """A bound at any scores; soft ranks where all scores are far apart."""
    if topn is None and name in ("approx_precision", "approx_recall"):
        topn = 2
    given, fn = batch(BY_NAME["approx_ndcg"]), getattr(losses, name)
    true = number(BOUNDED[name](given.labels, given.scores, mask=given.mask, topn=topn))
    cut = {"lambda_weight": losses.NDCGLambdaWeight(topn)} if name == "approx_ndcg" else {"topn": topn}
    for spread in (0.1, 1.0, 30.0, 1e5):
        scores = given.scores * np.float32(spread)
        assert np.all(-number(fn(given.labels, scores, mask=given.mask, bound=True, **cut)) <= true + 1e-6)
    soft = name != "approx_ndcg" and topn is not None
    hard = cut | ({"rank_temperature": 1e-3} if soft else {})
    close(-number(fn(given.labels, scores, mask=given.mask, **hard)), true)


RAX = [
    ("approx_precision", 2, False, -0.3381446),
    ("approx_recall", 2, False, -0.4348632),
    ("approx_recall", 2, True, 1.1750001),
    ("approx_average_precision", None, False, -0.4611046),
    ("approx_average_precision", 2, False, -0.1851334),
    ("approx_average_precision", None, True, -0.2602120),
    ("approx_average_precision", 2, True, 0.3628490),
    ("approx_ndcg", None, False, -0.5358049),
    ("approx_ndcg", None, True, -0.4100017),
]


def test_values_of_neural_sort_cross_entropy_in_tensorflow_ranking():
    labels, scores = [[2.0, 0.0, 1.0, 0.0], [1.0, 0.0, 0.0, -1.0]], [[0.3, 1.2, -0.4, 0.9], [0.5, -0.2, 0.7, 9.0]]
    loss = losses.NeuralSortCrossEntropyLoss(reduction="none")
    close(number(loss(labels, scores)), [2.8335729, 1.2319387])


@pytest.mark.parametrize("name, topn, bound, expected", RAX)
def test_values_of_rax(name, topn, bound, expected):
    """`approx_t12n` and `bound_t12n` of rax 0.4, whose metrics have the mean over these two lists."""
    labels = [[1.0, 0.0, 2.0, 0.0, 1.0], [0.0, 0.0, 1.0, 0.0, 0.0]]
    scores = [[0.3, 1.2, -0.4, 0.9, 0.1], [0.5, -0.2, 0.7, 1.5, 0.0]]
    fn = getattr(losses, name)
    close(np.mean(number(fn(labels, scores, bound=bound, **({} if topn is None else {"topn": topn})))), expected)


def test_list_mle_without_noise_orders_equal_labels_by_position():
    scores = np.array([0.6, 0.8, 0.1, 0.4], "float32")
    by_position = references.list_mle([1, 1, 0, 1], scores.astype("float64"))
    close(number(losses.list_mle([1, 1, 0, 1], scores)), by_position)
    assert abs(references.list_mle([3, 2, 0, 1], scores.astype("float64")) - by_position) < 1e-9


NOISY = [row for row in LOSSES if row.stochastic]
SAMPLED = [row for row in NOISY if row.name != "list_mle"]


@over(SAMPLED)
def test_noise_is_uniform_of_the_size_asked_for(row):
    labels = np.ones((40, SIZE), "float32")
    noise = number(row.keras_class(sample_size=5).draw_noise(ops.convert_to_tensor(labels), labels))
    assert noise.shape == (40, 5, SIZE)
    assert noise.min() >= 0
    assert noise.max() < 1
    # 2400 numbers: the mean of uniform noise has standard deviation 0.006, its variance 0.0015.
    assert abs(noise.mean() - 0.5) < 0.03
    assert abs(noise.var() - 1 / 12) < 0.01


@over(NOISY)
def test_a_seed_repeats_the_noise_and_another_changes_it(row):
    given = batch(row)
    labels, scores = to_class(row, given)

    def values(seed):
        keras.utils.set_random_seed(1)
        loss = row.keras_class(seed=seed)
        return [float(number(loss(labels, scores))) for _ in range(2)]

    first = values(5)
    assert first[0] != first[1]
    assert values(5) == first
    assert values(6)[0] != first[0]


@over(SAMPLED)
def test_more_samples_come_nearer_to_the_mean(row):
    """`sample_size` acts: the value of many samples scatters less, by 1 / sqrt(samples)."""
    given = batch(row)
    labels, scores = to_class(row, given)
    spread = {}
    for size in (1, 8):
        keras.utils.set_random_seed(1)
        loss = row.keras_class(sample_size=size, seed=5)
        spread[size] = np.std([float(number(loss(labels, scores))) for _ in range(24)])
    assert 0 < spread[8] < spread[1] / 1.7


@over(NOISY)
def test_compiled_noise_changes_with_the_scores(row):
    given = batch(row)
    labels, scores = ops.convert_to_tensor(marked_by_label(given)), ops.convert_to_tensor(given.scores)
    loss = row.keras_class(seed=5)
    draw = compiled(lambda scores: loss.draw_noise(labels, scores))
    first, second = number(draw(scores)), number(draw(scores + 0.25))
    assert first.shape == second.shape == (LISTS, loss.sample_size, SIZE)
    assert np.mean(first != second) > 0.9


# Metrics over batches


def metric_by_loop(row, givens):
    """The mean over lists; a list without a relevant document counts 0, one that is all padding does not count."""
    values = [value for given in givens for value in by_loop(row, given)]
    counts = [bool(real.any()) for given in givens for real in given.mask]
    return sum(values) / sum(counts)


@over(METRICS)
def test_metric_is_the_mean_over_all_lists_seen(row):
    givens = [batch(row), batch(row, seed=1, lengths=[0, 3, 12, 4, 0, 1])]
    metric = row.keras_class()
    for given in givens:
        metric.update_state(marked_by_label(given), spoiled(row, given).scores)
    close(number(metric.result()), metric_by_loop(row, givens))
    metric.reset_state()
    assert number(metric.result()) == 0
    metric.update_state(givens[1].labels, Marked(givens[1].mask)(givens[1].scores))
    close(number(metric.result()), metric_by_loop(row, givens[1:]))


@over(METRICS)
def test_metric_weighs_lists(row):
    """A list weighs by its weight; one without a relevant document has value 0 and the mean weight of the others."""
    given = batch(row)
    weights = np.linspace(0.5, 2, LISTS, dtype="float32")
    values, relevant = by_loop(row, given), np.array([(given.labels[b] * given.mask[b]).max() >= 1 for b in range(6)])
    known = weights[relevant].sum()
    expected = (values * weights)[relevant].sum() / (known + (~relevant).sum() * known / relevant.sum())
    for form in (weights, weights[:, None]):
        metric = row.keras_class()
        metric.update_state(marked_by_label(given), given.scores, form)
        close(number(metric.result()), expected)


def test_ndcg_weighs_documents():
    given = batch(NDCG)
    weights = np.random.default_rng(6).uniform(0.5, 2, (LISTS, SIZE)).astype("float32")
    expected = [
        references.ndcg(given.labels[b][real], given.scores[b][real], weights[b][real])
        for b, real in enumerate(given.mask)
    ]
    junk = spoiled(NDCG, given)
    spoiled_weights = np.where(given.mask, weights, np.float32("nan"))
    close(number(metrics.ndcg(junk.labels, junk.scores, mask=given.mask, weights=spoiled_weights)), expected)


def test_reciprocal_rank_leaves_out_documents_of_weight_0():
    given = batch(BY_NAME["reciprocal_rank"])
    weights = np.random.default_rng(6).integers(0, 2, (LISTS, SIZE)).astype("float32")
    expected = by_loop(BY_NAME["reciprocal_rank"], given.but(mask=given.mask & (weights > 0)))
    close(number(metrics.reciprocal_rank(given.labels, given.scores, mask=given.mask, weights=weights)), expected)
