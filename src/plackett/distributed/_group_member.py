"""A worker of a group: it joins the group, works, and reports how it ended."""

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

ASKS = 0.5  # seconds between two checks of whether to stop


class Begin(NamedTuple):
    """The place where a worker begins.

    Args:
        number: the number of the worker, from 0.
        node: Ray's id of its machine.
        process: its process id there.
    """

    number: int
    node: str
    process: int


@dataclasses.dataclass(frozen=True)
class Place:
    """The place of a worker in its group.

    Args:
        number: the number of the worker, from 0.
        size: the number of workers.
        runner: the actor that runs them.
    """

    number: int
    size: int
    runner: Any

    def tell(self, kind: str, what: Any) -> None:
        """Sends a message to the process that asked.

        It waits until the runner has the message, since an actor with several threads may receive two messages in
        either order.
        """
        ray.get(self.runner.tell.remote(kind, what))

    def begin(self) -> None:
        """Reports that the worker begins to work, and where."""
        self.tell("begins", Begin(self.number, ray.get_runtime_context().get_node_id(), os.getpid()))

    @staticmethod
    def tell_all(x: Any) -> Any:
        """Returns the small object of the first worker in all workers."""
        return ray.train.collective.broadcast_from_rank_zero(x)

    @contextlib.contextmanager
    def watch_for_stop(self, interrupt: Any) -> Iterator[None]:
        """Within this context, the interrupt comes when the process that asked says so."""
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
    """The function of a worker. Ray Train calls it in all of them."""
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
    """Raises a RuntimeError if this process is alone, or has another backend than requested."""
    import keras

    from plackett.backend import process_groups

    running = keras.backend.backend()
    if running != backend:
        raise NotImplementedError(f"a worker runs on {running}, but the backend is {backend}")
    found = process_groups.size_of_group()
    if found != size:
        raise NotImplementedError(
            f"{running} of a worker knows {found} processes, but there are {size}: each would train by itself"
        )
