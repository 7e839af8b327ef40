"""The connection page: every state in words, the company file, a pause, the time between runs."""

import datetime as dt

import pytest
from sqlalchemy import text

from hub.books.connections import main_connection
from hub.books.models import Trouble
from hub.qbwc import imports
from hub.qbwc.desk import Desk
from hub.sandbox import faults
from hub.sandbox.company import Company
from hub.tenants.service import open_tenant
from tests.views.test_walls import check
from tests.world import PASSWORD


def ago(**span):
    return dt.datetime.now(dt.UTC) - dt.timedelta(**span)


def form_of(page, ending, button=""):
    """The form that goes to an address, where there are several the one with that button."""
    return next(
        form for form in page.forms.values() if form.action.endswith(ending) and button in form.text
    )


def want_lists(tenant):
    """Ask for the lists, which makes a session whatever waits."""
    with tenant.db() as db:
        imports.want(db, main_connection(db, open_tenant(db, tenant.slug)))


def change(tenant, **columns):
    with tenant.db() as db:
        connection = main_connection(db, open_tenant(db, tenant.slug))
        for name, value in columns.items():
            setattr(connection, name, value)


def change_last_session(tenant, **columns):
    with tenant.db() as db:
        session = Desk(db, main_connection(db, open_tenant(db, tenant.slug))).last_session()
        for name, value in columns.items():
            setattr(session, name, value)


def arrive(tenant, company):
    """A session in which QuickBooks has ``company`` open, as far as its greeting; return its ticket."""
    service = tenant.service()
    ticket, _ = service.strings("authenticate", strUserName=tenant.username, strPassword=PASSWORD)
    service.text(
        "sendRequestXML",
        ticket=ticket,
        strHCPResponse=tenant.greeting(company),
        strCompanyFileName=str(company.path),
        qbXMLCountry="US",
        qbXMLMajorVers="13",
        qbXMLMinorVers="0",
    )
    return service, ticket


def state(browser, tenant):
    """The word, the sentence and the button of the state, after the page was checked."""
    page = browser.get(f"/t/{tenant.slug}/connection")
    check(page)
    html = page.html.find("section", attrs={"aria-labelledby": "state"})
    return html.get_text(" ", strip=True)


@pytest.fixture
def synced(summary, filled):
    filled(summary, closed=True)
    summary.sync()
    return summary


@pytest.fixture
def copied(synced, tmp_path):
    """Somebody has opened a copy of the company file, and new work waits."""
    want_lists(synced)
    with synced.company() as company:
        company.back_up(tmp_path / "copy.qbw")
    with Company(tmp_path / "copy.qbw") as copy:
        service, ticket = arrive(synced, copy)
        service.text("closeConnection", ticket=ticket)
    return synced


# States


def test_a_connection_is_first_not_set_up(summary, enter):
    change(summary, staff_id=None)
    assert state(enter(summary), summary).startswith("Not set up")


def test_then_it_has_never_connected(summary, enter):
    assert state(enter(summary), summary).startswith("Never connected")


def test_then_it_is_connected(synced, enter):
    assert state(enter(synced), synced) == f"Connected “{synced.name}” is connected."


def test_a_run_under_way_says_how_far_it_is(synced, enter):
    browser = enter(synced)
    change_last_session(
        synced, closed=None, planned=412, booked=120, imported=0, last_call=ago(seconds=4)
    )
    assert "Syncing At 120 of 412, last answer" in state(browser, synced)
    change_last_session(synced, last_call=ago(seconds=75))
    assert "QuickBooks is thinking, or a window is open" in state(browser, synced)
    change_last_session(synced, last_call=ago(minutes=11))
    assert state(browser, synced).startswith("Interrupted")
    assert "Nothing is lost" in state(browser, synced)
    change_last_session(synced, last_call=ago(seconds=4), planned=0, booked=0)
    assert "At the start" in state(browser, synced)


def test_who_does_not_call_is_late_and_then_silent(synced, enter):
    browser = enter(synced)
    change(synced, last_seen=ago(minutes=45))
    assert state(browser, synced).startswith("Late")
    change(synced, interval=3600)
    assert state(browser, synced).startswith("Connected")
    change(synced, last_seen=ago(hours=25))
    assert state(browser, synced).startswith("Silent")


def test_a_wrong_password_names_the_computer_and_what_to_do(synced, enter):
    for _ in range(2):
        with synced.company() as company:
            synced.connector(company, password="not-the-password").run()
        change(synced, refused=ago(minutes=1))
    said = state(enter(synced), synced)
    assert said.startswith("Wrong password")
    assert "127.0.0.1 has come with a wrong password at least 2 times" in said
    assert "click into the Password field" in said
    want_lists(synced)
    synced.sync()
    assert state(enter(synced), synced).startswith("Connected")


def test_a_wrong_password_is_told_before_the_first_right_one(summary, enter):
    with summary.company() as company:
        summary.connector(company, password="not-the-password").run()
    assert "wrong password once" in state(enter(summary), summary)


def test_what_quickbooks_refuses_leads_to_its_meaning(synced, enter):
    want_lists(synced)
    synced.sync(unopenable="0x8004040A")
    browser = enter(synced)
    assert state(browser, synced).startswith("Blocked by QuickBooks")
    page = browser.get(f"/t/{synced.slug}/connection")
    assert page.html.find("a", href="/help/codes#0x8004040A")
    assert "Blocked by QuickBooks" in browser.get(f"/t/{synced.slug}")


def test_a_run_that_ended_early_says_why(synced, enter):
    synced.put("charges", "more", name="More")
    want_lists(synced)
    synced.sync(plan=faults.always(faults.MODAL_DIALOG))
    assert state(enter(synced), synced).startswith("Problem The last run ended early.")


@pytest.mark.parametrize(
    ("facts", "word"),
    [({"is_sample": True}, "Sample company"), ({"country": "CA"}, "Other country")],
)
def test_a_company_that_cannot_be_written_to_says_why(summary, enter, facts, word):
    with summary.company() as company:
        company.describe(**facts)
    summary.sync()
    assert state(enter(summary), summary).startswith(word)


def test_another_company_file_is_named_beside_the_expected_one(synced, world, enter, tmp_path):
    other = world.tenant("summary")
    other.sync()
    want_lists(synced)
    with other.company() as company:
        arrive(synced, company)
    browser = enter(synced)
    assert state(browser, synced).startswith("Not marked")
    change(synced, trouble=Trouble.WRONG_FILE, found={"name": other.name, "path": "C:\\b.qbw"})
    assert state(browser, synced).startswith("Wrong company file")
    page = browser.get(f"/t/{synced.slug}/connection")
    assert f"{other.name} at C:\\b.qbw" in page.html.find(id="company").get_text()


def test_a_greeting_without_words_is_told(synced, enter):
    change(synced, trouble=Trouble.NO_COMPANY, problem="QuickBooks gave no company information.")
    assert state(enter(synced), synced).startswith("No company information")


# The company file


@pytest.fixture
def unconfirmed(world, filled):
    tenant = world.tenant("summary", confirm_company=False)
    filled(tenant, closed=True)
    tenant.sync()
    return tenant


def test_a_person_confirms_the_company(unconfirmed, enter):
    browser = enter(unconfirmed)
    assert "Waits for you" in browser.get(f"/t/{unconfirmed.slug}")
    page = browser.get(f"/t/{unconfirmed.slug}").click("Look and confirm", index=0)
    assert unconfirmed.name in page.html.find(id="company").text
    assert state(browser, unconfirmed).startswith("Waits for you")
    form = form_of(page, "/connection/company")
    assert "is confirmed" in form.submit(status=303).follow()
    assert "is confirmed" in form.submit(status=303).follow()
    assert unconfirmed.connection().confirmed
    unconfirmed.sync()
    assert "equals what you billed, to the cent" in browser.get(f"/t/{unconfirmed.slug}")
    audit = browser.get(f"/t/{unconfirmed.slug}/audit")
    assert audit.text.count("Company confirmed") == 1


@pytest.mark.parametrize("field", ["name", "path"])
def test_another_company_than_was_shown_is_not_confirmed(unconfirmed, enter, field):
    page = enter(unconfirmed).get(f"/t/{unconfirmed.slug}/connection")
    form = form_of(page, "/connection/company")
    form[field].force_value("Another")
    assert "another company file" in form.submit(status=303).follow()
    assert unconfirmed.connection().confirmed is None


def test_support_looks_and_a_person_of_the_tenant_confirms(unconfirmed, support):
    page = support.get(f"/t/{unconfirmed.slug}/connection")
    check(page)
    assert f"A person of {unconfirmed.name} has to confirm this" in page
    assert not any(form.action.endswith("/connection/company") for form in page.forms.values())


def test_a_moved_file_goes_on_once_a_person_says_so(copied, enter, tmp_path):
    browser = enter(copied)
    said = state(browser, copied)
    assert said.startswith("Company file moved or copied")
    page = browser.get(f"/t/{copied.slug}/connection")
    shown = page.html.find(id="company").get_text(" ", strip=True)
    assert str(copied.company_path) in shown
    assert str(tmp_path / "copy.qbw") in shown
    form = form_of(page, "/connection/company", "It was moved or renamed")
    assert "is confirmed" in form.submit(status=303).follow()
    assert "is confirmed" in form.submit(status=303).follow()
    connection = copied.connection()
    assert connection.company_path == str(tmp_path / "copy.qbw")
    assert connection.trouble is None
    assert str(copied.company_path) in connection.paths
    assert browser.get(f"/t/{copied.slug}/audit").text.count("Company confirmed") == 2
    assert "Places confirmed" in browser.get(f"/t/{copied.slug}/connection")
    with Company(tmp_path / "copy.qbw") as moved:
        assert copied.connector(moved).run().ok
    assert state(browser, copied).startswith("Connected")


def test_a_copy_is_left_alone(copied, enter, tmp_path):
    browser = enter(copied)
    page = browser.get(f"/t/{copied.slug}/connection")
    form = form_of(page, "/connection/company", "It is a copy")
    assert "is left alone" in form.submit(status=303).follow()
    assert "is left alone" in form.submit(status=303).follow()
    assert browser.get(f"/t/{copied.slug}/audit").text.count("Company file left alone") == 1
    assert state(browser, copied).startswith("Copy left alone")
    assert copied.connection().company_path == str(copied.company_path)
    with Company(tmp_path / "copy.qbw") as copy:
        service, ticket = arrive(copied, copy)
        service.text("closeConnection", ticket=ticket)
    assert state(browser, copied).startswith("Copy left alone")
    copied.sync()
    assert state(browser, copied).startswith("Connected")
    assert "another company file" in form.submit(status=303).follow()


def test_a_moved_file_that_quickbooks_does_not_find_is_looked_for(world, enter, filled, tmp_path):
    tenant = world.tenant("summary", confirm_company=False)
    filled(tenant, closed=True)
    tenant.sync()
    browser = enter(tenant)
    page = browser.get(f"/t/{tenant.slug}/connection")
    form_of(page, "/connection/company").submit(status=303)
    with tenant.company() as company:
        company.back_up(tmp_path / "moved.qbw")
    tenant.company_path.unlink()
    with Company(tmp_path / "moved.qbw") as moved:
        connector = tenant.connector(moved)
        assert connector.run().code
        assert state(browser, tenant).startswith("Blocked by QuickBooks")
        page = browser.get(f"/t/{tenant.slug}/connection")
        form = form_of(page, "/connection/company", "Look for the company file")
        assert "asks you here" in form.submit(status=303).follow()
        assert "asks you here" in form.submit(status=303).follow()
        assert state(browser, tenant).startswith("No company file yet")
        connector.run()
        assert state(browser, tenant).startswith("Waits for you")
        assert tenant.proof().difference
        page = browser.get(f"/t/{tenant.slug}/connection")
        assert str(tmp_path / "moved.qbw") in page.html.find(id="company").text
        form_of(page, "/connection/company").submit(status=303)
        assert connector.run().ok
    assert state(browser, tenant).startswith("Connected")
    assert tenant.proof().difference == 0
    audit = browser.get(f"/t/{tenant.slug}/audit").text
    assert audit.count("Company file looked for") == 1


def test_a_file_that_was_found_meanwhile_is_not_forgotten(synced, enter):
    page = enter(synced).get(f"/t/{synced.slug}/connection")
    change(synced, company_path="D:\\third.qbw")
    form = form_of(page, "/connection/company", "Look for the company file")
    assert "another company file" in form.submit(status=303).follow()
    assert synced.connection().confirmed


def test_a_file_that_changes_between_looking_and_saying_is_noticed(copied, enter):
    page = enter(copied).get(f"/t/{copied.slug}/connection")
    change(copied, found={"name": copied.name, "path": "D:\\third.qbw"})
    for button in ("It was moved or renamed", "It is a copy"):
        form = form_of(page, "/connection/company", button)
        assert "another company file" in form.submit(status=303).follow()
    assert copied.connection().trouble is Trouble.MOVED


def test_support_cannot_say_that_a_file_was_moved(copied, support):
    page = support.get(f"/t/{copied.slug}/connection")
    assert "has to decide this" in page
    check(page)


# Pause and time between runs


def test_a_pause_holds_the_web_connector_off(synced, enter):
    browser = enter(synced)
    until = (dt.datetime.now(dt.UTC) + dt.timedelta(hours=2)).replace(second=0, microsecond=0)
    form = form_of(browser.get(f"/t/{synced.slug}/connection"), "/connection/pause")
    form["until"], form["reason"] = f"{until:%Y-%m-%dT%H:%M}", "with the accountant"
    assert "Paused until" in form.submit(status=303).follow()
    assert "Nothing has changed" in form.submit(status=303).follow()
    assert synced.connection().paused_until == until
    assert state(browser, synced).startswith("Paused by you")
    assert synced.sync().nothing_to_do
    assert "with the accountant" in browser.get(f"/t/{synced.slug}/audit")
    page = browser.get(f"/t/{synced.slug}/connection")
    assert form_of(page, "/connection/pause")["until"].value == f"{until:%Y-%m-%dT%H:%M}"
    form = form_of(page, "/connection/pause", "Go on now")
    assert "goes on" in form.submit(status=303).follow()
    assert "Nothing has changed" in form.submit(status=303).follow()
    assert synced.connection().paused_until is None
    audit = browser.get(f"/t/{synced.slug}/audit").text
    assert (audit.count("Connection paused"), audit.count("Connection goes on")) == (1, 1)


@pytest.mark.parametrize(
    ("until", "words"),
    [
        ("tomorrow", "is no date and time"),
        ("2026-13-01T00:00", "is no date and time"),
        ("0001-01-01T00:00+14:00", "is no date and time"),
        ("2001-01-01T00:00", "is past"),
        ("9999-12-31T23:59", "more than a year ahead"),
        ("x" * 300, "characters"),
    ],
)
def test_a_pause_that_cannot_be_is_refused_where_it_was_typed(synced, enter, until, words):
    form = form_of(enter(synced).get(f"/t/{synced.slug}/connection"), "/connection/pause")
    form["until"].force_value(until)
    form["reason"] = "why not"
    page = form.submit(status=422)
    check(page)
    assert words in page.html.find(id="e-until").text
    again = form_of(page, "/connection/pause")
    assert (again["until"].value, again["reason"].value) == (until, "why not")
    assert synced.connection().paused_until is None


def test_the_time_between_runs_is_told_to_the_web_connector(synced, enter):
    browser = enter(synced)
    form = form_of(browser.get(f"/t/{synced.slug}/connection"), "/connection/interval")
    form["minutes"] = "90"
    assert "Saved" in form.submit(status=303).follow()
    assert "Nothing has changed" in form.submit(status=303).follow()
    assert synced.connection().interval == 5400
    answer = synced.service().strings("authenticate", strUserName=synced.username, strPassword=PASSWORD)
    assert answer[-1] == "5400"
    page = browser.get(f"/t/{synced.slug}/connection")
    assert "At least 90 minutes" in page
    form = form_of(page, "/connection/interval")
    form["minutes"] = ""
    form.submit(status=303)
    assert synced.connection().interval is None


@pytest.mark.parametrize("typed", ["0", "1441", "-5", "1.5", "soon", "\u0661", "9" * 30])
def test_minutes_that_cannot_be_are_refused_where_they_were_typed(synced, enter, typed):
    form = form_of(enter(synced).get(f"/t/{synced.slug}/connection"), "/connection/interval")
    form["minutes"] = typed
    page = form.submit(status=422)
    check(page)
    assert page.html.find(id="e-minutes")
    assert form_of(page, "/connection/interval")["minutes"].value == typed
    assert synced.connection().interval is None


def test_looking_at_where_a_form_goes_leads_back(synced, enter):
    browser = enter(synced)
    for path in ("company", "pause", "interval"):
        answer = browser.get(f"/t/{synced.slug}/connection/{path}", status=303)
        assert answer.location.endswith(f"/t/{synced.slug}/connection")


def test_what_quickbooks_does_not_let_be_read_is_shown_with_what_to_do(full, enter):
    full.sync(plan=faults.refusing("QueryRq", 3260, "No permission.", times=50))
    browser = enter(full)
    page = browser.get(f"/t/{full.slug}/connection")
    check(page)
    for title in ("Chart of Accounts", "Items List", "Class List"):
        assert f"{title}: QuickBooks does not let the hub read this" in page.html.main.get_text()
    assert "Choose another user under Edit" in page.html.main.get_text()
    assert page.html.find("a", string="What code 3260 means")["href"].endswith("/help/codes#3260")
    page = browser.get(f"/t/{full.slug}/lists/items")
    check(page)
    assert "Items List: QuickBooks does not let the hub read this" in page.html.main.get_text()
    full.a_day_passes()
    with full.db() as db:
        open_tenant(db, full.slug)
        db.execute(text("UPDATE refusal SET asked = asked - interval '2 hours'"))
    full.sync()
    assert "does not let the hub" not in browser.get(f"/t/{full.slug}/connection").html.main.get_text()
