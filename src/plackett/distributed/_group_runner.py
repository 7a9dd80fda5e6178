"""The actor that runs a group of workers with Ray Train, beside the process that asked. Does not need Keras."""

import dataclasses
import shutil
import tempfile
import threading
from typing import Any

import ray
from ray import cloudpickle
from ray.train import FailureConfig, RunConfig, ScalingConfig

from plackett.distributed._errors import Failure


@dataclasses.dataclass(frozen=True)
class GroupTask:
    """The task of each worker of a group.

    Args:
        function: a function of a `plackett.distributed._group_member.Place` and the arguments, pickled by
            `cloudpickle`, so that only the workers need its modules.
        arguments: references to the arguments in Ray's object store.
        workers: the number of workers.
        backend: the backend of Keras.
        environment: the environment variables of each worker.
        max_failures: how often the group starts again after a worker is lost.
        versions: the versions that each worker must have, see `check_versions`.
    """

    function: bytes
    arguments: dict[str, Any]
    workers: int
    backend: str
    environment: dict[str, str]
    max_failures: int
    versions: dict[str, str]


class GroupRunner:
    """Starts the group, starts it again if a worker is lost, and passes on messages of its workers.

    It is an actor with several threads: `run` lasts as long as the group. When it is killed, Ray ends all workers.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: list[tuple[str, Any]] = []
        self._values: dict[int, Any] = {}
        self._failures: list[Failure] = []
        self._stops = False
        self._folder = ""

    def run(self, task: GroupTask) -> list | None:
        """Returns the value of each worker; None if one failed, which `take` reports."""
        lost: list[str] = []
        while len(lost) <= task.max_failures:
            with self._lock:
                self._values, self._failures = {}, []
            try:
                self._fit(task)
                return [self._values[i] for i in range(task.workers)]
            except ray.train.TrainingFailedError as error:
                if self._stops or any(failure.is_final for failure in self._failures):
                    return None
                lost.append(self._in_words(error, task.workers))
                if (left := task.max_failures - len(lost)) >= 0:
                    self.tell("lost", (lost[-1], left))
        self.tell("given_up", lost)
        return None

    def tell(self, kind: str, what: Any) -> None:
        """Keeps a message for the process that asked."""
        with self._lock:
            self._told.append((kind, what))

    def take(self) -> list[tuple[str, Any]]:
        """Returns the messages since the last call."""
        with self._lock:
            told, self._told = self._told, []
        return told

    def end(self, number: int, value: Any) -> None:
        """Records that a worker ended with a value."""
        with self._lock:
            self._values[number] = value

    def fail(self, failure: Failure) -> None:
        """Records that a worker ended with an error."""
        with self._lock:
            self._failures.append(failure)
        if failure.is_final:
            self.tell("failed", failure)

    def stop(self) -> None:
        """Asks the workers to stop after their current step."""
        self._stops = True

    def stops(self) -> bool:
        """Whether the workers should stop."""
        return self._stops

    def clear(self) -> None:
        """Removes the files of a group that will not finish."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _fit(self, task):
        """Runs one group until all its workers end or one fails."""
        from plackett.distributed._group_member import work

        gpus = ray.cluster_resources().get("GPU", 0) >= task.workers
        # The folder of Ray Train, which gets no checkpoints; nothing of it is kept.
        with tempfile.TemporaryDirectory(prefix="plackett-ray-") as folder:
            self._folder = folder
            trainer = _kind_of_trainer(task.backend, gpus)(
                work,
                train_loop_config={
                    "task": cloudpickle.dumps(task),
                    "versions": task.versions,
                    "runner": ray.get_runtime_context().current_actor,
                },
                scaling_config=ScalingConfig(num_workers=task.workers, use_gpu=gpus),
                run_config=RunConfig(
                    name="plackett",
                    storage_path=folder,
                    failure_config=FailureConfig(max_failures=0),
                    worker_runtime_env={"env_vars": task.environment},
                ),
            )
            trainer.fit()

    def _in_words(self, error, size):
        """Says which worker was lost: one that ended silently, as Ray or another worker reports that noticed it first.

        The effect of a lost worker on the others is reported by these themselves; they are not lost.
        """
        told = [failure.number for failure in self._failures]
        ended = [(i, x) for i, x in getattr(error, "worker_failures", {}).items() if i not in told]
        silent = [str(i) for i in range(size) if i not in told and i not in self._values]
        if ended or not (told and silent):
            return "; ".join(f"worker {i}: {_first_line(x)}" for i, x in ended) or _first_line(error)
        who = f"worker {silent[0]}" if len(silent) == 1 else f"one of the workers {', '.join(silent)}"
        return f"{who}: it ended without a message, as worker {told[0]} reports"


def _first_line(error):
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"


def _kind_of_trainer(backend, gpus):
    """Returns the trainer of Ray with its group of processes.

    On CPUs, Ray starts a group for JAX only if it is told of GPUs. The platform is that of $JAX_PLATFORMS nevertheless.
    """
    if backend == "jax":
        from ray.train.v2.jax import JaxConfig, JaxTrainer

        return lambda *args, **options: JaxTrainer(*args, jax_config=JaxConfig(use_gpu=True), **options)
    from ray.train.torch import TorchConfig, TorchTrainer

    config = TorchConfig(backend="nccl" if gpus else "gloo")
    return lambda *args, **options: TorchTrainer(*args, torch_config=config, **options)
