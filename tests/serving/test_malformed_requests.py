"""No request, however malformed, stops a server or gets an answer that its OpenAPI page does not state.

Schemathesis makes requests that fit the page and such that do not; others are good requests with bytes changed. With
PLACKETT_FUZZ=10000 in the environment so many are sent, and `pytest -s` tells what the answers were, and what memory
the server took.
"""

import collections
import os

import httpx
import hypothesis
import pytest
import schemathesis
from malformed import ARROW, changed, good_bodies
from schemathesis.specs.openapi.checks import positive_data_acceptance
from server_process import server
from small_rankers import FEATURES, write_ranker

NUMBER = int(os.environ.get("PLACKETT_FUZZ", "400"))
IDS, COLUMNS = {"film": "text", "shop": "int64"}, {"place": "position", "price": "number"}
GOOD = good_bodies(FEATURES, IDS | COLUMNS)
REFUSED = ["400", "405", "406", "408", "413", "415", "422"]  # schemathesis itself leaves out 408 and 413
CONFIG = schemathesis.Config.from_dict({"checks": {"negative_data_rejection": {"expected-statuses": REFUSED}}})


@schemathesis.serializer(ARROW)
def as_bytes(context, value):
    """What is made for Arrow is sent as it is."""
    return {"data": value.data}


class Target:
    """A `plackett serve`, and what came of the requests to it."""

    def __init__(self, process, client):
        self.process, self.client = process, client
        self.page = schemathesis.openapi.from_url(str(client.base_url.join("/openapi.json")), config=CONFIG)
        self.answers = collections.Counter()
        self.before = self.rank_good_ones()

    def rank_good_ones(self):
        """The rankings of good requests."""
        answers = [self.client.post("/rank", content=body, headers={"content-type": kind}) for kind, body in GOOD]
        return [answer.json()["ranking"] for answer in answers]

    def fuzz(self, share, strategy, send):
        """Sends what a strategy makes, so much of all; `send` gives the status of its answer."""

        @hypothesis.settings(
            max_examples=int(share * NUMBER),
            derandomize=True,
            database=None,
            deadline=None,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(strategy)
        def send_each(one):
            self.answers[send(one)] += 1

        send_each()
        memory = self.process.memory()[0] / 1e6
        print(f"\n{self.answers.total():,} requests, answers {dict(self.answers)}, then {memory:.0f} MB")


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz")
    model = write_ranker(folder / "model.onnx", missing=True, ids=IDS, columns=COLUMNS)
    with server(model, folder) as process, httpx.Client(base_url=f"http://127.0.0.1:{process.port}") as client:
        yield Target(process, client)


def send_case(case):
    """Sends what schemathesis made, which checks the answer. JSON Schema cannot say that two ids must differ."""
    return case.call_and_validate(excluded_checks=[positive_data_acceptance]).status_code


def test_requests_that_fit_the_page(target):
    target.fuzz(0.2, target.page["/rank"]["POST"].as_strategy(), send_case)


def test_requests_that_do_not_fit_the_page(target):
    wrong = target.page["/rank"]["POST"].as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)
    target.fuzz(0.4, wrong, send_case)


def test_the_other_paths(target):
    target.fuzz(0.01, target.page.exclude(path="/rank").as_strategy(), send_case)


def test_good_requests_with_bytes_changed(target):
    def send(one):
        headers, body = one
        answer = target.client.post("/rank", headers=headers, content=body)
        assert answer.status_code == 200 or str(answer.status_code) in REFUSED, answer.text
        if answer.status_code != 200:
            assert answer.json()["error"].keys() == {"code", "message", "where"}
        return answer.status_code

    target.fuzz(0.4, changed(GOOD), send)


def test_good_requests_are_ranked_as_before(target):
    assert len(target.before) == len(GOOD)
    assert target.rank_good_ones() == target.before
