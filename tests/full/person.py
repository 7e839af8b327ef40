"""A person at the queue's pages: what waits there, and the buttons that decide about it."""

from typing import NamedTuple

from sqlalchemy import select

from hub.qbwc.models import Operation, State
from hub.tenants.service import open_tenant
from tests.visitor import Visitor

OPEN = (State.QUEUED, State.HELD, State.SENT, State.DOUBT, State.FAILED, State.EXCLUDED)
EDITED = ("Somebody changed this in QuickBooks", "own version was kept")


class Waiting(NamedTuple):
    """An operation that is not done."""

    id: int
    subject: str
    state: State
    note: str

    @property
    def is_edited(self):
        """Whether it waits for somebody to say whose version stands."""
        return any(words in self.note for words in EDITED)


class Person:
    """The admin of a tenant."""

    def __init__(self, tenant):
        self._tenant = tenant
        self._browser = Visitor(tenant.world.app)
        self._browser.sign_in(tenant.admin, tenant.password)

    def waiting(self, *states):
        """Return what is in ``states``, or in any but done, oldest first."""
        columns = Operation.id, Operation.subject, Operation.state, Operation.note
        query = select(*columns).where(Operation.state.in_(states or OPEN)).order_by(Operation.id)
        with self._tenant.db() as db:
            open_tenant(db, self._tenant.slug)
            return [Waiting(*row) for row in db.execute(query)]

    def press(self, one, button, **fields):
        """Press a button on the page of an operation; return whether it has one."""
        forms = self._browser.get(f"/t/{self._tenant.slug}/queue/{one.id}").forms
        name = f"retry-{one.id}" if button == "retry" else button
        if name not in forms:
            return False
        for field, value in fields.items():
            if field in forms[name].fields:
                forms[name][field] = value
        forms[name].submit(status=303)
        return True
