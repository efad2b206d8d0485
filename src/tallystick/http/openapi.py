"""The service as programs read it: an OpenAPI 3.1 document, made from the route table and the wire's types.

Nothing is described twice: paths, guards, types and statuses stand in the table, sentences in the docstrings of handlers,
modules, types and errors.  Only what no type can say is added here, each list in one place.
"""

import inspect
import re
import sys
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import version
from typing import Any, Final, get_args

import msgspec
from msgspec import UnsetType

from tallystick.core.errors import Forbidden, TallystickError, Unauthenticated
from tallystick.http import (
    batch,
    bodies,
    errors,
    find,
    wire,
)
from tallystick.http import openapi_words as words
from tallystick.http.guards import (
    about_itself,
    any_token,
    anyone,
    asked_token,
    client_token,
    ending_itself,
    maybe_token,
    scraper,
)
from tallystick.http.queries import Json
from tallystick.http.routes import Route

_TITLE: Final = "Tallystick"
_REF: Final = "#/components/schemas/{name}"
_RESPONSE: Final = "#/components/responses/{name}"
_NO_CONTENT: Final = 204
_PARAMETER: Final = re.compile(r"{(\w+)}")

_SENTENCE_END: Final = re.compile(r"\.(?=\s|$)")

# What a guard asks for, as OpenAPI says it: one of these, and `{}` for nothing.
_SECURITY: Final[dict[Any, list[Json]]] = {
    anyone: [],
    **{
        guard: [{"fastly_key": []}, {"bearer": []}]
        for guard in (any_token, about_itself, ending_itself, asked_token, scraper)
    },
    client_token: [{"fastly_key": []}, {"bearer": []}, {"basic": []}],
    maybe_token: [{"fastly_key": []}, {"bearer": []}, {"basic": []}, {}],
}
_SCHEMES: Final = {
    "fastly_key": {
        "type": "apiKey",
        "in": "header",
        "name": "Fastly-Key",
        "description": "The secret of a live token, as every Fastly client sends it.",
    },
    "bearer": {"type": "http", "scheme": "bearer", "description": "The same secret, as everybody else sends it."},
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "Login and password.  They can stand in the body as well; empty ones count as absent.  OAuth's clients: a "
        "token's id and its secret.",
    },
}


class Error(errors.Body, omit_defaults=True):
    """What went wrong: `msg` for the reader, more of it in `detail`, a word for programs in `code`."""


@lru_cache(maxsize=4)
def document(table: Sequence[Route]) -> Json:
    """The document for a table of routes.  Made once; treat it as read-only."""
    shapes = {route.takes for route in table} | {route.gives for route in table} | {Error, errors.Problem}
    failures = [(as_problem, error) for as_problem in (False, True) for error in errors.STATUS]
    types = sorted((shape for shape in shapes if shape is not None), key=repr)
    paths: dict[str, Json] = {}
    for route in table:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": _TITLE, "version": version("tallystick"), "description": _ABOUT},
        "servers": [{"url": "/"}],
        "tags": _tags(table),
        "paths": paths,
        "components": {
            "securitySchemes": _SCHEMES,
            "responses": {_failed(error, as_problem=new): _failure(error, as_problem=new) for new, error in failures},
            "schemas": msgspec.json.decode(msgspec.json.encode(_schemas(types))),  # defaults may be tuples
        },
    }


_ABOUT: Final = (
    "Issue, inspect, list and revoke API tokens.  It speaks Fastly's Tokens API: the official Fastly clients work against "
    "it unchanged.\n\nErrors are JSON on every path.  Times are UTC, in whole seconds; those of events have milliseconds."
)


def _operation(route: Route) -> Json:
    summary, description = _sentences(route.handler)
    operation: Json = {"operationId": _name(route), "tags": [_tag(route)], "summary": summary}
    if description:
        operation["description"] = description
    if parameters := _parameters(route):
        operation["parameters"] = parameters
    if route.takes is not None:
        operation["requestBody"] = _request_body(route.takes)
    operation["responses"] = {str(status): answer for status, answer in _responses(route)}
    operation["security"] = _SECURITY[route.guard]
    return operation


def _parameters(route: Route) -> list[Json]:
    text = {"type": "string"}
    path = [
        {"name": name, "in": "path", "required": True, "description": words.PARAMETERS[name], "schema": text}
        for name in _PARAMETER.findall(route.path)
    ]
    query = [
        {"name": one.name, "in": "query", "required": False, "description": one.about, "schema": one.schema}
        for one in words.QUERIES.get(_name(route), ())
    ]
    code = {"type": "string", "pattern": "^[0-9]{6}$"}
    otp = {"name": "Fastly-OTP", "in": "header", "required": False, "description": words.OTP, "schema": code}
    return [*path, *query, *([otp] if _proves_password(route) else [])]


def _request_body(takes: Any) -> Json:
    kinds: tuple[str, ...] = (*bodies.JSON, bodies.FORM)
    if takes is wire.BulkRevoke:
        # A list of objects has no form; its own type, which every official client but one sends, goes first.
        kinds = tuple(reversed(bodies.JSON))
    if takes in words.JSON_ONLY:
        kinds = bodies.JSON
    required = takes == list[batch.Asked] or any(field.required for field in msgspec.structs.fields(takes))
    return {"required": required, "content": {kind: {"schema": _schema(takes)} for kind in kinds}}


def _responses(route: Route) -> list[tuple[int, Json]]:
    """What it answers, by status: the one success, then what the table, its guard and its body can make fail."""
    named = {status: _failed(error, as_problem=route.problems) for error, status in errors.STATUS.items()}
    failing = [(status, {"$ref": _RESPONSE.format(name=named[status])}) for status in sorted(_statuses(route))]
    return [_success(route), *failing]


def _success(route: Route) -> tuple[int, Json]:
    queries = {query.name for query in words.QUERIES.get(_name(route), ())}
    paged = ["Link"] if queries & {"limit", "per_page"} else []
    headers = _headers("Cache-Control", *((*words.LEFT, "tallystick-receipt") if route.writes else ()), *paged)
    if route.method == "DELETE" and route.gives is None:
        return _NO_CONTENT, {"description": "Done.  There is nothing to say.", "headers": headers}
    schema = {"type": "string"} if route.media.startswith("text/") else _schema(route.gives)
    return 200, {"description": "Done.", "headers": headers, "content": {route.media: {"schema": schema}}}


def _failed(error: type[TallystickError], *, as_problem: bool) -> str:
    return f"{error.__name__}Problem" if as_problem else error.__name__


def _failure(error: type[TallystickError], *, as_problem: bool) -> Json:
    names = ["Cache-Control", *words.LEFT]
    if error in (Unauthenticated, Forbidden):
        names.append("WWW-Authenticate")
    if error is errors.WrongMethod:
        names.append("Allow")
    if error.default_retry_after is not None:
        names.append("Retry-After")
    media, shape = (errors.PROBLEM, errors.Problem) if as_problem else ("application/json", Error)
    content = {media: {"schema": _schema(shape)}}
    return {"description": _first_line(error), "headers": _headers(*names), "content": content}


def _statuses(route: Route) -> set[int]:
    statuses = set(route.fails)
    if route.guard is not anyone:
        statuses |= {400, 401, 503}  # two different tokens, no live one, no store to ask
    if route.takes is not None:
        statuses |= {400, 413, 415}
    if _proves_password(route) or route.writes:
        statuses.add(429)
    return statuses


def _proves_password(route: Route) -> bool:
    fields = set(getattr(route.takes, "__struct_fields__", ()))
    return {"username", "password"} <= fields or "old_password" in fields


# --- Schemas --------------------------------------------------------------------------------------------------------------


def _schema(shape: Any) -> Json:
    if shape is None:
        return {"type": "object"}
    (schema,), _ = msgspec.json.schema_components([shape], ref_template=_REF)
    return schema


def _schemas(types: list[Any]) -> Json:
    _, schemas = msgspec.json.schema_components(types, ref_template=_REF)
    for shape in types:
        if inspect.isclass(shape) and (optional := _left_out(shape)):
            schema = schemas[shape.__name__]
            schema["required"] = [name for name in schema["required"] if name not in optional]
    for query in find.FILTERS:  # a rule is asked for as a list is
        schemas["RevokeMatching"]["properties"][query.name] = {**query.schema, "description": query.about}
    for schema in schemas.values():
        for name, prop in schema.get("properties", {}).items():
            _say(prop, words.FIELDS.get(name, {}))
    schemas["BulkItem"] |= words.BULK_ITEM
    return dict(sorted(schemas.items()))


def _left_out(shape: Any) -> set[str]:
    """Fields that an answer may leave out, for a client that cannot read their null."""
    fields = () if get_args(shape) else msgspec.structs.fields(shape)
    return {field.name for field in fields if UnsetType in get_args(field.type)}


def _say(prop: Json, about: Json) -> None:
    """Add what is known of a name, unless the type says more.  A form stands with the string that has it, not beside null."""
    if "description" in prop:
        return
    rest = dict(about)
    if "description" in rest:
        prop["description"] = rest.pop("description")
    for branch in prop.get("anyOf", [prop]):
        if branch.get("type") == "string":
            branch.update(rest)


# --- Words ----------------------------------------------------------------------------------------------------------------


def _tags(table: Sequence[Route]) -> list[Json]:
    modules = {_tag(route): sys.modules[route.handler.__module__] for route in table}
    return [{"name": name, "description": _first_line(module)} for name, module in modules.items()]


def _tag(route: Route) -> str:
    return route.handler.__module__.rpartition(".")[2]


def _name(route: Route) -> str:
    return getattr(route.handler, "__name__", route.path)


def _headers(*names: str) -> Json:
    return {name: {"description": words.HEADERS[name], "schema": {"type": "string"}} for name in names}


def _sentences(thing: object) -> tuple[str, str]:
    """A docstring's first sentence, without its full stop, and the rest."""
    first, _, rest = _SENTENCE_END.sub("\0", inspect.getdoc(thing) or "", count=1).partition("\0")
    return first, rest.strip()


def _first_line(thing: object) -> str:
    return (inspect.getdoc(thing) or "").partition("\n")[0]
