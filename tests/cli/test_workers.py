"""Flags of `plackett train --workers` that cannot act are refused before anything is read or started."""

import importlib.util

import pytest
from command_line import run, words


def train(*flags):
    return run("train", "no.txt", "--output", "out", *flags)


@pytest.mark.parametrize(
    "flags, expected",
    [
        (["--address", "auto"], "--address is for several workers only"),
        (["--max-failures", 2], "--max-failures is for several workers only"),
        (["--workers", 2, "--tensorboard"], "--tensorboard follows one process"),
    ],
)
def test_a_flag_that_cannot_act_is_refused(flags, expected):
    done = train(*flags)
    assert done.exit_code == 2
    assert expected in words(done)


def test_without_ray_the_way_to_install_it_is_said(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "ray" else find(name, *rest))
    done = train("--workers", 2)
    assert done.exit_code == 2
    assert "pip install 'plackett[ray]'" in words(done)


def test_tensorflow_says_that_it_trains_in_one_process(monkeypatch):
    monkeypatch.setattr("plackett.cli.train.choose_backend", lambda given: "tensorflow")
    done = train("--workers", 2)
    assert done.exit_code == 2
    assert "trains in one process on one machine: choose another (--backend, $KERAS_BACKEND)" in words(done)
