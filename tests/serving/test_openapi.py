"""What the OpenAPI page states of requests is what the service takes."""

import math

from small_rankers import request, write_ranker
from starlette.testclient import TestClient

from plackett import serving


def test_the_largest_number_of_the_page_is_the_largest_that_is_taken(tmp_path):
    with TestClient(serving.make_app(write_ranker(tmp_path / "model.onnx", weights=(0.5, 0.5)))) as client:
        page = client.get("/openapi.json").json()
        features = page["components"]["schemas"]["Columns"]["properties"]["features"]["properties"]
        limits = features["bm25"]["items"]
        for limit, beyond in ((limits["maximum"], math.inf), (limits["minimum"], -math.inf)):
            taken = client.post("/rank", json=request([[limit, 0.0]]))
            refused = client.post("/rank", json=request([[math.nextafter(limit, beyond), 0.0]]))
            assert taken.status_code == 200
            assert refused.json()["error"]["code"] == "not_finite"
