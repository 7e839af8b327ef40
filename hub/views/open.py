"""Pages that anybody may read: help, and the API's contract."""

from __future__ import annotations

from importlib import resources
from typing import Any

from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config

from hub.ledger.contract import resolved, schema, specification
from hub.qbwc import statuses

_KINDS = ("customer", "charge", "billing_cycle", "invoice", "payment", "credit_memo", "refund")
_PARTS = ("Line", "Tax", "Applied", "BatchResult", "Problem")

_CODES = (
    ("record", "QuickBooks answers a request", statuses.STATUSES),
    ("said", "QuickBooks says more in its own words", statuses.WORDS),
    ("lost", "The last answer was lost", statuses.MESSAGE_SETS),
    ("session", "QuickBooks cannot be opened, or stops", statuses.HRESULTS),
    ("connector", "The Web Connector says", statuses.WEB_CONNECTOR),
    ("other", "Any other number QuickBooks gives", statuses.RANGES),
)


@view_config(route_name="help", request_method="GET", renderer="hub:templates/help.jinja2")
def help_page(request: Request) -> dict[str, Any]:
    """What to do when the Web Connector stops: the AppSupport address of every QWC file."""
    return {}


@view_config(route_name="help_codes", request_method="GET", renderer="hub:templates/help_codes.jinja2")
def help_codes(request: Request) -> dict[str, Any]:
    """What every code means and what to do; each code is a fragment of this page's address."""
    return {
        "sections": [(slug, title, list(dict.fromkeys(table.values()))) for slug, title, table in _CODES]
    }


@view_config(route_name="api_file", request_method="GET")
def api_file(request: Request) -> Response:
    """The API's contract as machines read it."""
    raw = resources.files("hub").joinpath("api.yaml").read_bytes()
    return Response(raw, content_type="application/yaml", charset="utf-8")


@view_config(route_name="api_docs", request_method="GET", renderer="hub:templates/api_docs.jinja2")
def api_docs(request: Request) -> dict[str, Any]:
    """The same as people read it."""
    document = specification()
    return {
        "info": document["info"],
        "server": f"{request.registry.settings['hub.url']}{document['servers'][0]['url']}",
        "operations": list(_operations(document)),
        "schemas": [(name, schema(name), list(_fields(schema(name)))) for name in (*_KINDS, *_PARTS)],
    }


def _operations(document: dict[str, Any]) -> Any:
    for path, item in document["paths"].items():
        for method in ("get", "put", "post", "delete"):
            if method in item:
                operation = item[method]
                given = [*item.get("parameters", ()), *operation.get("parameters", ())]
                yield {
                    **operation,
                    "method": method.upper(),
                    "path": path,
                    "parameters": [_followed(document, one) for one in given],
                    "answers": _answers(document, operation["responses"]),
                }


def _answers(document: dict[str, Any], responses: dict[str, Any]) -> dict[str, list[str]]:
    """Return the codes of each answer, by what it says."""
    found: dict[str, list[str]] = {}
    for code, response in responses.items():
        said = _followed(document, response)["description"].rstrip(".")
        found.setdefault(said, []).append(code)
    return found


def _followed(document: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Return what a reference to a parameter or response leads to."""
    if "$ref" not in given:
        return given
    _, _, area, name = given["$ref"].split("/")
    found: dict[str, Any] = document["components"][area][name]
    return found


def _fields(given: dict[str, Any]) -> Any:
    required = given.get("required", ())
    for name, field in given.get("properties", {}).items():
        yield {
            "name": name,
            "type": _type(field),
            "required": name in required,
            "description": resolved(field).get("description", ""),
        }


def _type(field: dict[str, Any]) -> str:
    if named := field.get("$ref", "").rpartition("/")[2]:
        return "text" if named in ("Text", "ShortText", "Name", "ID") else named
    if "enum" in field:
        return " or ".join(str(value) for value in field["enum"])
    kind = field.get("type", "")
    kinds = [kind] if isinstance(kind, str) else list(kind)
    name = next((one for one in kinds if one != "null"), "")
    if name == "array":
        inner = field["items"]
        return f"list of {_type(inner)}" if "anyOf" not in inner else "list of faults"
    if name == "string":
        return "Date" if field.get("format") == "date" else "text"
    return name
