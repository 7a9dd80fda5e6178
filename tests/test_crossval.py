"""Cross-validation: folds, seeds, what is kept, and what is refused."""

import csv
import dataclasses
import re

import keras
import numpy as np
import pytest
import yaml
from conftest import made_lists

import plackett
from plackett.data import concatenate
from plackett.training import _crossval

LISTS = made_lists(30, seed=0)
QUICK = {"epochs": 2, "batch_size": 8, "learning_rate": 0.03, "scorer_options": {"hidden": [4], "dropout": 0.0}}
TWO = {"softmax": QUICK | {"loss": "softmax"}, "mse": QUICK | {"loss": "mean_squared"}}
SMALL = {"folds": 3, "seeds": (0, 1)}


class KilledError(Exception):
    """Stands for a process that ends."""


@pytest.fixture
def trainings(monkeypatch):
    """What was trained: (training lists, validation lists, options), one entry a call of `train`."""
    calls, real = [], _crossval.train

    def train(training, validation, **options):
        calls.append((training, validation, options))
        return real(training, validation, **options)

    monkeypatch.setattr(_crossval, "train", train)
    return calls


@pytest.fixture(scope="module")
def found():
    """Two configurations over three folds and two seeds."""
    return plackett.crossval(LISTS, TWO, ["ndcg@10", "mrr"], **SMALL)


def parts(sizes=(8, 6, 7, 5, 4)):
    """Folds that are given."""
    ends = np.cumsum(sizes)
    return [LISTS[end - size : end] for size, end in zip(sizes, ends, strict=True)]


def test_five_given_folds_turn_as_those_of_letor(trainings):
    given = parts()
    found = plackett.crossval(given, {"a": QUICK}, seeds=[3])
    assert len(trainings) == 5
    for k, (training, validation, options) in enumerate(trainings):
        turned = given[k:] + given[:k]
        assert training.fingerprint() == concatenate(turned[:3]).fingerprint()
        assert validation.fingerprint() == turned[3].fingerprint()
        assert options["seed"] == 3
        tested = found.results.queries[found.results.facts["fold"] == k + 1]
        assert tested.tolist() == turned[4].queries.tolist()


def test_each_query_is_tested_once_by_what_never_saw_it(trainings):
    found = plackett.crossval(LISTS, {"a": QUICK}, folds=4, seeds=[0])
    assert found.results.queries.tolist() == LISTS.queries.tolist()
    assert sorted(np.bincount(found.results.facts["fold"])[1:]) == [7, 7, 8, 8]
    for k, (training, validation, _) in enumerate(trainings, 1):
        test = found.results.queries[found.results.facts["fold"] == k]
        assert sorted([*training.queries, *validation.queries, *test]) == sorted(LISTS.queries)


def test_the_draw_of_the_folds_has_a_seed():
    drawn = [_crossval._folds.cut(LISTS, 3, seed).tolist() for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize("users", [np.arange(30) // 4, np.array([f"user {i // 4}" for i in range(30)])])
def test_queries_of_one_user_stay_together(users):
    lists = dataclasses.replace(LISTS, query_columns={"user": users})
    fold = _crossval._folds.cut(lists, 3, 0, "user")
    assert all(len(set(fold[users == user])) == 1 for user in set(users))
    assert sorted(np.bincount(fold)[1:]) == [10, 8, 12] or sorted(np.bincount(fold)[1:]) == [8, 10, 12]


def test_the_values_are_those_of_runs_by_hand(found):
    fold = np.asarray(found.results.facts["fold"])
    test = np.flatnonzero(fold == 2)
    part = {number: np.flatnonzero(fold == number % 3 + 1) for number in (1, 2, 3)}  # which the next turn tests on
    assert (part[1] == test).all()
    trained = plackett.train(LISTS.select(part[2]), LISTS.select(part[3]), seed=1, **TWO["mse"])
    by_hand = plackett.evaluate({"mse": trained.model}, LISTS.select(test), ["ndcg@10", "mrr"])
    assert (by_hand.values[0] == found.by_seed[1, :, 1, test].T).all()
    assert (found.results.values == found.by_seed.mean(axis=2)).all()
    assert not np.isnan(found.by_seed).any()
    assert found.results.metrics == ("ndcg@10", "mrr")
    assert found.results.facts["list_size"].tolist() == LISTS.lengths.tolist()


def test_spreads_are_standard_deviations_over_folds_and_over_seeds(found):
    fold, values = found.results.facts["fold"], found.by_seed[1, 0]
    of_folds = [values[:, fold == k].mean() for k in (1, 2, 3)]
    spread = next(x for x in found.spreads() if (x.configuration, x.metric[:4]) == ("mse", "ndcg"))
    assert spread.mean == pytest.approx(values.mean())
    assert spread.of_folds == pytest.approx(of_folds)
    assert spread.over_folds == pytest.approx(np.std(of_folds, ddof=1))
    assert spread.over_seeds == pytest.approx(values.mean(axis=1).std(ddof=1))
    assert spread.over_seeds > 0


def test_one_seed_has_no_spread_over_seeds():
    found = plackett.crossval(LISTS, {"a": QUICK | {"epochs": 1}}, folds=3, seeds=[0])
    assert np.isnan(found.spreads()[0].over_seeds)
    assert repr(found).split().count("-") == 1


def test_queries_that_do_not_count_are_left_out_of_all_means():
    labels = LISTS.labels.copy()
    labels[: LISTS.row_splits[4]] = 0
    lists = dataclasses.replace(LISTS, labels=labels)
    metric = plackett.metrics.NDCG(topn=10, empty="skip")
    found = plackett.crossval(lists, {"a": QUICK | {"epochs": 1}}, [metric], folds=3, seeds=[0, 1])
    values = found.results.values[0, 0]
    assert np.isnan(values[:4]).all()
    assert found.spreads()[0].mean == pytest.approx(np.nanmean(values))


def test_equal_configurations_do_not_differ():
    found = plackett.crossval(LISTS, {"a": QUICK, "b": QUICK}, **SMALL)
    (row,) = found.compare().pairs
    assert (row.system, row.baseline, row.difference) == ("b", "a", 0.0)
    assert row.p_randomisation == row.p_t_test == 1.0


def test_a_cross_validation_that_is_killed_goes_on(tmp_path, monkeypatch, trainings, found):
    """Finished runs are not repeated, and the run that was killed goes on from its checkpoint."""
    counted = _crossval.train

    def killed_in_the_fourth(training, validation, **options):
        def end(batch, logs):
            if len(trainings) == 4 and batch == 1:
                raise KilledError

        stop = keras.callbacks.LambdaCallback(on_train_batch_end=end)
        return counted(training, validation, callbacks=[stop], **options)

    configurations = {name: settings | {"checkpoint_steps": 1} for name, settings in TWO.items()}
    arguments = {"metrics": ["ndcg@10", "mrr"], "output": tmp_path / "run"} | SMALL
    monkeypatch.setattr(_crossval, "train", killed_in_the_fourth)
    with pytest.raises(KilledError):
        plackett.crossval(LISTS, configurations, **arguments)
    monkeypatch.setattr(_crossval, "train", counted)
    assert len(trainings) == 4
    with pytest.raises(FileExistsError, match="holds a cross-validation: continue it"):
        plackett.crossval(LISTS, configurations, **arguments)
    heard = []
    went_on = plackett.crossval(
        LISTS, configurations, resume=True, after=lambda run, means: heard.append(run.place), **arguments
    )
    assert len(trainings) == 4 + 12 - 3
    assert heard[0] == "mse/fold-1/seed-1"
    assert len(heard) == 12 - 3
    assert (went_on.by_seed == found.by_seed).all()
    assert repr(went_on) == repr(found)
    again = plackett.crossval(LISTS, configurations, resume=True, **arguments)
    assert len(trainings) == 4 + 12 - 3
    assert (again.by_seed == found.by_seed).all()


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A finished cross-validation on the disk."""
    output = tmp_path_factory.mktemp("kept") / "run"
    plackett.crossval(LISTS, {"a": QUICK}, folds=3, seeds=[0], output=output, provenance={"data": ["a.txt"]})
    return output


def test_what_is_kept(kept):
    with (kept / "crossval.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["configuration"], row["fold"], row["seed"]) for row in rows] == [("a", str(k), "0") for k in (1, 2, 3)]
    assert all(1 <= int(row["best_epoch"]) <= int(row["epochs"]) == 2 for row in rows)
    pl = pytest.importorskip("polars")
    frame = pl.read_parquet(kept / "results.parquet")
    assert frame["query"].to_list() == LISTS.queries.tolist()
    metric = frame.columns[-1]
    assert metric.startswith("ndcg@10[")
    means = frame.group_by("fold").agg(pl.col(metric).mean()).sort("fold")[metric].to_list()
    assert [float(row[metric]) for row in rows] == pytest.approx(means)
    record = yaml.safe_load((kept / "crossval.yaml").read_text())
    assert record["data"] == ["a.txt"]
    assert record["queries_of_folds"] == [10, 10, 10]
    model = plackett.load(kept / "a/fold-1/seed-0")
    test = LISTS[(frame["fold"] == 1).to_numpy()]
    assert plackett.evaluate(model, test, ["ndcg@10"])["ndcg@10"] == pytest.approx(means[0])


@pytest.mark.parametrize(
    "changed, wrong",
    [
        (
            {"configurations": {"a": QUICK | {"epochs": 3}}},
            "it holds another cross-validation: a: epochs was 2 and is 3",
        ),
        ({"lists": LISTS[:-1]}, "lists was"),
        ({"folds": 4}, "queries_of_folds was [10, 10, 10] and is [8, 8, 7, 7]"),
        ({"fold_seed": 1}, "cut was"),
    ],
)
def test_other_data_or_settings_do_not_go_on(kept, changed, wrong):
    arguments = {"lists": LISTS, "configurations": {"a": QUICK}, "folds": 3, "seeds": [0]} | changed
    with pytest.raises(ValueError, match=re.escape(wrong)):
        plackett.crossval(output=kept, resume=True, **arguments)


def test_more_seeds_configurations_and_metrics_go_on(kept, tmp_path, trainings):
    arguments = {"folds": 3, "seeds": [0, 1], "output": kept, "resume": True}
    added = plackett.crossval(LISTS, {"a": QUICK, "b": QUICK}, **arguments)
    assert len(trainings) == 9
    measured = plackett.crossval(LISTS, {"b": QUICK, "a": QUICK}, ["mrr", "ndcg@10"], **arguments)
    assert (measured.by_seed[0, 1] == added.by_seed[1, 0]).all()
    assert set(yaml.safe_load((kept / "crossval.yaml").read_text())["configurations"]) == {"a", "b"}


@pytest.mark.parametrize(
    "changed, lacking",
    [
        ({"seeds": [1]}, "the seed 0"),
        ({"configurations": {"c": QUICK}}, "the configuration a"),
        ({"metrics": ["mrr"]}, "the metric ndcg@10["),
    ],
)
def test_finished_results_are_not_dropped(kept, trainings, changed, lacking):
    before = (kept / "crossval.csv").read_text()
    arguments = {"configurations": {"a": QUICK, "b": QUICK}, "folds": 3, "seeds": [0, 1]} | changed
    with pytest.raises(ValueError, match=f"has results of .*{re.escape(lacking)}"):
        plackett.crossval(LISTS, output=kept, resume=True, **arguments)
    assert (kept / "crossval.csv").read_text() == before
    assert not trainings


def test_what_no_results_can_hold_is_told_before_the_first_training(tmp_path, trainings):
    stated = plackett.evaluation.state(plackett.metrics.MRR())
    lists = dataclasses.replace(LISTS, query_columns={stated: np.arange(len(LISTS))})
    with pytest.raises(ValueError, match="would occur twice"):
        plackett.crossval(lists, {"a": QUICK}, ["mrr"], output=tmp_path / "run", **SMALL)
    assert not trainings


def test_fold_k_is_said_to_be_turn_k(found):
    assert "Fold 1 tests on part 3 of the data, fold 2 on part 1" in repr(found)


def test_a_run_that_diverges_is_named(tmp_path):
    wild = QUICK | {"optimizer": "sgd", "learning_rate": 1e38, "loss": "softmax"}
    with pytest.raises(plackett.TrainingDivergedError, match="in the run wild/fold-1/seed-0"):
        plackett.crossval(LISTS, {"wild": wild}, output=tmp_path / "run", **SMALL)


def test_names_are_text_in_a_notebook_and_in_a_terminal():
    name = "[red]a & b[/red]"
    with pytest.raises(ValueError, match="the name of a configuration must be printable, without any of"):
        plackett.crossval(LISTS, {name: QUICK})
    found = plackett.crossval(LISTS, {"[red]a & b": QUICK | {"epochs": 1}}, folds=3, seeds=[0])
    assert "[red]a & b" in repr(found)
    assert "[red]a &amp; b" in found._repr_html_()


def test_a_folder_with_anything_else_in_it(tmp_path):
    (tmp_path / "file").write_text("precious")
    with pytest.raises(FileExistsError, match="it does not hold a cross-validation, but file: choose another output"):
        plackett.crossval(LISTS, {"a": QUICK}, output=tmp_path, resume=True)


X = keras.Input((None, 5))


@pytest.mark.parametrize(
    "arguments, wrong",
    [
        (
            {"folds": 31},
            "folds must be at least 3, to train, validate and test on, and at most 30, the number of queries",
        ),
        ({"folds": 2}, "folds must be at least 3"),
        ({"folds": 2.5}, "folds must be a whole number, but got 2.5"),
        ({"group_by": "user"}, "group_by (--group-by) must name a column of queries, but there is none: got 'user'"),
        (
            {"lists": dataclasses.replace(LISTS, query_columns={"users": np.arange(30)}), "group_by": "user"},
            "unknown column of queries 'user'; did you mean 'users'?",
        ),
        ({"seeds": 3}, "seeds must be a list of whole numbers, such as range(3), but got 3"),
        ({"metrics": "ndcg@10"}, "metrics must be a list of names, but got 'ndcg@10'; write ['ndcg@10']"),
        (
            {"lists": [LISTS[:10], LISTS[10:]]},
            "there must be at least 3 folds, to train, validate and test on, but got 2",
        ),
        ({"lists": [LISTS[:10], LISTS[9:20], LISTS[20:]]}, "query 'q9' is in both fold 1 and fold 2"),
        ({"lists": [LISTS[:10], LISTS[10:10], LISTS[20:]]}, "fold 2 has no query"),
        (
            {"lists": [*parts()[:2], made_lists(4, seed=9, features=3)]},
            "fold 3 is not like fold 1: the parts",
        ),
        ({"lists": [LISTS[:10], 3]}, "fold 2 must be RankingLists"),
        ({"lists": LISTS.features}, "lists must be RankingLists"),
        ({"lists": parts(), "folds": 5}, "folds=5 applies when lists are cut into folds, but the folds are given"),
        ({"lists": concatenate([LISTS, LISTS[:2]])}, "query 'q0' occurs twice"),
        ({"metrics": ["ndgc@10"]}, "unknown metric 'ndgc'; did you mean 'ndcg'?"),
        ({"metrics": ["mrr", "mrr"]}, "each metric must have a name of its own"),
        ({"configurations": {}}, "configurations must be a dict of names to settings, but got {}"),
        ({"configurations": {"a": 3}}, "the configuration a must be a dict of settings, but got 3"),
        (
            {"configurations": {"a": {"epochz": 3}}},
            "the configuration a: unknown setting 'epochz'; did you mean",
        ),
        ({"configurations": {"a": {}, "b": {"loss": "softmx"}}}, "the configuration b: unknown loss 'softmx'"),
        (
            {"configurations": {"a": {"seed": 3}}},
            "the configuration a must not set seed: each configuration is trained",
        ),
        ({"configurations": {"a": {"validation_share": 0.1}}}, "the configuration a must not set validation_share"),
        (
            {"configurations": {"a": {}, "A": {}}},
            "the names of two configurations must differ by more than case, but got a and A",
        ),
        ({"configurations": {"a/b": {}}}, "the name of a configuration must be printable"),
        ({"configurations": {"..": {}}}, "the name of a configuration must be printable"),
        ({"configurations": {"a": {"optimizer": keras.optimizers.SGD(0.1)}}}, "makes its own optimizer: give its name"),
        ({"configurations": {"a": {"scorer": keras.Model(X, X)}}}, "makes its own scorer: give its name"),
        ({"seeds": []}, "seeds must be different whole numbers, at least one, but got []"),
        ({"seeds": [1, 1]}, "seeds must be different whole numbers"),
        ({"seeds": [-1]}, "a seed must be a whole number from 0"),
        ({"resume": True}, "resume=True continues the cross-validation in output, but output is None"),
    ],
)
def test_errors_say_what_is_allowed(trainings, arguments, wrong):
    arguments = {"lists": LISTS, "configurations": {"a": QUICK}} | arguments
    with pytest.raises(ValueError, match=re.escape(wrong)):
        plackett.crossval(**arguments)
    assert not trainings


def test_ensembles_have_seeds_that_share_no_member(monkeypatch):
    with pytest.raises(ValueError, match=r"at least 2 apart, .* but got 0 and 1: give, for example, \[0, 2, 4\]"):
        plackett.crossval(LISTS, {"two": QUICK | {"ensemble": 2}}, folds=3, seeds=(1, 0))
    quick = QUICK | {"epochs": 1, "ensemble": 2}
    found = plackett.crossval(LISTS, {"two": quick, "one": QUICK | {"epochs": 1}}, folds=3)
    assert found.seeds == (0, 2, 4)
    assert {(x.best_epoch, x.epochs) for x in found.runs.values()} == {(1, 1)}
