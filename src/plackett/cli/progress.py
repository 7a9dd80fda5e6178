"""The progress bar of training."""

import keras
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from plackett import metrics


class ProgressBar(keras.callbacks.Callback):
    """A bar over epochs, with the loss and the validation metric, and the best epoch so far, also of a resumed run.

    Args:
        console: where it is drawn.
        label: what stands before it.
        metric: the name of the validation metric.
    """

    def __init__(self, console: Console, label: str, metric: str):
        super().__init__()
        self.label = label
        self.metric = metric
        self.improves = metrics.get(metric).improves
        self.best = (0, None)
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=10),
            MofNCompleteColumn(),
            TextColumn("{task.fields[numbers]}"),
            console=console,
        )

    def on_train_begin(self, logs=None):
        self.bar.start()
        self.task = self.bar.add_task(self.label, total=self.params["epochs"], numbers="")
        for entry in self.params["history"]:
            self._show(entry["epoch"], entry)

    def on_epoch_end(self, epoch, logs=None):
        self._show(epoch + 1, logs)

    def _show(self, epoch, logs):
        value = logs[self.metric]
        if self.improves(value, self.best[1]):
            self.best = (epoch, value)
        best = value if self.best[1] is None else self.best[1]
        numbers = f"loss {logs['loss']:.4g} {self.metric} {value:.4f} best {best:.4f}"
        self.bar.update(self.task, completed=epoch, numbers=numbers)

    def on_train_end(self, logs=None):
        self.close()

    def close(self):
        """Takes the bar down; what it showed last stays."""
        self.bar.stop()
