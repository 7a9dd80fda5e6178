"""Answers that come from below the app, where no framework is at hand. Internal."""

import json

_CLOSE = (b"connection", b"close")


def error_body(code: str, message: str) -> bytes:
    """An error in the one form of this server."""
    return json.dumps({"error": {"code": code, "message": message, "where": []}}).encode()


def start(status: int, body: bytes, *headers: tuple[bytes, bytes]) -> dict:
    """The ASGI message that begins an answer after which the connection closes."""
    length = (b"content-length", str(len(body)).encode())
    return {
        "type": "http.response.start",
        "status": status,
        "headers": [(b"content-type", b"application/json"), length, _CLOSE, *headers],
    }
