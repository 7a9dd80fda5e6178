"""The settings of a server. Nothing here needs its libraries."""

import dataclasses
import typing
from typing import Annotated, Literal

from plackett.registry.docs import argument_texts
from plackett.registry.options import Count, Positive, number, rule_of

Port = Annotated[int, number("a whole number from 0, any free one, to 65535", lambda x: 0 <= x <= 65535, whole=True)]


@dataclasses.dataclass(frozen=True)
class ServeSettings:
    """How a ranker is served.

    >>> ServeSettings(port=0, watch=True).host
    '127.0.0.1'
    >>> ServeSettings(max_documents=0)
    Traceback (most recent call last):
    ValueError: max_documents must be a whole number of at least 1, but got 0

    Args:
        host: the address to listen at. Anyone who can reach it may rank. 0.0.0.0 allows other machines, so put a proxy
            with authentication in front of it.
        port: the port to listen at. 0 = any free one.
        max_body_mb: a request with a larger body, in megabytes, is refused.
        max_documents: a request with more documents is refused.
        max_queue: the number of requests that may wait to be scored; further requests are told to try again.
        max_batch_documents: waiting lists are scored together up to this many documents, padding included.
        body_seconds: a request whose body takes longer to arrive is refused.
        shutdown_seconds: at its end the server waits this long for answers in progress; rounded up to whole seconds.
        threads: the number of threads of a run of the model. None = one for each core.
        watch: load a new model when the file changes.
        log: the form of the log: json, one object per line, or text.

    Raises:
        ValueError: a value of another type or out of range.
    """

    host: str = "127.0.0.1"
    port: Port = 8000
    max_body_mb: Positive = 10.0
    max_documents: Count = 10_000
    max_queue: Count = 256
    max_batch_documents: Count = 8192
    body_seconds: Positive = 10.0
    shutdown_seconds: Positive = 30.0
    threads: Count | None = None
    watch: bool = False
    log: Literal["json", "text"] = "json"

    def __post_init__(self):
        for name, kind in typing.get_type_hints(type(self), include_extras=True).items():
            rule, value = rule_of(kind), getattr(self, name)
            if rule is not None and not rule.allows(value):
                raise ValueError(f"{name} must be {rule.wording}, but got {value!r}")


def help_texts() -> dict[str, str]:
    """Describes each setting in the words of the docstring of `ServeSettings`.

    >>> help_texts()["watch"]
    'load a new model when the file changes.'
    """
    return argument_texts(ServeSettings.__doc__)
