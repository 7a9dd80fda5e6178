"""A common form for boosted trees, from which the form of each engine is written."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple, Union

import numpy as np

Link = Literal["identity", "sigmoid", "exp"]
LARGEST = np.finfo("float32").max
ROWS = 512  # the number of documents on which trees are compared with their model


class Leaf(NamedTuple):
    """The value that a tree adds to the score of a document that ends here."""

    value: float


class Split(NamedTuple):
    """A split, at which a document goes left or right.

    Args:
        feature: the position of the feature, from 0.
        below: float32; a value goes left if it is less, as float32.
        missing_left: whether a document with a missing value goes left.
        left: the node on the left.
        right: the node on the right.
    """

    feature: int
    below: float
    missing_left: bool
    left: Union["Split", Leaf]
    right: Union["Split", Leaf]

    @property
    def zero_left(self) -> bool:
        """Whether a value of 0 goes left."""
        return self.below > 0


Node = Split | Leaf


@dataclasses.dataclass(frozen=True)
class Forest:
    """Trees whose sum is a score.

    Args:
        trees: the roots.
        constant: the constant that is added to their sum.
        link: the last function of the model, which keeps the order.
        names: the names of its features; () = they have only numbers.
        width: the number of its features.
        margins: a function of [documents, width] float32: the model's own scores before `link`, for comparison.
    """

    trees: tuple[Node, ...]
    constant: float
    link: Link
    names: tuple[str, ...]
    width: int
    margins: Callable[[np.ndarray], np.ndarray]

    def splits(self) -> Iterator[Split]:
        """All splits."""
        return (node for node in self._nodes() if isinstance(node, Split))

    def _nodes(self):
        waiting = list(self.trees)
        while waiting:
            node = waiting.pop()
            yield node
            if isinstance(node, Split):
                waiting += (node.left, node.right)

    def used(self) -> list[int]:
        """The positions of the features that it uses, rising."""
        return sorted({split.feature for split in self.splits()})

    def lowest(self) -> float:
        """A lower bound of all scores."""
        return self.constant + sum(map(_lowest, self.trees))

    def scores(self, x: np.ndarray) -> np.ndarray:
        """[documents, width] float32 -> [documents], before `link`."""
        total = np.full(len(x), self.constant)
        for tree in self.trees:
            for rows, leaf in _leaves(tree, x):
                total[rows] += leaf.value
        return total

    def missing_as_zero(self) -> "Forest":
        """Returns the same forest with missing values taken as 0."""
        return dataclasses.replace(self, trees=tuple(map(_missing_as_zero, self.trees)))

    def check(self, missing: bool) -> None:
        """Compares the trees with their model, on both sides of each threshold.

        Args:
            missing: whether to compare missing features too.

        Raises:
            ValueError: the scores differ.
        """
        x = self._probes(missing)
        mine, wanted = self.scores(x), np.asarray(self.margins(x), "float64")
        scale = 1 + sum(abs(node.value) for node in self._nodes() if isinstance(node, Leaf)) / max(len(self.trees), 1)
        worst = np.abs(mine - wanted).max()
        if not worst <= 1e-5 * scale:
            raise ValueError(
                f"the scores of this model are not the sum of its trees: they differ by up to {worst:.3g}, so "
                "these engines would rank differently"
            )

    def _probes(self, missing):
        random = np.random.default_rng(0)
        x = random.normal(size=(ROWS, self.width)).astype("float32")
        thresholds: dict[int, set[float]] = {}
        for split in self.splits():
            thresholds.setdefault(split.feature, set()).add(split.below)
        for feature, values in thresholds.items():
            at = np.array(sorted(values), "float32")
            near = np.concatenate([at, np.nextafter(at, np.float32(-np.inf)), [np.float32(0)]])
            x[:, feature] = random.choice(near, ROWS)
        if missing:
            x[random.random(x.shape) < 0.2] = np.nan
        return x


def below_of(threshold: float) -> float:
    """Returns the float32 that a float32 is less than if it is at most a threshold of any precision.

    >>> below_of(1.0), below_of(1.0 + 1e-12)
    (1.0000001192092896, 1.0000001192092896)
    """
    with np.errstate(over="ignore"):
        near = np.float32(threshold)
    if float(near) <= threshold:
        near = np.nextafter(near, np.float32(np.inf))
    return float(np.clip(near, -LARGEST, LARGEST))


def _lowest(node):
    return node.value if isinstance(node, Leaf) else min(_lowest(node.left), _lowest(node.right))


def _missing_as_zero(node):
    if isinstance(node, Leaf):
        return node
    left, right = _missing_as_zero(node.left), _missing_as_zero(node.right)
    return node._replace(missing_left=node.zero_left, left=left, right=right)


def _leaves(tree: Node, x: np.ndarray) -> Iterator[tuple[np.ndarray, Leaf]]:
    """Yields the leaves that documents end at, with the rows of these documents."""
    waiting: list[tuple[np.ndarray, Node]] = [(np.arange(len(x)), tree)]
    while waiting:
        rows, node = waiting.pop()
        if isinstance(node, Leaf):
            yield rows, node
            continue
        values = x[rows, node.feature]
        left = np.where(np.isnan(values), node.missing_left, values < np.float32(node.below))
        waiting += ((rows[left], node.left), (rows[~left], node.right))
