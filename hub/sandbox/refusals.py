"""How QuickBooks says no: status codes and their sentences (protocol.md D.2).

A ``Refusal`` ends one request and becomes its answer. What keeps a whole message
from being read or carried out is a ``RequestProcessorError`` with a COM hresult.
"""

from __future__ import annotations

from hub.errors import HubError

MISSING = "Invalid argument.  The specified record does not exist in the list."


class Refusal(Exception):
    """One request that is not carried out, with the status it is answered with."""

    def __init__(self, code: int, message: str, severity: str = "Error"):
        super().__init__(message)
        self.code = code
        self.message = message
        self.severity = severity


class RequestProcessorError(HubError):
    """QuickBooks gave no answer at all; ``hresult`` is what the Web Connector passes on."""

    def __init__(self, hresult: str, message: str):
        super().__init__(message)
        self.hresult = hresult


class ParseError(RequestProcessorError):
    """A message QuickBooks could not read. Nothing of it was run (protocol.md A.5)."""

    def __init__(self, message: str, hresult: str = "0x80040400"):
        super().__init__(hresult, message)


def quoting(sentence: str, quickbooks: str) -> str:
    """Return a sentence with QuickBooks' own words behind it, the way statusMessage has them."""
    return f"{sentence}  QuickBooks error message: {quickbooks}"


def invalid_date(name: str, value: str) -> Refusal:
    return Refusal(
        3020, f'There was an error when converting the date value "{value}" in the field "{name}".'
    )


def too_long(name: str, value: str) -> Refusal:
    return Refusal(3070, f'The string "{value}" in the field "{name}" is too long.')


def colon(name: str) -> Refusal:
    sentence = f'There was an error when storing "{name}" in the "Name" field.'
    return Refusal(3090, quoting(sentence, "Names in this list cannot contain a colon (:)."))


def name_in_use(name: str) -> Refusal:
    return Refusal(3100, f'The name "{name}" of the list element is already in use.')


def not_found(id: str, why: str = MISSING) -> Refusal:
    return Refusal(3120, quoting(f'Object "{id}" specified in the request cannot be found.', why))


def no_parent(name: str, list: str) -> Refusal:
    return Refusal(3130, f'There is an invalid reference to the parent "{name}" in the {list} list.')


def invalid_reference(what: str, name: str, where: str, why: str = MISSING) -> Refusal:
    sentence = f'There is an invalid reference to QuickBooks {what} "{name}" in the {where}.'
    return Refusal(3140, quoting(sentence, why))


def missing_element(name: str) -> Refusal:
    return Refusal(3150, f'There is a missing element: "{name}".')


def not_deleted(id: str, why: str) -> Refusal:
    return Refusal(3160, quoting(f'Object "{id}" specified in the request cannot be deleted.', why))


def closed_for_change(kind: str) -> Refusal:
    return Refusal(
        3171,
        f"An attempt was made to modify a {kind} with a date that is on or before the closing date "
        "of the company.",
    )


def closed_for_new(kind: str) -> Refusal:
    return Refusal(
        3181,
        f"An attempt was made to save a {kind} with a date that is on or before the closing date "
        "of the company.",
    )


def not_saved(kind: str, why: str) -> Refusal:
    return Refusal(3180, quoting(f"There was an error when saving a {kind}.", why))


def stale(edit_sequence: str) -> Refusal:
    return Refusal(3200, f'The provided edit sequence "{edit_sequence}" is out-of-date. ')


def invalid_value(name: str, value: str, why: str) -> Refusal:
    return Refusal(3210, quoting(f'The "{name}" field has an invalid value "{value}".', why))


def not_processed() -> Refusal:
    return Refusal(3231, "The request has not been processed.")


def void_iterator(id: str) -> Refusal:
    """A real Web Connector's log shows this one for an iterator of a session that is over."""
    return Refusal(3391, f'The iteratorID "{id}" is not valid.')


def feature_off(what: str) -> Refusal:
    return Refusal(
        3250, f"This feature is not enabled or not available in this version of QuickBooks: {what}."
    )
