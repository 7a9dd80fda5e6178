"""The service over HTTP."""

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator
from typing import Any

import orjson
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import plackett
from plackett.serving._answers import ANSWER, CLIENT_LEFT, SCORES, Answer
from plackett.serving._errors import RequestError
from plackett.serving._limits import Limits
from plackett.serving._logs import open_log
from plackett.serving._metrics import Metrics
from plackett.serving._model import ServedModel
from plackett.serving._observe import Observe
from plackett.serving._openapi import describe
from plackett.serving._service import ARROW, JSON, Service
from plackett.serving._settings import ServeSettings
from plackett.serving._version import describe_version

_RANGES = ("*/*", "application/*")  # ranges in the header Accept that include both forms
_WEIGHT = re.compile(r"q=(0(\.\d{0,3})?|1(\.0{0,3})?)")


def make_app(path: str | os.PathLike, settings: ServeSettings | None = None) -> FastAPI:
    """Makes an ASGI application that serves a ranker in an ONNX file, for any ASGI server.

    Args:
        path: the path of the file, which `plackett export` wrote.
        settings: how it is served. None = `ServeSettings()`.

    Raises:
        ValueError: the file does not hold a ranker that can be served.
        FileNotFoundError: the file does not exist.
    """
    settings = settings or ServeSettings()
    metrics = Metrics()
    service = Service(ServedModel(path, settings.threads), settings, metrics)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        service.stop()

    app = FastAPI(
        title="plackett", version=plackett.__version__, lifespan=lifespan, redoc_url=None, redirect_slashes=False
    )
    app.state.service, app.state.log = service, open_log(settings.log)
    # FastAPI would describe what it reads itself; here the signature of the model says what is read.
    app.openapi = lambda: describe(service.model.signature, settings)  # type: ignore[method-assign]
    _add_routes(app, service)
    app.add_exception_handler(RequestError, _refuse)
    app.add_exception_handler(HTTPException, _refuse_of_http)
    app.add_exception_handler(Exception, _tell_fault)
    routes = [route.path for route in app.routes if isinstance(route, Route)]
    app.add_middleware(Limits, max_bytes=int(settings.max_body_mb * 1e6), seconds=settings.body_seconds)
    app.add_middleware(Observe, metrics=metrics, log=app.state.log, routes=routes, drains=lambda: service.drains)
    return app


def _add_routes(app: FastAPI, service: Service) -> None:
    async def rank(request: Request) -> Response:
        write, form = _find_answer_form(",".join(request.headers.getlist("accept")))
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise RequestError(415, "encoded_body", "the body must not be encoded, for example by gzip")
        scores = request.scope[SCORES] = asyncio.get_running_loop().create_future()
        try:
            ranking = await service.rank(await request.body(), request.headers.get("content-type", ""), scores)
        except asyncio.CancelledError:
            if not scores.cancelled() or _is_cancelled():
                raise
            return Response(status_code=CLIENT_LEFT)
        request.scope[ANSWER] = Answer(
            ranking.query, len(ranking.ids), ranking.model, ranking.queue_seconds, ranking.lists
        )
        return Response(getattr(ranking, write)(), media_type=form)

    async def schema(request: Request) -> Response:
        return Response(service.model.signature.to_json(), media_type=JSON)

    async def live(request: Request) -> Response:
        return _json({"status": "live"})

    async def ready(request: Request) -> Response:
        if service.stops or service.drains:
            raise RequestError(503, "stopping", "the service stops")
        return _json({"status": "ready", "model": service.model.fingerprint})

    async def version(request: Request) -> Response:
        return _json(describe_version(service))

    async def metrics(request: Request) -> Response:
        page, form = service.metrics.page(request.headers.get("accept"))
        return Response(page, headers={"content-type": form})

    app.add_route("/rank", rank, methods=["POST"])
    ways = {"/schema": schema, "/health/live": live, "/health/ready": ready, "/version": version, "/metrics": metrics}
    for way, answer in ways.items():
        app.add_route(way, answer, methods=["GET"])


def _is_cancelled() -> bool:
    """Whether the task itself is cancelled, and not what it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _find_answer_form(accept: str) -> tuple[str, str]:
    """Returns (the method of Ranking that writes the answer, its media type) for the form that the client prefers.

    Arrow is for clients that name it: with equal weight it comes before JSON, and if neither is named, after it.
    """
    json, arrow = (_liking(form, accept.lower() or "*/*") for form in (JSON, ARROW))
    if not (json[0] or arrow[0]):
        raise RequestError(406, "unknown_accept", f"an answer is {JSON} or {ARROW}, but the request accepts neither")
    is_named = arrow[1] == len(_RANGES)
    return ("to_arrow", ARROW) if arrow > json or (arrow == json and is_named) else ("to_json", JSON)


def _liking(form, accept):
    """Returns (the weight of a media type by the header Accept, how exactly it is named there)."""
    ranges = (*_RANGES, form)
    named, weight = -1, 0.0
    for one in accept.split(","):
        media, *parameters = (part.strip() for part in one.split(";"))
        if media in ranges[named + 1 :]:
            weights = [float(part[2:]) for part in parameters if _WEIGHT.fullmatch(part)]
            named, weight = ranges.index(media), weights[0] if weights else 1.0
    return weight, named


def _json(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type=JSON)


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    request.scope[ANSWER] = Answer(code=error.code)
    return Response(error.body(), error.status, error.headers, media_type=JSON)


async def _refuse_of_http(request: Request, error: Exception) -> Response:
    """Puts an error of Starlette, such as an unknown path, into the form of all errors."""
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "refused")
    refusal = RequestError(error.status_code, code, str(error.detail))
    refusal.headers = dict(error.headers or {})
    return await _refuse(request, refusal)


async def _tell_fault(request: Request, error: Exception) -> Response:
    """Puts a fault of plackett into the form of all errors. The server logs it."""
    words = f"{type(error).__name__} in the service: this is no error of the request"
    return await _refuse(request, RequestError(500, "internal", words))
