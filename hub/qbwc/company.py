"""The company guard: who is at the other end, and whether it may be written to.

The Web Connector sends QuickBooks' Host, Company and Preferences answers with the first
call of each session. Before anything is written they must show the stamp (OwnerID and
FileID) that this connection put into its company file, in the file and under the name
that a person has confirmed (protocol.md A.6, product.md e4 HUB-FILE).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hub.books.models import Connection, Trouble
from hub.errors import QBXMLError
from hub.qbwc import qbxml
from hub.qbwc.qbxml import Element

COUNTRIES = ("", "US")
"""The editions of QuickBooks whose taxes and forms the hub knows; an old one names no country."""
OLDEST = 9.0
"""The qbXML version in which transactions got their ExternalGUID (QuickBooks 2010)."""


@dataclass(frozen=True)
class Company:
    """The company file that is open, and what it allows."""

    name: str
    path: str
    country: str
    is_sample: bool
    stamps: dict[str, str]
    """The FileID that each application (OwnerID) has written into it, both normalised."""
    facts: dict[str, Any]
    """What is remembered of it: product, qbXML version, currency, class tracking, closing date, and the
    ListIDs of its usual sales tax codes."""


@dataclass(frozen=True)
class Objection:
    """Why nothing may be written into a company file."""

    trouble: Trouble
    sentence: str


def normal(guid: Any) -> str:
    """Return a GUID so that two can be compared: no braces, one case."""
    return str(guid).strip().strip("{}").lower()


def read(hcp: str, path: str, country: str = "") -> Company:
    """Read the Host, Company and Preferences answers of the company file at ``path``. The Web
    Connector's word on the ``country`` counts where QuickBooks has none.

    :raises QBXMLError: when they cannot be read or no company is among them.
    """
    answers = {answer.kind: answer for answer in qbxml.parse_answers(hcp).answers}
    host = _first(answers, "HostQuery")
    company = _first(answers, "CompanyQuery")
    if company is None:
        raise QBXMLError("QuickBooks gave no company information.")
    return Company(
        company.get("CompanyName") or company.get("LegalCompanyName"),
        path,
        (host.get("Country") if host is not None else "") or country,
        company.get("IsSampleCompany").lower() in ("true", "1"),
        {
            normal(ext.get("OwnerID")): normal(ext.get("DataExtValue"))
            for ext in company.all("DataExtRet")
            if ext.get("DataExtName") == "FileID"
        },
        _facts(host, _first(answers, "PreferencesQuery")),
    )


def _first(answers: dict[str, qbxml.Answer], kind: str) -> Element | None:
    returned = answers[kind].returned if kind in answers else []
    return returned[0] if returned else None


_SALES_TAX_CODES = {
    "taxable_code": "DefaultTaxableSalesTaxCodeRef",
    "untaxed_code": "DefaultNonTaxableSalesTaxCodeRef",
}


def _facts(host: Element | None, preferences: Element | None) -> dict[str, Any]:
    facts: dict[str, Any] = {"currency": "USD", "qbxml": qbxml.VERSION}
    if host is not None:
        facts["product"] = host.get("ProductName")
        facts["qbxml"] = _version([version.text for version in host.all("SupportedQBXMLVersion")])
    if preferences is not None:
        accounting = "AccountingPreferences"
        facts["class_tracking"] = preferences.get(f"{accounting}/IsUsingClassTracking") == "true"
        facts["multi_currency"] = preferences.get("MultiCurrencyPreferences/IsMultiCurrencyOn") == "true"
        facts["closing_date"] = preferences.get(f"{accounting}/ClosingDate") or None
        for fact, name in _SALES_TAX_CODES.items():
            if list_id := preferences.get(f"SalesTaxPreferences/{name}/ListID"):
                facts[fact] = list_id
    return facts


def _version(supported: list[str]) -> str:
    """Return the qbXML version to speak: 13.0, or the highest that QuickBooks knows below it."""
    numbers = [
        float(version) for version in supported if re.fullmatch(r"\d{1,3}(\.\d)?", version, re.ASCII)
    ]
    return f"{min(float(qbxml.VERSION), max(numbers, default=float(qbxml.VERSION))):.1f}"


def objection(found: Company, owner_id: uuid.UUID, connection: Connection) -> Objection | None:
    """Say why nothing may be written into the company file that was found, or nothing."""
    stamp = found.stamps.get(normal(owner_id))
    if stamp is None:
        return Objection(
            Trouble.UNSTAMPED,
            f"“{found.name}” does not carry this connection's mark. In the Web Connector, add the QWC "
            "file again while the right company file is open.",
        )
    if stamp != normal(connection.file_id):
        expected = f" It was set up for “{connection.company_name}”." if connection.company_name else ""
        return Objection(
            Trouble.WRONG_FILE,
            f"“{found.name}” is not the company file this connection was set up for.{expected} "
            "Open the right company file in QuickBooks, then run again.",
        )
    if found.is_sample:
        return Objection(
            Trouble.SAMPLE,
            f"“{found.name}” is QuickBooks' sample company. Open your own company file.",
        )
    if found.country not in COUNTRIES:
        return Objection(
            Trouble.COUNTRY,
            f"“{found.name}” is kept in QuickBooks' {found.country} edition, and the hub knows the US "
            "edition only. Nothing is written into it; ask support what can be done.",
        )
    if float(found.facts["qbxml"]) < OLDEST:
        return Objection(
            Trouble.QUICKBOOKS,
            "This QuickBooks is older than 2010 and cannot keep the mark by which the hub knows its "
            "own entries again. Update QuickBooks, then run again.",
        )
    return _moved(found, connection) if connection.confirmed else None


def _moved(found: Company, connection: Connection) -> Objection | None:
    """The right stamp in another place or under another name: moved, renamed, or a copy."""
    before_path = connection.company_path or ""
    same_place = not (found.path and before_path) or _alike(found.path, before_path)
    if same_place and found.name == connection.company_name:
        return None
    here = f"“{found.name}” at {found.path or 'an unknown place'}"
    before = f"“{connection.company_name}” at {before_path or 'an unknown place'}"
    if not same_place and _is_known(found.path, connection.paths):
        cause = "Both carry this connection's mark, so one looks like a copy of the other."
    else:
        cause = "It carries this connection's mark, so it was moved, renamed or copied."
    return Objection(
        Trouble.MOVED,
        f"QuickBooks has {here} open; until now it was {before}. {cause} Nothing is written until "
        "somebody says on the Connection page which one is right.",
    )


def _alike(one: str, other: str) -> bool:
    """Windows tells paths apart neither by case nor by the slant of their strokes."""
    return _folded(one) == _folded(other)


def _folded(path: str) -> str:
    return path.strip().replace("/", "\\").casefold()


def _is_known(path: str, paths: Sequence[str | None]) -> bool:
    return any(_alike(path, known or "") for known in paths)
