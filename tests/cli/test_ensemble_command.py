"""`--ensemble` on the command line: what is said, what each command does with what was trained."""

import json
import signal

import numpy as np
import onnxruntime
import pytest
import yaml
from command_line import quick, run, words

import plackett
from plackett.serving._model import ServedModel
from plackett.training.callbacks import checkpoints


@pytest.fixture
def trained(files):
    """(the output folder of an ensemble of two, what training it said)."""
    command = ["train", files / "train.txt", "--validation", files / "vali.txt", "--output", files / "run"]
    done = run(*command, "--ensemble", 2, "--seed", 3, *quick())
    assert done.exit_code == 0, done.output
    return files / "run", words(done)


def test_training_says_what_each_member_and_all_of_them_came_to(trained):
    output, said = trained
    best = json.loads((output / "metrics.json").read_text())
    assert "2 members are trained, one after the other, with the seeds 3 to 4" in said
    assert "unique_softmax, member 1 of 2" in said
    assert "unique_softmax, member 2 of 2" in said
    for number, member in enumerate(best["members"], 1):
        own = f"best epoch {member['epoch']} of 2, ndcg@10 {member['ndcg@10']:.4f}"
        assert f"member {number}, seed {2 + number}: {own}" in said
    assert f"all 2 of them: ndcg@10 {best['ndcg@10']:.4f}; saved in {output}" in said
    assert yaml.safe_load((output / "config.yaml").read_text())["ensemble"] == 2


def test_what_measures_scores_exports_and_serves_a_run_does_so_with_an_ensemble(trained, files):
    output, _ = trained
    best = json.loads((output / "metrics.json").read_text())
    done = run("evaluate", output, output / "members/1", "--data", files / "vali.txt", "--metric", "ndcg@10")
    assert done.exit_code == 0, done.output
    assert f"{best['ndcg@10']:.4f}"[:5] in done.output
    done = run("score", output, files / "test.txt", "--output", files / "scores.csv")
    assert done.exit_code == 0, done.output
    done = run("export", output, files / "ranker.onnx")
    assert done.exit_code == 0, done.output
    lists = plackett.data.read(files / "test.txt")
    wanted = plackett.score(plackett.load(output), lists)
    found = plackett.evaluation.open_system(files / "ranker.onnx")(lists)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)
    served = ServedModel(files / "ranker.onnx")
    inputs, _, _ = plackett.data.Batches(lists, 4)[0]
    direct = onnxruntime.InferenceSession(files / "ranker.onnx").run(["scores"], dict(inputs))[0]
    np.testing.assert_array_equal(served.run(inputs), direct)


def test_a_report_of_an_ensemble_and_its_members(trained, files):
    output, _ = trained
    done = run("report", output, output / "members/1", "--data", files / "test.txt", "--output", files / "page.html")
    assert done.exit_code == 0, done.output


def test_a_command_that_resumes_goes_on_with_the_member_that_was_under_way(files, monkeypatch):
    """Ctrl-C in the second member, and what is said of the way on."""
    command = ["train", files / "train.txt", "--output", files / "run", "--ensemble", 2, *quick()]
    write = checkpoints.Checkpoints.on_train_batch_end

    def press(self, batch, logs=None):
        write(self, batch, logs)
        if self.root.parent.name == "2":
            self.root.parent.with_name("2_kept").mkdir()  # a user's own, and no member
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints.Checkpoints, "on_train_batch_end", press)
        done = run(*command)
    assert done.exit_code == 130, done.output
    kept = f"stopped: what the members have finished is in {files / 'run/members'}"
    assert f"{kept}; --resume continues member 2 from its last checkpoint" in words(done)
    done = run(*command, "--resume")
    assert done.exit_code == 0, done.output
    assert "member 1 of 2" not in words(done)
    assert "all 2 of them" in words(done)
    assert "nothing was left to train" not in words(done)
    assert "nothing was left to train" in words(run(*command, "--resume"))


def test_where_a_loss_chooses_the_epoch_it_has_no_metric_of_its_own(trained, files):
    command = ["train", files / "train.txt", "--output", files / "by_loss", "--ensemble", 2, *quick(1)]
    done = run(*command, "--metric", "validation_loss")
    assert done.exit_code == 0, done.output
    assert "all 2 of them: no loss of its own, as its scores are standardised" in words(done)


def test_it_teaches_a_student_and_a_student_is_one(trained, files):
    output, _ = trained
    teach = ["--teacher", output, "--ensemble", 2, *quick(1)]
    done = run("train", files / "train.txt", "--output", files / "student", *teach)
    assert done.exit_code == 0, done.output
    teacher = yaml.safe_load((files / "student/config.yaml").read_text())["teacher"]
    assert yaml.safe_load((files / "student/members/2/config.yaml").read_text())["teacher"] == teacher
    teach[1] = output / "members/1"
    done = run("train", files / "train.txt", "--output", output, "--overwrite", *teach)
    assert "is the run of the teacher" in words(done)
    assert (output / "members/1/model.keras").exists()


def test_what_knows_one_run_alone_says_so(files):
    data, output = files / "train.txt", ["--output", files / "out"]
    for command, said in {
        ("train", data, *output, "--tensorboard", "--ensemble", 2): "--tensorboard follows one run",
        ("tune", data, *output, "--trials", 2, "--ensemble", 2): "each trial of a search is one run, but ensemble is 2",
        ("train", data, *output, "--ensemble", 0): "ensemble",
    }.items():
        done = run(*command)
        assert done.exit_code != 0
        assert said in words(done)
    assert not (files / "out").exists()


def test_a_space_to_search_holds_no_ensembles(files):
    (files / "space.yaml").write_text("ensemble: [1, 2]\n")
    done = run("tune", files / "train.txt", "--output", files / "out", "--trials", 2, "--space", files / "space.yaml")
    assert "unknown setting to search 'ensemble'" in words(done)


def test_cross_validation_takes_seeds_whose_members_are_not_shared(files):
    command = ["crossval", files / "train.txt", "--output", files / "cv", "--folds", 3, "--seeds", 2]
    done = run(*command, "--ensemble", 2, *quick(1))
    assert done.exit_code == 0, done.output
    assert "unique_softmax, fold 3, seed 2: ndcg@10" in words(done)
    assert sorted(path.name for path in (files / "cv/unique_softmax/fold-1").glob("*.npz")) == [
        "seed-0.npz",
        "seed-2.npz",
    ]
    assert (files / "cv/unique_softmax/fold-1/seed-2/members/2/model.keras").exists()
