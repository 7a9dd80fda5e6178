"""What all scorers check before they do anything."""

import functools
from collections.abc import Callable

import keras

from plackett.data import RankingLists
from plackett.registry import check_options


def with_checks(make: Callable[..., keras.Model]) -> Callable[..., keras.Model]:
    """Decorator of a scorer, which then refuses lists without documents and options that its annotations do not allow.

    Raises:
        ValueError: by the scorer.
    """

    @functools.wraps(make)
    def check_and_make(lists: RankingLists, **options) -> keras.Model:
        check_options(make, **options)
        if len(lists.labels) == 0:
            raise ValueError("a scorer is fitted on training lists, but these have no documents")
        return make(lists, **options)

    return check_and_make
