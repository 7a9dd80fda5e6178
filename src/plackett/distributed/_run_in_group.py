"""Groups of workers: each calls a function, and the values are returned."""

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

LOOKS = 0.2  # seconds between two checks for messages of the workers
LONG = 60  # seconds within which workers begin if there is room
LEAVES = 5  # seconds that Ray waits for a worker to leave a group in which another is lost


def run(
    function: Callable,
    workers: int,
    *,
    address: str | None = None,
    max_failures: int = 0,
    **arguments: Any,
) -> list:
    """Calls a function in each worker of a group, and returns the values in order.

    Within the function, Keras models are made and trained by all workers together. On JAX a batch is global. On PyTorch
    `plackett.distributed.average_gradients` makes the steps of a model those of whole batches. Each worker brings its
    own part of a batch, with the same number of rows as the others, as `plackett.data.Batches(shard=(number, size))`
    cuts it.

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
        function: is called with `number`, the number of the worker, from 0, `size`, the number of workers, and the
            arguments. Workers import its modules from the path of this process.
        workers: the number of processes.
        address: the address of a Ray cluster: "auto", "host:port" or "ray://host:port". None = a cluster on this
            machine, which ends with the function.
        max_failures: how often the function starts again in all workers after one of them is lost.
        arguments: the arguments of the function. They reach the workers through Ray's object store.

    Raises:
        ConnectionError: workers were lost more often than that, or there is no cluster at the address.
        Exception: the first error of a worker, unchanged.
        ValueError: the backend is TensorFlow, which has no group here.
    """
    check_group_size(workers, max_failures)
    with catch_interrupts() as interrupt, connect(address, workers) as threads:
        task = make_task(_call, {"function": function, "arguments": arguments}, workers, threads, max_failures)
        return run_group(task, interrupt, lambda kind, what: None)


def average_gradients(model: keras.Model) -> None:
    """Makes each step of a compiled model use the mean gradients of all workers, within `run`.

    Args:
        model: a compiled model. On JAX its steps are those of the whole batch already, and it is not changed.
    """
    from plackett import backend
    from plackett.training._group import Group

    Group(backend.process_number(), backend.number_of_processes()).average_gradients(model)


def check_group_size(workers: int, max_failures: int) -> None:
    """Raises a ValueError if these numbers are not possible, or the backend has no group."""
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
    """Makes the task of the workers. The arguments are put into Ray's object store once for all."""
    references = {name: _send(name, x) for name, x in arguments.items()}
    environment = _environment(threads)
    packed = cloudpickle.dumps(function)
    return GroupTask(packed, references, workers, keras.backend.backend(), environment, max_failures, versions())


def _send(name, x):
    """Puts an argument into Ray's object store. Processes of one machine share its arrays."""
    try:
        return ray.put(x)
    except Exception as error:  # each class may have its own error
        raise ValueError(
            f"{name} cannot be sent to workers, since pickle cannot write it: make objects that it holds open, such as "
            f"a file or a lock, within the function: {' '.join(str(error).split())[:300]}"
        ) from error


def run_group(task: GroupTask, interrupt: Interrupt, hear: Callable[[str, Any], None]) -> list:
    """Runs a group, and returns the values of its workers.

    Args:
        task: the task of the workers.
        interrupt: once it has come, the workers are asked to stop, and a KeyboardInterrupt is raised.
        hear: a function of the kind and the content of a message of a worker.

    Raises:
        ConnectionError: workers were lost too often.
        Exception: the error of a worker.
        KeyboardInterrupt: Ctrl-C came, and the workers have stopped; a second Ctrl-C ends them at once.
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
        ray.kill(runner)  # Ray also kills everything that it started
    return values


def _wait(runner, task, interrupt, hear):
    """Waits for the result of `GroupRunner.run`."""
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
        if not works and time.monotonic() - begins > LONG:  # they may wait for room on a lost machine
            warn_of_room(task.workers)
            begins = math.inf
        if interrupt.came and not works:
            raise KeyboardInterrupt  # no worker can react yet
        if interrupt.came and not asked:
            asked = ray.get(runner.stop.remote()) is None


def _call(place, function, arguments):
    """Calls a user's function in a worker. It does not react to Ctrl-C, and is ended from outside."""
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
