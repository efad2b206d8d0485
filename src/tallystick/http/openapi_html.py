"""The OpenAPI document as people read it: one page that needs no script and no other host.

Everything in the document is text to this page: it is escaped in `_text`, and there is no other way in.
"""

import re
from html import escape
from importlib.resources import files
from typing import Any, Final

Json = dict[str, Any]  # a JSON object of the document

_CODE: Final = re.compile(r"`([^`]+)`")
_VERBS: Final = ("get", "post", "put", "patch", "delete", "options")


def style() -> str:
    """The page's style sheet, as it stands within the page."""
    return (files("tallystick.http") / "openapi.css").read_text()


def page(document: Json, style_sheet: str) -> str:
    """The whole page."""
    info = document["info"]
    operations = [
        (verb, path, item[verb]) for path, item in document["paths"].items() for verb in _VERBS if verb in item
    ]
    groups = [(tag, [one for one in operations if tag["name"] in one[2]["tags"]]) for tag in document["tags"]]
    components = document["components"]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{_text(info['title'])} API</title><style>{style_sheet}</style></head><body>"
        f"<header><h1>{_text(info['title'])} <small>{_text(info['version'])}</small></h1>{_prose(info['description'])}"
        '<p>For programs: <a href="/openapi.json">/openapi.json</a></p></header>'
        f"<nav aria-label='Operations'>{''.join(_contents(*group) for group in groups)}</nav><main>"
        f"{_schemes(components['securitySchemes'])}"
        f"{''.join(_group(*group) for group in groups)}"
        f"<section><h2>When it fails</h2><dl>{''.join(_failure(*one) for one in components['responses'].items())}</dl></section>"
        f"<section><h2 id='shapes'>Shapes</h2>{''.join(_shape(*one) for one in components['schemas'].items())}</section>"
        "</main></body></html>"
    )


def _contents(tag: Json, operations: list[tuple[str, str, Json]]) -> str:
    lines = [
        f'<li><a href="#{_text(one["operationId"])}">{_verb(verb)}<code>{_path(path)}</code></a></li>'
        for verb, path, one in operations
    ]
    return f"<h2>{_text(tag['name'])}</h2><ul>{''.join(lines)}</ul>"


def _schemes(schemes: Json) -> str:
    lines = [
        f"<dt><code>{_text(scheme.get('name') or 'Authorization: ' + scheme['scheme'].title())}</code></dt>"
        f"<dd>{_text(scheme['description'])}</dd>"
        for scheme in schemes.values()
    ]
    return f"<section><h2>Who asks</h2><dl>{''.join(lines)}</dl></section>"


def _group(tag: Json, operations: list[tuple[str, str, Json]]) -> str:
    inner = "".join(_operation(*operation) for operation in operations)
    return f"<section><h2>{_text(tag['name'])}</h2>{_prose(tag['description'])}{inner}</section>"


def _operation(verb: str, path: str, operation: Json) -> str:
    return (
        f'<article id="{_text(operation["operationId"])}"><h3>{_verb(verb)}<code>{_path(path)}</code></h3>'
        f"<p class='lead'>{_text(operation['summary'])}</p>{_prose(operation.get('description', ''))}"
        f"<p class='who'>{_text(_who(operation['security']))}</p>"
        f"{_parameters(operation.get('parameters', []))}{_takes(operation.get('requestBody'))}"
        f"<h4>Answers</h4><ul>{''.join(_answer(*one) for one in operation['responses'].items())}</ul></article>"
    )


def _who(security: list[Json]) -> str:
    if not security:
        return "Open to everybody."
    if {} in security:
        return "Takes a live token, or a login and its password."
    return "Takes a live token."


def _parameters(parameters: list[Json]) -> str:
    lines = [
        f"<dt><code>{_text(one['name'])}</code> <small>{_text(one['in'])}, {_type(one['schema'])}</small></dt>"
        f"<dd>{_text(one['description'])}</dd>"
        for one in parameters
    ]
    return f"<h4>Parameters</h4><dl>{''.join(lines)}</dl>" if lines else ""


def _takes(body: Json | None) -> str:
    if body is None:
        return ""
    kinds = body["content"]
    (schema,) = {_type(kind["schema"]) for kind in kinds.values()}
    listed = ", ".join(f"<code>{_text(kind)}</code>" for kind in kinds)
    need = "" if body["required"] else ", which may be empty"
    return f"<h4>Body</h4><p>{schema}{need}, as {listed}</p>"


def _answer(status: str, answer: Json) -> str:
    if "$ref" in answer:
        return f"<li><b class='no'>{_text(status)}</b> {_named(answer, 'failure')}</li>"
    shapes = " ".join(_type(kind["schema"]) for kind in answer.get("content", {}).values())
    return f"<li><b class='ok'>{_text(status)}</b> {shapes or _text(answer['description'])}</li>"


def _failure(name: str, response: Json) -> str:
    return f'<dt id="failure-{_text(name)}"><code>{_text(name)}</code></dt><dd>{_text(response["description"])}</dd>'


def _shape(name: str, schema: Json) -> str:
    required = schema.get("required", [])
    lines = [
        f"<dt><code>{_text(key)}</code> <small>{_type(prop)}{'' if key in required else ', may be left out'}</small></dt>"
        f"<dd>{_text(prop.get('description', ''))}</dd>"
        for key, prop in schema.get("properties", {}).items()
    ]
    if "enum" in schema:
        lines = [f"<dt>{_type(schema)}</dt>"]
    return (
        f'<article id="shape-{_text(name)}"><h3><code>{_text(name)}</code></h3>'
        f"{_prose(schema.get('description', ''))}<dl>{''.join(lines)}</dl></article>"
    )


def _type(schema: Json) -> str:
    """A schema in a few words, with a link where it has a name."""
    if "$ref" in schema:
        return _named(schema, "shape")
    if "anyOf" in schema:
        return " or ".join(_type(branch) for branch in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    if "enum" in schema:
        return " or ".join(f"<code>{_text(word)}</code>" for word in schema["enum"])
    return _text(schema.get("format") or schema.get("type", "anything"))


def _named(reference: Json, kind: str) -> str:
    name = _text(reference["$ref"].rpartition("/")[2])
    return f'<a href="#{kind}-{name}">{name}</a>'


def _verb(verb: str) -> str:
    return f'<b class="verb {_text(verb)}">{_text(verb.upper())}</b> '


def _path(path: str) -> str:
    # A long path may break after a slash: on a phone it has to.
    return _text(path).replace("/", "/<wbr>")


def _prose(text: str) -> str:
    return "".join(f"<p>{_text(part)}</p>" for part in text.split("\n\n") if part.strip())


def _text(text: str) -> str:
    """Text, escaped; `code` in backticks becomes that."""
    return _CODE.sub(r"<code>\1</code>", escape(text))
