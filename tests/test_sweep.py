"""What the beat sets going: quiet runs are closed, texts are kept for a while, and a mail that was left
behind goes once."""

import datetime as dt
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, text

from hub.books.connections import main_connection
from hub.qbwc import courier, inbox, sweep
from hub.qbwc.desk import Desk
from hub.qbwc.models import Inbox, Message, Stage
from hub.sandbox.quickbooks import QuickBooks
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


def messages(tenant):
    with tenant.db() as db:
        open_tenant(db, tenant.slug)
        found = db.scalars(select(Message).order_by(Message.id)).all()
        db.expunge_all()
        return found


def days_pass(tenant, days):
    with tenant.db() as db:
        open_tenant(db, tenant.slug)
        for column in ("answered", "sent", "created"):
            ago = f"UPDATE message SET {column} = {column} - make_interval(days => :days)"
            db.execute(text(ago), {"days": days})
        db.execute(
            text("UPDATE inbox SET arrived = arrived - make_interval(days => :days)"), {"days": days}
        )


def book(tenant, *names):
    """Book each customer in a run of its own."""
    for name in names:
        tenant.put("customers", name, name=name)
        assert tenant.sync().ok


def test_texts_are_emptied_ninety_days_after_the_answer_and_figures_stay(full, summary):
    full.sync()
    book(full, "Ada")
    days_pass(full, 88)
    book(full, "Ben")
    sweep.outdated()
    assert all(one.text and one.answer for one in messages(full))

    days_pass(full, 3)
    sweep.outdated()

    old, new = messages(full)
    assert (old.text, old.answer) == ("", "")
    assert (old.stage, old.size, bool(old.set_id)) == (Stage.ANSWERED, 1, True)
    assert "<Name>Ben</Name>" in new.text
    assert new.answer
    assert [state for _, state, _ in full.operations()] == ["done", "done"]


def test_texts_are_emptied_some_at_a_time_until_none_is_left(full, monkeypatch):
    monkeypatch.setattr(sweep, "TEXTS", 1)
    full.sync()
    book(full, "Ada", "Ben", "Cleo")
    days_pass(full, 91)
    sweep.outdated()
    assert [one.text for one in messages(full)] == ["", "", ""]


def test_texts_of_what_is_not_answered_or_in_doubt_are_never_emptied(full):
    full.sync()
    book(full, "Ada")
    full.put("customers", "ben", name="Ben")
    with full.company() as company, full.connector(company).calls() as calls:
        calls.authenticate()
        while "CustomerAddRq" not in (sent := calls.send_request_xml(full.greeting(company), "")):
            calls.receive_response_xml(QuickBooks(company).process(sent))
    with full.db() as db:
        open_tenant(db, full.slug)
        db.execute(text("UPDATE operation SET state = 'doubt' WHERE state = 'done'"))
    days_pass(full, 400)
    sweep.outdated()
    answered, outstanding = messages(full)
    assert (answered.stage, outstanding.stage) == (Stage.ANSWERED, Stage.OUTSTANDING)
    assert answered.text
    assert answered.answer
    assert outstanding.text == sent


def test_texts_are_kept_for_ever_where_the_setting_says_so(full, settings, monkeypatch, app):
    monkeypatch.setitem(app.registry.settings, "hub.keep_messages_days", 0)
    full.sync()
    book(full, "Ada")
    days_pass(full, 4000)
    sweep.outdated()
    sweep.empty_texts(full.id)
    assert all(one.text and one.answer for one in messages(full))


def test_an_answer_that_nobody_takes_in_any_more_is_removed(full):
    full.sync()
    with full.db() as db:
        opened = open_tenant(db, full.slug)
        last = Desk(db, main_connection(db, opened)).last_session()
        inbox.put(db, last, "<QBXML/>")
    days_pass(full, 91)
    sweep.outdated()
    with full.db() as db:
        open_tenant(db, full.slug)
        assert db.scalar(select(Inbox.id)) is None


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
