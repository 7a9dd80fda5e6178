"""The few operations that `keras.ops` lacks, one function each.

Every branch on the backend of Keras stands in this file.
"""

import keras
import numpy as np
from keras import ops
from keras.src.backend.common import masking
from numpy.polynomial import Chebyshev, Polynomial


def compiled_once(fn):
    """Decorator of a function of tensors: JAX, called eagerly, compiles it once a shape and not each step of it."""
    if keras.backend.backend() != "jax":
        return fn
    import jax

    return jax.jit(fn)


def value_and_slope(fn, x, *rest):
    """(fn(x, *rest), its derivative by x) for a function that takes each number of x by itself."""
    if keras.backend.backend() == "jax":
        import jax

        value, pull_back = jax.vjp(lambda x: fn(x, *rest), x)
        return value, pull_back(ops.ones_like(value))[0]
    if keras.backend.backend() == "torch":
        import torch

        with torch.enable_grad():
            x = x.detach().requires_grad_()
            value = fn(x, *rest)
            return value.detach(), torch.autograd.grad(value.sum(), x)[0]
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(x)
        value = fn(x, *rest)
    return value, tape.gradient(value, x, unconnected_gradients="zero")


def cumulative_sum(x):
    """x_1 + ... + x_i for each i, along the last axis."""
    if keras.backend.backend() == "torch":
        return x.cumsum(dim=-1)
    return ops.cumsum(x, axis=-1)


def cumulative_product(x):
    """x_1 ... x_i for each i, along the last axis."""
    if keras.backend.backend() == "torch":
        return x.cumprod(dim=-1)
    return ops.cumprod(x, axis=-1)


def minimum(x, y):
    """The smaller of two tensors, or of a tensor and a number, place by place."""
    return x.minimum(_like(y, x)) if keras.backend.backend() == "torch" else ops.minimum(x, y)


def maximum(x, y):
    """The larger of two tensors, or of a tensor and a number, place by place."""
    return x.maximum(_like(y, x)) if keras.backend.backend() == "torch" else ops.maximum(x, y)


def clip(x, lowest: float, highest: float):
    """The numbers of `x`, with `lowest` and `highest` in place of what lies beyond them."""
    return x.clamp(lowest, highest) if keras.backend.backend() == "torch" else ops.clip(x, lowest, highest)


def _like(y, x):
    import torch

    return torch.as_tensor(y, dtype=x.dtype, device=x.device)


def floor(x):
    """The largest whole number that is not above, in the dtype of x."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.lax.floor(x)
    return x.floor() if keras.backend.backend() == "torch" else ops.floor(x)


def divide_no_nan(x, y):
    """x / y; 0 where y is 0."""
    nothing = y == 0
    return ops.where(nothing, 0.0, x / ops.where(nothing, 1.0, y))


def mean(x, axis: int):
    """The mean along an axis."""
    return ops.sum(x, axis=axis) / ops.shape(x)[axis]


def softplus(x):
    """log(1 + e^x)."""
    if keras.backend.backend() == "torch" and ops.dtype(x) == "float64":
        # That of PyTorch is x itself from 20 on, which float64 tells from log(1 + e^x).
        return x.logaddexp(x.new_zeros(()))
    return ops.softplus(x)


def cumulative_logsumexp(x):
    """log(e^x_1 + ... + e^x_i) for each i, along the last axis, as a sum of two parts.

    The first part is the largest of x_1 ... x_i and the second lies between 0 and log i, so that no digit of the second
    is lost to a large number: the difference to an x is exact if it is taken from the first part first.

    Returns:
        (tops, rest): [..., n] both. The gradient of the sum passes through `rest`; `tops` are constants.

    Cost: O(n log n) time, O(n) memory.
    """
    tops = running_max(ops.stop_gradient(x))
    before = ops.concatenate([tops[..., :1], tops[..., :-1]], axis=-1)
    return tops, ops.log(_recurrence(ops.exp(before - tops), ops.exp(x - tops)))


@compiled_once
def _recurrence(decay, terms):
    """R_i = terms_i + decay_i R_i-1 along the last axis, with R_1 = terms_1; each step doubles how far R sees."""
    n = terms.shape[-1]
    if n is None:
        return _recurrence_of_any_size(decay, terms)
    shift = 1
    while shift < n:
        terms = terms + decay * _shifted(terms, shift)
        decay = decay * _shifted(decay, shift)
        shift *= 2
    return terms


def _shifted(x, shift):
    """The numbers of `x` moved by so many places to the end of the last axis, with zeros in front."""
    return ops.concatenate([ops.zeros_like(x[..., :shift]), x[..., :-shift]], axis=-1)


def _recurrence_of_any_size(decay, terms):
    n = ops.shape(terms)[-1]
    place = ops.arange(n)

    def doubled(shift, decay, terms):
        inside = place >= shift
        terms = terms + ops.where(inside, decay * ops.roll(terms, shift, axis=-1), 0.0)
        return shift * 2, ops.where(inside, decay * ops.roll(decay, shift, axis=-1), 0.0), terms

    return ops.while_loop(lambda shift, *_: shift < n, doubled, (ops.ones((), "int32"), decay, terms))[-1]


def logsumexp_of_rows(x):
    """log(sum_j e^x_j) along the last axis, as a sum of two parts, and what `softmax_of_rows` needs to be fast.

    Returns:
        (tops, rest, kept): the largest x, and the rest, which is exact; the exponentials on PyTorch, which has time for
        them once, and nothing elsewhere.
    """
    tops = ops.max(x, axis=-1)
    exponentials = ops.exp(x - tops[..., None])
    rest = ops.log(ops.sum(exponentials, axis=-1))
    return tops, rest, (exponentials,) if keras.backend.backend() == "torch" else ()


def softmax_of_rows(x, tops, rest, kept, weight):
    """weight e^x_i / sum_j e^x_j along the last axis, for a weight a row and what `logsumexp_of_rows` returned."""
    if kept:
        return kept[0] * (weight * ops.exp(-rest))[..., None]
    return weight[..., None] * ops.exp((x - tops[..., None]) - rest[..., None])


def running_max(x):
    """The largest of x_1 ... x_i for each i, along the last axis."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.lax.cummax(x, axis=x.ndim - 1)
    if keras.backend.backend() == "torch":
        import torch

        return torch.cummax(x, dim=-1).values if x.shape[-1] else x
    return _running_max_by_doubling(x)


def _running_max_by_doubling(x):
    n = ops.shape(x)[-1]
    place = ops.arange(n)

    def doubled(shift, x):
        return shift * 2, ops.where(place < shift, x, ops.maximum(x, ops.roll(x, shift, axis=-1)))

    return ops.while_loop(lambda shift, _: shift < n, doubled, (ops.ones((), "int32"), x))[-1]


def argsort(keys):
    """The stable permutation that sorts each row of the last axis by rising key.

    On JAX a key and its place are packed into one whole number of 64 bits, which XLA sorts five times as fast as it
    sorts pairs.
    """
    if keras.backend.backend() != "jax" or keys.dtype != "float32":
        return ops.argsort(keys, axis=-1)
    import jax
    from jax import lax

    bits = lax.bitcast_convert_type(lax.stop_gradient(keys), "int32")
    bits = ops.where(bits < 0, bits ^ 0x7FFFFFFF, bits)  # ordered as the numbers are
    with jax.enable_x64(True):
        packed = lax.convert_element_type(bits, "int64") << lax.full_like(bits, 32, dtype="int64")
        packed = packed | lax.broadcasted_iota("int64", keys.shape, keys.ndim - 1)
        packed = lax.sort(packed, dimension=-1, is_stable=False)
        return lax.convert_element_type(packed & lax.full_like(packed, 0xFFFFFFFF), "int32")


def at(x, places):
    """[rows, m], the numbers of [rows, n] `x` at `places`, [rows, m] int32 from 0 to n - 1."""
    if keras.backend.backend() == "jax":
        return x.at[ops.arange(x.shape[0])[:, None], places].get(mode="promise_in_bounds")
    if keras.backend.backend() == "torch":
        return x.gather(1, places.long())
    import tensorflow as tf

    return tf.gather(x, places, batch_dims=1)


def add_at(x, places, values):
    """[rows, n] `x` with `values`, [rows, m], added at `places`, [rows, m] int32. `x` itself is used up."""
    if keras.backend.backend() == "jax":
        return x.at[ops.arange(x.shape[0])[:, None], places].add(values)
    if keras.backend.backend() == "torch":
        return x.scatter_add_(1, places.long(), values)
    import tensorflow as tf

    row = tf.broadcast_to(tf.range(tf.shape(places)[0])[:, None], tf.shape(places))
    return tf.tensor_scatter_nd_add(x, tf.stack([row, places], axis=-1), values)


def part(x, start, size: int):
    """[rows, size], the columns of `x` from `start` on."""
    if keras.backend.backend() == "torch":
        return x.narrow(1, int(start), size)
    return ops.slice(x, (0, start), (ops.shape(x)[0], size))


def with_part(x, start, part, axis: int):
    """`x` with `part` in the place of its own from `start` on along one axis. `x` itself is used up."""
    if keras.backend.backend() == "torch":
        x.narrow(axis, int(start), part.shape[axis]).copy_(part)
        return x
    return ops.slice_update(x, [start if i == axis else 0 for i in range(len(x.shape))], part)


def lookup(table, places):
    """The rows of `table`, [m, ...], at `places`, int32 from 0 to m - 1."""
    if keras.backend.backend() == "jax":
        return table.at[places].get(mode="promise_in_bounds")
    if keras.backend.backend() == "torch":
        return table.index_select(0, places.reshape(-1)).reshape(*places.shape, *table.shape[1:])
    return ops.take(table, places, axis=0)


# log(1 + e) / e for e from 0 to 1, by rising power of e, to within 3e-8: the polynomial through 11 Chebyshev nodes.
_LOG1P = Chebyshev.interpolate(lambda e: np.log1p(e) / e, 10, domain=[0, 1]).convert(kind=Polynomial).coef.tolist()


def softplus_and_sigmoid(x):
    """(log(1 + e^x), 1 / (1 + e^-x)).

    On JAX in float32 by a polynomial: XLA makes slow code of log(1 + e^x).
    """
    if keras.backend.backend() != "jax" or x.dtype != "float32":
        return softplus(x), ops.sigmoid(x)
    e = ops.exp(-ops.abs(x))
    series = ops.zeros_like(e)
    for coefficient in reversed(_LOG1P):
        series = series * e + coefficient
    return ops.relu(x) + e * series, 1.0 / (1.0 + ops.exp(-x))


def in_double(fn, *x):
    """What `fn` makes of tensors in float64, a tuple, in their own dtype again. JAX allows float64 nowhere else."""
    if keras.backend.backend() != "jax":
        return tuple(ops.cast(y, x[0].dtype) for y in fn(*[ops.cast(y, "float64") for y in x]))
    import jax
    from jax import lax

    with jax.enable_x64(True):
        results = fn(*[lax.convert_element_type(y, "float64") for y in x])
        return tuple(lax.convert_element_type(y, x[0].dtype) for y in results)


def matmul(a, b):
    """The matrix product, at the full precision of its dtype on every device."""
    if keras.backend.backend() != "jax":
        return a @ b
    import jax.numpy as jnp

    return jnp.matmul(a, b, precision="highest")


def scatter_add(values, places, size: int):
    """Adds up what falls on each place: sums_p = sum of values_i over the i with places_i = p.

    Args:
        values: [rows, n] or [rows, n, width].
        places: [rows, n] int32, from 0 to size - 1.
        size: the number of places.

    Returns:
        [rows, size] or [rows, size, width].
    """
    shape = ops.shape(values)
    flat = ops.reshape(places + size * ops.arange(shape[0], dtype="int32")[:, None], (shape[0] * shape[1],))
    sums = _scatter_add(ops.reshape(values, (shape[0] * shape[1], *shape[2:])), flat, shape[0] * size)
    return ops.reshape(sums, (shape[0], size, *shape[2:]))


def _scatter_add(values, places, size):
    if keras.backend.backend() == "jax":
        import jax

        return jax.ops.segment_sum(values, places, size)
    if keras.backend.backend() == "torch":
        # int32 places are six times as slow.
        return values.new_zeros((size, *values.shape[1:])).index_add(0, places.long(), values)
    import tensorflow as tf

    return tf.math.unsorted_segment_sum(values, places, size)


def uniform(shape, seed: int | None, seed_generator, scores):
    """Noise on [0, 1) of `shape`, fresh at each call.

    Called eagerly, TensorFlow draws from its stateful generator, so that `tf.random.set_seed` repeats the numbers of
    TensorFlow Ranking, and JAX and PyTorch draw from `seed_generator`. While JAX or TensorFlow traces a function, the
    state of a generator would be a constant of the trace and give the same noise at every step, or be hidden in the
    graph, where no checkpoint could save it. There the state of `seed_generator` is folded with the bits of `scores`,
    which a step changes: the noise is a function of the two.

    Args:
        shape: the shape of the noise.
        seed: what TensorFlow's eager noise starts from; None = its own choice.
        seed_generator: `keras.random.SeedGenerator` of this seed.
        scores: the scores that the noise is for, padding zeroed.
    """
    if keras.backend.backend() == "jax":
        import jax
        import jax.numpy as jnp

        if not isinstance(scores, jax.core.Tracer):
            return keras.random.uniform(shape, seed=seed_generator)
        bits = jax.lax.bitcast_convert_type(jax.lax.stop_gradient(scores).astype("float32"), "uint32")
        key = jax.random.wrap_key_data(seed_generator.state.value)
        return jax.random.uniform(jax.random.fold_in(key, jnp.sum(bits, dtype="uint32")), shape)
    if keras.backend.backend() == "torch":
        return keras.random.uniform(shape, seed=seed_generator)
    import tensorflow as tf

    if tf.executing_eagerly():
        return tf.random.uniform(shape, seed=seed)
    bits = tf.reduce_sum(tf.bitcast(tf.cast(tf.stop_gradient(scores), "float32"), "int32"))
    key = tf.cast(seed_generator.state.value, "int32")
    return tf.random.stateless_uniform(shape, tf.random.experimental.stateless_fold_in(key, bits))


def seed_generators(seed: int) -> None:
    """Seeds the global generators that Keras's layers draw from without a seed of their own: those of PyTorch."""
    if keras.backend.backend() == "torch":
        import torch

        torch.manual_seed(seed)


def generator_states() -> list:
    """The states of these generators, as numpy arrays; [] where there are none."""
    if keras.backend.backend() != "torch":
        return []
    import torch

    return [state.numpy() for state in (torch.get_rng_state(), *torch.cuda.get_rng_state_all())]


def set_generator_states(states: list) -> None:
    """Goes back to states that `generator_states` returned."""
    if keras.backend.backend() == "torch":
        import torch

        of_the_cpu, *of_gpus = map(torch.from_numpy, states)
        torch.set_rng_state(of_the_cpu)
        torch.cuda.set_rng_state_all(of_gpus)


def flat_ragged(x):
    """(values, row_splits, longest row) of the backend's own ragged tensor; None for anything else."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        if isinstance(x, tf.RaggedTensor):
            values = x.values.to_tensor() if x.ragged_rank > 1 else x.values
            return values, x.row_splits, tf.reduce_max(tf.concat([x.row_lengths(), [0]], 0))
    if keras.backend.backend() == "torch":
        import torch

        if isinstance(x, torch.Tensor) and x.is_nested:
            if x.layout != torch.jagged:
                raise ValueError("a nested torch tensor must have layout=torch.jagged, but got torch.strided")
            lengths = x.offsets().diff()
            return x.values(), x.offsets(), int(lengths.max()) if len(lengths) else 0
    return None


def concrete(x):
    """`x` as a numpy array, or None while its values are not known (inside a traced function)."""
    if keras.backend.backend() == "jax":
        import jax

        return None if isinstance(x, jax.core.Tracer) else np.asarray(x)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return None if tf.is_tensor(x) and not hasattr(x, "numpy") else np.asarray(x)
    import torch

    if not isinstance(x, torch.Tensor):
        return np.asarray(x)
    # torch.func has no public way to ask whether a tensor is one that it traces.
    traced = torch.compiler.is_compiling() or torch._C._functorch.is_functorch_wrapped_tensor(x)
    return None if traced else x.numpy(force=True)


def pytree(data: list[str], static: list[str]):
    """Class decorator: under JAX, instances pass through `jit` and `grad`; only `data` is traced."""

    def register(cls):
        if keras.backend.backend() == "jax":
            import jax

            jax.tree_util.register_dataclass(cls, data_fields=data, meta_fields=static)
        return cls

    return register


def keras_mask(x):
    """The Keras mask that a layer left on `x`, or None.

    Keras keeps it in an attribute, or, for tensors that take none (JAX inside `jit`), in a table of its own, and has
    no public function that reads both.
    """
    return masking.get_keras_mask(x)


def keep_keras_mask(x) -> None:
    """Leaves the Keras mask of scores where the metrics of the same step find it.

    On JAX, `fit` differentiates the loss and hands the metrics not the scores that the loss saw but what these were
    traced from, which has no mask.
    """
    if keras.backend.backend() == "jax" and getattr(x, "primal", None) is not None and keras_mask(x) is not None:
        masking.set_keras_mask(x.primal, keras_mask(x))


def replicas() -> int:
    """How many replicas of `tf.distribute` share this step; 1 elsewhere."""
    if keras.backend.backend() != "tensorflow":
        return 1
    import tensorflow as tf

    return tf.distribute.get_strategy().num_replicas_in_sync


def fed(dataset):
    """A `keras.utils.PyDataset` of (inputs, labels, weights) in the form that `fit` reads without a fault.

    On TensorFlow, Keras infers the shapes of all batches from the first two and fails on a later one; there the
    dataset becomes a `tf.data.Dataset` whose list sizes are declared open.
    """
    if keras.backend.backend() != "tensorflow":
        return dataset
    import tensorflow as tf

    def epoch():
        yield from (dataset[i] for i in range(len(dataset)))
        dataset.on_epoch_end()

    def open_sizes(x):
        return tf.TensorSpec((x.shape[0], *[None] * min(x.ndim - 1, 1), *x.shape[2:]), x.dtype)

    signature = tf.nest.map_structure(open_sizes, dataset[0])
    batches = tf.data.Dataset.from_generator(epoch, output_signature=signature)
    return batches.apply(tf.data.experimental.assert_cardinality(len(dataset))).prefetch(2)
