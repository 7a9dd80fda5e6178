"""The plan of plans and the simulation of `benchmarks/scale_out.py`."""

import dataclasses
import pathlib
import sys

import numpy as np
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "benchmarks"))

from scale_out_epoch import Model, World, simulate
from scale_out_plan import batch_means, queries_of_window, windows_of_parts

CALM = World(read=1e7, spread=0.0, late=0.0, lost=1e12)
SMALL = Model(parameters=10_000, fixed=0.01, of_document=1e-5)


@pytest.mark.parametrize("parts", [1, 3, 8])
def test_each_row_group_is_in_one_window(parts):
    windows = windows_of_parts(50, parts, 4, seed=2, epoch=1)
    assert len(windows) == parts
    assert sorted(np.concatenate([group for part in windows for group in part])) == list(range(50))


def test_each_query_of_a_window_comes_once():
    places = queries_of_window(np.array([3, 1, 2]), 0, 5, seed=2, epoch=1)
    assert sorted(map(tuple, places.tolist())) == [(0, 0), (0, 1), (0, 2), (1, 0), (2, 0), (2, 1)]


def test_batches_are_of_all_values():
    values = np.arange(64.0).reshape(16, 4)
    assert batch_means(values, 4, 2, batch=8).mean() == values.mean()


def test_one_worker_computes_all_the_time():
    found = simulate(CALM, SMALL, 1)
    steps = CALM.queries / CALM.batch
    expected = (
        steps * (SMALL.fixed + CALM.batch * CALM.documents * SMALL.of_document / (CALM.cores - CALM.readers)) / 3600
    )
    assert found["parts"]["compute"] == pytest.approx(expected)
    assert found["parts"]["network"] == pytest.approx(0)
    assert found["parts"]["slowest worker"] == pytest.approx(0)
    assert found["hours"] == pytest.approx(expected, rel=0.01)


def test_a_store_that_is_too_slow_sets_the_pace():
    slow = dataclasses.replace(CALM, storage=1e9)
    expected = slow.queries * slow.documents * slow.bytes_of_document / slow.storage / 3600
    assert simulate(slow, SMALL, 64, tree=True)["hours"] == pytest.approx(expected, rel=0.05)


def test_a_step_costs_its_all_reduce():
    one = simulate(CALM, SMALL, 64, tree=True)
    late = simulate(dataclasses.replace(CALM, latency=CALM.latency + 0.01), SMALL, 64, tree=True)
    assert late["parts"]["network"] - one["parts"]["network"] == pytest.approx(one["steps"] * 12 * 0.01 / 3600)
