"""Training to the undisturbed end, though workers are killed, each at a known place."""

import pytest
from clusters import SETTINGS, cluster, make_lists
from gates import Attack, check_undisturbed, kill

import plackett
from plackett import distributed

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning")


@pytest.fixture(scope="module", autouse=True)
def ray():
    with cluster(2) as ray:
        yield ray


def test_the_first_worker_and_then_another_are_killed_and_nothing_changes(tmp_path, monkeypatch):
    attack = Attack({1: kill(0), 2: kill(1)}, tmp_path)
    attack.attach(monkeypatch)
    told = []
    with pytest.warns(UserWarning, match="a worker was lost") as warned:
        trained = distributed.train(
            make_lists(),
            workers=2,
            output=tmp_path / "run",
            max_failures=2,
            on_epoch=lambda entry: (told.append(entry), attack(entry)),
            **SETTINGS | attack.settings,
        )
    lost = [str(one.message) for one in warned if "a worker was lost" in str(one.message)]
    assert [words.rpartition("; ")[2] for words in lost] == ["1 more may be lost", "0 more may be lost"]
    assert [f"worker {number}: " in words for number, words in enumerate(lost)] == [True, True], lost
    assert attack.starts == 3
    assert told == trained.history
    check_undisturbed(trained)


def test_one_loss_more_than_allowed_is_an_error_and_the_run_goes_on_in_one_process(tmp_path, monkeypatch):
    attack = Attack({1: kill(1)}, tmp_path)
    attack.attach(monkeypatch)
    options = {"output": tmp_path / "run", **SETTINGS, **attack.settings}
    with pytest.raises(ConnectionError, match=r"workers were lost 1 times, which is more than max_failures=0"):
        distributed.train(make_lists(), workers=2, max_failures=0, on_epoch=attack, **options)
    (tmp_path / "gates" / "2").touch()
    check_undisturbed(plackett.train(make_lists(), resume=True, **options))
