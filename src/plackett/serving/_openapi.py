"""The description of the service for programs: OpenAPI, with the features of the model by name."""

from collections.abc import Mapping
from typing import Any

import plackett
from plackett.data._signature import Signature
from plackett.serving._requests import KINDS, LONGEST_QUERY, MOST
from plackett.serving._service import ARROW, JSON
from plackett.serving._settings import ServeSettings

ERRORS = {
    400: "The body is not JSON, or not an Arrow stream.",
    405: "Another method.",
    406: "The request accepts no form that an answer can have.",
    408: "The body did not arrive in time.",
    413: "The body is too large, or there are too many documents.",
    415: "The content type is unknown, or the body is compressed.",
    422: "A feature is unknown, missing, of another type or not finite, or an id occurs twice.",
    503: "Too many requests wait, or the service is stopping: try again.",
}


def describe(signature: Signature, settings: ServeSettings) -> dict[str, Any]:
    """Returns the OpenAPI document of a service.

    Args:
        signature: the signature of its model.
        settings: see `ServeSettings`.
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "plackett",
            "version": plackett.__version__,
            "description": "Ranks the documents of a query with a trained ranker.",
        },
        "paths": {"/rank": {"post": _rank()}, **_others()},
        "components": {"schemas": _schemas(signature, settings)},
    }


def _rank():
    body = {
        JSON: {"schema": {"oneOf": [_reference("Rows"), _reference("Columns")]}},
        ARROW: {"schema": {"type": "string", "format": "binary"}},
    }
    answer = {
        JSON: {"schema": _reference("Ranking")},
        ARROW: {"schema": {"type": "string", "format": "binary"}},
    }
    return {
        "operationId": "rank",
        "summary": "Rank the documents of a query.",
        "description": (
            "Documents have their features by name, in rows, in columns, which is cheaper, or as an Arrow stream "
            "with a column `document` and one for each feature, which is cheapest. Equal scores keep their order."
        ),
        "requestBody": {"required": True, "content": body},
        "responses": {"200": {"description": "The documents, the best first.", "content": answer}} | _errors(ERRORS),
    }


def _others():
    text = {"text/plain": {"schema": {"type": "string"}}}
    state = {JSON: {"schema": {"type": "object"}}}
    ways = {
        "/health/live": ("live", "Whether the process runs.", state, {}),
        "/health/ready": ("ready", "Whether requests are taken.", state, {503: "The service is stopping."}),
        "/version": ("version", "The versions, and the model that serves.", state, {}),
        "/metrics": ("metrics", "Counts and times in the text format of Prometheus.", text, {}),
        "/schema": ("schema", "The inputs of the model for each document.", state, {}),
    }
    return {
        way: {
            "get": {
                "operationId": name,
                "summary": summary,
                "responses": {"200": {"description": "As asked.", "content": content}}
                | _errors({405: ERRORS[405]} | errors),
            }
        }
        for way, (name, summary, content, errors) in ways.items()
    }


def _errors(statuses: Mapping[int, str]) -> dict[str, Any]:
    return {
        str(status): {"description": words, "content": {JSON: {"schema": _reference("Error")}}}
        for status, words in statuses.items()
    }


def _schemas(signature, settings):
    values = {name: _feature(signature.missing) for name in signature.features}
    for name, kind in {**signature.ids, **signature.columns}.items():
        values[name] = _value("int64" if name in signature.unknown else kind)
    most = settings.max_documents
    identity = {"oneOf": [{"type": "string"}, _value("int64")]}
    ids = [{"type": "array", "items": kind, "uniqueItems": True, "maxItems": most} for kind in identity["oneOf"]]
    columns = {name: {"type": "array", "items": value, "maxItems": most} for name, value in values.items()}
    query = {"oneOf": [{"type": "string", "maxLength": LONGEST_QUERY}, _value("int64"), {"type": "null"}]}
    document = _object({"id": identity, "features": _object(values)})
    place = {"type": ["string", "integer"]}
    ranked = _object({"id": identity, "rank": {"type": "integer", "minimum": 1}, "score": {"type": "number"}})
    error = {"code": {"type": "string"}, "message": {"type": "string"}, "where": {"type": "array", "items": place}}
    return {
        "Rows": _object({"query": query, "documents": _array(document, most)}, optional=("query",)),
        "Columns": _object({"query": query, "ids": {"oneOf": ids}, "features": _object(columns)}, optional=("query",)),
        "Ranking": _object({"query": query, "model": {"type": "string"}, "ranking": _array(ranked, most)}),
        "Error": _object({"error": _object(error)}),
    }


def _feature(missing):
    return {"type": ["number", "null"] if missing else "number", "minimum": -MOST, "maximum": MOST}


def _value(kind):
    """The schema of a value of an id or a column."""
    if kind == "text":
        return {"type": "string"}
    limits = KINDS[kind]
    type_ = "number" if kind == "number" else "integer"
    return {"type": type_, "minimum": limits.lowest, "maximum": limits.highest}


def _array(items, most):
    return {"type": "array", "items": items, "maxItems": most}


def _object(properties, optional=()):
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _reference(name):
    return {"$ref": f"#/components/schemas/{name}"}
