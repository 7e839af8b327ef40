"""The cut-over in full mode: counted first, saved once, moved back."""

import pytest

from tests.views.test_policy import policy


def form_of(page):
    return next(form for form in page.forms.values() if form.action.endswith("/settings/cut-over"))


def look(browser, tenant, day, status=200):
    form = form_of(browser.get(f"/t/{tenant.slug}/settings/cut-over"))
    form["cutover"] = day
    return form.submit("step", value="look", status=status)


def test_what_lies_before_is_counted_before_it_is_saved_and_goes_when_moved_back(full, enter, filled):
    filled(full)
    browser = enter(full)
    page = look(browser, full, "2026-10-10")
    assert "Nothing is saved yet" in page
    assert "54.07" in page
    assert policy(full).cutover is None
    assert "Saved" in form_of(page).submit("step", value="save").follow()
    assert "Nothing has changed" in form_of(page).submit("step", value="save").follow()
    full.sync()
    full.sync()
    assert full.counts()["Invoice"] == 0
    assert full.proof().unexplained == 0
    page = look(browser, full, "")
    assert "every record goes to QuickBooks" in page
    form_of(page).submit("step", value="save")
    full.sync()
    full.sync()
    assert full.counts()["Invoice"] == 1
    assert full.proof().difference == 0
    assert "Cut-over changed" in browser.get(f"/t/{full.slug}/audit")


@pytest.mark.parametrize(("day", "sentence"), [("2999-01-01", "at most 62"), ("soon", "a day that")])
def test_a_day_that_cannot_be_is_said_at_its_field(full, enter, day, sentence):
    page = look(enter(full), full, day, status=422)
    assert sentence in page.html.select_one("#e-cutover").text


def test_in_summary_mode_it_is_a_journal_entry_setting(summary, enter):
    answer = enter(summary).get(f"/t/{summary.slug}/settings/cut-over", status=303)
    assert answer.location.endswith("/settings/journal-entries")
