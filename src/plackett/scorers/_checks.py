"""The checks that all scorers do first."""

import functools
import inspect
from collections.abc import Callable, Iterable

import keras

from plackett.data import RankingLists
from plackett.registry import check_known, check_options
from plackett.scorers.preprocessing.inputs import prepare


def with_checks(make: Callable[..., keras.Model]) -> Callable[..., keras.Model]:
    """Decorator of a scorer. It rejects lists without documents, and options that the annotations do not allow.

    Raises:
        ValueError: raised by the scorer.
    """

    @functools.wraps(make)
    def check_and_make(lists: RankingLists, **options) -> keras.Model:
        check_options(make, **options)
        if len(lists.labels) == 0:
            raise ValueError("a scorer is fitted on training lists, but these have no documents")
        return make(lists, **options)

    return check_and_make


def check_options_of(scorer: Callable[..., keras.Model], what: str, options: Iterable[str]) -> None:
    """Raises a ValueError for an option that a scorer of plackett does not have; `what` names the kind of option."""
    allowed = {**inspect.signature(scorer).parameters, **inspect.signature(prepare).parameters}
    known = [option for option, parameter in allowed.items() if parameter.kind is parameter.KEYWORD_ONLY]
    for option in options:
        check_known(what, option, known)
