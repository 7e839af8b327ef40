"""What the beat sets going: quiet runs are closed, and a mail that was left behind goes once."""

import datetime as dt
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from hub.books.connections import main_connection
from hub.qbwc import courier, sweep
from hub.qbwc.desk import Desk
from hub.tenants.service import open_tenant
from tests.world import PASSWORD


def last_session(tenant):
    with tenant.db() as db:
        found = Desk(db, main_connection(db, open_tenant(db, tenant.slug))).last_session()
        db.expunge_all()
        return found


def begin(tenant):
    tenant.put("customers", "ada", name="Ada")
    login = {"strUserName": tenant.username, "strPassword": PASSWORD}
    assert tenant.service().strings("authenticate", **login)[1] == ""


def test_a_quiet_run_is_closed(full, summary):
    begin(full)
    begin(summary)
    full.an_hour_passes()

    sweep.abandoned()

    assert last_session(full).closed
    assert last_session(full).error == "The Web Connector went away in mid-run."
    assert last_session(summary).closed is None


def test_a_run_that_is_not_quiet_after_all_goes_on(full):
    begin(full)
    sweep.close_abandoned(full.id)
    assert last_session(full).closed is None


class Post:
    """Stands where mail is delivered, and remembers to whom."""

    def __init__(self):
        self.sent = []

    def __call__(self, settings, message):
        time.sleep(0.2)
        if message["To"].startswith("broken"):
            raise RuntimeError("A bug.")
        self.sent.append(message["To"])


@pytest.fixture
def post(monkeypatch):
    """Every mail goes here, and each wish is overdue at once."""
    monkeypatch.setattr(courier, "OVERDUE", dt.timedelta(0))
    monkeypatch.setattr("hub.mail.deliver", post := Post())
    return post


def ask(tenant, address):
    with tenant.db() as db:
        return courier.Courier(db, open_tenant(db, tenant.slug), "test").ask(address, "")


def actions(tenant):
    with tenant.db() as db:
        history = courier.Courier(db, open_tenant(db, tenant.slug), "test").history()
        return [entry.action for entry in history]


def test_two_at_once_send_one_mail(summary, post):
    address = f"books@{summary.slug}.example"
    entry_id = ask(summary, address)
    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(courier.email_qwc, summary.id, entry_id) for _ in range(2)]
    assert [future.result() for future in done] == [None, None]
    assert post.sent == [address]
    assert actions(summary) == [courier.SENT, courier.ASKED]


def test_a_mail_that_fails_makes_no_other_go_twice(full, summary, post):
    ask(full, f"broken@{full.slug}.example")
    ask(full, f"books@{full.slug}.example")
    ask(summary, f"books@{summary.slug}.example")

    courier.overdue()
    courier.overdue()

    for tenant in (full, summary):
        assert post.sent.count(f"books@{tenant.slug}.example") == 1
        assert actions(tenant).count(courier.SENT) == 1
    assert courier.NOT_SENT not in actions(full)


def test_a_mail_nobody_waits_for_any_more_does_not_go(summary, post, monkeypatch):
    ask(summary, f"late@{summary.slug}.example")
    monkeypatch.setattr(courier, "FORGOTTEN", dt.timedelta(0))
    courier.overdue()
    assert f"late@{summary.slug}.example" not in post.sent
