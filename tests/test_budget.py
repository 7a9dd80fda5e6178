"""How long a run trains, and what a step takes, where nobody says."""

import pytest
import yaml
from conftest import made_lists

import plackett
from plackett.training import Settings
from plackett.training._budget import budget_in_words, budget_of, with_budget

SIZES = [1, 2, 7, 50, 63, 106, 282, 470, 1_000, 3_000, 10_000, 31_531, 100_000, 500_000, 5_000_000]
QUICK = {"scorer_options": {"hidden": (), "transform": None}, "optimizer": "sgd"}


def steps_of(lists):
    """How many steps an epoch has."""
    return -(-lists // min(budget_of(Settings(), lists).batch_size, lists))


def test_more_lists_make_no_smaller_batches():
    sizes = [budget_of(Settings(), lists).batch_size for lists in SIZES]
    assert sizes == sorted(sizes)
    assert (sizes[0], sizes[-1]) == (8, 128)


@pytest.mark.parametrize(
    "lists, expected",
    [(63, (8, 200, 15)), (150, (8, 158, 14)), (470, (32, 200, 10)), (1_500, (32, 64, 8)), (500_000, (128, 50, 5))],
)
def test_the_numbers_of_the_study(lists, expected):
    assert budget_of(Settings(), lists) == expected


@pytest.mark.parametrize("lists", SIZES)
def test_patience_is_long_enough_and_shorter_than_the_run(lists):
    budget = budget_of(Settings(), lists)
    assert budget.patience * steps_of(lists) >= min(100, 15 * steps_of(lists))
    assert budget.epochs >= 3 * budget.patience


@pytest.mark.parametrize("lists, most", [(50, 3_000), (470, 3_000), (10_000, 16_000), (500_000, 800_000)])
def test_a_run_has_an_end(lists, most):
    assert budget_of(Settings(), lists).epochs * steps_of(lists) <= most


def test_a_batch_can_be_cut_for_workers():
    for lists in SIZES:
        for parts in (1, 2, 3, 7):
            batch = budget_of(Settings(), lists, parts).batch_size
            assert batch % parts == 0
            assert 0 <= batch - budget_of(Settings(), lists).batch_size < parts


def test_what_is_given_stays_and_counts():
    """A batch of more lists makes fewer steps, so that the run has more epochs."""
    given = {"batch_size": 3, "epochs": 2, "patience": 1}
    assert budget_of(Settings(**given), 1_000)._asdict() == given
    assert budget_of(Settings(batch_size=100), 1_000).epochs > budget_of(Settings(batch_size=10), 1_000).epochs


def test_words():
    words = budget_in_words(with_budget(Settings(batch_size=3, epochs=2, patience=1), 9))
    assert words == "3 queries a batch, at most 2 epochs, patience 1"


def config_of(folder):
    return yaml.safe_load((folder / "config.yaml").read_text())


def test_the_config_holds_the_numbers(tmp_path):
    lists = made_lists(40, seed=0)
    plackett.train(lists, output=tmp_path / "run", epochs=1, **QUICK)
    config = config_of(tmp_path / "run")
    expected = budget_of(Settings(epochs=1), 32)  # the others are held out
    assert {name: config[name] for name in expected._fields} == expected._asdict()


def test_a_run_that_goes_on_has_the_numbers_that_it_began_with(tmp_path):
    lists, validation = made_lists(40, seed=0), made_lists(10, seed=1)
    begun = {"batch_size": 5, "epochs": 2, "patience": 2}
    first = plackett.train(lists, validation, output=tmp_path / "run", **begun, **QUICK)
    again = plackett.train(lists, validation, output=tmp_path / "run", resume=True, **QUICK)
    assert again.history == first.history
    more = plackett.train(lists, validation, output=tmp_path / "run", resume=True, epochs=3, patience=9, **QUICK)
    assert len(more.history) == 3
    assert {name: config_of(tmp_path / "run")[name] for name in begun} == begun | {"epochs": 3, "patience": 9}


def test_a_run_from_before_there_were_averages_goes_on_without_one(tmp_path):
    lists, validation = made_lists(40, seed=0), made_lists(10, seed=1)
    settings = QUICK | {"weight_average": 0, "epochs": 1}
    plackett.train(lists, validation, output=tmp_path / "run", **settings)
    config = config_of(tmp_path / "run")
    assert config.pop("weight_average") == 0
    (tmp_path / "run/config.yaml").write_text(yaml.safe_dump(config))
    assert plackett.train(lists, validation, output=tmp_path / "run", resume=True, **settings).history
    with pytest.raises(ValueError, match=r"weight_average was 0\.0 and is 0\.999"):
        plackett.train(lists, validation, output=tmp_path / "run", resume=True, **QUICK)


def test_a_checkpoint_of_another_model_is_refused_in_words(tmp_path):
    """As of a run that another plackett began, whose scorer had other defaults."""
    lists, validation = made_lists(40, seed=0), made_lists(10, seed=1)
    options = {"hidden": (4,), "normalization": None, "transform": None}
    plackett.train(lists, validation, output=tmp_path / "run", epochs=1, scorer_options={**options, "linear": False})
    config = config_of(tmp_path / "run")
    del config["scorer_options"]["linear"]
    (tmp_path / "run/config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(ValueError, match="has 5 weights, of 31 numbers, but the model of these settings has 6, of 36"):
        plackett.train(lists, validation, output=tmp_path / "run", resume=True, epochs=2, scorer_options=options)
