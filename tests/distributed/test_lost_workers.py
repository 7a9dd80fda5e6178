"""Training to the undisturbed end, though workers are killed, each at a known place."""

import pytest
from clusters import cluster
from gates import LISTS, UNEVEN, Attack, check_undisturbed, kill

import plackett
from plackett import distributed

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning")


@pytest.fixture(scope="module", autouse=True)
def ray():
    with cluster(2) as ray:
        yield ray


def test_the_first_worker_is_killed_and_then_one_too_many_and_the_run_ends_undisturbed(tmp_path, monkeypatch):
    attack = Attack({1: kill(0), 2: kill(1)}, tmp_path)
    attack.attach(monkeypatch)
    told, options = [], {"output": tmp_path / "run", **UNEVEN, **attack.settings}

    def hear(entry):
        told.append(entry["epoch"])
        attack(entry)

    with (
        pytest.warns(UserWarning, match=r"a worker was lost \(worker 0: .*; 0 more may be lost"),
        pytest.raises(ConnectionError, match=r"lost 2 times, which is more than max_failures=1 .*allows: worker 1: "),
    ):
        distributed.train(LISTS, workers=2, max_failures=1, on_epoch=hear, **options)
    assert attack.starts == 2
    assert told[:2] == [1, 2]  # and 3, where the other had ended its part of the epoch
    for epoch in (2, 3):
        (attack.gates / str(epoch)).touch()
    check_undisturbed(plackett.train(LISTS, resume=True, **options))
