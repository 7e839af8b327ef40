"""Integration Settings, accounts by purpose, and what the proof page says."""

import pytest

from hub.books.connections import main_connection
from hub.books.models import JournalEntry
from hub.qbwc.models import Message, Operation, Stage, State
from hub.tenants.models import Mode
from hub.tenants.service import open_tenant
from tests.world import PASSWORD


def form_of(page, ending):
    return next(form for form in page.forms.values() if form.action.endswith(ending))


def submit_mode(browser, tenant, mode, status):
    page = browser.get(f"/t/{tenant.slug}/settings")
    token = page.forms[0]["csrf_token"].value
    return browser.post(f"/t/{tenant.slug}/settings", {"csrf_token": token, "mode": mode}, status=status)


def test_an_empty_tenant_sees_examples_that_say_so(summary, enter):
    page = enter(summary).get(f"/t/{summary.slug}/settings")
    assert page.text.count("made up") == 2


def test_the_examples_are_the_tenants_own(tenant, enter, filled):
    filled(tenant)
    page = enter(tenant).get(f"/t/{tenant.slug}/settings")
    assert "Your own October" in page
    assert "Invoice 1042 · Ada Lovelace" in page
    assert "made up" not in page
    filled(tenant, closed=True)
    tenant.sync()
    page = enter(tenant).get(f"/t/{tenant.slug}/settings")
    assert "Your own October" in page


@pytest.mark.parametrize(("before", "now"), [("summary", "full"), ("full", "summary")])
def test_a_mode_is_changed_while_nothing_is_booked(world, enter, filled, before, now):
    tenant, native = world.tenant(before), world.tenant(now)
    for one in (tenant, native):
        filled(one, closed=True)
    browser = enter(tenant)
    answer = submit_mode(browser, tenant, now, 303).follow()
    assert "Everything is planned anew" in answer
    again = submit_mode(browser, tenant, now, 303).follow()
    assert "what you have already" in again
    kinds = [kind for kind, state, _ in tenant.operations() if state != "done"]
    assert sorted(kinds) == sorted(kind for kind, _, _ in native.operations())
    for one in (tenant, native):
        one.sync()
        assert one.proof().difference == 0
    assert tenant.balances() == native.balances()
    assert "Mode changed" in browser.get(f"/t/{tenant.slug}/audit")


def test_there_and_back_books_once(summary, enter, filled):
    filled(summary, closed=True)
    browser = enter(summary)
    submit_mode(browser, summary, "full", 303)
    submit_mode(browser, summary, "summary", 303)
    summary.sync()
    assert summary.counts()["JournalEntry"] == 3
    assert summary.proof().difference == 0


def test_an_entry_that_quickbooks_refused_is_planned_anew(summary, enter, filled):
    """Frozen, but never booked: its postings are not lost."""
    filled(summary, closed=True)
    with summary.db() as db:
        open_tenant(db, summary.slug)
        for entry in db.query(JournalEntry):
            entry.frozen = entry.created
    submit_mode(enter(summary), summary, "full", 303)
    summary.sync()
    assert summary.proof().difference == 0


def test_a_mode_is_switched_by_a_plan_once_something_is_booked(tenant, enter, filled):
    filled(tenant, closed=True)
    tenant.sync()
    other = {"summary": "full", "full": "summary"}[_mode(tenant).value]
    answer = submit_mode(enter(tenant), tenant, other, 303).follow()
    assert "Nothing is changed yet" in answer
    assert _mode(tenant).value != other


def test_a_mode_waits_for_the_web_connector(summary, enter, filled):
    filled(summary, closed=True)
    summary.service().strings("authenticate", strUserName=summary.username, strPassword=PASSWORD)
    answer = submit_mode(enter(summary), summary, "full", 422)
    assert "at work just now" in answer


def test_a_mode_waits_for_what_is_in_doubt(summary, enter, filled):
    filled(summary, closed=True)
    with summary.db() as db:
        opened = open_tenant(db, summary.slug)
        connection = main_connection(db, opened)
        message = Message(
            connection_id=connection.id, set_id="x", text="", stage=Stage.ANSWERED, sent_in=1
        )
        db.add(message)
        db.flush()
        for operation in db.query(Operation):
            operation.state, operation.message_id = State.FAILED, message.id
    answer = submit_mode(enter(summary), summary, "full", 422)
    assert "may have booked something" in answer


def test_an_unknown_mode_is_refused(summary, enter):
    assert "Choose one of the two" in submit_mode(enter(summary), summary, "half", 422)


def _mode(tenant):
    with tenant.db() as db:
        return Mode(open_tenant(db, tenant.slug).mode)


def test_accounts_are_chosen_by_purpose(tenant, enter, filled):
    filled(tenant, closed=True)
    tenant.sync()
    browser = enter(tenant)
    page = browser.get(f"/t/{tenant.slug}/settings/accounts")
    assert "Now: <b>Undeposited Funds</b>" in page
    form = form_of(page, "/settings/accounts")
    form["deposit.Check"] = "Checking"
    assert "Saved" in form.submit(status=303).follow()
    assert "Nothing has changed" in form.submit(status=303).follow()
    page = browser.get(f"/t/{tenant.slug}/settings/accounts")
    assert form_of(page, "/settings/accounts")["deposit.Check"].value == "Checking"
    assert "Accounts chosen" in browser.get(f"/t/{tenant.slug}/audit")
    form = form_of(page, "/settings/accounts")
    form["deposit.Check"] = ""
    form.submit(status=303)


def test_an_account_that_is_not_listed_is_refused(summary, enter, filled):
    filled(summary, closed=True)
    summary.sync()
    form = form_of(enter(summary).get(f"/t/{summary.slug}/settings/accounts"), "/settings/accounts")
    form["clearing."].force_value("No such account")
    page = form.submit(status=422)
    assert "cannot be chosen for Clearing account" in page
    assert form_of(page, "/settings/accounts")["clearing."].value == "No such account"


def test_the_proof_names_what_waits_and_why(world, enter, filled):
    tenant = world.tenant("full")
    filled(tenant)
    browser = enter(tenant)
    page = browser.get(f"/t/{tenant.slug}")
    assert "Every cent of the difference has a cause" in page
    assert "Never connected" in page
    assert "to do" in page
    assert "Invoice 1042" in browser.get(f"/t/{tenant.slug}/proof/held")
    summary = world.tenant("summary")
    filled(summary)
    page = enter(summary).get(f"/t/{summary.slug}/proof/not_sent")
    assert "Billing cycle" in page
