"""Functions of rows that are computed one piece at a time, and again one piece at a time for their gradient.

A step then needs the memory of one piece, whatever the number of rows. Each backend has its own way to do this, in a
module of its own.
"""

from plackett.backend.pieces.functions import by_pieces
from plackett.backend.pieces.layers import call_by_pieces

__all__ = ["by_pieces", "call_by_pieces"]
