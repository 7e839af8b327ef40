"""The plan of a switch as a page: looked at, confirmed, clicked twice, and out of date."""

import csv
import io
from decimal import Decimal

import pytest

from hub.tenants.models import Control, Mode
from hub.tenants.policies import policy_of
from hub.tenants.service import open_tenant
from hub.views import switch
from tests.test_summary_currencies import EURO_RECEIVABLE, several
from tests.views.test_policy import the_form
from tests.views.test_walls import check


def choose_control(tenant, control):
    with tenant.db() as db:
        open_tenant(db, tenant.slug)
        policy_of(db).control = control


OTHER = {"summary": "full", "full": "summary"}


def mode(tenant):
    with tenant.db() as db:
        return Mode(open_tenant(db, tenant.slug).mode).value


@pytest.fixture
def booked(tenant, filled):
    filled(tenant)
    tenant.sync()
    tenant.close("m")
    tenant.sync()
    assert tenant.proof().difference == 0
    return tenant


def plan(browser, tenant, day="", status=200):
    query = f"?cutover={day}" if day else ""
    return browser.get(f"/t/{tenant.slug}/settings/mode{query}", status=status)


def confirm(page, status=303):
    return next(form for form in page.forms.values() if "seen" in form.fields).submit(status=status)


def test_a_plan_is_looked_at_and_confirmed_once(booked, enter):
    before = mode(booked)
    browser = enter(booked)
    page = plan(browser, booked)
    assert "Stays where it is booked" in page
    assert "What to enter in QuickBooks" in page or "nothing to move" in page
    assert mode(booked) == before
    assert "Switched: from" in confirm(page).follow()
    assert mode(booked) == OTHER[before]
    again = confirm(page).follow()
    assert "is what you have already" in again
    assert mode(booked) == OTHER[before]
    assert "Mode switched" in browser.get(f"/t/{booked.slug}/audit")
    counts = booked.counts()
    booked.sync()
    booked.sync()
    proof = booked.proof()
    assert (proof.difference, proof.unexplained) == (0, 0)
    assert {name: many for name, many in booked.counts().items() if name != "Customer"} == {
        name: many for name, many in counts.items() if name != "Customer"
    }


def test_a_record_of_the_last_day_there_is_breaks_no_page(full, filled, enter):
    filled(full)
    full.sync()
    full.put(
        "invoices",
        "late",
        customer="c-1",
        number="L",
        date="9999-12-31",
        lines=[{"charge": "gold", "amount": "1.00"}],
    )
    full.sync()
    assert "still to come" in plan(enter(full), full, status=422)


def test_what_somebody_else_booked_meanwhile_is_shown_first(booked, enter):
    before = mode(booked)
    browser = enter(booked)
    page = plan(browser, booked, "2026-11-01")
    lines = [{"charge": "gold", "amount": "7.00"}]
    booked.put("invoices", "late", customer="c-1", number="77", date="2026-11-03", lines=lines)
    answer = confirm(page, status=422)
    assert "Something has changed since you looked" in answer
    assert "7.00" in answer
    assert mode(booked) == before
    assert "Switched" in confirm(answer).follow()


def test_two_people_switch_once(booked, enter):
    first, second = plan(enter(booked), booked), plan(enter(booked), booked)
    confirm(first)
    assert "what you have already" in confirm(second).follow()


@pytest.mark.parametrize(
    ("day", "sentence"),
    [
        ("2026-10-06", "The earliest cut-over is"),
        ("2999-01-01", "still to come"),
        ("2026-02-31", "a day that exists"),
        ("soon", "a day that exists"),
    ],
)
def test_a_day_that_cannot_be_says_which_can(booked, enter, day, sentence):
    page = plan(enter(booked), booked, day, status=422)
    assert sentence in page.html.select_one("#e-cutover").text
    assert page.html.select_one("#f-cutover")["value"] == day
    assert ("Booked already on that day or later" in page) == (day == "2026-10-06")
    token = page.forms[0]["csrf_token"].value
    given = {"csrf_token": token, "mode": OTHER[mode(booked)], "cutover": day, "seen": "x"}
    refused = enter_again(page, booked, given)
    assert sentence in refused


def enter_again(page, tenant, given):
    return page.test_app.post(f"/t/{tenant.slug}/settings/mode", given, status=422)


def test_nothing_is_planned_before_anything_is_booked(tenant, enter):
    answer = enter(tenant).get(f"/t/{tenant.slug}/settings/mode", status=303).follow()
    assert "Nothing is booked yet" in answer


def test_support_sees_the_plan_and_does_not_switch(booked, support):
    page = plan(support, booked)
    assert "Stays where it is booked" in page
    given = {"csrf_token": page.forms[0]["csrf_token"].value, "mode": OTHER[mode(booked)]}
    support.post(page.request.path, given, status=403)


def test_journal_entries_stay_within_reach_after_a_switch(summary, filled, enter):
    filled(summary, closed=True)
    summary.sync()
    browser = enter(summary)
    confirm(plan(browser, summary))
    assert "B261031" in browser.get(f"/t/{summary.slug}/journal-entries")


def owing(browser, tenant):
    """Return the rows of what is to be entered, as the page shows them and as the file has them."""
    page = plan(browser, tenant, "2026-11-01")
    table = page.html.find("caption", string="What to enter in QuickBooks").parent
    shown = [[cell.text for cell in row.find_all(["th", "td"])] for row in table.tbody.find_all("tr")]
    file = page.click("as CSV$")
    assert file.content_type == "text/csv"
    return page, shown, list(csv.reader(io.StringIO(file.body.decode("utf-8-sig"))))


def test_each_currency_has_accounts_of_its_own_in_the_plan(full, filled, enter):
    several(full, EURO_RECEIVABLE)
    filled(full)
    for currency in ("EUR", "USD"):
        lines = [{"charge": "gold", "amount": "80.00"}]
        body = {"customer": "c-1", "number": currency, "date": "2026-10-04", "currency": currency}
        full.put("invoices", currency, lines=lines, **body)
    for _ in range(3):
        full.sync()
    page, shown, (head, *rows) = owing(enter(full), full)
    check(page)
    assert "Accounts Receivable - EUR (EUR) and Accounts Receivable (USD)" in page.html.main.text
    assert [row[1:] for row in shown] == [
        ["80.00 EUR", "Billing Clearing", "Accounts Receivable - EUR"],
        ["80.00 USD", "Billing Clearing", "Accounts Receivable"],
    ]
    assert head == ["date", "customer", "currency", "amount", "debit", "credit"]
    assert [row[2:] for row in rows] == [
        ["EUR", "80.00", "Billing Clearing", "Accounts Receivable - EUR"],
        ["USD", "80.00", "Billing Clearing", "Accounts Receivable"],
    ]


def test_more_customers_than_the_page_shows_are_summed_up_and_in_the_file(
    full, filled, enter, monkeypatch
):
    monkeypatch.setattr(switch, "SHOWN", 1)
    filled(full)
    full.put("customers", "eve", name="=Eve")
    for customer, amount in (("c-1", "80.00"), ("eve", "5.00")):
        lines = [{"charge": "gold", "amount": amount}]
        body = {"customer": customer, "number": f"E{customer}", "date": "2026-10-04"}
        full.put("invoices", f"e{customer}", lines=lines, **body)
    for _ in range(2):
        full.sync()
    page, shown, (_, *rows) = owing(enter(full), full)
    check(page)
    assert len(shown) == 1
    rest = sum(Decimal(row[3]) for row in rows if row[1] != shown[0][0].replace("=", "'="))
    assert f"And {len(rows) - 1} more, who owe {rest:.2f} USD." in page.html.main.text
    assert ["'=Eve", "USD", "5.00"] in [row[1:4] for row in rows]


def test_what_one_account_has_in_both_modes_moves_between_customers(summary, filled, enter):
    choose_control(summary, Control.RECEIVABLE)
    filled(summary)
    summary.sync()
    lines = [{"charge": "gold", "amount": "80.00"}]
    summary.put("invoices", "e", customer="c-1", number="E", date="2026-10-04", lines=lines)
    summary.close("m")
    summary.sync()
    page = plan(enter(summary), summary, "2026-11-01")
    check(page)
    assert "one side is the customer and the other “Billing customers”" in page.html.main.text


def test_the_file_of_a_day_that_cannot_be_says_why(booked, enter):
    answer = enter(booked).get(f"/t/{booked.slug}/settings/mode.csv?cutover=2026-13-01", status=422)
    assert "Write a day that exists" in answer


def menu(browser, tenant):
    """Return what the menu of the integration's pages offers, having opened each of it."""
    page = browser.get(f"/t/{tenant.slug}/integration")
    links = page.html.find("nav", {"aria-label": "Main"}).find_all("a")
    for link in links:
        check(browser.get(link["href"]))
    tiles = {tile.strong.text for tile in page.html.find("ul", class_="tiles").find_all("li")}
    return {link.text.strip() for link in links}, tiles


OF_FULL = {"Full mode settings", "Customer matches"}


def test_journal_entries_stay_in_the_menu_while_there_are_any(summary, filled, enter):
    browser = enter(summary)
    links, tiles = menu(browser, summary)
    assert "Journal entries" in links & tiles
    assert not OF_FULL & (links | tiles)
    filled(summary)
    summary.sync()
    summary.close("m")
    summary.sync()
    confirm(plan(browser, summary))
    links, tiles = menu(browser, summary)
    assert {"Journal entries", *OF_FULL} <= links & tiles
    assert "Not used in" not in browser.get(f"/t/{summary.slug}/journal-entries")


def test_what_documents_are_corrected_by_stays_reachable_while_there_are_any(full, filled, enter):
    browser = enter(full)
    links, tiles = menu(browser, full)
    assert links & tiles >= OF_FULL
    assert "Journal entries" not in links | tiles
    filled(full)
    full.sync()
    full.sync()
    confirm(plan(browser, full))
    links, tiles = menu(browser, full)
    assert {"Journal entries", *OF_FULL} <= links & tiles
    # A late change of a document names a customer and an item that QuickBooks has not had from here.
    with full.company() as company:
        company.lists.add("Customer", "Grace", Email="g@example.com")
        company.lists.add("Customer", "Grace Two", Email="g@example.com")
    full.put("customers", "nobody", name="Nobody")
    full.put("customers", "grace", name="Grace Hopper", email="g@example.com")
    lines = [{"charge": "gold", "amount": "9.00"}]
    body = {"customer": "grace", "number": "1042", "date": "2026-10-05", "billing_cycle": "m"}
    full.put("invoices", "i-1", version=2, lines=lines, **body)
    full.a_day_passes()
    full.sync()
    page = browser.get(f"/t/{full.slug}/customer-matches")
    check(page)
    assert "Grace Hopper" in page.html.main.text
    assert "Nobody" not in page.html.main.text
    assert "Import items" in browser.get(f"/t/{full.slug}/imports").html.main.text


def test_the_settings_of_journal_entries_count_while_there_are_any(summary, filled, enter):
    filled(summary, closed=True)
    for _ in range(2):
        summary.sync()
    browser = enter(summary)
    confirm(plan(browser, summary))
    page = browser.get(f"/t/{summary.slug}/settings").click("Journal entry settings")
    check(page)
    assert "still corrected there" in page
    form = the_form(page)
    # The cut-over of this mode is counted on a page of its own, which puts what lies behind it.
    assert "cutover" not in form.fields
    assert page.click("Cut-over date").request.path.endswith("/settings/cut-over")
    before = cutover(summary)
    form["approval"] = "manual"
    looked = form.submit("step", value="look")
    check(looked)
    assert "A person approves each" in looked
    the_form(looked).submit("step", value="save", status=303)
    assert cutover(summary) == before
    lines = [{"charge": "gold", "amount": "60.00"}]
    body = {"customer": "c-1", "number": "1042", "date": "2026-10-05", "billing_cycle": "m"}
    summary.put("invoices", "i-1", version=2, lines=lines, **body)
    summary.sync()
    assert summary.counts()["JournalEntry"] == 3
    waiting = browser.get(f"/t/{summary.slug}/journal-entries?stand=waiting")
    assert "Look at it and approve it." in waiting
    cycles = browser.get(f"/t/{summary.slug}/billing-cycles")
    assert "from before the switch" in cycles


def test_the_settings_of_documents_say_what_they_are_still_for(full, filled, enter):
    filled(full)
    for _ in range(2):
        full.sync()
    browser = enter(full)
    confirm(plan(browser, full))
    page = browser.get(f"/t/{full.slug}/settings/full")
    check(page)
    assert "still corrected there" in page
    assert "Cut-over date" not in page.html.main.text
    assert "count as soon as" not in page


def cutover(tenant):
    with tenant.db() as db:
        open_tenant(db, tenant.slug)
        return policy_of(db).cutover
