"""Reading an additive model: what each feature adds to the score, as numbers and as plots."""

import math
import pathlib

import keras
import numpy as np

from plackett.data import RankingLists, Strings
from plackett.data._columns import numbers_of_ids
from plackett.scorers._additive import Contributions
from plackett.scorers._any_model import ids_as_taken, lists_for
from plackett.scorers._ensemble import StandardizedMean
from plackett.scorers._two_tower import ranker_of
from plackett.scorers.preprocessing import statistics


def curves(
    model: keras.Model, lists: RankingLists, *, points: int = 64, task: str | None = None
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """What each feature adds to the score of a document, as a function of its value.

    >>> import numpy as np
    >>> import plackett
    >>> x = np.random.default_rng(0).normal(size=(60, 3))
    >>> lists = plackett.data.RankingLists.from_arrays(x, x[:, 0] > 0, group=[6] * 10)
    >>> model = plackett.scorers.additive(lists, hidden=())
    >>> values, adds = plackett.scorers.curves(model, lists, points=8)["2"]
    >>> len(values) == len(adds) <= 8
    True

    Args:
        model: a model made by the scorer `additive`.
        lists: the lists that the values come from. The mean of each curve over them is 0.
        points: the largest number of values per feature. A feature with more values has those at even ranks; an id
            feature, the most frequent. For more than 100,000 documents a sample is used.
        task: the output to read. None = the model has one output.

    Returns:
        name -> (values, contributions), [points] and [points] or [points, models]. Where a feature may be missing, the
        last value is NaN.

    Raises:
        ValueError: the model is of another kind, the task is unknown, or points < 1.

    Cost: one pass over the features, a slice at a time.
    """
    if points < 1:
        raise ValueError(f"points must be at least 1, but got {points}")
    model = ranker_of(model)
    layer, has_models = _contributions(model, task)
    lists, parts = lists_for(model, lists), keras.Model(model.input, layer.output)
    names = lists.feature_names if "features" in model.input else ()
    ids = lists.ids
    columns = zip(names, statistics.sample(lists.features).T, strict=True) if names else ()
    values = {name: _values(column, points, layer.names.count(name) > 1) for name, column in columns}
    values |= {name: _most_frequent(column, points) for name, column in ids.items()}
    # The curves are independent of each other, so that one batch covers them all; short ones repeat their last value.
    rows = max(len(x) for x in values.values())
    grid = {name: np.pad(x, (0, rows - len(x)), mode="edge") for name, x in values.items()}
    dense = np.stack([grid.pop(name) for name in names], axis=-1) if names else None
    drawn = _terms(parts, dense, ids_as_taken(model, grid))
    mean = _mean(parts, lists, names, ids_as_taken(model, ids))
    found = {}
    for name, x in values.items():
        terms = [place for place, other in enumerate(layer.names) if other == name]
        curve = (drawn - mean)[: len(x), terms].sum(axis=1)
        found[name] = x, curve if has_models else curve[:, 0]
    return found


def _contributions(model, task):
    """(the layer of contributions to this output, whether the output has an axis of models)."""
    tasks = list(model.output) if isinstance(model.output, dict) else None
    if (task is None) != (tasks is None) or (tasks and task not in tasks):
        allowed = "None" if tasks is None else f"one of {', '.join(tasks)}"
        raise ValueError(f"task must be {allowed} for this model, but got {task!r}")
    name = "contributions" if task is None else f"{task}_contributions"
    layers = [layer for layer in model.layers if isinstance(layer, Contributions) and layer.name == name]
    if not layers:
        of_members = (
            ": an ensemble standardises scores within their list, so that they are not a sum of curves; use a "
            "member, such as model.get_layer('member_1')"
        )
        way_out = of_members if any(isinstance(layer, StandardizedMean) for layer in model.layers) else ""
        raise ValueError(f"curves are those of the scorer additive, but the model is {model.name}{way_out}")
    output = model.output if task is None else model.output[task]
    return layers[0], len(output.shape) == 3


def _values(column, points, may_be_missing):
    """[points or fewer] known values of a dense feature, ascending; then NaN if it may be missing."""
    values = np.unique(column[~np.isnan(column)])
    values = values if len(values) <= points else np.unique(statistics.spread(column, points))
    return np.append(values, np.float32("nan")) if may_be_missing or not len(values) else values


def _most_frequent(column, points):
    """[points or fewer] ids in ascending order, numbers or strings."""
    numbers = column.ranks() if isinstance(column, Strings) else column
    _, first, counts = np.unique(numbers, return_index=True, return_counts=True)
    return np.asarray(column[first[np.sort(np.argsort(-counts, kind="stable")[:points])]])


def _terms(parts, dense, ids):
    """[documents, terms, models] float64, what each term adds, with each document in a list of its own."""
    columns = ids if dense is None else ids | {"features": np.asarray(dense, "float32")}
    inputs = {name: _numbers(column)[:, None] for name, column in columns.items()}
    number = len(next(iter(columns.values())))
    terms = parts.predict_on_batch(inputs | {"mask": np.ones((number, 1), bool)})
    return np.asarray(terms, "float64")[:, 0]


def _numbers(column):
    """A column of features or ids in the form that a model takes."""
    if isinstance(column, Strings) or column.dtype == "object":
        return numbers_of_ids(Strings.of(column))
    return column if column.dtype == "float32" else numbers_of_ids(column)


def _mean(parts, lists, names, ids):
    """[terms, models], the mean over all documents."""
    total = 0
    for start in range(0, len(lists.labels), statistics.ROWS):
        rows = slice(start, start + statistics.ROWS)
        dense = lists.features[rows] if names else None
        total += _terms(parts, dense, {name: column[rows] for name, column in ids.items()}).sum(axis=0)
    return total / len(lists.labels)


def plot_curves(
    model: keras.Model, lists: RankingLists, path: str | pathlib.Path, *, points: int = 64, task: str | None = None
) -> None:
    """Plots the curves of all features, those that change the score most first.

    Each plot shows the output of `curves` for one feature. A dashed line is what a missing value adds. The bars of an
    id feature are in the order of the ids.

    Args:
        model, lists, points, task: see `curves`.
        path: the image file. Its ending, such as .png or .svg, sets the format.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: see `curves`.

    Reference: Agarwal et al., "Neural Additive Models: Interpretable Machine Learning with Neural Nets", NeurIPS 2021.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("plots need matplotlib: pip install 'plackett[plot]'") from error
    drawn = curves(model, lists, points=points, task=task)
    order = sorted(drawn, key=lambda name: -np.ptp(drawn[name][1]))
    across = min(4, len(order))
    down = math.ceil(len(order) / across)
    figure = Figure(figsize=(3 * across, 2.4 * down), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False, sharey=True).ravel()
    for panel in panels[len(order) :]:
        panel.remove()
    for panel, name in zip(panels, order, strict=False):
        _draw(panel, *drawn[name], name in lists.ids)
        panel.set_title(name)
    figure.supylabel("adds to the score")
    figure.savefig(path)


def _draw(panel, values, contributions, is_id):
    if is_id:
        for row in np.atleast_2d(contributions.T):
            panel.bar(np.arange(len(values)), row, alpha=0.7)
        panel.set_xticks([])
        return
    known = ~np.isnan(values)
    panel.plot(values[known], contributions[known], marker="." if known.sum() < 16 else "")
    for level in contributions[~known].ravel():
        panel.axhline(level, linestyle="--", color="grey")
