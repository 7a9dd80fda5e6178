"""PyTorch: a function of autograd that loops over pieces, and backwards has the graph of one piece at a time."""

import torch

from plackett.backend.randomness import generator_states, set_generator_states


def run(function, shared, carry, rows, number, size):
    """See `plackett.backend.pieces.functions.with_carry`; rows are a tuple."""
    plan = _Plan(function, len(shared), size, carry)
    values = _ByPieces.apply(plan, *shared, *rows)
    return values, plan.carry


class _Plan:
    """What is computed, and what each piece began with.

    Args:
        function, size: as above.
        number: how many tensors are shared; the others are rows.
        carry: that for the first piece; after the loop that after the last.
    """

    def __init__(self, function, number, size, carry):
        self.function, self.number, self.size, self.carry = function, number, size, carry
        self.starts = []  # for each piece: its carry, and the states of PyTorch's own generators

    def pieces(self, tensors):
        """For each piece: its place, its carry, and the states of generators."""
        rows = tensors[self.number].shape[0]
        for start, begin in zip(range(0, rows, self.size), self.starts, strict=True):
            yield slice(start, start + self.size), *begin

    def forwards(self, tensors):
        """The values, joined."""
        shared, rows = tensors[: self.number], tensors[self.number :]
        total, results = rows[0].shape[0], None
        for start in range(0, total, self.size):
            here = slice(start, start + self.size)
            self.starts.append((self.carry, generator_states()))
            values, self.carry = self.function(shared, self.carry, tuple(x[here] for x in rows))
            if results is None:
                results = tuple(x.new_empty((total, *x.shape[1:])) for x in values)
            for result, value in zip(results, values, strict=True):
                result[here] = value
        return results


class _ByPieces(torch.autograd.Function):
    """plan, shared tensors, tensors of rows -> values."""

    @staticmethod
    def forward(ctx, plan, *tensors):
        values = plan.forwards(tensors)
        ctx.plan = plan
        ctx.save_for_backward(*tensors)
        ctx.mark_non_differentiable(*(x for x in values if not x.dtype.is_floating_point))
        return values

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, *upstream):
        plan, wanted = ctx.plan, ctx.needs_input_grad[1:]
        shared = [_leaf(x, w) for x, w in zip(ctx.saved_tensors[: plan.number], wanted[: plan.number], strict=True)]
        rows, of_rows = ctx.saved_tensors[plan.number :], wanted[plan.number :]
        gradients = [torch.zeros_like(x) if w else None for x, w in zip(rows, of_rows, strict=True)]
        now = generator_states()
        try:
            for here, carry, noise in plan.pieces(ctx.saved_tensors):
                set_generator_states(noise)
                leaves = [_leaf(x[here], w) for x, w in zip(rows, of_rows, strict=True)]
                _add_gradients(plan.function, tuple(shared), carry, tuple(leaves), [x[here] for x in upstream])
                for gradient, leaf in zip(gradients, leaves, strict=True):
                    if gradient is not None and leaf.grad is not None:
                        gradient[here] = leaf.grad
        finally:
            set_generator_states(now)
        return None, *(x.grad for x in shared), *gradients


def _leaf(x, wanted):
    return x.detach().requires_grad_(wanted)


def _add_gradients(function, shared, carry, rows, upstream):
    """Adds the gradients of one piece to those that its leaves have."""
    with torch.enable_grad():
        values, _ = function(shared, carry, rows)
    pairs = [(x, up) for x, up in zip(values, upstream, strict=True) if x.requires_grad]
    if pairs:
        torch.autograd.backward(*zip(*pairs, strict=True))
