"""TensorFlow: a custom gradient around a loop over pieces, whose gradient is another loop."""

import tensorflow as tf

from plackett.backend.pieces.functions import even_size


def run(function, shared, carry, rows, number, size):
    """See `plackett.backend.pieces.functions.with_carry`; rows are a tuple."""
    pieces, size = even_size(number, size)
    tensors = (*shared, *(_cut(x, pieces, size) for x in rows))
    moving = [i for i, x in enumerate(tensors) if x.dtype.is_floating]

    def call(tensors, carry):
        return function(tensors[: len(shared)], carry, tensors[len(shared) :])

    def piece_of(tensors, piece):
        return (*tensors[: len(shared)], *(x[piece] for x in tensors[len(shared) :]))

    @tf.custom_gradient
    def by_pieces(*floats):
        # What has no gradient is not recorded, and what is not recorded is not held.
        fixed = _with(tensors, moving, map(tf.stop_gradient, floats))
        values, starts, after = _forwards(lambda carry, piece: call(piece_of(fixed, piece), carry), carry, pieces)

        def gradients(*upstream):
            upstream = upstream[: len(values)]

            def of_piece(piece):
                given, begin = piece_of(_with(tensors, moving, floats), piece), [x[piece] for x in starts]
                return _gradients(lambda *x: call(x, begin)[0], given, moving, [x[piece] for x in upstream])

            return _backwards(of_piece, floats, sum(i < len(shared) for i in moving), pieces)

        return (*values, *after), gradients

    results = by_pieces(*(tensors[i] for i in moving))
    values, after = results[: len(results) - len(carry)], results[len(results) - len(carry) :]
    return tuple(_joined(x)[:number] for x in values), tuple(after)


def _cut(x, pieces, size):
    """[pieces, size, ...], filled up with copies of the last row."""
    shape = tf.shape(x)
    last = tf.broadcast_to(x[-1:], tf.concat([[pieces * size - shape[0]], shape[1:]], 0))
    rows = tf.reshape(tf.concat([x, last], 0), tf.concat([[pieces, size], shape[1:]], 0))
    return tf.ensure_shape(rows, (None, None, *x.shape[1:]))


def _joined(x):
    shape = tf.shape(x)
    return tf.reshape(x, tf.concat([shape[:1] * shape[1:2], shape[2:]], 0))


def _with(tensors, places, replacements):
    tensors = list(tensors)
    for place, x in zip(places, replacements, strict=True):
        tensors[place] = x
    return tuple(tensors)


def _forwards(call, carry, pieces):
    """(values [pieces, size, ...], the carry at the start of each piece, the carry after the last)."""

    def step(carry, piece):
        values, after = call(carry, piece)
        return after, (*values, *carry)

    dtypes = None
    if not tf.executing_eagerly():
        traced = tf.function(lambda *carry: step(carry, 0)[1], autograph=False).get_concrete_function(*carry)
        dtypes = [x.dtype for x in traced.outputs]
    after, results = _loop(step, carry, pieces, dtypes)
    number = len(results) - len(carry)
    return results[:number], results[number:], after


def _gradients(call, tensors, moving, upstream):
    """The gradients of call(*tensors) with respect to the tensors at places `moving`, from those of its floats."""
    leaves = [tf.identity(tensors[i]) for i in moving]
    with tf.GradientTape() as tape:
        tape.watch(leaves)
        values = call(*_with(tensors, moving, leaves))
    pairs = [(x, up) for x, up in zip(values, upstream, strict=True) if x.dtype.is_floating]
    values, upstream = zip(*pairs, strict=True)
    found = tape.gradient(values, leaves, upstream, unconnected_gradients="zero")
    return [tf.convert_to_tensor(x) for x in found]


def _backwards(of_piece, floats, number, pieces):
    """The gradients of all pieces with respect to `floats`: the first `number` summed, the others stacked."""

    def step(sums, piece):
        found = of_piece(piece)
        return [x + y for x, y in zip(sums, found[:number], strict=True)], found[number:]

    zeros = [tf.zeros_like(x) for x in floats[:number]]
    sums, of_rows = _loop(step, zeros, pieces, [x.dtype for x in floats[number:]])
    return [*sums, *of_rows]


def _loop(step, state, pieces, dtypes):
    """(last state, stacked outputs), where `step(state, piece)` returns (state, tensors of these dtypes)."""
    if tf.executing_eagerly():
        given = []
        for piece in range(pieces):
            state, results = step(state, piece)
            given.append(results)
        return list(state), [tf.stack(x) for x in zip(*given, strict=True)]

    def body(piece, state, arrays):
        state, results = step(state, piece)
        return piece + 1, list(state), [x.write(piece, y) for x, y in zip(arrays, results, strict=True)]

    start = (tf.zeros((), "int32"), list(state), [tf.TensorArray(x, pieces) for x in dtypes])
    # One at a time: pieces computed in parallel are all in memory.
    _, state, arrays = tf.while_loop(
        lambda piece, *_: piece < pieces, body, start, parallel_iterations=1, maximum_iterations=pieces
    )
    return list(state), [x.stack() for x in arrays]
