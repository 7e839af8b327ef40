"""The plan of a switch as a page: looked at, confirmed, clicked twice, and out of date."""

import pytest

from hub.tenants.models import Mode
from hub.tenants.service import open_tenant

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
