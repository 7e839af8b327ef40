"""The records that a Web Connector carries in these tests, and what became of them."""

import pytest
from sqlalchemy import select, text
from webtest import TestApp

from hub.books.connections import main_connection
from hub.books.models import ListEntry
from hub.qbwc.models import Message, Operation, State, SyncSession
from hub.tenants.service import open_tenant
from tests.world import World


@pytest.fixture(scope="module")
def shared(app, settings, tmp_path_factory):
    """A tenant in Full Synchronization mode for all tests of a module, who has imported the lists."""
    tenant = World(app, settings, tmp_path_factory.mktemp("shared")).tenant("full")
    tenant.put("charges", "gold", name="Gold", item="Subscription")
    assert tenant.sync().ok
    return tenant


def customers(tenant, *names, **fields):
    tenant.batch([("customer", name, {"name": name} | fields) for name in names])


def bill(tenant, number="1", customer="Ada", amount="10.00", **more):
    """An invoice over gold."""
    body = {"number": number, "customer": customer, "date": "2026-05-03"}
    body["lines"] = [{"charge": "gold", "amount": amount}]
    tenant.put("invoices", f"i{number}", **body | more)


def pay(tenant, number="1", customer="Ada", amount="10.00", **more):
    body = {"customer": customer, "date": "2026-05-04", "amount": amount}
    body["applied"] = [{"invoice": f"i{number}", "amount": amount}]
    tenant.put("payments", f"p{number}", **body | more)


def fill(tenant):
    """One record of each kind that QuickBooks books in Full Synchronization mode."""
    tenant.put("charges", "gold", name="Gold", item="Subscription")
    customers(tenant, "Ada", "Ben")
    bill(tenant, "1", "Ada")
    bill(tenant, "2", "Ben", "7.50")
    line = {"charge": "gold", "amount": "3.00"}
    head = {"customer": "Ben", "date": "2026-05-05"}
    tenant.put("credit-memos", "c1", number="C1", lines=[line], **head)
    pay(tenant, "1", "Ada")
    tenant.put("refunds", "r1", amount="2.00", credit_memo="c1", **head)
    tenant.put("refunds", "r2", amount="1.00", **head)


FILLED = {"Customer": 4, "Invoice": 2, "CreditMemo": 1, "ReceivePayment": 1}
FILLED |= {"ARRefundCreditCard": 1, "JournalEntry": 1}
"""What a company file holds after ``fill``, with its own two customers."""


def rows(tenant, model):
    """The tenant's rows of ``model``, oldest first."""
    with tenant.db() as db:
        open_tenant(db, tenant.slug)
        found = db.scalars(select(model).order_by(model.id)).all()
        db.expunge_all()
        return found


def imported(tenant, kind="customer"):
    """The full names in a list as it was imported, those that are active."""
    found = rows(tenant, ListEntry)
    return sorted(one.full_name for one in found if one.kind.value == kind and one.active)


def operations(tenant, kind=""):
    return [one for one in rows(tenant, Operation) if one.subject.startswith(kind)]


def messages(tenant):
    return rows(tenant, Message)


def sessions(tenant):
    return rows(tenant, SyncSession)


def states(tenant, kind=""):
    return [one.state.value for one in operations(tenant, kind)]


def change(tenant, statement, **values):
    """Run a statement as the tenant: to let time pass, or to set what no page sets yet."""
    with tenant.db() as db:
        open_tenant(db, tenant.slug)
        db.execute(text(statement), values)


def passes(tenant, time):
    """The last session's Web Connector has been quiet for ``time`` (``1 minute``)."""
    change(tenant, "UPDATE sync_session SET last_call = last_call - cast(:time AS interval)", time=time)


def pauses_pass(tenant):
    """The pauses before another try are over."""
    change(tenant, "UPDATE operation SET due = now() WHERE due IS NOT NULL")


def takes(tenant, seconds):
    """Let each request of QuickBooks take ``seconds``, by the hub's clock."""

    def sleep(whole):
        longer = (
            "UPDATE message SET sent = sent - make_interval(secs => :whole) WHERE stage = 'outstanding'"
        )
        change(tenant, longer, whole=whole)

    return {"seconds": seconds, "sleep": sleep}


def connection(tenant, do):
    """Let ``do`` act on the tenant's connection, as a page does."""
    with tenant.db() as db:
        do(main_connection(db, open_tenant(db, tenant.slug), lock=True))


@pytest.fixture
def again(app):
    """Press Try again on the page Review items queued, for everything that waits for a person."""

    def pressed(tenant):
        browser = TestApp(app, extra_environ={"REMOTE_ADDR": f"10.1.{tenant.id % 250}.1"})
        form = browser.get("/sign-in").form
        form["login"], form["password"] = tenant.admin, tenant.password
        form.submit(status=303)
        pressed = 0
        for one in operations(tenant):
            if one.state is State.FAILED:
                page = browser.get(f"/t/{tenant.slug}/queue?state=failed")
                page.forms[f"retry-{one.id}"].submit(status=303)
                pressed += 1
        return pressed

    return pressed
