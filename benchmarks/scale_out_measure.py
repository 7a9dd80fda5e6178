"""What this machine does: the constants of `scale_out.py`, each measured."""

import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys

import numpy as np
from scale_out_plan import best_of, cost_of_plan, cost_of_plan_of_plans, mixing

FEATURES, DOCUMENTS = 136, 100  # as MSLR-WEB30K has them, and as the plan has: 1e11 documents of 1e9 queries
HIDDEN = {"small": (64, 32), "middle": (512, 256), "large": (2048, 1024)}
WORKER = pathlib.Path(__file__).with_name("scale_out_worker.py")
MIXED = [(1, 1), (1, 16), (16, 1), (16, 16), (64, 1), (64, 16), (256, 16)]


def run_group(size: int, **job) -> list | dict:
    """What a group of processes on this machine measures, see `scale_out_worker.py`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(WORKER)]
    rest = [str(size), str(port), json.dumps(job)]
    quiet = os.environ | {"PYTHONWARNINGS": "ignore"}
    group = [
        subprocess.Popen(
            [*command, str(i), *rest], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=quiet
        )
        for i in range(size)
    ]
    said = [process.communicate(timeout=900)[0] for process in group]
    if any(process.returncode for process in group):
        raise SystemExit(f"a process of the group failed: {' '.join([*command, '0', *rest])}")
    return json.loads(said[0].splitlines()[-1])


def make_lists(queries: int, documents: int = DOCUMENTS, seed: int = 0):
    """Lists whose features are like those of LETOR: a third counts, a third of six digits, a third of all digits."""
    from plackett.data import RankingLists

    random = np.random.default_rng(seed)
    x = random.normal(size=(queries * documents, FEATURES)).astype("float32")
    third = FEATURES // 3
    x[:, :third] = random.poisson(0.7, size=(len(x), third))
    x[:, third : 2 * third] = np.round(random.random(size=(len(x), third)), 6)
    labels = (x[:, 0] + random.normal(size=len(x)) > 2).astype("float32")
    return RankingLists.from_arrays(x, labels, group=np.full(queries, documents))


def parquet(folder: pathlib.Path) -> dict:
    """Bytes a document, and documents a second that a core writes, and reads while the system has them in memory."""
    import pyarrow as pa

    from plackett.data.formats.parquet import read_parquet, write_parquet

    pa.set_cpu_count(1)
    lists, path = make_lists(1000), folder / "lists.parquet"
    seconds = best_of(lambda: write_parquet(lists, path))
    number = len(lists.labels)
    return {
        "bytes": path.stat().st_size / number,
        "write": number / seconds,
        "read": number / best_of(lambda: read_parquet(path), 5),
    }


def checkpoints(folder: pathlib.Path) -> list[dict]:
    """Seconds of a checkpoint by its bytes, on the disk when it is done."""
    from plackett.training.callbacks.checkpoints import write

    found = []
    for size in (1, 16, 256):
        array, position = np.random.default_rng(0).random(size * 2**18).astype("float32"), iter(range(9))
        seconds = best_of(lambda a=array, p=position: write(folder, (0, next(p)), {"0": a}, {}))
        shutil.rmtree(folder)
        found.append({"bytes": array.nbytes, "seconds": seconds})
    return found


def scoring() -> float:
    """Documents a second that one core scores, by the small model on PyTorch."""
    code = (
        "import time, torch; torch.set_num_threads(1)\n"
        "from scale_out_measure import make_lists, HIDDEN\n"
        "from scale_out_worker import model_of\n"
        "import plackett\n"
        "lists = make_lists(500); model = model_of(HIDDEN['small'], 136); plackett.score(model, lists)\n"
        "begin = time.perf_counter(); plackett.score(model, lists)\n"
        "print(len(lists.labels) / (time.perf_counter() - begin))"
    )
    environment = os.environ | {"KERAS_BACKEND": "torch", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=WORKER.parent, env=environment, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def steps() -> list[dict]:
    """Seconds of a step of one process and one core, by parameters and documents; and how much they vary."""
    cases = [
        {"hidden": hidden, "queries": queries, "documents": DOCUMENTS, "features": FEATURES, "times": times}
        for hidden in HIDDEN.values()
        for queries, times in ((1, 40), (8, 25), (32, 12))
    ]
    found = run_group(1, kind="steps", cases=cases)
    for one in found:
        logs = np.log(one.pop("seconds"))
        quarter, half = np.quantile(logs, [0.25, 0.5])
        # What else this machine does makes steps late, so the early half of them says more of the step.
        one |= {"seconds": float(np.exp(quarter)), "spread": float((half - quarter) / 0.674)}
    return found


def epochs(folder: pathlib.Path) -> list[dict]:
    """Whole epochs of 1, 2 and 4 workers on this machine, over the same files."""
    from plackett.data.formats.parquet import write_parquet

    lists = make_lists(64)
    folder.mkdir()
    for i in range(32):
        write_parquet(lists, folder / f"{i:03d}.parquet")
    job = {"folder": str(folder), "hidden": HIDDEN["middle"], "batch": 32, "window": 2, "save_every": 16}
    found = []
    for size in (1, 2, 4):
        runs = []
        for _ in range(2):
            runs.append(run_group(size, kind="epoch", **job))
            shutil.rmtree(folder / "checkpoints")
        one = min(runs, key=lambda x: x["seconds"])
        found.append({"workers": size, "documents": 32 * len(lists.labels), "batch": 32, **one})
    return found


def measure(folder: pathlib.Path, kept: pathlib.Path) -> dict:
    """All constants; what `kept` has of them is not measured again, and each is there when it is measured."""
    sizes, rows = [4 * 4**i for i in range(5, 13)], int(64 * 2**20 / (DOCUMENTS * (FEATURES * 4 + 8)))
    parts = {
        "cores": os.cpu_count,
        "row_group": lambda: rows,
        "parquet": lambda: parquet(folder),
        "plan": cost_of_plan,
        "plan_of_plans": lambda: cost_of_plan_of_plans(int(1e9 / rows), rows, 8),
        "mixing": lambda: [mixing(*one) for one in MIXED],
        "checkpoints": lambda: checkpoints(folder / "checkpoints"),
        "steps": steps,
        "all_reduce": lambda: {str(n): run_group(n, kind="all_reduce", sizes=sizes) for n in (2, 4)},
        "epochs": lambda: epochs(folder / "epochs"),
        "scoring": scoring,
    }
    found = json.loads(kept.read_text()) if kept.exists() else {}
    for name, part in parts.items():
        if name not in found:
            found[name] = part()
            kept.write_text(json.dumps(found, indent=1) + "\n")
    found["spread"] = statistics.median(x["spread"] for x in found["steps"])
    return found
