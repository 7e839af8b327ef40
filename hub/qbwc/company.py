"""Reading who is at the other end: QuickBooks' Host, Company and Preferences answers.

The Web Connector sends them with the first call of each session. They tell whether
this is the company file that the connection was set up for, before anything is
written (protocol.md A.6).
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import Any

from hub.errors import QBXMLError
from hub.qbwc import qbxml
from hub.qbwc.qbxml import Element


@dataclass(frozen=True)
class Company:
    """The company file that is open, and what it allows."""

    name: str
    is_sample: bool
    stamps: dict[str, str]
    """The FileID that each application (OwnerID) has written into it, both normalised."""
    facts: dict[str, Any]
    """What is remembered of it: product, qbXML version, currency, class tracking, closing date."""


def normal(guid: Any) -> str:
    """Return a GUID so that two can be compared: no braces, one case."""
    return str(guid).strip().strip("{}").lower()


def read(hcp: str) -> Company:
    """Read the Host, Company and Preferences answers.

    :raises QBXMLError: when they cannot be read or no company is among them.
    """
    answers = {answer.kind: answer for answer in qbxml.parse_answers(hcp).answers}
    host = _first(answers, "HostQuery")
    company = _first(answers, "CompanyQuery")
    preferences = _first(answers, "PreferencesQuery")
    if company is None:
        raise QBXMLError("QuickBooks gave no company information.")
    name = company.get("CompanyName") or company.get("LegalCompanyName")
    return Company(
        name,
        company.get("IsSampleCompany").lower() in ("true", "1"),
        {
            normal(ext.get("OwnerID")): normal(ext.get("DataExtValue"))
            for ext in company.all("DataExtRet")
            if ext.get("DataExtName") == "FileID"
        },
        _facts(host, preferences),
    )


def _first(answers: dict[str, qbxml.Answer], kind: str) -> Element | None:
    returned = answers[kind].returned if kind in answers else []
    return returned[0] if returned else None


def _facts(host: Element | None, preferences: Element | None) -> dict[str, Any]:
    facts: dict[str, Any] = {"currency": "USD", "qbxml": qbxml.VERSION}
    if host is not None:
        facts["product"] = host.get("ProductName")
        facts["qbxml"] = _version([version.text for version in host.all("SupportedQBXMLVersion")])
    if preferences is not None:
        accounting = "AccountingPreferences"
        facts["class_tracking"] = preferences.get(f"{accounting}/IsUsingClassTracking") == "true"
        facts["closing_date"] = preferences.get(f"{accounting}/ClosingDate") or None
    return facts


def _version(supported: list[str]) -> str:
    """Return the qbXML version to speak: 13.0, or the highest that QuickBooks knows below it."""
    numbers = [
        float(version) for version in supported if re.fullmatch(r"\d{1,3}(\.\d)?", version, re.ASCII)
    ]
    return f"{min(float(qbxml.VERSION), max(numbers, default=float(qbxml.VERSION))):.1f}"


def objection(company: Company, owner_id: uuid.UUID, file_id: uuid.UUID) -> str | None:
    """Say why nothing may be written into this company file, or nothing."""
    stamp = company.stamps.get(normal(owner_id))
    if stamp is None:
        return (
            f"“{company.name}” does not carry this connection's mark. In the Web Connector, add the QWC "
            "file again while the right company file is open."
        )
    if stamp != normal(file_id):
        return (
            f"“{company.name}” is not the company file this connection was set up for. "
            "Open the right company file in QuickBooks, then run again."
        )
    if company.is_sample:
        return f"“{company.name}” is QuickBooks' sample company. Open your own company file."
    return None
