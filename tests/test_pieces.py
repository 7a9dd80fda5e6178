"""What is computed by pieces is what is computed at once."""

import os
import subprocess
import sys

import numpy as np
import pytest
from backends import BACKEND, compilers, directional, value_and_grad
from keras import ops

from plackett import backend

RANDOM = np.random.default_rng(3)
TABLE, ROWS = (RANDOM.normal(size=shape).astype("float32") for shape in ((5, 4), (7, 4)))
BOTH = np.concatenate([TABLE, ROWS])
PLACES = RANDOM.integers(0, 5, 7).astype("int32")


def log_likelihoods(shared, rows):
    """Of the row of a table at a place among all, and two numbers more: of [rows, 4] and [rows] places."""
    (table,), (x, places, nothing) = shared, (rows["x"], *rows["others"])
    assert nothing is None
    logits = backend.matmul(x, ops.transpose(table))
    return ops.sum(ops.log_softmax(logits) * ops.one_hot(places, 5), axis=-1), logits[:, :2]


def total(size=None):
    """A number of a table and rows below it that all results bear on; at once where there is no size."""

    def of(x):
        shared, rows = (x[:5],), {"x": x[5:], "others": (ops.convert_to_tensor(PLACES), None)}
        results = backend.by_pieces(log_likelihoods, shared, rows, size) if size else log_likelihoods(shared, rows)
        return ops.sum(ops.arange(7, dtype="float32") * results[0]) + ops.sum(results[1] ** 2)

    return of


@pytest.mark.parametrize("size", [1, 3, 7, 9])
def test_value_and_gradient_are_those_of_all_rows_at_once(size):
    for one, other in zip(value_and_grad(total(), BOTH), value_and_grad(total(size), BOTH), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.skipif(BACKEND == "torch", reason="which has one way, that of the other tests")
@pytest.mark.parametrize("name", list(compilers(2)))
def test_compiled(name):
    if BACKEND == "jax":
        import jax

        step = jax.value_and_grad(total(3))
    else:
        import tensorflow as tf

        def step(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                value = total(3)(x)
            return value, tape.gradient(value, x)

    found = compilers(2)[name](step)(ops.convert_to_tensor(BOTH))
    for one, other in zip(value_and_grad(total(), BOTH), found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_a_gradient_has_a_gradient():
    along = RANDOM.normal(size=BOTH.shape).astype("float32")

    def changes(fn):
        if BACKEND != "torch":
            return directional(fn)(BOTH, along)
        import torch

        x = torch.tensor(BOTH, requires_grad=True)
        (gradient,) = torch.autograd.grad(fn(x), x, create_graph=True)
        return {"twice": torch.autograd.grad((gradient * torch.tensor(along)).sum(), x)[0].numpy()}

    plain, pieces = changes(total()), changes(total(3))
    for way, change in pieces.items():
        np.testing.assert_allclose(change, plain[way], rtol=1e-4, atol=1e-4, err_msg=way)


def test_gradients_of_many_pieces_do_not_stick_in_half_precision():
    def fn(weight):
        (value,) = backend.by_pieces(
            lambda shared, rows: (ops.multiply(rows, shared[0]),), (weight,), np.ones((300, 1), "float32"), 1
        )
        return ops.cast(ops.sum(value), "float32")

    weight = ops.cast(ops.ones((1,)), "bfloat16")
    if BACKEND == "jax":
        import jax

        gradient = jax.grad(fn)(weight)
    elif BACKEND == "torch":
        fn(weight.requires_grad_()).backward()
        gradient = weight.grad
    else:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(weight)
            value = fn(weight)
        gradient = tape.gradient(value, weight)
    assert ops.dtype(gradient) == "bfloat16"
    assert float(gradient[0]) == 300.0  # where ones added up in bfloat16 end at 256


@pytest.mark.skipif(BACKEND != "torch", reason="which has autocast")
def test_a_gradient_has_the_precision_of_its_value():
    import torch
    from torch.nn.functional import linear

    gradients = []
    for size in (7, 3):
        table, rows = (torch.tensor(x, requires_grad=True) for x in (TABLE, ROWS))
        with torch.autocast("cpu", torch.bfloat16):
            value = backend.by_pieces(lambda shared, rows: torch.relu(linear(rows, shared[0])), (table,), rows, size)
            assert value.dtype == torch.bfloat16
            total = value.sum() + linear(rows, table).sum()  # of which autocast may have a copy of the table
        total.backward()
        gradients.append((table.grad, rows.grad))
    for one, other in zip(*gradients, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-2)


def test_what_has_no_gradient_needs_none():
    def fn(shared, rows):
        return rows + shared[0]

    np.testing.assert_array_equal(
        backend.by_pieces(fn, (np.int32(2),), np.arange(5, dtype="int32"), 2), np.arange(2, 7)
    )
    assert backend.by_pieces(fn, (np.float32(2),), np.zeros((0, 3), "float32"), 2).shape == (0, 3)


@pytest.mark.parametrize(
    "rows, size, words",
    [
        (np.zeros((4, 2)), 0, r"size must be a whole number of at least 1, but got size=0"),
        (np.zeros((4, 2)), 1.5, r"size=1.5"),
        ({"x": np.zeros((4, 2)), "y": np.zeros(3)}, 2, r"the same number of rows, but got shapes \[\(4, 2\), \(3,\)\]"),
        ((np.zeros(4), np.zeros(())), 2, r"must have a first axis, but got shapes \[\(4,\), \(\)\]"),
        ({}, 2, r"rows must hold at least one tensor"),
    ],
)
def test_what_cannot_be_cut_is_named(rows, size, words):
    with pytest.raises(ValueError, match=words):
        backend.by_pieces(lambda shared, rows: rows, (), rows, size)


MEMORY = """
import resource, torch
from plackett.backend import by_pieces

def similar(shared, rows):
    return torch.logsumexp(rows @ shared[0].T, -1)

queries, documents = (torch.randn(6144, 8, requires_grad=True) for _ in range(2))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
by_pieces(similar, (documents,), queries, 256).sum().backward()
assert queries.grad.norm() > 0 and documents.grad.norm() > 0
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.skipif(BACKEND != "torch", reason="whose memory the system tells")
def test_memory_is_that_of_a_piece():
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    run = subprocess.run([sys.executable, "-c", MEMORY], env=environment, capture_output=True, text=True, check=True)
    assert int(run.stdout) < 250  # MB, of which half are PyTorch's; at once it takes 580


@pytest.mark.skipif(BACKEND != "jax", reason="which knows the memory of a program")
def test_memory_of_a_program_is_that_of_a_piece():
    import jax

    def fn(queries, documents):
        def of_piece(shared, rows):
            return ops.logsumexp(backend.matmul(rows, shared[0].T), axis=-1)

        return ops.sum(backend.by_pieces(of_piece, (documents,), queries, 64))

    given = jax.ShapeDtypeStruct((4096, 8), "float32")
    program = jax.jit(jax.grad(fn, (0, 1))).lower(given, given).compile()
    assert program.memory_analysis().temp_size_in_bytes < 8 * 2**20  # all similarities take 64
