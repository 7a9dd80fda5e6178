"""How much memory is free, so that an error says what does not fit before the system kills the process."""

import contextlib
import math
import os
import pathlib

SYSTEM, OWN, GROUPS = pathlib.Path("/proc"), pathlib.Path("/proc/self"), pathlib.Path("/sys/fs/cgroup")
NAMES = {"memory.max": "memory.current", "memory.limit_in_bytes": "memory.usage_in_bytes"}  # of version 2, and of 1


def check_fits(size: float, what: str, advice: str) -> None:
    """Checks that this number of bytes is free.

    Args:
        size: the size of what is about to be made, in bytes.
        what: what takes these bytes, in words.
        advice: what to do if they are not free.

    Raises:
        ValueError: they are not free.
    """
    if size > (free := free_memory()):
        raise ValueError(f"{what} take {size / 1e9:,.1f} GB of memory, but {free / 1e9:,.1f} GB are free; {advice}")


def free_memory() -> float:
    """The bytes that this process may still take: the minimum over the system, its container and its own limit.

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
    """What is free within the limits of control groups; file pages, which the system can reclaim, count as free."""
    free = math.inf
    for folder in _groups():
        for limit, used in NAMES.items():
            with contextlib.suppress(OSError, ValueError):  # there is no limit
                of_files = _pages_of_files((folder / used).with_name("memory.stat"))
                free = min(free, int((folder / limit).read_text()) - int((folder / used).read_text()) + of_files)
    return free


def _pages_of_files(stat):
    """The bytes of file pages of a group and of the groups inside it; version 1 counts these separately."""
    words = stat.read_text().split()
    name = "total_inactive_file" if "total_inactive_file" in words else "inactive_file"
    return int(words[words.index(name) + 1])


def _groups():
    """The folders of the control groups that may limit the memory of this process, and of the enclosing groups.

    A container may know its name outside, but have only the folder at the top for itself.
    """
    own = {GROUPS: "/", GROUPS / "memory": "/"}
    with contextlib.suppress(OSError, ValueError):
        for line in (OWN / "cgroup").read_text().splitlines():
            number, controllers, name = line.split(":", 2)
            if number == "0":
                own[GROUPS] = name
            elif "memory" in controllers.split(","):
                own[GROUPS / "memory"] = name
    paths = ((root, pathlib.PurePath(name)) for root, name in own.items())
    return [root / str(folder).lstrip("/") for root, path in paths for folder in (path, *path.parents)]


def _of_limit():
    """What is free of the address space limit of this process (`ulimit -v`)."""
    with contextlib.suppress(OSError, ImportError, ValueError, IndexError):
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY:
            pages = int((OWN / "statm").read_text().split()[0])
            return limit - pages * resource.getpagesize()
    return math.inf
