"""PyTorch: an autograd function that loops over pieces; backward holds the graph of one piece at a time."""

import contextlib

import torch

from plackett.backend.randomness import generator_states, set_generator_states


def run(function, shared, carry, rows, number, size):
    """See `plackett.backend.pieces.functions.with_carry`; rows are a tuple."""
    pieces = _Pieces(function, len(shared), size, carry, rows[0].device.type)
    values = _ByPieces.apply(pieces, *shared, *rows)
    return values, pieces.carry


class _ByPieces(torch.autograd.Function):
    """pieces, shared tensors, tensors of rows -> values."""

    @staticmethod
    def forward(ctx, pieces, *tensors):
        values = pieces.values(tensors)
        ctx.pieces = pieces
        ctx.save_for_backward(*tensors)
        ctx.mark_non_differentiable(*(x for x in values if not x.dtype.is_floating_point))
        return values

    @staticmethod
    def backward(ctx, *upstream):
        # Autograd records a gradient that needs gradients itself; then all pieces are held.
        way = ctx.pieces.recorded_gradients if torch.is_grad_enabled() else ctx.pieces.gradients
        now = generator_states()
        try:
            return None, *way(ctx.saved_tensors, ctx.needs_input_grad[1:], upstream)
        finally:
            set_generator_states(now)


class _Pieces:
    """The function, and the state at the start of each piece.

    Args:
        function, size: as above.
        number: the number of shared tensors; the others are rows.
        carry: the carry for the first piece; after the loop, the carry after the last piece.
        device: the type of device that the tensors are on.
    """

    def __init__(self, function, number, size, carry, device):
        self.function, self.number, self.size, self.carry = function, number, size, carry
        self.autocast = _autocast(device)
        self.starts = []  # for each piece: its rows, its carry, and the states of PyTorch's own generators

    def call(self, shared, carry, rows):
        """Calls the function in the precision of the first call."""
        with self.autocast():
            return self.function(shared, carry, rows)

    def values(self, tensors):
        """The values of all pieces, joined."""
        total, results = tensors[self.number].shape[0], None
        for start in range(0, total, self.size):
            here = slice(start, start + self.size)
            self.starts.append((here, self.carry, generator_states()))
            values, self.carry = self.call(tensors[: self.number], self.carry, self.rows(tensors, here))
            if results is None:
                results = tuple(x.new_empty((total, *x.shape[1:])) for x in values)
            for result, value in zip(results, values, strict=True):
                result[here] = value
        return results

    def gradients(self, tensors, wanted, upstream):
        """The gradients with respect to the wanted tensors, one piece at a time."""
        shared = tuple(map(_leaf, tensors[: self.number], wanted))
        of_rows = [torch.zeros_like(x) if w else None for x, w in zip(tensors, wanted, strict=True)][self.number :]
        for here, carry, noise in self.starts:
            leaves = tuple(map(_leaf, self.rows(tensors, here), wanted[self.number :]))
            set_generator_states(noise)
            with torch.enable_grad():
                values, _ = self.call(shared, carry, leaves)
            values, upstream_here = _with_gradient(values, [x[here] for x in upstream])
            if values:
                torch.autograd.backward(values, upstream_here)
            for gradient, leaf in zip(of_rows, leaves, strict=True):
                if leaf.grad is not None:
                    gradient[here] = leaf.grad
        return *(x.grad for x in shared), *of_rows

    def recorded_gradients(self, tensors, wanted, upstream):
        """The same, in a graph that has gradients in turn."""
        values = []
        for here, carry, noise in self.starts:
            set_generator_states(noise)
            values.append(self.call(tensors[: self.number], carry, self.rows(tensors, here))[0])
        values, upstream = _with_gradient([torch.cat(x) for x in zip(*values, strict=True)], upstream)
        sources = [x for x, w in zip(tensors, wanted, strict=True) if w]
        options = {"create_graph": True, "allow_unused": True}
        found = iter(torch.autograd.grad(values, sources, upstream, **options) if values else [None] * len(sources))
        return tuple(next(found) if w else None for w in wanted)

    def rows(self, tensors, here):
        """The rows of one piece."""
        return tuple(x[here] for x in tensors[self.number :])


def _autocast(device):
    """A factory for the current `torch.autocast` context, since gradients are computed after it has ended."""
    if not torch.amp.is_autocast_available(device):
        return contextlib.nullcontext
    dtype, enabled = torch.get_autocast_dtype(device), torch.is_autocast_enabled(device)
    return lambda: torch.autocast(device, dtype=dtype, enabled=enabled)


def _leaf(x, wanted):
    return x.detach().requires_grad_(wanted)


def _with_gradient(values, upstream):
    """The values that depend on wanted tensors, and their upstream gradients."""
    pairs = [(x, up) for x, up in zip(values, upstream, strict=True) if x.requires_grad]
    return [x for x, _ in pairs], [up for _, up in pairs]
