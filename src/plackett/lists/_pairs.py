"""Pairs of documents, and the similarities of pairs."""

from keras import ops

from plackett.lists._shapes import shape_text


def both(mask):
    """[..., n] bool -> [..., n, n], True where i and j are."""
    return mask[..., :, None] & mask[..., None, :]


def check_square(similarities) -> None:
    """Raises ValueError unless similarities are [..., rows, rows]."""
    shape = similarities.shape
    square = len(shape) > 1 and (shape[-1] is None or shape[-2] is None or shape[-1] == shape[-2])
    if not square:
        raise ValueError(f"similarities must be square, [..., rows, rows], but got {shape_text(shape)}")


def squeeze_column(labels, similarities):
    """[..., rows, 1] -> [..., rows], for similarities [..., rows, rows]; anything else as it is."""
    column = len(labels.shape) == len(similarities.shape) and labels.shape[-1] == 1
    return ops.squeeze(labels, axis=-1) if column else labels
