"""On JAX the noise of processes that train together is that of one process."""

import json

import pytest
from clusters import NOISY
from process_groups import run_group


def train_together(size, folder):
    """The history of each run by so many processes."""
    run_group("noisy_process.py", "jax", size, folder)
    return json.loads((folder / "histories.json").read_text())


@pytest.fixture(scope="module")
def histories(tmp_path_factory):
    """Those of one process, and of two."""
    folder = tmp_path_factory.mktemp("noise")
    return [train_together(size, folder / str(size)) for size in (1, 2)]


@pytest.mark.parametrize("name", NOISY)
def test_two_processes_draw_the_noise_of_one(histories, name):
    alone, together = (one[name] for one in histories)
    assert len(together) == len(alone)
    for ours, expected in zip(together, alone, strict=True):
        assert ours == pytest.approx(expected, rel=1e-5)
