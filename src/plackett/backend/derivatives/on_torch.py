"""PyTorch: two autograd functions, so that the gradient, computed the fast way, has a derivative too."""

import inspect

import torch


def differentiable(rule, variables, constants):
    """See `plackett.backend.derivatives`."""
    return _Value.apply(rule, len(variables), *variables, *constants)[0]


class _Function(torch.autograd.Function):
    """`torch.func.vmap` batches it through one more leading axis."""

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        cls.forward.__signature__ = inspect.signature(cls.forward)  # PyTorch asks for it in each call

    @classmethod
    def vmap(cls, info, axes, *given):
        pairs = zip(given, axes, strict=True)
        moved = [_with_batch_in_front(x, axis, info.batch_size) for x, axis in pairs]
        results = cls.apply(*moved)
        return results, (0,) * len(results)


def _with_batch_in_front(x, axis, size):
    if not isinstance(x, torch.Tensor):
        return x
    return x.expand(size, *x.shape) if axis is None else x.movedim(axis, 0)


class _Value(_Function):
    """rule, number of variables, variables, constants -> the value, the tensors held for its gradient."""

    @staticmethod
    def forward(rule, number, *tensors):
        value, held = rule.value_and_held(tensors[:number], tensors[number:])
        return value, *held

    @staticmethod
    def setup_context(ctx, given, results):
        ctx.rule, ctx.number, *tensors = given
        ctx.mark_non_differentiable(*results[1:])
        ctx.save_for_backward(*tensors, *results[1:])
        ctx.save_for_forward(*tensors)
        ctx.constants, ctx.held = len(tensors) - ctx.number, len(results) - 1

    @staticmethod
    def backward(ctx, upstream, *_):
        gradients = _Gradients.apply(ctx.rule, ctx.number, ctx.constants, upstream, *ctx.saved_tensors)
        return None, None, *gradients, *[None] * ctx.constants

    @staticmethod
    def jvp(ctx, *tangents):
        variables, constants = ctx.saved_tensors[: ctx.number], ctx.saved_tensors[ctx.number :]
        moved = _moved(ctx.rule.plain_of(constants), variables, tangents[2 : 2 + ctx.number])
        return moved, *[None] * ctx.held


class _Gradients(_Function):
    """rule, number of variables, of constants, upstream, variables, constants, held -> the gradients."""

    @staticmethod
    def forward(rule, number, constants, upstream, *tensors):
        variables, rest = tensors[:number], tensors[number:]
        return rule.gradients(variables, rest[:constants], rest[constants:], upstream)

    @staticmethod
    def setup_context(ctx, given, results):
        ctx.rule, ctx.number, ctx.constants, upstream, *tensors = given
        ctx.given = len(given)
        ctx.save_for_backward(upstream, *tensors[: ctx.number + ctx.constants])
        ctx.save_for_forward(upstream, *tensors[: ctx.number + ctx.constants])

    @staticmethod
    def backward(ctx, *upstream):
        _, pull = torch.func.vjp(*_plain_gradients(ctx))
        second = pull(upstream)
        return None, None, None, *second, *[None] * (ctx.given - 3 - len(second))

    @staticmethod
    def jvp(ctx, *tangents):
        gradients, *variables = _plain_gradients(ctx)
        return _moved(gradients, variables, tangents[3 : 3 + len(variables)])


def _plain_gradients(ctx):
    """(the gradients of the plain form as a function of upstream and the variables, upstream, the variables)."""
    upstream, *tensors = ctx.saved_tensors
    plain = ctx.rule.plain_of(tensors[ctx.number :])

    def gradients(upstream, *variables):
        return torch.func.vjp(plain, *variables)[1](upstream)

    return gradients, upstream, *tensors[: ctx.number]


def _moved(fn, variables, tangents):
    """The tangent of fn(*variables). Forward mode needs each tensor in its own memory, which expanded tensors lack."""
    variables = tuple(x.contiguous() for x in variables)
    pairs = zip(variables, tangents, strict=True)
    tangents = tuple(torch.zeros_like(x) if tangent is None else tangent.contiguous() for x, tangent in pairs)
    return torch.func.jvp(fn, variables, tangents)[1]
