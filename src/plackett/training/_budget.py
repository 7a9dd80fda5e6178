"""Chooses the batch size and the length of a run from the number of training lists. Does not need Keras."""

import dataclasses
import math
from typing import NamedTuple

from plackett.training._settings import Settings

# Chosen on the validation folds of MQ2008, on parts of it, and on generated sets of 63 to 6,000 lists. Small data need
# small batches, so that an epoch has enough steps, and a larger patience, since each epoch is measured on few lists.
BATCHES, BATCH_SIZES = 16, (8, 32)  # about so many batches an epoch, within these sizes
MANY, MOST = 256, 128  # for speed, larger batches when 32 lists are less than 1 / MANY of all lists
PATIENCE, PATIENCES = 46, (5, 15)
STEPS, EPOCHS = 3_000, (50, 200)


class Budget(NamedTuple):
    """The most that a run can take; see `Settings`."""

    batch_size: int
    epochs: int
    patience: int


OF_THE_DATA = Budget._fields  # settings that are chosen here when they are None


def with_budget(settings: Settings, lists: int, parts: int = 1) -> Settings:
    """Returns the settings, with each None replaced by a number that suits the number of training lists.

    >>> chosen = with_budget(Settings(), 470)
    >>> chosen.batch_size, chosen.epochs, chosen.patience
    (32, 200, 10)
    >>> with_budget(Settings(epochs=3), 470).epochs
    3

    Args:
        settings: the settings of the run. Values that they give are kept.
        lists: the number of training lists.
        parts: see `budget_of`.
    """
    return dataclasses.replace(settings, **budget_of(settings, lists, parts)._asdict())


def budget_of(settings: Settings, lists: int, parts: int = 1) -> Budget:
    """Returns the numbers that the settings give, or numbers chosen for this many training lists.

    Args:
        settings: the settings of the run.
        lists: the number of training lists.
        parts: a batch size that is chosen here is divisible by this number.
    """
    batch_size = settings.batch_size or math.ceil(_batch_size(lists) / parts) * parts
    steps = max(1, math.ceil(lists / batch_size))
    patience = settings.patience or _within(math.ceil(PATIENCE / max(lists, 1) ** 0.25), PATIENCES)
    epochs = settings.epochs or _within(math.ceil(STEPS / steps), EPOCHS)
    return Budget(batch_size, epochs, patience)


def budget_in_words(settings: Settings) -> str:
    """Describes the most that a run can take, in one line.

    >>> budget_in_words(with_budget(Settings(), 470))
    '32 queries a batch, at most 200 epochs, patience 10'
    """
    return f"{settings.batch_size} queries a batch, at most {settings.epochs} epochs, patience {settings.patience}"


def _batch_size(lists):
    few, many = (2 ** round(math.log2(max(lists, 1) / batches)) for batches in (BATCHES, MANY))
    return max(_within(few, BATCH_SIZES), min(many, MOST))


def _within(number, ends):
    return min(max(number, ends[0]), ends[1])
