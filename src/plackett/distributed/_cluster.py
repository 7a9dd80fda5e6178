"""The Ray cluster that work is sent to."""

import contextlib
import logging
import os
from collections.abc import Iterator

import ray

from plackett.registry.options import is_number

# A cluster of one's own listens on this machine alone, and tells nobody of itself.
# Its core, in C++, would tell of each restart of a worker on the standard error stream.
OF_OWN = {
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
}


def check_workers(workers: int) -> None:
    """Raises a ValueError unless this is how many workers there may be."""
    if not (is_number(workers) and isinstance(workers, int) and workers >= 1):
        raise ValueError(f"workers must be a whole number of at least 1, but got {workers!r}")


@contextlib.contextmanager
def connect(address: str | None, workers: int) -> Iterator[None]:
    """Within this, Ray is connected; a cluster that was started for it ends with it.

    Args:
        address: that of a cluster, as `ray.init` takes it. None = the one that this process is connected to, that of
            $RAY_ADDRESS, or one that is started on this machine.
        workers: how many workers a cluster that is started has room for.

    Raises:
        ConnectionError: there is no cluster at the address.
        ValueError: this process is connected to a cluster, and an address is given.
    """
    if ray.is_initialized():
        if address is not None:
            raise ValueError(f"this process is connected to a Ray cluster already: leave out the address {address}")
        yield
        return
    if address is None and "RAY_ADDRESS" not in os.environ:
        for name, value in OF_OWN.items():
            os.environ.setdefault(name, value)
        address, cpus = "local", max(workers, os.cpu_count() or 1)
    else:
        cpus = None  # which a cluster that is there has itself
    ray.init(address, num_cpus=cpus, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    try:
        yield
    finally:
        ray.shutdown()
