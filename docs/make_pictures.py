"""Makes docs/pictures/*.svg, what the gradients of the five losses do to a list: `python docs/make_pictures.py`.

Each picture shows numbers that the losses themselves give, on PyTorch, with seeds that are fixed. `KERAS_BACKEND=torch`
must be set where Keras is imported before.
"""

import os
import pathlib
import sys

os.environ.setdefault("KERAS_BACKEND", "torch")

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.figure import Figure

from plackett import losses

FOLDER = pathlib.Path(__file__).with_name("pictures")
STYLE = {"font.size": 10.5, "axes.titlesize": 10.5, "svg.fonttype": "path", "svg.hashsalt": "plackett"}
RAISED, LOWERED = "#0072B2", "#D55E00"
FILL = {0: "white", 1: "#bdbdbd", 2: "#3a3a3a"}  # of a document, by its grade
INK = "#222222"
SAMPLES = 2000

# The list of most pictures, by falling score. The best two documents that are badly placed should rise.
GRADES = np.array([2, 0, 2, 1, 0, 1, 0, 2])
SCORES = np.array([2.6, 1.9, 1.3, 0.7, 0.2, -0.5, -1.1, -1.6])


def main(folder: pathlib.Path = FOLDER) -> None:
    """Writes all pictures."""
    folder.mkdir(exist_ok=True)
    for name, draw in PICTURES.items():
        with mpl.rc_context(STYLE):
            draw().savefig(folder / f"{name}.svg", metadata={"Date": None}, facecolor="white")


def push(loss, scores):
    """Minus the gradient of `loss`, a function of scores, to three digits."""
    scores = torch.tensor(np.asarray(scores, "float32")[None], requires_grad=True)
    loss(scores).sum().backward()
    return np.round(-scores.grad[0].numpy(), 3) + 0.0


def noise(samples, size):
    """[1, samples, size], uniform on [0, 1)."""
    return np.random.default_rng(0).random((1, samples, size)).astype("float32")


def of_softmax(scores):
    """How softmax pushes the list of the grades."""
    return push(lambda s: losses.softmax(GRADES[None], s), scores)


def of_unique_softmax(scores):
    """How unique softmax pushes it."""
    return push(lambda s: losses.unique_softmax(GRADES[None], s), scores)


def of_approx_ndcg(scores):
    """How ApproxNDCG pushes it, at the temperature that is the default."""
    return push(lambda s: losses.approx_ndcg(GRADES[None], s / 0.1), scores)


def of_gumbel(scores):
    """How its Gumbel form pushes it, in the mean over samples."""
    drawn = noise(SAMPLES, len(GRADES))
    return push(lambda s: losses.gumbel_approx_ndcg(GRADES[None], s, noise=drawn), scores)


def of_distillation(teacher, scores, topk=None):
    """How coupled RankDistil pushes a student, in the mean over samples."""
    drawn = noise(SAMPLES, len(teacher))
    return push(lambda s: losses.coupled_rank_distil(teacher[None], s, noise=drawn, topk=topk), scores)


def of_npairs(classes, similarities):
    """How N-pairs pushes a matrix of similarities."""
    return push(lambda s: losses.npairs(classes[None], s), similarities)


def of_mixture(clicks, scores):
    """(how mixture EM pushes the logits of each model, the responsibility of each model)."""
    pushed = push(lambda s: losses.mixture_em(clicks[None], s), scores)
    by_model = np.sum(np.logaddexp(0, scores) - clicks[:, None] * scores, axis=0)
    shares = np.exp(-by_model) / np.sum(np.exp(-by_model))
    return pushed, np.round(shares, 3)


def descend(pull, scores, steps=200, rate=0.03):
    """[steps + 1, documents], the scores of gradient descent."""
    path = [np.asarray(scores, float)]
    for _ in range(steps):
        path.append(path[-1] + rate * pull(path[-1]))
    return np.round(path, 3)


def panels(columns, rows=1, height=3.0, **options):
    """A figure of a page's width on a telephone and its axes."""
    figure = Figure(figsize=(5.0, height), layout="constrained")
    return figure, figure.subplots(rows, columns, **options)


def draw_list(axes, scores, pushed, inside, fills, title, scale):
    """A list from its first document down, at its scores; arrows are as long as the push times `scale`."""
    ends = [*scores, *(scores + scale * pushed)]
    for row, (score, pull) in enumerate(zip(scores, pushed, strict=True)):
        axes.axhline(row, color="#e6e6e6", linewidth=1, zorder=0)
        axes.plot(score, row, "o", markersize=15, color=fills[row], markeredgecolor=INK, zorder=3)
        text = {"ha": "center", "va": "center_baseline", "zorder": 4, "fontsize": 9}
        axes.text(score, row, inside[row], color="white" if fills[row] == FILL[2] else INK, **text)
        if abs(pull) * scale > 0.1:
            draw_arrow(axes, row, score, score + scale * pull)
    axes.set_xlim(min(ends) - 0.9, max(ends) + 0.9)
    axes.set_ylim(len(scores) - 0.4, -0.6)
    axes.set(title=title, xticks=[], yticks=[], xlabel="score \N{RIGHTWARDS ARROW}")
    axes.spines[["left", "right", "top"]].set_visible(False)


def draw_arrow(axes, row, start, end):
    """From the edge of the marker at `start`, as long as to `end` and a head."""
    side = 1 if end > start else -1
    head = {"arrowstyle": "-|>,head_width=0.28,head_length=0.5", "linewidth": 2.6, "shrinkA": 0, "shrinkB": 0}
    edge, tip = (
        axes.transData + mpl.transforms.ScaledTranslation(side * points / 72, 0, axes.figure.dpi_scale_trans)
        for points in (8, 15)
    )
    colour = RAISED if side > 0 else LOWERED
    axes.annotate("", (end, row), (start, row), xycoords=tip, textcoords=edge, arrowprops=head | {"color": colour})


def same_limits(all_axes):
    """The widest limits of all."""
    limits = [axes.get_xlim() for axes in np.ravel(all_axes)]
    for axes in np.ravel(all_axes):
        axes.set_xlim(min(low for low, _ in limits), max(high for _, high in limits))


def explain(figure, text, fill="white"):
    """What a marker and the arrows mean, below."""
    signs = [
        mpl.lines.Line2D([], [], linestyle="", marker="o", markersize=11, color=fill, markeredgecolor=INK, label=text),
        mpl.lines.Line2D([], [], linewidth=2.6, marker=">", markersize=8, color=RAISED, label="raised"),
        mpl.lines.Line2D([], [], linewidth=2.6, marker="<", markersize=8, color=LOWERED, label="lowered"),
    ]
    figure.legend(handles=signs, loc="outside lower center", ncols=3, frameon=False, columnspacing=1.5)


def beside(pushes, scores, inside, meaning, fills=None):
    """Two pushes on one list, side by side, with arrows of one scale."""
    figure, both = panels(2, height=1 + 0.25 * len(scores))
    fills = [FILL[int(grade)] for grade in inside] if fills is None else fills
    scale = 2.2 / max(np.abs(pushed).max() for pushed in pushes.values())
    for axes, (title, pushed) in zip(both, pushes.items(), strict=True):
        draw_list(axes, scores, pushed, inside, fills, title, scale)
    same_limits(both)
    explain(figure, f"number: {meaning}")
    return figure


def unique_softmax():
    """Softmax beside unique softmax."""
    return beside({"softmax": of_softmax(SCORES), "unique softmax": of_unique_softmax(SCORES)}, SCORES, GRADES, "grade")


def unique_softmax_steps():
    """The scores of both over 200 steps."""
    figure, (left, right) = panels(2, sharey=True)
    for axes, pull, title in ((left, of_softmax, "softmax"), (right, of_unique_softmax, "unique softmax")):
        path = descend(pull, SCORES)
        for document, grade in enumerate(GRADES):
            style = {0: ("#56B4E9", ":"), 1: ("#E69F00", "--"), 2: ("#222222", "-")}[int(grade)]
            axes.plot(path[:, document], color=style[0], linestyle=style[1], linewidth=2, label=f"grade {grade}")
        axes.set(title=title, xlabel="step of gradient descent")
        axes.spines[["right", "top"]].set_visible(False)
    left.set_ylabel("score")
    handles = dict(zip(*left.get_legend_handles_labels()[::-1], strict=True))
    names = sorted(handles, reverse=True)
    figure.legend([handles[name] for name in names], names, loc="outside lower center", ncols=3, frameon=False)
    return figure


def gumbel_approx_ndcg():
    """ApproxNDCG beside its Gumbel form."""
    return beside(
        {"ApproxNDCG": of_approx_ndcg(SCORES), "Gumbel ApproxNDCG": of_gumbel(SCORES)}, SCORES, GRADES, "grade"
    )


RIVALS = np.array([2.0, 1.0, 0.0, -1.0, -2.0])  # the scores of the documents of grade 0
AT = np.round(np.arange(-4, 4.01, 0.05), 2)  # those of the relevant one


def slopes():
    """(ApproxNDCG, its Gumbel form) as the score of the one relevant document grows, the first of each list."""
    scores = np.column_stack([AT, np.tile(RIVALS, (len(AT), 1))]).astype("float32")
    grades = np.eye(1, scores.shape[1], dtype="float32").repeat(len(AT), axis=0)
    drawn = noise(SAMPLES, scores.shape[1]).repeat(len(AT), axis=0)
    found = losses.approx_ndcg(grades, scores / 0.1), losses.gumbel_approx_ndcg(grades, scores, noise=drawn)
    return [np.round(values.numpy(), 3) for values in found]


def gumbel_approx_ndcg_slope():
    """The steps of ApproxNDCG, and the slope of its Gumbel form."""
    figure, axes = panels(1)
    smooth, sampled = slopes()
    axes.plot(AT, smooth, color=LOWERED, linewidth=2.2, label="ApproxNDCG: steps")
    axes.plot(AT, sampled, color=RAISED, linewidth=2.2, linestyle="--", label="Gumbel ApproxNDCG: a slope")
    for rival in RIVALS:
        axes.plot(rival, -0.27, "o", markersize=12, color="white", markeredgecolor=INK)
        axes.text(rival, -0.27, "0", ha="center", va="center_baseline", fontsize=8.5)
    axes.text(2.35, -0.27, "the others", va="center_baseline", fontsize=9.5)
    axes.set(xlabel="score of the one relevant document", ylabel="loss", ylim=(-1.05, -0.2))
    axes.spines[["right", "top"]].set_visible(False)
    axes.legend(frameon=False, loc="lower left")
    return figure


TOP_READER, BROWSER = [1, 1, 0, 0, 0, 0], [0, 0, 0, 1, 1, 0]  # clicks of two sessions of one query
TWO_MODELS = np.array([[1.0, -1.2], [0.6, -0.8], [0.0, -0.2], [-0.4, 0.2], [-0.8, 0.6], [-1.2, -0.6]])


def mixture_em():
    """Two sessions, two models: which model learns from which session."""
    figure, grid = panels(2, rows=2, height=4.4)
    for row, clicks in zip(grid, (TOP_READER, BROWSER), strict=True):
        pushed, shares = of_mixture(np.array(clicks), TWO_MODELS)
        fills = [FILL[2 * click] for click in clicks]
        for model, axes in enumerate(row):
            title = f"model {model + 1} takes {100 * shares[model]:.0f} %"
            draw_list(axes, TWO_MODELS[:, model], pushed[:, model], [""] * 6, fills, title, 2.2)
    same_limits(grid)
    for axes, text in zip(grid[:, 0], ("session A", "session B"), strict=True):
        axes.set_ylabel(text)
    for axes in grid[0]:
        axes.set_xlabel("")
    explain(figure, "clicked", FILL[2])
    return figure


TEACHER = np.array([1.0, 4.0, 0.0, 3.0, 5.0, 2.0])
STUDENT = np.array([2.0, 1.4, 0.8, 0.2, -0.4, -1.0])


def coupled_rank_distil():
    """All positions of the teacher beside its first two."""
    places = 1 + np.argsort(np.argsort(-TEACHER))
    pushes = {f"topk={topk}": of_distillation(TEACHER, STUDENT, topk) for topk in (None, 2)}
    return beside(pushes, STUDENT, places, "the teacher's rank", [FILL[min(2, int(y / 2))] for y in TEACHER])


CLASSES = np.array([0, 1, 1, 2, 3])
NAMES = ["A", "B", "B", "C", "D"]
SIMILARITIES = np.array(
    [
        [2.0, 1.6, 0.2, 0.0, 0.3],
        [0.4, 1.0, 0.6, 0.2, 0.0],
        [0.1, 0.9, 1.4, 1.2, 0.2],
        [0.0, 0.3, 1.5, 0.8, 0.4],
        [0.2, 0.1, 0.0, 0.5, 2.2],
    ]
)


def npairs():
    """A matrix of similarities beside what the loss makes of it."""
    figure, (left, right) = panels(2, height=3.1)
    pushed = of_npairs(CLASSES, SIMILARITIES)
    extreme = np.abs(pushed).max()
    ends = mpl.colors.LinearSegmentedColormap.from_list("push", [LOWERED, "white", RAISED])
    draw_matrix(left, SIMILARITIES, "similarities", "{:.1f}", cmap="Greys", vmin=0, vmax=4)
    draw_matrix(right, pushed, "what the loss does", "{:+.2f}", cmap=ends, vmin=-1.5 * extreme, vmax=1.5 * extreme)
    figure.supxlabel("frame: the same class.  blue: raised, orange: lowered", fontsize=9.5)
    return figure


def draw_matrix(axes, matrix, title, text, **colours):
    """Anchors by positives, with a frame where both are of one class."""
    axes.imshow(matrix, **colours)
    for i, j in np.ndindex(matrix.shape):
        axes.text(j, i, text.format(matrix[i, j] + 0.0), ha="center", va="center_baseline", fontsize=8.5, color=INK)
        if CLASSES[i] == CLASSES[j]:
            frame = mpl.patches.Rectangle((j - 0.46, i - 0.46), 0.92, 0.92, fill=False, edgecolor=INK, linewidth=1.8)
            axes.add_patch(frame)
    axes.set(title=title, xlabel="positive", xticks=range(5), xticklabels=NAMES, yticks=range(5), yticklabels=NAMES)
    axes.set_ylabel("anchor")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


PICTURES = {
    draw.__name__: draw
    for draw in (
        unique_softmax,
        unique_softmax_steps,
        gumbel_approx_ndcg,
        gumbel_approx_ndcg_slope,
        mixture_em,
        coupled_rank_distil,
        npairs,
    )
}

if __name__ == "__main__":
    main(*map(pathlib.Path, sys.argv[1:]))
