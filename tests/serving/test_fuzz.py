"""No request, however malformed, stops the service or gets an answer that its OpenAPI page does not state.

Schemathesis makes requests that fit the page and such that do not; others are good requests with bytes changed. With
PLACKETT_FUZZ=10000 in the environment so many are sent, to a `plackett serve` of its own; `pytest -s` then tells what
the answers were, and what memory the server took.
"""

import collections
import os

import httpx
import hypothesis
import pytest
import schemathesis
from malformed import ARROW, changed, good_bodies
from schemathesis.checks import not_a_server_error  # which loads the others
from server_process import server
from small_rankers import FEATURES, write_ranker
from starlette.testclient import TestClient

from plackett import serving

NUMBER = int(os.environ.get("PLACKETT_FUZZ", "0"))
SHARES = {"fits": 0.3, "does not fit": 0.3, "another path": 0.1, "bytes changed": 0.3}
MB = 1e6


@schemathesis.serializer(ARROW)
def as_bytes(context, value):
    """Bytes go as they are."""
    return {"data": bytes(value)}


class Target:
    """A service to send requests to, and what came of them.

    Args:
        pages: its OpenAPI page, as schemathesis reads it.
        client: of httpx.
        memory: function that gives the resident memory of its process in bytes; None = it is this process.
    """

    def __init__(self, pages, client, memory=None):
        self.pages, self.client, self.memory = pages, client, memory
        self.answers = collections.Counter()


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz")
    model = write_ranker(folder / "model.onnx")
    if not NUMBER:
        app = serving.make_app(model)
        with TestClient(app) as client:
            yield Target(schemathesis.openapi.from_asgi("/openapi.json", app), client)
        return
    with server(model, folder) as process, httpx.Client(base_url=f"http://127.0.0.1:{process.port}") as client:
        address = f"http://127.0.0.1:{process.port}"
        yield Target(schemathesis.openapi.from_url(f"{address}/openapi.json"), client, lambda: process.memory()[0])
