"""The QWC file: what a Web Connector needs to know of us, and never a password (protocol.md B)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from hub.books.models import Connection
from hub.errors import HubError
from hub.qbwc.letters import storable
from hub.tenants.models import Staff, Tenant

RUN_EVERY_MINUTES = 15


def filename(tenant: Tenant) -> str:
    """Return the file's name, such as ``acme.qwc``."""
    return f"{tenant.slug}.qwc"


def document(
    settings: Mapping[str, Any], tenant: Tenant, connection: Connection, staff: Staff | None
) -> str:
    """Return the file's text: the same identity on every call.

    :raises HubError: when the connection has no integration login yet.
    """
    if staff is None:
        raise HubError("There is no integration login yet: choose a username and password first.")
    url, name = settings["hub.url"], f"{settings['hub.name']} - {connection.name}"
    fields = {
        "AppName": name,
        "AppID": "",
        "AppURL": f"{url}/qbwc",
        "AppDescription": f"Carries billing records of {tenant.name} into QuickBooks"[:80],
        "AppSupport": f"{url}/help",
        "UserName": staff.login,
        "OwnerID": f"{{{tenant.owner_id}}}",
        "FileID": f"{{{connection.file_id}}}",
        "QBType": "QBFS",
        "Style": "Document",
        "Notify": "false",
        "AppDisplayName": f"{settings['hub.name']} ({tenant.name})",
        "AppUniqueName": name,
        "PersonalDataPref": "pdpNotNeeded",
        "UnattendedModePref": "umpOptional",
        "AuthFlags": "0xF",
    }
    lines = [f"  <{element}>{_ascii(value)}</{element}>" for element, value in fields.items()]
    schedule = f"  <Scheduler><RunEveryNMinutes>{RUN_EVERY_MINUTES}</RunEveryNMinutes></Scheduler>"
    parts = ['<?xml version="1.0"?>', "<QBWCXML>", *lines, schedule]
    return "\r\n".join([*parts, "  <IsReadOnly>false</IsReadOnly>", "</QBWCXML>", ""])


def _ascii(text: str) -> str:
    """Every Web Connector reads ASCII, whatever the tenant is called."""
    return escape(storable(text)).encode("ascii", "xmlcharrefreplace").decode()
