"""Few rows are compared pair by pair, many are sorted: both find the same matches."""

import numpy as np
import pytest
from backends import at_once, differentiated
from keras import ops

from plackett import losses
from plackett.losses import _matches, _npairs

ROWS = 12
RANDOM = np.random.default_rng(5)
CLASSES, OTHERS = RANDOM.integers(0, 4, (2, ROWS))
GRADES = RANDOM.choice([0.0, 0.5, 2.0], ROWS)
NEGATIVES = RANDOM.integers(0, 6, (ROWS, 2))
MASK = np.arange(ROWS) % 5 > 0
LABELS = losses.in_batch_labels(CLASSES, queries=OTHERS, grades=GRADES, negatives=NEGATIVES)
CASES = {
    "npairs": lambda x: losses.npairs(CLASSES, x),
    "npairs with a mask": lambda x: losses.npairs(CLASSES, x, mask=MASK),
    "npairs of some rows": lambda x: losses.npairs(CLASSES, x[3:7], rows=np.arange(3, 7)),
    "documents": lambda x: losses.in_batch_softmax(CLASSES, x),
    "documents with a mask": lambda x: losses.in_batch_softmax(LABELS, x, mask=MASK),
    "queries": lambda x: losses.in_batch_softmax(LABELS, x),
    "queries of some rows": lambda x: losses.in_batch_softmax(LABELS, x[3:7], rows=np.arange(3, 7)),
}


@pytest.mark.parametrize("name", CASES)
def test_pairs_give_the_numbers_of_sorting(name, monkeypatch):
    columns = ROWS if "npairs" in name or name == "documents" else 3 * ROWS
    similarities = RANDOM.normal(size=(ROWS, columns)).astype("float32")
    few = differentiated(lambda x: CASES[name](x))(similarities)
    monkeypatch.setattr(_matches, "SMALL", 0)
    many = differentiated(lambda x: CASES[name](x))(similarities)
    for one, other in zip(few, many, strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(one), ops.convert_to_numpy(other), rtol=1e-5, atol=1e-6)
    assert np.abs(ops.convert_to_numpy(few[1])).max() > 0.01


def test_a_compiler_takes_pairs():
    similarities = np.zeros((ROWS, ROWS), "float32")
    for fn in (losses.npairs, losses.in_batch_softmax):
        compute = at_once(lambda labels, x, fn=fn: ops.sum(fn(labels, x)))
        labels = ops.convert_to_tensor(CLASSES)
        found = compute(labels, ops.convert_to_tensor(similarities))
        np.testing.assert_allclose(ops.convert_to_numpy(found), float(ops.sum(fn(CLASSES, similarities))), rtol=1e-5)


def test_few_rows_are_not_sorted(monkeypatch):
    monkeypatch.setattr(_npairs, "groups", None)
    assert np.isfinite(float(ops.sum(losses.npairs(CLASSES, np.zeros((ROWS, ROWS), "float32")))))
