"""TensorFlow: a custom gradient, which in turn has a custom gradient."""

import tensorflow as tf


def differentiable(rule, variables, constants):
    """See `plackett.backend.derivatives`."""

    @tf.custom_gradient
    def value(*variables):
        fixed = [tf.stop_gradient(x) for x in variables]
        result, held = rule.value_and_held(fixed, constants)

        @tf.custom_gradient
        def gradients(upstream, *variables):
            fast = rule.gradients(fixed, constants, held, tf.stop_gradient(upstream))
            return fast, lambda *further: _second(rule.plain_of(constants), upstream, variables, further)

        return result, lambda upstream: gradients(upstream, *variables)

    return value(*variables)


def _second(plain, upstream, variables, further):
    """The gradients of sum(further * the gradients of the plain form), with respect to upstream and the variables."""
    with tf.GradientTape() as outer:
        outer.watch([upstream, *variables])
        with tf.GradientTape() as inner:
            inner.watch(variables)
            result = plain(*variables)
        gradients = inner.gradient(result, variables, upstream, unconnected_gradients="zero")
    return outer.gradient(gradients, [upstream, *variables], further, unconnected_gradients="zero")
