"""A table of scores: one number for each value of an id feature."""

import keras

from plackett.data import RankingLists
from plackett.data._columns import kind_of_ids, shape_of_ids
from plackett.registry import check_known
from plackett.registry.options import Count, Names, NotNegative
from plackett.scorers._checks import with_checks
from plackett.scorers._outputs import mask_scores, outputs
from plackett.scorers.preprocessing.layers import Buckets, Table, Vocabulary
from plackett.scorers.preprocessing.statistics import known_ids


@with_checks
def table(
    lists: RankingLists,
    *,
    id: str = "pair",  # noqa: A002, as lists call it
    buckets: Count | None = None,
    min_count: Count = 1,
    l2: NotNegative = 0.0,
    models: Count | None = None,
    tasks: Names | None = None,
) -> keras.Model:
    """One free number for each value of one id feature and nothing else, like the tables of click models.

    It knows nothing about new documents. Use it to measure what was clicked, not to rank what is new.

    >>> import numpy as np
    >>> import plackett
    >>> pairs = [f"{query} {document}" for query in "ab" for document in range(3)]
    >>> lists = plackett.data.RankingLists.from_arrays(
    ...     np.zeros((6, 0)), [1, 0, 0, 0, 1, 0], query=list("aaabbb"), ids={"pair": pairs}
    ... )
    >>> plackett.scorers.table(lists).count_params(), plackett.scorers.table(lists, buckets=4).count_params()
    (7, 4)

    Args:
        lists: the training lists.
        id: the id feature.
        buckets: the number of rows that values are hashed into; some values share a row by chance. None = each known
            value has its own row, and all unknown values share one.
        min_count: a value with fewer training documents counts as unknown. Only without `buckets`.
        l2: the weight of the sum of the squared numbers in the loss.
        models, tasks: see `plackett.scorers`.

    Returns:
        A model of `mask` and the id feature.

    Raises:
        ValueError: the lists have no such id feature, or an option is out of range or has no effect.
    """
    check_known("id feature of these lists", id, lists.ids)
    if buckets is not None and min_count != 1:
        raise ValueError("min_count acts on values that have rows of their own: leave it out with buckets")
    column = lists.ids[id]
    mask = keras.Input((None,), dtype="bool", name="mask")
    given = keras.Input(shape_of_ids(column), dtype="int32", name=id)
    if buckets is None:
        values = known_ids(id, column, min_count)
        row, rows = Vocabulary(values, kind=kind_of_ids(column), name=f"{id}_vocabulary")(given), len(values) + 1
    else:
        row, rows = Buckets(buckets, kind=kind_of_ids(column), name=f"{id}_buckets")(given), buckets

    def look_up(name, prefix):
        numbers = Table(
            rows,
            models or 1,
            embeddings_regularizer=keras.regularizers.L2(l2) if l2 else None,
            name=f"{prefix}{id}_table",
            dtype="float32",
        )
        return mask_scores(numbers(row), mask, name, models)

    return keras.Model({"mask": mask, id: given}, outputs(tasks, look_up), name="table")
