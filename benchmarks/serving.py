"""`plackett serve` under load by wrk, beside onnxruntime in this process.

    python benchmarks/serving.py [--model MODEL.onnx] [--seconds N] [--rounds N] [--documents N]

Lists of 100 documents x 136 features, by default, and an untrained `mlp`. wrk, which must be installed, sends them from
1, 8 and 64 connections, each of which waits for its answer before it asks again, in each form that a request may have;
server and wrk share the cores. Each form's answer is checked first. The plain rows are onnxruntime alone, in this
process, on arrays that are at hand, 1, 8 and 64 lists a run; the ratio of a row is to the plain row of as many lists.
Rounds take turns over all; a number is the median over the rounds, requests/s with the lowest and the highest. The
core's ms are those that all threads of the server took for a request, which hardly change where the machine has other
work to do. MB is the resident memory of the server after the last round, and before the first. Prints a Markdown table.
"""

import argparse
import contextlib
import io
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import numpy as np
import onnxruntime
import pyarrow
from training import QUIET

from plackett.data._signature import KEY, Signature

CLIENTS = (1, 8, 64)
BODIES = 16  # different lists, sent in turn
JSON, ARROW = "application/json", "application/vnd.apache.arrow.stream"
HEADER = "request", "KB", "clients", "p50, ms", "p99, ms", "requests/s", "low to high", "ratio", "core's ms", "failed"


def make_model(path, documents, features=136):
    """An untrained `mlp` in a file, whose preprocessing has seen features like those that are sent."""
    from plackett import data, export, scorers

    lists = data.RankingLists.from_arrays(
        made_features(features, 100 * documents),
        np.zeros(100 * documents, "float32"),
        group=[documents] * 100,
        feature_names=[f"feature_{i}" for i in range(1, features + 1)],
    )
    export.write_onnx(scorers.mlp(lists), path)


def made_features(features, documents, seed=0):
    """Features of different scales, [documents, features]."""
    random = np.random.default_rng(seed)
    return (random.lognormal(size=(documents, features)) * np.geomspace(0.01, 1000, features)).astype("float32")


def json_rows(names, values):
    """A document after the other, each with the names of its features."""
    rows = [dict(zip(names, map(float, map(str, row)), strict=True)) for row in values]
    return json.dumps({"documents": [{"id": f"d{i}", "features": row} for i, row in enumerate(rows)]}).encode()


def json_columns(names, values):
    """Each feature's name once."""
    columns = {name: [float(str(value)) for value in column] for name, column in zip(names, values.T, strict=True)}
    return json.dumps({"ids": [f"d{i}" for i in range(len(values))], "features": columns}).encode()


def arrow(names, values):
    """An Arrow IPC stream, one row per document."""
    columns = dict(zip(names, values.T, strict=True))
    table = pyarrow.table({"document": [f"d{i}" for i in range(len(values))], **columns})
    with io.BytesIO() as sink, pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
        writer.close()
        return sink.getvalue()


FORMS = {"JSON, rows": (json_rows, JSON), "JSON, columns": (json_columns, JSON), "Arrow": (arrow, ARROW)}


@contextlib.contextmanager
def server(model, log):
    """A `plackett serve` on a free port, which SIGTERM ends: its address and process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "plackett", "serve", str(model), "--port", str(port)]
    with log.open("w") as file, subprocess.Popen(command, stderr=file, stdout=file) as process:
        try:
            wait_until_ready(f"http://127.0.0.1:{port}", process, log)
            yield f"http://127.0.0.1:{port}", process
        finally:
            process.send_signal(signal.SIGTERM)
            if process.wait(60):
                print(f"the server ended with {process.returncode}: {log.read_text()[-500:]}")


def wait_until_ready(address, process, log, seconds=60):
    """Returns when the server takes requests."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            urllib.request.urlopen(address + "/health/ready").close()
            return
        time.sleep(0.05)
    raise RuntimeError(f"the server does not answer: {log.read_text()[-500:]}")


def memory(process):
    """The resident memory of a process in MB."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def core_seconds(process):
    """The seconds that a process has computed so far, in all its threads."""
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def check(address, body, content, scores):
    """Raises a ValueError unless the server ranks a list as onnxruntime does."""
    request = urllib.request.Request(address + "/rank", body, {"Content-Type": content, "Accept": content})
    with urllib.request.urlopen(request) as response:
        answer = response.read()
    if content == ARROW:
        ranking = [{"id": row["document"], **row} for row in pyarrow.ipc.open_stream(answer).read_all().to_pylist()]
    else:
        ranking = json.loads(answer)["ranking"]
    served = {one["id"]: one["score"] for one in ranking}
    if [one["id"] for one in ranking] != sorted(served, key=lambda name: -served[name]):
        raise ValueError("the answer is not in the order of its scores")
    np.testing.assert_allclose([served[f"d{i}"] for i in range(len(scores))], scores, rtol=1e-5, atol=1e-5)


def load(address, process, prefix, content, clients, seconds):
    """What wrk measures of requests from so many connections."""
    command = ["wrk", "--threads", "1", "--connections", str(clients), "--duration", f"{seconds}s", "--timeout", "30s"]
    script = [pathlib.Path(__file__).with_suffix(".lua"), address, "--", prefix, str(BODIES), content, content]
    before = core_seconds(process)
    done = subprocess.run([*command, "--script", *script], capture_output=True, text=True, check=True)
    result = json.loads(done.stdout.splitlines()[-1])
    return result | {"core": (core_seconds(process) - before) / result["requests"] * 1000}


def plain(session, arrays, lists, seconds):
    """The same of onnxruntime alone, so many lists a run."""
    inputs = {name: np.concatenate([array] * lists) for name, array in arrays.items()}
    times, start, core = [], time.perf_counter(), time.process_time()
    while time.perf_counter() - start < seconds:
        before = time.perf_counter()
        session.run(["scores"], inputs)
        times.append(time.perf_counter() - before)
    p50, p99 = np.percentile(times, [50, 99]) * 1000
    done = lists * len(times)
    core = (time.process_time() - core) / done * 1000
    return {"p50": p50, "p99": p99, "rate": done / sum(times), "failed": 0, "core": core}


def measure(model, folder, documents, seconds, rounds):
    """What each round measured, (request, clients) -> a list; the KB of each form; the MB of the server."""
    session = onnxruntime.InferenceSession(model)
    signature = Signature.from_json(session.get_modelmeta().custom_metadata_map[KEY])
    if signature.ids or signature.columns:
        raise ValueError(f"{model} takes ids or columns, which are not made up here: measure a ranker of features")
    size = {}
    for name, (write, _) in FORMS.items():
        for i in range(BODIES):
            values = made_features(len(signature.features), documents, seed=i + 1)
            body = write(signature.features, values)
            (folder / f"{name}{i + 1}").write_bytes(body)
        size[name] = len(body) / 1000
    arrays = {"features": values[None], "mask": np.ones((1, documents), bool)}
    [[scores]] = session.run(["scores"], arrays)
    results = {}
    with server(model, folder / "log.txt") as (address, process):
        for name, (_, content) in FORMS.items():
            check(address, (folder / f"{name}{BODIES}").read_bytes(), content, scores)
        before = memory(process)
        for _ in range(rounds):
            for clients in CLIENTS:
                results.setdefault(("plain", clients), []).append(plain(session, arrays, clients, seconds))
                for name, (_, content) in FORMS.items():
                    one = load(address, process, folder / name, content, clients, seconds)
                    results.setdefault((name, clients), []).append(one)
        return results, size, (before, memory(process))


def rows_of(results, size):
    """One row of the table a form and number of clients."""
    for name in ("plain", *FORMS):
        for clients in CLIENTS:
            each = results[name, clients]
            rates = [one["rate"] for one in each]
            ratio = statistics.median(
                rate / other["rate"] for rate, other in zip(rates, results["plain", clients], strict=True)
            )
            yield (
                name,
                f"{size[name]:.0f}" if name in size else "",
                str(clients),
                *(f"{statistics.median(one[key] for one in each):.2f}" for key in ("p50", "p99")),
                f"{statistics.median(rates):,.0f}",
                f"{min(rates):,.0f} to {max(rates):,.0f}",
                f"{ratio:.2f}",
                f"{statistics.median(one['core'] for one in each):.2f}",
                str(sum(one["failed"] for one in each)),
            )


def main():
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path)
    parser.add_argument("--make", type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--documents", type=int, default=100)
    given = parser.parse_args()
    if given.make:
        make_model(given.make, given.documents)
        return
    if shutil.which("wrk") is None:
        sys.exit("wrk must be installed, as of Debian's package wrk")
    with tempfile.TemporaryDirectory() as folder:
        model = given.model or pathlib.Path(folder) / "model.onnx"
        if given.model is None:
            make = [sys.executable, __file__, "--make", model, "--documents", str(given.documents)]
            subprocess.run(make, env={"KERAS_BACKEND": "torch"} | os.environ | QUIET, check=True, capture_output=True)
        results, size, (before, after) = measure(
            model, pathlib.Path(folder), given.documents, given.seconds, given.rounds
        )
    for cells in (HEADER, ("---",) * len(HEADER), *rows_of(results, size)):
        print("|", " | ".join(cells), "|")
    print(f"\nMB of the server: {after:.0f}, {before:.0f} before the first round.")


if __name__ == "__main__":
    main()
