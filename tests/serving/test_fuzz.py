"""No request, however malformed, stops the server or gets an answer that its OpenAPI page does not state.

Schemathesis makes requests that fit the page and such that do not; others are good requests with bytes changed. With
PLACKETT_FUZZ=10000 in the environment, and `pytest -s`, so many of each kind go to a `plackett serve` of its own, and
it tells what the answers were and what memory the server took.
"""

import collections
import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import types

import httpx
import hypothesis
import pytest
import schemathesis
from malformed import changed, good_bodies
from schemathesis.checks import not_a_server_error
from starlette.testclient import TestClient

from plackett import serving

NUMBER = int(os.environ.get("PLACKETT_FUZZ", "0"))
EACH = hypothesis.settings(
    max_examples=NUMBER or 150,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[hypothesis.Phase.generate],
    suppress_health_check=list(hypothesis.HealthCheck),
)
MB = 1e6


@contextlib.contextmanager
def process(model, log):
    """A `plackett serve` of its own."""
    command = [sys.executable, "-m", "plackett", "serve", str(model), "--port", "0"]
    with log.open("w") as file, subprocess.Popen(command, stdout=file, stderr=file) as started:
        ...
