"""The shape of a record as every door must bring it: the OpenAPI file, and nothing beside it.

API, CSV and pages hand over plain JSON values; here they are checked against the
same schema, and each fault is told by its JSON pointer in a sentence.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any

import jsonschema_rs
import yaml

from hub.errors import Fault

POSTED = ("invoice", "credit_memo", "payment", "refund")
"""The kinds of records that make postings."""
KINDS = ("customer", "charge", "billing_cycle", *POSTED)
"""Every kind of record, in an order in which each refers only to those before it."""

Body = dict[str, Any]


@cache
def specification() -> dict[str, Any]:
    """Return the OpenAPI document."""
    text = resources.files("hub").joinpath("api.yaml").read_text("utf-8")
    loaded: dict[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)
    return loaded


def schema(kind: str) -> dict[str, Any]:
    """Return the schema of one kind of record."""
    found: dict[str, Any] = specification()["components"]["schemas"][kind]
    return found


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """Return ``schema`` with its reference followed; what stands beside the reference wins."""
    if "$ref" not in schema:
        return schema
    target = specification()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return {**target, **{key: value for key, value in schema.items() if key != "$ref"}}


@cache
def _validator(kind: str) -> Any:
    document = {"$ref": f"#/components/schemas/{kind}", "components": specification()["components"]}
    return jsonschema_rs.validator_for(document, validate_formats=True)


def faults(kind: str, body: Any) -> list[Fault]:
    """List everything wrong with ``body`` as a record of ``kind``; empty when it is right."""
    found = list(_unstorable(body, ""))
    if found:
        return found
    return [fault for error in _validator(kind).iter_errors(body) for fault in _sentences(error)]


def _unstorable(value: Any, path: str) -> Iterator[Fault]:
    """Text that no database can keep: NUL and other control characters, half surrogates."""
    if isinstance(value, str):
        if any(char < " " and char not in "\t\n\r" for char in value) or not _encodable(value):
            yield Fault(path, "holds a control character or half a character; send plain text.")
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _unstorable(key, f"{path}/{_token(key)}")
            yield from _unstorable(inner, f"{path}/{_token(key)}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _unstorable(inner, f"{path}/{index}")


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _token(key: object) -> str:
    """Return one step of a JSON pointer (RFC 6901)."""
    return str(key).replace("~", "~0").replace("/", "~1").encode("utf-8", "replace").decode()


def _sentences(error: Any) -> Iterator[Fault]:
    path = "".join(f"/{_token(step)}" for step in error.instance_path)
    detail = error.kind.as_dict()
    match error.kind.name:
        case "required":
            yield Fault(f"{path}/{_token(detail['property'])}", "is missing; it is required.")
        case "additionalProperties":
            for name in detail["unexpected"]:
                yield Fault(f"{path}/{_token(name)}", "is not a field of this record; leave it out.")
        case "pattern" | "type" | "format":
            yield Fault(path, f"{_shown(error.instance)} cannot be taken here. {_wanted(error)}".strip())
        case "maxLength":
            yield Fault(path, f"has {len(error.instance)} characters; {detail['limit']} are allowed.")
        case "minLength" | "minItems":
            yield Fault(path, "is empty; it needs a value.")
        case _:
            yield Fault(path, f"{error.message}.")


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:57]}…"


_WANTED = {
    "Amount": 'Write an amount as a string with two decimals, such as "12.50".',
    "Positive": 'Write an amount above zero as a string with two decimals, such as "12.50".',
    "Decimal": 'Write a number as a string of up to five decimals, such as "1.5".',
    "Date": "Write a day that exists as YYYY-MM-DD, such as 2026-01-31.",
    "Currency": "Write a currency as three capital letters, such as USD.",
    "Name": "Write at least one letter or digit.",
}


def _wanted(error: Any) -> str:
    """Say what would be right, from the named schema the value was held against."""
    names = [str(step) for step in error.schema_path]
    for name, sentence in _WANTED.items():
        if name in names:
            return sentence
    if error.kind.name == "format" or "date" in str(error.instance_path[-1:]):
        return _WANTED["Date"]
    if names[-2:-1] == ["price"]:
        return _WANTED["Amount"]
    if error.kind.name == "type":
        return f"It must be {' or '.join(error.kind.as_dict()['types'])}."
    return ""


def external_id_fault(external_id: Any) -> Fault | None:
    """Say what is wrong with an external id, or nothing."""
    found = faults("ID", external_id)
    return Fault("/external_id", found[0].sentence) if found else None


def day(text: str | None) -> dt.date | None:
    """Read a day that the contract has accepted."""
    return dt.date.fromisoformat(text) if text else None


def decimal(value: str | int | None) -> Decimal | None:
    """Read a number that the contract has accepted."""
    return None if value in (None, "") else Decimal(value)
