"""Errors of workers, which are raised again in the process that asked."""

import dataclasses
import re
import traceback

from ray import cloudpickle
from ray.exceptions import RayError, RaySystemError

# JAX raises a ValueError, with the error of its runtime, if it passes on an array while another process is lost.
OF_JAX = re.compile(r"(UNKNOWN|UNAVAILABLE|INTERNAL|ABORTED|CANCELLED|DEADLINE_EXCEEDED|FAILED_PRECONDITION): ")


@dataclasses.dataclass(frozen=True)
class Failure:
    """The error of one worker.

    Args:
        where: what raised the error, such as "worker 1".
        number: the number of the worker in its group, from 0.
        error: the exception, pickled by `cloudpickle`, or None if it cannot be pickled.
        in_words: the type and message of the error.
        raised_in: the module that raised the error.
        trace: the traceback as text.
        is_final: whether the error would occur again. The loss of another worker causes a RuntimeError of the
            framework, which is not final.
    """

    where: str
    number: int
    error: bytes | None
    in_words: str
    raised_in: str
    trace: str
    is_final: bool

    def raise_it(self) -> None:
        """Raises the error in this process, with `raised_in` and the traceback of the worker."""
        if self.error is None:
            error: BaseException = RuntimeError(self.in_words)
        else:
            error = cloudpickle.loads(self.error)
        error.raised_in = self.raised_in  # type: ignore[attr-defined]  # the command line tells by it whose error it is
        error.add_note(f"In {self.where}:\n{self.trace}")
        raise error


def failure_of(error: BaseException, where: str, number: int = 0) -> Failure:
    """Makes the `Failure` for the error of a worker."""
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
    """Whether an error comes from the computation, and not from a lost worker or machine.

    >>> is_final(ValueError("the labels are too high")), is_final(RuntimeError("connection closed by peer"))
    (True, False)
    """
    if isinstance(error, ValueError) and OF_JAX.match(str(error)):
        return False
    if isinstance(error, NotImplementedError | RecursionError | RaySystemError):  # the last for unpickling errors
        return True
    return not isinstance(error, RuntimeError | ConnectionError | RayError | SystemExit)


def _pickle(error):
    """Pickles an exception, if it can be unpickled."""
    try:
        written = cloudpickle.dumps(error)
        cloudpickle.loads(written)
    except Exception:
        return None
    return written
