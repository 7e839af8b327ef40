"""Previous history: every run, its messages, and their very texts."""

import datetime as dt

from sqlalchemy import select

from hub.qbwc.models import Message, Operation, SyncSession
from hub.sandbox import faults
from hub.tenants.service import open_tenant
from tests.test_api import counted
from tests.views.test_walls import check


def history(browser, tenant):
    page = browser.get(f"/t/{tenant.slug}/history")
    check(page)
    return page


def run_of(page):
    """The newest run's own page."""
    link = page.html.find("table").tbody.find("a")
    page = page.goto(link["href"])
    check(page)
    return page


def words(page):
    return page.html.main.get_text(" ", strip=True)


def last_session(tenant, **changes):
    with tenant.db() as db:
        open_tenant(db, tenant.slug)
        session = db.scalars(select(SyncSession).order_by(SyncSession.id.desc())).first()
        for name, value in changes.items():
            setattr(session, name, value)


def test_the_history_tells_of_every_run(full, enter, filled):
    filled(full)
    full.sync()
    page = history(enter(full), full)
    row = page.html.find("table").tbody.find("tr").get_text(" ", strip=True)
    assert "127.0.0.1" in row
    assert "All is well" in row


def test_a_run_shows_the_records_that_it_carried(full, enter, filled):
    filled(full)
    full.sync(plan=faults.refusing("<InvoiceAdd>", 3040, "There was an error.", times=9))
    browser = enter(full)
    page = run_of(history(browser, full)).click("The records that it carried")
    check(page)
    rows = {row.th.a.text: row for row in page.html.find("table").tbody.find_all("tr")}
    told = {name: row.get_text(" ", strip=True) for name, row in rows.items()}
    assert "InvoiceAdd Needs you QuickBooks did not accept the amount." in told["Invoice 1042"]
    assert "CustomerAdd Booked" in told["Customer Ada Lovelace"]
    sent = browser.get(rows["Invoice 1042"].find_all("a")[-1]["href"])
    assert "There was an error." in words(sent)
    browser.get(f"/t/{full.slug}/history/999999/records", status=404)


def test_a_run_shows_its_messages_and_their_texts(full, enter, filled):
    filled(full)
    full.sync()
    page = run_of(history(enter(full), full))
    rows = page.html.find("table").tbody.find_all("tr")
    with full.db() as db:
        open_tenant(db, full.slug)
        sizes = db.execute(select(Message.size).order_by(Message.id.desc())).scalars().all()
    assert [int(row.find_all("td")[1].text) for row in rows] == sizes
    assert all("Answered" in row.text for row in rows)
    request = page.click("^Request$", index=0)
    assert request.content_type == "text/plain"
    assert request.text.startswith("<?xml")
    assert "QBXMLMsgsRs" in page.click("^Answer$", index=0).text


def test_a_message_without_an_answer_has_none_to_show(full, enter):
    full.put("customers", "c", name="Ada")
    full.sync(plan=faults.whenever("CustomerAdd", faults.LOSE_ANSWER))
    browser = enter(full)
    page = run_of(history(browser, full))
    assert "No answer yet" in page
    link = page.html.find("a", string="Request")["href"]
    assert not page.html.find("a", string="Answer")
    browser.get(link.replace("/request", "/answer"), status=404)
    browser.get(link.replace("/request", "/other"), status=404)


def test_a_run_that_ended_early_says_why_and_leads_to_the_meaning(full, enter):
    full.put("customers", "c", name="Ada")
    full.sync(plan=faults.always(faults.MODAL_DIALOG))
    page = history(enter(full), full)
    assert "Problem" in page
    page = run_of(page)
    assert page.html.find("a", href="/help/codes#0x80040414")
    assert "0x80040414" in words(page)


def test_a_run_that_is_not_over_says_so(full, enter):
    full.sync()
    browser = enter(full)
    last_session(full, closed=None)
    assert "Running" in history(browser, full)
    hour = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    last_session(full, last_call=hour)
    assert "Interrupted" in history(browser, full)
    assert "Interrupted" in run_of(history(browser, full))


def test_a_run_that_sent_nothing_says_so(full, enter, world):
    full.sync()
    assert "No message went out" in run_of(history(enter(full), full))
    other = world.tenant("full")
    with other.company() as company:
        company.describe(is_sample=True)
    other.sync()
    page = run_of(history(enter(other), other))
    assert "The run ended before anything was sent" in page
    assert "not reached" in page


def test_no_run_yet(full, enter):
    assert "No run yet" in history(enter(full), full)


def test_another_tenants_run_is_not_there(full, world, enter):
    full.sync()
    other = world.tenant("full")
    link = history(enter(full), full).html.find("table").tbody.find("a")["href"]
    enter(other).get(link.replace(full.slug, other.slug), status=404)


def test_a_page_of_runs_takes_a_constant_number_of_statements(full, app, enter):
    full.sync()
    browser = enter(full)
    with counted(app) as one:
        history(browser, full)
    for number in range(5):
        full.put("customers", f"c-{number}", name=f"Customer {number}")
        full.sync()
    with counted(app) as six:
        history(browser, full)
    assert len(six) == len(one)
    with counted(app) as messages:
        run_of(history(browser, full))
    assert len(messages) < 2 * len(one) + 3


def test_a_text_that_was_kept_long_enough_says_so(full, enter, filled):
    filled(full)
    full.sync()
    with full.db() as db:
        open_tenant(db, full.slug)
        for message in db.scalars(select(Message)):
            message.text = message.answer = ""
        message_id, operation_id = message.id, db.scalars(select(Operation.id)).first()
    browser = enter(full)
    page = run_of(history(browser, full))
    assert "The text was kept for 90 days." in words(page)
    assert not page.html.find("a", string="Request")
    for part in ("request", "answer"):
        shown = browser.get(f"/t/{full.slug}/history/messages/{message_id}/{part}")
        assert shown.text == "The text was kept for 90 days."
    page = browser.get(f"/t/{full.slug}/queue/{operation_id}")
    check(page)
    assert words(page).count("The text was kept for 90 days.") == 2
