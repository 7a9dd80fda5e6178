"""For each document, sums over the list of a smooth function of the distance to it, in linear time.

Scores are laid out on cells: small cells of half a unit inside large cells of two units. Documents are summed into the
moments 1, v, v^2, ... of their small cell, where v is the place inside the cell. Small cells are summed into the
Chebyshev moments of their large cell. Large cells act on each other through matrices that depend only on their
distance. The result goes back down the same way, and each document evaluates it as a polynomial in v. No list is
sorted, and no pair of documents is formed.

Error: on the cells the logistic function sigma(x_j - x_i) is a polynomial in both places to within 3e-7, and its slope
to within 6e-7. (This is twice the interpolation error of degree 4 on half a unit, (1/8)^5 / 16 / 5! max|sigma^(5)|;
that of degree 9 on two units is smaller, since the nearest poles of sigma are at +-i pi.) Its second derivative and the
square of its slope are polynomials to within 2e-6. Far above a document sigma is 1 to the last digit of float32, and
far below it is 0; log(1 + e^x), whose slope it is, is x or 0 there.

Reference: Fong & Darve, "The black-box fast multipole method", Journal of Computational Physics 2009.
"""

import numpy as np
from keras import ops

from plackett import backend

SMALL = 0.5  # the width of a small cell; a power of two, so that a place inside it is exact
POWERS = 5  # the number of moments of a small cell
IN_LARGE = 4  # the number of small cells in a large cell
LARGE = SMALL * IN_LARGE
NODES = 9  # the number of moments of a large cell
IN_BLOCK = 16  # the number of large cells in a block: beyond the next block, 32 units away, sigma is 0 or 1
BLOCKS = 16

_FINE = IN_BLOCK * IN_LARGE * POWERS  # the number of moments of the small cells of a block
_COARSE = IN_BLOCK * NODES
_CELLS = BLOCKS * IN_BLOCK * IN_LARGE


def fits(x, mask):
    """[] bool: do the real documents of each list lie within the cells? False for NaN scores."""
    highest = ops.max(ops.where(mask, x, -float("inf")), axis=-1)
    lowest = ops.min(ops.where(mask, x, float("inf")), axis=-1)
    return ops.all((highest - lowest <= (_CELLS - 1) * SMALL) | ~ops.any(mask, axis=-1))


def logistic_sums(x, mask, weights):
    """(sum_j weights_j sigma(x_j - x_i), sum_j weights_j sigma'(x_j - x_i)) for each i: [rows, n] both.

    Args:
        x: [rows, n].
        mask: [rows, n] bool, True = real document.
        weights: [rows, n], 0 at padding.
    """
    return _through_cells(x, mask, weights, _LOGISTIC_AND_SLOPE)


def softplus_sums(x, mask, weights):
    """`logistic_sums` for log(1 + e^(x_j - x_i)) and sigma(x_j - x_i)."""
    return _through_cells(x, mask, weights, _SOFTPLUS_AND_LOGISTIC)


def logistic_sum(x, mask, weights):
    """`logistic_sums` for sigma(x_j - x_i) alone."""
    return _through_cells(x, mask, weights, _LOGISTIC)[0]


def slope_sum(x, mask, weights):
    """`logistic_sums` for sigma'(x_j - x_i) alone."""
    return _through_cells(x, mask, weights, _SLOPE)[0]


def slope_and_bend_sums(x, mask, weights):
    """`logistic_sums` for sigma'(x_j - x_i) and sigma''(x_j - x_i)."""
    return _through_cells(x, mask, weights, _SLOPE_AND_BEND)


def logistic_slope_and_bend_sums(x, mask, weights):
    """`logistic_sums` for sigma(x_j - x_i), sigma'(x_j - x_i) and sigma''(x_j - x_i)."""
    return _through_cells(x, mask, weights, _LOGISTIC_SLOPE_AND_BEND)


def squared_slope_sum(x, mask, weights):
    """`logistic_sums` for sigma'(x_j - x_i)^2 alone."""
    return _through_cells(x, mask, weights, _SQUARED_SLOPE)[0]


def _places(x, mask):
    """The small cell of each document and the place inside it, from -1 to 1."""
    whole = backend.floor(x / SMALL)
    first = ops.min(ops.where(mask, whole, float("inf")), axis=-1, keepdims=True)
    return ops.cast(ops.where(mask, whole - first, 0.0), "int32"), 2.0 * (x / SMALL - whole) - 1.0


def _through_cells(x, mask, weights, kernel):
    """The weighted sums over the documents of a list of each function of the kernel."""
    cell, place = _places(x, mask)
    square = place * place
    powers = ops.stack([ops.ones_like(place), place, square, place * square, square * square], axis=-1)
    moments = backend.scatter_add(weights[..., None] * powers, cell, _CELLS)
    acted = _act(ops.reshape(moments, (-1, BLOCKS * _FINE)), ops.max(cell), kernel)
    rows = ops.shape(cell)[0]
    flat = cell + _CELLS * ops.arange(rows, dtype="int32")[:, None]
    a = backend.lookup(ops.reshape(acted, (rows * _CELLS, kernel.functions * POWERS)), flat)
    return tuple(_polynomial(a[..., i : i + POWERS], place) for i in range(0, kernel.functions * POWERS, POWERS))


def _polynomial(a, place):
    value = a[..., POWERS - 1]
    for power in reversed(range(POWERS - 1)):
        value = value * place + a[..., power]
    return value


def _act(moments, last_cell, kernel):
    """The effect of all cells on each small cell, block by block of large cells, from the highest occupied block."""
    rows, width = ops.shape(moments)[0], kernel.functions * _FINE
    up, down, near, far = map(ops.convert_to_tensor, (_UP, kernel.down, kernel.near, kernel.far))
    mass_and_moment, a_block_lower = map(ops.convert_to_tensor, (_MASS_AND_MOMENT, _A_BLOCK_LOWER))

    def coarse(block):
        fine = ops.slice(moments, (0, ops.maximum(block, 0) * _FINE), (rows, _FINE))
        sums = ops.reshape(backend.matmul(ops.reshape(fine, (-1, IN_LARGE * POWERS)), up), (rows, _COARSE))
        return ops.where(block >= 0, sums, 0.0)

    def step(block, beyond, higher, here, acted):
        lower = coarse(block - 1)
        sums = backend.matmul(ops.concatenate([lower, here, higher], axis=-1), near) + backend.matmul(beyond, far)
        sums = backend.matmul(ops.reshape(sums, (-1, kernel.functions * NODES)), down)
        acted = backend.with_part(acted, block * width, ops.reshape(sums, (rows, width)), axis=1)
        # Mass and moment of everything beyond the next block, relative to the block below.
        beyond = backend.matmul(beyond, a_block_lower) + backend.matmul(higher, mass_and_moment)
        return block - 1, beyond, here, lower, acted

    last = last_cell // (IN_BLOCK * IN_LARGE)
    here = coarse(last)
    acted = ops.zeros((rows, BLOCKS * width), moments.dtype)
    start = (last, ops.zeros_like(here[:, :2]), ops.zeros_like(here), here, acted)
    return ops.while_loop(lambda block, *_: block >= 0, step, start)[-1]


def _chebyshev(order, places):
    return np.cos(np.arange(order) * np.arccos(np.asarray(places)[..., None]))


def _nodes(order):
    return np.cos((np.arange(order) + 0.5) * np.pi / order)


def _coefficients(order):
    """[nodes, order]: from the values at the nodes to the coefficients of Chebyshev polynomials."""
    return _chebyshev(order, _nodes(order)) * np.where(np.arange(order) == 0, 1, 2) / order


def _up():
    """[IN_LARGE, POWERS, NODES]: from the moments of small cells to those of their large cell."""
    nodes = _nodes(POWERS)
    centres = (2 * np.arange(IN_LARGE) + 1) / IN_LARGE - 1
    at_nodes = _chebyshev(NODES, centres[:, None] + nodes / IN_LARGE)  # small cell, node, polynomial
    to_powers = np.linalg.inv(nodes[:, None] ** np.arange(POWERS))  # power, node
    return np.einsum("pn,cnk->cpk", to_powers, at_nodes)


def _mass_and_moment():
    """[IN_BLOCK large cells and NODES, 2]: the mass of the block after the next, and its moment about this one."""
    centres = 2 * LARGE * IN_BLOCK + LARGE * (np.arange(IN_BLOCK) + 0.5)
    mass = np.arange(NODES) == 0
    moment = centres[:, None] * mass + LARGE / 2 * (np.arange(NODES) == 1)
    return np.stack([np.broadcast_to(mass, moment.shape), moment], axis=-1).reshape(_COARSE, 2)


class _Kernel:
    """The matrices of functions of the distance x, each given as (function, (a, b)): far above it is a + b x."""

    def __init__(self, *functions):
        self.functions = len(functions)
        nodes, to_polynomials = _nodes(NODES), _coefficients(NODES)
        cells = np.arange(-IN_BLOCK, 2 * IN_BLOCK)[:, None] - np.arange(IN_BLOCK)
        distances = LARGE * (cells[:, None, :, None] + nodes[:, None, None] / 2 - nodes / 2)
        values = np.stack([fn(distances) for fn, _ in functions])
        near = np.einsum("sk,fasbt,tl->akbfl", to_polynomials, values, to_polynomials, optimize=True)
        down = np.einsum("fg,cpk->fkcgp", np.eye(self.functions), _up())
        self.near = near.reshape(3 * _COARSE, -1).astype("float32")
        self.far = self._far(np.array([limit for _, limit in functions])).astype("float32")
        self.down = down.reshape(self.functions * NODES, -1).astype("float32")

    def _far(self, limits):
        """[mass and moment, IN_BLOCK large cells, functions and NODES]: a mass + b (moment - place mass)."""
        constant, slope = limits[:, 0, None], limits[:, 1, None]
        centres = LARGE * (np.arange(IN_BLOCK)[:, None, None] + 0.5)
        first, second = np.arange(NODES) == 0, np.arange(NODES) == 1
        mass = (constant - slope * centres) * first - slope * LARGE / 2 * second
        return np.stack([mass, np.broadcast_to(slope * first, mass.shape)]).reshape(2, -1)


def _sigma(d):
    return 1 / (1 + np.exp(-d))


def _slope(d):
    return 1 / (2 + np.exp(d) + np.exp(-d))


def _bend(d):
    return -_slope(d) * np.tanh(d / 2)


def _softplus(d):
    return np.logaddexp(0, d)


_UP = _up().reshape(IN_LARGE * POWERS, NODES).astype("float32")
_MASS_AND_MOMENT = _mass_and_moment().astype("float32")
_A_BLOCK_LOWER = np.array([[1, LARGE * IN_BLOCK], [0, 1]], "float32")
_LOGISTIC_AND_SLOPE = _Kernel((_sigma, (1.0, 0.0)), (_slope, (0.0, 0.0)))
_SOFTPLUS_AND_LOGISTIC = _Kernel((_softplus, (0.0, 1.0)), (_sigma, (1.0, 0.0)))
_LOGISTIC = _Kernel((_sigma, (1.0, 0.0)))
_SLOPE = _Kernel((_slope, (0.0, 0.0)))
_SLOPE_AND_BEND = _Kernel((_slope, (0.0, 0.0)), (_bend, (0.0, 0.0)))
_LOGISTIC_SLOPE_AND_BEND = _Kernel((_sigma, (1.0, 0.0)), (_slope, (0.0, 0.0)), (_bend, (0.0, 0.0)))
_SQUARED_SLOPE = _Kernel((lambda d: _slope(d) ** 2, (0.0, 0.0)))
