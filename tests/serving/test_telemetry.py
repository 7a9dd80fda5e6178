"""onnxruntime collects nothing of its use where plackett loads it."""

import os
import subprocess
import sys

import pytest

CODE = """
import threading, os, {module}
tasks = len(os.listdir("/proc/self/task"))
raise SystemExit(f"{{tasks}} threads" if tasks > 1 else 0)
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="the system does not show the threads of a process")
@pytest.mark.parametrize("module", ["plackett.serving._model", "plackett, onnxruntime"])
def test_onnxruntime_starts_no_threads_and_writes_no_files(module, tmp_path):
    for_telemetry = ("ORT_DISABLE_TELEMETRY", "ORT_TELEMETRY_DISABLED", "CI", "XDG_CACHE_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in for_telemetry}
    command = [sys.executable, "-c", CODE.format(module=module)]
    environment |= {"HOME": str(tmp_path), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []
