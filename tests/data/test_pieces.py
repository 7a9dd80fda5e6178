"""Parquet files in pieces: each row is in one, and is read as one process reads it."""

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import made_lists

from plackett.data import read_parquet
from plackett.data._parts import concatenate
from plackett.data._schema import to_table
from plackett.data.formats import _parquet_pieces
from plackett.data.formats._parquet_pieces import Layout, lists_of_piece, pieces_of, queries_of_piece

PLAIN = Layout({}, (), labelled=True)


@pytest.fixture
def folder(tmp_path):
    """Two files of several row groups, one of which is empty."""
    for seed, size in enumerate((7, 10)):
        lists = made_lists(30, seed)
        lists = dataclasses.replace(lists, queries=np.array([f"f{seed}q{i}" for i in range(30)]))
        table = to_table(lists)
        with pq.ParquetWriter(tmp_path / f"{seed}.parquet", table.schema) as writer:
            writer.write_table(table[:0])
            writer.write_table(table, row_group_size=size)
    return tmp_path


@pytest.mark.parametrize("most", [0, 10**5, 10**9])
def test_the_pieces_together_are_the_whole(folder, monkeypatch, most):
    monkeypatch.setattr(_parquet_pieces, "ROW_GROUP", most)
    pieces, layout = pieces_of(folder, PLAIN)
    assert [piece.number for piece in pieces] == list(range(len(pieces)))
    assert len(pieces) == (2 if most else 5 + 3)
    whole = read_parquet(folder)
    found = concatenate([part for piece in pieces for part in lists_of_piece(piece, layout)])
    assert found.queries.tolist() == whole.queries.tolist() == [q for one in pieces for q in queries_of_piece(one)]
    np.testing.assert_array_equal(found.features, whole.features)
    np.testing.assert_array_equal(found.labels, whole.labels)
    assert sum(piece.rows for piece in pieces) == len(whole)


def test_several_local_paths_are_read(folder):
    """Which Ray's own reader refuses without aiohttp."""
    pieces, _ = pieces_of([folder / "1.parquet", folder / "0.parquet"], PLAIN)
    assert [piece.file[-9:] for piece in pieces][:: len(pieces) - 1] == ["1.parquet", "0.parquet"]


def test_an_error_names_the_row_of_the_file(folder):
    table = pq.read_table(folder / "1.parquet").to_pylist()
    table[25]["label"][0] = -1.0
    schema = pq.read_schema(folder / "1.parquet")
    pq.write_table(pa.Table.from_pylist(table, schema=schema), folder / "1.parquet", row_group_size=10)
    pieces, layout = pieces_of(folder / "1.parquet", PLAIN)
    with pytest.raises(ValueError, match=r"1\.parquet, row 26, query 'f1q25': "):
        [list(lists_of_piece(piece, layout)) for piece in pieces]


def test_a_file_with_other_columns_is_told_of(folder):
    table = pq.read_table(folder / "1.parquet")
    pq.write_table(table.append_column("mood", pa.array(["calm"] * 30)), folder / "1.parquet")
    pieces, layout = pieces_of(folder, PLAIN)
    with pytest.raises(ValueError, match=r"1\.parquet: files that are read together .* has mood besides"):
        [list(lists_of_piece(piece, layout)) for piece in pieces]


def test_labels_are_not_read_where_none_are_needed(folder):
    pieces, layout = pieces_of(folder, dataclasses.replace(PLAIN, labelled=False))
    assert not next(iter(lists_of_piece(pieces[0], layout))).labels.any()


def test_a_row_a_document_is_refused_with_the_way_out(tmp_path):
    pq.write_table(pa.table({"query": ["a", "a"], "label": [1, 0], "x": [0.5, 0.1]}), tmp_path / "flat.parquet")
    with pytest.raises(ValueError, match=r"column label must be a list of numbers.* one row per document is read by"):
        pieces_of(tmp_path, PLAIN)


def test_files_without_a_query_are_refused(tmp_path):
    pq.write_table(to_table(made_lists(3, 0))[:0], tmp_path / "none.parquet")
    with pytest.raises(ValueError, match=r"none\.parquet: there are no queries"):
        pieces_of(tmp_path, PLAIN)
