"""Journal entries in a real browser: read by anybody, on any screen, and approved without JavaScript."""

import datetime as dt
from decimal import Decimal

import pytest

from hub.tenants.models import Approval
from tests.journal import Bookkeeper
from tests.views.conftest import fill


@pytest.fixture
def books(summary):
    """Entries in every state: booked, undone, waiting, gathering, and one with something in its way."""
    keeper = Bookkeeper(summary)
    keeper.choose(approval=Approval.MANUAL)
    summary.sync()
    fill(summary, closed=True)
    keeper.approve_all()
    summary.sync()
    summary.put("charges", "usage", name="Usage")
    summary.put("charges", "less", name="Loyalty", charge_kind="discount")
    summary.put("billing-cycles", "n", name="November", starts="2026-11-01", ends="2026-11-30")
    lines = [
        {"charge": "gold", "amount": "80.00"},
        {"charge": "usage", "amount": "12.00"},
        {"charge": "less", "amount": "-2.00"},
    ]
    summary.put(
        *("invoices", "i-9"),
        **{"number": "1050", "customer": "c-1", "date": "2026-11-05", "billing_cycle": "n"},
        lines=lines,
    )
    summary.put("payments", "p-9", customer="c-1", date="2026-11-09", amount="90.00", method="Cash")
    summary.close("n")
    keeper.choose(approval_limit=Decimal("50.00"), four_eyes=True, cutover=dt.date(2026, 1, 1))
    return keeper


@pytest.mark.parametrize("javascript", [True], indirect=True)
def test_every_page_of_summary_mode_is_accessible(summary, books, person):
    person.sign_in(summary)
    here = f"/t/{summary.slug}"
    booked = books.entry("B261031-1").id
    seen = set()
    ahead = (f"{here}/journal-entries/{booked}", f"{here}/settings/accounts/new")
    for path in person.walk(*ahead, f"{here}/journal-entries", f"{here}/settings/journal-entries"):
        if "/journal-entries" in path or "/settings/" in path or "/billing-cycles" in path:
            seen.add(path)
            person.look()
            person.assert_accessible(path, "main")
    assert len(seen) > 8


@pytest.mark.parametrize("javascript", [True], indirect=True)
def test_the_effect_of_settings_is_accessible_and_examples_follow_what_is_typed(summary, books, person):
    person.sign_in(summary)
    person.go(f"/t/{summary.slug}/settings/journal-entries")
    person.page.get_by_label("Number").fill("J{date}{family}{n}")
    assert person.page.locator("#example-number_template").inner_text().startswith("J")
    person.page.get_by_label("Cut-over date").fill("2026-11-01")
    person.click("Look at the effect", "button")
    assert person.heading() == "The effect of what you chose"
    person.look()
    person.assert_accessible("effect", "main")


def test_ticked_entries_are_approved(summary, books, person):
    person.sign_in(summary)
    person.go(f"/t/{summary.slug}/journal-entries?stand=waiting")
    for box in person.page.get_by_role("checkbox").all():
        box.check()
    person.click("Approve the ticked ones", "button")
    said = person.page.locator("main").inner_text()
    assert "P261130-1 is approved" in said
    assert "Not approved: B261130-1" in said
    assert not person.complaints
