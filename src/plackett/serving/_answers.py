"""What became of a request, and answers that come from below the app. Internal."""

import dataclasses
from typing import Any

from plackett.serving._errors import RequestError

ANSWER = "plackett.answer"  # in the scope of a request
SCORES = "plackett.scores"  # there too: a future, which is cancelled where the client leaves
CLIENT_LEFT = 499  # a status that no client ever reads; nginx's number for it


@dataclasses.dataclass
class Answer:
    """What became of a request, which those who watch read from its scope under `ANSWER`.

    Args:
        query: what the client calls the query. None = nothing.
        documents: how many there were. None = they could not be read.
        model: the fingerprint of the file that scored them.
        queue_seconds: how long it waited.
        lists: how many lists were scored together.
        code: of the error. None = there is a ranking.
    """

    query: str | int | None = None
    documents: int | None = None
    model: str | None = None
    queue_seconds: float | None = None
    lists: int | None = None
    code: str | None = None


def start(error: RequestError) -> dict[str, Any]:
    """The ASGI message that begins an answer after which the connection closes."""
    headers = {
        "content-type": "application/json",
        "content-length": str(len(error.body())),
        "connection": "close",
        **error.headers,
    }
    return {
        "type": "http.response.start",
        "status": error.status,
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
