"""Functions of rows that are computed a piece at a time, and again a piece at a time for their gradient.

The memory of a step is then that of one piece, whatever the number of rows. Each backend has its own way to be told of
it: a module for each.
"""

from plackett.backend.pieces.functions import by_pieces
from plackett.backend.pieces.layers import call_by_pieces

__all__ = ["by_pieces", "call_by_pieces"]
