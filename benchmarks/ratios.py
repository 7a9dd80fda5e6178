"""Draws how many times faster plackett is than each peer, from the table of a page.

python benchmarks/ratios.py docs/performance.md docs/pictures/ratios.svg
"""

import pathlib
import sys

import matplotlib
from growth import COLOURS

matplotlib.use("svg")
from matplotlib import pyplot as plt

HEADER = "| case | backend | plackett ms |"
MARKERS = {"jax": "o", "tensorflow": "s", "torch": "^"}
NAMES = {"jax": "JAX", "tensorflow": "TensorFlow", "torch": "PyTorch"}
matplotlib.rcParams |= {"svg.hashsalt": "plackett", "svg.fonttype": "path"}


def ratios(page: str) -> dict[str, dict[str, float]]:
    """{case and peer: {backend: peer's time by plackett's}} of the first table with this header."""
    found = {}
    for row in page.partition(HEADER)[2].splitlines()[2:]:
        if not row.startswith("|"):
            break
        case, backend, _, _, peer, _, _, ratio, _ = (cell.strip() for cell in row.strip("|").split("|"))
        if ratio:
            found.setdefault(f"{case}, {peer}", {})[backend] = float(ratio)
    return found


def draw(points: dict[str, dict[str, float]], path: str) -> None:
    """One line a case and peer, one mark a backend; the scale is logarithmic."""
    figure, axis = plt.subplots(figsize=(8, 0.36 * len(points) + 1.2), layout="constrained")
    for row, each in enumerate(points.values()):
        axis.plot([min(each.values()), max(each.values())], [row, row], color="0.8", zorder=1)
        for backend, ratio in each.items():
            axis.plot(
                ratio, row, MARKERS[backend], color=COLOURS[f"plackett, {backend}"], label=NAMES[backend], zorder=2
            )
    axis.axvline(1, color="0.3", linewidth=1)
    axis.set_xscale("log")
    ticks = [0.5, 1, 2, 5, 10, 20, 50, 100]
    axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.set_xticks([], minor=True)
    axis.set_yticks(range(len(points)), points)
    axis.invert_yaxis()
    axis.grid(axis="x", alpha=0.3)
    axis.set_xlabel("time of the peer / time of plackett: right of 1, plackett is faster")
    marks = dict(zip(*reversed(axis.get_legend_handles_labels()), strict=True))
    figure.legend(marks.values(), marks.keys(), loc="outside upper right", ncols=3, frameon=False)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    draw(ratios(pathlib.Path(sys.argv[1]).read_text()), sys.argv[2])
