"""LETOR / SVMlight text: one document per line, `label qid:ID 1:0.5 2:0.1 ... # comment`."""

import os
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import pyarrow as pa

from plackett.data._grouping import LINE, group_by_query
from plackett.data._ranking_lists import RankingLists
from plackett.data._schema import array_of
from plackett.data._streams import blocks_of_lines
from plackett.data._tables import from_tables
from plackett.data._words import some
from plackett.data.formats._letor_blocks import count_features as count_in_block
from plackett.data.formats._letor_documents import parsed_blocks, table_of, tables_of
from plackett.data.formats._letor_groups import Groups
from plackett.data.formats._letor_lines import Layout, MissingValues

BLOCK = 4 * 2**20  # bytes of text parsed at a time
FIRST = 16 * 2**20  # bytes of text that determine the number of features
MOST = 2**16  # dense features
Fill = Literal["always", "sparse", "without zeros"]


def read_letor(
    path: str | os.PathLike,
    *,
    features: int | None = None,
    together: bool = False,
    zero_based: bool = False,
    group_file: str | os.PathLike | None = None,
    missing_values: Sequence[str | float] = (),
    comment_ids: bool = False,
    encoding: str = "utf-8",
) -> RankingLists:
    """Reads LETOR / SVMlight text, plain or compressed (gzip, zstd, bzip2).

    A feature that a line leaves out is 0; a feature written as `nan` is missing. The id of a document is X if the
    comment says `docid = X`, `docid: X`, or only `docid X`. Otherwise it is the position in the query, from 1.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "train.txt"
    >>> _ = path.write_text("2 qid:7 1:.5 3:1 #docid = a\\n0 qid:7 2:nan #docid = b\\n")
    >>> lists = read_letor(path)
    >>> lists.documents.tolist(), lists.features.tolist()
    (['a', 'b'], [[0.5, 0.0, 1.0], [0.0, nan, 0.0]])

    Args:
        path: the file.
        features: the number of features. Features that no line lists are 0 if some line leaves out a feature that
            another line lists; otherwise the file is rejected. None = the highest feature number in the file.
        together: whether the documents of a query must stand together. False = they are grouped, with the queries in
            the order of their first line.
        zero_based: whether feature numbers begin at 0, as XGBoost and scikit-learn write them.
        group_file: the file of group sizes, one number per line, for lines without `qid:`, as LightGBM and XGBoost use
            them. Query ids are then "1", "2" and so on. None = lines have `qid:ID`.
        missing_values: values that mean missing, in addition to `nan`, such as "NULL" or -1. Text matches in upper and
            lower case, a number in each of its spellings.
        comment_ids: whether the first word of a comment without `docid` is the id of the document, as in RankLib. Each
            line must then have one.
        encoding: the encoding of the text and of the group file, as in Python's `open`.

    Returns:
        `RankingLists` with dense features; feature k of the file is column k - 1, or k with `zero_based`.

    Raises:
        FileNotFoundError: a file does not exist.
        ValueError: the file is empty, or a line is malformed; the error gives the file, the line number and what is
            wrong. Labels must be finite and >= 0; feature numbers >= 1 (or 0), ascending and at most `features`; values
            finite or missing; group sizes >= 1, with the number of documents as their sum. Also raised if all lines
            list the same features, but fewer than `features`, or if the dense features do not fit into memory.

    Cost: about 100 MB of memory, plus that of the lists; features that lines leave out are filled in at the end.
    """
    fill: Fill = "always" if features is None else "sparse"
    if features is not None:
        check_count(features)
    else:
        features = count_features(
            path, zero_based=zero_based, group_file=group_file, missing_values=missing_values, encoding=encoding
        )
    tables = letor_tables(
        path,
        features=features,
        fill=fill,
        together=together,
        zero_based=zero_based,
        group_file=group_file,
        missing_values=missing_values,
        comment_ids=comment_ids,
        encoding=encoding,
    )
    return from_tables(tables, str(path))


def letor_tables(
    path: str | os.PathLike,
    *,
    features: int,
    together: bool = True,
    zero_based: bool = False,
    group_file: str | os.PathLike | None = None,
    first_query: int = 1,
    missing_values: Sequence[str | float] = (),
    comment_ids: bool = False,
    encoding: str = "utf-8",
    fill: Fill = "sparse",
    listed: np.ndarray | None = None,
) -> Iterator[pa.Table]:
    """The queries of a LETOR file, in tables in the form of `plackett.data._schema`; see `read_letor`.

    With a group file, query ids count from `first_query`, so that those of several files differ; see `count_groups`.

    Args:
        path, features, together, zero_based, group_file, missing_values, comment_ids, encoding: as in `read_letor`.
        first_query: the id of the first query of a group file.
        fill: when features that no line lists are 0. "always"; "sparse": if some line leaves out a feature that another
            lists, or there is only one line; "without zeros": if, in addition, no line writes a zero. The last is for a
            number of features that comes from a model: a file that writes zeros does not leave them out.
        listed: [features] bool; features that a line lists become True while the tables stream by.
    """
    check_count(features)
    listed = np.zeros(features, bool) if listed is None else listed
    layout = _layout(features, zero_based, group_file, missing_values, comment_ids)
    groups = None if group_file is None else Groups(group_file, first_query, encoding)
    blocks = _blocks(path, layout, groups, encoding, fill, listed)
    tables = tables_of(blocks, features) if together else table_of(blocks, features, path)
    yield from group_by_query(tables, str(path), together=together)


def check_count(features: object) -> None:
    """Raises a ValueError unless this is a valid number of features."""
    if not isinstance(features, int | np.integer) or isinstance(features, bool) or not 0 <= int(features) <= MOST:
        raise ValueError(f"features must be a whole number from 0 to {MOST}, but got {features!r}")


def count_features(
    path: str | os.PathLike,
    *,
    zero_based: bool = False,
    group_file: str | os.PathLike | None = None,
    missing_values: Sequence[str | float] = (),
    encoding: str = "utf-8",
) -> int:
    """The number of features of a LETOR file, by the highest number in it; see `read_letor` for the options.

    If all lines of the first block list the same features in order, these are taken as all features.

    Raises:
        ValueError: there are more than 65,536.
    """
    layout = _layout(0, zero_based, group_file, missing_values)
    blocks = blocks_of_lines(path, FIRST, encoding)
    highest, are_all = count_in_block(next(blocks, b""), layout)
    if highest <= MOST and not are_all:
        highest = max([highest, *(count_in_block(block, layout)[0] for block in blocks)])
    if highest > MOST:
        number = highest - zero_based
        raise ValueError(f"{path}: there must be at most {MOST} features, but there is one numbered {number}")
    return highest


def count_groups(group_file: str | os.PathLike, *, encoding: str = "utf-8") -> int:
    """The number of queries in a file of group sizes.

    Raises:
        ValueError: a line is not a whole number of at least 1, or there are no lines.
    """
    return len(Groups(group_file, encoding=encoding).ends)


def first_missing(
    path: str | os.PathLike,
    *,
    features: int | None = None,
    zero_based: bool = False,
    group_file: str | os.PathLike | None = None,
    first_query: int = 1,
    missing_values: Sequence[str | float] = (),
    encoding: str = "utf-8",
) -> tuple[int, str, int]:
    """(line, query, feature) of the first missing value, for a LETOR file that has one; see `letor_tables`."""
    if features is None:
        features = count_features(
            path, zero_based=zero_based, group_file=group_file, missing_values=missing_values, encoding=encoding
        )
    layout = _layout(features, zero_based, group_file, missing_values)
    groups = None if group_file is None else Groups(group_file, first_query, encoding)
    for table in tables_of(_blocks(path, layout, groups, encoding, "always", np.zeros(features, bool)), features):
        values = array_of(table["features"]).flatten().to_numpy().reshape(len(table), features)
        missing = np.isnan(values)
        if missing.any():
            row, column = np.unravel_index(missing.argmax(), missing.shape)
            return table[LINE][row].as_py(), table["query"][row].as_py(), int(column) + layout.first
    raise ValueError(f"{path}: no feature is missing")


def _layout(features, zero_based, group_file, missing_values, comment_ids=False):
    first = 0 if zero_based else 1
    return Layout(features, first, group_file is None, MissingValues(missing_values), comment_ids)


def _blocks(path, layout, groups, encoding, fill, listed):
    """The documents of a file in blocks, as a stream; `listed` gets the features that they list."""
    documents, fewest, zero = 0, layout.features, None
    of_file = np.zeros(layout.features, bool)
    for block in parsed_blocks(path, layout, BLOCK, encoding):
        fewest, zero = min(fewest, block.columns.fewest), zero or _written_zero(block, layout)
        of_file |= block.columns.listed
        listed |= block.columns.listed
        documents += len(block.lines)
        if groups is None:
            yield block
        elif documents <= groups.documents:  # otherwise the rest is counted, for the error
            queries = groups.queries(documents - len(block.lines), documents)
            yield block._replace(columns=block.columns._replace(queries=queries))
    if groups is not None and documents != groups.documents:
        raise ValueError(
            f"{path} has {documents:,} documents, but the group sizes of {groups.path} add up to {groups.documents:,}"
        )
    if documents and not of_file.all() and fill != "always":
        same = fewest if documents > 1 and fewest == of_file.sum() else None
        _check_sparse(of_file, same, zero if fill == "without zeros" else None, layout, path)


def _written_zero(block, layout):
    """(the line, the number of the feature) of a zero that is written, or None."""
    if block.columns.zero is None:
        return None
    document, column = block.columns.zero
    return int(block.lines[document]), column + layout.first


def _check_sparse(listed, same, zero, layout, path):
    """Checks that a file that does not list all features is sparse, that is, leaves out zeros.

    Args:
        listed: [features] bool, whether a line lists each.
        same: the number of features that all lines list, if they list the same ones, else None.
        zero: (the line, the number of the feature) of a zero that is written, or None.
        layout: of the lines.
        path: the file.
    """
    missing = np.flatnonzero(~listed) + layout.first
    lacks = f"{path}: no line lists {len(missing)} of the {layout.features} features: {some(map(str, missing))}"
    if same is not None:
        raise ValueError(
            f"{lacks}; they count as zeros only in a sparse file, but all lines list the same {same} "
            f"feature{'s' * (same != 1)}: if they are 0, write {missing[0]}:0 in one line"
        )
    if zero is not None:
        raise ValueError(
            f"{lacks}; they count as zeros only if zeros are left out, but line {zero[0]} says {zero[1]}:0; if they "
            f"are 0, use features={layout.features} (--features {layout.features} on the command line)"
        )
