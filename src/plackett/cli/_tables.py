"""What commands print: the two streams, and tables."""

import math
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

WIDEST = 1000  # characters
console = Console()
errors = Console(stderr=True)


def say(text: str) -> None:
    """Prints a line unchanged, without colours or markup, and without wrapping."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def show(table: Table) -> None:
    """Prints a table in full. On a narrow screen its lines may be longer than the screen, so that no number is cut."""
    needed = Console(width=WIDEST).measure(table).maximum
    (console if needed <= console.width else Console(width=needed)).print(table)


def table_of_metrics(title: str, results) -> Table:
    """Shows means side by side: one row per system, one column per metric."""
    table = Table("", title=title)
    for metric in results.metrics:
        table.add_column(metric, justify="right")
    for name, means in zip(results.systems, results.means().tolist(), strict=True):
        table.add_row(escape(name), *map(in_digits, means))
    return table


def table_of_means(title: str, comparison) -> Table:
    """Shows the mean of each metric of each system, with its interval and convention, one in each row."""
    table = Table("metric", "system", title=title)
    for column in ("mean", f"{comparison.confidence:.0%} interval", "queries"):
        table.add_column(column, justify="right")
    for mean in comparison.means:
        interval = in_brackets(mean.low, mean.high)
        table.add_row(escape(mean.metric), escape(mean.system), in_digits(mean.mean), interval, str(mean.queries))
    return table


def tables_of_pairs(comparison) -> Iterator[Table]:
    """Shows how systems differ: one table per metric, with one row per pair."""
    from plackett.evaluation._comparison_tables import p_in_digits

    for metric in comparison.metrics:
        pairs = [pair for pair in comparison.pairs if pair.metric == metric]
        baselines = {pair.baseline for pair in pairs}
        one = len(baselines) == 1
        title = f"Differences in {metric}" + (f" from {baselines.pop()}" if one else "")
        table = Table("system", *([] if one else ["from"]), "verdict", title=escape(title))
        for column in ("difference", "effect", "p", "p (t-test)", "p (Holm)", "wins", "ties", "losses", "could show"):
            table.add_column(column, justify="right")
        for pair in pairs:
            names = (pair.system, comparison.verdict(pair)) if one else (*pair[1:3], comparison.verdict(pair))
            table.add_row(
                *map(escape, names),
                f"{in_digits(pair.difference, '+')} {in_brackets(pair.low, pair.high, '+')}",
                f"{in_digits(pair.effect, '+', 2)} {in_brackets(pair.effect_low, pair.effect_high, '+', 2)}",
                *map(p_in_digits, (pair.p_randomisation, pair.p_t_test, pair.p_holm)),
                *map(str, (pair.wins, pair.ties, pair.losses)),
                in_digits(pair.detectable),
            )
        yield table


def table_of_slices(slices: Sequence) -> Table:
    """Shows the means over parts of the queries, one in each row."""
    by = escape(slices[0].by)
    table = Table(by, "metric", "system", title=f"By {by}")
    for column in ("mean", "95% interval", "queries"):
        table.add_column(column, justify="right")
    for part in slices:
        names = map(escape, (part.name, part.metric, part.system))
        table.add_row(*names, in_digits(part.mean), in_brackets(part.low, part.high), str(part.queries))
    return table


def table_of_documents(title: str, documents: Iterable[tuple[int, str, float, float]]) -> Table:
    """Shows a ranked list, one row per document: its rank, id, label, NaN if nobody judged it, and score."""
    table = Table("rank", "document", "label", "score", title=escape(title))
    for rank, name, label, value in documents:
        score = "not retrieved" if value == -math.inf else f"{value + 0.0:.12g}"
        grade = "not judged" if math.isnan(label) else f"{label:g}"
        table.add_row("" if value == -math.inf else str(rank), escape(name), grade, score)
    return table


def in_digits(value: float, sign: str = "", digits: int = 4) -> str:
    """Shows a number, or a dash for NaN."""
    return "-" if math.isnan(value) else f"{value:{sign}.{digits}f}"


def in_brackets(low: float, high: float, sign: str = "", digits: int = 4) -> str:
    """An interval."""
    return "-" if math.isnan(low) else f"\\[{in_digits(low, sign, digits)}, {in_digits(high, sign, digits)}]"


def table_of_trials(trials, metric: str) -> Table:
    """Shows the best ten trials of a search, one in each row."""
    table = Table(title=f"The best of {len(trials)} trials")
    for column in ("trial", metric, *trials[0].settings):
        table.add_column(column, justify="right")
    for trial in trials[:10]:
        value = "diverged" if trial.value is None else f"{trial.value:.4f}"
        table.add_row(str(trial.number), value, *map(in_short, trial.settings.values()))
    return table


def table_of_facts(title: str, facts: Iterable[tuple[str, str]]) -> Table:
    """Shows facts, one in each row."""
    table = Table(title=title, show_header=False)
    for row in facts:
        table.add_row(*row)
    return table


def in_short(x) -> str:
    """Shows a chosen value in short form."""
    return f"{x:.4g}" if isinstance(x, float) else str(x)
