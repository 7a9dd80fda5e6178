"""What may be in the output folder of a run, and what is left alone."""

import pathlib
import shutil
import warnings

import pytest
import yaml
from conftest import made_lists

import plackett
from plackett import _files

LISTS, VALIDATION = made_lists(12, seed=0), made_lists(6, seed=1)
QUICK = {"epochs": 1, "scorer_options": {"hidden": []}}


class KilledError(Exception):
    """Stands for a process that ends."""


def train(output, **arguments):
    return plackett.train(LISTS, VALIDATION, output=output, **QUICK | arguments)


def texts(folder):
    return {path.name: path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "files",
    [
        {"model.keras": "precious"},
        {"config.yaml": "a: 1", "checkpoints/best.ckpt": "precious"},
        {"config.yaml": "{model: bert, loss: softmax, epochs: 3, batch_size: 8, seed: 0}", "history.csv": "precious"},
        {"config.yaml": "a: [", "plackett-partial-model-0123456789abcdef.keras": "precious"},
        {"partial-config.yaml": "precious"},
        {"environment.yaml": "{name: conda, dependencies: [python]}"},
        {"environment.yaml": "plackett: 0.1.0", "thesis.tex": "precious"},
        {"partial-results.csv": "precious"},
    ],
)
def test_what_is_not_of_plackett_is_left_alone(tmp_path, files):
    folder = tmp_path / "folder"
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    before = texts(folder)
    named = sorted({name.partition("/")[0] for name in files})
    for how in ({"overwrite": True}, {"resume": True}, {}):
        with pytest.raises(FileExistsError) as caught:
            train(folder, **how)
        assert f"it holds no run of plackett, but {', '.join(named)}, which overwrite" in str(caught.value)
        assert "choose another output folder, or empty this one yourself" in str(caught.value)
    assert texts(folder) == before


def test_the_folder_of_a_search_is_no_run(tmp_path):
    plackett.tune(LISTS, VALIDATION, output=tmp_path / "search", trials=1, space={"batch_size": [4]}, **QUICK)
    with pytest.raises(FileExistsError, match=r"no run of plackett, but config\.yaml, search\.yaml, trials, trials"):
        train(tmp_path / "search", overwrite=True)


@pytest.mark.parametrize("how", [{"overwrite": True}, {"resume": True}])
def test_what_a_run_left_that_was_killed_before_its_config_is_replaced(tmp_path, how):
    (tmp_path / "environment.yaml").write_text("plackett: 0.1.0")
    partial = tmp_path / "plackett-partial-config-0123456789abcdef.yaml"
    partial.write_text("epo")
    with pytest.raises(FileExistsError, match=rf"it holds a run \(environment\.yaml, {partial.name}\)"):
        train(tmp_path)
    assert train(tmp_path, **how).history == train(None).history
    assert not partial.exists()


def test_what_is_left_of_a_run_that_was_being_replaced_is_a_run(tmp_path, monkeypatch):
    first = train(tmp_path / "run", seed=1)
    remove, killed = pathlib.Path.unlink, True
    left = 0
    while killed:
        folder, killed, left = tmp_path / f"copy {left}", False, left + 1
        shutil.copytree(tmp_path / "run", folder)
        countdown = [left]

        def unlink(path, missing_ok=False, countdown=countdown):
            countdown[0] -= not path.name.startswith((".", "plackett-partial-"))
            if countdown[0] == 0:
                raise KilledError
            remove(path, missing_ok)

        with monkeypatch.context() as patch:
            patch.setattr(pathlib.Path, "unlink", unlink)
            try:
                train(folder, overwrite=True)
            except KilledError:
                killed = True
        if killed:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="there is no checkpoint in")  # where that was gone already
                assert train(folder, resume=True, seed=1).history == first.history
    assert left == 5
    assert yaml.safe_load((folder / "config.yaml").read_text())["seed"] == 0


@pytest.mark.parametrize(
    "how, wrong",
    [
        (
            {"output": None, "resume": True},
            "resume=True continues the run in output, but output is None: give its f",
        ),
        (
            {"output": "run", "resume": True, "overwrite": True},
            "resume=True continues a run and overwrite=True repla",
        ),
    ],
)
def test_arguments_that_make_no_sense_together(tmp_path, monkeypatch, how, wrong):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=wrong):
        train(**how)
    assert not list(tmp_path.iterdir())


def test_the_names_of_new_folders_are_on_the_disk(tmp_path, monkeypatch):
    synced, sync = [], _files.sync

    def note(path):
        synced.append(
            (path, (tmp_path / "runs/first/checkpoints").exists(), (tmp_path / "runs/first/model.keras").exists())
        )
        sync(path)

    monkeypatch.setattr(_files, "sync", note)
    train(tmp_path / "runs/first", checkpoint_steps=1, batch_size=4)
    assert synced[:2] == [(tmp_path, False, False), (tmp_path / "runs", False, False)]
    assert (tmp_path / "runs/first", True, False) in synced  # which lists the folder of checkpoints
