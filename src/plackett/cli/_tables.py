"""What the commands print: the two streams, and tables."""

import math
from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.markup import escape
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


def table_of_means(title: str, comparison) -> Table:
    """The mean of each metric of each system, with its interval and convention, one a row."""
    table = Table("metric", "system", title=title)
    for column in ("mean", f"{comparison.confidence:.0%} interval", "queries"):
        table.add_column(column, justify="right")
    for mean in comparison.means:
        interval = in_brackets(mean.low, mean.high)
        table.add_row(escape(mean.metric), escape(mean.system), in_digits(mean.mean), interval, str(mean.queries))
    return table


def table_of_pairs(comparison) -> Table:
    """How systems differ, a pair and metric a row."""
    table = Table("metric", "system", "against", "verdict", title="Differences")
    for column in ("difference", "effect", "p", "p (t-test)", "p (Holm)", "won", "tied", "lost", "could show"):
        table.add_column(column, justify="right")
    for pair in comparison.pairs:
        effect = f"{in_digits(pair.effect, '+', 2)} {in_brackets(pair.effect_low, pair.effect_high, '+', 2)}"
        table.add_row(
            *map(escape, (pair.metric, pair.system, pair.baseline, comparison.verdict(pair))),
            f"{in_digits(pair.difference, '+')} {in_brackets(pair.low, pair.high, '+')}",
            effect,
            *map(in_digits, (pair.p_randomisation, pair.p_t_test, pair.p_holm)),
            *map(str, (pair.wins, pair.ties, pair.losses)),
            in_digits(pair.detectable),
        )
    return table


def table_of_slices(slices: Sequence) -> Table:
    """The means over parts of the queries, one a row."""
    table = Table(slices[0].by, "metric", "system", title=f"By {slices[0].by}")
    for column in ("mean", "interval", "queries"):
        table.add_column(column, justify="right")
    for part in slices:
        names = map(escape, (part.name, part.metric, part.system))
        table.add_row(*names, in_digits(part.mean), in_brackets(part.low, part.high), str(part.queries))
    return table


def table_of_documents(title: str, documents: Iterable[tuple[int, str, float, float]]) -> Table:
    """A ranked list, a document a row."""
    table = Table("rank", "document", "label", "score", title=escape(title))
    for rank, name, label, value in documents:
        table.add_row(str(rank), escape(name), f"{label:g}", f"{value:.6g}")
    return table


def in_digits(value: float, sign: str = "", digits: int = 4) -> str:
    """A number, or a dash for none."""
    return "-" if math.isnan(value) else f"{value:{sign}.{digits}f}"


def in_brackets(low: float, high: float, sign: str = "", digits: int = 4) -> str:
    """An interval."""
    return "-" if math.isnan(low) else f"\\[{in_digits(low, sign, digits)}, {in_digits(high, sign, digits)}]"


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
