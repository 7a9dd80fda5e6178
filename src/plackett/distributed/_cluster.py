"""The Ray cluster that a command uses: one that is there, or one of this machine that ends with it."""

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator
from typing import Any

import ray

LOCAL = "127.0.0.1"


@contextlib.contextmanager
def connect(address: str | None, workers: int) -> Iterator[int]:
    """Gives how many threads a worker computes with, within a cluster that has room for the workers.

    One that is connected already is used, and stays. Otherwise the connection ends here, and with it all that this
    process started.

    Args:
        address: of a cluster: "auto", "host:port" or "ray://host:port". None = one is started on this machine, which
            nobody else can reach.
        workers: how many are needed.

    Raises:
        ConnectionError: there is no cluster at this address.
        ValueError: another cluster is connected already.
    """
    if ray.is_initialized():
        if address is not None and address not in ("auto", ray.get_runtime_context().gcs_address):
            raise ValueError(
                f"this process is connected to the Ray cluster {ray.get_runtime_context().gcs_address} already: leave "
                f"out address={address!r}, or call ray.shutdown() before"
            )
        _warn_of_room(workers)
        yield 1
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent to anybody unless the user says so
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address is None:
        ray.init(address="local", num_cpus=workers, include_dashboard=False, _node_ip_address=LOCAL, **quiet)
        threads = max(1, (os.cpu_count() or 1) // workers)
    else:
        try:
            ray.init(address=address, **quiet)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise ConnectionError(
                f"there is no Ray cluster at {address} (address, --address): start one with `ray start --head`, or "
                f"leave the address out for workers on this machine; {' '.join(str(error).split())[:300]}"
            ) from None
        threads = 1
    try:
        if address is not None:
            _warn_of_room(workers)
        yield threads
    finally:
        ray.shutdown()


def _warn_of_room(workers):
    cpus = ray.cluster_resources().get("CPU", 0)
    if cpus < workers:
        warnings.warn(
            f"the Ray cluster has {cpus:g} CPUs and {workers} workers need one each: they wait for more",
            stacklevel=5,
        )
