"""Pairs of documents, and the similarities of pairs."""

from plackett.lists._shapes import shape_text


def both(mask):
    """[..., n] bool -> [..., n, n], True where both i and j are True."""
    return mask[..., :, None] & mask[..., None, :]


def check_square(similarities) -> None:
    """Raises a ValueError unless similarities are [..., rows, rows]."""
    shape = similarities.shape
    square = len(shape) > 1 and (shape[-1] is None or shape[-2] is None or shape[-1] == shape[-2])
    if not square:
        raise ValueError(f"similarities must be square, [..., rows, rows], but got {shape_text(shape)}")


def check_embeddings(queries, documents) -> None:
    """Raises a ValueError unless both shapes are [rows, dimension] with the same dimension."""
    for what, shape in (("queries", queries), ("documents", documents)):
        if len(shape) != 2:
            raise ValueError(
                f"embeddings must be vectors, [rows, dimension], but the embeddings of {what} have shape "
                f"{shape_text(shape)}"
            )
    if None not in (queries[1], documents[1]) and queries[1] != documents[1]:
        raise ValueError(
            "embeddings of queries and documents must have the same dimension, but they have shapes "
            f"{shape_text(queries)} and {shape_text(documents)}"
        )
