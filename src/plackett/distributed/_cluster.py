"""The Ray cluster that work is sent to: one that is there, or one of this machine that ends with the work."""

import contextlib
import logging
import os
import socket
import tempfile
import urllib.parse
import warnings
from collections.abc import Iterator

import ray
import ray.util.client
from ray._private import ray_constants

from plackett.distributed._environment import python_path
from plackett.registry.options import is_number

LISTENS = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"  # whether on all addresses of the machine, on Linux too
# A cluster of one's own listens on this machine alone, and tells nobody of itself.
# Its core, in C++, would tell of each restart of a worker on the standard error stream.
OF_OWN = {
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    LISTENS: "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",  # nobody gives notice of taking this machine away
}
LOCAL = "127.0.0.1"
# Linux gives the name of a socket 107 letters, of which Ray takes about 65.
LONGEST = 20
SHORT = "/tmp"
CLIENT = "ray://"
CLIENTS = 10001  # the port of ray:// where none is said
PATIENCE = 10  # seconds


def check_workers(workers: int) -> None:
    """Raises a ValueError unless this is how many workers there may be."""
    if not (is_number(workers) and isinstance(workers, int) and workers >= 1):
        raise ValueError(f"workers must be a whole number of at least 1, but got {workers!r}")


@contextlib.contextmanager
def connect(address: str | None, workers: int) -> Iterator[int]:
    """Gives how many threads a worker computes with, within a cluster that has room for the workers.

    A cluster that is connected already is used, and stays. Otherwise the connection ends here, and with it all that
    this process started.

    Args:
        address: that of a cluster: "auto", "host:port" or "ray://host:port". None = the one that this process is
            connected to, that of $RAY_ADDRESS, or one that is started on this machine.
        workers: how many are needed.

    Raises:
        ConnectionError: there is no cluster at this address.
        ValueError: this process is connected to a cluster, and another address is given.
    """
    if ray.is_initialized():
        if address not in (None, "auto") and address != (own := ray.get_runtime_context().gcs_address):
            raise ValueError(
                f"this process is connected to the Ray cluster {own} already: leave out address={address!r}, or call "
                "ray.shutdown() before"
            )
        warn_of_room(workers)
        yield 1
        return
    address = address or os.environ.get("RAY_ADDRESS")
    address = None if address == "local" else address  # as Ray calls it
    surroundings = _on_this_machine_alone() if address is None else contextlib.nullcontext()
    with _folder_of_ray() as folder, surroundings:
        try:
            yield _start(workers, folder) if address is None else _join(address, workers)
        finally:
            ray.shutdown()


def _folder_of_ray():
    """Gives the folder of the sockets and logs of a cluster, which goes with it."""
    place = tempfile.gettempdir()
    if len(place) > LONGEST and os.path.isdir(SHORT):
        place = SHORT
    return tempfile.TemporaryDirectory(prefix="plackett-ray-", dir=place, ignore_cleanup_errors=True)


@contextlib.contextmanager
def _on_this_machine_alone():
    """Within this, a cluster that is started is as `OF_OWN` has it, where the environment does not say otherwise."""
    new = {name: value for name, value in OF_OWN.items() if name not in os.environ}
    known = ray_constants.ENABLE_RAY_CLUSTER
    os.environ.update(new)
    # Ray has read this when it was imported; the processes that it starts read it anew.
    ray_constants.ENABLE_RAY_CLUSTER = os.environ[LISTENS] not in ("0", "false")
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = known
        for name in new:
            os.environ.pop(name, None)


def _start(workers, folder):
    """Starts a cluster on this machine; the threads of each worker."""
    cores = os.cpu_count() or 1
    options = {
        "num_cpus": max(workers, cores),
        "include_dashboard": False,
        "_node_ip_address": LOCAL,
        "_temp_dir": folder,
    }
    _init("local", **options)
    return max(1, cores // workers)


def _join(address, workers):
    """Connects to a cluster; the threads of each worker, which has one of its CPUs."""
    try:
        _knock(address)
        _init(address, **_options_of_client(address))
    except (OSError, ValueError, RuntimeError) as error:
        raise ConnectionError(
            f"there is no Ray cluster at {address} (address, --address): start one with `ray start --head`, or leave "
            f"the address out for workers on this machine; {' '.join(str(error).split())[:300]}"
        ) from None
    warn_of_room(workers)
    return 1


def _init(address, **options):
    """`ray.init`, of which JAX would tell that it forks; what is forked becomes another program at once."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"os\.fork\(\) was called", RuntimeWarning)
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **options)


def _options_of_client(address):
    """What a process on the cluster that stands for this one needs, to read what this one sends."""
    if not address.startswith(CLIENT):
        return {}
    backend = os.environ.get("KERAS_BACKEND")
    return {
        "runtime_env": {"env_vars": {"PYTHONPATH": python_path()} | ({"KERAS_BACKEND": backend} if backend else {})}
    }


def check_no_client(address: str | None) -> None:
    """Raises a ValueError where this process is not, or would not be, on the cluster, of which Ray Data must be."""
    would_be = (address or os.environ.get("RAY_ADDRESS", "")).startswith(CLIENT)
    if ray.util.client.ray.is_connected() if ray.is_initialized() else would_be:
        raise ValueError(
            "scoring and evaluation by workers run on the machines of the cluster, which Ray Data cannot reach by "
            f"{CLIENT}: start the command there, with address=auto (--address), such as by `ray job submit`"
        )


def _knock(address):
    """Raises an error at once where nobody listens, of whom Ray would wait for minutes."""
    kind, separator, rest = address.rpartition("://")
    if kind in ("", "ray") and (separator or ":" in rest):
        where = urllib.parse.urlsplit(f"//{rest}")
        socket.create_connection((where.hostname, where.port or CLIENTS), timeout=PATIENCE).close()


def warn_of_room(workers: int) -> None:
    """Warns where the cluster has not a CPU for each worker."""
    cpus = ray.cluster_resources().get("CPU", 0)
    if cpus < workers:
        warnings.warn(
            f"the Ray cluster has {cpus:g} CPUs and {workers} workers need one each: they wait for more", stacklevel=6
        )
