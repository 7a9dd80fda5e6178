"""Towers: from the columns of a table to an embedding of each row."""

from collections.abc import Sequence
from typing import Literal

import keras
import numpy as np

from plackett._types import Tensor
from plackett.data import Strings
from plackett.data._columns import check_column
from plackett.data._roles import is_index
from plackett.registry import check_options
from plackett.registry.options import Count, Counts, ShareBelow1
from plackett.retrieval._columns import ListColumn
from plackett.retrieval._tables import Table
from plackett.retrieval._tower_inputs import OF_MISSING
from plackett.retrieval._tower_layers import KnownIds, MeanOfLists, StandardNumbers, nothing
from plackett.scorers.preprocessing import layers, statistics


def make_tower(
    table: Table,
    *,
    dimension: Count = 64,
    hidden: Counts = (128,),
    columns: Sequence[str] | None = None,
    ids: Sequence[str] = (),
    embedding_dimension: Count | None = None,
    dropout: ShareBelow1 = 0.0,
    transform: Literal["log1p"] | None = None,
    missing: bool = False,
    min_count: Count = 1,
    name: str = "tower",
) -> keras.Model:
    """Makes a tower over the columns of a table: a network that embeds each row.

    >>> films = Table.of({"id": ["a", "b"], "year": [1994, 1972], "genres": [["drama"], ["crime", "drama"]]})
    >>> tower = make_tower(films, dimension=8)
    >>> sorted(tower.input), tower.predict(films.inputs(tower), verbose=0).shape
    (['genres', 'year'], (2, 8))

    Numbers and vectors are standardised by the mean and the variance of these rows. Strings, and whole numbers that
    `ids` names, get an embedding each; those that do not occur in these rows share one. Lists of strings or of whole
    numbers get the mean of their embeddings, 0 if empty. All of these are concatenated and pass through the hidden ReLU
    layers and a linear one.

    Args:
        table: the training rows, queries or documents.
        dimension: the dimension of the embedding of a row.
        hidden: the widths of the hidden layers. () = the embedding is a linear function of the inputs above.
        columns: the columns that it takes. None = all except the ids of the table, which it takes only if `ids` names
            them.
        ids: columns of whole numbers that are ids or categories, not quantities.
        embedding_dimension: the dimension of the embedding of a string or an id. None = that of a row.
        dropout: the share of hidden units that are dropped in training.
        transform: how numbers are transformed before they are standardised: None, or "log1p", sign(x) log(1 + |x|),
            which suits numbers that grow over orders of magnitude, such as prices and counts. Vectors are not
            transformed.
        missing: whether numbers, strings, ids and lists may be missing. A missing number then counts as the mean, and
            for each column that lacks one in these rows the network gets an indicator. A missing string or id counts as
            unknown, and a missing list as empty. Vectors may never be missing.
        min_count: a string or an id that occurs fewer times counts as unknown, so that the embedding of unknown ones is
            trained too.
        name: the name of the model.

    Returns:
        A functional model with an input for each column, by its name. `Table.inputs` makes these inputs.

    Raises:
        TypeError: `table` is not a table.
        ValueError: an option is out of range, there is no column, or a column does not exist, has values that a tower
            cannot take, or has missing values or values that are not finite.
    """
    check_options(
        make_tower,
        dimension=dimension,
        hidden=hidden,
        embedding_dimension=embedding_dimension,
        dropout=dropout,
        transform=transform,
        missing=missing,
        min_count=min_count,
        name=name,
    )
    if not isinstance(table, Table):
        raise TypeError(f"table must be a Table, as from Table.of(data), but got {type(table).__name__}")
    if not len(table):
        raise ValueError(f"table must have rows, which a tower is fitted on, but {table.where} has none")
    chosen = _choose(table, columns, ids)
    parts = _Parts(table, chosen, tuple(ids), transform, missing, min_count, embedding_dimension or dimension)
    inputs, x = parts.join(chosen)
    for number, width in enumerate(hidden, 1):
        x = keras.layers.Dense(width, activation="relu", name=parts.unique(f"hidden_{number}"))(x)
        if dropout:
            x = keras.layers.Dropout(dropout, name=parts.unique(f"dropout_{number}"))(x)
    return keras.Model(inputs, keras.layers.Dense(dimension, name=parts.unique("embedding"))(x), name=name)


def _choose(table, columns, ids):
    """Returns the names of the columns that a tower takes."""
    for option, given in (("columns", columns), ("ids", ids)):
        if isinstance(given, str):
            raise ValueError(f"{option} must be a sequence of names, but got {given!r}")
    for name in [*(columns or ()), *ids]:
        check_column(name, table.names, table.where)
    if columns is None:
        chosen = [name for name in table.names if name != table.id_column or name in ids]
        if index := [name for name in chosen if is_index(name)]:
            what = f"column {index[0]!r} looks like the index of a data frame"
            raise ValueError(f"{table.where}: {what}: leave it out, for example by columns=[...]")
    elif unused := [name for name in ids if name not in columns]:
        raise ValueError(f"ids must be among the columns of the tower, but {unused[0]!r} is not in columns={columns!r}")
    else:
        chosen = list(dict.fromkeys(columns))
    if not chosen:
        alone = f"; give ids=[{table.id_column!r}] to make a tower of the ids alone" if table.id_column else ""
        raise ValueError(f"{table.where} has no column for a tower except its ids, or none was named{alone}")
    if table.id_column in chosen and table.id_column not in ids and table.column(table.id_column).kind == "numbers":
        raise ValueError(
            f"{table.where}: {table.id_column} holds the ids of the rows, which are not quantities: name it in ids"
        )
    if wrong := [name for name in chosen if "/" in name]:
        raise ValueError(f"the name of a column of a tower must not have a '/', but got {wrong[0]!r}")
    return chosen


class _Parts:
    """Turns each column into a tensor, and keeps the inputs."""

    def __init__(
        self,
        table: Table,
        names: Sequence[str],
        ids: tuple[str, ...],
        transform: str | None,
        missing: bool,
        min_count: int,
        dimension: int,
    ) -> None:
        self.table, self.ids, self.transform, self.missing = table, ids, transform, missing
        self.min_count, self.dimension = min_count, dimension
        self.inputs: dict[str, Tensor] = {}
        self._taken = set(names)

    def unique(self, name: str) -> str:
        """A name for a layer that no column has, without a dot, which PyTorch does not allow in names of parameters."""
        name = name.replace(".", "_")
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name

    def join(self, names: Sequence[str]) -> tuple[dict[str, Tensor], Tensor]:
        """Returns (the inputs, [rows, width]: the tensors of these columns, concatenated)."""
        numbers = [name for name in names if self._is_number(name)]
        parts = [self._numbers(numbers)] if numbers else []
        parts += [self._part(name) for name in names if name not in numbers]
        return self.inputs, keras.layers.Concatenate(name=self.unique("columns"))(parts) if len(parts) > 1 else parts[0]

    def _is_number(self, name):
        return self.table.column(name).kind == "numbers" and name not in self.ids

    def _part(self, name):
        """Returns the tensor of one column that does not hold numbers."""
        column = self.table.column(name)
        if column.kind == "vectors" and name not in self.ids:
            return self._vectors(name, column)
        if isinstance(column.values, Strings) or (name in self.ids and column.is_whole):
            return self._embedding(name, column, self._known(column.values, ~column.missing))
        if isinstance(column.values, ListColumn):
            return self._embedding(name, column, column.values.values)
        what = f"{self.table.where}: column {name!r} holds {column.kind}"
        if name in self.ids:
            raise ValueError(
                f"{what} with a fraction, which cannot be ids"
                if column.kind == "numbers"
                else f"{what}, which cannot be ids"
            )
        raise ValueError(
            f"{what}, which a tower does not take: turn them into numbers or strings, or leave it out by columns=[...]"
        )

    def _known(self, values, known):
        return values if known.all() else values[known]

    def _check_missing(self, name, column):
        if column.missing.any():
            if not self.missing:
                where = self.table.place(int(column.missing.argmax()))
                count = f"{column.missing.sum():,} of {len(column.missing):,}"
                raise ValueError(f"{where}: {name} is missing, as in {count} rows; {OF_MISSING}")
            if column.kind == "vectors":
                where = self.table.place(int(column.missing.argmax()))
                raise ValueError(f"{where}: a vector may not be missing, but {name} is")

    def _numbers(self, names):
        """Returns columns of numbers, standardised together."""
        moments = []
        for name in names:
            column = self.table.column(name)
            self._check_missing(name, column)
            values = np.where(column.missing, np.nan, column.values) if column.missing.any() else column.values
            moments.append(self._moments(name, values[:, None], self._transformed))
            self.inputs[name] = keras.Input((), dtype="float32", name=name)
        mean, variance, absent = (np.concatenate(x) for x in zip(*moments, strict=True))
        marked = [name for name, count in zip(names, absent, strict=True) if count]
        options = {"transform": self.transform, "missing": self.missing, "marked": marked}
        layer = StandardNumbers(
            names, mean.tolist(), variance.tolist(), **options, name=self.unique("numbers"), dtype="float32"
        )
        return layer([self.inputs[name] for name in names])

    def _transformed(self, x):
        return np.sign(x) * np.log1p(np.abs(x)) if self.transform == "log1p" else x

    def _vectors(self, name, column):
        self._check_missing(name, column)
        shape = column.values.shape[1:]
        flat = column.values.reshape(len(column.values), -1)
        if not flat.shape[1]:
            raise ValueError(f"{self.table.where}: the vectors of {name} must hold numbers, but are empty")
        mean, variance, _ = self._moments(name, flat)
        self.inputs[name] = x = keras.Input(shape, dtype="float32", name=name)
        if len(shape) > 1:
            x = keras.layers.Flatten(name=self.unique(f"{name}_flat"))(x)
        layer = keras.layers.Normalization(
            mean=mean.tolist(), variance=variance.tolist(), name=self.unique(f"{name}_standard"), dtype="float32"
        )
        return layer(x)

    def _moments(self, name, values, transformed=lambda x: x):
        def check(rows, start):
            limit = np.finfo("float32").max
            wrong = (np.abs(rows) > limit).any(axis=1)
            if wrong.any():
                row = int(wrong.argmax())
                raise ValueError(
                    f"{self.table.place(start + row)}: {name} must be finite in float32, but is {rows[row].squeeze()}"
                )

        return statistics.moments_of(values, transformed, check)

    def _embedding(self, name, column, flat):
        """Returns the embedding of an id, or the mean of those of a list."""
        self._check_missing(name, column)
        if not len(flat):
            raise ValueError(f"{self.table.where}: column {name!r} has no value that a tower could learn")
        kind = "text" if isinstance(flat, Strings) else _kind_of(flat)
        known = statistics.known_ids(name, flat if kind == "text" else flat.astype("int64"), self.min_count)
        if kind != "text" and known.min() == nothing("int64"):
            raise ValueError(f"{self.table.where}: {name} must not hold {known.min()}, which means that there is no id")
        of_lists = isinstance(column.values, ListColumn)
        shape = (*(None,) * of_lists, *(2,) * (kind != "int32"))
        self.inputs[name] = given = keras.Input(shape, dtype="int32", name=name)
        number = KnownIds(name, known, kind, self.missing, name=self.unique(f"{name}_vocabulary"))(given)
        embedding = layers.Table(len(known) + 1, self.dimension, name=self.unique(f"{name}_embedding"))(number)
        return MeanOfLists(kind, name=self.unique(f"{name}_mean"))((embedding, given)) if of_lists else embedding


def _kind_of(values):
    """ "int32" if it holds all values, and none is its lowest number, which means that there is no id."""
    return "int32" if nothing("int32") < values.min() and values.max() <= np.iinfo("int32").max else "int64"
