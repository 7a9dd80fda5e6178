"""JAX: three primitives, since in JAX a function with a custom gradient has no forward mode.

`value` is the function. `push` maps tangents of the variables to the tangent of the value. `pull` maps the gradient of
the value to the gradients of the variables. Both are linear, and each is the transpose of the other. `pull` uses the
fast way. `push`, which runs only in forward mode, and all derivatives of both use the plain form.
"""

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir


def differentiable(rule, variables, constants):
    """See `plackett.backend.derivatives`."""
    return value_p.bind(*variables, *constants, rule=rule, number=len(variables))[0]


value_p = Primitive("plackett_value")  # variables, constants -> the value, the tensors held for its gradient
push_p = Primitive("plackett_push")  # tangents, variables, constants, held -> the tangent of the value
pull_p = Primitive("plackett_pull")  # upstream, variables, constants, held -> gradients


def _parts(tensors, number, held):
    """(variables, constants, held)."""
    end = len(tensors) - held
    return tensors[:number], tensors[number:end], tensors[end:]


def _value(*tensors, rule, number):
    value, held = rule.value_and_held(tensors[:number], tensors[number:])
    return [value, *held]


def _push(*tensors, rule, number, held):
    variables, constants, _ = _parts(tensors[number:], number, held)
    return _plain_push(rule, tensors[:number], variables, constants)


def _pull(upstream, *tensors, rule, number, held):
    return list(rule.gradients(*_parts(tensors, number, held), upstream))


def _plain_push(rule, tangents, variables, constants):
    return [jax.jvp(rule.plain_of(constants), tuple(variables), tuple(tangents))[1]]


def _plain_pull(rule, upstream, variables, constants):
    return list(jax.vjp(rule.plain_of(constants), *variables)[1](*upstream))


def _value_jvp(tensors, tangents, *, rule, number):
    value, *held = value_p.bind(*tensors, rule=rule, number=number)
    tangent = _zero(value)
    if _moves(tangents[:number]):
        given = map(ad.instantiate_zeros, tangents[:number])
        (tangent,) = push_p.bind(*given, *tensors, *held, rule=rule, number=number, held=len(held))
    return [value, *held], [tangent, *map(_zero, held)]


def _linear_jvp(primitive, plain, tensors, tangents, *, rule, number, held):
    """The derivative of push and pull: linear in the first argument, by the plain form in the variables."""
    params = {"rule": rule, "number": number, "held": held}
    linear = number if primitive is push_p else 1
    variables, constants, _ = _parts(tensors[linear:], number, held)
    moved = []
    if _moves(tangents[:linear]):
        given = map(ad.instantiate_zeros, tangents[:linear])
        moved.append(primitive.bind(*given, *tensors[linear:], **params))
    if _moves(tangents[linear : linear + number]):
        given = tuple(map(ad.instantiate_zeros, tangents[linear : linear + number]))
        moved.append(jax.jvp(lambda *x: plain(rule, tensors[:linear], x, constants), tuple(variables), given)[1])
    results = primitive.bind(*tensors, **params)
    if not moved:
        return results, list(map(_zero, results))
    return results, [sum(parts) for parts in zip(*moved, strict=True)]


def _push_transpose(upstream, *tensors, rule, number, held):
    rest = [None] * (len(tensors) - number)
    if not _moves(upstream):
        return [*(ad.Zero(x.aval) if ad.is_undefined_primal(x) else None for x in tensors[:number]), *rest]
    gradients = pull_p.bind(*upstream, *tensors[number:], rule=rule, number=number, held=held)
    pairs = zip(gradients, tensors[:number], strict=True)
    return [*(x if ad.is_undefined_primal(given) else None for x, given in pairs), *rest]


def _pull_transpose(tangents, *tensors, rule, number, held):
    given = map(ad.instantiate_zeros, tangents)
    return [*push_p.bind(*given, *tensors[1:], rule=rule, number=number, held=held), *[None] * (len(tensors) - 1)]


def _zero(x):
    return ad.Zero(jax.typeof(x).to_tangent_aval())


def _moves(tangents):
    return any(type(x) is not ad.Zero for x in tangents)


def _install(primitive, run, *static):
    """Registers what JAX needs to run, compile and batch a primitive."""
    run = jax.jit(run, static_argnames=("rule", "number", *static))

    def shapes(*tensors, **params):
        results = jax.eval_shape(lambda *x: run(*x, **params), *tensors)
        return [jax.core.ShapedArray(x.shape, x.dtype) for x in results]

    def batched(tensors, axes, **params):
        known = list(zip(tensors, axes, strict=True))
        size = next(x.shape[axis] for x, axis in known if axis is not None)
        results = primitive.bind(*(_with_batch_in_front(x, axis, size) for x, axis in known), **params)
        return results, [0] * len(results)

    primitive.multiple_results = True
    primitive.def_impl(run)
    primitive.def_abstract_eval(shapes)
    mlir.register_lowering(primitive, mlir.lower_fun(run, multiple_results=True))
    batching.primitive_batchers[primitive] = batched


def _with_batch_in_front(x, axis, size):
    return jnp.broadcast_to(x, (size, *x.shape)) if axis is None else jnp.moveaxis(x, axis, 0)


_install(value_p, _value)
_install(push_p, _push, "held")
_install(pull_p, _pull, "held")
ad.primitive_jvps[value_p] = _value_jvp
ad.primitive_jvps[push_p] = lambda *args, **params: _linear_jvp(push_p, _plain_push, *args, **params)
ad.primitive_jvps[pull_p] = lambda *args, **params: _linear_jvp(pull_p, _plain_pull, *args, **params)
ad.primitive_transposes[push_p] = _push_transpose
ad.primitive_transposes[pull_p] = _pull_transpose
