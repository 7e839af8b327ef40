"""The integration login of a connection: made with the first QWC file, kept for ever after."""

from __future__ import annotations

from hub.books.models import Connection
from hub.db import HubSession
from hub.errors import Fault, Refused
from hub.tenants.models import Staff, Tenant
from hub.tenants.service import StaffRoom


class Integration:
    """One connection's login, for whoever (``actor``) sets it up."""

    def __init__(self, db: HubSession, tenant: Tenant, connection: Connection, actor: str):
        self.connection = connection
        self._db = db
        self._room = StaffRoom(db, tenant, actor)

    def login(self) -> Staff | None:
        """Return the integration login, if it has been made."""
        if self.connection.staff_id is None:
            return None
        return self._room.get(self.connection.staff_id)

    def set_up(self, username: str, password: str) -> Staff:
        """Create the integration login with Web Service API access. Asked again with the same
        username, it sets the password: the file and its identity stay as they are.

        :raises Refused: when the connection has another username, or the name or password is unfit.
        """
        staff = self.login()
        if staff is None:
            staff = self._room.add_integration(username, password)
            self.connection.staff_id = staff.id
        elif staff.login.lower() == username.strip().lower():
            self._room.change_password(staff, password)
        else:
            sentence = (
                f"This connection's username is “{staff.login}”; it stays, as it stands in the QWC file. "
                "Download the same file again, or change its password on the Staff page."
            )
            raise Refused(sentence, [Fault("/username", sentence)])
        return staff

    def note(self, action: str, **detail: str) -> None:
        """Write an act on the QWC file into the audit log."""
        self._room.audit(action, **detail)
