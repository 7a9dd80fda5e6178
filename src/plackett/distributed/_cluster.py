"""The Ray cluster that work is sent to: an existing one, or one on this machine that ends with the work."""

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

LISTENS = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"  # whether to listen on all addresses of the machine, on Linux too
# A cluster that is started here listens on this machine alone, and does not advertise itself.
# Its core, in C++, would report each restart of a worker on the standard error stream.
OF_OWN = {
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    LISTENS: "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",  # this machine cannot be preempted with a notice
}
LOCAL = "127.0.0.1"
# Linux limits the name of a socket to 107 characters, of which Ray takes about 65.
LONGEST = 20
SHORT = "/tmp"
CLIENT = "ray://"
CLIENTS = 10001  # the default port of ray://
PATIENCE = 10  # seconds


def check_workers(workers: int) -> None:
    """Raises a ValueError unless this is a possible number of workers."""
    if not (is_number(workers) and isinstance(workers, int) and workers >= 1):
        raise ValueError(f"workers must be a whole number of at least 1, but got {workers!r}")


@contextlib.contextmanager
def connect(address: str | None, workers: int) -> Iterator[int]:
    """Gives the number of threads of a worker, within a cluster that has room for the workers.

    A cluster that is connected already is used, and stays connected. Otherwise the connection ends here, and with it
    everything that this process started.

    Args:
        address: the address of a cluster: "auto", "host:port" or "ray://host:port". None = the cluster that this
            process is connected to, that of $RAY_ADDRESS, or one that is started on this machine.
        workers: the number of workers.

    Raises:
        ConnectionError: there is no cluster at this address.
        ValueError: this process is connected to a cluster, and another address is given.
    """
    if ray.is_initialized():
        if address not in (None, "auto") and address != (own := ray.get_runtime_context().gcs_address):
            raise ValueError(
                f"this process is already connected to the Ray cluster {own}: leave out address={address!r}, or call "
                "ray.shutdown() first"
            )
        warn_of_room(workers)
        yield 1
        return
    address = address or os.environ.get("RAY_ADDRESS")
    address = None if address == "local" else address  # "local" is Ray's name for it
    surroundings = _on_this_machine_alone() if address is None else contextlib.nullcontext()
    with _folder_of_ray() as folder, surroundings:
        try:
            yield _start(workers, folder) if address is None else _join(address, workers)
        finally:
            ray.shutdown()


def _folder_of_ray():
    """Gives the folder for the sockets and logs of a cluster. It is removed with the cluster."""
    place = tempfile.gettempdir()
    if len(place) > LONGEST and os.path.isdir(SHORT):
        place = SHORT
    return tempfile.TemporaryDirectory(prefix="plackett-ray-", dir=place, ignore_cleanup_errors=True)


@contextlib.contextmanager
def _on_this_machine_alone():
    """Within this context, a new cluster has the settings of `OF_OWN`, unless the environment sets others."""
    new = {name: value for name, value in OF_OWN.items() if name not in os.environ}
    known = ray_constants.ENABLE_RAY_CLUSTER
    os.environ.update(new)
    # Ray read this when it was imported; the processes that it starts read it again.
    ray_constants.ENABLE_RAY_CLUSTER = os.environ[LISTENS] not in ("0", "false")
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = known
        for name in new:
            os.environ.pop(name, None)


def _start(workers, folder):
    """Starts a cluster on this machine, and returns the number of threads of each worker."""
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
    """Connects to a cluster, and returns the number of threads of each worker, which takes one CPU of the cluster."""
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
    """Calls `ray.init`. JAX would warn that it forks, but the forked process becomes another program at once."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"os\.fork\(\) was called", RuntimeWarning)
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **options)


def _options_of_client(address):
    """What the process on the cluster that stands for this one needs in order to read what this one sends."""
    if not address.startswith(CLIENT):
        return {}
    backend = os.environ.get("KERAS_BACKEND")
    return {
        "runtime_env": {"env_vars": {"PYTHONPATH": python_path()} | ({"KERAS_BACKEND": backend} if backend else {})}
    }


def check_no_client(address: str | None) -> None:
    """Raises a ValueError unless this process is on the cluster, or will be, as Ray Data requires."""
    would_be = (address or os.environ.get("RAY_ADDRESS", "")).startswith(CLIENT)
    if ray.util.client.ray.is_connected() if ray.is_initialized() else would_be:
        raise ValueError(
            "scoring and evaluation by workers run on the machines of the cluster, which Ray Data cannot reach by "
            f"{CLIENT}: start the command there, with address=auto (--address), such as by `ray job submit`"
        )


def _knock(address):
    """Raises an error at once if nobody listens, since Ray would wait for minutes."""
    kind, separator, rest = address.rpartition("://")
    if kind in ("", "ray") and (separator or ":" in rest):
        where = urllib.parse.urlsplit(f"//{rest}")
        socket.create_connection((where.hostname, where.port or CLIENTS), timeout=PATIENCE).close()


def warn_of_room(workers: int) -> None:
    """Warns if the cluster does not have a CPU for each worker."""
    cpus = ray.cluster_resources().get("CPU", 0)
    if cpus < workers:
        warnings.warn(
            f"the Ray cluster has {cpus:g} CPUs, but {workers} workers need one each: some of them wait", stacklevel=6
        )
