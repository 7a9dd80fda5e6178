"""Folders of Parquet files with small row groups, and a Ray cluster for them."""

import dataclasses
import os
import pathlib
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
import ray
import typer.testing
from conftest import made_lists

from plackett.cli._app import app
from plackett.data._schema import to_table

GROUP = 8  # queries of a row group


def named_lists(queries, seed):
    """Lists whose queries have names of their own."""
    lists = made_lists(queries, seed)
    return dataclasses.replace(lists, queries=np.array([f"f{seed}q{i}" for i in range(queries)]))


def write_folder(folder, queries=40, files=2):
    """A folder of files, a row group of each 8 queries."""
    folder.mkdir()
    for seed in range(files):
        write_file(named_lists(queries, seed), folder / f"{seed}.parquet")
    return folder


def write_file(lists, path):
    """A file with a row group of each 8 queries."""
    pq.write_table(to_table(lists), path, row_group_size=GROUP)
    return path


def run(*arguments):
    """What a command comes to; its output has both streams."""
    return typer.testing.CliRunner().invoke(app, [str(argument) for argument in arguments])


def words(done):
    """The output in one line."""
    return " ".join(done.output.split())


@pytest.fixture(scope="module")
def cluster():
    """A Ray cluster with room for two workers, on this machine alone."""
    quiet = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
    before = dict(os.environ)
    os.environ.update(quiet)
    # A worker imports this module, and its name must be short: it holds sockets.
    os.environ["PYTHONPATH"] = os.pathsep.join([str(pathlib.Path(__file__).parents[1]), before.get("PYTHONPATH", "")])
    folder = pathlib.Path(f"/tmp/ray_data_{os.getpid()}")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=40, _temp_dir=str(folder))
    yield
    ray.shutdown()
    shutil.rmtree(folder, ignore_errors=True)
    os.environ.clear()
    os.environ.update(before)
