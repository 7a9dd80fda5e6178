"""The ids of lists that a scorer was not trained on."""

from typing import NamedTuple

import keras
import numpy as np

from plackett.data import RankingLists, Strings
from plackett.scorers._any_model import vocabularies


class Unseen(NamedTuple):
    """What a scorer does not know of an id feature.

    >>> Unseen(values=1, documents=2, example="c").documents
    2

    Args:
        values: how many different values it does not know.
        documents: how many documents have them.
        example: the first of them.
    """

    values: int
    documents: int
    example: str | int


def unseen_ids(scorer: keras.Model, lists: RankingLists) -> dict[str, Unseen]:
    """The id features of which the lists have values that a scorer does not know, by name; it takes them all for one.

    >>> import numpy as np
    >>> import plackett
    >>> x = np.random.default_rng(0).normal(size=(60, 3))
    >>> lists = plackett.data.RankingLists.from_arrays(x, x[:, 0] > 0, group=[6] * 10, ids={"shop": ["a", "b"] * 30})
    >>> scorer = plackett.scorers.embeddings(lists)
    >>> others = plackett.data.RankingLists.from_arrays(x[:3], group=[3], ids={"shop": ["a", "c", "c"]})
    >>> unseen_ids(scorer, others)
    {'shop': Unseen(values=1, documents=2, example='c')}

    Args:
        scorer: one of `plackett.scorers`, or a model with a layer `Vocabulary` that is called NAME_vocabulary.
        lists: what it is to score.
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
