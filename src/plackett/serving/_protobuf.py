"""Checks whether an ONNX file uses other files, by reading its Protocol Buffers.

The tensors of an ONNX file may be in other files, with any names that its writer chose, and onnxruntime would read
them. A served model must not do that, so its bytes are checked before onnxruntime gets them.
"""

from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # kinds of fields
# Message -> the fields that lead to tensors, and the message in each; see onnx.proto.
WAYS = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
EXTERNAL_DATA, DATA_LOCATION = 13, 14  # fields of a tensor
LAST_FIELD = 2**29 - 1
DEEPEST = 64


def has_external_data(model: bytes) -> bool:
    """Whether a tensor of an ONNX model is in another file.

    Raises:
        ValueError: the bytes are not a message of Protocol Buffers.
    """
    waiting = [("model", memoryview(model), 0)]
    while waiting:
        kind, message, depth = waiting.pop()
        if depth > DEEPEST:
            raise ValueError(f"its graphs are nested deeper than {DEEPEST} levels")
        for field, value in _fields(message):
            if kind == "tensor" and (field == EXTERNAL_DATA or (field == DATA_LOCATION and value)):
                return True
            if field in WAYS[kind]:
                if not isinstance(value, memoryview):
                    raise ValueError(f"field {field} of a {kind} is not a message")
                waiting.append((WAYS[kind][field], value, depth + 1))
    return False


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yields (number, value) of each field."""
    place, end = 0, len(message)
    while place < end:
        key, place = _varint(message, place)
        field, kind = key >> 3, key & 7
        value: int | memoryview
        if not 0 < field <= LAST_FIELD:  # a reader that takes only 32 bits of a key would see another field
            raise ValueError(f"it has a field {field}")
        if kind == VARINT:
            value, place = _varint(message, place)
        elif kind in (BYTES, FIXED64, FIXED32):
            length = {FIXED64: 8, FIXED32: 4}.get(kind)
            if length is None:
                length, place = _varint(message, place)
            if length > end - place:
                raise ValueError("it ends too early")
            value, place = message[place : place + length], place + length
        else:
            raise ValueError(f"it has a field of the unknown kind {kind}")
        yield field, value


def _varint(message, place):
    """Returns (number, the position after it)."""
    number = shift = 0
    while True:
        if place >= len(message) or shift > 63:
            raise ValueError("it ends too early" if place >= len(message) else "it has a number of more than 64 bits")
        byte = message[place]
        number |= (byte & 127) << shift
        place += 1
        if byte < 128:
            return number, place
        shift += 7
