"""Losses of the rows of a batch: the labels in one array, blocks of rows, and embeddings."""

import keras
import numpy as np
import pytest
import references
from backends import BACKEND, differentiated
from keras import ops
from keras.src.backend import compute_output_spec

from plackett import losses

RANDOM = np.random.default_rng(3)
ROWS, DIMENSION = 11, 4
DOCUMENTS = np.array(list("abcadeafbgh"))
QUERIES = np.array([5, 6, 5, 7, 8, 7, 7, 9, 5, 5, 5]) + 2**40
GRADES = np.array([1, 2, 3, 0.5, 1, 0, 1, 1, 2, 0, 1])
WEIGHTS = np.array([1, 0, 2, 1, 1, 1, 0.5, 1, 1, 3, 1])
LOG_Q = np.log(RANDOM.uniform(size=ROWS))
NEGATIVES = np.array([list("ax"), list("xy")] + [list("bz")] * 9)
LOG_Q_OF_NEGATIVES = np.log(RANDOM.uniform(size=(ROWS, 2)))
CASES = {
    "documents alone": {},
    "queries": {"queries": QUERIES},
    "grades": {"grades": GRADES},
    "grades and queries": {"grades": GRADES, "queries": QUERIES},
    "weights": {"weights": WEIGHTS},
    "log q": {"log_probability": LOG_Q},
    "negatives": {"negatives": NEGATIVES},
    "all": {
        "queries": QUERIES,
        "grades": GRADES,
        "weights": WEIGHTS,
        "log_probability": LOG_Q,
        "negatives": NEGATIVES,
        "log_probability_of_negatives": LOG_Q_OF_NEGATIVES,
    },
}
LOOP_NAMES = {"log_probability": "log_q", "log_probability_of_negatives": "log_q_of_negatives"}


def embeddings(columns):
    """(queries, documents) whose products are no small numbers."""
    random = np.random.default_rng(7)
    return [random.normal(size=(rows, DIMENSION)).astype("float32") * 1.5 for rows in (ROWS, columns)]


def case(name):
    """(labels, queries, documents, the loss of each row by the loop as a function of options)."""
    given = CASES[name]
    queries, documents = embeddings(ROWS * (3 if "negatives" in given else 1))
    exact = queries.astype("float64") @ documents.astype("float64").T
    named = {LOOP_NAMES.get(key, key): value.tolist() for key, value in given.items()}
    return (
        losses.in_batch_labels(DOCUMENTS, **given),
        queries,
        documents,
        lambda **options: np.array(references.in_batch_softmax(DOCUMENTS.tolist(), exact.tolist(), **named, **options)),
    )


def number(x):
    return ops.convert_to_numpy(x)


def close(got, expected):
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("symmetric", [False, True])
def test_labels_in_one_array(name, symmetric):
    labels, queries, documents, loop = case(name)
    close(
        number(losses.in_batch_softmax(labels, queries @ documents.T, symmetric=symmetric)), loop(symmetric=symmetric)
    )


@pytest.mark.parametrize("symmetric", [False, True])
def test_embeddings_in_blocks(symmetric):
    """The value and the gradients are those of the similarities at once."""
    labels, queries, documents, loop = case("all")
    loss = losses.InBatchSoftmaxLoss(temperature=0.5, symmetric=symmetric)
    weights = np.linspace(0.5, 2, ROWS, dtype="float32")
    expected = (weights * loop(symmetric=symmetric, temperature=0.5)).mean()

    def at_once(both):
        return loss(labels, ops.matmul(both[:ROWS], ops.transpose(both[ROWS:])), weights)

    def in_blocks(both):
        return loss.of_embeddings(labels, both[:ROWS], both[ROWS:], weights, block=4)

    both = np.concatenate([queries, documents])
    (value, gradient), (_, of_blocks) = (differentiated(of)(both) for of in (at_once, in_blocks))
    close(number(value), expected)
    close(number(in_blocks(ops.convert_to_tensor(both))), expected)
    close(number(loss.of_embeddings(labels, queries, documents, weights)), expected)
    close(number(of_blocks), number(gradient))
    assert np.abs(number(gradient)).max() > 1e-3


@pytest.mark.parametrize("kind", [losses.NpairsLoss, losses.NpairsMultilabelLoss])
def test_npairs_of_embeddings(kind):
    several = kind is losses.NpairsMultilabelLoss
    labels = RANDOM.integers(0, 2, (ROWS, 3)).astype("float32") if several else RANDOM.integers(0, 4, ROWS)
    queries, documents = embeddings(ROWS)
    expected = number(kind()(labels, queries @ documents.T, WEIGHTS))
    close(number(kind().of_embeddings(labels, queries, documents, WEIGHTS, block=3)), expected)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_embeddings_of_half_precision_are_summed_in_float32(dtype):
    labels, *both = case("all")[:3]
    halves = [ops.cast(ops.convert_to_tensor(x), dtype) for x in both]
    exact = [number(ops.cast(x, "float32")) for x in halves]
    loss = losses.InBatchSoftmaxLoss()
    value = loss.of_embeddings(labels, *halves, block=4)
    assert ops.dtype(value) == "float32"
    close(number(value), number(loss(labels, exact[0] @ exact[1].T)))


@pytest.mark.parametrize("reduction", ["sum", "none", "mean_with_sample_weight"])
def test_reductions(reduction):
    """The weighted mean is over the rows with a grade, and its weights are those of the labels and of the samples."""
    labels, queries, documents, loop = case("all")
    weights = np.linspace(0.5, 2, ROWS)
    expected = weights * loop()
    if reduction == "sum":
        expected = expected.sum()
    elif reduction == "mean_with_sample_weight":
        expected = expected.sum() / (weights * WEIGHTS)[GRADES > 0].sum()
    loss = losses.InBatchSoftmaxLoss(reduction=reduction)
    close(number(loss(labels, queries @ documents.T, weights)), expected)
    close(number(loss.of_embeddings(labels, queries, documents, weights, block=5)), expected)


def test_only_differences_of_log_q_matter():
    shifted = CASES["all"] | {
        "log_probability": LOG_Q + 3,
        "log_probability_of_negatives": LOG_Q_OF_NEGATIVES + 3,
    }
    _, queries, documents, loop = case("all")
    close(number(losses.in_batch_softmax(losses.in_batch_labels(DOCUMENTS, **shifted), queries @ documents.T)), loop())


def test_a_hit_by_accident_has_no_gradient():
    similarities = np.array([[0.5, 1.0, 0.25], [0.0, 2.0, 1.0], [1.0, 0.5, 0.0]], "float32")
    loss = losses.InBatchSoftmaxLoss(reduction="sum")
    gradient = number(differentiated(lambda x: loss([4, 5, 4], x))(similarities)[1])
    assert gradient[0, 2] == gradient[2, 0] == 0
    assert np.all(gradient[1, [0, 2]] > 0)


def test_fit_takes_the_labels(tmp_path):
    """Rows are cut into batches and shuffled; a lower loss comes of it."""
    keras.utils.set_random_seed(1)
    x = np.random.default_rng(5).normal(size=(40, 6)).astype("float32")
    inputs = keras.Input((6,))
    queries, documents = (keras.layers.Dense(4)(inputs) for _ in range(2))
    model = keras.Model(inputs, ops.matmul(queries, ops.transpose(documents)))
    model.compile(keras.optimizers.Adam(0.02), losses.InBatchSoftmaxLoss(temperature=0.5, symmetric=True))
    labels = losses.in_batch_labels(np.arange(40) % 15, queries=np.arange(40) % 20, log_probability=np.zeros(40))
    before = model.evaluate(x, labels, batch_size=40, verbose=0)
    model.fit(x, labels, batch_size=10, epochs=8, sample_weight=np.ones(40), verbose=0)
    assert model.evaluate(x, labels, batch_size=40, verbose=0) < 0.9 * before
    model.save(tmp_path / "model.keras")
    assert keras.models.load_model(tmp_path / "model.keras").loss == model.loss


@pytest.mark.parametrize(
    "given, wrong",
    [
        ({"queries": [1, 2]}, r"queries must be ids, \[3\], but got \[2\]"),
        ({"negatives": [1, 2, 3]}, r"negatives must be ids, \[3, H\], but got \[3\]"),
        ({"grades": [1, -1, 0]}, "grades must be finite numbers of at least 0, but in row 1 got -1.0"),
        ({"weights": [1, 1]}, r"weights must be numbers, \[3\], but got \[2\]"),
        ({"log_probability": [0, 0, -np.inf]}, "log_probability must be finite numbers, but in row 2 got -inf"),
        ({"queries": [1, None, 2]}, "queries must be ids, but the id of row 1 is missing"),
        ({"queries": [1.0, 2.0, np.nan]}, "queries must be ids, but the id of row 2 is missing"),
        ({"queries": np.array([1, "a", 2], object)}, "ids must be of one kind"),
        ({"negatives": [[1], [2], [3]]}, "documents and negatives must be ids of one kind"),
        ({"log_probability_of_negatives": [[0], [0], [0]]}, "needs negatives: give them too"),
        ({"negatives": [["x"]] * 3, "log_probability": [0, 0, 0]}, "both or neither must be given"),
        ({"negatives": [["x"], ["x", "y"], ["z"]]}, r"negatives must be ids, \[3, H\], the same number in each row"),
        (
            {"queries": np.array(["2026", "NaT", "2025"], "M8[D]")},
            "queries must be ids, but the id of row 1 is missing",
        ),
    ],
)
def test_labels_that_cannot_be_made(given, wrong):
    with pytest.raises(ValueError, match=wrong):
        losses.in_batch_labels(["a", "b", "c"], **given)


@pytest.mark.parametrize("kind", [object, np.dtypes.StringDType(), "U5"])
@pytest.mark.parametrize("other", [object, np.dtypes.StringDType(), "U9"])
def test_strings_are_ids_in_any_array_of_numpy(kind, other):
    labels = losses.in_batch_labels(np.array(["b", "a", "b"], kind), negatives=np.array([["a"], ["c"], ["b"]], other))
    assert labels[:, [0, 5]].tolist() == [[1, 0], [0, 2], [1, 1]]


@pytest.mark.parametrize("kind", ["uint64", "float64", object])
def test_whole_numbers_of_two_kinds_are_not_rounded(kind):
    documents = np.array([2**53, 2**53 + 1, 3])
    labels = losses.in_batch_labels(documents, negatives=np.array([[2**53], [3], [3]], kind))
    assert labels[:, [0, 5]].tolist() == [[1, 1], [2, 0], [0, 0]]


@pytest.mark.parametrize("kind", [losses.InBatchSoftmaxLoss, losses.NpairsLoss])
def test_ids_of_64_bits_are_compared_as_they_are(kind):
    similarities, ids = RANDOM.normal(size=(4, 4)), np.array([1, 1 + 2**32, -(2**40), 1])
    close(number(kind()(ids, similarities)), number(kind()(np.array([0, 1, 2, 0]), similarities)))
    close(number(kind.fn(ids, similarities)), number(kind.fn(np.array([0, 1, 2, 0]), similarities)))


@pytest.mark.parametrize("symmetric", [False, True])
def test_labels_in_a_list_are_those_in_an_array(symmetric):
    labels, queries, documents, loop = case("all")
    of_list = losses.in_batch_softmax(labels.tolist(), queries @ documents.T, symmetric=symmetric)
    close(number(of_list), loop(symmetric=symmetric))


@pytest.mark.parametrize("kind", [losses.InBatchSoftmaxLoss, losses.NpairsLoss])
def test_strings_are_no_labels(kind):
    with pytest.raises(ValueError, match=r"labels must be numbers, but got <U1: plackett\.losses\.in_batch_labels"):
        kind()(np.array(["a", "b"]), np.ones((2, 2)))


@pytest.mark.parametrize(
    "labels, similarities, wrong",
    [
        (np.arange(3), np.ones((3, 6)), r"must have 3 columns, .*but got \[3, 6\]; for hard negatives use"),
        (np.arange(3), np.ones((2, 3)), r"similarities must have the shape of rows and columns, \[3, 3\]"),
        (np.ones((3, 4), "int32"), np.ones((3, 3)), r"labels must be documents, .*but got \[3, 4\]"),
        (np.ones((3, 5), "float32"), np.ones((3, 3)), r"labels must be documents, .*but got \[3, 5\] float32"),
        (losses.in_batch_labels([1, 2], negatives=[[3], [4]]), np.ones((2, 2)), "must have 4 columns"),
    ],
)
def test_similarities_that_do_not_fit(labels, similarities, wrong):
    with pytest.raises(ValueError, match=wrong):
        losses.InBatchSoftmaxLoss()(labels, similarities)


def test_embeddings_that_do_not_fit():
    with pytest.raises(ValueError, match=r"must have the same dimension, but they have shapes \[3, 2\] and \[3, 4\]"):
        losses.NpairsLoss().of_embeddings([0, 1, 2], np.ones((3, 2)), np.ones((3, 4)))
    with pytest.raises(ValueError, match="block must be a whole number of at least 1"):
        losses.NpairsLoss().of_embeddings([0, 1, 2], np.ones((3, 2)), np.ones((3, 2)), block=0)


def test_both_directions_need_all_rows():
    with pytest.raises(ValueError, match="symmetric=True needs the similarities of all rows"):
        losses.in_batch_softmax([0, 1], np.ones((1, 2)), rows=[0], symmetric=True)


@pytest.mark.skipif(BACKEND != "torch", reason="where Keras asks for shapes with tensors that have no values")
def test_shapes_are_told_without_values():
    calls = []

    def fn(classes, similarities):
        calls.append(similarities.device.type)
        return losses.NpairsLoss()(classes, similarities)

    compute_output_spec(fn, keras.KerasTensor((6,), "int32"), keras.KerasTensor((6, 6)))
    assert calls == ["meta"]  # Keras would go on with ones, of which each row has as many positives as there are rows
