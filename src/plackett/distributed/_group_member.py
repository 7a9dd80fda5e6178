"""What a worker does: it joins its group, works, and tells how it ended."""

import contextlib
import dataclasses
import os
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

import ray
import ray.train.collective
from ray import cloudpickle

from plackett.distributed._environment import check_versions

ASKS = 0.5  # seconds between two looks at whether to stop


class Begin(NamedTuple):
    """Where a worker begins.

    Args:
        number: of the worker, from 0.
        node: the id that Ray gives its machine.
        process: its id there.
    """

    number: int
    node: str
    process: int


@dataclasses.dataclass(frozen=True)
class Place:
    """The place of a worker in its group.

    Args:
        number: from 0.
        size: how many workers there are.
        runner: the actor that runs them.
    """

    number: int
    size: int
    runner: Any

    def tell(self, kind: str, what: Any) -> None:
        """Tells the process that asked.

        It waits until the runner has it: an actor of several threads may take two messages in either order.
        """
        ray.get(self.runner.tell.remote(kind, what))

    def begin(self) -> None:
        """Tells that the worker begins to work, and where."""
        self.tell("begins", Begin(self.number, ray.get_runtime_context().get_node_id(), os.getpid()))

    @staticmethod
    def tell_all(x: Any) -> Any:
        """The small object of the first worker, in all."""
        return ray.train.collective.broadcast_from_rank_zero(x)

    @contextlib.contextmanager
    def watch_for_stop(self, interrupt: Any) -> Iterator[None]:
        """Within this, the interrupt has come once the process that asked says so."""
        ended = threading.Event()

        def watch():
            while not ended.wait(ASKS):
                interrupt.came |= ray.get(self.runner.stops.remote())

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()


def work(config: dict[str, Any]) -> None:
    """The function of a worker, which Ray Train calls in all of them."""
    from plackett.distributed._errors import failure_of

    runner, context = config["runner"], ray.train.get_context()
    place = Place(context.get_world_rank(), context.get_world_size(), runner)
    try:
        check_versions(config["versions"])
        task = cloudpickle.loads(config["task"])
        check_place(place.size, task.backend)
        arguments = {name: ray.get(x) for name, x in task.arguments.items()}
        value = cloudpickle.loads(task.function)(place, **arguments)
        ray.get(runner.end.remote(place.number, value))
    except BaseException as error:
        ray.get(runner.fail.remote(failure_of(error, f"worker {place.number}", place.number)))
        raise


def check_place(size: int, backend: str) -> None:
    """Raises a RuntimeError where this process stands alone, or computes otherwise than it was asked to."""
    import keras

    from plackett.backend import process_groups

    running = keras.backend.backend()
    if running != backend:
        raise NotImplementedError(f"a worker runs on {running}, but the backend is {backend}")
    found = process_groups.size_of_group()
    if found != size:
        raise NotImplementedError(
            f"{running} of a worker knows of {found} processes, but there are {size}: each would train by itself"
        )
