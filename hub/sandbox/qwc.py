"""The .qwc file, read as the Web Connector reads it when an application is added (protocol.md B)."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree

from hub.errors import HubError

REQUIRED = (
    *("AppName", "AppURL", "AppDescription", "AppSupport", "UserName"),
    *("OwnerID", "FileID", "QBType"),
)
CHOICES = {
    "QBType": ("QBFS", "QBPOS"),
    "Style": ("Document", "DocWrapped", "RPC"),
    "PersonalDataPref": ("pdpNotNeeded", "pdpOptional", "pdpRequired"),
    "UnattendedModePref": ("umpOptional", "umpRequired"),
    "IsReadOnly": ("true", "false"),
    "Notify": ("true", "false"),
}
GUID = re.compile(r"\{[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}")
DEFAULT_SECONDS = 3600


class QBWCError(HubError):
    """The Web Connector's own trouble: its code (``QBWC1039``) and a sentence (protocol.md A.8)."""

    def __init__(self, code: int, sentence: str):
        super().__init__(f"QBWC{code}: {sentence}")
        self.code = f"QBWC{code}"
        self.sentence = sentence


@dataclass(frozen=True)
class QWC:
    """One application as its .qwc file describes it."""

    app_name: str
    app_url: str
    app_support: str
    username: str
    owner_id: str
    file_id: str
    seconds: int
    """How often it wants to run."""


def load(path: str | Path) -> QWC:
    """Read the .qwc file at ``path``; see ``parse``."""
    try:
        text = Path(path).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise QBWCError(1039, f"The file {path} cannot be read: {error}.") from None
    return parse(text)


def parse(text: str) -> QWC:
    """Read a .qwc file.

    :raises QBWCError: with the code the Web Connector would show.
    """
    values = _values(text)
    for name in REQUIRED:
        if not values.get(name):
            raise QBWCError(1039, f"The QWC file lacks the element {name}.")
    if "AppID" not in values:
        raise QBWCError(1039, "The QWC file lacks the element AppID, which may be empty.")
    for name in ("OwnerID", "FileID"):
        if not GUID.fullmatch(values[name]):
            raise QBWCError(1039, f"{name} must be a GUID in braces and is {values[name]!r}.")
    for name, choices in CHOICES.items():
        if name in values and values[name] not in choices:
            raise QBWCError(1039, f"{name} must be one of {', '.join(choices)}.")
    if not re.fullmatch(r"0x[0-9a-fA-F]+|\d+", values.get("AuthFlags", "0x0")):
        raise QBWCError(1034, f"AuthFlags cannot be set to {values['AuthFlags']!r}.")
    if values["QBType"] != "QBFS" or values.get("Style", "Document") != "Document":
        raise QBWCError(1039, "The sandbox speaks to QuickBooks (QBFS) in the Document style only.")
    _check_addresses(values["AppURL"], values["AppSupport"])
    return QWC(
        *(values["AppName"], values["AppURL"], values["AppSupport"], values["UserName"]),
        *(values["OwnerID"], values["FileID"], _seconds(values)),
    )


def _values(text: str) -> dict[str, str]:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise QBWCError(1039, "A QWC file holds no DOCTYPE.")
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        raise QBWCError(1039, f"The QWC file is not well-formed XML: {error}.") from None
    if root.tag != "QBWCXML":
        raise QBWCError(1039, f"The outermost element must be QBWCXML and is {root.tag}.")
    return {element.tag: (element.text or "").strip() for element in root.iter() if not len(element)}


def _check_addresses(app_url: str, app_support: str) -> None:
    hosts = []
    for code, name, url in ((1001, "AppURL", app_url), (1002, "AppSupport", app_support)):
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        if not host or parts.scheme not in ("http", "https"):
            raise QBWCError(1039, f"{name} is not the address of a page: {url!r}.")
        if _is_number(host):
            raise QBWCError(code, f"{name} must not be an IP address; use the name of the server.")
        if name == "AppURL" and parts.scheme != "https" and host != "localhost":
            raise QBWCError(1010, "AppURL must begin with https, unless the server is localhost.")
        hosts.append(host)
    if hosts[0] != hosts[1]:
        raise QBWCError(1000, "AppURL and AppSupport must be on the same server.")


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _seconds(values: dict[str, str]) -> int:
    """Return the interval of the Scheduler element; where both are given the first wins."""
    for name, value in values.items():
        if name in ("RunEveryNMinutes", "RunEveryNSeconds") and value.isdecimal():
            return int(value) * (60 if name == "RunEveryNMinutes" else 1)
    return DEFAULT_SECONDS
