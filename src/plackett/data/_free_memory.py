"""How much memory is free, so that what does not fit is refused in words before the system ends the process."""

import contextlib
import math
import os
import pathlib

SYSTEM, OWN, GROUPS = pathlib.Path("/proc"), pathlib.Path("/proc/self"), pathlib.Path("/sys/fs/cgroup")
NAMES = {"memory.max": "memory.current", "memory/memory.limit_in_bytes": "memory/memory.usage_in_bytes"}


def check_fits(size: float, what: str, advice: str) -> None:
    """Checks that so many bytes are free.

    Args:
        size: of what is about to be made.
        what: takes these bytes, in words.
        advice: what to do where they are not free.

    Raises:
        ValueError: they are not.
    """
    if size > (free := free_memory()):
        raise ValueError(f"{what} take {size / 1e9:,.1f} GB of memory, but {free / 1e9:,.1f} GB are free; {advice}")


def free_memory() -> float:
    """The bytes that this process may still take: of the system, its container and its own limit the fewest.

    Infinite where the system says nothing.
    """
    return max(0, min(_of_system(), _of_container(), _of_limit()))


def _of_system():
    with contextlib.suppress(OSError, ValueError, KeyError):
        lines = (line.split() for line in (SYSTEM / "meminfo").read_text().splitlines())
        kilobytes = {line[0]: int(line[1]) for line in lines}
        return 1024 * (kilobytes["MemAvailable:"] + kilobytes["SwapFree:"])
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return math.inf


def _of_container():
    """What is free of the limits of control groups; pages of files, which the system takes back, are free too."""
    free = math.inf
    for folder in _groups():
        for limit, used in NAMES.items():
            with contextlib.suppress(OSError, ValueError):  # where there is no limit
                stat = (folder / used).with_name("memory.stat").read_text().split()
                of_files = int(stat[stat.index("inactive_file") + 1])
                free = min(free, int((folder / limit).read_text()) - int((folder / used).read_text()) + of_files)
    return free


def _groups():
    """The folders of the control group of this process and of those around it."""
    own = pathlib.PurePath("/")
    with contextlib.suppress(OSError, StopIteration):
        lines = (OWN / "cgroup").read_text().splitlines()
        own = pathlib.PurePath(next(line for line in lines if line.startswith("0::")).removeprefix("0::"))
    return [GROUPS / str(folder).lstrip("/") for folder in (own, *own.parents)]


def _of_limit():
    """What is free of the address space that this process may have (`ulimit -v`)."""
    with contextlib.suppress(OSError, ImportError, ValueError, IndexError):
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY:
            pages = int((OWN / "statm").read_text().split()[0])
            return limit - pages * resource.getpagesize()
    return math.inf
