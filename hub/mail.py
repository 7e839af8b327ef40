"""Mail: a message is composed from checked parts, and sent now.

With ``mail.host`` set it goes to that server. In development without one it is written to
``hub.var``/mail as an ``.eml`` file, which any mail program opens.
"""

from __future__ import annotations

import datetime as dt
import logging
import mimetypes
import os
import re
import smtplib
import ssl
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Any, NamedTuple

from hub import settings as configuration
from hub.errors import Fault, HubError, Refused

log = logging.getLogger(__name__)

PATIENCE = 20
"""Seconds for each step of talking to the mail server."""
LONGEST = 254
"""Characters of an address that a mail server must take (RFC 5321)."""

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(
    r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"
)


class Attachment(NamedTuple):
    """A file that goes with a message."""

    name: str
    content: bytes


def address(text: str, field: str = "") -> str:
    """Return the email address ``text``, its domain as the wire wants it.

    :raises Refused: when it is none, or more than one; a fault of ``field`` if that is given.
    """
    local, at, domain = text.strip().rpartition("@")
    try:
        domain = domain.encode("idna").decode() if domain else ""
    except UnicodeError:
        domain = ""
    known = at and _LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain) and len(local) <= 64
    if not known or len(local) + 1 + len(domain) > LONGEST:
        shown = " ".join(text.split())[:80]
        sentence = f"“{shown}” is not an email address, such as anna@example.com."
        raise Refused(sentence, [Fault(f"/{field}", sentence)] if field else [])
    return f"{local}@{domain}"


def compose(
    recipient: str, subject: str, body: str, attachments: Iterable[Attachment] = ()
) -> EmailMessage:
    """Return a message of plain text to one ``recipient``.

    :raises Refused: when the address, the subject or the name of a file cannot be used.
    """
    message = EmailMessage()
    message["To"] = address(recipient)
    message["Subject"] = _one_line(subject, "The subject")
    message.set_content(body)
    for name, content in attachments:
        kind, _ = mimetypes.guess_type(name)
        major, _, minor = (kind or "application/octet-stream").partition("/")
        if major in ("text", "message", "multipart"):  # sent as the bytes they are
            major, minor = "application", "octet-stream"
        filename = _one_line(name, "The name of an attachment")
        message.add_attachment(content, maintype=major, subtype=minor, filename=filename)
    return message


def _one_line(text: str, what: str) -> str:
    if not text.isprintable():
        raise Refused(f"{what} must be one line of printable text.")
    return text


def deliver(settings: Mapping[str, Any], message: EmailMessage) -> None:
    """Send ``message`` now, from ``mail.sender``.

    :raises HubError: when it cannot be sent; the sentence says what to do.
    """
    sender = address(settings["mail.sender"])
    recipients = _recipients(message)
    for name in ("From", "Date", "Message-ID"):
        del message[name]
    message["From"] = Address(settings.get("hub.name") or "", addr_spec=sender)
    message["Date"] = format_datetime(dt.datetime.now(dt.UTC))
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    if settings.get("mail.host"):
        _send(settings, message, sender, recipients)
    elif settings.get("hub.development"):
        _write(configuration.directory(settings, "mail"), message, recipients[0])
    else:
        raise HubError("No mail server is set, so no mail can be sent: set MAIL_HOST.")
    log.info(
        "mail delivered", extra={"message_id": message["Message-ID"], "recipients": len(recipients)}
    )


def _recipients(message: EmailMessage) -> list[str]:
    try:
        named = [
            one.addr_spec
            for name in ("To", "Cc", "Bcc")
            for header in message.get_all(name, [])
            for one in header.addresses
        ]
    except MessageError:
        named = []
    if not named:
        raise Refused("The message has no recipient.")
    return [address(one) for one in named]


def _send(
    settings: Mapping[str, Any], message: EmailMessage, sender: str, recipients: list[str]
) -> None:
    host, port = settings["mail.host"], settings["mail.port"]
    try:
        server = _connected(settings)
        try:
            server.send_message(message, sender, recipients)
        finally:
            # A message that was taken is sent, whatever becomes of the goodbye.
            with suppress(OSError):
                server.quit()
    except smtplib.SMTPAuthenticationError:
        raise HubError(
            f"The mail server {host} did not accept MAIL_USERNAME and MAIL_PASSWORD."
        ) from None
    except smtplib.SMTPRecipientsRefused as error:
        said = _said(*next(iter(error.recipients.values())))
        raise HubError(f"The mail server {host} refused the recipient: {said}") from None
    except smtplib.SMTPResponseException as error:
        said = _said(error.smtp_code, error.smtp_error)
        raise HubError(f"The mail server {host} refused the message: {said}") from None
    except smtplib.SMTPException as error:
        raise HubError(f"The mail server {host} could not be used: {error}") from None
    except ssl.SSLError as error:
        raise HubError(f"The mail server {host} is not who it claims to be: {error.reason}.") from None
    except OSError as error:
        raise HubError(
            f"The mail server {host} does not answer on port {port}: {error.strerror or error}."
        ) from None


def _connected(settings: Mapping[str, Any]) -> smtplib.SMTP:
    host, port, tls = settings["mail.host"], settings["mail.port"], settings["mail.tls"]
    trust = ssl.create_default_context()
    if tls == "implicit":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=PATIENCE, context=trust)
    else:
        server = smtplib.SMTP(host, port, timeout=PATIENCE)
    try:
        if tls == "starttls":
            server.starttls(context=trust)
        if settings.get("mail.username"):
            if tls == "none" and host not in ("localhost", "127.0.0.1", "::1"):
                raise HubError(
                    "MAIL_TLS is none, and the mail password is not sent to another machine so."
                )
            server.login(settings["mail.username"], settings.get("mail.password") or "")
    except BaseException:
        server.close()
        raise
    return server


def _said(code: int, text: bytes | str) -> str:
    words = text.decode(errors="replace") if isinstance(text, bytes) else text
    return f"{code} {' '.join(words.split())[:200]}"


def _write(directory: Path, message: EmailMessage, recipient: str) -> None:
    """Write the message whole or not at all; names sort by the time of sending."""
    moment = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    name = f"{moment}-{re.sub(r'[^A-Za-z0-9@.+-]', '_', recipient)}.eml"
    handle, fresh = tempfile.mkstemp(dir=directory, prefix=".new-")
    with open(handle, "wb") as file:
        file.write(bytes(message))
    os.replace(fresh, directory / name)
