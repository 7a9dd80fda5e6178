"""The features of lists, in the order that a model expects."""

import dataclasses
import warnings
from collections.abc import Sequence

from plackett.data._ranking_lists import RankingLists
from plackett.data._words import some


def match_features(lists: RankingLists, names: Sequence[str], width: int, whose: str) -> RankingLists:
    """The lists with the features of these names, in this order; other features are left out, with a warning.

    >>> lists = RankingLists.from_arrays([[1, 2, 3]], [1], group=[1], feature_names=["a", "b", "c"])
    >>> match_features(lists, ["c", "b", "a"], 3, "the model").features.tolist()
    [[3.0, 2.0, 1.0]]

    Args:
        lists: the lists.
        names: the names of the features. () = they only have numbers, and those of the lists must too.
        width: the number of features.
        whose: what expects this order, in words that errors begin with.

    Raises:
        ValueError: a feature is missing, one side has names and the other numbers, or the number of features differs.

    Cost: a copy of the features if their order differs.
    """
    own = lists.feature_names if lists.has_feature_names else ()
    if not names and not own:
        if lists.features.shape[1] != width:
            raise ValueError(f"{whose} has {width} features, but these lists have {lists.features.shape[1]}")
        return lists
    if not names:
        raise ValueError(
            f"{whose} knows its {width} features by numbers alone, but those of these lists have names, {some(own)}: "
            "if they are the same in this order, take the names away in Python: dataclasses.replace(lists, "
            "feature_names=())"
        )
    if not own:
        raise ValueError(
            f"{whose} knows its features by name, {some(names)}, but those of these lists have numbers alone: if they "
            "are the same in this order, give them these names in Python: dataclasses.replace(lists, feature_names=...)"
        )
    if absent := [name for name in names if name not in own]:
        new = _new_features(lists, names)
        also = f"; those that they have besides are {some(new)}" if new else ""
        raise ValueError(f"{whose} has features that these lists lack: {some(absent)}{also}")
    if own == tuple(names):
        return lists
    if new := _new_features(lists, names):
        warnings.warn(f"{whose} does not know these features, which are left out: {some(new)}", stacklevel=2)
    places = {name: place for place, name in enumerate(own)}
    columns = [places[name] for name in names]
    return dataclasses.replace(lists, features=lists.features[:, columns], feature_names=tuple(names))


def _new_features(lists, names):
    known = set(names)
    return [name for name in lists.feature_names if name not in known]
