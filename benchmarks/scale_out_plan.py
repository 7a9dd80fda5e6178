"""A plan of plans: an order of more queries than one permutation could hold, and how well it mixes them.

Row groups are shuffled and dealt out to parts, of which each worker has one or several; a part opens a window of a few
row groups at a time and shuffles their queries. Each of the two is a function of the seed and the epoch alone, so that
a worker knows its own order without the others', and any step can be found again: no step needs what came before it.
"""

import time
import tracemalloc

import numpy as np

from plackett.data._batches import plan


def windows_of_parts(row_groups: int, parts: int, window: int, *, seed: int, epoch: int) -> list[list[np.ndarray]]:
    """[parts][windows]: the row groups that each part opens together, one window after another."""
    order = np.random.default_rng([seed, epoch]).permutation(row_groups)
    return [[of[i : i + window] for i in range(0, len(of), window)] for of in (order[p::parts] for p in range(parts))]


def queries_of_window(sizes: np.ndarray, part: int, window: int, *, seed: int, epoch: int) -> np.ndarray:
    """[queries, 2]: (which row group of the window, which row of it), in the order that a part trains on."""
    groups = np.repeat(np.arange(len(sizes)), sizes)
    rows = np.arange(len(groups)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    order = np.random.default_rng([seed, epoch, part, window]).permutation(len(groups))
    return np.stack([groups, rows], axis=1)[order]


def batch_means(values: np.ndarray, parts: int, window: int, batch: int, seed: int = 0) -> np.ndarray:
    """The mean of each batch of an epoch, of [row groups, rows] numbers; each part gives equal shares of a batch."""
    streams = []
    for part, windows in enumerate(windows_of_parts(len(values), parts, window, seed=seed, epoch=0)):
        sizes = np.full(values.shape[1], values.shape[1])
        found = []
        for number, groups in enumerate(windows):
            place = queries_of_window(sizes[: len(groups)], part, number, seed=seed, epoch=0)
            found.append(values[groups[place[:, 0]], place[:, 1]])
        streams.append(np.concatenate(found))
    share, steps = batch // parts, min(map(len, streams)) * parts // batch
    return np.mean([x[: steps * share].reshape(steps, share).mean(axis=1) for x in streams], axis=0)


def mixing(parts: int, window: int, *, row_groups: int = 4096, rows: int = 100, batch: int = 256) -> dict:
    """How far batches are from those of a full shuffle, where the data is sorted by what matters.

    Returns:
        "variance": that of batch means, as a multiple of a full shuffle's; "lag": the correlation of one batch's mean
        with the next.
    """
    values = np.arange(row_groups * rows, dtype="float64").reshape(row_groups, rows)
    means = batch_means(values, parts, window, batch)
    shuffled = np.random.default_rng(1).permutation(values.ravel())
    of_shuffle = shuffled[: len(means) * batch].reshape(-1, batch).mean(axis=1)
    lag = float(np.corrcoef(means[:-1], means[1:])[0, 1])
    return {"parts": parts, "window": window, "variance": float(means.var() / of_shuffle.var()), "lag": lag}


def cost_of_plan(queries: int = 1_000_000, batch: int = 32) -> dict:
    """Seconds and bytes a query of the plan that `plackett.data.Batches` makes."""
    lengths = np.random.default_rng(0).integers(20, 180, queries)
    tracemalloc.start()
    plan(lengths, batch, seed=0, epoch=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {"seconds": best_of(lambda: plan(lengths, batch, seed=0, epoch=1)) / queries, "bytes": peak / queries}


def cost_of_plan_of_plans(row_groups: int, rows: int, window: int, parts: int = 4096) -> dict:
    """Seconds of both plans: of all row groups, once an epoch, and of one window's queries."""
    sizes = np.full(window, rows)
    return {
        "row_groups": best_of(lambda: windows_of_parts(row_groups, parts, window, seed=0, epoch=1)),
        "window": best_of(lambda: queries_of_window(sizes, 3, 5, seed=0, epoch=1)),
    }


def best_of(function, times: int = 3) -> float:
    """The fewest seconds of several calls."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        function()
        found.append(time.perf_counter() - start)
    return min(found)
