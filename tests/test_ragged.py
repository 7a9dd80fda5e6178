"""Ragged input of every form gives the padded numbers and gradients."""

import itertools

import numpy as np
import pytest
from backends import BACKEND, compiled, differentiated, ragged
from keras import ops

import plackett
from plackett import losses, metrics

LENGTHS = [3, 1, 0, 12, 2, 4]
SIZE, SAMPLES, MODELS = max(LENGTHS), 3, 2
DOCUMENTS = sum(LENGTHS)
MASK = np.arange(SIZE) < np.array(LENGTHS)[:, None]
RANDOM = np.random.default_rng(0)
FLAT_LABELS = RANDOM.integers(0, 4, DOCUMENTS).astype("float32")
FLAT_LABELS[:4] = [1, 0, 2, 1]
FLAT_SCORES = RANDOM.normal(size=DOCUMENTS).astype("float32")
FLAT_MODELS = RANDOM.normal(size=(DOCUMENTS, MODELS)).astype("float32")
FLAT_WEIGHTS = RANDOM.uniform(0.5, 2, DOCUMENTS).astype("float32")
NOISE = RANDOM.uniform(size=(len(LENGTHS), SAMPLES, SIZE)).astype("float32")
KINDS = [
    losses.SoftmaxLoss,
    losses.UniqueSoftmaxLoss,
    losses.ApproxNDCGLoss,
    losses.GumbelApproxNDCGLoss,
    losses.CoupledRankDistilLoss,
    losses.MixtureEMLoss,
    losses.CalibratedSoftmaxLoss,
    losses.ListMLELoss,
    losses.PairwiseLogisticLoss,
    losses.YetiLogisticLoss,
    losses.ClickEMLoss,
    losses.OrdinalLoss,
]
SEVERAL = (losses.MixtureEMLoss, losses.ClickEMLoss, losses.OrdinalLoss)
kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def made(kind, **options):
    loss = kind(**options | ({"ordinal_size": MODELS} if kind is losses.OrdinalLoss else {}))
    if loss.sample_size is not None:
        loss.draw_noise = lambda labels, scores: NOISE
    return loss


def flat_scores(kind):
    return FLAT_MODELS if kind in SEVERAL else FLAT_SCORES


def padded(flat, padding=0.0):
    out = np.full((len(LENGTHS), SIZE, *flat.shape[1:]), padding, "float32")
    out[MASK] = flat
    return out


def rows(flat):
    return np.split(flat, np.cumsum(LENGTHS)[:-1])


def row_lists(flat):
    return [row.tolist() for row in rows(flat)]


def number(x):
    return ops.convert_to_numpy(x)


def close(got, expected):
    np.testing.assert_allclose(number(got), number(expected), rtol=1e-5, atol=1e-6)


def expected(kind, weights=None):
    """[lists], the padded loss of each list."""
    labels = padded(FLAT_LABELS, padding=-1.0)
    return number(made(kind, reduction="none")(labels, padded(flat_scores(kind)), weights))


FORMS = {
    "list of lists": row_lists,
    "tuple of lists": lambda flat: tuple(row_lists(flat)),
    "list of arrays": rows,
    "list of tensors": lambda flat: [ops.convert_to_tensor(row) for row in rows(flat)],
    "of the backend": lambda flat: ragged(flat, LENGTHS),
    "Ragged": lambda flat: plackett.Ragged(flat, np.cumsum([0, *LENGTHS])),
    "wider Ragged": lambda flat: plackett.Ragged(flat, np.cumsum([0, *LENGTHS]), list_size=SIZE),
}


@kinds
@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_padded_numbers(kind, form):
    form = FORMS[form]
    loss = made(kind, reduction="none", ragged=True)
    close(loss(form(FLAT_LABELS), form(flat_scores(kind))), expected(kind))
    mean = made(kind, ragged=True)(form(FLAT_LABELS), form(flat_scores(kind)))
    close(mean, expected(kind).mean())


@kinds
def test_padded_input_is_welcome_too(kind):
    loss = made(kind, reduction="none", ragged=True)
    close(loss(padded(FLAT_LABELS, padding=-1.0), padded(flat_scores(kind))), expected(kind))


@kinds
def test_gradient_is_that_of_padded_input(kind):
    loss = made(kind, ragged=True)
    labels = padded(FLAT_LABELS, padding=-1.0)
    value, gradient = differentiated(lambda scores: loss(labels, scores))(padded(flat_scores(kind)))
    of_flat = differentiated(lambda flat: loss(ragged(FLAT_LABELS, LENGTHS), ragged(flat, LENGTHS)))
    flat_value, flat_gradient = of_flat(flat_scores(kind))
    close(flat_value, value)
    close(flat_gradient, number(gradient)[MASK])


@kinds
def test_compiled_with_ragged_arguments(kind):
    """Under `jit` and `tf.function`, ragged tensors (`Ragged` on JAX) are arguments as any other."""
    loss = made(kind, reduction="none", ragged=True)
    labels, scores = ragged(FLAT_LABELS, LENGTHS), ragged(flat_scores(kind), LENGTHS)
    close(compiled(loss.__call__)(labels, scores), expected(kind))


@kinds
@pytest.mark.parametrize("form", FORMS)
def test_ragged_weights_of_documents(kind, form):
    form = FORMS[form]
    weights = padded(FLAT_WEIGHTS)
    loss = made(kind, reduction="none", ragged=True)
    got = loss(form(FLAT_LABELS), form(flat_scores(kind)), form(FLAT_WEIGHTS))
    close(got, expected(kind, weights))
    assert np.abs(number(got) - expected(kind)).max() > 1e-3


@kinds
def test_weights_of_lists(kind):
    weights = np.linspace(0.5, 2, len(LENGTHS), dtype="float32")
    loss = made(kind, reduction="none", ragged=True)
    for form in (weights, weights[:, None]):
        close(loss(row_lists(FLAT_LABELS), row_lists(flat_scores(kind)), form), expected(kind) * weights)


@kinds
def test_a_label_below_0_is_padding_in_ragged_lists_too(kind):
    labels, scores = row_lists(FLAT_LABELS), row_lists(flat_scores(kind))
    labels[0].append(-1.0)
    scores[0].append([np.nan] * MODELS if kind in SEVERAL else np.nan)
    close(made(kind, reduction="none", ragged=True)(labels, scores), expected(kind))


@kinds
def test_batches_of_empty_lists_are_0(kind):
    empty = flat_scores(kind)[:0]
    loss = made(kind, ragged=True, reduction="none")
    loss.draw_noise = lambda labels, scores: np.zeros((2, SAMPLES, 0), "float32")
    labels = ragged(FLAT_LABELS[:0], [0, 0])
    value = compiled(lambda flat: loss(labels, ragged(flat, [0, 0])))(ops.convert_to_tensor(empty))
    np.testing.assert_array_equal(number(value), [0, 0])


@pytest.mark.parametrize("metric", [metrics.NDCG, metrics.MRR])
@pytest.mark.parametrize("form", FORMS)
def test_metrics(metric, form):
    form = FORMS[form]
    dense, of_ragged = metric(), metric(ragged=True)
    for weights in (None, FLAT_WEIGHTS):
        dense.update_state(
            padded(FLAT_LABELS, padding=-1.0), padded(FLAT_SCORES), None if weights is None else padded(weights)
        )
        of_ragged.update_state(form(FLAT_LABELS), form(FLAT_SCORES), None if weights is None else form(weights))
        assert number(dense.result()) > 0
        close(of_ragged.result(), dense.result())


# Errors


@kinds
@pytest.mark.parametrize("form", FORMS)
def test_ragged_must_be_asked_for(kind, form):
    form = FORMS[form]
    with pytest.raises(ValueError, match=r"labels or scores are ragged.*ragged=True"):
        made(kind)(form(FLAT_LABELS), form(flat_scores(kind)))


@pytest.mark.parametrize("metric", [metrics.NDCG, metrics.MRR])
def test_metrics_must_be_asked_for_ragged(metric):
    with pytest.raises(ValueError, match=r"labels or scores are ragged.*ragged=True"):
        metric().update_state(row_lists(FLAT_LABELS), row_lists(FLAT_SCORES))


@kinds
@pytest.mark.parametrize("form", FORMS)
def test_rows_of_differing_lengths(kind, form):
    splits = np.cumsum([0, 1, 3, *LENGTHS[2:]])

    def other(flat):
        return [flat[a:b].tolist() for a, b in itertools.pairwise(splits)]

    with pytest.raises(
        ValueError,
        match=r"labels and scores differ in length: labels \[3, 1, 0, 12, 2, 4\], scores \[1, 3, 0, 12, 2, 4\]",
    ):
        made(kind, ragged=True)(FORMS[form](FLAT_LABELS), other(flat_scores(kind)))


@kinds
@pytest.mark.parametrize("which", ["labels", "scores"])
def test_ragged_beside_padded_is_refused(kind, which):
    """Lists of unknown length on one side only: the message names both arguments."""
    labels, scores = row_lists(FLAT_LABELS), row_lists(flat_scores(kind))
    if which == "labels":
        scores = ops.convert_to_tensor(padded(flat_scores(kind)))
    else:
        labels = ops.convert_to_tensor(padded(FLAT_LABELS, padding=-1.0))
    with pytest.raises(ValueError, match=r"labels.*scores|scores.*labels"):
        made(kind, ragged=True)(labels, scores)


# What a backend has of its own


def nested_scores():
    """MixtureEM's scores as the backend's users may hold them: ragged in the axis of models as well."""
    if BACKEND == "tensorflow":
        import tensorflow as tf

        return tf.ragged.constant([row.tolist() for row in rows(FLAT_MODELS)], ragged_rank=2, dtype="float32")
    return ragged(FLAT_MODELS, LENGTHS)


def test_mixture_em_of_doubly_ragged_scores():
    loss = losses.MixtureEMLoss(reduction="none", ragged=True)
    labels, scores = ragged(FLAT_LABELS, LENGTHS), nested_scores()
    close(loss(labels, scores), expected(losses.MixtureEMLoss))
    close(compiled(loss.__call__)(labels, scores), expected(losses.MixtureEMLoss))


def test_a_ragged_has_the_size_of_its_longest_list():
    assert plackett.Ragged(FLAT_LABELS, np.cumsum([0, *LENGTHS])).list_size == SIZE
    assert plackett.Ragged(FLAT_LABELS, [0, 0, 0]).list_size == 0
    assert plackett.Ragged(FLAT_LABELS, [0, 2], list_size=7).list_size == 7


def test_metrics_take_the_mean_of_ragged_models():
    labels, scores = [[1, 0], [0, 1, 0]], [[[0.6, 0.9], [0.8, 0.2]], [[0.5, 0.9], [0.8, 0.2], [0.4, 0.8]]]
    metric, mean = metrics.NDCG(ragged=True), metrics.NDCG(ragged=True)
    metric.update_state(labels, scores)
    mean.update_state(labels, [np.mean(rows, axis=1).tolist() for rows in scores])
    assert float(metric.result()) == pytest.approx(float(mean.result()))
