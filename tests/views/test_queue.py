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


def test_whoever_has_chosen_a_cause_stays_with_it(full, enter):
    customers(full, "Ada", "Bob", "Cy")
    refuse(full)
    customers(full, "Dan")
    full.sync(plan=faults.refusing("<Name>Dan</Name>", 3070, "The string is too long."))
    browser = enter(full)
    cause = f"?state=failed&cause={operations(full)[0].code}"
    for button, press in (
        ("Try the ticked ones again", ()),
        ("Exclude the ticked ones …", ("exclude",)),
    ):
        form = queue(browser, full, cause).forms["chosen"]
        form.fields["operation"][0].checked = True
        answer = form.submit(**({"name": "do", "value": "look"} if press else {}))
        if press:
            assert cause.replace("&", "&amp;") in answer.text
            answer = answer.forms["exclude"].submit(name="do", value="exclude")
        assert answer.location.endswith(cause), button
        page = answer.follow()
        assert "Customer Dan" not in words(page)
    (last,) = queue(browser, full, cause).forms["chosen"].fields["operation"]
    last.checked = True
    answer = last.form.submit(status=303).follow()
    assert "Customer Dan" in words(answer)


def test_a_chosen_cause_is_shown_however_rare_it_is(full, enter, monkeypatch):
    monkeypatch.setattr(desk_module, "CAUSES", 1)
    customers(full, "Ada", "Bob")
    refuse(full)
    customers(full, "Cy")
    full.sync(plan=faults.refusing("<Name>Cy</Name>", 3070, "The string is too long."))
    page = queue(enter(full), full, "?state=failed&cause=3070")
    assert "Customer Cy" in words(page)
    assert "Customer Ada" not in words(page)


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


# Many kept out at once


def ticked(page, *titles):
    """The form of the list, with the boxes of these records ticked, or all."""
    form = page.forms["chosen"]
    for box in form.fields["operation"]:
        title = page.html.find("label", attrs={"for": f"f-operation-{box._value}"}).text
        box.checked = not titles or title in titles
    return form


def look(browser, tenant, *titles, state="queued"):
    """The page that asks before the records are excluded."""
    form = ticked(queue(browser, tenant, f"?state={state}"), *titles)
    page = form.submit("do", value="look")
    check(page)
    return page


def billed(tenant):
    """Two customers, the first with an invoice and its payment."""
    customers(tenant, "Ada", "Bob")
    tenant.put("charges", "gold", name="Gold", item="Subscription")
    lines = [{"charge": "gold", "amount": "10.00"}]
    tenant.put("invoices", "i", customer="Ada", number="1042", date="2026-05-03", lines=lines)
    applied = [{"invoice": "i", "amount": "10.00"}]
    payment = {"customer": "Ada", "date": "2026-05-04", "amount": "10.00", "reference": "p"}
    tenant.put("payments", "p", applied=applied, **payment)


def test_the_ticked_ones_are_excluded_once_what_depends_on_them_was_seen(full, enter):
    billed(full)
    browser = enter(full)
    page = look(browser, full, "Customer Ada", "Customer Bob")
    assert "Keep 2 records out of QuickBooks?" in words(page)
    assert "2 records that wait depend on them" in words(page)
    assert "Invoice 1042" in words(page)
    assert "Payment p" in words(page)
    assert {state for _, state, _ in full.operations()} == {"queued", "held"}

    answer = page.forms["exclude"].submit("do", value="exclude", status=303).follow()
    assert "2 records are excluded. What is excluded stays out" in words(answer)
    notes = {kind: note for kind, state, note in full.operations() if state == "excluded"}
    assert notes == {"customer": f"{full.admin} has excluded it from QuickBooks."}
    assert "has excluded it" in next(note for _, state, note in full.operations() if state == "held")
    before = full.counts()["Customer"]
    full.sync()
    assert full.counts()["Customer"] == before

    again = page.forms["exclude"].submit("do", value="exclude", status=303).follow()
    assert "None is excluded. Left as they are: 2 “Excluded”." in words(again)
    assert browser.get(f"/t/{full.slug}/audit").html.main.text.count("Excluded") == 1

    form = ticked(queue(browser, full, "?state=excluded"))
    answer = form.submit("do", value="include", status=303).follow()
    assert "2 records are included again: 2 “Ready”." in words(answer)
    again = form.submit("do", value="include", status=303).follow()
    assert "None is included again. Left as they are: 2 “Ready”." in words(again)
    full.sync()
    assert full.counts()["Customer"] == before + 2


def test_what_depends_on_the_ticked_ones_is_excluded_along_where_it_is_wanted(full, enter):
    billed(full)
    browser = enter(full)
    page = look(browser, full, "Customer Ada")
    form = page.forms["exclude"]
    form["dependants"] = "1"
    answer = form.submit("do", value="exclude", status=303).follow()
    assert "1 record is excluded, and 2 that depend on it." in words(answer)
    kinds = sorted(kind for kind, state, _ in full.operations() if state == "excluded")
    assert kinds == ["customer", "invoice", "payment"]
    # What is ticked itself is not what depends on it.
    form = ticked(queue(browser, full, "?state=excluded"), "Customer Ada", "Invoice 1042")
    form.submit("do", value="include", status=303)
    page = look(browser, full, "Customer Ada", "Customer Bob")
    assert "1 record that waits depends on them" in words(page)


def test_what_went_meanwhile_is_left_and_said(full, enter):
    customers(full, "Ada", "Bob")
    browser = enter(full)
    page = look(browser, full)
    first, second = operations(full)
    with full.db() as db:
        open_tenant(db, full.slug)
        db.get(Operation, first.id).state = State.DONE
    answer = page.forms["exclude"].submit("do", value="exclude", status=303).follow()
    assert "1 record is excluded." in words(answer)
    assert "Left as they are: 1 “Booked”." in words(answer)
    assert [one.state for one in operations(full)] == [State.DONE, State.EXCLUDED]
    with full.db() as db:
        open_tenant(db, full.slug)
        db.delete(db.get(Operation, second.id))
    again = page.forms["exclude"].submit("do", value="exclude", status=303).follow()
    assert "None is excluded. Left as they are: 1 “Booked”, 1 not in the queue any more." in words(again)


def test_what_was_booked_and_deleted_there_needs_a_person_when_it_is_included(full, enter):
    customers(full, "Ada", "Bob")
    full.sync()
    with full.db() as db:
        open_tenant(db, full.slug)
        db.scalars(select(Link).order_by(Link.id)).first().missing = True
    operations(full, state=State.EXCLUDED, note="Somebody has excluded it.")
    browser = enter(full)
    form = ticked(queue(browser, full, "?state=excluded"))
    answer = form.submit("do", value="include", status=303).follow()
    assert "2 records are included again: 1 “Needs you”, 1 “Ready”." in words(answer)
    assert "Press Try again to book it anew" in words(queue(browser, full, "?state=failed"))
    assert "Somebody has excluded it" not in words(queue(browser, full))


@pytest.mark.parametrize("kind", ["customer", "invoice"])
def test_excluding_many_takes_no_more_statements_than_excluding_few(full, app, enter, kind):
    customers(full, *[f"Customer {number}" for number in range(12)])
    full.put("charges", "gold", name="Gold", item="Subscription")
    lines = [{"charge": "gold", "amount": "10.00"}]
    for number in range(12):
        head = {"customer": f"Customer {number}", "number": str(number), "date": "2026-05-03"}
        full.put("invoices", f"i{number}", lines=lines, **head)
        applied = [{"invoice": f"i{number}", "amount": "10.00"}]
        head = {"customer": f"Customer {number}", "amount": "10.00", "date": "2026-05-03"}
        full.put("payments", f"p{number}", applied=applied, **head)
    browser = enter(full)
    ids = [str(one.id) for one in operations(full) if one.subject.startswith(f"{kind}:")]
    path = f"/t/{full.slug}/queue"
    token = browser.get(path + "?state=queued").forms["chosen"]["csrf_token"].value

    def statements(do, some):
        fields = [("csrf_token", token), ("do", do), ("dependants", "1")]
        with counted(app) as found:
            browser.post(path, fields + [("operation", one) for one in some])
        return found

    for do in ("look", "exclude", "include"):
        few, many = statements(do, ids[:2]), statements(do, ids[2:-2])
        assert len(many) == len(few), do


def test_ticking_nothing_or_too_much_or_doing_what_there_is_not_is_told(full, enter, monkeypatch):
    customers(full, "Ada", "Bob")
    browser = enter(full)
    form = queue(browser, full, "?state=queued").forms["chosen"]
    assert "Tick the records" in words(form.submit("do", value="look", status=303).follow())
    monkeypatch.setattr(desk_module, "MOST", 1)
    form = ticked(queue(browser, full, "?state=queued"))
    assert "Tick at most 1 records" in words(form.submit("do", value="look", status=303).follow())
    fields = {"csrf_token": form["csrf_token"].value, "do": "forget", "operation": "1"}
    browser.post(form.action, fields, status=404)
    assert {state for _, state, _ in full.operations()} == {"queued"}


def test_nobody_excludes_another_tenants_records(full, world, enter, support):
    customers(full, "Ada")
    other = world.tenant("full")
    (operation,) = operations(full)
    browser = enter(other)
    token = browser.get(f"/t/{other.slug}/staff").forms[1]["csrf_token"].value
    fields = {"csrf_token": token, "do": "exclude", "operation": str(operation.id)}
    answer = browser.post(f"/t/{other.slug}/queue", fields, status=303).follow()
    assert "None is excluded. Left as they are: 1 not in the queue any more." in words(answer)
    browser.post(f"/t/{full.slug}/queue", fields, status=(403, 404))
    browser.post(f"/t/{other.slug}/queue", fields | {"csrf_token": "x"}, status=400)
    assert "chosen" not in queue(support, full, "?state=queued").forms
    assert [state for _, state, _ in full.operations()] == ["queued"]


@pytest.mark.parametrize("state", ["", "?state=doubt", "?state=failed&cause=1", "?state=x&before=5"])
def test_an_empty_queue_says_so(full, enter, state):
    assert queue(enter(full), full, state).html.find(class_="empty")
