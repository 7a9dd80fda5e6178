"""How many lists a step takes and how long a run trains, by the number of its training lists. Needs no Keras."""

import dataclasses
import math
from typing import NamedTuple

from plackett.training._settings import Settings

BATCHES = 64  # in an epoch, about, where neither bound of the size of a batch acts
SMALLEST, LARGEST = 8, 128  # lists of a batch
PATIENCE = 10  # epochs
PATIENT_STEPS = 160
EPOCHS = 100
STEPS = 5_000


class Budget(NamedTuple):
    """What a run comes to at most; see `Settings`."""

    batch_size: int
    epochs: int
    patience: int


OF_THE_DATA = Budget._fields  # settings that are chosen here where they are None


def with_budget(settings: Settings, lists: int, parts: int = 1) -> Settings:
    """The settings with numbers in the place of None, for so many training lists.

    >>> chosen = with_budget(Settings(), 470)
    >>> chosen.batch_size, chosen.epochs, chosen.patience
    (8, 100, 10)
    >>> with_budget(Settings(epochs=3), 470).epochs
    3

    Args:
        settings: of the run; what they give stays.
        lists: how many lists it trains on.
        parts: see `budget_of`.
    """
    return dataclasses.replace(settings, **budget_of(settings, lists, parts)._asdict())


def budget_of(settings: Settings, lists: int, parts: int = 1) -> Budget:
    """The numbers that settings give, or that are chosen for so many training lists.

    Args:
        settings: of the run.
        lists: how many lists it trains on.
        parts: a batch that is chosen here can be cut into so many equal parts.
    """
    batch_size = settings.batch_size or _round_up(_batch_size(lists), parts)
    steps = max(1, math.ceil(lists / batch_size))
    patience = settings.patience or max(PATIENCE, math.ceil(PATIENT_STEPS / steps))
    epochs = settings.epochs or max(EPOCHS, math.ceil(STEPS / steps))
    return Budget(batch_size, epochs, patience)


def budget_in_words(settings: Settings) -> str:
    """What a run comes to at most, in one line.

    >>> budget_in_words(with_budget(Settings(), 470))
    '8 queries a batch, at most 100 epochs, patience 10'
    """
    return f"{settings.batch_size} queries a batch, at most {settings.epochs} epochs, patience {settings.patience}"


def _batch_size(lists):
    """A power of two, the nearest in ratio to a share of the lists."""
    size = 2 ** round(math.log2(max(lists, 1) / BATCHES))
    return min(max(size, SMALLEST), LARGEST)


def _round_up(number, multiple):
    return math.ceil(number / multiple) * multiple
