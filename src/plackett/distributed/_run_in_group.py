"""Groups of workers: a function that each of them calls, and their values."""

import contextlib
import math
import time
from collections.abc import Callable
from typing import Any

import keras
import ray
from ray import cloudpickle
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from plackett.backend import process_groups
from plackett.distributed._cluster import check_workers, connect, warn_of_room
from plackett.distributed._environment import python_path, variables_of, versions
from plackett.distributed._group_runner import GroupRunner, GroupTask
from plackett.training._interrupt import Interrupt, catch_interrupts

LOOKS = 0.2  # seconds between two looks at what the workers tell
LONG = 60  # seconds within which workers begin, where there is room
LEAVES = 5  # seconds that Ray waits for a worker to leave a group of which another is lost


def run(
    function: Callable,
    workers: int,
    *,
    address: str | None = None,
    max_failures: int = 0,
    **arguments: Any,
) -> list:
    """The values of a function that each worker of a group calls, in their order.

    Within it, Keras models that are made and trained are those of all workers: on JAX a batch is global, and on PyTorch
    `plackett.distributed.average_gradients` makes a model's steps those of whole batches. Each worker brings its own
    part of a batch, of as many rows as the others, as `plackett.data.Batches(shard=(number, size))` cuts it.

        def fit(number, size, lists):
            model = plackett.scorers.mlp(lists, hidden=[8])
            model.compile("sgd", plackett.losses.SoftmaxLoss())
            plackett.distributed.average_gradients(model)
            batches = plackett.data.Batches(lists, 8, seed=0, shard=(number, size))
            for epoch in range(2):
                batches.start(epoch)
                for batch in range(len(batches)):
                    model.train_on_batch(*batches[batch])
            return model.get_weights()

        weights, same_weights = plackett.distributed.run(fit, workers=2, lists=lists)

    Args:
        function: called with `number`, that of the worker, from 0, `size`, how many there are, and the arguments.
            Modules that it is made of are imported in the workers from the path of this process.
        workers: how many processes there are.
        address: of a Ray cluster: "auto", "host:port" or "ray://host:port". None = one of this machine, which ends
            with the function.
        max_failures: how often the function starts again in all workers after one of them is lost.
        arguments: of the function; they reach the workers through Ray's object store.

    Raises:
        ConnectionError: workers were lost more often than that, or there is no cluster at the address.
        Exception: the first that a worker raises, as it is.
        ValueError: the backend is TensorFlow, which has no group here.
    """
    check_group_size(workers, max_failures)
    with catch_interrupts() as interrupt, connect(address, workers) as threads:
        task = make_task(_call, {"function": function, "arguments": arguments}, workers, threads, max_failures)
        return run_group(task, interrupt, lambda kind, what: None)


def average_gradients(model: keras.Model) -> None:
    """From now on each step of a compiled model takes the mean gradients of all workers, within `run`.

    Args:
        model: a compiled model. On JAX its steps are those of the whole batch already, and it stays as it is.
    """
    from plackett import backend
    from plackett.training._group import Group

    Group(backend.process_number(), backend.number_of_processes()).average_gradients(model)


def check_group_size(workers: int, max_failures: int) -> None:
    """Raises a ValueError where these cannot be, or the backend has no group."""
    check_workers(workers)
    if isinstance(max_failures, bool) or not isinstance(max_failures, int) or max_failures < 0:
        raise ValueError(f"max_failures must be a whole number of at least 0, but got {max_failures!r}")
    backend = keras.backend.backend()
    if backend not in process_groups.KINDS:
        raise ValueError(
            f"several workers train on {' or '.join(process_groups.KINDS)}, but the backend is {backend}, which trains "
            "in one process on one machine: choose another (--backend, $KERAS_BACKEND), or leave out workers "
            "(--workers)"
        )


def make_task(
    function: Callable, arguments: dict[str, Any], workers: int, threads: int, max_failures: int
) -> GroupTask:
    """What the workers do, with the arguments in Ray's object store, once for all."""
    references = {name: _send(name, x) for name, x in arguments.items()}
    environment = _environment(threads)
    packed = cloudpickle.dumps(function)
    return GroupTask(packed, references, workers, keras.backend.backend(), environment, max_failures, versions())


def _send(name, x):
    """The reference to an argument, whose arrays processes of one machine then share."""
    try:
        return ray.put(x)
    except Exception as error:  # each class may have its own
        raise ValueError(
            f"{name} cannot be sent to workers, which pickle must be able to write: make what it holds open, such as a "
            f"file or a lock, within the function: {' '.join(str(error).split())[:300]}"
        ) from error


def run_group(task: GroupTask, interrupt: Interrupt, hear: Callable[[str, Any], None]) -> list:
    """The values of the workers of a group.

    Args:
        task: what they do.
        interrupt: once it has come, the workers are asked to stop, and a KeyboardInterrupt rises.
        hear: function of the kind of what a worker tells, and of what it is.

    Raises:
        ConnectionError: workers were lost too often.
        Exception: what a worker raised.
        KeyboardInterrupt: Ctrl-C came, and the workers have stopped; at a second one they are ended as they are.
    """
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    options = {"num_cpus": 0, "max_concurrency": 2 * task.workers + 8, "scheduling_strategy": here}
    runner: Any = ray.remote(GroupRunner).options(runtime_env={"env_vars": task.environment}, **options).remote()
    try:
        values = _wait(runner, task, interrupt, hear)
    except ray.exceptions.RayActorError as error:
        raise ConnectionError(f"the process that leads the workers was lost: {error}") from None
    finally:
        with contextlib.suppress(ray.exceptions.RayError):
            ray.get(runner.clear.remote(), timeout=LEAVES)
        ray.kill(runner)  # and, as Ray has it, all that it started
    return values


def _wait(runner, task, interrupt, hear):
    """What `GroupRunner.run` gives at its end."""
    running, asked, works, begins = runner.run.remote(task), False, False, time.monotonic()
    while True:
        ended, _ = ray.wait([running], timeout=LOOKS)
        for kind, what in ray.get(runner.take.remote()):
            if kind == "failed":
                what.raise_it()
            if kind == "given_up":
                raise ConnectionError(
                    f"workers were lost {len(what)} times, which is more than max_failures={len(what) - 1} "
                    f"(--max-failures) allows: {what[-1]}"
                )
            works = kind == "begins" or (works and kind != "lost")
            begins = time.monotonic() if kind == "lost" else begins
            hear(kind, what)
        if ended and (values := ray.get(running)) is not None:
            return values
        if not works and time.monotonic() - begins > LONG:  # they may wait for room that a lost machine had
            warn_of_room(task.workers)
            begins = math.inf
        if interrupt.came and not works:
            raise KeyboardInterrupt  # nobody hears of it yet
        if interrupt.came and not asked:
            asked = ray.get(runner.stop.remote()) is None


def _call(place, function, arguments):
    """A function of one's own, in a worker; it hears of no Ctrl-C, and is ended as it is."""
    with process_groups.together():
        return function(number=place.number, size=place.size, **arguments)


def _environment(threads):
    """The environment variables of a worker."""
    backend = keras.backend.backend()
    variables = variables_of(threads, backend) | {
        "PYTHONPATH": python_path(),
        "JAX_DISTRIBUTED_SHUTDOWN_TIMEOUT_S": str(LEAVES),
        "TORCH_PROCESS_GROUP_SHUTDOWN_TIMEOUT_S": str(LEAVES),
    }
    if backend == "jax" and ray.cluster_resources().get("GPU", 0) == 0:
        variables["JAX_PLATFORMS"] = "cpu"
    return {name: value for name, value in variables.items() if value}
