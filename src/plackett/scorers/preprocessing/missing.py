"""Checks for missing features where a scorer does not allow them."""

import keras

from plackett.data import RankingLists
from plackett.scorers._any_model import layers_of
from plackett.scorers.preprocessing.layers import Filled
from plackett.scorers.preprocessing.statistics import count_missing, missing_features


def check_missing(model: keras.Model, lists: RankingLists) -> None:
    """Checks that no feature is missing (NaN), unless the scorer was made with missing=True.

    Raises:
        ValueError: features are missing; the error says which, and in how many documents.

    Cost: one pass over the features.
    """
    if any(isinstance(layer, Filled) and not layer.missing for layer in layers_of(model)):
        absent = count_missing(lists.features)
        if absent.any():
            raise missing_features(lists, absent)
