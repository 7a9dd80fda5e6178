"""`plackett train --teacher`."""

import pathlib

import lightgbm
import pytest
from command_line import quick, run, words

from plackett.data import read


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
        (["--teacher", "train.txt"], "train.txt is no system of a known kind"),
        (["--teacher-temperature", 0], "--teacher-temperature must be a number above 0, but got 0.0"),
        (["--teacher-temperature", "nan"], "--teacher-temperature must be a number above 0, but got nan"),
        (["--label-weight", 1], "--label-weight must be at least 0 and below 1, at which no teacher is left"),
        (["--label-option", "temperature=2"], "--label-option acts on the loss of the labels: give --label-loss"),
        (["--label-loss", "softmax"], "--label-loss softmax does not act, since --label-weight is 0"),
        (["--label-loss", "sotfmax", "--label-weight", 0.5], "did you mean 'softmax'"),
        (
            ["--label-loss", "softmax", "--label-option", "topk=2", "--label-weight", 0.5],
            "unknown option of softmax: 'topk'",
        ),
        (["--loss-option", "top=10"], "unknown option of coupled_rank_distil: 'top'; did you mean 'topk'?"),
        (["--target", "label"], "--target does not act beside --teacher"),
        (["--clicks", "train.txt", "--method", "naive"], "--teacher and --clicks are two things to learn from"),
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
    assert f"{flags[0]} acts on what a teacher gives: give --teacher SYSTEM" in words(done)


def test_a_student_is_no_teacher_of_itself(here):
    assert train(teacher=None).exit_code == 0
    done = train("--overwrite", teacher="run")
    assert "--teacher run is the output folder of the student: choose another --output" in words(done)
    assert pathlib.Path("run/model.keras").is_file()
