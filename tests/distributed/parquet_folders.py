"""Folders of Parquet files with small row groups, and a Ray cluster for them."""

import dataclasses

import clusters
import numpy as np
import pyarrow.parquet as pq
import pytest
from conftest import made_lists

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


@pytest.fixture(scope="module")
def cluster():
    """A Ray cluster with room for two workers, on this machine alone."""
    with clusters.cluster(2):
        yield
