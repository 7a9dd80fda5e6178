"""How many lists a step takes and how long a run trains, by the number of its training lists. Needs no Keras."""

import dataclasses
import math
from typing import NamedTuple

from plackett.training._settings import Settings

# Chosen on the validation folds of MQ2008, on parts of it, and on generated sets of 63 to 6,000 lists. Small data want
# small batches, for an epoch to have enough steps, and the patience of more epochs, as each is measured on few lists.
BATCHES, BATCH_SIZES = 16, (8, 32)  # in an epoch, about
MANY, MOST = 256, 128  # the same where lists are so many that 32 are less than a share of 1 / MANY: for speed
PATIENCE, PATIENCES = 46, (5, 15)
STEPS, EPOCHS = 3_000, (50, 200)


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
    (32, 200, 10)
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
    batch_size = settings.batch_size or math.ceil(_batch_size(lists) / parts) * parts
    steps = max(1, math.ceil(lists / batch_size))
    patience = settings.patience or _within(math.ceil(PATIENCE / max(lists, 1) ** 0.25), PATIENCES)
    epochs = settings.epochs or _within(math.ceil(STEPS / steps), EPOCHS)
    return Budget(batch_size, epochs, patience)


def budget_in_words(settings: Settings) -> str:
    """What a run comes to at most, in one line.

    >>> budget_in_words(with_budget(Settings(), 470))
    '32 queries a batch, at most 200 epochs, patience 10'
    """
    return f"{settings.batch_size} queries a batch, at most {settings.epochs} epochs, patience {settings.patience}"


def _batch_size(lists):
    few, many = (2 ** round(math.log2(max(lists, 1) / batches)) for batches in (BATCHES, MANY))
    return max(_within(few, BATCH_SIZES), min(many, MOST))


def _within(number, ends):
    return min(max(number, ends[0]), ends[1])
