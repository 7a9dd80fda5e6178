"""What does not fit into memory is refused in words, and what is sparse takes little until it is known to fit."""

import math
import tracemalloc

import numpy as np
import pytest

from plackett.data import _conversion, _free_memory, _grouping, convert, read_letor
from plackett.data.formats import _letor_documents, letor

WIDE = 2**16


@pytest.fixture
def wide(tmp_path):
    """400 documents of 20 queries, 100 MB of features, few of which are not left out."""
    lines = (f"1 qid:{i // 20} {i + 1}:1 {WIDE - i}:2\n" for i in range(400))
    (tmp_path / "wide.txt").write_text("".join(lines))
    return tmp_path / "wide.txt"


def free(monkeypatch, size):
    monkeypatch.setattr(_free_memory, "free_memory", lambda: size)


def test_lists_that_do_not_fit_are_refused_before_they_are_dense(wide, monkeypatch):
    free(monkeypatch, 1e8)
    monkeypatch.setattr(np, "zeros", lambda shape, *rest: np.full(shape, 0, *rest) if np.prod(shape) < 1e6 else None)
    with pytest.raises(
        ValueError, match=r"wide\.txt: 400 documents of 65,536 features take 0\.1 GB .* 0\.1 GB are free"
    ) as error:
        read_letor(wide)
    assert "plackett convert" in str(error.value)


def test_lists_that_fit_are_read(wide, monkeypatch):
    free(monkeypatch, 1.4e8)
    features = read_letor(wide).features
    assert features.shape == (400, WIDE)
    assert features.sum() == 1200
    assert features[[0, 399], [0, WIDE - 400]].tolist() == [1, 2]


def test_a_wide_file_is_made_dense_a_few_documents_at_a_time(wide, monkeypatch):
    monkeypatch.setattr(_letor_documents, "TABLE", 2**20)
    tracemalloc.start()
    sums = [table["features"].combine_chunks().flatten().flatten().to_numpy().sum() for table in tables(wide)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sums == [60] * 20
    assert peak < 3e7


def tables(path):
    return letor.letor_tables(path, features=WIDE)


def test_a_query_that_does_not_fit_is_refused(wide, tmp_path, monkeypatch):
    free(monkeypatch, 1e7)
    monkeypatch.setattr(_grouping, "LARGE", 4e6)
    with pytest.raises(
        ValueError, match=r"wide\.txt, line 400: the 20 documents of query '19' up to here take .* GB are free; a"
    ):
        list(tables(wide))
    monkeypatch.setattr(_grouping, "LARGE", math.inf)
    assert len(list(tables(wide))) > 1
    monkeypatch.setattr(_conversion, "LARGE", 4e6)
    with pytest.raises(
        ValueError, match=r"wide\.txt, row 1, query '0': 20 documents, to be written, take .* a query must fit"
    ):
        convert(wide, tmp_path / "wide.parquet")
    assert not (tmp_path / "wide.parquet").exists()


def test_documents_that_must_be_moved_take_twice(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_text("".join(f"1 qid:{i % 2} 1:1 {WIDE}:2\n" for i in range(8)))
    free(monkeypatch, 2.05e6)
    monkeypatch.setattr(_letor_documents, "CHECK", 0.5)
    with pytest.raises(
        ValueError, match=r"a\.txt: 8 documents, to be copied in the order of their queries, take .* sort them"
    ):
        read_letor(path)


@pytest.fixture
def system(tmp_path, monkeypatch):
    """A system of which the files say what is free."""

    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    for name in ("SYSTEM", "OWN", "GROUPS"):
        monkeypatch.setattr(_free_memory, name, tmp_path / name)
    monkeypatch.setattr(_free_memory, "_of_limit", lambda: math.inf)
    write("SYSTEM/meminfo", "MemTotal: 9000 kB\nMemAvailable: 5000 kB\nSwapFree: 1000 kB\n")
    return write


def test_what_the_system_has(system):
    assert _free_memory.free_memory() == 6000 * 1024


def test_what_a_container_may_take(system):
    system("OWN/cgroup", "0::/a/b\n")
    for group, limit in (("a", "1000000\n"), ("a/b", "max\n")):
        system(f"GROUPS/{group}/memory.max", limit)
        system(f"GROUPS/{group}/memory.current", "700000\n")
        system(f"GROUPS/{group}/memory.stat", "anon 5\ninactive_file 100000\n")
    assert _free_memory.free_memory() == 400000
    system("GROUPS/memory/memory.limit_in_bytes", "500000")
    system("GROUPS/memory/memory.usage_in_bytes", "450000")
    system("GROUPS/memory/memory.stat", "inactive_file 0")
    assert _free_memory.free_memory() == 50000


@pytest.mark.parametrize("group", ["/", "/slurm/job"])
def test_what_an_older_control_group_may_take(system, group):
    """Of version 1, in which each resource has groups of its own, beside those of version 2 without limits."""
    system("OWN/cgroup", f"12:cpu,cpuacct:/other\n9:memory:{group}\n1:name=systemd:/\n0::/user\n")
    folder = f"GROUPS/memory{group.rstrip('/')}"
    system(f"{folder}/memory.limit_in_bytes", "500000\n")
    system(f"{folder}/memory.usage_in_bytes", "450000\n")
    system(f"{folder}/memory.stat", "cache 7\ninactive_file 0\ntotal_inactive_file 10000\n")
    assert _free_memory.free_memory() == 60000


def test_an_unknown_system_has_some(monkeypatch, tmp_path):
    for name in ("SYSTEM", "OWN", "GROUPS"):
        monkeypatch.setattr(_free_memory, name, tmp_path)
    assert _free_memory.free_memory() > 0
