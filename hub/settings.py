"""The table of settings, and the only reader of the environment in the package.

A setting is a row: its name in the ``.ini`` file, its variable, how its text is read, what
holds when nobody gave it. The environment wins over the file, and an empty text counts as
not given. In production secrets come from the environment alone, and a process that lacks
one does not start; in development everything has a default.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hub.errors import SettingError

SHORTEST_SECRET = 32
"""Characters that a secret of production must have: 128 bits as hexadecimal digits."""


@dataclass(frozen=True)
class Setting:
    """One row of the table. ``read`` raises ValueError with the words that end "It must be"."""

    name: str
    variable: str
    read: Callable[[str], Any] = str
    default: Any = None
    required: bool = False
    """Whether production refuses to start without it."""
    secret: bool = False
    """Whether production takes it from the environment alone."""


def _flag(text: str) -> bool:
    words = {"true": True, "yes": True, "on": True, "1": True}
    words |= {"false": False, "no": False, "off": False, "0": False}
    if text.lower() not in words:
        raise ValueError("true or false")
    return words[text.lower()]


def _number(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or not least <= int(text) <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return int(text)

    return read


def _choice(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(" or ".join(words))
        return text.lower()

    return read


def _version(text: str) -> str:
    if not re.fullmatch(r"\d{1,9}(\.\d{1,9}){0,3}", text, re.ASCII):
        raise ValueError("a version such as 2.3.0.215")
    return text


def _database(text: str) -> str:
    scheme, found, rest = text.partition("://")
    if not found or scheme not in ("postgres", "postgresql", "postgresql+psycopg"):
        raise ValueError("an address such as postgresql://user:password@host/database")
    return f"postgresql+psycopg://{rest}"


def _broker(text: str) -> str:
    # Celery knows Valkey by the name of the protocol it speaks.
    known = {"valkey": "redis", "valkeys": "rediss"}
    known |= {same: same for same in ("redis", "rediss", "redis+socket", "amqp", "amqps", "memory")}
    scheme, found, rest = text.partition("://")
    if not found or scheme not in known:
        raise ValueError("an address such as redis://host:6379/0 or amqp://user:password@host//")
    return f"{known[scheme]}://{rest}"


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port or True)
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment or parts.username:
        raise ValueError("an address such as https://hub.example.com")
    return text.rstrip("/")


def _addresses(text: str) -> str:
    try:
        return " ".join(str(ip_network(address)) for address in text.split())
    except ValueError:
        raise ValueError("addresses or networks, such as 127.0.0.1 10.0.0.0/8") from None


def _directory(text: str) -> str:
    return str(Path(text).expanduser().absolute())


SETTINGS = (
    Setting("hub.development", "HUB_DEVELOPMENT", _flag, False),
    Setting("hub.name", "HUB_NAME", default="Billing Hub"),
    Setting("hub.var", "HUB_VAR", _directory, "var"),
    Setting("hub.host", "HUB_HOST", default="localhost"),
    Setting("hub.port", "HUB_PORT", _number(1, 65535), 6543),
    Setting("web.processes", "WEB_PROCESSES", _number(1, 64)),
    Setting("web.threads", "WEB_THREADS", _number(1, 100), 8),
    Setting("web.largest_body", "WEB_LARGEST_BODY", _number(1, 10**9 - 1), 72 * 2**20),
    Setting("web.trusted_proxy", "WEB_TRUSTED_PROXY", _addresses, ""),
    Setting("hub.url", "HUB_URL", _url, required=True),
    Setting("hub.keep_messages_days", "HUB_KEEP_MESSAGES_DAYS", _number(0, 36_500), 90),
    Setting("hub.secret", "HUB_SECRET", required=True, secret=True),
    Setting("sqlalchemy.url", "DATABASE_URL", _database, required=True, secret=True),
    Setting("sqlalchemy.pool_size", "DATABASE_POOL_SIZE", _number(1, 1000), 10),
    Setting("sqlalchemy.max_overflow", "DATABASE_MAX_OVERFLOW", _number(0, 1000), 20),
    Setting("celery.broker_url", "BROKER_URL", _broker, required=True, secret=True),
    Setting("celery.task_always_eager", "CELERY_TASK_ALWAYS_EAGER", _flag, False),
    Setting("mail.host", "MAIL_HOST"),
    Setting("mail.port", "MAIL_PORT", _number(1, 65535), 587),
    Setting("mail.username", "MAIL_USERNAME"),
    Setting("mail.password", "MAIL_PASSWORD", secret=True),
    Setting("mail.tls", "MAIL_TLS", _choice("starttls", "implicit", "none"), "starttls"),
    Setting("mail.sender", "MAIL_SENDER"),
    Setting("qbwc.oldest_client", "QBWC_OLDEST_CLIENT", _version),
    Setting("qbwc.old_client", "QBWC_OLD_CLIENT", _choice("accept", "warn", "refuse", "name"), "accept"),
    Setting("qbwc.quiet_seconds", "QBWC_QUIET_SECONDS", _number(1, 86400), 30),
    Setting("qbwc.session_minutes", "QBWC_SESSION_MINUTES", _number(1, 1440), 15),
    Setting("qbwc.session_messages", "QBWC_SESSION_MESSAGES", _number(1, 100_000), 500),
)


def load(given: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Return ``given``, what an ``.ini`` file says, with every setting of the table read.

    :raises SettingError: when a setting is missing or unreadable.
    """
    rows = {row.name: row for row in SETTINGS}
    development = _value(rows["hub.development"], given, environ, development=True)
    read = {row.name: _value(row, given, environ, development) for row in SETTINGS}
    read["hub.var"] = _directory(read["hub.var"])
    if development:
        read["hub.url"] = read["hub.url"] or _running(read) or f"http://localhost:{read['hub.port']}"
        read["hub.secret"] = read["hub.secret"] or _kept_secret(read)
    else:
        _check_production(read)
    read["mail.sender"] = read["mail.sender"] or f"hub@{urlsplit(read['hub.url']).hostname}"
    return {**given, **read}


def _value(row: Setting, given: Mapping[str, Any], environ: Mapping[str, str], development: bool) -> Any:
    text = environ.get(row.variable, "").strip()
    written = str(given.get(row.name) or "").strip()
    if not text and written and row.secret and not development:
        raise SettingError(
            f"The setting {row.name} is a secret: take it out of the .ini file and set {row.variable} "
            "in the environment."
        )
    text = text or written
    if not text and row.required and not development:
        raise SettingError(f"The setting {row.name} is missing: set {row.variable} in the environment.")
    if not text:
        return row.default
    try:
        return row.read(text)
    except ValueError as error:
        # The text itself is not repeated: it may hold a password.
        raise SettingError(
            f"The setting {row.name} ({row.variable}) cannot be read. It must be {error}."
        ) from None


def _check_production(read: Mapping[str, Any]) -> None:
    if urlsplit(read["hub.url"]).scheme != "https":
        raise SettingError(
            "The setting hub.url (HUB_URL) must start with https:// in production: "
            "the Web Connector sends passwords to it."
        )
    if len(read["hub.secret"]) < SHORTEST_SECRET:
        raise SettingError(
            f"The setting hub.secret (HUB_SECRET) is too short: give it {SHORTEST_SECRET} random "
            "characters or more, for instance from 'openssl rand -hex 32'."
        )


def _running(read: Mapping[str, Any]) -> str:
    """Return the address of the ``hub up`` that runs here, or nothing.

    It holds a lock on the file for as long as it lives; an unlocked file is left over.
    """
    try:
        with running_file(read).open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _url(file.read().strip())
    except (OSError, ValueError):
        pass
    return ""


def running_file(settings: Mapping[str, Any]) -> Path:
    """Return where ``hub up`` writes the address it answers at."""
    return Path(settings["hub.var"], "url")


def _kept_secret(read: Mapping[str, Any]) -> str:
    kept = directory(read) / "secret"
    try:
        if not kept.exists():
            _keep(kept, secrets.token_hex(SHORTEST_SECRET))
        text = kept.read_text().strip()
    except OSError as error:
        raise SettingError(
            f"The setting hub.secret (HUB_SECRET) could not be kept in {kept}: {error.strerror}."
        ) from None
    if not text:
        raise SettingError(f"The secret in {kept} is empty. Remove the file, and a new one is made.")
    return text


def _keep(kept: Path, text: str) -> None:
    # A link either makes the name or finds it taken, so of two processes that start at
    # once one wins and both read the same whole secret. The file has mode 600 from birth.
    handle, name = tempfile.mkstemp(dir=kept.parent, prefix=".secret-")
    try:
        with open(handle, "w") as file:
            file.write(text)
        os.link(name, kept)
    except FileExistsError:
        pass
    finally:
        os.unlink(name)


def directory(settings: Mapping[str, Any], *names: str) -> Path:
    """Return the directory ``names`` below ``hub.var``, made when it is not there.

    :raises SettingError: when it cannot be made or written to.
    """
    path = Path(settings["hub.var"], *names)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise SettingError(
            f"The directory {path} cannot be used: {error.strerror or error}. "
            "Make it writable, or name another with HUB_VAR."
        ) from None
    return path


def variables(**told: object) -> dict[str, str]:
    """Return the environment, with the variables that somebody has ``told`` in another way."""
    return {**os.environ, **{name: str(value) for name, value in told.items() if value is not None}}


def environment(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the environment for a child process that is to run with ``settings``."""
    texts = {row.variable: settings.get(row.name) for row in SETTINGS}
    given = {name: str(value) for name, value in texts.items() if value not in (None, "")}
    return {**os.environ, **given}
