"""The settings of a server. Nothing here needs what it is built on."""

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
        host: the address to listen at. Whoever reaches it may rank: other machines do at 0.0.0.0, so put what asks who
            they are in front of it.
        port: the port to listen at. 0 = any free one.
        max_body_mb: a request whose body has more megabytes is refused.
        max_documents: a request of more documents is refused.
        max_queue: so many requests may wait to be scored; others are told to come again.
        max_batch_documents: lists that wait are scored together as long as they are not more documents, padding
            included.
        body_seconds: a request whose body takes longer to come is refused.
        shutdown_seconds: at its end the server waits so long for answers that are under way, in whole seconds upwards.
        threads: of one run of the model. None = one for each core.
        watch: take a new model when the file changes.
        log: the form of the log: json, an object a line, or text.

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
    """What each setting is, in the words of the docstring of `ServeSettings`.

    >>> help_texts()["watch"]
    'take a new model when the file changes.'
    """
    return argument_texts(ServeSettings.__doc__)
