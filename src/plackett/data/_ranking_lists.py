"""Lists of documents in flat arrays. Every reader returns them, and batches are cut from them."""

import collections
import dataclasses
import functools
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from plackett import _lazy
from plackett.data import _arrays
from plackett.data._columns import ARRAYS, FIXED, check_names, find_contradiction
from plackett.data._ids import strings_or_numbers
from plackett.data._missed import Missed, check_missed, select_missed
from plackett.data._roles import Roles
from plackett.data._row_splits import rows_of, splits
from plackett.data._strings import Strings
from plackett.data._which import find_queries
from plackett.data._words import grades_in_words, some

if TYPE_CHECKING:
    import polars as pl


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class RankingLists:
    """Queries and their documents, as flat arrays over all documents. The arrays may be memory-mapped.

    >>> from plackett.data import RankingLists
    >>> lists = RankingLists.from_arrays([[0.5], [0.1], [0.9]], [1, 0, 2], query=["a", "a", "b"])
    >>> lists
    RankingLists: 2 queries, 3 documents
      list size: 1 to 2, median 2
      labels: 0: 1, 1: 1, 2: 1
      features: 1
    >>> lists["b"].labels.tolist(), [len(one.labels) for one in lists]
    ([2.0], [2, 1])

    An index selects queries. `lists[3]` and `lists["the id of a query"]` are lists of one query, `lists[10:20]` is a
    view of ten, and `lists[mask]`, `lists[[7, 3]]` and `lists[["one id", "another"]]` are copies. `"an id" in lists`
    tells whether there is such a query, and iterating gives one query at a time. Every name of a feature, id feature or
    column is unique.

    Args:
        labels: [documents] float32, grades >= 0.
        row_splits: [queries + 1] int64; the documents of query q are row_splits[q]:row_splits[q + 1].
        queries: [queries], the ids of the queries: any sequence of strings, stored as `Strings`.
        documents: [documents], the ids of the documents, stored in the same way.
        features: [documents, features] float32, dense features; NaN = missing.
        feature_names: the name of each dense feature. () = the features only have numbers, from 1, which serve as their
            names.
        ids: name -> [documents], id features, which identify things: strings, or whole numbers, int32 or int64, which
            are not quantities.
        columns: name -> [documents] float64, other data about documents, under any name. These names have a meaning,
            and are float32: `click`; `propensity`, the divisor of the weight of a click, in (0, 1]; `position`, the
            rank at which the document was shown, from 1; `teacher`, the score of a teacher; `weight`; and `judged`, 0
            for a document that nobody judged, whose label is 0, else 1. `run_score`, float64, is the score in a run.
        query_columns: name -> [queries], other data about queries, numbers or strings.
        missed: judgements of documents that are not in the lists. None = not known.

    Raises:
        ValueError: the shapes do not match, or a name is used twice or has another meaning.
    """

    labels: np.ndarray
    row_splits: np.ndarray
    queries: Strings
    documents: Strings
    features: np.ndarray
    feature_names: tuple[str, ...] = ()
    ids: dict[str, np.ndarray | Strings] = dataclasses.field(default_factory=dict)
    columns: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    query_columns: dict[str, np.ndarray | Strings] = dataclasses.field(default_factory=dict)
    missed: Missed | None = None

    def __post_init__(self):
        names, width = tuple(self.feature_names), self.features.shape[1]
        # Numbers are not names; they follow from the width.
        names = _numbers(width) if names in ((), _numbers(len(names))) else names
        object.__setattr__(self, "feature_names", names)
        if len(names) != width:
            raise ValueError(f"feature_names must name {width} features, but got {len(names)}")
        taken = collections.ChainMap({}, _as_taken(names))
        check_names("an id feature", self.ids, taken, (*ARRAYS, "mask"))  # `mask` is an input of scorers
        check_names("a column", self.columns, taken)
        check_names("a column of queries", self.query_columns, taken)
        self._take_strings()
        number, total = len(self.row_splits) - 1, int(self.row_splits[-1])
        for name, column in self.of_documents().items():
            if len(column) != total:
                raise ValueError(f"{name} must have {total} rows, as row_splits says, but got {len(column)}")
        for name, column in {"queries": self.queries, **self.query_columns}.items():
            if len(column) != number:
                raise ValueError(f"{name} must have {number} entries, but got {len(column)}")
        if self.missed is not None:
            check_missed(self.missed, number)

    def _take_strings(self):
        """Stores strings as `Strings`."""
        for name in ("queries", "documents"):
            object.__setattr__(self, name, Strings.of(getattr(self, name), name))
        for field in ("ids", "query_columns"):
            columns = {name: strings_or_numbers(name, column) for name, column in getattr(self, field).items()}
            object.__setattr__(self, field, columns)
        for name, column in self.ids.items():
            if not isinstance(column, Strings) and column.dtype not in ("int32", "int64"):
                raise ValueError(
                    f"the id feature {name} must hold strings, int32 or int64, but holds {column.dtype}; "
                    "RankingLists.from_arrays takes any whole numbers"
                )

    @classmethod
    def from_arrays(
        cls,
        X: npt.ArrayLike,  # noqa: N803, as scikit-learn and LightGBM have it
        y: npt.ArrayLike | None = None,
        *,
        query: npt.ArrayLike | None = None,
        group: npt.ArrayLike | None = None,
        documents: npt.ArrayLike | None = None,
        feature_names: Sequence[str] | None = None,
        ids: Mapping[str, npt.ArrayLike] | None = None,
        columns: Mapping[str, npt.ArrayLike] | None = None,
        query_columns: Mapping[str, npt.ArrayLike] | None = None,
    ) -> "RankingLists":
        """Lists from a matrix of features and its labels, in the form of scikit-learn and LightGBM.

        >>> X, y = [[0.5, 1.0], [0.1, 0.0], [0.9, 2.0]], [1, 0, 2]
        >>> by_size = RankingLists.from_arrays(X, y, group=[2, 1])
        >>> by_id = RankingLists.from_arrays(X, y, query=[17, 17, 23], feature_names=["price", "stars"])
        >>> by_size.queries.tolist(), by_id.queries.tolist()
        (['1', '2'], ['17', '23'])

        Accepts NumPy, pandas, polars and SciPy's sparse matrices. Rows stay in their order, and are paired by position.

        Args:
            X: [documents, features], numbers. NaN, and masked entries of a masked array, are missing. float32 is not
                copied. For documents with only id features, use shape [documents, 0].
            y: [documents], grades from 0 to 2^24 - 1. None = nobody judged these documents, for example documents to be
                ranked. Their labels and the column `judged` are then 0, so that no query is measured.
            query: [documents], the id of the query of each row, strings or whole numbers. The rows of a query must
                stand together.
            group: [queries], the number of rows of each query. The ids of the queries are then their numbers, from 1.
                Give either `query` or `group`.
            documents: [documents], the ids of the documents, unique in a query. None = their positions in the query,
                from 1.
            feature_names: one name per feature. None = the column names if X is a frame, else numbers. () = numbers,
                even if X is a frame.
            ids: name -> [documents], id features: strings or whole numbers. Whole numbers are int32 if all of them fit,
                else int64.
            columns: name -> [documents], numbers, see `RankingLists`.
            query_columns: name -> [queries], numbers (NaN = missing) or strings.

        Raises:
            ValueError: the shapes do not match, pandas objects have different indexes, or a value is not allowed; the
                error says which and where.
        """
        of_rows = {"X": X, "y": y, "query": query, "documents": documents}
        _arrays.check_indexes(of_rows, ids=ids, columns=columns)
        _arrays.check_indexes({"group": group}, query_columns=query_columns)
        features, names = _arrays.feature_matrix(X, feature_names)
        number = len(features)
        queries, row_splits = _arrays.row_groups(query, group, number)
        known = _arrays.columns_of_documents(columns, number)
        if y is None:
            y, known = np.zeros(number, "float32"), {"judged": np.zeros(number, "float32")} | known
        labels = _arrays.columns_of_documents({"label": y}, number, what="y")["label"]
        if "judged" in known and (wrong := find_contradiction(labels, known["judged"])):
            raise ValueError(f"columns['judged'][{wrong[0]}]: {wrong[1]}")
        return cls(
            labels=labels,
            row_splits=row_splits,
            queries=queries,
            documents=_arrays.document_ids(documents, row_splits),
            features=features,
            feature_names=names,
            ids=_arrays.id_features(ids, number),
            columns=known,
            query_columns=_arrays.columns_of_queries(query_columns, len(queries)),
        )

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        query: str = "query",
        label: str | None = "label",
        document: str | None = None,
        features: Sequence[str] | Mapping[str, str] | None = None,
        categorical: Sequence[str] | Mapping[str, str] = (),
        ids: Sequence[str] | Mapping[str, str] = (),
        columns: Mapping[str, str] | None = None,
        query_columns: Sequence[str] | Mapping[str, str] = (),
        together: bool = True,
    ) -> "RankingLists":
        """Lists from a data frame or dataset with one row per document, or in the form on disk, with one row per query.

        Args:
            frame: a frame of pandas, polars, Arrow, Hugging Face datasets, or any other object that gives an Arrow
                stream.
            query: the column of the query's id.
            label: the column of the grade; true and false count as 1 and 0. None = there are no labels to read, for
                example for documents to be ranked; labels and the column `judged` are then 0. One column may be both
                the label and one of `columns`, such as `click`.
            document: the column of the document's id. None = the column `document` if there is one, else the position.
            features: the columns of dense features. None = all columns without another role. The index of a pandas
                frame is not a feature unless it has a name.
            categorical: the columns of id features that are text; numbers become text.
            ids: the columns of id features that are whole numbers: int32 if all of them fit, else int64.
            columns: other columns of documents, {new name: column}, such as `{"click": "clicked"}`. Columns named
                `click`, `propensity`, `position`, `teacher`, `weight`, `judged` or `run_score` are read as such, unless
                they have another role.
            query_columns: columns of queries, with the same value in all rows of a query. This, `features`,
                `categorical` and `ids` may also be dicts, {new name: column}. For example, if the column `query` is the
                text of the query: `query_columns={"query_text": "query"}`.
            together: whether the rows of a query must stand together. False = they are grouped.

        Raises:
            ImportError: pyarrow is not installed.
            TypeError: the frame gives no Arrow stream.
            ValueError: a column is missing, or does not fit its role; the error gives the column and the row.
        """
        frames = _lazy.load("plackett.data.formats.frames", "data", needed_by="RankingLists.from_frame")
        roles = Roles(query, label, document, features, categorical, ids, columns or {}, query_columns)
        return frames.read_frame(frame, roles, together=together)

    def to_frame(self) -> "pl.DataFrame":
        """A polars frame with one row per document; `.to_pandas()` turns it into a pandas frame.

        Its columns are `query`, `document`, `label`, the features, id features and columns, and the columns of queries,
        repeated in each row of a query. Empty lists have no row, and `missed` is left out; `write_parquet` keeps both.

        >>> lists = RankingLists.from_arrays([[0.5], [0.1]], [1, 0], group=[2], ids={"shop": [7, 9]})
        >>> lists.to_frame().rows()
        [('1', '1', 1.0, 0.5, 7), ('1', '2', 0.0, 0.10000000149011612, 9)]
        >>> RankingLists.from_frame(lists.to_frame(), ids=["shop"]).fingerprint() == lists.fingerprint()
        True

        Raises:
            ImportError: polars is not installed.
        """
        frames = _lazy.load("plackett.data.formats.frames", "data", needed_by="RankingLists.to_frame")
        return frames.to_frame(self)

    def __len__(self) -> int:
        """The number of queries."""
        return len(self.queries)

    def __iter__(self) -> Iterator["RankingLists"]:
        """One query at a time."""
        return (self[query] for query in range(len(self)))

    def __contains__(self, query: object) -> bool:
        """Whether there is a query with this id."""
        return isinstance(query, str) and bool((self.queries == query).any())

    def __getitem__(self, which: "int | slice | str | Sequence[int] | Sequence[str] | np.ndarray") -> "RankingLists":
        """The lists of some queries: by position, slice, mask, the id of one, several positions, or several ids.

        Raises:
            IndexError: a position is out of range, the mask has the wrong length, or the index has several axes.
            KeyError: there is no query with this id.
            TypeError: the index is of another kind.
        """
        found = find_queries(which, self.queries)
        if isinstance(found, slice):
            start, stop, step = found.indices(len(self))
            return self._between(start, max(start, stop)) if step == 1 else self.select(np.arange(start, stop, step))
        return self._between(found, found + 1) if isinstance(found, int) else self.select(found)

    def __repr__(self) -> str:
        """A summary in a few lines. Cost: one pass over the labels, about 0.1 s for 10 million."""
        lengths = self.lengths if len(self) else np.zeros(1, "int64")
        low, middle, high = np.quantile(lengths, [0, 0.5, 1], method="higher")
        names = self.feature_names if self.has_feature_names else ()
        parts = {
            "list size": f"{low} to {high}, median {middle}",
            "labels": grades_in_words(self.labels),
            "features": f"{self.features.shape[1]}" + (f": {some(names)}" if names else ""),
            "ids": some(self.ids),
            "columns": some(self.columns),
            "columns of queries": some(self.query_columns),
            "missed": "" if self.missed is None else f"{len(self.missed.grades):,} grades",
        }
        head = f"RankingLists: {len(self):,} queries, {len(self.labels):,} documents"
        return "\n".join([head, *(f"  {name}: {words}" for name, words in parts.items() if words)])

    @property
    def lengths(self) -> np.ndarray:
        """[queries], the number of documents of each query."""
        return np.diff(self.row_splits)

    @property
    def has_feature_names(self) -> bool:
        """Whether the features have names, not just numbers."""
        return self.feature_names != _numbers(len(self.feature_names))

    def of_documents(self) -> dict[str, np.ndarray | Strings]:
        """All columns with one row per document, by name."""
        fixed: dict[str, np.ndarray | Strings] = {
            "labels": self.labels,
            "documents": self.documents,
            "features": self.features,
        }
        return fixed | self.ids | self.columns

    def select(self, queries: Sequence[int] | np.ndarray) -> "RankingLists":
        """The lists of some queries, given by their positions."""
        return self.take(rows_of(self.row_splits, queries), self.lengths[queries], queries)

    def _between(self, start, stop):
        """The lists of these queries as views."""
        rows = slice(int(self.row_splits[start]), int(self.row_splits[stop]))
        return self.take(rows, self.lengths[start:stop], slice(start, stop))

    def with_ids(self, names: Iterable[str]) -> "RankingLists":
        """The same lists with only these id features."""
        chosen = set(names)
        return dataclasses.replace(self, ids={name: self.ids[name] for name in self.ids if name in chosen})

    def take(
        self, rows: np.ndarray | slice, lengths: np.ndarray, queries: Sequence[int] | np.ndarray | slice
    ) -> "RankingLists":
        """The documents in `rows`, cut into lists of `lengths`, which belong to `queries` (all by position)."""
        return dataclasses.replace(
            self,
            labels=self.labels[rows],
            row_splits=splits(lengths),
            queries=self.queries[queries],
            documents=self.documents[rows],
            features=self.features[rows],
            ids={name: column[rows] for name, column in self.ids.items()},
            columns={name: column[rows] for name, column in self.columns.items()},
            query_columns={name: column[queries] for name, column in self.query_columns.items()},
            missed=None if self.missed is None else select_missed(self.missed, queries),
        )

    def fingerprint(self) -> str:
        """16 hexadecimal digits that depend on every number and id of these lists, but not on how they are stored.

        Cost: about a second per GB, somewhat more if long ids are repeated.
        """
        seen = hashlib.blake2b(digest_size=8)
        named = self.of_documents() | {"queries": self.queries, "row_splits": self.row_splits} | self.query_columns
        if self.missed is not None:
            named |= {f"missed {name}": column for name, column in self.missed._asdict().items()}
        for name, column in named.items():
            if isinstance(column, Strings):
                seen.update(f"{name} text {column.shape} ".encode())
                for piece in column.pieces():
                    seen.update(piece)  # type: ignore[arg-type]
                continue
            column = column.astype("int64") if name in self.ids else column
            seen.update(f"{name} {column.dtype} {column.shape} ".encode())
            seen.update(np.ascontiguousarray(column))  # type: ignore[arg-type]
        seen.update(repr(self.feature_names if self.has_feature_names else ()).encode())
        return seen.hexdigest()


@functools.lru_cache(64)
def _numbers(width):
    """The names of features without names."""
    return tuple(str(number) for number in range(1, width + 1))


@functools.lru_cache(64)
def _as_taken(feature_names):
    """The names of features, checked by `check_names` once; they stay the same when queries are selected."""
    taken: dict[str, str] = {}
    check_names("a feature", feature_names, taken, FIXED)
    return taken
