"""The plan for 1e9 queries and 1e11 documents: what one machine does, measured, and what thousands would, simulated.

    python benchmarks/scale_out.py [--again] [--page docs/scale_out.md]

Measures all constants on this machine (`scale_out_measure.py`, some minutes; kept in `benchmarks/scale_out.json`, and
measured anew with `--again`), simulates an epoch as workers grow (`scale_out_epoch.py`), compares the simulation with
epochs of 1, 2 and 4 workers here, and prints Markdown. With `--page` the page gets the tables in place of its old ones,
and the chart beside it, `scale_out.svg`.
"""

import argparse
import dataclasses
import pathlib
import re
import tempfile

from scale_out_epoch import PARTS, World, fit_line, fit_models, simulate
from scale_out_measure import DOCUMENTS, HIDDEN, measure

KEPT = pathlib.Path(__file__).with_suffix(".json")
WORKERS = [4**i for i in range(7)]  # 1 to 4,096
NETWORK = 25e-6  # seconds that a switch adds to a message. Assumed.


def world_of(found: dict, **changes) -> World:
    """The world with the constants of this machine."""
    latency, reduce = ring_of(found["all_reduce"]["2"], 2)
    measured = {
        "bytes_of_document": found["parquet"]["bytes"],
        "read": found["parquet"]["read"],
        "row_group": found["row_group"],
        "latency": latency + NETWORK,
        "reduce": reduce,
        "spread": found["spread"],
        "save": fit_line(found["checkpoints"]),
    }
    return World(**measured | changes)


def ring_of(points: list[dict], n: int) -> tuple[float, float]:
    """(seconds of a message, bytes a second) of measured all-reduces of n processes."""
    messages = 2 * (n - 1)
    fixed, rate = fit_line([{"bytes": x["bytes"] / n, "seconds": x["seconds"] / messages} for x in points])
    return fixed or min(x["seconds"] for x in points) / messages, rate


def check(found: dict) -> list[tuple]:
    """(workers, seconds measured, seconds simulated) of the epochs here; they read and compute in turn."""
    model, rows = fit_models(found["steps"], list(HIDDEN))["middle"], []
    for real in found["epochs"]:
        n = real["workers"]
        share = min(1.0, found["cores"] / n)
        latency, reduce = ring_of(found["all_reduce"][str(n)], n) if n > 1 else (0.0, 1.0)
        here = {"link": float("inf"), "storage": float("inf"), "latency": latency, "reduce": reduce}
        world = world_of(found, **here, cores=share, readers=share, overlap=False, window=2, row_group=64, late=0.0)
        world = dataclasses.replace(world, queries=real["documents"] / DOCUMENTS, batch=real["batch"], price=0.0)
        slowed = dataclasses.replace(model, fixed=model.fixed / share)
        hours = simulate(world, slowed, n, steps=real["steps"])["parts"]
        saving = world.save[0] + 3 * 4 * model.parameters / world.save[1]
        seconds = 3600 * sum(hours[name] for name in PARTS[:4]) + real["steps"] // 16 * saving
        rows.append((n, real["seconds"], seconds))
    return rows


def table(header: list[str], rows: list) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def number(x: float, digits: int = 2) -> str:
    """A number in a few digits."""
    return f"{x:,.0f}" if abs(x) >= 100 else f"{x:.{digits}g}"


def machine(found: dict) -> str:
    """What was measured."""
    parquet, plan, both = found["parquet"], found["plan"], found["plan_of_plans"]
    latency, reduce = ring_of(found["all_reduce"]["2"], 2)
    fixed, rate = fit_line(found["checkpoints"])
    groups = int(1e9 / found["row_group"])

    def core_hours(rate):
        return f"{number(1e11 / rate / 3600)} core hours"

    one_plan = f"{number(plan['seconds'] * 1e9 / 60)} min, {plan['bytes']:.0f} GB, in each process"
    windows = f"{number(both['window'] * groups / 8)} s in all processes together"
    rows = [
        ("Parquet, a document", f"{number(parquet['bytes'])} bytes", f"{parquet['bytes'] / 10:.0f} TB"),
        ("writing it, a core", f"{number(parquet['write'])} documents/s", core_hours(parquet["write"])),
        ("reading it, a core", f"{number(parquet['read'])} documents/s", core_hours(parquet["read"])),
        ("plan of `Batches`, a query", f"{plan['seconds'] * 1e9:.0f} ns, {plan['bytes']:.0f} bytes", one_plan),
        (f"plan of {groups:,} row groups", f"{both['row_groups']:.2g} s", "once, in each process"),
        (f"plan of a window, {8 * found['row_group']:,} queries", f"{both['window'] * 1e3:.2g} ms", windows),
        ("scoring, a core", f"{number(found['scoring'])} documents/s", core_hours(found["scoring"])),
        ("all-reduce, loopback", f"{latency * 1e6:.0f} µs a message, {reduce / 1e9:.2g} GB/s", "each step"),
        ("a checkpoint, to the disk", f"{fixed * 1e3:.0f} ms, {rate / 1e9:.2g} GB/s", "see below"),
    ]
    return table(["what", "here", "of 1e9 queries with 100 documents"], rows)


def of_models(found: dict) -> str:
    """What steps cost."""
    rows = []
    for (name, hidden), model in zip(HIDDEN.items(), fit_models(found["steps"], list(HIDDEN)).values(), strict=True):
        size, world = 4 * model.parameters, world_of(found)
        rows.append(
            (
                f"{name}, hidden={hidden}",
                f"{model.parameters:,}",
                f"{model.fixed * 1e3:.0f} ms + {model.of_document * 1e6:.2g} µs a document",
                f"{size / 1e6:.2g} MB",
                *(f"{world.ring(n, size) * 1e3:.3g} / {world.tree(n, size) * 1e3:.3g} ms" for n in (16, 256, 4096)),
                f"{(world.save[0] + 4 * size / world.save[1]) * 1e3:.0f} ms",
            )
        )
    reduces = [f"all-reduce of {n} workers, ring / tree" for n in ("16", "256", "4,096")]
    return table(["model", "weights", "a step of a core", "gradient", *reduces, "checkpoint"], rows)


def of_mixing(found: dict) -> str:
    """How plans of plans mix."""
    rows = [(x["parts"], x["window"], f"{x['variance']:.3g}", f"{x['lag']:.2f}") for x in found["mixing"]]
    header = [
        "workers",
        "row groups in a window",
        "variance of batch means, full shuffle = 1",
        "correlation with the next",
    ]
    return table(header, rows)


def simulations(found: dict) -> list[dict]:
    """All epochs of the chart."""
    rows = []
    for name, model in fit_models(found["steps"], list(HIDDEN)).items():
        for n in WORKERS:
            one = simulate(world_of(found), model, n)
            rows.append({"model": name, "collective": "ring", **one})
            rows.append({"model": name, "collective": "tree", **simulate(world_of(found), model, n, tree=True)})
            grows = world_of(found, batch=32 * n)
            rows.append({"model": name, "collective": "tree, 32 a worker", **simulate(grows, model, n, tree=True)})
    return rows


def of_epochs(rows: list[dict], model: str, collective: str) -> str:
    """An epoch as workers grow."""
    chosen = [x for x in rows if (x["model"], x["collective"]) == (model, collective)]
    shown = [
        (
            f"{x['workers']:,}",
            number(x["hours"]),
            *(f"{x['parts'][part] / x['hours']:.0%}" for part in PARTS),
            number(x["core hours"]),
            f"{number(x['dollars'])} $",
            f"{x['minutes between checkpoints']:.1f} min",
        )
        for x in chosen
    ]
    return table(["workers", "hours", *PARTS, "core hours", "at list price", "a checkpoint each"], shown)


def of_checks(found: dict) -> str:
    """The simulation beside what was."""
    rows = [(n, f"{real:.1f} s", f"{made:.1f} s", f"{made / real:.2f}") for n, real, made in check(found)]
    return table(["workers on 2 cores", "epoch here", "simulated", "ratio"], rows)


def draw(rows: list[dict], path: pathlib.Path) -> None:
    """Hours of an epoch, and what they are spent on, as SVG."""
    import altair as alt

    x = alt.X("workers:O", title="workers of 16 cores")
    lines = [
        {"model": r["model"], "all-reduce": r["collective"], "workers": r["workers"], "hours": r["hours"]} for r in rows
    ]
    parts = [
        {
            "model": r["model"],
            "workers": r["workers"],
            "place": i,
            "spent on": part,
            "share": r["parts"][part] / r["hours"],
        }
        for r in rows
        if r["collective"] == "tree"
        for i, part in enumerate(PARTS)
    ]
    order = alt.Sort(list(HIDDEN))
    y = alt.Y("hours:Q", scale=alt.Scale(type="log"), title="hours an epoch")
    above = alt.Chart(alt.Data(values=lines)).mark_line(point=True).encode(x, y, alt.Color("all-reduce:N"))
    bars = alt.Chart(alt.Data(values=parts)).mark_bar().encode(
        x, alt.Y("share:Q", stack="zero", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%")),
        alt.Color("spent on:N", sort=list(PARTS)), alt.Order("place:O"),
    )  # fmt: skip
    charts = [
        one.properties(width=220, height=160).facet(alt.Column("model:N", sort=order, title=None))
        for one in (above, bars)
    ]
    alt.vconcat(*charts).resolve_scale(color="independent").save(path)


def main():
    """Measures, simulates and prints."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--again", action="store_true", help="measure though measurements are kept")
    options.add_argument("--page", type=pathlib.Path, help="the page whose tables are replaced")
    chosen = options.parse_args()
    if chosen.again:
        KEPT.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(pathlib.Path(folder), KEPT)
    rows = simulations(found)
    tables = {
        "machine": machine(found),
        "models": of_models(found),
        "mixing": of_mixing(found),
        "epochs of the small model": of_epochs(rows, "small", "tree"),
        "epochs of the large model": of_epochs(rows, "large", "tree"),
        "checks": of_checks(found),
    }
    for name, made in tables.items():
        print(f"{name}\n\n{made}\n")
    if chosen.page is not None:
        text = chosen.page.read_text()
        for name, made in tables.items():
            text, changed = re.subn(f"(?s)(<!-- {name} -->).*?(<!-- end -->)", rf"\g<1>\n\n{made}\n\n\g<2>", text)
            if changed != 1:
                raise SystemExit(f"{chosen.page} has no place for the table: <!-- {name} --> <!-- end -->")
        chosen.page.write_text(text)
        draw(rows, chosen.page.with_suffix(".svg"))


if __name__ == "__main__":
    main()
