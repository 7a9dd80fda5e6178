"""`plackett tune`."""

import warnings

import yaml
from command_line import run, words


def test_tune(files):
    (files / "space.yaml").write_text("learning_rate: {low: 1e-3, high: 1e-1, log: true}\nbatch_size: [16, 32]\n")
    arguments = ["tune", files / "train.txt", "--output", files / "search", "--space", files / "space.yaml"]
    arguments += ["--scorer-option", "hidden=[4]", "--max-list-size", 6, "--epochs", 1]
    done = run(*arguments, "--trials", "1")
    assert done.exit_code == 0, done.output
    assert "trial 0: ndcg@10 0." in done.output
    done = run(*arguments, "--trials", "2")
    assert done.exit_code == 0, done.output
    assert "trial 0:" not in done.output
    assert "trial 1: ndcg@10 0." in done.output
    assert "The best of 2 trials" in done.output
    best = ["train", "--config", files / "search/config.yaml", "--output", files / "best"]
    assert run(*best).exit_code == 0
    config = yaml.safe_load((files / "best/config.yaml").read_text())
    assert (config["scorer_options"], config["max_list_size"]) == ({"hidden": [4]}, 6)
    (files / "space.yaml").write_text("learning_rate: {low: 1e-3, high: 1e-1, log: true}\nbatch_size: [24]\n")
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        done = run(*arguments, "--trials", "1")
    assert done.exit_code == 0, done.output
    assert "warning: 2 of 2 earlier trials lie outside the space and do not count: 0, 1" in words(done)
    assert "trial 2: ndcg@10 0." in done.output
    done = run(*arguments, "--trials", "2", "--seed", 3)
    assert done.exit_code == 2
    assert "seed was 0 and is 3" in words(done)


def test_a_search_all_of_whose_trials_diverge(files):
    (files / "space.yaml").write_text("learning_rate: [1e38]\noptimizer: [sgd]\n")
    arguments = ["tune", files / "train.txt", "--output", files / "search", "--space", files / "space.yaml"]
    done = run(*arguments, "--trials", "2", "--loss", "softmax", "--epochs", "2", "--scorer-option", "hidden=[4]")
    assert done.exit_code == 2
    assert "error: all 2 trials diverged, so there are no best settings" in words(done)
    assert not (files / "search/config.yaml").exists()
