"""What the commands print: the two streams, and tables."""

from collections.abc import Iterable, Mapping

from rich.console import Console
from rich.table import Table

console = Console()
errors = Console(stderr=True)


def say(text: str) -> None:
    """Prints a line as it is: without colours or markup, and whole."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def table_of_metrics(title: str, rows: Mapping[str, Mapping[str, float]]) -> Table:
    """Metrics side by side: one row a ranker, one column a metric."""
    table = Table(title=title)
    table.add_column("")
    for metric in next(iter(rows.values())):
        table.add_column(metric, justify="right")
    for name, values in rows.items():
        table.add_row(name, *(f"{value:.4f}" for value in values.values()))
    return table


def table_of_trials(trials, metric: str) -> Table:
    """The best ten trials of a search, one a row."""
    table = Table(title=f"The best of {len(trials)} trials")
    for column in ("trial", metric, *trials[0].settings):
        table.add_column(column, justify="right")
    for trial in trials[:10]:
        value = "diverged" if trial.value is None else f"{trial.value:.4f}"
        table.add_row(str(trial.number), value, *map(in_short, trial.settings.values()))
    return table


def table_of_facts(title: str, facts: Iterable[tuple[str, str]]) -> Table:
    """What is known of a thing, one row a fact."""
    table = Table(title=title, show_header=False)
    for row in facts:
        table.add_row(*row)
    return table


def in_short(x) -> str:
    """A chosen value, short."""
    return f"{x:.4g}" if isinstance(x, float) else str(x)
