"""The outcome of a request, and answers that come from below the app. Internal."""

import dataclasses
from typing import Any

from plackett.serving._errors import RequestError

ANSWER = "plackett.answer"  # a key in the scope of a request
SCORES = "plackett.scores"  # another one: a future, which is cancelled if the client leaves
CLIENT_LEFT = 499  # a status that no client reads; the number is nginx's


@dataclasses.dataclass
class Answer:
    """The outcome of a request. Logs and metrics read it from the scope of the request under `ANSWER`.

    Args:
        query: the client's name for the query. None = it gave none.
        documents: the number of documents. None = they could not be read.
        model: the fingerprint of the file that scored them.
        queue_seconds: how long the request waited.
        lists: the number of lists that were scored together.
        code: the code of the error. None = there is a ranking.
    """

    query: str | int | None = None
    documents: int | None = None
    model: str | None = None
    queue_seconds: float | None = None
    lists: int | None = None
    code: str | None = None


def start(error: RequestError) -> dict[str, Any]:
    """Returns the ASGI message that starts an answer, after which the connection closes."""
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
