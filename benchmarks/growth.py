"""Draws how the time of losses grows with the list: JSON on stdin, {loss: {library: [[list_size, seconds], ...]}}.

    python benchmarks/growth.py FILE.png < points.json

`losses.py` calls it.
"""

import json
import math
import sys

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

COLOURS = {"plackett, jax": "C0", "plackett, tensorflow": "C1", "plackett, torch": "C3"}


def main():
    """One panel a loss, all with the same axes."""
    panels = json.load(sys.stdin)
    columns = min(len(panels), 3)
    rows = math.ceil(len(panels) / columns)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(4.4 * columns, 3.4 * rows),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    ticks = set()
    for axis, (loss, lines) in zip(axes.flat, panels.items(), strict=False):
        for library, points in lines.items():
            sizes, times = zip(*points, strict=True)
            ticks |= set(sizes)
            peer = {"color": "0.5", "linestyle": "--"}
            style = {"color": COLOURS[library]} if library in COLOURS else peer
            axis.loglog(sizes, [1e3 * time for time in times], marker=".", label=library, **style)
        axis.set_title(loss, fontsize=10)
        axis.tick_params(axis="x", labelsize=7, labelbottom=True)
        axis.grid(alpha=0.3)
        axis.set_xlabel("list size")
    axes.flat[0].set_xticks(sorted(ticks), [str(size) for size in sorted(ticks)])
    axes.flat[0].set_xticks([], minor=True)
    for axis in axes[:, 0]:
        axis.set_ylabel("ms, 4 lists, with gradient")
    drawn = {line.get_label(): line for axis in axes.flat for line in axis.get_lines()}
    figure.legend(drawn.values(), drawn.keys(), loc="outside lower center", ncols=4, frameon=False)
    figure.savefig(sys.argv[1], dpi=110)


if __name__ == "__main__":
    main()
