"""Errors of workers: how they reach the process that asked, as what they were."""

import dataclasses
import re
import traceback

from ray import cloudpickle
from ray.exceptions import RayError, RaySystemError

# JAX raises a ValueError, which tells how its runtime ended, where it hands on an array while another process is lost.
OF_JAX = re.compile(r"(UNKNOWN|UNAVAILABLE|INTERNAL|ABORTED|CANCELLED|DEADLINE_EXCEEDED|FAILED_PRECONDITION): ")


@dataclasses.dataclass(frozen=True)
class Failure:
    """The error of one worker.

    Args:
        where: what raised it, such as "worker 1".
        number: of the worker in its group, from 0.
        error: the exception by `cloudpickle`, or None where it cannot be.
        in_words: its type and message.
        raised_in: the module that raised it.
        trace: its traceback as text.
        is_final: whether it would come again. What the loss of another worker does to one is a RuntimeError of its
            framework.
    """

    where: str
    number: int
    error: bytes | None
    in_words: str
    raised_in: str
    trace: str
    is_final: bool

    def raise_it(self) -> None:
        """Raises the error in this process; `raised_in` and the traceback of the worker go with it."""
        if self.error is None:
            error: BaseException = RuntimeError(self.in_words)
        else:
            error = cloudpickle.loads(self.error)
        error.raised_in = self.raised_in  # type: ignore[attr-defined]  # by which the command line tells whose it is
        error.add_note(f"In {self.where}:\n{self.trace}")
        raise error


def failure_of(error: BaseException, where: str, number: int = 0) -> Failure:
    """What is told of the error of a worker; see `Failure`."""
    frames = list(traceback.walk_tb(error.__traceback__))
    return Failure(
        where,
        number,
        _pickle(error),
        f"{type(error).__name__}: {error}",
        str(frames[-1][0].f_globals.get("__name__", "")) if frames else "",
        "".join(traceback.format_exception(error)),
        is_final(error),
    )


def is_final(error: BaseException) -> bool:
    """Whether an error is one of what is computed, not of a lost worker or machine.

    >>> is_final(ValueError("the labels are too high")), is_final(RuntimeError("connection closed by peer"))
    (True, False)
    """
    if isinstance(error, ValueError) and OF_JAX.match(str(error)):
        return False
    if isinstance(error, NotImplementedError | RecursionError | RaySystemError):  # the last: what cannot be unpickled
        return True
    return not isinstance(error, RuntimeError | ConnectionError | RayError | SystemExit)


def _pickle(error):
    """The bytes of an exception that can be made again."""
    try:
        written = cloudpickle.dumps(error)
        cloudpickle.loads(written)
    except Exception:
        return None
    return written
