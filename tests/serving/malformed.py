"""Requests to /rank: good ones in each form, and such with bytes changed."""

import io
import json

import pyarrow
from hypothesis import strategies as st

JSON, ARROW = "application/json", "application/vnd.apache.arrow.stream"
OTHERS = ["", "text/plain", "application/json; charset=utf-16", "multipart/form-data; boundary=a", "x" * 3000, "*/*"]
PIECES = [b"null", b"NaN", b"1e999", b"-1", b"1" * 400, b'""', b"[]", b"{}", b"[" * 5000, b"\0", b"\xff", b'"\\ud800"']
ODD = [{"accept": "text/html"}, {"accept": "a;q=x"}, {"content-encoding": "gzip"}, {"content-encoding": "x"}]


VALUES = {"text": ["Alien", "", "Ran"], "int64": [7, -1, 2**62], "position": [1, 2, 9], "number": [0.5, -3.0, 1e9]}


def good_bodies(features: tuple[str, ...], others: dict[str, str]) -> list[tuple[str, bytes]]:
    """Content type and body of a list of three documents in each form; `others` are the kinds of ids and columns."""
    columns = {name: [i + 0.5 * k for i in range(3)] for k, name in enumerate(features)}
    columns |= {name: VALUES[kind] for name, kind in others.items()}
    ids = [f"d{i}" for i in range(3)]
    rows = [{name: values[i] for name, values in columns.items()} for i in range(3)]
    table = pyarrow.table({"document": pyarrow.array(ids).dictionary_encode(), **columns})
    sink = io.BytesIO()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    documents = [{"id": name, "features": row} for name, row in zip(ids, rows, strict=True)]
    return [
        (JSON, json.dumps({"query": "q", "documents": documents}).encode()),
        (JSON, json.dumps({"query": "q", "ids": ids, "features": columns}).encode()),
        (ARROW, sink.getvalue()),
    ]


@st.composite
def changed(draw, bodies: list[tuple[str, bytes]]) -> tuple[dict[str, str], bytes]:
    """The headers and the body of a good request, of which up to four pieces were replaced, cut out or repeated."""
    content, body = draw(st.sampled_from(bodies))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(body)))
        piece = draw(st.binary(min_size=1, max_size=4) | st.sampled_from(PIECES) | st.just(body[start : start + 200]))
        length = draw(st.sampled_from([len(piece), len(piece), 0, 1, 8, len(body)]))
        body = body[:start] + piece + body[start + length :]
    content = draw(st.sampled_from([content] * 12 + [JSON, ARROW, *OTHERS]))
    return {"content-type": content, **draw(st.sampled_from([{}] * 12 + [{"accept": ARROW}] * 4 + ODD))}, body
