"""`plackett train --teacher`."""

import itertools
import pathlib

import lightgbm
import numpy as np
import polars as pl
import pytest
import yaml
from command_line import quick, run, words
from scipy.stats import kendalltau

import plackett
from plackett.cli import _known
from plackett.cli._request import LOSS_OF_TEACHERS
from plackett.data import read
from plackett.distillation._options import LOSS
from plackett.distillation._teacher_losses import losses_of_teachers
from plackett.evaluation import open_system


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A function that writes a LightGBM model of some lists into a file."""

    def write(lists, path, seed=0, trees=20):
        dataset = lightgbm.Dataset(lists.features, lists.labels, group=lists.lengths)
        params = {"objective": "lambdarank", "min_data_in_leaf": 5, "verbose": -1, "num_threads": 1, "seed": seed}
        lightgbm.train(params | {"bagging_fraction": 0.5, "bagging_freq": 1}, dataset, trees).save_model(path)

    return write


@pytest.fixture
def here(files, tree, monkeypatch):
    """A folder with train.txt, vali.txt, test.txt and the teacher model.txt, where the commands run."""
    monkeypatch.chdir(files)
    monkeypatch.setenv("PLACKETT_CACHE", str(files / "cache"))
    tree(read("train.txt"), "model.txt")
    return files


def train(*arguments, teacher="model.txt", output="run", epochs=2):
    flags = ["--teacher", teacher] if teacher else []
    return run("train", "train.txt", "--validation", "vali.txt", "--output", output, *flags, *quick(epochs), *arguments)


@pytest.mark.parametrize(
    ("arguments", "words_of_it"),
    [
        (["--teacher", "none.txt"], "there is no file none.txt"),
        (["--teacher", "train.txt"], "train.txt are not those of a known kind of system"),
        (["--teacher-temperature", 0], "--teacher-temperature must be a number above 0, but got 0.0"),
        (["--teacher-temperature", "nan"], "--teacher-temperature must be a number above 0, but got nan"),
        (["--label-weight", 1], "--label-weight must be at least 0 and below 1, since 1 would leave no teacher"),
        (
            ["--label-option", "temperature=2"],
            "--label-option is an option of the loss of the labels: give --label-loss",
        ),
        (["--label-loss", "softmax"], "--label-loss softmax has no effect if --label-weight is 0"),
        (["--label-loss", "sotfmax", "--label-weight", 0.5], "did you mean 'softmax'"),
        (["--loss", "mixture_em"], "To learn from the labels too, give a loss of grades as --label-loss, with"),
        (
            ["--label-loss", "softmax", "--label-option", "topk=2", "--label-weight", 0.5],
            "unknown option of softmax: 'topk'",
        ),
        (["--loss-option", "top=10"], "unknown option of coupled_rank_distil: 'top'; did you mean 'topk'?"),
        (["--loss", "unique_softmax"], "unique_softmax reads grades: give one of coupled_rank_distil, list_mle"),
        (["--target", "label"], "--target has no effect beside --teacher"),
        (["--clicks", "train.txt", "--method", "naive"], "--teacher and --clicks are two sources to learn from"),
        (["--extra-lists", "more.txt"], "there is no file more.txt"),
        (["--teacher", "model.txt"], "two systems have the name"),
    ],
)
def test_what_does_not_act_or_is_not_there_is_refused(here, arguments, words_of_it):
    done = train(*arguments)
    assert done.exit_code == 2, done.output
    assert words_of_it in words(done)
    assert not pathlib.Path("run").exists()


@pytest.mark.parametrize(
    "flags",
    [
        ["--teacher-temperature", 2],
        ["--raw-teacher"],
        ["--label-loss", "softmax"],
        ["--label-option", "temperature=2"],
        ["--label-weight", 0.5],
        ["--extra-lists", "test.txt"],
        ["--teacher-cache", "scores"],
    ],
)
def test_flags_of_a_teacher_need_one(here, flags):
    done = train(*flags, teacher=None)
    assert done.exit_code == 2
    assert f"{flags[0]} needs a teacher: give --teacher SYSTEM" in words(done)


def test_a_student_is_no_teacher_of_itself(here):
    assert train(teacher=None).exit_code == 0
    done = train("--overwrite", teacher="run")
    assert "--teacher run is the output folder of the student: choose another --output" in words(done)
    assert pathlib.Path("run/model.keras").is_file()


def history(folder):
    return pathlib.Path(folder, "history.csv").read_text()


def section(folder):
    return yaml.safe_load(pathlib.Path(folder, "config.yaml").read_text())["teacher"]


def test_a_student_ranks_as_its_teacher_and_all_that_it_learnt_from_is_told(here):
    done = train("--loss-option", "topk=3", "--teacher-temperature", 0.5, epochs=15)
    assert done.exit_code == 0, done.output
    said = words(done)
    for part in (
        "the teacher is model. Its scores are standardised in each list, and divided by the temperature 0.5.",
        "the student learns coupled_rank_distil (topk 3, sample_size 8, temperature 1) of the teacher's scores, and",
        "60 queries to train on, 20 to validate on",
        f"the scores of model are kept in {here / 'cache/teachers'}.",
    ):
        assert part in said
    told = section("run")
    assert (told["systems"], told["standardize"], told["temperature"]) == (["model.txt"], True, 0.5)
    lists = read("test.txt")
    student, teacher = (open_system(path)(lists) for path in ("run", "model.txt"))
    taus = [kendalltau(student[a:b], teacher[a:b]).statistic for a, b in itertools.pairwise(lists.row_splits)]
    assert np.mean(taus) > 0.5
    done = run("report", "run", "trees=model.txt", "--data", "test.txt", "--metric", "ndcg@5", "-o", "report.html")
    assert done.exit_code == 0, done.output
    page = pathlib.Path("report.html").read_text()
    assert "How far a student ranks as its teacher" in page
    assert "run scores " in page


def test_a_config_repeats_the_run_and_flags_go_before_it(here):
    assert train("--loss", "pairwise_mse", "--raw-teacher").exit_code == 0
    done = run("train", "--config", "run/config.yaml", "--output", "again")
    assert done.exit_code == 0, done.output
    assert history("again") == history("run")
    assert section("again") == section("run")
    flags = ["--no-raw-teacher", "--teacher-temperature", 3, "--loss-option", "temperature=2"]
    done = run("train", "--config", "run/config.yaml", "--output", "other", *flags)
    assert done.exit_code == 0, done.output
    assert (section("other")["standardize"], section("other")["temperature"]) == (True, 3)
    assert history("other") != history("run")


def test_labels_weigh_beside_the_teacher_and_the_config_says_so(here):
    labels = ["--label-loss", "softmax", "--label-option", "temperature=2", "--label-weight", 0.3]
    done = train(*labels)
    assert done.exit_code == 0, done.output
    assert "0.3 x softmax" in words(done)
    assert "label + teacher ━" in words(done)
    assert section("run")["label_weight"] == 0.3
    done = run("train", "--config", "run/config.yaml", "--output", "again")
    assert done.exit_code == 0, done.output
    assert history("again") == history("run")
    alone = run("train", "--config", "run/config.yaml", "--output", "alone", "--label-weight", 0)
    assert alone.exit_code == 0, alone.output
    assert "and nothing from labels" in words(alone)
    assert plackett.load("run").output.shape == plackett.load("alone").output.shape


def test_several_teachers_are_one(here, tree):
    tree(read("train.txt"), "second.txt", seed=1)
    done = train("--teacher", "other=second.txt")
    assert done.exit_code == 0, done.output
    assert "the teacher is model, other, whose scores are averaged after they are standardised in each list" in words(
        done
    )
    assert [one["name"] for one in section("run")["rankers"]] == ["model", "other"]


def test_extra_lists_teach_without_labels(here):
    lines = [line.partition(" ")[2] for line in pathlib.Path("test.txt").read_text().splitlines()]
    pathlib.Path("hidden.txt").write_text("".join(f"0 {line}\n" for line in lines))
    for extra in ("test.txt", "hidden.txt"):
        done = train("--extra-lists", extra, output=f"by_{extra}")
        assert done.exit_code == 0, done.output
        assert "the student also learns from 20 extra lists with" in words(done)
    assert train(output="without").exit_code == 0
    assert history("by_test.txt") == history("by_hidden.txt") != history("without")
    assert section("by_test.txt")["extra_lists"] == ["test.txt"]
    done = run("train", "--config", "by_test.txt/config.yaml", "--output", "again")
    assert done.exit_code == 0, done.output
    assert history("again") == history("by_test.txt")


def test_a_query_of_the_extra_lists_is_no_other_unless_that_is_meant(here):
    done = train("--extra-lists", "train.txt")
    assert done.exit_code == 2
    assert "give shared_queries=True (--shared-queries)" in words(done)
    assert train("--extra-lists", "train.txt", "--shared-queries").exit_code == 0


def table(queries, *, labelled):
    """A table of 6 documents a query, with a column of scores of an old ranker."""
    header, rows = "query,document,price,old,label", []
    for query in queries:
        prices = np.random.default_rng(len(rows)).normal(size=6)
        rows += [f"{query},d{place},{x},{1000 * x - 7},{int(x > 0)}" for place, x in enumerate(prices)]
    return "\n".join(row if labelled else row.rpartition(",")[0] for row in [header, *rows])


def test_data_without_any_label_is_learnt_from(here):
    pathlib.Path("train.csv").write_text(table([f"q{i}" for i in range(30)], labelled=False))
    pathlib.Path("judged.csv").write_text(table([f"v{i}" for i in range(9)], labelled=True))
    arguments = ["train", "train.csv", "--teacher", "column:old", *quick(1)]
    done = run(*arguments, "--output", "run")
    assert done.exit_code == 2
    assert "0 of 30 are judged" in words(done)
    assert "--metric validation_loss" in words(done)
    done = run(*arguments, "--output", "run", "--metric", "validation_loss")
    assert done.exit_code == 0, done.output
    done = run(*arguments, "--output", "by_labels", "--validation", "judged.csv")
    assert done.exit_code == 0, done.output
    done = run(*arguments, "--output", "misspelt", "--label", "grade", "--metric", "validation_loss")
    assert "unknown column 'grade'" in words(done)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_files_with_labels_and_files_without_are_read_together(here, form):
    for name, queries, labelled in (("judged", "ab", True), ("new", "cde", False), ("vali", "fg", True)):
        pathlib.Path(f"{name}.csv").write_text(table(queries, labelled=labelled))
    if form == "parquet":
        for path in here.glob("*.csv"):
            rows = pl.read_csv(path).group_by("query", maintain_order=True).all()
            rows.write_parquet(path.with_suffix(".parquet"))
    judged, new, vali = (f"{name}.{form}" for name in ("judged", "new", "vali"))
    arguments = ["train", "--teacher", "feature:old", "--validation", vali, *quick(1)]
    together = run(*arguments, judged, new, "--output", "run")
    assert together.exit_code == 0, together.output
    assert "5 queries to train on" in words(together)
    extra = run(*arguments, judged, "--extra-lists", new, "--output", "extra")
    assert extra.exit_code == 0, extra.output
    assert history("run") == history("extra")
    more = run(*arguments, vali, "--shared-queries", "--extra-lists", new, "--extra-lists", judged, "--output", "more")
    assert more.exit_code == 0, more.output
    assert "7 queries to train on" in words(more)


def test_a_column_of_parquet_without_labels_teaches(here):
    pl.DataFrame(
        {"query": ["a", "b"], "document": [["1", "2"], ["3", "4"]], "x": [[0.1, 0.2], [0.3, 0.1]], "old": [[2, 1]] * 2}
    ).write_parquet("train.parquet")
    arguments = ["--teacher", "column:old", "--column", "old=old", "--metric", "validation_loss"]
    done = run("train", "train.parquet", *arguments, "--output", "run", *quick(1))
    assert done.exit_code == 0, done.output
    assert "1 features" in words(done)


def test_a_column_of_a_table_teaches_and_is_no_feature(here):
    pathlib.Path("shop.csv").write_text(table([f"q{i}" for i in range(40)], labelled=True))
    pathlib.Path("extra.csv").write_text(table([f"x{i}" for i in range(9)], labelled=False))
    arguments = ["--teacher", "column:old", "--extra-lists", "extra.csv"]
    done = run("train", "shop.csv", *arguments, "--output", "run", *quick(1))
    assert done.exit_code == 0, done.output
    assert yaml.safe_load(pathlib.Path("run/environment.yaml").read_text())["data"]["features"] == ["price"]
    done = run("train", "--config", "run/config.yaml", "--output", "again")
    assert done.exit_code == 0, done.output


def test_a_run_goes_on_with_the_same_teacher_alone(here, tree):
    assert train().exit_code == 0
    done = train("--resume", epochs=4)
    assert done.exit_code == 0, done.output
    assert len(history("run").splitlines()) == 5
    done = train("--resume", "--teacher-temperature", 2, epochs=4)
    assert done.exit_code == 2
    assert "temperature was 1.0 and is 2.0" in words(done)
    done = train("--resume", "--loss", "list_mle", epochs=4)
    assert "loss was 'coupled_rank_distil' and is 'list_mle'" in words(done)
    before = history("run")
    tree(read("train.txt"), "model.txt", trees=3)
    done = train("--resume", epochs=6)
    assert done.exit_code == 2, done.output
    assert "the teacher model changed after the scores were kept in" in words(done)
    assert "run cannot be resumed: the teacher, model.txt, has changed since the run began" in words(done)
    assert history("run") == before
    done = train("--overwrite")
    assert done.exit_code == 0, done.output


def test_no_scores_are_kept_where_none_is_asked_for(here):
    assert train("--teacher-cache", "kept").exit_code == 0
    assert len(list(pathlib.Path("kept").glob("*.npy"))) == 1
    done = train("--teacher-cache", "none", output="other")
    assert done.exit_code == 0, done.output
    assert not pathlib.Path("cache").exists()
    assert "the teacher's scores are not kept" in words(done)


@pytest.mark.parametrize("command", [["tune", "--trials", 1], ["crossval"]])
def test_commands_on_labels_refuse_the_config_of_a_student(here, command):
    assert train(epochs=1).exit_code == 0
    done = run(*command, "train.txt", "--config", "run/config.yaml", "--output", "search")
    assert done.exit_code == 2
    assert "run/config.yaml is of a run by a teacher, which plackett train can repeat" in words(done)


@pytest.mark.parametrize(
    ("section", "words_of_it"),
    [
        ("model.txt", "teacher must hold names and values, but holds 'model.txt'"),
        ({"systems": "model.txt", "temprature": 2}, "did you mean 'temperature'"),
        (
            {"systems": "model.txt", "temperature": "hot"},
            "temperature in the section teacher of --config must be",
        ),
        (
            {"systems": "model.txt", "standardize": "no"},
            "standardize in the section teacher of --config must be",
        ),
        ({"systems": 3}, "systems must be paths, but got 3"),
        ({"systems": "model.txt", "extra_lists": 30}, "a run with 30 extra lists that were made in Python"),
    ],
)
def test_a_section_that_was_written_by_hand_is_checked(here, section, words_of_it):
    pathlib.Path("by_hand.yaml").write_text(yaml.safe_dump({"data": "train.txt", "teacher": section}))
    done = run("train", "--config", "by_hand.yaml", "--output", "run")
    assert done.exit_code == 2
    assert words_of_it in words(done)


def test_a_section_may_be_written_by_hand(here):
    config = {"data": "train.txt", "teacher": {"systems": "model.txt", "label_weight": 0.3, "label_loss": "softmax"}}
    pathlib.Path("by_hand.yaml").write_text(yaml.safe_dump(config | {"epochs": 1}))
    done = run("train", "--config", "by_hand.yaml", "--output", "run")
    assert done.exit_code == 0, done.output
    assert "0.3 x softmax" in words(done)


def test_a_config_of_labels_gives_a_student_all_but_its_loss(here):
    assert train("--loss", "softmax", "--optimizer", "nadam", teacher=None, output="labels").exit_code == 0
    done = run("train", "--config", "labels/config.yaml", "--teacher", "model.txt", "--output", "run")
    assert done.exit_code == 0, done.output
    config = yaml.safe_load(pathlib.Path("run/config.yaml").read_text())
    assert (config["loss"], config["optimizer"], config["target"]) == ("coupled_rank_distil", "nadam", "teacher")


def test_the_command_line_knows_the_losses_of_teachers_without_keras():
    squares = ["margin_mse", "mean_squared", "pairwise_mse"]
    orders = ["hinge", "logistic", "soft_zero_one", "squared_hinge"]
    names = ["coupled_rank_distil", "list_mle", "list_net", *squares, *(f"pairwise_{name}" for name in orders)]
    assert _known.losses_of_teachers() == losses_of_teachers() == sorted(names)
    assert LOSS == LOSS_OF_TEACHERS
