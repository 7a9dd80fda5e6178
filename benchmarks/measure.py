"""Measures one case of `cases.py` with one library, in this process and environment; prints a line of JSON a result.

    KERAS_BACKEND=BACKEND python benchmarks/measure.py time|memory|growth LIBRARY BACKEND CASE [--setting SETTING]

`losses.py` calls it. A step is the loss and its gradient with respect to the scores, called as users call it:
`loss(labels, scores)`, under `jax.jit`, in a `tf.function` (setting `graph`, or `xla` with `jit_compile=True`), or as
PyTorch runs it. The inputs are on the device beforehand.
"""

import argparse
import contextlib
import functools
import importlib.metadata
import json
import pathlib
import resource
import time

import numpy as np
from cases import ALL, SETTINGS, SIZES

# What a process may allocate; past it a loss fails by itself rather than take the machine down.
LIMIT = 8 * 2**30


def loss_of(library, case):
    """`loss(labels, scores)` as the library has it."""
    if library == "plackett":
        import plackett

        if case.loss == "approx_ranks":
            return lambda labels, scores: plackett.losses.approx_ranks(10.0 * scores)
        return built(plackett.losses, case)
    if library == "TF-Ranking":
        import tensorflow_ranking

        return built(tensorflow_ranking.keras.losses, case)
    if library == "TF-Addons":
        import tensorflow_addons

        return built(tensorflow_addons.losses, case)
    if library == "keras-rs":  # it has no lambda weights
        import keras_rs

        return getattr(keras_rs.losses, case.loss)()
    import rax

    # The weight of LambdaLoss, normalised: what NDCGLambdaWeight() is.
    weight = functools.partial(rax.dcg2_lambdaweight, normalize=True)
    weighted = functools.partial(rax.pairwise_logistic_loss, lambdaweight_fn=weight)
    loss = {"UniqueSoftmaxLoss": rax.unique_softmax_loss, "PairwiseLogisticLoss": weighted}[case.loss]
    return lambda labels, scores: loss(scores, labels)


def built(losses, case):
    """The loss of a case, from the module that holds it and its lambda weight."""
    weight = {"lambda_weight": losses.NDCGLambdaWeight()} if case.weighted else {}
    return getattr(losses, case.loss)(**case.options, **weight)


def jax_step(loss, labels, scores, forward, setting):
    """A step under `jax.jit`."""
    import jax

    labels, scores = jax.device_put((labels, scores))

    def by_scores(scores, labels):
        return loss(labels, scores)

    compiled = jax.jit(by_scores if forward else jax.value_and_grad(by_scores))
    compiled.lower(scores, labels).compile()  # here, so that the steps' memory is not the compiler's
    return lambda: jax.block_until_ready(compiled(scores, labels))


def tensorflow_step(loss, labels, scores, forward, setting):
    """A step in a `tf.function`."""
    import tensorflow as tf

    labels, scores = tf.constant(labels), tf.constant(scores)

    @tf.function(jit_compile=setting == "xla")
    def step(labels, scores):
        if forward:
            return loss(labels, scores), None
        with tf.GradientTape() as tape:
            tape.watch(scores)
            value = loss(labels, scores)
        return value, tape.gradient(value, scores)

    return lambda: step(labels, scores)[0].numpy()


def torch_step(loss, labels, scores, forward, setting):
    """A step as PyTorch runs it."""
    import torch

    labels, scores = torch.from_numpy(labels), torch.from_numpy(scores)
    if forward:
        return torch.no_grad()(lambda: loss(labels, scores))
    scores.requires_grad_()
    return lambda: torch.autograd.grad(loss(labels, scores), scores)


def numpy_step(case):
    """What the machine can do: two copies of the matrix of npairs, or exp in a core's cache."""
    _, scores = case.arrays()
    target = np.empty_like(scores)
    if case.loss == "exp":
        return lambda: np.exp(scores, out=target)
    return lambda: (np.copyto(target, scores), np.copyto(target, scores))


def step_of(library, backend, case, setting, **size):
    """A function without arguments that does one step."""
    if library == "numpy":
        return numpy_step(case)
    steps = {"jax": jax_step, "tensorflow": tensorflow_step, "torch": torch_step}
    return steps[backend](loss_of(library, case), *case.arrays(**size), case.forward, setting)


def seconds(step, least, repeats=3, most=10.0):
    """The time of each of some steps after a warm-up: `repeats` and `least` seconds, but not beyond `most` seconds.

    A large array is freed first, as has happened in any process that trains a model: from then on the C library keeps
    what is freed, where it would give it back to the kernel and fetch it again page by page at each step.
    """
    np.ones(7 * 2**20, "float32")
    step()
    times = []
    while sum(times) < most and (sum(times) < least or len(times) < repeats):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return times


def extra_memory(library, backend, case, setting):
    """By how many bytes the peak of the resident memory rises over three steps.

    It rises from where it stands once the library is imported, the inputs exist and the same step has run on one list,
    so that what is counted is the step's: neither the libraries, nor what tracing and compiling take whatever the size.
    """
    step = step_of(library, backend, case, setting)
    step_of(library, backend, case, setting, lists=1, list_size=min(case.list_size, 1000))()
    with contextlib.suppress(OSError):  # where Linux lets us: forget passing peaks of imports and compilation
        pathlib.Path("/proc/self/clear_refs").write_text("5")
    before = peak()
    for _ in range(3):
        step()
        time.sleep(0.2)  # XLA frees what a step took after it has given its result
    return peak() - before


def peak():
    """The high-water mark of this process's resident memory, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def versions():
    """The versions of the libraries in this environment."""
    names = ("jax", "tensorflow-cpu", "torch", "keras", "numpy", "tensorflow-ranking", "tensorflow-addons", "rax")
    found = {each.name.replace("_", "-"): each.version for each in importlib.metadata.distributions()}
    return {name: found[name] for name in (*names, "keras-rs") if name in found}


def tell(**result):
    """Prints a result; at once, for a later one may end the process."""
    print(json.dumps(result), flush=True)


def main():
    """Measures as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("time", "memory", "growth"))
    parser.add_argument("library")
    parser.add_argument("backend")
    parser.add_argument("case", choices=list(ALL))
    parser.add_argument("--setting", help="this one only")
    given = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT))
    case = ALL[given.case]
    growing = given.what == "growth"
    settings = [given.setting] if given.setting else list(SETTINGS[given.backend])
    for list_size in SIZES if growing else (case.list_size,):
        for setting in tuple(settings):
            measured = given.library, given.backend, case, setting
            try:
                if given.what == "memory":
                    tell(setting=setting, bytes=extra_memory(*measured))
                else:
                    times = seconds(step_of(*measured, list_size=list_size), least=0.3 if growing else 0.7)
                    tell(setting=setting, list_size=list_size, seconds=times, versions=versions())
            except Exception as error:
                tell(setting=setting, list_size=list_size, error=f"{type(error).__name__}: {error}")
                settings.remove(setting)  # a larger list would fail too


if __name__ == "__main__":
    main()
