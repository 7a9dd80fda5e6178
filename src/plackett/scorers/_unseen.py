"""Ids that a scorer was not trained on."""

from typing import NamedTuple

import keras
import numpy as np

from plackett.data import RankingLists, Strings
from plackett.scorers._any_model import vocabularies


class Unseen(NamedTuple):
    """The values of an id feature that a scorer does not know.

    >>> Unseen(values=1, documents=2, example="c").documents
    2

    Args:
        values: how many different unknown values there are.
        documents: how many documents have them.
        example: the first of them.
    """

    values: int
    documents: int
    example: str | int


def unseen_ids(scorer: keras.Model, lists: RankingLists) -> dict[str, Unseen]:
    """The id features with values that a scorer does not know, by name. The scorer treats all unknown values as one.

    >>> import numpy as np
    >>> import plackett
    >>> x = np.random.default_rng(0).normal(size=(60, 3))
    >>> lists = plackett.data.RankingLists.from_arrays(x, x[:, 0] > 0, group=[6] * 10, ids={"shop": ["a", "b"] * 30})
    >>> scorer = plackett.scorers.embeddings(lists)
    >>> others = plackett.data.RankingLists.from_arrays(x[:3], group=[3], ids={"shop": ["a", "c", "c"]})
    >>> unseen_ids(scorer, others)
    {'shop': Unseen(values=1, documents=2, example='c')}

    Args:
        scorer: a scorer of `plackett.scorers`, or a model with a `Vocabulary` layer named NAME_vocabulary.
        lists: the lists to score.
    """
    known, found = vocabularies(scorer), {}
    for name, ids in lists.ids.items():
        if (vocabulary := known.get(name)) is None:
            continue
        numbers = ids.hashes() if isinstance(ids, Strings) else ids
        unseen = np.flatnonzero(~np.isin(numbers, vocabulary.values))
        if len(unseen):
            example = ids[unseen[0]] if isinstance(ids, Strings) else int(ids[unseen[0]])
            found[name] = Unseen(len(np.unique(numbers[unseen])), len(unseen), example)
    return found
