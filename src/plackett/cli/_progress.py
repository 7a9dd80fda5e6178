"""Progress: a count of what has been read, and a bar over epochs. Does not need Keras."""

from __future__ import annotations

import contextlib
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

if typing.TYPE_CHECKING:
    from plackett.data import RankingLists


@contextlib.contextmanager
def count_of_lists(console: Console) -> Iterator[Callable[[RankingLists], None]]:
    """Gives a function that counts lists and shows the count, which disappears at the end."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task, counts = progress.add_task("reading"), [0, 0]

        def count(lists):
            counts[0] += len(lists)
            counts[1] += len(lists.labels)
            progress.update(task, description=f"{counts[0]:,} queries, {counts[1]:,} documents")

        yield count


class EpochBar:
    """A bar over epochs, with the loss, the validation metric and its best value so far, also for a resumed run.

    Args:
        console: the console to draw on.
        label: the text before the bar.
        metric: the name of the validation metric.
        improves: a function of a value and the best so far, None before the first. It says whether the value is better.
    """

    def __init__(self, console: Console, label: str, metric: str, improves: Callable[[float, float | None], bool]):
        self.console = console
        self.label = label
        self.metric = metric
        self.improves = improves
        self.best: tuple[int, float | None] = (0, None)
        self.bar: Progress | None = None

    def begin(self, epochs: int, history: Sequence[Mapping[str, float]], what: str = "") -> None:
        """Shows the bar for this many epochs. `history` has the epochs that are finished.

        Args:
            epochs: the number of epochs.
            history: one entry for each finished epoch.
            what: the text after the label, such as the member of an ensemble; earlier members have their own bars.
        """
        self.close()
        self.best = (0, None)
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=10),
            MofNCompleteColumn(),
            TextColumn("{task.fields[numbers]}"),
            console=self.console,
        )
        self.bar.start()
        self.task = self.bar.add_task(f"{self.label}{what}", total=epochs, numbers="")
        for entry in history:
            self.show(int(entry["epoch"]), entry)

    def show(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Shows the numbers of an epoch; the first epoch is 1."""
        value = logs[self.metric]
        if self.improves(value, self.best[1]):
            self.best = (epoch, value)
        best = value if self.best[1] is None else self.best[1]
        numbers = f"loss {logs['loss']:.4g} {self.metric} {value:.4f} best {best:.4f}"
        assert self.bar is not None
        self.bar.update(self.task, completed=epoch, numbers=numbers)

    def close(self) -> None:
        """Removes the bar. Its last state stays on the screen."""
        if self.bar is not None:
            self.bar.stop()
