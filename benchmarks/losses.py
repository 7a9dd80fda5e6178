"""Time and memory of the losses, forward and backward, beside their peers in one run.

    python benchmarks/losses.py [--case NAME]... [--backend NAME]... [--rounds N] [--skip-growth] [--markdown FILE]

The cases, peers and goals stand in `cases.py`. Each case runs with each library in a process of its own; the rounds
take turns over all of them, so that a busy minute of the machine falls on all alike. A time is the median over the
repeats of all rounds, with its quartiles; of the two settings of TensorFlow it is the better one, and `xla` marks
`jit_compile=True`. A ratio is the peer's median / plackett's median. MB is what the steps add to the peak of resident
memory. Growth is drawn in `docs/pictures/growth.png`.
"""

import argparse
import collections
import dataclasses
import json
import os
import pathlib
import platform
import subprocess
import sys
import time

import numpy as np
from cases import ALL, BACKENDS, CASES, GROWTH, MACHINE
from environments import ENVIRONMENTS, python_of
from rich.console import Console
from rich.table import Table

HERE = pathlib.Path(__file__).parent
CONSOLE = Console(highlight=False, markup=False, width=150)
HEADER = ("case", "backend", "plackett ms", "MB", "peer", "peer ms", "peer MB", "ratio", "goal")
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "JAX_PLATFORMS": "cpu", "PYTHONWARNINGS": "ignore"}


@dataclasses.dataclass
class Measured:
    """What became of one case with one library on one backend."""

    seconds: dict = dataclasses.field(default_factory=lambda: collections.defaultdict(list))
    bytes: int | None = None
    error: str | None = None

    @property
    def setting(self):
        """The fastest setting."""
        return min(self.seconds, key=lambda setting: np.median(self.seconds[setting]))

    @property
    def median(self):
        return float(np.median(self.seconds[self.setting])) if self.seconds else float("nan")

    @property
    def time(self):
        """Milliseconds with their quartiles, or what went wrong."""
        if not self.seconds:
            return self.error or "not run"
        low, middle, high = (digits(1e3 * t) for t in np.quantile(self.seconds[self.setting], [0.25, 0.5, 0.75]))
        return f"{middle} ({low}..{high})" + " xla" * (self.setting == "xla")

    @property
    def megabytes(self):
        return "" if self.bytes is None else f"{self.bytes / 1e6:.0f}"


def digits(number):
    """Three digits, or all that stand before the point; nothing for what was not measured."""
    return "" if np.isnan(number) else f"{number:.0f}" if number >= 100 else f"{number:.3g}"


def worker(what, name, library, backend, *options):
    """The results that `measure.py` prints, as dictionaries; a process that dies leaves an error."""
    command = [python_of(library), HERE / "measure.py", what, library, backend, name, *options]
    environment = os.environ | QUIET | {"KERAS_BACKEND": backend}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900)
    except (OSError, subprocess.TimeoutExpired) as error:
        return [{"error": type(error).__name__}]
    results = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [""])[-1]
        results.append({"error": f"ended with code {done.returncode}: {last[:80]}"})
    return results


def runs(names, backends):
    """(case, library, backend) of everything to run, plackett before the peers."""
    for name in names:
        for backend in BACKENDS[ALL[name].library]:
            if backend in backends or ALL[name].library == "numpy":
                yield name, ALL[name].library, backend
        yield from ((name, peer, backend) for peer in ALL[name].peers for backend in BACKENDS[peer])


def measure(names, backends, rounds, versions):
    """{(case, library, backend): Measured}: the times in rounds, then the memory at the fastest setting."""
    measured = {run: Measured() for run in runs(names, backends)}
    for number in range(rounds):
        for run, into in measured.items():
            for result in worker("time", *run):
                if "error" in result:
                    into.error = short(result["error"])
                else:
                    into.seconds[result["setting"]] += result["seconds"]
                    versions.setdefault(ENVIRONMENTS.get(run[1], "plackett"), result["versions"])
            CONSOLE.print(f"round {number + 1}/{rounds}  {run[1]:10}  {run[2]:10}  {run[0]}: {into.time}")
    for run, into in measured.items():
        if run[0] in CASES and into.seconds:
            results = worker("memory", *run, "--setting", into.setting)
            into.bytes = results[0].get("bytes")
            found = f"{into.megabytes} MB" if "bytes" in results[0] else short(results[0]["error"])
            CONSOLE.print(f"memory     {run[1]:10}  {run[2]:10}  {run[0]}: {found}")
    return measured


def short(error):
    """An error in a line: its first, or its last where TensorFlow wraps it; or that memory is out."""
    lines = error.strip().splitlines()
    out = any(sign in error.lower() for sign in ("out of memory", "can't allocate", "resourceexhausted", "bad_alloc"))
    return "out of memory (8 GiB)" if out else lines[-1 if "in user code" in lines[0] else 0][:80]


def table_rows(measured):
    """The rows of the table, as text, each with whether every goal in it is met (None without goals)."""
    for (name, library, backend), ours in measured.items():
        if library != "plackett" or name not in CASES:
            continue
        case = CASES[name]
        memory, most = ours.megabytes, case.megabytes.get(backend)
        met = [] if most is None else [ours.bytes is not None and ours.bytes <= most * 1e6]
        memory += "" if most is None else f" (goal {most})"
        if not case.peers:
            limit = case.seconds[backend]
            met.append(ours.median < limit)
            yield (name, backend, ours.time, memory, "", "", "", "", f"< {1e3 * limit:.0f} ms"), all(met)
        for (other, peer, on), theirs in measured.items():
            if other != name or peer == "plackett" or (on == "jax" and backend != "jax"):
                continue
            ratio, goal = theirs.median / ours.median, case.ratios.get((backend, peer))
            goals = met + ([] if goal is None else [ratio >= goal])
            cells = ours.time, memory, f"{peer}, no weight" if peer == "keras-rs" else peer
            cells = *cells, theirs.time, theirs.megabytes, digits(ratio)
            yield (name, backend, *cells, "" if goal is None else f"{goal:g}"), all(goals) if goals else None


def machine_lines(measured):
    """The losses against what numpy does on this machine, a line each."""
    copy, exp = (measured.get((name, "numpy", "numpy"), Measured()).median for name in ("copy", "exp"))
    values = np.prod([MACHINE["exp"].lists, MACHINE["exp"].list_size])
    for (name, library, backend), ours in measured.items():
        if name == "npairs" and library == "plackett" and copy > 0:
            yield f"npairs, {backend}: {ours.median / copy:.1f} times two copies of its matrix ({1e3 * copy:.0f} ms)"
        if name in MACHINE and library == "plackett" and exp > 0:
            case = MACHINE[name]
            rate = case.lists * case.list_size**2 / ours.median
            beside = f"{rate / (values / exp):.2f} of numpy's exp ({values / exp / 1e6:.0f})"
            yield f"{name}, {backend}: as {rate / 1e6:.0f} million sigmoids a second, {beside}"


def grown(names, backends):
    """{loss: {library: [(list_size, seconds), ...]}}, at the better setting of each size."""
    lines = collections.defaultdict(dict)
    for name, library, backend in runs(names, backends):
        best = {}
        for result in worker("growth", name, library, backend):
            if "seconds" in result:
                size, median = result["list_size"], float(np.median(result["seconds"]))
                best[size] = min(median, best.get(size, median))
            else:
                where = f"{result.get('setting', '')} after {max(best, default=0)}"
                CONSOLE.print(f"growth     {library:10}  {backend:10}  {name}: {where}: {short(result['error'])}")
        label = f"plackett, {backend}" if library == "plackett" else library
        CONSOLE.print(f"growth     {label:22}  {name.removeprefix('growth: ')}: {slope(sorted(best.items()))}")
        if best:
            lines[name.removeprefix("growth: ")][label] = sorted(best.items())
    return lines


def slope(points):
    """The least-squares slope of log time over log list size, in the larger half of the sizes."""
    half = np.log(points[-max(2, (len(points) + 1) // 2) :])
    if len(half) < 2:
        return "not run"
    sizes = f"{points[-len(half)][0]} to {points[-1][0]}"
    return f"{np.polyfit(half[:, 0], half[:, 1], 1)[0]:.2f} ({sizes}, {digits(1e3 * points[-1][1])} ms)"


def facts(versions):
    """The machine and the versions, without its names."""
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    yield f"{os.cpu_count()} cores of {platform.machine()}, {gigabytes:.0f} GiB, Python {platform.python_version()}"
    for environment, found in versions.items():
        yield f"the environment of {environment}: " + ", ".join(f"{name} {version}" for name, version in found.items())


def markdown(header, rows):
    """A table in Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows))


def main():
    """Measures, prints the table and what follows it, and writes the files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", action="append", choices=list(ALL), help="these cases only")
    parser.add_argument("--backend", action="append", choices=BACKENDS["plackett"], help="plackett on these only")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--skip-growth", action="store_true")
    parser.add_argument("--markdown", type=pathlib.Path, metavar="FILE", help="write the tables there too")
    given = parser.parse_args()
    names = [name for name in given.case or ALL if not (given.skip_growth and name in GROWTH)]
    backends, versions, start = given.backend or BACKENDS["plackett"], {}, time.monotonic()
    measured = measure([name for name in names if name not in GROWTH], backends, given.rounds, versions)
    rows = list(table_rows(measured))
    table = Table(*HEADER, title="forward and backward; ratio = peer / plackett")
    for row, met in rows:
        table.add_row(*row, style={True: "green", False: "red", None: None}[met])
    with_goals = [met for _, met in rows if met is not None]
    notes = [f"goals met in {sum(with_goals)} of {len(with_goals)} rows", *machine_lines(measured), *facts(versions)]
    if rows:
        CONSOLE.print(table)
    CONSOLE.print(*notes, sep="\n")
    lines = grown([name for name in names if name in GROWTH], backends)
    slopes = [(loss, library, slope(points)) for loss, each in lines.items() for library, points in each.items()]
    if slopes:
        growth = Table("loss", "library", "slope (sizes, time at the largest)", title="growth with the list size")
        for row in slopes:
            growth.add_row(*row)
        CONSOLE.print(growth)
        command = [sys.executable, HERE / "growth.py", HERE.parent / "docs" / "pictures" / "growth.png"]
        subprocess.run(command, input=json.dumps(lines), text=True, check=False)
    if given.markdown:
        parts = [markdown(HEADER, [row for row, _ in rows]), "\n".join(f"- {note}" for note in notes)]
        parts += [markdown(("loss", "library", "slope"), slopes)] if slopes else []
        given.markdown.write_text("\n\n".join(parts) + "\n")
    CONSOLE.print(f"{(time.monotonic() - start) / 60:.0f} minutes")


if __name__ == "__main__":
    main()
