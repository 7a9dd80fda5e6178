"""The few operations that `keras.ops` lacks, one function each. Internal: it may change in any release.

Every branch on the backend of Keras stands in this package.
"""

from plackett.backend.arithmetic import (
    clip,
    compiled_once,
    divide_no_nan,
    floor,
    highest,
    in_double,
    matmul,
    maximum,
    mean,
    minimum,
    softplus,
    softplus_and_sigmoid,
    value_and_slope,
)
from plackett.backend.places import add_at, argsort, at, lookup, part, scatter_add, with_part
from plackett.backend.randomness import (
    generator_states,
    keep_generators,
    seed_all_generators,
    seed_generators,
    set_generator_states,
    uniform,
)
from plackett.backend.scans import (
    cumulative_logsumexp,
    cumulative_product,
    cumulative_sum,
    logsumexp_of_rows,
    running_max,
    softmax_of_rows,
)
from plackett.backend.tensors import concrete, flat_ragged, for_fit, keep_keras_mask, keras_mask, pytree, replicas

__all__ = [
    "add_at",
    "argsort",
    "at",
    "clip",
    "compiled_once",
    "concrete",
    "cumulative_logsumexp",
    "cumulative_product",
    "cumulative_sum",
    "divide_no_nan",
    "flat_ragged",
    "floor",
    "for_fit",
    "generator_states",
    "highest",
    "in_double",
    "keep_generators",
    "keep_keras_mask",
    "keras_mask",
    "logsumexp_of_rows",
    "lookup",
    "matmul",
    "maximum",
    "mean",
    "minimum",
    "part",
    "pytree",
    "replicas",
    "running_max",
    "scatter_add",
    "seed_all_generators",
    "seed_generators",
    "set_generator_states",
    "softmax_of_rows",
    "softplus",
    "softplus_and_sigmoid",
    "uniform",
    "value_and_slope",
    "with_part",
]
