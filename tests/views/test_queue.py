"""Review items queued: states in words, what was sent and answered, and many tried again at once."""

import datetime as dt

import pytest
from sqlalchemy import select

from hub.books.models import Link
from hub.qbwc import desk as desk_module
from hub.qbwc.models import Operation, State
from hub.sandbox import faults
from hub.tenants.service import open_tenant
from tests.test_api import counted
from tests.views.test_walls import check


def customers(tenant, *names):
    tenant.batch([("customer", name, {"name": name}) for name in names])


def refuse(tenant, code=3040, sentence="There was an error when converting the amount.", times=50):
    """A session in which QuickBooks refuses every customer."""
    tenant.sync(plan=faults.refusing("CustomerAdd", code, sentence, times=times))


def operations(tenant, **changes):
    """All operations, oldest first, with ``changes`` made to each."""
    with tenant.db() as db:
        open_tenant(db, tenant.slug)
        found = db.scalars(select(Operation).order_by(Operation.id)).all()
        for one in found:
            for name, value in changes.items():
                setattr(one, name, value)
        db.flush()
        db.expunge_all()
        return found


def queue(browser, tenant, query=""):
    page = browser.get(f"/t/{tenant.slug}/queue{query}")
    check(page)
    return page


def words(page):
    return page.html.main.get_text(" ", strip=True)


def test_a_refusal_leads_to_its_meaning(full, enter):
    customers(full, "Ada")
    refuse(full)
    browser = enter(full)
    page = queue(browser, full, "?state=failed")
    link = page.html.find("a", string="What code 3040 means")
    assert link["href"] == "/help/codes#3040"
    assert browser.get(link["href"]).html.find(id="3040")


def test_the_reason_of_an_unreadable_message_leads_to_its_meaning(full, enter):
    customers(full, "Ada")
    full.sync(plan=faults.whenever("CustomerAdd", faults.UNREADABLE, times=5))
    assert [state for _, state, _ in full.operations()] == ["failed"]
    page = queue(enter(full), full, "?state=failed")
    assert page.html.find("a", href="/help/codes#0x80040400")


def test_what_is_in_doubt_says_what_happens_next(full, enter):
    customers(full, "Ada")
    full.sync(plan=faults.whenever("CustomerAdd", faults.SOME_ANSWERS, times=0))
    operations(full, state=State.DOUBT, note="")
    page = queue(enter(full), full, "?state=doubt")
    assert "Unknown, checking" in page
    assert "These may be in QuickBooks already" in page
    assert "QuickBooks is asked at the next run" in words(page)
    assert "You need do nothing" in words(page)


def test_a_retry_names_the_time_of_the_next_try(full, enter):
    customers(full, "Ada")
    due = dt.datetime(2030, 1, 2, 3, 4, tzinfo=dt.UTC)
    operations(full, due=due, attempts=2)
    page = queue(enter(full), full, "?state=queued")
    assert "Next try at 2 Jan 2030, 03:04 UTC" in words(page)


def test_one_operation_shows_what_was_sent_and_what_was_answered(full, enter, support):
    customers(full, "Ada & Söhne", "Bob")
    refuse(full)
    operation = operations(full)[0]
    for browser in (enter(full), support):
        page = queue(browser, full, "?state=failed").click(href=r"/queue/\d+$", index=1)
        check(page)
        shown = words(page)
        assert "Ada & Söhne" in shown
        assert "Bob" not in shown
        assert "with code 3040: “There was an error when converting the amount.”" in shown
        assert f'requestID="{operation.id}"' in page.html.find(id="sent").parent.pre.text
        assert 'statusCode="3040"' in page.html.find(id="said").parent.pre.text
        text = page.click("The whole message as text")
        assert text.content_type == "text/plain"
        assert text.text.count("<CustomerAddRq") == 2
        assert page.click("The whole answer as text").text.count("<CustomerAddRs") == 2


def test_an_operation_before_it_is_sent_says_so(full, enter):
    customers(full, "Ada")
    page = queue(enter(full), full).click(href=r"/queue/\d+$")
    check(page)
    assert "Not sent yet" in page


def test_an_operation_without_an_answer_says_so(full, enter):
    customers(full, "Ada")
    full.sync(plan=faults.whenever("CustomerAdd", faults.LOSE_ANSWER))
    page = queue(enter(full), full, "?state=sent").click(href=r"/queue/\d+$")
    check(page)
    assert "QuickBooks has not answered yet" in words(page)
    assert "No answer has come to this message" in page


def test_another_tenants_operation_is_not_there(full, world, enter):
    customers(full, "Ada")
    refuse(full)
    other = world.tenant("full")
    operation = operations(full)[0]
    browser = enter(other)
    browser.get(f"/t/{other.slug}/queue/{operation.id}", status=404)
    for part in ("request", "answer"):
        path = f"/t/{other.slug}/history/messages/{operation.message_id}/{part}"
        browser.get(path, status=404)


# Many at once


def test_the_ticked_ones_are_tried_again(full, enter):
    customers(full, "Ada", "Bob", "Cy")
    refuse(full)
    browser = enter(full)
    page = queue(browser, full, "?state=failed")
    form = page.forms["chosen"]
    for box in form.fields["operation"][:2]:
        box.checked = True
    answer = form.submit(status=303).follow()
    assert "2 queued again" in words(answer)
    assert sorted(state for _, state, _ in full.operations()) == ["failed", "queued", "queued"]
    again = form.submit(status=303).follow()
    assert "None of these waits for you any more" in words(again)
    assert browser.get(f"/t/{full.slug}/audit").text.count("Tried again") == 1
    before = full.counts()["Customer"]
    full.sync()
    assert full.counts()["Customer"] == before + 2


def test_ticking_nothing_is_told_so(full, enter):
    customers(full, "Ada", "Bob")
    refuse(full)
    form = queue(enter(full), full, "?state=failed").forms["chosen"]
    assert "Tick the records" in words(form.submit(status=303).follow())


def test_all_of_one_cause_are_tried_again_and_the_others_wait(full, enter):
    customers(full, "Ada", "Bob")
    refuse(full)
    customers(full, "Cy")
    full.sync(plan=faults.refusing("<Name>Cy</Name>", 3070, "The string is too long."))
    browser = enter(full)
    page = queue(browser, full, "?state=failed")
    causes = page.html.find("section", attrs={"aria-labelledby": "causes"}).find_all("li")
    assert [one.b.text for one in causes] == ["2", "1"]
    page = page.click(href="cause=3070")
    check(page)
    assert "Customer Cy" in words(page)
    assert "Customer Ada" not in words(page)
    answer = page.forms["cause-1"].submit(status=303).follow()
    assert "2 queued again" in words(answer)
    states = {one.code: one.state for one in operations(full)}
    assert states == {None: State.QUEUED, 3070: State.FAILED}
    assert "None of these waits" in words(page.forms["cause-1"].submit(status=303).follow())


def test_what_is_held_for_one_reason_is_one_cause(full, enter):
    customers(full, "Ada: one", "Bob: two", "Cy")
    browser = enter(full)
    operations(full, state=State.HELD, note="Its name cannot be.")
    page = queue(browser, full, "?state=held")
    answer = page.forms["cause-1"].submit(status=303).follow()
    assert "1 queued again, 2 still held" in words(answer)


def test_no_more_than_so_many_go_at_a_time(full, enter, monkeypatch):
    monkeypatch.setattr(desk_module, "MOST", 2)
    customers(full, "Ada", "Bob", "Cy")
    refuse(full)
    browser = enter(full)
    page = queue(browser, full, "?state=failed")
    assert "Try 2 of them again" in words(page)
    form = page.forms["cause-1"]
    answer = form.submit(status=303).follow()
    assert "2 queued again" in words(answer)
    assert "1 more wait for the same reason" in words(answer)
    assert "1 queued again" in words(form.submit(status=303).follow())


def test_what_was_booked_once_is_looked_for_first(full, enter):
    customers(full, "Ada", "Bob")
    full.sync()
    before = full.counts()["Customer"]
    with full.db() as db:
        open_tenant(db, full.slug)
        for link in db.scalars(select(Link)):
            link.missing = True
    operations(full, state=State.FAILED, code=500)
    page = queue(enter(full), full, "?state=failed")
    answer = page.forms["cause-1"].submit(status=303).follow()
    assert "2 to be looked for in QuickBooks first" in words(answer)
    assert {state for _, state, _ in full.operations()} == {"doubt"}
    full.sync()
    assert {state for _, state, _ in full.operations()} == {"done"}
    assert full.counts()["Customer"] == before


def test_trying_many_again_takes_no_more_statements_than_trying_few(full, app, enter):
    names = [f"Customer {number}" for number in range(40)]
    customers(full, *names)
    refuse(full)
    browser = enter(full)
    form = queue(browser, full, "?state=failed").forms["chosen"]
    boxes = form.fields["operation"]
    for box in boxes[:2]:
        box.checked = True
    with counted(app) as few:
        form.submit(status=303)
    for box in boxes:
        box.checked = box not in boxes[:2]
    with counted(app) as many:
        form.submit(status=303)
    assert len(many) == len(few)


@pytest.mark.parametrize(
    "fields",
    [
        {"operation": "x"},
        {"operation": "99999999999999999999"},
        {"operation": "-1"},
    ],
)
def test_what_is_no_operation_is_not_found(full, enter, fields):
    browser = enter(full)
    token = browser.get(f"/t/{full.slug}/staff").forms[1]["csrf_token"].value
    browser.post(f"/t/{full.slug}/queue", {"csrf_token": token, **fields}, status=404)


def test_support_reads_and_does_not_tick(full, support):
    customers(full, "Ada", "Bob")
    refuse(full)
    page = queue(support, full, "?state=failed")
    assert "chosen" not in page.forms
    assert "cause-1" not in page.forms
    assert not page.html.find("input", type="checkbox")


@pytest.mark.parametrize("state", ["", "?state=doubt", "?state=failed&cause=1", "?state=x&before=5"])
def test_an_empty_queue_says_so(full, enter, state):
    assert queue(enter(full), full, state).html.find(class_="empty")
