"""OpenAPI 3.1 from the table of operations, and the page that shows it.

The page is made here, once, as plain HTML: no script, nothing from elsewhere, so it works offline and under the
strictest Content-Security-Policy.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from functools import cache
from html import escape
from typing import Any

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from roost import __version__
from roost.edge.api.operations import PATH_FIELD, Operation, Raw
from roost.model.names import wire_name
from roost.model.scopes import SCOPES
from roost.protocol.answers import Failure

JSON, PROTOBUF = "application/json", "application/x-protobuf"
REFERENCE = "#/components/schemas/{name}"
ABOUT = (
    "Chat in which no message is lost. Inputs may also be spelled in snake_case; ids may be integers. "
    "Times are integer milliseconds since 1970-01-01 UTC. Bodies may be packed with gzip, both ways. The message "
    "routes answer under /api and / as well."
)
KEY_FORMAT = "roost_{prefix}_{secret}"
KEYS = "The key of a back end: `roost key create`. Scopes: " + "; ".join(
    f"`{scope}`: {use}" for scope, use in SCOPES.items()
)
POLICY = (
    "default-src 'none'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def describe(operations: Sequence[Operation], prefix: str) -> dict[str, Any]:
    """The OpenAPI document."""
    types: dict[Any, None] = {Failure: None}
    for operation in operations:
        types |= dict.fromkeys(kind for kind in (operation.asked, operation.answer) if kind is not None)
    schemas, components = msgspec.json.schema_components(tuple(types), ref_template=REFERENCE)
    schema_of = dict(zip(types, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        path = prefix + PATH_FIELD.sub(lambda field: "{" + wire_name(field[1]) + "}", operation.path)
        paths.setdefault(path, {})[operation.method.lower()] = _operation(operation, schema_of, components)
    for path, summary, media_type in (
        ("/healthz", "Whether the process is alive.", JSON),
        ("/readyz", "Whether the server can do its work now.", JSON),
        ("/metrics", "Metrics in Prometheus' text format.", "text/plain"),
    ):
        paths[path] = {"get": _probe(path, summary, media_type)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Roost", "version": __version__, "description": ABOUT},
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": {"Failure": {"description": "A refusal.", "content": {JSON: {"schema": schema_of[Failure]}}}},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "key": {"type": "http", "scheme": "bearer", "bearerFormat": KEY_FORMAT, "description": KEYS},
            },
        },
    }


def _operation(operation: Operation, schema_of: dict[Any, Any], components: dict[str, Any]) -> dict[str, Any]:
    summary, _, description = (inspect.getdoc(operation.handle) or "").partition("\n")
    about: dict[str, Any] = {
        "operationId": operation.handle.__name__,
        "tags": [operation.tag],
        "summary": summary.strip(),
        "description": " ".join(description.split()),
        "security": _security(operation),
        "responses": {
            str(operation.status): _success(operation, schema_of),
            "default": {"$ref": "#/components/responses/Failure"},
        },
    }
    if operation.scope is not None:
        about["description"] = f"{about['description']} Needs the scope `{operation.scope}`.".strip()
    if operation.raw is not None:
        about |= _raw_input(operation, operation.raw)
    elif operation.asked is not None:
        about |= _input(operation, schema_of[operation.asked], components)
    return about


def _security(operation: Operation) -> list[dict[str, list[str]]]:
    """Who may. Since OpenAPI 3.1 roles may be listed for any scheme: those of a key are its scopes."""
    if operation.scope is not None:
        return [{"key": [operation.scope]}]
    return [] if operation.open else [{"bearer": []}]


def _input(operation: Operation, reference: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    """Parameters from the path and the query, and the body, of a struct's fields."""
    in_path = {wire_name(name) for name in PATH_FIELD.findall(operation.path)}
    schema = components[reference["$ref"].rpartition("/")[2]]
    fields: dict[str, Any] = schema["properties"]
    required = set(schema.get("required", ()))
    parameters = [
        {"name": name, "in": "path" if name in in_path else "query", "required": name in required, "schema": field}
        for name, field in fields.items()
        if name in in_path or not operation.has_body
    ]
    about: dict[str, Any] = {"parameters": parameters} if parameters else {}
    if operation.has_body and set(fields) - in_path:
        about["requestBody"] = {"required": bool(required - in_path), "content": _body(operation, reference, in_path)}
        if in_path:
            body = {name: field for name, field in fields.items() if name not in in_path}
            about["requestBody"]["content"][JSON]["schema"] = {
                "type": "object",
                "properties": body,
                "required": sorted(required - in_path),
            }
    return about


def _raw_input(operation: Operation, raw: Raw) -> dict[str, Any]:
    in_path = [
        {"name": wire_name(name), "in": "path", "required": True, "schema": {"type": "string"}}
        for name in PATH_FIELD.findall(operation.path)
    ]
    parameters = [*in_path, *raw.headers]
    return ({"parameters": parameters} if parameters else {}) | ({"requestBody": raw.body} if raw.body else {})


def _body(operation: Operation, reference: dict[str, Any], in_path: set[str]) -> dict[str, Any]:
    content: dict[str, Any] = {JSON: {"schema": reference}}
    if operation.protobuf is not None and not in_path:
        content[PROTOBUF] = {"schema": {"type": "string", "format": "binary"}}
    return content


def _success(operation: Operation, schema_of: dict[Any, Any]) -> dict[str, Any]:
    if operation.raw is not None and operation.raw.content is not None:
        return {"description": "Done.", "content": operation.raw.content}
    data = {"type": "null"} if operation.answer is type(None) else schema_of[operation.answer]
    content: dict[str, Any] = {JSON: {"schema": _envelope(data)}}
    if operation.protobuf is not None:
        content[PROTOBUF] = {"schema": {"type": "string", "format": "binary"}}
    return {"description": "Done.", "content": content}


def _envelope(data: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"code": {"const": 0}, "message": {"const": "success"}, "data": data},
        "required": ["code", "message", "data"],
    }


def _probe(path: str, summary: str, media_type: str) -> dict[str, Any]:
    status = {"type": "object", "properties": {"status": {"const": "ok"}}, "required": ["status"]}
    schema = _envelope(status) if media_type == JSON else {"type": "string"}
    return {
        "operationId": path[1:],
        "tags": ["operation"],
        "summary": summary,
        "security": [],
        "responses": {
            "200": {"description": "Done.", "content": {media_type: {"schema": schema}}},
            "default": {"$ref": "#/components/responses/Failure"},
        },
    }


def reference_pages(operations: Sequence[Operation], prefix: str) -> list[HTTPRouteHandler]:
    """`/openapi.json`, and `/docs` with its style sheet: made when they are first asked for."""

    @cache
    def document() -> tuple[bytes, bytes]:
        described = describe(operations, prefix)
        return msgspec.json.encode(described), _page(described).encode()

    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}

    @get("/openapi.json", sync_to_thread=False)
    def openapi() -> Response[bytes]:
        return Response(document()[0], media_type=JSON, headers={"Cache-Control": "no-cache"})

    @get("/docs", sync_to_thread=False)
    def docs() -> Response[bytes]:
        return Response(document()[1], media_type="text/html", headers=headers)

    @get("/docs/style.css", sync_to_thread=False)
    def style() -> Response[bytes]:
        return Response(STYLE, media_type="text/css", headers=headers)

    return [openapi, docs, style]


def _page(document: dict[str, Any]) -> str:
    info = document["info"]
    sections: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            sections.setdefault(operation["tags"][0], []).append(_entry(method, path, operation))
    body = "".join(f"<h2>{escape(tag)}</h2>{''.join(entries)}" for tag, entries in sections.items())
    schemas = "".join(
        f'<details id="{escape(name)}"><summary><code>{escape(name)}</code> {escape(schema.get("description", ""))}'
        f"</summary>{_json(schema)}</details>"
        for name, schema in sorted(document["components"]["schemas"].items())
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Roost: HTTP</title>'
        '<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="docs/style.css"></head><body>'
        f"<h1>Roost {escape(info['version'])}</h1><p>{escape(info['description'])}</p>"
        f'<p><a href="openapi.json">openapi.json</a></p>{body}<h2>schemas</h2>{schemas}</body></html>'
    )


def _entry(method: str, path: str, operation: dict[str, Any]) -> str:
    parts = [f"<p>{escape(operation.get('description', ''))}</p>"]
    parts += [f"<h3>{escape(name)}</h3>{_json(operation[key])}" for key, name in _PARTS if key in operation]
    token = "".join(f' <span class="token">{_shown(way)}</span>' for way in operation["security"])
    return (
        f"<details><summary><code><b>{method.upper()}</b> {escape(path)}</code> {escape(operation['summary'])}{token}"
        f"</summary>{''.join(parts)}</details>"
    )


def _shown(security: dict[str, list[str]]) -> str:
    return "token" if "bearer" in security else f"key: {', '.join(security['key'])}"


_PARTS = (("parameters", "path and query"), ("requestBody", "body"), ("responses", "answers"))


def _json(value: Any) -> str:
    return f"<pre>{escape(msgspec.json.format(msgspec.json.encode(value)).decode())}</pre>"


def _rules(rules: Iterable[str]) -> bytes:
    return "\n".join(rules).encode()


STYLE = _rules(
    (
        ":root{color-scheme:light dark}",
        "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}",
        "summary{cursor:pointer;padding:.25rem 0}",
        "h2{margin:2rem 0 .5rem;border-bottom:1px solid #8886}",
        "h3{margin:.5rem 0;font-size:1rem}",
        "pre{overflow-x:auto;padding:.75rem;background:#8882;font-size:.85rem}",
        ".token{font-size:.75rem;border:1px solid #8888;border-radius:.5rem;padding:0 .4rem}",
    )
)
